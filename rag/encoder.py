"""How near sentences are to a question in meaning, by a small sentence encoder that comes with Byline.

`encoder/` holds all-MiniLM-L6-v2 (Apache-2.0, sentence-transformers; six layers, 384 dimensions), trained further to tell
the sentence that answers from those beside it; `benchmarks/encoder.py` made it and says how. The weights are stored with
one byte each. docs/lab-notes.md has the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from index.minilm import MiniLM

FOLDER = Path(__file__).parent / "encoder"

MOST_CHARS = 240
"""Only the beginning of a longer sentence is read, some 50 word pieces: a quarter faster than with 400 characters."""

Array = Any


_loading = Lock()


@lru_cache(maxsize=1)
def _load() -> MiniLM:
    return MiniLM.load(FOLDER)


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


def cosines(question: str, sentences: Sequence[str]) -> Array:
    """Cosine of each sentence's vector with the question's, float32 [sentences]."""
    vectors = encoder().embed([question[-MOST_CHARS:], *(s[:MOST_CHARS] for s in sentences)])
    return vectors[1:] @ vectors[0]
