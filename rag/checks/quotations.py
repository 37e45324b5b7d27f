"""Quotations: word for word in one source, or they are none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

_QUOTED = re.compile(
    r"“([^“”]+)”|\"([^\"]+)\"|(?<![\w’'])‘([^‘]+?)’(?!\w)|(?<![\w'])'(?=\w)([^']*(?:\w'\w[^']*)*)'(?!\w)"
)
_WORDS = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_DOUBTS = frozenset(
    "maybe,perhaps,possibly,probably,not,never,if,unless,hardly,no,all but,anything but,far from,no longer".split(",")
)
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_ELLIPSIS = re.compile(r"…|\.\s?\.\s?\.")
_GAP = re.compile(rf"{_ELLIPSIS.pattern}|\[[^\]]*\]")  # brackets of the source's own are its words


def check_quotations(claim: str, sources: Sequence[str]) -> list[str]:
    """Quotations of the claim that do not stand word for word in one of the sources.

    Letter case, white space, the shape of quotation marks and the stops beside them do not count. An
    ellipsis or an editor's brackets leave words out; the parts must then stand in that order.
    """
    reasons = []
    for q in quotations(claim):
        standing = [s for s in sources if _stands(q, s)]
        doubts = [_doubt(q, s) for s in standing]
        if doubts and all(doubts) and not any(d in flatten(claim) for d in doubts):
            reasons.append(f"the quotation “{q}” leaves out{doubts[0]}".rstrip())
        # Two sentences of one speaker may be quoted in one, with "she said" between them left out.
        parts = _SENTENCES.split(q)
        if not standing and not all(len(p.split()) > 2 and any(_stands(p, s) for s in sources) for p in parts):
            reasons.append(f"these words are not in the cited lines: “{q}”")
    return reasons


def quotations(text: str) -> list[str]:
    """What stands between quotation marks."""
    return [next(filter(None, groups)) for groups in _QUOTED.findall(text) if any(groups)]


@lru_cache(maxsize=16_384)
def flatten(text: str) -> str:
    """Lower-cased words alone, with a blank at both ends."""
    return " " + " ".join(_WORDS.findall(text.lower().replace("’", "'"))) + " "


def _stands(quotation: str, source: str) -> bool:
    flat = flatten(source)
    if flatten(quotation) in flat:
        return True
    at = 0
    for part in (_ELLIPSIS if "[" in source else _GAP).split(quotation):
        words = flatten(part)
        if words.strip():
            at = flat.find(words, at)
            if at < 0:
                return False
            at += len(words) - 1
    return True


def _doubt(quotation: str, source: str) -> str:
    """What takes the quoted words back just before them ("maybe"), between blanks; "" where nothing does."""
    before = flatten(source).partition(flatten(quotation))[0].split()
    for n in (1, 2):
        words = " ".join(before[-n:])
        if words in _DOUBTS:
            return f" {words} "
    return ""
