"""Words of like meaning: a table of word vectors, small enough to come along and quick enough to ask at once.

`meaning.npz` holds, for each lower-case English word in MiniLM's vocabulary, the vector that MiniLM gives the word
alone, cut to its principal axes and to one byte a number: what model2vec calls distillation (Tulkens and van Dongen,
2024). `python -m benchmarks.words` made it from all-MiniLM-L6-v2 (Apache-2.0). No model runs at question time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from index.words import STOPWORDS, fold, stem

Array = Any  # numpy's own generic types only repeat "an array" at length

WORD = re.compile(r"[^\W_]+")

TABLE = Path(__file__).parent / "meaning.npz"

UNRELATED = 0.45
"""Cosine of two words' vectors up to which they share no meaning worth counting; "big" and "large" have 0.76."""

RELATED = 0.5
MOST_RELATED = 10
MOST_WORDS = 60
RELATED_WEIGHT = 0.5
"""A question is searched with up to MOST_RELATED words a word, of cosine RELATED or more, at this weight times the cosine.
Words of a question after the sixtieth have no others beside them: each costs a millisecond."""

NEVER_SAME = 0.95
"""Most that a word of like meaning counts: the word itself counts 1."""


def product(a: Array, b: Array) -> Array:
    """a @ b, [n, d] and [d, m], in pieces of rows that OpenBLAS computes in the calling thread.

    For more than 4 * 65,536 multiplications it wakes a thread for each core, and these go on spinning for some 20 ms after it:
    the sentence encoder, which comes next, then took 48 ms instead of 29.
    """
    rows = max(1, 4 * 65_536 // max(1, b.size))
    return np.concatenate([a[i : i + rows] @ b for i in range(0, len(a), rows)]) if len(a) else a @ b


class Words:
    """The table: `rows` says where a word's vector of unit length is; frequent words come first."""

    def __init__(self, words: Sequence[str], vectors: Array) -> None:
        self.words = words
        self.rows = {word: row for row, word in enumerate(words)}
        self.vectors = vectors.astype(np.float32)
        self.vectors /= np.linalg.norm(self.vectors, axis=1, keepdims=True) + 1e-9

    def cosines(self, some: Sequence[str], others: Sequence[str]) -> Array:
        """Cosines, float32 [some, others]; 0 for a word without a vector."""
        a = np.array([self.rows.get(w, -1) for w in some], dtype=int)
        b = np.array([self.rows.get(w, -1) for w in others], dtype=int)
        found = product(self.vectors[b], self.vectors[a].T).T
        found[a < 0] = 0.0
        found[:, b < 0] = 0.0
        return found

    def likeness(self, some: Sequence[str], others: Sequence[str]) -> Array:
        """How far words stand for one another, 0 to 0.95, [some, others]."""
        return np.clip((self.cosines(some, others) - UNRELATED) / (1 - UNRELATED), 0.0, NEVER_SAME)

    def nearest(self, words: Sequence[str], least: float, most: int) -> dict[str, list[tuple[str, float]]]:
        """For each word that has a vector, up to `most` others whose cosine with it is at least `least`, best first."""
        known = [w for w in words if w in self.rows]
        every = product(self.vectors, self.vectors[[self.rows[w] for w in known]].T)  # one pass for all words
        out = {}
        for word, cosines in zip(known, every.T, strict=True):
            near = [i for i in np.flatnonzero(cosines >= least) if i != self.rows[word]]
            found = [(self.words[int(i)], float(cosines[i])) for i in near]
            out[word] = sorted(found, key=lambda item: -item[1])[:most]
        return out

    def text_vector(self, words: Iterable[str]) -> Array:
        """Unit vector of a text: mean of its content words' vectors, a rare word counting more than a frequent one."""
        rows = np.array([self.rows[w] for w in words if w in self.rows and w not in STOPWORDS], dtype=int)
        vector = np.log(2.0 + rows) @ self.vectors[rows]  # rows go by frequency, so this is a gentle idf (Zipf)
        return vector / (np.linalg.norm(vector) + 1e-9)


def related(question: str) -> dict[str, float]:
    """Stems of words like those of the question, to search for beside them, and the weight of each beside 1.

    Names and numbers have no like. Figures for other settings: docs/lab-notes.md.
    """
    words = []
    for i, match in enumerate(islice(WORD.finditer(question), MOST_WORDS)):
        word = fold(match.group())
        if word not in STOPWORDS and word.isalpha() and not (i and match.group()[0].isupper()):
            words.append(word)
    out: dict[str, float] = {}
    for word, near in word_vectors().nearest(words, RELATED, MOST_RELATED).items():
        for other, cosine in near:
            term = stem(other)
            if term != stem(word) and other not in STOPWORDS:
                out[term] = max(out.get(term, 0.0), RELATED_WEIGHT * cosine)
    return out


@lru_cache(maxsize=1)
def word_vectors() -> Words:
    """The table that comes with Byline."""
    with np.load(TABLE) as stored:
        return Words(stored["words"].tobytes().decode("ascii").split("\n"), stored["vectors"])
