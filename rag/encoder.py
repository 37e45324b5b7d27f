"""How near sentences are to a question in meaning, by a small sentence encoder that comes with Byline.

`encoder/` holds three layers of 384 dimensions that give a sentence nearly the vector that all-MiniLM-L6-v2 gives it (Apache-2.0,
sentence-transformers; six layers), trained further to tell the sentence that answers from those beside it.
`benchmarks/encoder.py` and `benchmarks/distil.py` made it and say how. The weights are stored with one byte each.
docs/lab-notes.md has the figures.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import numpy as np

from index.errors import EmbedderError
from index.minilm import MiniLM, cores, pad

FOLDER = Path(__file__).parent / "encoder"

MOST_CHARS = 240
"""Only the beginning of a longer sentence is read, some 50 word pieces: a quarter faster than with 400 characters."""

TOGETHER = 4
"""Sentences of like length that go through the model at once, on one core: a third faster than all in one batch on two, which is
padded to the longest and makes the cores wait for each other at every step."""

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
def cosines(question: str, sentences: tuple[str, ...]) -> Array:
    """Cosine of each sentence's vector with the question's, float32 [sentences]. Not to be written to."""
    model = encoder()
    ids = model.tokenise([question[-MOST_CHARS:], *(s[:MOST_CHARS] for s in sentences)])
    longest_first = sorted(range(len(ids)), key=lambda i: -len(ids[i]))
    vectors = np.empty((len(ids), model.dimensions), dtype=np.float32)

    def embed(rows: list[int]) -> None:
        vectors[rows] = model.run(*pad([ids[row] for row in rows]))

    with ThreadPoolExecutor(cores(), "byline-encoder") as workers:
        list(workers.map(embed, (longest_first[i : i + TOGETHER] for i in range(0, len(ids), TOGETHER))))
    return vectors[1:] @ vectors[0]
