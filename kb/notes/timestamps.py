"""The timestamp anchor, bare times in brackets and ``<br/>``: the only HTML that the note format owns.

A markdown-it-py plugin. ``<a class="yt-timestamp" data-t="00:18:00">[00:18:00]</a>`` and ``[00:18:00]`` become tokens
of type ``moment``: ``content`` is what a reader saw there, ``meta`` holds ``times`` (seconds, possibly several or none)
and ``damage`` (pairs of rule id and message). ``<br/>`` becomes a ``hardbreak``. All other HTML stays text.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

from kb.timecode import parse_clock

Damage = tuple[str, str]  # rule id, message

_CLOCK = re.compile(r"(?<![\d:])\d{1,4}:\d{1,2}(?::\d{2}(?:\.\d{1,3})?)?(?![\d:])", re.ASCII)
_CLOCKS = re.compile(rf"{_CLOCK.pattern}(?:[\s,;–—-]+{_CLOCK.pattern})*", re.ASCII)
_STRICT_CLOCK = re.compile(r"\d{2,}:\d{2}:\d{2}", re.ASCII)
_WELL_FORMED = re.compile(r'<a class="yt-timestamp" data-t="(?P<data>[^"<>\n]{0,120})">(?P<label>[^<>\n]{0,200})</a>')
# The damage seen in the wild: attributes in another order or misspelt, a missing '>', a missing '</a>'.
_ANY_ANCHOR = re.compile(r"<a\s(?P<attributes>[^<>\n]{0,200})>(?P<label>[^<>\n]{0,200})</a\s*>", re.IGNORECASE)
_UNCLOSED_TAG = re.compile(r"<a\s(?P<attributes>[^<>\n]{0,400})(?P<label>)</a\s*>", re.IGNORECASE)
_UNCLOSED_ANCHOR = re.compile(r"<a\s(?P<attributes>[^<>\n]{0,200})>(?P<label>\[[\d:.,;\s–—-]{1,80}\])", re.IGNORECASE)
_DAMAGED = (_ANY_ANCHOR, _UNCLOSED_TAG, _UNCLOSED_ANCHOR)
_DAMAGED_MARKUP: tuple[Damage, ...] = (("timestamp-markup", "a timestamp's markup is damaged"),)
_ATTRIBUTE_NAME = re.compile(r"""([^\s"'<>=/\[\]:;,]+)\s*=""")
_OUR_NAMES = frozenset({"class", "data-t", "data", "t", "yt"})
_OURS = re.compile(r"yt-timestamp|data-t\s*=", re.IGNORECASE)
_DATA = re.compile(r"""data(?:-t|=t)?\s*=\s*["']?(?P<data>[^"'<>\n]{0,120})""", re.IGNORECASE)
_ONE = r"\d{1,4}:\d{2}:\d{2}|\d{2}:\d{2}"
_BARE = re.compile(rf"\[{{1,2}}\s*(?:{_ONE})(?:\s*(?:[,;–—-]|to|and)\s*(?:{_ONE}))*\s*\]{{1,2}}(?!\()", re.ASCII)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def timestamp_plugin(md: MarkdownIt) -> None:
    """Adds the rules for anchors, bare times and ``<br/>``."""
    md.inline.ruler.before("escape", "timestamp", _anchor_or_break)
    md.inline.ruler.before("timestamp", "bare_time", _bare_time)


def times_in(text: str) -> tuple[float, ...]:
    """The seconds of every clock time in ``text``, in order."""
    found = (parse_clock(match[0]) for match in _CLOCK.finditer(text))
    return tuple(seconds for seconds in found if seconds is not None)


def _anchor_or_break(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "<":
        return False
    if match := _BREAK.match(state.src, state.pos, state.posMax):
        if not silent:
            state.push("hardbreak", "br", 0).markup = match[0]
        state.pos = match.end()
        return True
    if state.src[state.pos + 1 : state.pos + 3].lower() not in {"a ", "a\t"}:
        return False
    return _anchor(state, silent)


def _anchor(state: StateInline, silent: bool) -> bool:
    match = _WELL_FORMED.match(state.src, state.pos, state.posMax)
    damage = () if match else _DAMAGED_MARKUP
    data, label = (match["data"], match["label"]) if match else ("", "")
    if not match:
        for pattern in _DAMAGED:
            match = pattern.match(state.src, state.pos, state.posMax)
            if match and _is_ours(match["attributes"]):
                data, label = _damaged_parts(match["attributes"], match["label"])
                break
        else:
            return False
    if not silent:
        times, found = _read_times(data.strip(), label.strip())
        damage += tuple(one for one in found if one[0] not in dict(damage))
        _push(state, label.strip() or data.strip(), times, damage)
    state.pos = match.end()
    return True


def _is_ours(attributes: str) -> bool:
    """Whether a tag is a timestamp, well or badly written, and carries nothing else: no ``href``, no ``onclick``."""
    names = {name.lower() for name in _ATTRIBUTE_NAME.findall(attributes)}
    return bool(_OURS.search(attributes)) and names <= _OUR_NAMES


def _damaged_parts(attributes: str, label: str) -> tuple[str, str]:
    """What stands in ``data-t`` and as the label, where the one may have run into the other."""
    data = _DATA.search(attributes)
    if data is None:
        return "", label
    label = label or attributes[data.end() :].strip("\"' ")
    return data["data"], label or (data["data"] if len(times_in(data["data"])) > 1 else "")


def _push(state: StateInline, written: str, times: tuple[float, ...], damage: tuple[Damage, ...]) -> None:
    token = state.push("moment", "", 0)
    token.content = written
    token.meta = {"times": times, "damage": damage, "offset": state.pos}


def _read_times(data: str, label: str) -> tuple[tuple[float, ...], tuple[Damage, ...]]:
    """The times that an anchor cites, from ``data-t`` where it is a time, else from the label."""
    from_data, from_label = times_in(data), times_in(label)
    if not from_data:
        return from_label, (("timestamp-not-a-time", f"data-t is no time: {data!r}"),)
    if from_label and from_label != from_data:
        # Several times in the label of one data-t are all cited; otherwise data-t is what a player is sent to.
        times = from_label if from_data[0] in from_label else from_data
        return times, (("timestamp-label-differs", f"data-t is {data!r}, the label {label!r}"),)
    if not from_label:
        what = "is empty" if not label else f"is no time: {label!r}"
        return from_data, (("timestamp-label-differs", f"data-t is {data!r}, the label {what}"),)
    if not _STRICT_CLOCK.fullmatch(data):
        rule = "timestamp-form" if _CLOCKS.fullmatch(data) else "timestamp-markup"
        return from_data, ((rule, f"not one time written HH:MM:SS: {data!r}"),)
    return from_data, ()


def _bare_time(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "[":
        return False
    match = _BARE.match(state.src, state.pos, state.posMax)
    times = times_in(match[0]) if match else ()
    if match is None or not times:
        return False
    if not silent:
        _push(state, match[0], times, (("timestamp-bare", f"a time without its anchor: {match[0]}"),))
    state.pos = match.end()
    return True
