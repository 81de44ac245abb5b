"""Talks of our own, put together from a few subjects, in yt-dlp's layout: a source for tests of ingesting."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

SUBJECTS: dict[str, tuple[str, ...]] = {
    "bees": (
        "A honey bee visits about a thousand flowers before the little stomach for nectar is full.",
        "The queen bee lays up to two thousand eggs on a warm day in June.",
        "Beekeepers feed the hive with sugar water when the spring comes late.",
        "Inside the hive the bees keep the brood at thirty-five degrees by shivering.",
        "The waggle dance tells the other bees how far away the flowers are.",
        "A swarm leaves the hive when the old queen bee makes room for a young one.",
        "Wild bees live alone in hollow stems, and no beekeeper looks after them.",
        "The waggle dance points at the sun, even when clouds hide the sun from us.",
        "Honey keeps for centuries because nothing can live in so much sugar.",
        "Every hive has guards that smell whether a bee belongs to the family.",
    ),
    "bread": (
        "A sourdough starter is flour and water in which wild yeast has settled.",
        "The baker feeds the sourdough starter twice a day with fresh flour.",
        "Wild yeast works slowly, and the slow work gives the bread its taste.",
        "Rye flour takes up more water than wheat flour and makes a heavier dough.",
        "The oven has to be hotter than you think when the dough goes in.",
        "Steam in the oven keeps the crust soft until the bread has risen.",
        "A baker tells by the sound of the crust whether the bread is done.",
        "Salt goes into the dough late, because salt slows the wild yeast down.",
        "Old bread is not stale but waiting to become soup, says my grandmother.",
        "The dough rests in the cold cellar until the next morning.",
    ),
    "clocks": (
        "A balance wheel swings five times a second in an ordinary watch.",
        "The pendulum of a tall clock beats seconds when it is a metre long.",
        "Watchmakers oil the balance wheel with less oil than fits on a pin.",
        "Heat makes the pendulum longer, and so the clock goes slow in summer.",
        "The escapement lets one tooth of the wheel pass with every beat.",
        "An escapement is what you hear when a clock ticks on the wall.",
        "Railways gave every town the same time, and the town clocks had to obey.",
        "Ships carried two clocks, because with one you never know that it is wrong.",
        "A spring pushes hardest when it is wound, so the old watchmakers added a chain.",
        "Quartz swings thousands of times a second and made the balance wheel a luxury.",
    ),
}
GREETING = "Welcome back to the Lamp Post, the show for people who cannot sleep at night."


def vtt(lines: Sequence[tuple[str, str]], *, seconds: float = 6.0) -> str:
    """WebVTT with one cue a line, each (speaker, sentence) ``seconds`` long."""
    cues = ["WEBVTT"]
    for at, (speaker, text) in enumerate(lines):
        cues.append(f"{clock(at * seconds)} --> {clock((at + 1) * seconds)}\n<v {speaker}>{text}")
    return "\n\n".join(cues) + "\n"


def clock(seconds: float) -> str:
    """``HH:MM:SS.mmm``."""
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}.{round(seconds % 1 * 1000):03d}"


def lines_about(*subjects: str) -> list[tuple[str, str]]:
    """A talk: a greeting, then each subject, told twice, by two speakers in turn."""
    lines = [("Ada Quill", GREETING)]
    for subject in subjects:
        sentences = SUBJECTS[subject]
        told = [*sentences, *sentences[::-1]]
        lines += [(("Ada Quill", "Bo Marsh")[at // 3 % 2], text) for at, text in enumerate(told)]
    return lines


def write_talk(
    folder: Path, name: str, subjects: Sequence[str], *, title: str = "", show: str = "The Lamp Post"
) -> None:
    """Writes ``name.info.json`` and ``name.en.vtt`` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    info = {
        "id": name,
        "title": title or " and ".join(subjects).capitalize(),
        "channel": show,
        "webpage_url": f"https://example.org/{name}",
        "upload_date": f"202401{sum(map(ord, name)) % 28 + 1:02d}",
    }
    (folder / f"{name}.info.json").write_text(json.dumps(info), encoding="utf-8")
    (folder / f"{name}.en.vtt").write_text(vtt(lines_about(*subjects)), encoding="utf-8")


def write_source(folder: Path) -> None:
    """Five talks in two shows."""
    write_talk(folder, "lamp-1", ["bees", "bread"])
    write_talk(folder, "lamp-2", ["bread", "clocks"])
    write_talk(folder, "lamp-3", ["clocks", "bees"])
    write_talk(folder, "well-1", ["bees", "clocks"], show="Deep Well")
    write_talk(folder, "well-2", ["bread", "bees", "clocks"], show="Deep Well")
