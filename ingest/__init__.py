"""Ingestion: gets episodes, turns captions into transcripts, writes notes."""
