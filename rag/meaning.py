"""Words of like meaning: a table of word vectors, small enough to come along and quick enough to ask at once.

`meaning.npz` holds, for each lower-case English word in MiniLM's vocabulary, the vector that MiniLM gives the word
alone, cut to its principal axes and to one byte a number: what model2vec calls distillation (Tulkens and van Dongen,
2024). `python -m benchmarks.words` made it from all-MiniLM-L6-v2 (Apache-2.0). No model runs at question time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from index.words import STOPWORDS

Array = Any  # numpy's own generic types only repeat "an array" at length

TABLE = Path(__file__).parent / "meaning.npz"

UNRELATED = 0.45
"""Cosine of two words' vectors up to which they share no meaning worth counting; "big" and "large" have 0.76."""

NEVER_SAME = 0.95
"""Most that a word of like meaning counts: the word itself counts 1."""


class Words:
    """The table: `rows` says where a word's vector of unit length is; frequent words come first."""

    def __init__(self, words: Sequence[str], vectors: Array) -> None:
        self.rows = {word: row for row, word in enumerate(words)}
        self.vectors = vectors.astype(np.float32)
        self.vectors /= np.linalg.norm(self.vectors, axis=1, keepdims=True) + 1e-9

    def cosines(self, some: Sequence[str], others: Sequence[str]) -> Array:
        """Cosines, float32 [some, others]; 0 for a word without a vector."""
        a = np.array([self.rows.get(w, -1) for w in some], dtype=int)
        b = np.array([self.rows.get(w, -1) for w in others], dtype=int)
        found = self.vectors[a] @ self.vectors[b].T
        found[a < 0] = 0.0
        found[:, b < 0] = 0.0
        return found

    def likeness(self, some: Sequence[str], others: Sequence[str]) -> Array:
        """How far words stand for one another, 0 to 0.95, [some, others]."""
        return np.clip((self.cosines(some, others) - UNRELATED) / (1 - UNRELATED), 0.0, NEVER_SAME)

    def text_vector(self, words: Iterable[str]) -> Array:
        """Unit vector of a text: mean of its content words' vectors, a rare word counting more than a frequent one."""
        rows = np.array([self.rows[w] for w in words if w in self.rows and w not in STOPWORDS], dtype=int)
        vector = np.log(2.0 + rows) @ self.vectors[rows]  # rows go by frequency, so this is a gentle idf (Zipf)
        return vector / (np.linalg.norm(vector) + 1e-9)


@lru_cache(maxsize=1)
def word_vectors() -> Words:
    """The table that comes with Byline."""
    with np.load(TABLE) as stored:
        return Words(stored["words"].tobytes().decode("ascii").split("\n"), stored["vectors"])
