"""`hark review`: what Hark would write where a person changed a note."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from interfaces.cli.faults import CallError
from interfaces.cli.output import count, say, say_json
from interfaces.cli.where import JsonOption, LibraryOption, library_root

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ingest.proposals import Proposal


def review(
    ctx: typer.Context,
    notes: Annotated[list[str], typer.Argument(metavar="[NOTE...]", help="Notes, by path.", show_default=False)] = [],  # noqa: B006  # never changed
    *,
    take: Annotated[bool, typer.Option("--take", help="Write what is proposed.")] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Leave the notes as they are; do not propose it again.")] = False,
    every: Annotated[bool, typer.Option("--all", help="All notes that something is proposed for.")] = False,
    json: JsonOption = False,
    library: LibraryOption = "",
) -> None:
    """Show what Hark would write into notes where you changed the same place. Your text stands until you say so.

    Without NOTE it lists the notes; with NOTE it shows the lines that would change.

    --json prints {"proposals": [{"path", "conflicts": [{"where", "mine", "new"}], "mine", "taken"}]}: the note as it is
    and as it would be; with --take or --drop also "done": "taken" or "dropped".
    """
    if take and drop:
        raise CallError("--take and --drop contradict each other", remedy="give one of them")
    if (take or drop) and not (notes or every):
        raise CallError("which notes?", remedy="name them, or give --all")
    root = library_root(ctx, library)

    from ingest.proposals import list_proposals, read_proposal
    from kb.settings import load_settings

    load_settings(root)
    found = [read_proposal(root, path) for path in notes] if notes else list(list_proposals(root))
    if take or drop:
        _decide(root, found, take=take)
    if json:
        done = {"done": "taken" if take else "dropped"} if take or drop else {}
        say_json({"proposals": [_document(proposal) | done for proposal in found]})
    elif take or drop:
        _print_decided(found, take=take)
    elif notes or every:
        for proposal in found:
            _print_diff(proposal)
    else:
        _print_list(found)


def _decide(root: Path, found: Iterable[Proposal], *, take: bool) -> None:
    from ingest import proposals
    from kb.library import open_library

    with open_library(root) as opened:
        for proposal in found:
            if take:
                proposals.take(opened, proposal.path)
            else:
                proposals.drop(opened, proposal.path)


def _document(proposal: Proposal) -> dict[str, Any]:
    conflicts = [{"where": one.where, "mine": one.mine, "new": one.new} for one in proposal.conflicts]
    return {"path": proposal.path, "conflicts": conflicts, "mine": proposal.mine, "taken": proposal.taken}


def _print_decided(found: Sequence[Proposal], *, take: bool) -> None:
    for proposal in found:
        say(f"{proposal.path}: {'written as proposed' if take else 'left as it is'}")
    if take and found:
        say("The index takes them up with the next sync, or with: hark index")


def _print_list(found: Sequence[Proposal]) -> None:
    if not found:
        say("Nothing to review.")
        return
    for proposal in found:
        say(f"{proposal.path}  ({places(proposal)})")
    say(f"{count(len(found), 'note')} to review. Look: hark review NOTE; then --take or --drop.")


def places(proposal: Proposal) -> str:
    """How much of a note is in question: ``2 places: The hive, Honey``."""
    if not proposal.conflicts:
        return "the whole note"
    names = list(dict.fromkeys(one.where for one in proposal.conflicts if one.where))
    return count(len(proposal.conflicts), "place") + (f": {', '.join(names)}" if names else "")


def _print_diff(proposal: Proposal) -> None:
    say(f"{proposal.path}  ({places(proposal)})")
    for sign, line in proposal.diff():
        say("  ..." if sign == "@" else f"  {sign} {line}")
    say()
