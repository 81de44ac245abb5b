"""Does Hark find the moment? Queries that people wrote, each with the span that answers it.

    python -m benchmarks.retrieval                                              our samples, our queries
    python -m benchmarks.retrieval --episodes DIR --quotes FILE [--library DIR]

A hit is a returned passage of the right episode of which at least half lies in the span. Hark is asked as its users
ask, `search(query)`, with no filter. Beside it, on plain 60-second half-overlapping passages of whole sentences and
with the same embedding model: stemmed BM25, dense, and their reciprocal rank fusion (k = 60). A plain passage's vector
is made from those of its halves; `--embed-passages` embeds each as a whole, which takes twice the time of the ingest.
`--library` keeps the library and what was embedded, so that the next run starts from there.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.baselines import Bm25, Dense, Span, embed_cached, fuse, plain_passages, sums_of_halves
from benchmarks.statistics import at_rank, estimate
from ingest.pipeline import ingest_folder
from kb.library import Library, create_library, open_library
from kb.settings import SETTINGS_FILE

ROOT = Path(__file__).resolve().parent.parent
MEASURES = ("hit@1", "hit@5", "hit@10", "mrr@10")
DEPTH = 10

Ranks = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Query:
    """A query and the span that answers it."""

    text: str
    episode_id: str
    start_s: float
    end_s: float
    kind: str

    def is_answered_by(self, span: Span) -> bool:
        inside = min(span.end_s, self.end_s) - max(span.start_s, self.start_s)
        return span.episode_id == self.episode_id and inside >= (span.end_s - span.start_s) / 2 and inside >= 0


def read_queries(path: Path) -> list[Query]:
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return [Query(r["query"], r["episode_id"], r["start_s"], r["end_s"], r["qtype"]) for r in rows]


def ranks_of(queries: Sequence[Query], search: Callable[[str], Iterable[Span]]) -> Ranks:
    """The rank of each query's first right passage among ten, from 1; 0 where there is none."""
    ranks = np.zeros(len(queries), np.int64)
    for number, query in enumerate(queries):
        found = (rank for rank, span in enumerate(search(query.text), start=1) if query.is_answered_by(span))
        rank = next(found, 0)
        ranks[number] = rank if rank <= DEPTH else 0
    return ranks


def systems(library: Library, cache: Path | None) -> dict[str, Callable[[str], Iterable[Span]]]:
    """What is compared, by name. With a ``cache`` each plain passage is embedded as a whole, and kept there."""
    entries, embedder = library.episodes(), library.embedder()
    passages = plain_passages(library.transcript(entry.episode.id) for entry in entries)
    if cache:
        say(f"embedding {len(passages)} plain passages")
        vectors = embed_cached([passage.text for passage in passages], embedder, cache)
    else:
        vectors = sums_of_halves([library.store.chunk_vectors(e.transcript, embedder.model_id) for e in entries])
    assert len(vectors) == len(passages)
    bm25, dense = Bm25(passages), Dense(vectors, embedder)

    def spans(ranking: Iterable[int]) -> Iterable[Span]:
        return (passages[i] for i in list(ranking)[:DEPTH])

    return {
        "bm25": lambda text: spans(bm25.rank(text)),
        "dense": lambda text: spans(dense.rank(text)),
        "fusion": lambda text: spans(fuse([bm25.rank(text), dense.rank(text)])),
        "hark": lambda text: ask_hark(library, text),
    }


def ask_hark(library: Library, text: str) -> Iterable[Span]:
    for hit in library.search(text, limit=DEPTH).hits:
        passage = hit.passage
        if passage.start_s is not None and passage.end_s is not None:
            yield Span(passage.episode.id, passage.start_s, passage.end_s)


def report(queries: Sequence[Query], ranks: dict[str, Ranks]) -> dict[str, object]:
    """Prints the tables and returns the figures."""
    figures: dict[str, object] = {"benchmark": "retrieval", "queries": len(queries)}
    for measure in MEASURES:
        values = {name: at_rank(found, measure) for name, found in ranks.items()}
        estimates = {name: estimate(value) for name, value in values.items()}
        gains = {name: estimate(values["hark"] - value) for name, value in values.items() if name != "hark"}
        print(f"\n{measure}")
        for name, found in estimates.items():
            gain = f"   hark is ahead by {gains[name]}" if name in gains else ""
            print(f"  {name:8}{found}{gain}")
        figures[measure] = {
            **{name: found.as_json() for name, found in estimates.items()},
            "hark_minus": {name: gain.as_json() for name, gain in gains.items()},
        }
    print_kinds(queries, ranks)
    return figures


def print_kinds(queries: Sequence[Query], ranks: dict[str, Ranks]) -> None:
    print("\nhit@10 by kind of query")
    for kind in sorted({query.kind for query in queries}):
        chosen = np.array([query.kind == kind for query in queries])
        row = "  ".join(f"{name} {at_rank(found[chosen], 'hit@10').mean():.3f}" for name, found in ranks.items())
        print(f"  {kind:12}{int(chosen.sum()):5}  {row}")


def open_or_make(root: Path, episodes: Path) -> Library:
    library = open_library(root) if (root / SETTINGS_FILE).exists() else create_library(root, "benchmark")
    started = time.perf_counter()
    ingest_folder(library, episodes, now=dt.datetime.now(dt.UTC))
    say(f"ingested in {time.perf_counter() - started:.0f} s")
    return library


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=Path, default=ROOT / "samples")
    parser.add_argument("--quotes", type=Path, default=ROOT / "benchmarks" / "data" / "sample_queries.jsonl")
    parser.add_argument("--library", type=Path)
    parser.add_argument("--embed-passages", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root: Path = options.library or Path(scratch)
        with open_or_make(root, options.episodes) as library:
            queries = read_queries(options.quotes)
            compared = systems(library, root / ".hark" / "benchmarks" if options.embed_passages else None)
            ranks = {name: ranks_of(queries, search) for name, search in compared.items()}
            status = library.status()
    print(f"{len(queries)} queries, {status.episodes} episodes, {status.hours:.0f} hours, {status.passages} passages")
    print(json.dumps(report(queries, ranks)))


if __name__ == "__main__":
    main()
