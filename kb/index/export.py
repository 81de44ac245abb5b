"""``python -m kb.index.export MODEL OUT``: a sentence-transformers model as one ONNX graph, pooling included.

Run once per model, in a process of its own: torch and sentence-transformers take ten seconds to import and a gigabyte
to hold, and nothing else in Hark needs them. The last line printed is the reason where it failed.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

from kb.errors import ModelError
from kb.index.embedders import OnnxEmbedder
from kb.index.encoders import (
    FORMAT,
    GRAPH,
    TOKENIZER,
    WEIGHTS,
    EncoderManifest,
    ExportedFile,
    ModelSource,
    file_sha256,
    find_model,
    write_manifest,
)

LARGEST_DIFFERENCE = 1e-4  # between a component of our vector and of sentence-transformers'
UNUSED_SEQUENCE = 512  # tokens, for a model that names no limit

# Texts of one word, of several scripts, and one that is cut: what could be exported wrongly differs in these.
SAMPLES = (
    "Hello.",
    "Where does the river begin, and who drew the first map of it?",
    "Ein Satz über Brücken; une phrase sur les ponts; 橋についての文。",
    "The mill turns as long as the water runs. " * 60,
)


def main(arguments: list[str]) -> int:
    """Exports ``MODEL`` into the empty folder ``OUT``."""
    name, out = arguments
    warnings.simplefilter("ignore")
    try:
        export(find_model(name), Path(out))
    except ModelError as error:
        sys.stderr.write(f"\n{error.what}\n")
        return 1
    return 0


def export(source: ModelSource, out: Path) -> None:
    """Writes graph, weights, tokenizer and manifest into ``out``.

    Raises ModelError where the weights are not those expected, or the exported graph gives other vectors.
    """
    sha256 = _weights_hash(source)
    model = _load(source)
    raw = out / "raw.onnx"
    _write_graph(model, raw)
    runtime = _optimise(raw, out)
    raw.unlink()
    _write_tokenizer(model, out / TOKENIZER)
    files = {name: _exported(out / name) for name in (GRAPH, WEIGHTS, TOKENIZER)}
    manifest = EncoderManifest(
        format=FORMAT,
        model_id=f"{source.name}@{sha256[:16]}",
        dimension=int(model.get_sentence_embedding_dimension()),
        longest=_longest(model),
        padding=int(model.tokenizer.pad_token_id or 0),
        query_prompt=_prompt(model, "query"),
        passage_prompt=_prompt(model, "document", "passage", "corpus"),
        runtime=runtime,
        files=files,
    )
    write_manifest(out, manifest)
    _compare(model, OnnxEmbedder(out, manifest))


def _weights_hash(source: ModelSource) -> str:
    """The hash of all files of weights; of a model on a hub, of the files that its download left in the hub's cache."""
    folder = Path(source.address)
    if not folder.is_dir():
        folder = _downloaded(source)
    weights = sorted(p for p in folder.rglob("*") if p.suffix in {".safetensors", ".bin"} and p.is_file())
    if not weights:
        raise ModelError(f"the model {source.name} has no weights", where=str(folder))
    hashes = [file_sha256(path) for path in weights]
    if source.sha256 and hashes != [source.sha256]:
        raise ModelError(f"the weights of {source.name} are not the published ones: SHA-256 {hashes[0]}")
    if len(hashes) == 1:
        return hashes[0]
    import hashlib

    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def _downloaded(source: ModelSource) -> Path:
    from huggingface_hub import snapshot_download

    candidates = [source.address] if "/" in source.address else [f"sentence-transformers/{source.address}"]
    try:
        return Path(
            snapshot_download(candidates[0], ignore_patterns=["*.onnx", "*.h5", "*.ot", "openvino/*", "onnx/*"])
        )
    except (OSError, ValueError) as error:
        raise ModelError(
            f"no folder and no model on the hub is called {source.name}: {type(error).__name__}"
        ) from error


def _load(source: ModelSource) -> Any:
    from sentence_transformers import SentenceTransformer

    try:
        return SentenceTransformer(source.address, device="cpu", local_files_only=True).eval()
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"sentence-transformers cannot load {source.name}: {error}") from error


def _write_graph(model: Any, path: Path) -> None:
    """The whole model, from token ids to the sentence's vector, with any number of texts of any length."""
    import torch

    class Encoder(torch.nn.Module):  # type: ignore[misc]  # torch is not checked
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            features = {"input_ids": input_ids, "attention_mask": attention_mask}
            return self.model(features)["sentence_embedding"]

    tokens = model.tokenizer(["a first text", "and a second, longer one"], padding=True, return_tensors="pt")
    shape = {0: torch.export.Dim("texts"), 1: torch.export.Dim("tokens", max=_longest(model))}
    program = torch.onnx.export(
        Encoder(),
        (tokens["input_ids"], tokens["attention_mask"]),
        dynamo=True,
        verbose=False,
        input_names=["input_ids", "attention_mask"],
        output_names=["vector"],
        dynamic_shapes={"input_ids": shape, "attention_mask": shape},
    )
    program.save(str(path))


def _optimise(raw: Path, out: Path) -> str:
    """Writes the graph as ONNX Runtime would rewrite it at every start, with the weights apart.

    Weights in a file of their own are mapped, not copied: a session then loads in a third of the time.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(out / GRAPH)
    options.add_session_config_entry("session.optimized_model_external_initializers_file_name", WEIGHTS)
    options.add_session_config_entry("session.optimized_model_external_initializers_min_size_in_bytes", "1024")
    onnxruntime.InferenceSession(str(raw), options, providers=["CPUExecutionProvider"])
    return str(onnxruntime.__version__)


def _write_tokenizer(model: Any, path: Path) -> None:
    fast = getattr(model.tokenizer, "backend_tokenizer", None)
    if fast is None:
        raise ModelError("the model has no fast tokenizer, so it cannot be used here")
    fast.save(str(path), pretty=False)


def _longest(model: Any) -> int:
    return int(model.max_seq_length or UNUSED_SEQUENCE)


def _prompt(model: Any, *names: str) -> str:
    prompts = model.prompts or {}
    default = prompts.get(model.default_prompt_name or "", "")
    return next((prompts[name] for name in names if prompts.get(name)), default) or ""


def _exported(path: Path) -> ExportedFile:
    stat = path.stat()
    return ExportedFile(stat.st_size, stat.st_mtime_ns, file_sha256(path))


def _compare(model: Any, embedder: OnnxEmbedder) -> None:
    """An export is accepted only where it gives the vectors that sentence-transformers gives."""
    import numpy as np

    expected = model.encode_document(list(SAMPLES), normalize_embeddings=True, convert_to_numpy=True)
    query = model.encode_query(SAMPLES[1], normalize_embeddings=True, convert_to_numpy=True)
    differences = (
        np.abs(embedder.encode(SAMPLES) - expected).max(),
        np.abs(embedder.encode_query(SAMPLES[1]) - query).max(),
    )
    if not max(differences) < LARGEST_DIFFERENCE:
        raise ModelError(f"the exported model gives other vectors: they differ by {max(differences):.2g}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
