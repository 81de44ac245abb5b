"""Real processes are killed while they write; what they leave behind must be whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kb.index.store import open_store

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the test kills forked processes")

# Forks before anything starts threads; each child kills itself at its n-th change of the file system.
SNAPSHOTS = """
import os, signal, sys
sys.path[:0] = {path!r}
from pathlib import Path
import faiss, filelock, numpy, tantivy
from fakes.embedder import HashEmbedder
from kb.index import lexical, vectors
from kb.index.generations import current_folder, is_sound, read_manifest
from kb.index.snapshot import current_snapshot, write_snapshot
from kb.index.store import StoredFile, open_store
from kb.model import Chunk, Episode, Transcript

derived = Path({derived!r})
embedder = HashEmbedder(8)
WRITES = {{"os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "shutil.copyfile"}}

def put(store, number, said="wax"):
    chunks = tuple(Chunk(f"{{said}} {{number}} {{at}}", at * 30.0, at * 30.0 + 30) for at in range(3))
    transcript = Transcript(Episode(id=str(number), title="t"), ())
    store.put_transcript(StoredFile(f"transcripts/{{number}}.vtt", 1, 2, "ab", "transcript", 3), transcript, chunks)

def embed(store):
    missing = store.texts_without_vector(embedder.model_id)
    store.put_vectors(embedder.model_id, [key for key, _ in missing], embedder.encode([text for _, text in missing]))
    store.settle_vectors(embedder.model_id)

def in_a_child(work):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write, repr(work()).encode())
        except BaseException as error:
            os.write(write, ("FAILED " + repr(error)).encode())
        os._exit(0)
    os.close(write)
    _, status = os.waitpid(pid, 0)
    with os.fdopen(read) as pipe:
        return os.WIFSIGNALED(status), pipe.read()

def write_next(number, kill_at):
    seen = [0]
    def watch(event, arguments):
        if event in WRITES or (event == "open" and arguments[1] in ("w", "wb")):
            seen[0] += 1
            if seen[0] == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
    with open_store(derived / "library.db") as store:
        put(store, number)
        if number:  # what was there before changes and goes, too
            put(store, 100 + number, "changed wax")
            store.remove_files([f"transcripts/{{120 + number}}.vtt"])
        else:
            for other in range(100, 140):
                put(store, other)
        embed(store)
        sys.addaudithook(watch)
        write_snapshot(derived, store, embedder)
    return seen[0]

def look(before):
    folder = current_folder(derived)
    whole = is_sound(folder, read_manifest(folder))
    with open_store(derived / "library.db") as store:
        opened = current_snapshot(derived, store, embedder, "en")
        wanted = store.passage_ids().tolist()
        by_words = sorted(opened.lexical.passages(["wax"], k=1000))
        by_meaning = sorted(opened.vectors.search(embedder.encode_query("wax"), 1000)[0].tolist())
        return whole, by_words == by_meaning == wanted and store.passage_count() == len(wanted)

print(in_a_child(lambda: write_next(0, 0))[1])
total = int(in_a_child(lambda: write_next(1, 0))[1])
for number, kill_at in enumerate(range(1, total + 1, max(1, total // 12)), start=2):
    killed, _ = in_a_child(lambda: write_next(number, kill_at))
    print("killed" if killed else "finished", kill_at, *in_a_child(lambda: look(number))[1:])
leftovers = [path.name for path in (derived / "index").iterdir() if path.name.startswith(".new-") and path.is_dir()]
print("left", leftovers)
"""


def test_a_snapshot_killed_anywhere_leaves_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    script = SNAPSHOTS.format(path=[*sys.path, str(Path(__file__).parent.parent)], derived=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=300)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    attempts = [line for line in lines if line.startswith(("killed", "finished"))]
    assert sum(line.startswith("killed") for line in attempts) >= 10, lines
    assert all(line.endswith("(True, True)") for line in attempts), lines
    assert lines[-1] == "left []"


WRITER = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
from kb.index.store import StoredFile, open_store
from kb.model import Chunk, Episode, Transcript

with open_store(Path({db!r})) as store:
    number = int(sys.argv[1])
    while True:
        chunks = tuple(Chunk(f"{{number}} {{at}} " * 40, at * 30.0, at * 30.0 + 30) for at in range(20))
        transcript = Transcript(Episode(id=str(number), title="t"), ())
        store.put_transcript(StoredFile(f"transcripts/{{number}}.vtt", 1, 2, "ab", "transcript", 3), transcript, chunks)
        print(number, flush=True)
        number += 1
"""


def test_what_a_killed_writer_had_acknowledged_is_there_and_nothing_is_half_there(tmp_path: Path) -> None:
    db = tmp_path / "library.db"
    script = WRITER.format(path=sys.path, db=str(db))
    acknowledged = 0
    for _ in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", script, str(acknowledged)],
            stdout=subprocess.PIPE,
            text=True,
            stderr=subprocess.DEVNULL,
        )
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(0.15)
        writer.send_signal(signal.SIGKILL)
        said = [first.strip(), *writer.stdout.read().split()]
        writer.wait()
        acknowledged = int(said[-1]) + 1
        with open_store(db) as store:
            assert store.rows("PRAGMA integrity_check") == [("ok",)]
            chunks = dict(
                store.rows("SELECT f.path, count(*) FROM chunks c JOIN files f ON f.id = c.file GROUP BY f.path")
            )
            assert set(chunks.values()) == {20}
            assert {f"transcripts/{number}.vtt" for number in range(acknowledged)} <= chunks.keys()
            assert store.passage_count() == sum(chunks.values())
