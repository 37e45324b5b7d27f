"""The `hash` embedder: signed feature hashing, no weights.

Each word gives its stem and the character 4-grams of its form; a feature's CRC-32 picks a coordinate
and a sign (Weinberger et al. 2009, arXiv 0902.2206). The 4-grams are what BM25 lacks: they bring
"Soleimani" near "Suleimani". A word counts once however often it stands in a text.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from zlib import crc32

import numpy as np

from index.embed import Vectors
from index.words import STOPWORDS, stem

DIMENSIONS = 256
_WORD = re.compile(r"\w+")


class HashEmbedder:
    """See the module's docstring. Deterministic on every machine; threads take turns."""

    name = "hash"
    fingerprint = f"hash:1:{DIMENSIONS}"
    batch = 2048

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._rows: dict[str, int] = {}
        self._table = np.zeros((1024, DIMENSIONS), np.float32)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors [len(texts), 256]; a text without a word gives a zero row."""
        out = np.zeros((len(texts), DIMENSIONS), np.float32)
        for i, text in enumerate(texts):
            words = set(_WORD.findall(text.lower())) - STOPWORDS
            if words:
                with self._turn:
                    out[i] = self._table_rows(words).sum(axis=0)
        norms = np.linalg.norm(out, axis=1, keepdims=True)
        np.divide(out, norms, out=out, where=norms > 0)
        return out

    def count_tokens(self, texts: Sequence[str]) -> int | None:
        """None: hashing is free."""
        return None

    def _table_rows(self, words: set[str]) -> Vectors:
        known = self._rows
        ids = []
        for word in sorted(words):  # sums of float32 depend on the order
            row = known.get(word)
            ids.append(self._add(word) if row is None else row)
        return self._table[ids]

    def _add(self, word: str) -> int:
        row = len(self._rows)
        if row == len(self._table):
            self._table = np.concatenate([self._table, np.zeros_like(self._table)])
        _fill(self._table[row], word)
        self._rows[word] = row
        return row


def _fill(vector: Vectors, word: str) -> None:
    """Add a word to a zero row: its stem at weight 1, all its 4-grams together at weight 1."""
    _bump(vector, "=" + stem(word), 1.0)
    padded = f"^{word}$"
    grams = {padded[i : i + 4] for i in range(len(padded) - 3)}
    for gram in grams:
        _bump(vector, gram, float(len(grams)) ** -0.5)


def _bump(vector: Vectors, feature: str, weight: float) -> None:
    code = crc32(feature.encode())
    vector[code % DIMENSIONS] += weight if code >> 31 else -weight
