"""What Hark is measured against, on plain passages: 60 seconds of whole sentences, each half-overlapping the next."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tantivy
from numpy.typing import NDArray

from kb.model import Transcript
from kb.ports import Embedder, Vectors
from kb.transcripts.passages import text_hash, transcript_chunks

DEPTH = 200  # how far down each ranking is fused
FUSION_K = 60  # Cormack, Clarke and Buettcher, Reciprocal Rank Fusion, SIGIR 2009


@dataclass(frozen=True, slots=True)
class Span:
    """A passage: where it lies, and its text."""

    episode_id: str
    start_s: float
    end_s: float
    text: str = ""


def plain_passages(transcripts: Iterable[Transcript]) -> list[Span]:
    """Each half minute of whole sentences with the next."""
    return [span for transcript in transcripts for span in _of_one(transcript)]


def _of_one(transcript: Transcript) -> list[Span]:
    chunks = transcript_chunks(transcript)
    pairs = itertools.pairwise(chunks) if len(chunks) > 1 else ((c, c) for c in chunks)
    spans = []
    for first, second in pairs:
        text = first.text if first is second else f"{first.text} {second.text}"
        spans.append(Span(transcript.episode.id, first.start_s or 0.0, second.end_s or 0.0, text))
    return spans


class Bm25:
    """tantivy's BM25 over stemmed words without stop words, the words of a query joined by OR."""

    def __init__(self, passages: Sequence[Span]) -> None:
        builder = tantivy.SchemaBuilder()
        builder.add_unsigned_field("id", stored=True)
        builder.add_text_field("text", tokenizer_name="stemmed")
        self._schema = builder.build()
        self._analyzer = (
            tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
            .filter(tantivy.Filter.lowercase())
            .filter(tantivy.Filter.stopword("english"))
            .filter(tantivy.Filter.stemmer("english"))
            .build()
        )
        self._folder = tempfile.TemporaryDirectory()
        index = tantivy.Index(self._schema, path=self._folder.name)
        index.register_tokenizer("stemmed", self._analyzer)
        writer = index.writer(100_000_000, 1)
        for number, passage in enumerate(passages):
            writer.add_document(tantivy.Document(id=number, text=passage.text))
        writer.commit()
        index.reload()
        self._searcher = index.searcher()

    def rank(self, query: str) -> list[int]:
        words = dict.fromkeys(self._analyzer.analyze(query))
        if not words:
            return []
        terms = [(tantivy.Occur.Should, tantivy.Query.term_query(self._schema, "text", word)) for word in words]
        found = self._searcher.search(tantivy.Query.boolean_query(terms), DEPTH)
        return [int(self._searcher.doc(address)["id"][0]) for _, address in found.hits]


class Dense:
    """The cosine of the query and each passage, compared with every one."""

    def __init__(self, vectors: Vectors, embedder: Embedder) -> None:
        self._vectors, self._embedder = vectors, embedder

    def rank(self, query: str) -> list[int]:
        scores: NDArray[np.float32] = self._vectors @ self._embedder.encode_query(query)
        return [int(i) for i in np.argsort(-scores, kind="stable")[:DEPTH]]


def sums_of_halves(halves: Sequence[Vectors]) -> Vectors:
    """The passages' vectors from those of their halves, episode by episode: each with the next, at length one.

    On a quarter of a library of 434 episodes this found slightly less than embedding each passage as a whole
    (679 queries, hit@10 .797 beside .807, MRR@10 .632 beside .637), at half of the cost.
    """
    sums = np.concatenate([half if len(half) < 2 else half[:-1] + half[1:] for half in halves if len(half)])
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    vectors: Vectors = sums / lengths
    return vectors


def embed_cached(texts: Sequence[str], embedder: Embedder, cache: Path) -> Vectors:
    """The texts' vectors, read from ``cache`` where that holds exactly these texts, else made and kept there."""
    key = text_hash("\0".join((embedder.model_id, *map(text_hash, texts))))
    path = cache / f"passages-{key[:24]}.npy"
    if path.exists():
        stored: Vectors = np.load(path)
        return stored
    vectors = np.concatenate([embedder.encode(texts[at : at + 512]) for at in range(0, len(texts), 512)])
    cache.mkdir(parents=True, exist_ok=True)
    np.save(path, vectors)
    return vectors


def fuse(rankings: Sequence[Sequence[int]]) -> list[int]:
    """Reciprocal rank fusion."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, passage in enumerate(ranking, start=1):
            scores[passage] = scores.get(passage, 0.0) + 1.0 / (FUSION_K + rank)
    return sorted(scores, key=lambda passage: (-scores[passage], passage))
