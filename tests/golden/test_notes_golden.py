"""Notes as they are written, whole. Each file below ``writing/`` is what the library of ``fakes.talks`` has there.

A new case needs no Python: put an empty file there under the note's path, run ``HARK_WRITE_GOLDEN=1 pytest
tests/golden/test_notes_golden.py``, and read what comes.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from fakes.talks import SUBJECTS, write_source
from numpy.typing import NDArray

from ingest.pipeline import ingest_folder
from kb.library import create_library

GOLDEN = Path(__file__).parent / "writing"
CASES = sorted(str(path.relative_to(GOLDEN)) for path in GOLDEN.rglob("*.md"))


class SubjectEmbedder:
    """A text's direction is which of the subjects its words belong to."""

    model_id = "subjects"
    dimension = len(SUBJECTS) + 1

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([self.encode_query(text) for text in texts], np.float32).reshape(len(texts), self.dimension)

    def encode_query(self, text: str) -> NDArray[np.float32]:
        said = [sum(sentence in text for sentence in sentences) for sentences in SUBJECTS.values()]
        row = np.array([*said, 0.1], np.float32)
        return row / np.linalg.norm(row)


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden")
    write_source(folder / "source")
    with create_library(folder / "library", "Golden", embedder=SubjectEmbedder()) as library:
        ingest_folder(library, folder / "source", now=dt.datetime(2024, 6, 1, tzinfo=dt.UTC))
    return folder / "library" / "notes"


def test_there_are_cases() -> None:
    assert len(CASES) >= 3


@pytest.mark.parametrize("case", CASES)
def test_a_note_is_written_as_it_should_be(notes: Path, case: str) -> None:
    written = (notes / case).read_text(encoding="utf-8")
    if os.environ.get("HARK_WRITE_GOLDEN"):
        (GOLDEN / case).write_text(written, encoding="utf-8")
    assert written == (GOLDEN / case).read_text(encoding="utf-8")
