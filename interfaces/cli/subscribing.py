"""`hark add`, `hark remove`, `hark sources`, `hark opml`: what a library follows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from interfaces.cli.faults import CallError
from interfaces.cli.output import complain, count, say, say_json
from interfaces.cli.where import JsonOption, LibraryOption, library_root
from kb.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.sources.opml import Opml
    from ingest.subscriptions import Subscription

MOST_LINES = 50  # of one sort
_OPML_ENDINGS = (".opml", ".xml")

ShowOption = Annotated[str, typer.Option("--show", metavar="NAME", help="What to call it; its own title without one.")]
FolderOption = Annotated[str, typer.Option("--folder", metavar="NAME", help="A folder to keep it in: News/Daily.")]
NewestOption = Annotated[int, typer.Option("--newest", metavar="N", help="Only its newest episodes; 0 for all.")]
AudioOption = Annotated[bool, typer.Option("--audio", help="Keep the recordings in media/.")]
KindOption = Annotated[str, typer.Option("--kind", metavar="KIND", help="feed, video or folder, where it is not told.")]
PrivateOption = Annotated[bool, typer.Option("--allow-private", help="Allow addresses in this network.")]


def add(
    ctx: typer.Context,
    addresses: Annotated[
        list[str], typer.Argument(metavar="ADDRESS...", help="Feeds, channels, playlists, folders; an OPML file.")
    ],
    *,
    show: ShowOption = "",
    folder: FolderOption = "",
    newest: NewestOption = 0,
    audio: AudioOption = False,
    kind: KindOption = "",
    allow_private: PrivateOption = False,
    library: LibraryOption = "",
) -> None:
    """Follow podcasts, channels and folders: written into hark.toml, fetched by `hark sync`."""
    import dataclasses

    root = library_root(ctx, library)
    if show and len(addresses) > 1:
        raise CallError("--show names one source", remedy="add them one at a time")
    given = {"show": show, "folder": folder, "newest": newest, "audio": audio, "allow_private": allow_private}
    chosen = {key: value for key, value in given.items() if value}
    wanted: list[Subscription] = []
    for address in addresses:
        for found in _meant(root, address, kind, named=bool(show)):
            wanted.append(dataclasses.replace(found, **chosen))  # type: ignore[arg-type]  # each key with its value
    _add_all(root, wanted)


def remove(
    ctx: typer.Context,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="As `hark sources` shows it, or the show's name.")],
    *,
    library: LibraryOption = "",
) -> None:
    """Stop following a source. What was taken in from it stays."""
    root = library_root(ctx, library)

    from ingest.subscriptions import remove_subscription, shown

    url = _followed(root, address)
    if url is None or not remove_subscription(root, url):
        raise NotFoundError("is not followed", where=address, remedy="see what is with: hark sources")
    say(f"No longer followed: {shown(url)}")
    say("What was taken in from it stays.")


def sources(ctx: typer.Context, *, json: JsonOption = False, library: LibraryOption = "") -> None:
    """List what the library follows.

    --json prints {"sources": [{"url", "kind": "feed|video|folder", "show", "folder", "newest", "audio",
    "allow_private"}]}; a name and password in an address are left out.
    """
    root = library_root(ctx, library)

    from ingest.subscriptions import load_subscriptions

    followed = load_subscriptions(root)
    if json:
        say_json({"sources": [_document(one) for one in followed]})
        return
    if not followed:
        say("Nothing is followed yet: hark add ADDRESS")
    for one in followed:
        say(_line(one))


def opml(
    ctx: typer.Context,
    action: Annotated[str, typer.Argument(metavar="import|export")],
    file: Annotated[str, typer.Argument(metavar="[FILE]", show_default=False, help="Standard output without.")] = "",
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE where it is there.")] = False,
    library: LibraryOption = "",
) -> None:
    """Take over what a podcast app follows, with its titles and folders, or hand over what this library does.

    `hark opml import FILE` follows all that FILE lists. `hark opml export [FILE]` writes all feeds and channels, with
    whole addresses: a password in one is in the file.
    """
    root = library_root(ctx, library)
    if action == "import" and file:
        _add_all(root, _listed(Path(file).expanduser()))
    elif action == "export":
        _export(root, file, force)
    else:
        raise CallError("import FILE or export [FILE] is what it does", where=f"hark opml {action}")


# --- what is meant ----------------------------------------------------------------------------------------------------


def _meant(root: Path, typed: str, kind: str, *, named: bool) -> Sequence[Subscription]:
    """What an address, a path or an OPML file stands for. Raises CallError."""
    from ingest.subscriptions import KINDS, Subscription, subscription_to

    if kind and kind not in KINDS:
        raise CallError(f"--kind {kind} is not known", remedy=f"one of {', '.join(KINDS)}")
    if not typed.strip():
        raise CallError("an empty text is no address", remedy="an address begins with https://; this folder is .")
    found = subscription_to(typed, kind=kind)
    if found.kind != "folder":
        return [found]
    path = Path(typed).expanduser()
    if path.is_file():
        if path.suffix.lower() not in _OPML_ENDINGS:
            raise CallError("is a file, and only folders are followed", where=typed, remedy=f"hark ingest {typed}")
        if named:
            raise CallError("--show names one source, not all of a file", where=typed, remedy="leave it out")
        return _listed(path)
    if not path.is_dir():
        raise CallError(
            "is no folder, and no address", where=typed, remedy="check the path; an address begins with https://"
        )
    return [Subscription(url=_folder_url(root, typed), kind="folder")]


def _folder_url(root: Path, typed: str) -> str:
    """The path as typed where it means the same from everywhere, else relative to the library or whole."""
    path = Path(typed).expanduser()
    here, house = path.resolve(), root.resolve()
    if house.is_relative_to(here) or any(here.is_relative_to(house / own) for own in ("notes", "transcripts", ".hark")):
        raise CallError("holds what the library itself writes", where=typed, remedy="name a folder beside it")
    if here.is_relative_to(house) and not Path(typed).is_absolute():
        return here.relative_to(house).as_posix()
    if path.is_absolute():
        return typed
    return os.path.abspath(path)  # noqa: PTH100  # Path.resolve() would follow a link that is pointed at on purpose


def _listed(path: Path) -> Sequence[Subscription]:
    """What an OPML file lists; what it lists in vain is told. Raises CallError, PermanentError."""
    from ingest.sources.opml import MAX_BYTES, read_opml

    if not path.is_file():
        raise CallError("no such file", where=str(path), remedy="check the path")
    with path.open("rb") as file:
        found: Opml = read_opml(file.read(MAX_BYTES + 1), where=str(path))
    for line in found.passed_over[:MOST_LINES]:
        complain(f"passed over: {line}")
    if not found.subscriptions:
        complain(f"{path}: lists no feeds")
    return found.subscriptions


def _add_all(root: Path, wanted: Sequence[Subscription]) -> None:
    from ingest.subscriptions import add_subscriptions

    added = add_subscriptions(root, wanted)
    for one in added[:MOST_LINES]:
        say(f"Followed now: {_line(one)}")
    if len(added) > MOST_LINES:
        say(f"... and {count(len(added) - MOST_LINES, 'more', 'more')}")
    if len(wanted) > len(added):
        say(f"{count(len(wanted) - len(added), 'source')} followed already; hark.toml is where to change one")
    if added:
        say("Next: hark sync")


def _followed(root: Path, typed: str) -> str | None:
    """The address in hark.toml that is meant: by the address, with its password or without, by path, or by show."""
    from ingest.subscriptions import identity, subscription_to
    from ingest.tomlfile import read_table

    entries = [one for one in _tables(read_table(root).get("sources")) if isinstance(one.get("url"), str)]
    urls = [str(one["url"]) for one in entries]
    meant = {identity(typed), identity(subscription_to(typed).url), identity(os.path.abspath(typed))}  # noqa: PTH100
    found = [url for url in urls if _is_meant(root, url, meant)]
    if exact := [url for url in found if identity(url) in meant]:
        return exact[0]
    named = found or [str(one["url"]) for one in entries if str(one.get("show", "")).casefold() == typed.casefold()]
    if len(named) > 1:
        raise CallError(f"{count(len(named), 'source')} are called that", where=typed, remedy="name its whole address")
    return named[0] if named else None


def _is_meant(root: Path, url: str, meant: set[str]) -> bool:
    from ingest.subscriptions import identities, identity

    path = root / os.path.expanduser(url)  # noqa: PTH111  # Path.expanduser() raises for a home that nobody has
    return bool((identities(url) | {identity(str(path))}) & meant)


def _tables(value: object) -> list[dict[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _export(root: Path, file: str, force: bool) -> None:
    from ingest.sources.opml import write_opml
    from ingest.subscriptions import load_subscriptions
    from kb.settings import load_settings

    followed = load_subscriptions(root)
    data = write_opml(followed, load_settings(root).name)
    folders = sum(one.kind == "folder" for one in followed)
    if file:
        _write(Path(file).expanduser(), data, force)
        say(f"{count(len(followed) - folders, 'source')} written to {file}")
    else:
        typer.echo(data, nl=False)
    if folders:
        complain(f"{count(folders, 'folder')} of this disk left out")


# --- what is shown ----------------------------------------------------------------------------------------------------


def _line(one: Subscription) -> str:
    """``feed    https://example.org/feed.xml  Leader Tape  (News/Daily; newest 20; recordings kept)``."""
    from ingest.subscriptions import shown

    remarks = [
        one.folder,
        f"newest {one.newest:,}" if one.newest else "",
        "recordings kept" if one.audio else "",
        "private addresses allowed" if one.allow_private else "",
    ]
    told = "; ".join(remark for remark in remarks if remark)
    return "  ".join(part for part in (f"{one.kind:6}", shown(one.url), one.show, f"({told})" if told else "") if part)


def _document(one: Subscription) -> dict[str, object]:
    import dataclasses

    from ingest.subscriptions import shown

    return dataclasses.asdict(one) | {"url": shown(one.url)}


def _write(path: Path, data: bytes, force: bool) -> None:
    """Raises CallError where the file is there already, or its folder is not."""
    try:
        with path.open("wb" if force else "xb") as file:
            file.write(data)
    except FileExistsError:
        raise CallError("is there already", where=str(path), remedy="name another file, or --force") from None
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise CallError(f"cannot be written: {error.strerror}", where=str(path), remedy="check the path") from None
