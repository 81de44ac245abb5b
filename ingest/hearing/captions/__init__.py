"""Captions and transcripts in their many forms, read into segments."""

from ingest.hearing.captions.cues import Captions
from ingest.hearing.captions.read import parse_captions, read_captions

__all__ = ["Captions", "parse_captions", "read_captions"]
