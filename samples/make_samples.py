"""Make the sample episodes from their scripts.

    python samples/make_samples.py

`samples/scripts/*.talk` is the source of truth: a TOML head, turns ("Oona: ..."), spans
(`<!-- begin NAME -->` ... `<!-- end NAME -->`) and the queries each span answers.
From it come, per episode, NAME.ogg, NAME.en.vtt and NAME.info.json in `samples/<show>/`,
and for all of them `benchmarks/data/sample_queries.jsonl`.

Every cue is spoken on its own and its length measured, so a caption's times are those of
the audio. Needs espeak-ng and opusenc (Debian: espeak-ng, opus-tools); the rest is stdlib.
"""

from __future__ import annotations

import array
import html
import io
import json
import re
import shutil
import subprocess
import sys
import tomllib
import wave
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLES = Path(__file__).resolve().parent
QUERIES = SAMPLES.parent / "benchmarks" / "data" / "sample_queries.jsonl"

RATE = 22_050  # Hz, what espeak-ng speaks at
KBIT_PER_S = 14  # the target; espeak-ng's voices come out at about 16
PAUSE_WITHIN_TURN_S = 0.35
PAUSE_BETWEEN_TURNS_S = 0.55
LONGEST_CUE = 200  # characters, unless one sentence alone is longer
SENTENCES_PER_CUE = 3
SILENT_BELOW = 64  # of 32,768

MARK = re.compile(r"<!-- (begin|end) ([\w-]+) -->")
TURN = re.compile(r"(\w+): (.+)")
QUERY = re.compile(r"- (chapter|question|paraphrase) ([\w-]+): (.+)")
SENTENCE_END = re.compile(r"(?<=[.?!])\s+")
YEAR = re.compile(r"\b(1[1-9])(\d\d)\b")


class ScriptError(Exception):
    """A script says something this program cannot follow; the message names the file."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A speaker: the name in the captions and the settings given to espeak-ng."""

    name: str
    voice: str
    speed: int
    pitch: int


@dataclass(frozen=True, slots=True)
class Show:
    """A show: its title and the address of its site."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Line:
    """What one cue will say, and the spans it lies in."""

    speaker: str
    text: str
    opens_turn: bool
    spans: frozenset[str]


@dataclass(frozen=True, slots=True)
class Query:
    """A query and the name of the span that answers it."""

    kind: str
    span: str
    text: str


@dataclass(frozen=True, slots=True)
class Script:
    """One episode as written."""

    id: str
    show: str
    title: str
    date: str
    description: str
    lines: tuple[Line, ...]
    queries: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Cue:
    """A line as spoken, in seconds from the start of the audio."""

    start_s: float
    end_s: float
    line: Line


def main() -> int:
    """Make every sample; return the exit status."""
    if missing := [tool for tool in ("espeak-ng", "opusenc") if shutil.which(tool) is None]:
        print(
            f"Not found: {', '.join(missing)}. Try: apt-get install espeak-ng opus-tools",
            file=sys.stderr,
        )
        return 1
    shows, voices = read_cast(SAMPLES / "scripts" / "shows.toml")
    rows: list[dict[str, object]] = []
    for path in sorted((SAMPLES / "scripts").glob("*.talk")):
        script = read_script(path, voices)
        cues = make_episode(script, shows[script.show], voices)
        rows += query_rows(script, cues)
        print(f"{script.id}  {cues[-1].end_s:6.1f} s  {len(cues)} cues  {script.title}")
    QUERIES.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    print(f"{len(rows)} queries")
    return 0


def read_cast(path: Path) -> tuple[dict[str, Show], dict[str, Voice]]:
    """Read the shows, by folder name, and the speakers, by the name scripts use."""
    cast = tomllib.loads(path.read_text(encoding="utf-8"))
    shows = {slug: Show(**fields) for slug, fields in cast["shows"].items()}
    return shows, {key: Voice(**fields) for key, fields in cast["speakers"].items()}


def read_script(path: Path, voices: dict[str, Voice]) -> Script:
    """Read one script.

    Raises ScriptError for an unknown speaker, a span left open or never begun,
    a query about no span, or a line of any other form.
    """
    _, head, body = path.read_text(encoding="utf-8").split("+++\n", 2)
    talk, _, questions = body.partition("# Queries\n")
    try:
        lines = tuple(read_lines(talk, voices))
        queries = tuple(read_queries(questions, known={span for line in lines for span in line.spans}))
    except ScriptError as error:
        raise ScriptError(f"{path.name}: {error}") from None
    return Script(**tomllib.loads(head), lines=lines, queries=queries)


def read_lines(talk: str, voices: dict[str, Voice]) -> Iterator[Line]:
    """Yield the cues of a talk in order, each with the spans open around it."""
    open_spans: set[str] = set()
    for row in filter(None, map(str.strip, talk.splitlines())):
        if mark := MARK.fullmatch(row):
            what, span = mark.groups()
            if (what == "begin") == (span in open_spans):
                raise ScriptError(f"span {span!r} has a second or a missing begin at {row!r}")
            open_spans ^= {span}
            continue
        turn = TURN.fullmatch(row)
        if turn is None or turn[1] not in voices:
            raise ScriptError(f"neither a known speaker's turn nor a span mark: {row!r}")
        for n, text in enumerate(split_turn(turn[2])):
            yield Line(turn[1], text, opens_turn=n == 0, spans=frozenset(open_spans))
    if open_spans:
        raise ScriptError(f"spans never ended: {sorted(open_spans)}")


def read_queries(questions: str, known: set[str]) -> Iterator[Query]:
    """Yield the queries listed under the talk."""
    for row in filter(None, map(str.strip, questions.splitlines())):
        query = QUERY.fullmatch(row)
        if query is None or query[2] not in known:
            raise ScriptError(f"not a query about a span of this talk: {row!r}")
        yield Query(*query.groups())


def split_turn(text: str) -> list[str]:
    """Cut a turn into cues of one to three sentences.

    >>> split_turn("One. Two. Three. Four.")
    ['One. Two. Three.', 'Four.']
    """
    cues: list[list[str]] = []
    for sentence in SENTENCE_END.split(text):
        if cues and len(cues[-1]) < SENTENCES_PER_CUE and len(" ".join([*cues[-1], sentence])) <= LONGEST_CUE:
            cues[-1].append(sentence)
        else:
            cues.append([sentence])
    return [" ".join(sentences) for sentences in cues]


def make_episode(script: Script, show: Show, voices: dict[str, Voice]) -> list[Cue]:
    """Write an episode's audio, captions and metadata; return its cues."""
    samples, cues = speak(script.lines, voices)
    folder = SAMPLES / script.show
    folder.mkdir(exist_ok=True)
    encode(
        samples,
        folder / f"{script.id}.ogg",
        script.title,
        show.title,
        serial=zlib.crc32(script.id.encode()),
    )
    (folder / f"{script.id}.en.vtt").write_text(webvtt(cues, voices), encoding="utf-8")
    info = json.dumps(metadata(script, show, len(samples) / RATE), ensure_ascii=False, indent=2)
    (folder / f"{script.id}.info.json").write_text(info + "\n", encoding="utf-8")
    return cues


def speak(lines: Sequence[Line], voices: dict[str, Voice]) -> tuple[array.array[int], list[Cue]]:
    """Speak the lines one after the other; return 16-bit samples and the cues in them."""
    samples = array.array("h")
    cues: list[Cue] = []
    for line in lines:
        samples.extend(silence(PAUSE_BETWEEN_TURNS_S if line.opens_turn else PAUSE_WITHIN_TURN_S))
        start = len(samples)
        samples.extend(without_silent_ends(speak_line(line.text, voices[line.speaker])))
        cues.append(Cue(round(start / RATE, 3), round(len(samples) / RATE, 3), line))
    samples.extend(silence(PAUSE_BETWEEN_TURNS_S))
    return samples, cues


def speak_line(text: str, voice: Voice) -> array.array[int]:
    """Return the 16-bit samples of one cue."""
    settings = ["-v", voice.voice, "-s", str(voice.speed), "-p", str(voice.pitch), "-b", "1"]
    spoken = subprocess.run(
        ["espeak-ng", *settings, "--stdin", "--stdout"],
        input=sayable(text).encode(),
        capture_output=True,
        check=True,
    )
    # espeak-ng cannot know the length when it writes the header to a pipe, so read up to the end.
    with wave.open(io.BytesIO(spoken.stdout)) as sound:
        if (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) != (RATE, 1, 2):
            raise RuntimeError(f"espeak-ng's voice {voice.voice} is not {RATE} Hz, 16 bit, mono")
        samples = array.array("h", sound.readframes(len(spoken.stdout)))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def sayable(text: str) -> str:
    """Write years the way they are said, which espeak-ng does not do by itself.

    >>> sayable("from 1700 to 1885, or 1905")
    'from 17 hundred to 18 85, or 19 oh 5'
    """

    def spell(year: re.Match[str]) -> str:
        century, rest = year.groups()
        if rest == "00":
            return f"{century} hundred"
        return f"{century} oh {rest[1]}" if rest[0] == "0" else f"{century} {rest}"

    return YEAR.sub(spell, text)


def without_silent_ends(samples: array.array[int]) -> array.array[int]:
    """Return the samples from the first audible one to the last."""
    first = next(n for n, sample in enumerate(samples) if abs(sample) >= SILENT_BELOW)
    after_last = next(n for n in range(len(samples), first, -1) if abs(samples[n - 1]) >= SILENT_BELOW)
    return samples[first:after_last]


def silence(seconds: float) -> array.array[int]:
    """Return that many seconds of nothing."""
    return array.array("h", bytes(2 * round(seconds * RATE)))


def encode(samples: array.array[int], path: Path, title: str, artist: str, *, serial: int) -> None:
    """Write mono Ogg/Opus; the fixed serial makes two runs give the same bytes."""
    sound = io.BytesIO()
    with wave.open(sound, "wb") as wav:
        wav.setparams((1, 2, RATE, len(samples), "NONE", ""))
        wav.writeframes(samples.tobytes())
    options = [
        "--quiet",
        "--speech",
        "--bitrate",
        str(KBIT_PER_S),
        "--framesize",
        "60",
        "--padding",
        "0",
    ]
    tags = ["--title", title, "--artist", artist, "--comment", "LICENSE=CC0-1.0"]
    command = ["opusenc", *options, "--serial", str(serial), *tags, "-", str(path)]
    subprocess.run(command, input=sound.getvalue(), check=True)


def webvtt(cues: Sequence[Cue], voices: dict[str, Voice]) -> str:
    """Return the captions."""
    blocks = [
        f"{timestamp(cue.start_s)} --> {timestamp(cue.end_s)}\n"
        f"<v {voices[cue.line.speaker].name}>{html.escape(cue.line.text, quote=False)}\n"
        for cue in cues
    ]
    return "\n".join(["WEBVTT\n", *blocks])


def timestamp(seconds: float) -> str:
    """Return WebVTT's time.

    >>> timestamp(75.25)
    '00:01:15.250'
    """
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"


def metadata(script: Script, show: Show, duration_s: float) -> dict[str, object]:
    """Return what yt-dlp would have written to info.json, as far as we need it."""
    return {
        "id": script.id,
        "title": script.title,
        "channel": show.title,
        "webpage_url": f"{show.url}/{script.id}",
        "upload_date": script.date.replace("-", ""),
        "duration": round(duration_s, 3),
        "description": script.description,
        "language": "en",
        "license": "CC0-1.0",
    }


def query_rows(script: Script, cues: Sequence[Cue]) -> list[dict[str, object]]:
    """Return the script's queries with the seconds at which their spans are spoken."""
    rows: list[dict[str, object]] = []
    for n, query in enumerate(script.queries, start=1):
        span = [cue for cue in cues if query.span in cue.line.spans]
        rows.append(
            {
                "qid": f"{script.id}-q{n:02}",
                "query": query.text,
                "episode_id": script.id,
                "start_s": span[0].start_s,
                "end_s": span[-1].end_s,
                "qtype": query.kind,
            }
        )
    return rows


if __name__ == "__main__":
    sys.exit(main())
