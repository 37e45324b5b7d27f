"""Roles: who did it to whom."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from rag.checks.attribution import INVERTED, SPEECH
from rag.checks.dates import moments
from rag.checks.names import names, same_name
from rag.checks.tokens import IRREGULAR, Token, tokens

_APPOSITION = re.compile(r",[^,;]{2,90},(?=\s+(?:who|has|had|have|was|were|is|will|would|[a-z]+ed)\b)")
_SHORT = re.compile(r"\b(Gen|Mr|Mrs|Ms|Dr|Sen|Rep|Lt|Col|Sgt|Maj|Brig|Gov)\.")
_BRACKETS = re.compile(r"\s*\([^()]*\)")
_BE = frozenset("was were been be being is are am got".split())
_BETWEEN = frozenset("has had have also later then who to the a and just once again".split())
_BREAK = re.compile(r"[.,;:!?“”\"()—–]")
_AUXILIARY = _BE | frozenset("has had have is are also later then who now still just already once again".split())
_IN = frozenset("in with from at on for".split())
_ARTICLES = frozenset("the a an its his her their".split())
_FAR = 4
"""Words between a verb and its name at most, titles and "had also" among them."""

Role = tuple[str, str | None, str | None]
"""The key of a verb, the last name of who does it and of whom it is done to."""


def check_roles(claim: str, sources: Sequence[str]) -> list[str]:
    """Names that stand on one side of a verb in the claim and only on the other in the sources: A told B, B told A."""
    theirs = [role for s in sources for role in _roles(s)]
    reasons = []
    for verb, *mine in _roles(claim):
        same = [sides for key, *sides in theirs if key == verb]
        for i, name in enumerate(mine):
            if name is None or any(s[i] and same_name(name, s[i] or "") for s in same):
                continue
            if any(same_name(name, s[1 - i] or "") for s in same):
                reasons.append(
                    f"{name} {'does' if i == 0 else 'suffers'} in the claim what the cited lines have the other way round"
                )
    return reasons


def check_sides(claim: str, sources: Sequence[str]) -> list[str]:
    """A verb whose doer in the sources stands only on its other side in the claim: the press got it, it got it from the press."""
    mine = tokens(claim)
    reasons = []
    for verb, doers in _passives(claim):
        before, behind = ({t.key for t in part} for part in (mine[: verb.place], mine[verb.place :]))
        for source in sources:
            theirs = [other for v, other in _doers(source) if v.key == verb.key]
            if all(other.key not in {d.key for d in doers} for other in theirs):
                reasons += [_turned(other, verb, doers[-1]) for other in theirs if other.key in before - behind]
    for verb, doer in _doers(claim) if " by " not in claim else ():
        before, behind = ({t.key for t in part} for part in (mine[: verb.place], mine[verb.place :]))
        for source in sources:
            theirs = [other for v, other in _doers(source) if v.key == verb.key]
            theirs += [other for v, others in _passives(source) if v.key == verb.key for other in others]
            if all(other.key != doer.key for other in theirs):
                reasons += [_turned(other, verb, doer) for other in theirs if other.key in behind - before]
    return reasons


def _turned(theirs: Token, verb: _Verb, mine: Token) -> str:
    return f"in the cited lines it is {theirs.text} that {verb.text}, in the claim {mine.text}"


class _Verb(NamedTuple):
    key: str
    text: str
    place: int


@lru_cache(maxsize=16_384)
def _doers(text: str) -> tuple[tuple[_Verb, Token], ...]:
    """Each verb in the active voice that is told by its form, with the word of content just before it."""
    text = _BRACKETS.sub("", text)
    found = tokens(text)
    out = []
    for i, token in enumerate(found):
        low = token.text.lower()
        j = i - 1
        while j >= 0 and found[j].text.lower() in _AUXILIARY:
            j -= 1
        being = any(t.text.lower() in _BE for t in found[j + 1 : i])
        verb = being if low.endswith("ing") else (low.endswith("ed") or low in IRREGULAR) and not being
        by = found[i + 1].text.lower() == "by" if i + 1 < len(found) else False
        if not verb or by or j < 0 or low in SPEECH or not found[j].content:
            continue
        if j and found[j - 1].text.lower() in _IN:
            continue  # "people in coats debated": the coats did not
        if not _BREAK.search(text[found[j].end : token.start]):
            out.append((_Verb(token.key, token.text, i), found[j]))
    return tuple(out)


@lru_cache(maxsize=16_384)
def _passives(text: str) -> tuple[tuple[_Verb, tuple[Token, ...]], ...]:
    """Each verb in the passive voice, and the words of content that say by whom."""
    found = tokens(text)
    out = []
    for i, token in enumerate(found[:-2]):
        low = token.text.lower()
        being = any(t.text.lower() in _BE for t in found[max(0, i - 3) : i])
        if not being or found[i + 1].text.lower() != "by" or not (low.endswith("ed") or low in IRREGULAR):
            continue
        doers: list[Token] = []
        for last, word in zip(found[i + 1 :], found[i + 2 : i + 2 + _FAR + 2], strict=False):
            if _BREAK.search(text[last.end : word.start]) or not (word.content or word.text.lower() in _ARTICLES):
                break
            doers += [word] * word.content
        if doers and not any(c.isdigit() for c in doers[0].text) and not moments(doers[0].text):
            out.append((_Verb(token.key, token.text, i), tuple(doers)))
    return tuple(out)


@lru_cache(maxsize=16_384)
def _roles(text: str) -> tuple[Role, ...]:
    """The verbs in the active voice that have a name directly before or behind them."""
    text = _SHORT.sub(r"\1", _APPOSITION.sub("", _BRACKETS.sub("", text)))
    found = tokens(text)
    named = {t.start for name in names(text) for t in name}
    roles = []
    for i, token in enumerate(found):
        low, after = token.text.lower(), found[i + 1].text.lower() if i + 1 < len(found) else ""
        passive = any(t.text.lower() in _BE for t in found[max(0, i - 2) : i]) or after == "by"
        if token.content and not token.capital and token.text.isalpha() and not passive and low not in INVERTED:
            who = _name(text, found[i::-1], named)
            whom = _name(text, found[i:], named)
            if who or whom:
                roles.append((token.key, who, whom))
    return tuple(roles)


def _name(text: str, along: Sequence[Token], named: set[int]) -> str | None:
    """The last name of the first name along the words from a verb, if nothing but titles and the like comes between."""
    for j, token in enumerate(along[1 : _FAR + 2], 1):
        first, last = sorted((along[j - 1], token), key=lambda t: t.start)
        if _BREAK.search(text[first.end : last.start]):
            return None
        if token.start in named:
            while j + 1 < len(along) and along[j + 1].start in named and along[j + 1].start > token.start:
                j += 1  # forwards, a family name comes last
            his = along[j].start < along[0].start and text[along[j].end - 2 : along[j].end] in ("'s", "’s")
            return None if his else along[j].text  # "Holm's praise" is praise by or for her
        if not token.capital and token.text.lower() not in _BETWEEN:
            return None
    return None
