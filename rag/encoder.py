"""How near sentences are to a question in meaning, by a small sentence encoder that comes with Byline.

`encoder/` holds three layers of 384 dimensions that give a sentence nearly the vector that all-MiniLM-L6-v2 gives it (Apache-2.0,
sentence-transformers; six layers), trained further to tell the sentence that answers from those beside it.
`benchmarks/encoder.py` and `benchmarks/distil.py` made it and say how. The weights are stored with one byte each.
docs/lab-notes.md has the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache
from itertools import takewhile
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import numpy as np

from index.errors import EmbedderError
from index.minilm import MiniLM, cores, pad, unit
from index.words import STOPWORDS

FOLDER = Path(__file__).parent / "encoder"

MOST_CHARS = 240
"""Only the beginning of a longer sentence is read, some 50 word pieces: a quarter faster than with 400 characters."""

TOGETHER = 4
"""Sentences of like length that go through the model at once, on one core: a third faster than all in one batch on two, which is
padded to the longest and makes the cores wait for each other at every step."""

COMPARED = ("nearness", "pieces", "least_piece", "asked_piece")
"""What `compare` tells of a sentence, in this order."""

QUESTION_WORDS = frozenset("what which who whom whose when where why how".split())

Array = Any

_loading = Lock()


@lru_cache(maxsize=1)
def _load() -> MiniLM:
    try:
        return MiniLM.packaged(FOLDER, threads=1)
    except Exception as e:
        raise EmbedderError(f"the sentence encoder in {FOLDER} cannot be loaded ({e}); reinstall byline") from e


def encoder() -> MiniLM:
    """The encoder, loaded once."""
    with _loading:
        return _load()


def preload() -> None:
    """Load the encoder beside what else an answer begins with, so that a first answer waits less (0.2 s)."""

    def load() -> None:
        with suppress(Exception):  # it comes again where the encoder is used
            encoder()

    if not _load.cache_info().currsize:
        Thread(target=load, name="byline-encoder").start()


@lru_cache(maxsize=16)  # an eval looks up again what was asked, to see what was found
def compare(question: str, sentences: tuple[str, ...], asked: str = "") -> Array:
    """How near each sentence comes to the question, float32 [sentences, COMPARED]. Not to be written to.

    First the cosine of both vectors. Then cosines of word pieces, each of the question with the one of the sentence that is nearest to
    it (the late interaction of ColBERT, Khattab and Zaharia 2020, https://arxiv.org/abs/2004.12832): their mean, the least of a content
    word, and that of the word `asked`, which says what is asked for ("retailer" in "which retailer"), or else of the last question word.
    """
    model = encoder()
    texts = (question[-MOST_CHARS:], *(s[:MOST_CHARS] for s in sentences))
    ids = model.tokenise(texts)
    states = _states(model, ids)
    pieces = [model.tokenizer.id_to_token(int(i)) for i in ids[0]]
    spoken = np.array([p[0].isalnum() or p.startswith("##") for p in pieces])
    content = spoken & [p not in STOPWORDS for p in pieces]
    wanted = _asked(pieces, asked)
    vectors = unit(np.stack([s.sum(axis=0) for s in states]))
    mine = unit(states[0])
    found = np.zeros((len(sentences), len(COMPARED)), dtype=np.float32)
    found[:, 0] = vectors[1:] @ vectors[0]
    for row, theirs in zip(found, states[1:], strict=True):
        if len(theirs) > 2 and spoken.any():  # more than the marks at both ends
            nearest = (mine @ unit(theirs[1:-1]).T).max(axis=1)
            row[1] = nearest[spoken].mean()
            row[2] = nearest[content].min(initial=1.0)
            row[3] = nearest[wanted] if wanted else 0.0
    found.setflags(write=False)
    return found


def _states(model: MiniLM, ids: list[Any]) -> list[Any]:
    """The states of the tokens of each text, [tokens, dimensions]."""
    longest_first = sorted(range(len(ids)), key=lambda i: -len(ids[i]))
    states: list[Any] = [None] * len(ids)

    def read(rows: list[int]) -> None:
        for row, found in zip(rows, model.outputs(*pad([ids[row] for row in rows])), strict=True):
            states[row] = found[: len(ids[row])]

    with ThreadPoolExecutor(cores(), "byline-encoder") as workers:
        list(workers.map(read, (longest_first[i : i + TOGETHER] for i in range(0, len(ids), TOGETHER))))
    return states


def _asked(pieces: Sequence[str], asked: str) -> int:
    """Where the word `asked` begins behind the first question word; else where the last question word is; or 0."""
    words = [i for i, p in enumerate(pieces) if p in QUESTION_WORDS]
    for i in range(min(words, default=0) + 1, len(pieces)):
        more = takewhile(lambda p: p.startswith("##"), pieces[i + 1 :])
        if asked and pieces[i] + "".join(p[2:] for p in more) == asked:
            return i
    return words[-1] if words else 0
