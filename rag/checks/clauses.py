"""Clauses: what is put together in the claim must be together in a sentence, and "because" must join the same things."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.checks.cover import cover
from rag.checks.names import title
from rag.checks.tokens import tokens
from rag.checks.wording import absent

_CLAUSE_END = re.compile(r"[,;:—–]\s|\b(?:and|but|while|who|which|that|because|after|before|as|when|where)\b")
_POINTS_BACK = re.compile(r"\b(?:it|he|she|they|his|her|their|them|him|its|this|these|those|such)\b", re.I)
_JOINS = re.compile(r"\b(because|after|before|following)\b", re.I)
_STOPS = re.compile(r"[,;:.—–]\s|$")
_CAUSES = re.compile(
    r"\b(?:because|due|caus\w+|led|lead\w*|prompt\w*|result\w*|respon\w+|retaliat\w+|since|so|over|for|trigger\w*|spark\w*|reason\w*"
    r"|why|thus|therefore|given|as|thanks|amid|to)\b",
    re.I,
)


_BACK_TO_CAUSE = re.compile(
    r"^(?:because|so|thus|therefore|hence|that is why|this is why|as a result|for this reason)\b|\b(?:the reasons?|reasons? (?:was|is|for)|explain\w*|why)\b",
    re.I,
)
_SOME = 1 / 3
"""Share of the words on either side of "because" that a sentence must hold to be about both."""


def check_order(claim: str, sources: Sequence[str]) -> list[str]:
    """Two things of which the sources have the other first, or as the cause; and a cause where the sources have none."""
    reasons = []
    if re.search(r"\bbecause\b", claim, re.I) and not any(map(_CAUSES.search, sources)):
        reasons.append("the cited lines give no cause")
    elif _apart(claim, sources):
        reasons.append("the cited lines do not join the two by “because”")
    for word, behind, rest in _joined(claim):
        for source in sources:
            for other, theirs, others in _joined(source):
                if (
                    word == other
                    and len(theirs & rest) > len(theirs & behind)
                    and len(behind & others) > len(behind & theirs)
                ):
                    reasons.append(f"the cited lines have it the other way round with “{word}”")
    return reasons


def _apart(claim: str, sources: Sequence[str]) -> bool:
    """Whether "because" joins what stands in two sentences, of which neither gives or points back to a cause."""
    for word, behind, rest in _joined(claim):
        if word == "because" and behind and rest:
            keys = [frozenset(t.key for t in tokens(s)) for s in sources]
            one = any(len(k & behind) >= _SOME * len(behind) and len(k & rest) >= _SOME * len(rest) for k in keys)
            return not one and not any(_BACK_TO_CAUSE.search(s) for s in sources)
    return False


def scattered(claim: str, sources: Sequence[str], told: Sequence[str] = ()) -> list[str]:
    """Words that a clause of the claim puts beside others, and that no one sentence of the sources has beside them.

    Words of the question and of the answer so far, `told`, may stand in them for others; where a sentence points back
    ("it", "such a move"), what it points to may stand in another.
    """
    known = {t.key for text in told for t in tokens(text)}
    found = []
    for clause in _CLAUSE_END.split(claim):
        lacks = [(absent(clause, cover(clause, [s])[1], [s]), s) for s in sources if len(clause.split()) > 1]
        fewest, best = min(lacks, key=lambda x: (len(x[0]), not _POINTS_BACK.search(x[1])), default=([], ""))
        if not _POINTS_BACK.search(best):
            words = [t for w in fewest for t in tokens(w)[:1] if not title(t)]
            found += [t.text for t in words if t.key not in known]
    return found


def _joined(text: str) -> list[tuple[str, frozenset[str], frozenset[str]]]:
    """Each "because" and the like, the keys of the words of content in its clause, and those of the rest of the text."""
    out = []
    for match in _JOINS.finditer(text):
        end = _STOPS.search(text, match.end())
        stop = end.start() if end else len(text)
        behind, rest = (
            frozenset(t.key for t in tokens(part) if t.content)
            for part in (text[match.end() : stop], text[: match.start()] + " " + text[stop:])
        )
        out.append((match[1].lower(), behind - rest, rest - behind))
    return out
