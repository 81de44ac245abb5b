"""What is as it was need not be looked at closely: a fingerprint of the library, and one of each source taken in.

A run that leaves nothing undone keeps what the files of the library and of the source look like, by names, sizes and
times of change. The next one, finding both so, is over before the database is opened. Deleting the file that this is
kept in costs one closer look.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.files import has_displaced, stats_below
from ingest.report import ImportReport, IngestReport, Problem
from ingest.versions import READER_VERSION, RUN_VERSION, WRITING

if TYPE_CHECKING:
    from ingest.files import FileState
    from ingest.sources.items import SourceItem
    from ingest.sources.vaults import Vault

CODE = f"{RUN_VERSION} {READER_VERSION} {WRITING}"  # another version of what a run does looks again
KEPT_IN = ".hark/unchanged.json"
# A file that changed so shortly before may change again, keep its size, and look the same.
COARSE_NS = 2_000_000_000  # where times are kept in seconds (FAT: two of them)
FINE_NS = 50_000_000  # where they are finer: several ticks of the kernel's clock
MILLISECOND_NS = 1_000_000
_BESIDE = ("hark.toml", ".hark/library.db", ".hark/index/CURRENT")

Told = Mapping[str, Any]  # what a run with nothing to do has to tell, as JSON


class Unchanged:
    """What the last complete runs left, beside what there is now.

    ``stats`` are (size, time of change in ns) of the library's files by path; ``trusted`` is whether they are all as
    a run left them that had nothing more to do: none was changed, added or taken away by anybody else.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.stats: dict[str, tuple[int, int]] = {}
        self.look_again()
        kept = _read(root / KEPT_IN)
        same = kept.get("code") == CODE and kept.get("library") == self._library() and not has_displaced(root)
        self._sources: dict[str, Any] = kept["sources"] if same else {}
        self._same = same
        self.trusted = same and not kept.get("racy", True)

    def told(self, source: str, looks: str) -> Told | None:
        """What the run told that left nothing undone for ``source``, where nothing changed since; else None."""
        found = self._sources.get(source)
        return found["told"] if self.trusted and found and found["looks"] == looks else None

    def wrote(self, files: Mapping[str, FileState]) -> None:
        """Takes up files as this run wrote them: what somebody makes of them meanwhile is found by the next one."""
        self.stats |= {path: (state.size, state.mtime_ns) for path, state in files.items()}

    def look_again(self) -> None:
        """Looks at all files of the library, by name, size and time of change."""
        self.stats = stats_below(self._root, "transcripts") | stats_below(self._root, "notes")

    def _library(self) -> str:
        """The fingerprint of what the library holds."""
        lines = [f"{path}:{size}:{changed}" for path, (size, changed) in self.stats.items()]
        lines.sort()
        return _sha256([*lines, *(_beside(self._root / name) for name in _BESIDE)])

    def keep(self, source: str, looks: str, told: Told | None, *, vouched: bool) -> None:
        """Keeps that nothing is left to do for ``source``; with None for ``told``, that something is.

        ``vouched`` is whether the run looked through all that Hark made: else that must have been as it was before.
        What is kept of other sources stays only where the library was as they had left it.
        """
        if not self._same and not vouched:
            return
        sources = {name: found for name, found in self._sources.items() if name != source}
        if told is not None:
            sources[source] = {"looks": looks, "told": dict(told)}
        newest = max((changed for _, changed in self.stats.values()), default=0)
        racy = time.time_ns() - newest < (COARSE_NS if newest % MILLISECOND_NS == 0 else FINE_NS)
        _write(self._root / KEPT_IN, {"code": CODE, "library": self._library(), "racy": racy, "sources": sources})


def nothing_to_ingest(root: Path, path: Path) -> IngestReport | None:
    """The report of an ingest of ``path`` that would find nothing to do; None where it has to be run."""
    from ingest.sources.folder import scan_folder

    told = Unchanged(root).told(f"ingest {path}", folder_looks(scan_folder(path)))
    if told is None:
        return None
    passed_over = tuple(Problem(name, message) for name, message in told["passed_over"])
    return IngestReport(episodes=told["episodes"], unchanged=told["episodes"], passed_over=passed_over)


def nothing_to_import(root: Path, path: Path) -> ImportReport | None:
    """The report of an import of ``path`` that would find nothing to do; None where it has to be run."""
    from ingest.sources.vaults import scan_vault

    vault = scan_vault(path)
    if Unchanged(root).told(f"import {path}", vault_looks(vault)) is None:
        return None
    return ImportReport(notes=len(vault.notes), unchanged=len(vault.notes), other_files=vault.other_files)


def keep_ingest(unchanged: Unchanged, path: Path, items: Iterable[SourceItem], report: IngestReport) -> None:
    """Keeps what an ingest of ``path`` left, which had looked through all that Hark made."""
    passed_over = [[problem.where, problem.message] for problem in report.passed_over]
    told = None if report.failed or report.kept else {"episodes": report.episodes, "passed_over": passed_over}
    unchanged.keep(f"ingest {path}", folder_looks(items), told, vouched=True)


def keep_import(unchanged: Unchanged, path: Path, vault: Vault, report: ImportReport) -> None:
    """Keeps what an import of ``path`` left; it had looked at nothing but the notes that it copies."""
    unchanged.keep(f"import {path}", vault_looks(vault), None if report.failed or report.kept else {}, vouched=False)


def nothing_to_take_in(unchanged: Unchanged, items: Iterable[SourceItem]) -> bool:
    """Whether a sync with nothing fetched has nothing to do for the folders that the library follows."""
    return unchanged.told("sync", folder_looks(items)) is not None


def keep_sync(unchanged: Unchanged, items: Iterable[SourceItem], report: IngestReport) -> None:
    """Keeps what a sync left, which had looked through all that Hark made."""
    unchanged.keep("sync", folder_looks(items), None if report.failed or report.kept else {}, vouched=True)


def folder_looks(items: Iterable[SourceItem]) -> str:
    """The fingerprint of a folder of episodes."""
    return _sha256(f"{item.key}\n{name}:{size}:{changed}" for item in items for name, size, changed in item.stats)


def vault_looks(vault: Vault) -> str:
    """The fingerprint of a folder of notes."""
    return _sha256(f"{note.path}\n{note.looks}" for note in vault.notes)


def _beside(path: Path) -> str:
    """A file that is rewritten as a whole, by what changes then; the database is the same file for ever."""
    try:
        stat = path.stat()
    except OSError:
        return ""
    return f"{stat.st_dev}:{stat.st_ino}" + ("" if path.suffix == ".db" else f":{stat.st_mtime_ns}:{stat.st_size}")


def _sha256(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return table if isinstance(table, dict) and isinstance(table.get("sources"), dict) else {}


def _write(path: Path, table: Mapping[str, Any]) -> None:
    new = path.with_suffix(".new")
    try:
        new.write_text(json.dumps(table), encoding="utf-8")
        new.replace(path)
    except OSError:  # the next run looks more closely, that is all
        new.unlink(missing_ok=True)
