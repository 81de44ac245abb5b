"""`hark search` and `hark ask`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, get_args

import typer

from interfaces.cli.faults import CallError
from interfaces.cli.output import complain, say_json
from interfaces.cli.where import JsonOption, LibraryOption, library_root
from kb.model import SearchMode

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_HITS = 1_000


def search(
    ctx: typer.Context,
    query: Annotated[
        list[str],
        typer.Argument(metavar="QUERY...", help='Words, "an exact phrase", show: speaker: after: before: kind:'),
    ],
    *,
    mode: Annotated[str, typer.Option(metavar="MODE", help="hybrid, semantic or lexical.")] = "hybrid",
    limit: Annotated[int, typer.Option(metavar="N", help="How many hits at most.")] = 10,
    show: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this show; may be repeated.")] = None,
    speaker: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only what this person said.")] = None,
    after: Annotated[str, typer.Option(metavar="DATE", help="From this day, month or year on.")] = "",
    before: Annotated[str, typer.Option(metavar="DATE", help="Before this day, month or year.")] = "",
    kind: Annotated[str, typer.Option(metavar="quote|note", help="Only what was said, or only notes.")] = "",
    json: JsonOption = False,
    library: LibraryOption = "",
) -> None:
    """Find what was said, and where.

    --json prints {"query", "took_ms", "hits": [{"rank", "score", "kind", "show", "episode_id", "episode_title",
    "date", "speaker", "start_s", "end_s", "moment_s", "timestamp", "text", "url", "note"}]}.
    """
    asked = query_text(query, show=show or (), speaker=speaker or (), after=[after], before=[before], kind=[kind])
    chosen, most = _mode(mode), _limit(limit)

    root = library_root(ctx, library)

    from kb.library import open_library

    with open_library(root) as opened:
        result = opened.search(asked, mode=chosen, limit=most)
    for remark in result.remarks:
        complain(remark)
    if json:
        from interfaces.rendering import search_document

        say_json(search_document(result))
    else:
        from interfaces.cli.hits import print_result

        print_result(result)


def ask(
    ctx: typer.Context,
    question: Annotated[list[str], typer.Argument(metavar="QUESTION...", help="In plain words.")],
    *,
    limit: Annotated[int, typer.Option(metavar="N", help="How many episodes at most.")] = 4,
    json: JsonOption = False,
    library: LibraryOption = "",
) -> None:
    """Answer with what was said, word for word.

    --json prints {"question", "supported", "took_ms", "episodes": [{"show", "episode_id", "episode_title", "date",
    "quotes": [{"text", "speaker", "start_s", "timestamp", "url", "score"}]}], "nearest": [hits as in `search`]}.
    """
    most = _limit(limit)

    root = library_root(ctx, library)

    from kb.library import open_library

    with open_library(root) as opened:
        answer = opened.answer(" ".join(question), limit=most)
    for remark in answer.remarks:
        complain(remark)
    if json:
        from interfaces.rendering import answer_document

        say_json(answer_document(answer))
    else:
        from interfaces.cli.hits import print_answer

        print_answer(answer)


def query_text(words: Iterable[str], **filters: Iterable[str]) -> str:
    """The query with the options written as its syntax has them: ``show:"two words"``."""
    parts = list(words)
    for key, values in filters.items():
        parts += [f'{key}:"{value.replace(chr(34), " ")}"' for value in values if value]
    return " ".join(parts)


def _mode(name: str) -> SearchMode:
    for mode in get_args(SearchMode):
        if name == mode:
            return mode  # type: ignore[no-any-return]  # get_args() is untyped
    raise CallError(f"--mode {name!r} is not one of {', '.join(get_args(SearchMode))}")


def _limit(number: int) -> int:
    if not 1 <= number <= MOST_HITS:
        raise CallError(f"--limit must be from 1 to {MOST_HITS:,}, not {number}")
    return number
