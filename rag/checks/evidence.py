"""What a claim is held against, and which sentences of it the claim is about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from index.split import sentences
from rag.checks.tokens import tokens

SMALL = 12
"""Numbers up to this one stand in any long text by chance."""

MOST_SENTENCES = 4
"""Sentences that bear on one sentence of a claim at most."""

_MANY = re.compile(r"[.!?…][”\"’')\]]*\s|\n|[。！？।]")
_TELLS = re.compile(
    r"\byou must (?:answer|say|write|reply|respond|not mention)\b|\b(?:ignore|disregard|forget) (?:the|all|any|your|every)\b"
    r".{0,40}\b(?:instruction|prompt|rule|article|above|previous)|\b(?:AI|language) (?:assistants?|models?)\b.{0,60}:"
    r"|\b(?:answer|reply|respond) (?:only )?(?:that|with)\b.{0,60}\bwhenever\b",
    re.I | re.S,
)
_SENTENCE_END = re.compile(r"[.!?][”\"’')\]]*\s+(?=[A-Z“\"])")


@dataclass(frozen=True, slots=True)
class Evidence:
    """The text of cited lines.

    `context` are words around them (the article's title and publisher, the sentences before): they may say who
    "he" is, but prove nothing else. `date` is the article's ISO date, which gives "Monday" its meaning.
    """

    text: str
    context: tuple[str, ...] = ()
    date: str | None = None


def bearing(claim: str, evidence: Sequence[Evidence]) -> list[Evidence]:
    """The fewest sentences of the evidence that hold the claim's words, the one with most of them first.

    A small number stands in any long text by chance: a sentence that brings nothing but one is not taken.
    """
    wanted = _words(claim)
    left = {t for t in wanted if not _small(t)}
    rest = [(Evidence(s, e.context, e.date), words) for e in evidence for s, words in _split(e.text)]
    chosen: list[Evidence] = []
    limit = MOST_SENTENCES * (1 + len(_SENTENCE_END.findall(claim)))
    while rest and len(chosen) < limit:
        # Of equal sentences the shorter one, which is more about it.
        best = max(rest, key=lambda r: (len(left & r[1]), len(wanted & r[1]), -len(r[1])))
        gain = left & best[1]
        if chosen and not gain:
            break
        chosen.append(best[0])
        left -= gain
        rest.remove(best)
    return chosen


def _words(text: str) -> frozenset[str]:
    return frozenset(t.key for t in tokens(text) if t.content)


def stated(evidence: Evidence) -> list[Evidence]:
    """The evidence without sentences that tell an assistant what to write: they are text, but they state nothing."""
    if not _TELLS.search(evidence.text):
        return [evidence]
    kept = " ".join(s for s, _ in _split(evidence.text) if not _TELLS.search(s))
    return [Evidence(kept, evidence.context, evidence.date)] if kept else []


def _small(term: str) -> bool:
    return term.isdecimal() and len(term) < 3 and int(term) <= SMALL


@lru_cache(maxsize=16_384)
def _split(text: str) -> tuple[tuple[str, frozenset[str]], ...]:
    spans = sentences(text) if _MANY.search(text) else []
    parts = [text[s.start : s.end] for s in spans] or [text]
    return tuple((p, _words(p)) for p in parts)
