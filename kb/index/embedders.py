"""Texts -> unit vectors, with ONNX Runtime and the tokenizer alone.

Importing sentence-transformers and loading a model takes seconds, this a third of one. What runs here was exported
from the same model (``kb.index.export``), once, and gives the same vectors.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import kb
from kb.errors import ModelError
from kb.index.encoders import (
    GRAPH,
    TOKENIZER,
    EncoderManifest,
    ModelSource,
    default_cache,
    find_model,
    read_manifest,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kb.ports import Vectors

BATCH = 8  # texts of about the same length; larger batches were slower on two cores
EXPORT_S = 1800.0


def open_embedder(
    model: str, *, cache: Path | None = None, on_export: Callable[[], None] | None = None
) -> OnnxEmbedder:
    """The embedder of a model named in ``hark.toml``; exports the model first where that was never done.

    ``on_export`` is called before an export, which takes half a minute. Raises ModelError.
    """
    source = find_model(model)
    folder = (cache or default_cache()) / "encoders" / source.key
    manifest = read_manifest(folder)
    if manifest is None:
        if on_export:
            on_export()
        manifest = _export_into(folder, source)
    return OnnxEmbedder(folder, manifest)


def _export_into(folder: Path, source: ModelSource) -> EncoderManifest:
    from filelock import FileLock

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            manifest = read_manifest(folder)  # another process may have made it meanwhile
            return manifest or _export_anew(folder, source)
    except OSError as error:
        raise ModelError(
            f"the exported model cannot be kept: {error.strerror or error}",
            where=str(folder.parent),
            remedy="make room there, or set HARK_CACHE_DIR to a folder that can be written to",
        ) from error


def _export_anew(folder: Path, source: ModelSource) -> EncoderManifest:
    """Exports beside ``folder`` and renames, so that an export that was cut short is never found."""
    new = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    try:
        _run_export(source, new)
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    manifest = read_manifest(folder)
    if manifest is None:
        raise ModelError("the exported model is incomplete", where=str(folder), remedy="run the command again")
    return manifest


def _run_export(source: ModelSource, out: Path) -> None:
    # -P: a torch.py in the folder where hark is called must not be imported.
    model = source.name if source.sha256 else source.address
    command = [sys.executable, "-P", "-m", "kb.index.export", model, str(out)]
    paths = [str(Path(kb.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "TOKENIZERS_PARALLELISM": "false"}
    if Path(source.address).is_dir():
        environment["HF_HUB_OFFLINE"] = "1"
    try:
        done = subprocess.run(  # noqa: S603  # our own module, arguments as a list
            command, env=environment, capture_output=True, text=True, errors="replace", timeout=EXPORT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise ModelError("exporting the model took too long", where=source.name, remedy="try again") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no reason given"]
        raise ModelError(lines[-1], where=source.name, remedy="choose another model in hark.toml, or install it again")


class OnnxEmbedder:
    """Implements ``kb.ports.Embedder`` over an exported model. The session is loaded when it is first used."""

    def __init__(self, folder: Path, manifest: EncoderManifest) -> None:
        self._folder = folder
        self._manifest = manifest
        self._loaded: tuple[Any, Any] | None = None
        self._guard = Lock()

    @property
    def model_id(self) -> str:
        return self._manifest.model_id

    @property
    def dimension(self) -> int:
        return self._manifest.dimension

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Passages: ``(len(texts), dimension)``."""
        return self._encode([self._manifest.passage_prompt + text for text in texts])

    def encode_query(self, text: str) -> NDArray[np.float32]:
        """A query: ``(dimension,)``."""
        vector: NDArray[np.float32] = self._encode([self._manifest.query_prompt + text])[0]
        return vector

    def _encode(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        tokenizer, _ = self._load()
        tokens = [encoding.ids for encoding in tokenizer.encode_batch([_readable(text) for text in texts])]
        order = sorted(range(len(tokens)), key=lambda number: len(tokens[number]))
        vectors = np.zeros((len(tokens), self.dimension), np.float32)
        for at in range(0, len(order), BATCH):
            batch = order[at : at + BATCH]
            vectors[batch] = self._run([tokens[number] for number in batch])
        return vectors

    def _run(self, tokens: Sequence[Sequence[int]]) -> Vectors:
        """One batch; shorter rows are filled up and masked. Rows are brought to length one."""
        import numpy as np

        _, session = self._load()
        shape = (len(tokens), max(map(len, tokens)))
        ids = np.full(shape, self._manifest.padding, np.int64)
        mask = np.zeros(shape, np.int64)
        for number, row in enumerate(tokens):
            ids[number, : len(row)] = row
            mask[number, : len(row)] = 1
        (vectors,) = session.run(["vector"], {"input_ids": ids, "attention_mask": mask})
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: Vectors = vectors / np.maximum(lengths, np.float32(1e-12))
        return unit

    def _load(self) -> tuple[Any, Any]:
        with self._guard:  # a search loads the model beside the indexes
            if self._loaded is None:
                self._loaded = _load_tokenizer(self._folder, self._manifest), _load_session(self._folder)
            return self._loaded


def _readable(text: str) -> str:
    """``text`` without lone surrogates, which the tokenizer refuses."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _load_tokenizer(folder: Path, manifest: EncoderManifest) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    tokenizer.no_padding()  # batches are filled up after they have been sorted by length
    tokenizer.enable_truncation(manifest.longest)
    return tokenizer


def _load_session(folder: Path) -> Any:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # The graph was optimised when it was exported.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    # Threads that spin while they wait take the cores from others, and made a query slower on a busy machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(folder / GRAPH), options, providers=["CPUExecutionProvider"])
    except (state.Fail, state.InvalidGraph, state.InvalidProtobuf, state.NoSuchFile, state.NotImplemented) as error:
        remedy = "delete that folder: it is made again"
        raise ModelError("ONNX Runtime cannot load the exported model", where=str(folder), remedy=remedy) from error
