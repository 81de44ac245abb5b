"""The sample episodes agree with their scripts, their captions, their audio and their queries."""

import html
import json
import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "samples"
QUERIES = ROOT / "benchmarks" / "data" / "sample_queries.jsonl"
SCRIPTS = sorted((SAMPLES / "scripts").glob("*.talk"))
CAST = tomllib.loads((SAMPLES / "scripts" / "shows.toml").read_text(encoding="utf-8"))

OPUS_HZ = 48_000  # granule positions count at this rate, whatever went in (RFC 7845, section 4)
MS = 0.001
CUE = re.compile(r"(\S+) --> (\S+)\n<v ([^>]+)>(.+)\n")


@dataclass(frozen=True)
class Cue:
    start_s: float
    end_s: float
    speaker: str
    text: str


def seconds(timestamp: str) -> float:
    assert re.fullmatch(r"\d\d:[0-5]\d:[0-5]\d\.\d{3}", timestamp)
    hours, minutes, rest = timestamp.split(":")
    return round(int(hours) * 3600 + int(minutes) * 60 + float(rest), 3)


def head_of(script: Path) -> dict[str, str]:
    return tomllib.loads(script.read_text(encoding="utf-8").split("+++\n")[1])


def turns_of(script: Path) -> list[tuple[str, str]]:
    """Return (full name, text) for each turn, neighbours of one speaker joined."""
    talk = script.read_text(encoding="utf-8").split("+++\n")[2].split("# Queries\n")[0]
    rows = [row for row in talk.splitlines() if row and not row.startswith("<!--")]
    turns = [row.split(": ", 1) for row in rows]
    return joined([(CAST["speakers"][name]["name"], text) for name, text in turns])


def joined(turns: list[tuple[str, str]]) -> list[tuple[str, str]]:
    out: list[tuple[str, str]] = []
    for speaker, text in turns:
        if out and out[-1][0] == speaker:
            out[-1] = (speaker, f"{out[-1][1]} {text}")
        else:
            out.append((speaker, text))
    return out


def stem_of(script: Path) -> Path:
    return SAMPLES / head_of(script)["show"] / script.stem


def info_of(script: Path) -> dict[str, object]:
    info: dict[str, object] = json.loads(Path(f"{stem_of(script)}.info.json").read_text(encoding="utf-8"))
    return info


def duration_of(script: Path) -> float:
    duration = info_of(script)["duration"]
    assert isinstance(duration, float)
    return duration


def cues_of(script: Path) -> list[Cue]:
    header, _, body = Path(f"{stem_of(script)}.en.vtt").read_text(encoding="utf-8").partition("\n\n")
    assert header == "WEBVTT"
    blocks = body.split("\n\n")
    found = [CUE.fullmatch(block.rstrip("\n") + "\n") for block in blocks]
    assert all(found), "a block of the captions is not a cue"
    return [
        Cue(seconds(start), seconds(end), speaker, html.unescape(text))
        for start, end, speaker, text in (cue.groups() for cue in found if cue)
    ]


def ogg_opus_seconds(path: Path) -> float:
    """Return the playing time that the first and the last Ogg page tell."""
    data = path.read_bytes()
    head = data.index(b"OpusHead")
    pre_skip = int.from_bytes(data[head + 10 : head + 12], "little")
    last_page = data.rindex(b"OggS")
    granule = int.from_bytes(data[last_page + 6 : last_page + 14], "little")
    return (granule - pre_skip) / OPUS_HZ


def queries() -> list[dict[str, object]]:
    return [json.loads(row) for row in QUERIES.read_text(encoding="utf-8").splitlines()]


each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)


@each_script
def test_metadata_is_that_of_the_script(script: Path) -> None:
    head, info = head_of(script), info_of(script)
    assert info["id"] == head["id"] == script.stem
    assert info["title"] == head["title"]
    assert info["channel"] == CAST["shows"][head["show"]]["title"]
    assert info["upload_date"] == head["date"].replace("-", "")
    assert info["license"] == "CC0-1.0"


@each_script
def test_duration_is_that_of_the_audio(script: Path) -> None:
    assert 180 <= duration_of(script) <= 480
    assert ogg_opus_seconds(Path(f"{stem_of(script)}.ogg")) == pytest.approx(duration_of(script), abs=MS)


@each_script
def test_cues_are_in_order_and_inside_the_audio(script: Path) -> None:
    cues = cues_of(script)
    assert cues[0].start_s >= 0
    assert cues[-1].end_s <= duration_of(script)
    assert all(cue.start_s < cue.end_s for cue in cues)
    gaps = [after.start_s - before.end_s for before, after in pairwise(cues)]
    assert all(0.3 - MS <= gap <= 0.6 + MS for gap in gaps)


@each_script
def test_captions_say_what_the_script_says(script: Path) -> None:
    assert joined([(cue.speaker, cue.text) for cue in cues_of(script)]) == turns_of(script)


@each_script
def test_each_query_lies_on_cues_of_its_episode(script: Path) -> None:
    cues = cues_of(script)
    starts, ends = {cue.start_s for cue in cues}, {cue.end_s for cue in cues}
    own = [query for query in queries() if query["episode_id"] == script.stem]
    assert len(own) >= 8
    assert all(query["start_s"] in starts and query["end_s"] in ends for query in own)


def test_queries_are_distinct_and_of_known_kinds() -> None:
    rows = queries()
    assert {row["episode_id"] for row in rows} == {script.stem for script in SCRIPTS}
    assert len({row["qid"] for row in rows}) == len({row["query"] for row in rows}) == len(rows) >= 64
    assert set(Counter(row["qtype"] for row in rows)) == {"chapter", "question", "paraphrase"}
    assert all(list(row) == ["qid", "query", "episode_id", "start_s", "end_s", "qtype"] for row in rows)


def test_there_are_two_shows_of_four_and_one_guest_in_both() -> None:
    speakers: dict[str, set[str]] = {slug: set() for slug in CAST["shows"]}
    for script in SCRIPTS:
        speakers[head_of(script)["show"]] |= {name for name, _ in turns_of(script)}
    assert Counter(head_of(script)["show"] for script in SCRIPTS) == dict.fromkeys(speakers, 4)
    assert len(set.intersection(*speakers.values())) == 1


def test_nothing_is_left_over_from_an_earlier_run() -> None:
    made = {path.name for slug in CAST["shows"] for path in (SAMPLES / slug).iterdir()}
    endings = (".info.json", ".en.vtt", ".ogg")
    assert made == {script.stem + ending for script in SCRIPTS for ending in endings}


def test_the_samples_stay_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLES.rglob("*") if path.is_file()) < 8_000_000
