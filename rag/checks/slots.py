"""Slots: one name, number or denial put in the place of another, where the rest of the sentence is the same."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from difflib import SequenceMatcher

from rag.checks.dates import moments
from rag.checks.names import names, same_name
from rag.checks.negation import is_cue, opposite
from rag.checks.quantities import numbers
from rag.checks.tokens import Token, tokens
from rag.checks.wording import neutral

_LIKENESS = 0.6
"""Share of the claim's words that a sentence must hold in the same order before differences count."""

_DENIES = "the claim denies what the cited lines say"
_DENIED = "the cited lines deny what the claim says"
_COPIED = 0.75
"""The same, for a claim that counts as copied."""

_SHORT = 6
"""Words below which a claim is like many sentences."""

_DATELINE = re.compile(r"^\s*[A-Z][A-Z .,’'-]+(?:\([^)]*\)\s*)?[—–-]\s")
"""BAGHDAD — stands before a sentence, not in it."""

_PARALLEL = 0.9
"""Share of a claim's words that must stand in a sentence, in its order, to be a part of it."""

_LONGEST = 6
"""Words in a difference at most; longer ones are other wording."""


def check_slots(claim: str, sources: Sequence[str], context: Sequence[str] = ()) -> list[str]:
    """Differences between the claim and the source sentence most like it that change who, where, when or whether.

    The words around the sources tell which words are names where one begins a sentence.
    """
    known = {t.key for text in (claim, *sources, *context) for name in names(text) for t in name}
    mine = tokens(claim)
    reasons = []
    for tag, here, there, inside in _differences(mine, sources, _LIKENESS):
        denies, denied = any(map(is_cue, here)), any(map(is_cue, there))
        if denies != denied:
            # What only the source has may be a clause of its own: "the clerk, who was not named, keeps".
            apart = not here and not is_cue(there[-1])
            if inside and not apart and not _said_otherwise(here, there):
                reasons.append(_DENIES if denies else _DENIED)
        elif tag == "replace":
            reasons += _replaced(here, there, known)
    return reasons


def other_words(claim: str, sources: Sequence[str], context: Sequence[str] = ()) -> list[str]:
    """Words of a claim that is copied but for them, and that nothing has: the lines say surveying, the claim nursing."""
    if len(tokens(claim)) < _SHORT:
        return []
    around = {t.key for text in (*sources, *context) for t in tokens(text)}
    reasons = []
    for tag, here, there, _ in _differences(tokens(claim), sources, _COPIED):
        mine, theirs = [t for t in here if t.content], [t for t in there if t.content]
        mine = [t for t in mine if not neutral(t.text)]
        if tag == "replace" and mine and theirs and not any(t.key in around for t in mine):
            have, says = (" ".join(t.text for t in words) for words in (theirs[:3], mine[:3]))
            reasons.append(f"the cited lines have {have}, the claim {says}")
    return reasons


def check_parallel(claim: str, sources: Sequence[str]) -> list[str]:
    """A claim that leaves out the end of one clause and the beginning of the next: A came from X and B came from Y."""
    mine = tokens(claim)
    for source in sources:
        theirs = tokens(source)
        same, matcher = _aligned(mine, theirs)
        if same < _PARALLEL * len(mine):
            continue
        for tag, a, _, b1, b2 in matcher.get_opcodes():
            left = theirs[b1:b2]
            if tag != "insert" or not 0 < a < len(mine) or not any(t.capital and not t.begins for t in left):
                continue
            if _repeats(left[::-1], mine[a - 1 :: -1]) or _repeats(left, mine[a:]):
                return [f"the cited lines say that of two: “{source[left[0].start : left[-1].end]}” is left out"]
    return []


def _aligned(mine: Sequence[Token], theirs: Sequence[Token]) -> tuple[int, SequenceMatcher[str]]:
    """How many words both have in the same order, and what goes where."""
    matcher = SequenceMatcher(None, [t.key for t in mine], [t.key for t in theirs], autojunk=False)
    return sum(b.size for b in matcher.get_matching_blocks()), matcher


def _repeats(left: Sequence[Token], beside: Sequence[Token]) -> bool:
    """Whether both begin alike up to a word of content that is no name: "from reported", "reported"."""
    for a, b in zip(left[:2], beside[:2], strict=False):
        if a.key != b.key or a.capital:
            return False
        if a.content:
            return True
    return False


def _differences(
    mine: Sequence[Token], sources: Sequence[str], likeness: float
) -> Iterator[tuple[str, Sequence[Token], Sequence[Token], bool]]:
    """Where the claim differs from the sentence most like it: how, the words of both, whether inside the claim."""
    best: tuple[int, tuple[Token, ...], SequenceMatcher[str]] | None = None
    for source in sources:
        theirs = tokens(_DATELINE.sub("", source))
        same, matcher = _aligned(mine, theirs)
        if best is None or same > best[0]:
            best = same, theirs, matcher
    if best is None or best[0] < likeness * len(mine):
        return
    _, theirs, matcher = best
    for tag, a1, a2, b1, b2 in matcher.get_opcodes():
        ends = a2 == len(mine)  # where the claim ends, the sentence may go on
        if tag != "equal" and a2 - a1 <= _LONGEST and (b2 - b1 <= _LONGEST or ends):
            yield tag, mine[a1:a2], theirs[b1:b2], a1 > 0 and a2 < len(mine)


def _replaced(here: Sequence[Token], there: Sequence[Token], known: Set[str]) -> list[str]:
    for a in here:
        for b in there:
            if opposite(a.text, b.text):
                return [f"the claim says {a.text}, the cited lines {b.text}"]
    dates_here, dates_there = (moments(" ".join(t.text for t in words)) for words in (here, there))
    if len(here) == len(there) == 1 and dates_here and dates_there:
        return [f"the cited lines have {there[0].text}, the claim {here[0].text}"]
    numbers_here, numbers_there = (numbers(" ".join(t.text for t in words)) for words in (here, there))
    if len(here) == len(there) == 1 and numbers_here and numbers_there and numbers_here != numbers_there:
        return [f"the cited lines have {there[0].text}, the claim {here[0].text}"]
    if here[0].begins and there[0].begins and {here[0].key, there[0].key} & known:
        known = {*known, here[0].key, there[0].key}
    mine, theirs = ([t.text for t in words if t.capital and t.content and t.key in known] for words in (here, there))
    if all(t.capital or not t.content for t in here) and any(t.content and not t.capital for t in there):
        return []  # a name for "the Iraqi leader": whether the lines know it, the check of names tells
    if mine and theirs and len(here) <= 4 and len(there) <= 4:
        strangers = [a for a in mine if not any(same_name(a, b) for b in theirs)]
        if len(strangers) == len(mine):
            return [f"the cited lines have {' '.join(theirs)}, the claim {' '.join(mine)}"]
    return []


def _said_otherwise(here: Sequence[Token], there: Sequence[Token]) -> bool:
    """Whether one side has "not signed" or "cannot" where the other has "unsigned" or "unable"."""
    words = [t.text for t in (*here, *there) if not is_cue(t)]
    return any(opposite(a, b) for i, a in enumerate(words) for b in words[i + 1 :])
