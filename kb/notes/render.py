"""A note to HTML that is safe to show: what the format knows is rendered, all else is text, nh3 has the last word."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from html import escape
from urllib.parse import SplitResult, unquote, urlsplit

from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from kb.model import WikiLink
from kb.notes.callouts import KINDS
from kb.notes.markup import shared_parser
from kb.notes.parsing import parse_text
from kb.notes.prose import prose_of
from kb.notes.wikisyntax import link_text
from kb.timecode import format_clock

LinkHref = Callable[[WikiLink], tuple[str, bool]]  # where it leads, and whether such a page exists
MomentHref = Callable[[float], str]

HEADING_PREFIX = "h-"  # keeps a note's headings from naming parts of the page around it

_SCHEMES = frozenset({"http", "https", "mailto"})
_TAGS = frozenset(
    "a blockquote br code del details div em h1 h2 h3 h4 h5 h6 hr li ol p pre s span strong summary".split()  # noqa: SIM905
) | frozenset("table tbody td th thead tr ul".split())  # noqa: SIM905
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_CALLOUT_CLASSES = frozenset({"callout", *(f"callout-{kind}" for kind in KINDS)})
_CLASSES = {
    "a": {"moment", "wikilink", "missing", "external", "image"},
    "div": {*_CALLOUT_CLASSES, "callout-title"},
    "details": set(_CALLOUT_CLASSES),
    "summary": {"callout-title"},
    "span": {"math", "dead-link"},
    "pre": {"math"},
}
_ATTRIBUTES = {
    "a": {"href", "data-t", "target"},
    "details": {"open"},
    "ol": {"start"},
    **{heading: {"id"} for heading in _HEADINGS},
}
_SECONDS = re.compile(r"\d{1,8}(\.\d{1,3})?", re.ASCII)


def render_html(note_text: str, link_href: LinkHref, moment_href: MomentHref) -> str:
    """The body of a note as HTML.

    Wiki-links become ``<a class="wikilink" href=...>`` (``wikilink missing`` where no page exists), times
    ``<a class="moment" data-t="1080" href=...>00:18:00</a>`` with the seconds in ``data-t``, callouts
    ``<div class="callout callout-note">`` (``details`` where they fold), headings get ids (``heading_id``). Images
    become links: nothing is fetched from elsewhere by reading a note.
    """
    import nh3

    parser = shared_parser()
    renderer = _NoteRenderer(link_href, moment_href)
    html = renderer.render(parse_text(note_text).tokens, parser.options, {})
    return nh3.clean(
        html,
        tags=set(_TAGS),
        attributes=_ATTRIBUTES,
        attribute_filter=_checked,
        allowed_classes=_CLASSES,
        url_schemes=set(_SCHEMES),
        link_rel="noopener noreferrer",
    )


def heading_id(heading: str) -> str:
    """The id of a heading, which is also where ``[[target#heading]]`` leads."""
    flat = unicodedata.normalize("NFKC", heading).casefold()
    return HEADING_PREFIX + re.sub(r"[\W_]+", "-", flat).strip("-")[:80]


def _checked(tag: str, attribute: str, value: str) -> str | None:
    """nh3's filter: an attribute's value, or None to leave it out."""
    del tag
    if attribute == "data-t":
        return value if _SECONDS.fullmatch(value) else None
    if attribute == "id":
        return value if value.startswith(HEADING_PREFIX) else None
    if attribute == "target":
        return value if value == "_blank" else None
    return value


class _NoteRenderer(RendererHTML):
    """markdown-it's renderer for one note. Methods without an underscore are its rules, named for token types."""

    def __init__(self, link_href: LinkHref, moment_href: MomentHref) -> None:
        super().__init__()
        self._link_href = link_href
        self._moment_href = moment_href
        self._links: list[str] = []  # the closing tags of the links that are open
        self._callouts: list[Token] = []
        self._headings: Counter[str] = Counter()

    def front_matter(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return ""

    def moment(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        times: tuple[float, ...] = tokens[idx].meta["times"]
        if not times or "</a>" in self._links:
            return escape(tokens[idx].content)
        return ", ".join(
            f'<a class="moment" data-t="{_plain_number(seconds)}" href="{escape(self._moment_href(seconds))}">'
            f"{format_clock(seconds)}</a>"
            for seconds in times
        )

    def wikilink(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        link: WikiLink = tokens[idx].meta["link"]
        if "</a>" in self._links:
            return escape(link_text(link))
        return f"{self._wikilink_tag(link)}{escape(link_text(link))}</a>"

    def damaged(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return escape(tokens[idx].content)

    def math_inline(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        markup = escape(tokens[idx].markup)
        return f'<span class="math">{markup}{escape(tokens[idx].content)}{markup}</span>'

    def math_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return f'<pre class="math">{escape(tokens[idx].content.strip())}</pre>\n'

    def heading_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        name = heading_id(prose_of(tokens[idx + 1].children or [], 0).text)
        self._headings[name] += 1
        number = self._headings[name]
        return f'<{tokens[idx].tag} id="{escape(name)}{f"--{number}" if number > 1 else ""}">'

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        alt = escape(self.renderInlineAsText(token.children, options, env).strip()) or "image"
        source = str(token.attrs.get("src", ""))
        if "</a>" in self._links or not _is_web_address(source):
            return alt
        return f'<a class="image" target="_blank" href="{escape(source)}">{alt}</a>'

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        href = str(tokens[idx].attrs.get("href", ""))
        note = _linked_note(href)
        if _is_web_address(href):
            tag = f'<a class="external" target="_blank" href="{escape(href)}">'
        elif note:
            tag = self._wikilink_tag(note)
        else:
            tag = '<span class="dead-link">'
        self._links.append("</a>" if tag.startswith("<a") else "</span>")
        return tag

    def link_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return self._links.pop()

    def callout_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        self._callouts.append(token)
        tag = "details" if token.meta["fold"] else "div"
        opened = " open" if token.meta["fold"] == "+" else ""
        return f'<{tag} class="callout callout-{token.meta["kind"]}"{opened}>\n'

    def callout_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return "</details>\n" if self._callouts.pop().meta["fold"] else "</div>\n"

    def callout_title_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        tag = "summary" if self._callouts[-1].meta["fold"] else "div"
        written = "" if tokens[idx + 1].content else escape(self._callouts[-1].meta["written"].capitalize())
        return f'<{tag} class="callout-title">{written}'

    def callout_title_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return "</summary>\n" if self._callouts[-1].meta["fold"] else "</div>\n"

    def _wikilink_tag(self, link: WikiLink) -> str:
        href, exists = self._link_href(link)
        return f'<a class="wikilink{"" if exists else " missing"}" href="{escape(href)}">'


def _plain_number(seconds: float) -> str:
    return str(int(seconds)) if float(seconds).is_integer() else f"{seconds:.3f}".rstrip("0")


def _split(href: str) -> SplitResult | None:
    try:
        return urlsplit(href)
    except ValueError:
        return None


def _is_web_address(href: str) -> bool:
    parts = _split(href)
    return bool(parts and parts.scheme in _SCHEMES and (parts.netloc or parts.scheme == "mailto"))


def _linked_note(href: str) -> WikiLink | None:
    """The note that a plain Markdown link leads to: ``other.md#heading``, relative and with nothing else in it."""
    parts = _split(href)
    if parts is None or parts.scheme or parts.netloc or parts.query or not parts.path.lower().endswith(".md"):
        return None
    return WikiLink(unquote(parts.path)[:-3], "", unquote(parts.fragment))
