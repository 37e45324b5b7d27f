"""Follow-ups: what a question leaves out that the conversation before it said."""

from __future__ import annotations

import re
from collections.abc import Sequence

from index.errors import ModelError
from index.words import terms
from rag.checks.names import names
from rag.llm import Deadline, Reply
from rag.prompts import condense

Turn = tuple[str, str]
"""A question and its answer (may be empty)."""

TURNS = 4
"""Turns that are looked back at."""

_POINTS = re.compile(r"\b(?:he|she|it|they|him|her|them|his|hers|its|their|theirs|there|those|these|the same)\b", re.I)
_GOES_ON = re.compile(r"^\W*(?:and|but|or|so|also|then|what about|how about|what else|who else|why not)\b", re.I)


def stands_alone(question: str) -> bool:
    """Whether the question can be understood, and searched, by itself."""
    if _GOES_ON.search(question) or len(set(terms(question))) < 2:
        return False
    points = _POINTS.search(question)
    # "What did Holm say he would do?": the name before it tells who "he" is.
    return points is None or any(name[0].start < points.start() for name in names(question))


def carried(question: str, turns: Sequence[Turn]) -> tuple[str, ...]:
    """What a search for `question` must add: nothing where it stands alone, else the questions back to the last
    that does, and the names of the answer before."""
    if not turns or stands_alone(question):
        return ()
    texts: list[str] = []
    for earlier, _ in reversed(turns[-TURNS:]):
        texts.insert(0, earlier)
        if stands_alone(earlier):
            break
    answered = " ".join(dict.fromkeys(t.text for name in names(turns[-1][1]) for t in name))
    return (*texts, answered) if answered else tuple(texts)


def condensed(question: str, turns: Sequence[Turn], model: object, deadline: Deadline) -> str | None:
    """`question` rewritten by the model so that it stands alone; None where that fails or is not needed."""
    if not turns or stands_alone(question):
        return None
    try:
        text = "".join(Reply(model, condense(question, turns[-TURNS:]), deadline, stream=False))
    except ModelError:
        return None  # the search goes on with what is carried over, and the writer meets the same fault
    line = " ".join(text.split()).strip('"“” ')
    return line if 0 < len(line) <= 4 * len(question) + 400 and terms(line) else None
