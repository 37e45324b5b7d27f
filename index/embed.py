"""The embedder seam: texts in, unit vectors out.

hash              signed feature hashing of words and character 4-grams; no weights, the default
minilm[:FOLDER]   all-MiniLM-L6-v2 on ONNX Runtime
openai:MODEL      OpenAI, or any OpenAI-compatible endpoint by its base URL
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from index.errors import EmbedderError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
else:
    Vectors = Any

DEFAULT = "hash"


class Embedder(Protocol):
    """Turns texts into vectors.

    `name` is what a user asks for; `fingerprint` is what the index remembers: vectors of different
    fingerprints are never mixed. `batch` is the number of texts that `embed` likes to get at once.
    """

    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def batch(self) -> int: ...
    def embed(self, texts: Sequence[str]) -> Vectors:
        """Float32 array of shape [len(texts), dimensions]; rows have unit length."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> int | None:
        """Tokens that the provider would charge for, or None where embedding is free."""
        ...


def make_embedder(
    spec: str = DEFAULT, *, api_key: str | None = None, base_url: str | None = None, cache: Path | None = None
) -> Embedder:
    """The embedder that `spec` names (see the module's first lines).

    `cache` is a folder for prepared weights. Raises EmbedderError for an unknown name, missing
    weights or a missing key.
    """
    kind, _, detail = spec.partition(":")
    if kind == "hash" and not detail:
        from index.hashing import HashEmbedder

        return HashEmbedder()
    if kind == "minilm":
        from index.minilm import MiniLM

        return MiniLM.load(Path(detail).expanduser() if detail else None, cache=cache)
    if kind == "openai" and detail:
        from index.openai_embed import OpenAIEmbedder

        return OpenAIEmbedder(detail, api_key=api_key, base_url=base_url)
    raise EmbedderError(f"unknown embedder {spec!r}: use hash, minilm, minilm:FOLDER or openai:MODEL")
