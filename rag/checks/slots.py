"""Slots: one name, number or denial put in the place of another, where the rest of the sentence is the same."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from rag.checks.dates import moments
from rag.checks.names import same_name
from rag.checks.negation import is_cue, opposite
from rag.checks.quantities import numbers
from rag.checks.tokens import Token, tokens

_LIKENESS = 0.6
"""Share of the claim's words that a sentence must hold in the same order before differences count."""

_DENIES = "the claim denies what the cited lines say"
_DENIED = "the cited lines deny what the claim says"
_LONGEST = 6
"""Words in a difference at most; longer ones are other wording."""


def check_slots(claim: str, sources: Sequence[str]) -> list[str]:
    """Differences between the claim and the source sentence most like it that change who, where or whether."""
    mine = tokens(claim)
    best: tuple[float, tuple[Token, ...], SequenceMatcher[str]] | None = None
    for source in sources:
        theirs = tokens(source)
        matcher = SequenceMatcher(None, [t.key for t in mine], [t.key for t in theirs], autojunk=False)
        same = sum(b.size for b in matcher.get_matching_blocks())
        if best is None or same > best[0]:
            best = same, theirs, matcher
    if best is None or best[0] < _LIKENESS * len(mine):
        return []
    reasons = []
    _, theirs, matcher = best
    for tag, a1, a2, b1, b2 in matcher.get_opcodes():
        here, there = mine[a1:a2], theirs[b1:b2]
        if tag == "equal" or len(here) > _LONGEST or len(there) > _LONGEST:
            continue
        inside = a1 > 0 and a2 < len(mine)
        denies, denied = any(map(is_cue, here)), any(map(is_cue, there))
        if denies != denied:
            if inside and not _said_otherwise(here, there):
                reasons.append(_DENIES if denies else _DENIED)
        elif tag == "replace":
            reasons += _replaced(here, there)
    return reasons


def _replaced(here: Sequence[Token], there: Sequence[Token]) -> list[str]:
    for a in here:
        for b in there:
            if opposite(a.text, b.text):
                return [f"the claim says {a.text}, the cited lines {b.text}"]
    numbers_here, numbers_there = (numbers(" ".join(t.text for t in words)) for words in (here, there))
    if len(here) == len(there) == 1 and numbers_here and numbers_there and numbers_here != numbers_there:
        return [f"the cited lines have {there[0].text}, the claim {here[0].text}"]
    names_here, names_there = _names(here), _names(there)
    if names_here and names_there and len(here) <= 4 and len(there) <= 4:
        strangers = [a for a in names_here if not any(same_name(a, b) for b in names_there)]
        if len(strangers) == len(names_here):
            return [f"the cited lines have {' '.join(names_there)}, the claim {' '.join(names_here)}"]
    return []


def _names(words: Sequence[Token]) -> list[str]:
    return [t.text for t in words if t.capital and t.content and t.text[0].isalpha() and not moments(t.text)]


def _said_otherwise(here: Sequence[Token], there: Sequence[Token]) -> bool:
    """ "not signed" for "unsigned", "cannot" for "unable"."""
    words = [t.text for t in (*here, *there) if not is_cue(t)]
    return any(opposite(a, b) for i, a in enumerate(words) for b in words[i + 1 :])
