"""Both sides: sentences of different files that disagree on the asked fact.

Deterministic; no model. Two sentences are compared only where they hold the same words of the question,
in passages about the same. They disagree where

- their words are the same but for a value of the asked kind (another name, number or day),
- they count what a "how many" question counts, and the numbers differ,
- one affirms a word of the question and the other denies it (signed, unsigned, not signed).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

from index.spelling import as_asked, names, one_form, terms
from index.words import STOPWORDS, fold, stem
from rag.cite import citations
from rag.question import Query
from rag.same import Token, tokens
from rag.types import Claim, Conflict, Hit

LONGEST_NAME = 5
"""Words of a name at most."""

LOOKED_AT = 40
"""Best sentences that are compared with each other."""

ABOUT = 0.5
"""Share of the question's terms that the passages of both sides must hold, with their titles. Not weighted by
idf: where all articles are about the question, its words would weigh nothing."""

SAME_FRAME = 0.8
"""Share of their other words that two sentences must have in common for a swapped value to count."""

HELD, ABOUT_OTHERS = 0.5, 0.75
"""Shares of the question's terms that sentences in other words must each hold, and their passages."""

FRAME_WORDS = {"name": 3, "number": 2, "day": 2}
"""Words that they must have in common at least, by the kind of value."""

NAMED = 0.6
"""Share of the question's names that the passages of both sides must hold."""

_WORD = re.compile(r"[^\W_]+")
_DENIES = 2  # words between "not" or "no" and what it denies, at most
_YEAR = re.compile(r"(?:19|20)\d\d")
_MONTH = re.compile(r"(?:Jan|Febr)uary|March|April|May|June|July|August|(?:Septem|Octo|Novem|Decem)ber")
_WEEKDAY = re.compile(r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day")
_ASKS_NUMBER = re.compile(r"\bhow (?:many|much|large|big|old|long|far|often|high|tall)\b", re.I)
_ASKS_DAY = re.compile(r"\bwhen\b|\b(?:what|which)\b(?: \w+){0,4} (?:day|date|year|month|time)\b", re.I)
_ASKS_NAME = re.compile(r"\bwho(?:m|se)?\b|\bwhere\b|\bwhich\b", re.I)
_ASKS_YES = re.compile(r"^\W*(?:is|are|was|were|do|does|did|has|have|had|will|would|can|could|should)\b", re.I)
_COUNTED = re.compile(r"\bhow many (?:more |other )?((?:[^\W\d_]+ ){0,2}[^\W\d_]+)", re.I)


class _Side(NamedTuple):
    """A sentence, the words of it that matter, and the words of the question that it and its passage hold."""

    hit: Hit
    tokens: tuple[Token, ...]
    holds: frozenset[str]
    about: frozenset[str]


def conflicts(query: Query, hits: Sequence[Hit]) -> tuple[Conflict, ...]:
    """The disagreement on what `query` asks among the best of `hits` (no header lines, no page furniture), as one
    Conflict, or none.

    Each side is a sentence with the places of all sentences that give the same value, the best one first.
    """
    sides = _sides(query, hits)
    values: dict[str, list[Hit]] = {}  # the sentences that give each value
    for a, b in combinations(sides, 2):
        if {a.hit.file, *(h.file for h in a.hit.also)} & {b.hit.file, *(h.file for h in b.hit.also)}:
            continue
        if not _comparable(query, a, b):
            continue
        for x, y in _disagreement(query, a, b):
            for value, hit in ((x, a.hit), (y, b.hit)):
                if hit not in values.setdefault(value, []):
                    values[value].append(hit)
    if not values:
        return ()
    claims = []
    for same in values.values():
        every = [place for hit in same for place in (hit, *hit.also)]
        claims.append(Claim(" ".join(same[0].text.split()), tuple(citations(every)), "supported"))
    return (Conflict(tuple(claims)),)


def _sides(query: Query, hits: Sequence[Hit]) -> list[_Side]:
    """The best sentences as sides."""
    passages: dict[tuple[str, int], set[str]] = {}
    holds = []
    for hit in hits:
        holds.append(frozenset(query.idf.keys() & {*query.terms_of(hit.text, hit.date)}))
        for h in (hit, *hit.also):
            if (h.file, h.passage) not in passages:
                passages[h.file, h.passage] = query.idf.keys() & {*query.terms_of(h.title or "", h.date)}
            passages[h.file, h.passage] |= holds[-1]
    return [
        _Side(hit, tokens(hit.text), held, frozenset(passages[hit.file, hit.passage]))
        for hit, held in list(zip(hits, holds, strict=True))[:LOOKED_AT]
        if held
    ]


def _comparable(query: Query, a: _Side, b: _Side) -> bool:
    """Whether the passages of two sentences are about what the question is about."""
    both, asked = a.about & b.about, _asked(query)
    named = _named(query.text)
    enough = len(both & asked) >= ABOUT * len(asked) and len(both & named) >= NAMED * len(named)
    return enough and all(t in both for t in asked if _YEAR.fullmatch(t))


def _asked(query: Query) -> set[str]:
    """Terms of the question that articles may hold too."""
    return set(query.terms) - {"mani", "much"}


@lru_cache(maxsize=64)
def _named(text: str) -> set[str]:
    """Terms of the question's names."""
    return {t for word in _WORD.findall(one_form(text)) if word[0].isupper() for t in terms(word)}


def _disagreement(query: Query, a: _Side, b: _Side) -> Iterator[tuple[str, str]]:
    """The values of the asked kind that differ, as (a's, b's)."""
    if _ASKS_YES.search(query.text):
        yield from _polarity(query, a, b)
        return
    words = [{t for t in side.holds if not t.isdigit()} for side in (a, b)]
    if words[0] and words[0] == words[1]:
        yield from _swapped(query, a, b)
    if _ASKS_NUMBER.search(query.text):
        yield from _counts(query, a, b)


def _others_comparable(query: Query, a: _Side, b: _Side, besides: set[str]) -> bool:
    """Whether sentences in other words are about what the question asks, the words `besides` left out."""
    asked = _asked(query) - besides
    held = all(len(s.holds & asked) >= HELD * len(asked) for s in (a, b))
    return held and len(a.about & b.about & asked) >= ABOUT_OTHERS * len(asked)


def _swapped(query: Query, a: _Side, b: _Side) -> Iterator[tuple[str, str]]:
    """Values that differ between sentences that are the same for the rest."""
    codes = SequenceMatcher(None, [t.key for t in a.tokens], [t.key for t in b.tokens], autojunk=False).get_opcodes()
    same = sum(i2 - i1 for tag, i1, i2, _, _ in codes if tag == "equal")
    pairs = [(a.tokens[i1:i2], b.tokens[j1:j2]) for tag, i1, i2, j1, j2 in codes if tag == "replace"]
    values = [(x, y) for x, y in pairs if _is_value(query, x) and _is_value(query, y) and _differ(x, y)]
    rest = max(len(a.tokens) - sum(len(x) for x, _ in values), len(b.tokens) - sum(len(y) for _, y in values))
    frame = [t.raw for tag, i1, i2, _, _ in codes if tag == "equal" for t in a.tokens[i1:i2]]
    dateline = any(map(_MONTH.fullmatch, frame)) and not any(raw[0].islower() for raw in frame)
    if same < SAME_FRAME * rest:
        return
    for x, y in values:
        kind = "day" if _ASKS_DAY.search(query.text) else "number" if x[0].raw.isdigit() else "name"
        if same >= FRAME_WORDS[kind] and not dateline:
            yield " ".join(t.key for t in x), " ".join(t.key for t in y)


def _is_value(query: Query, span: Sequence[Token]) -> bool:
    """Whether a span is a value of the kind that the question asks for, and nothing else."""
    days = [bool(_MONTH.fullmatch(t.raw) or _WEEKDAY.fullmatch(t.raw)) for t in span]
    counts = [t.raw[0].isdigit() or t.key == "dozen" for t in span]
    if _ASKS_DAY.search(query.text):
        return all(d or c for d, c in zip(days, counts, strict=True))
    if _ASKS_NUMBER.search(query.text):
        return all(counts)
    name = len(span) <= LONGEST_NAME and all(t.raw[0].isupper() or t.raw.isdigit() for t in span) and not any(days)
    return name and not all(counts) if _ASKS_NAME.search(query.text) else name or all(counts)


def _differ(x: Sequence[Token], y: Sequence[Token]) -> bool:
    """Whether two values are not the same one in other words: "William Seely" is "Seeley", "Seely III" too."""
    few, many = sorted((x, y), key=len)
    text = " ".join(t.raw for t in many)
    asked = names(" ".join(t.raw for t in few), lambda _: True)
    there = {*as_asked("", asked, text, None), *(t.key for t in many)}
    return not {t.key for t in few} <= there


def _counts(query: Query, a: _Side, b: _Side) -> Iterator[tuple[str, str]]:
    """Different numbers of what the question counts."""
    counted = _COUNTED.search(query.text)
    if not counted or not _named(query.text) <= a.holds & b.holds or not _others_comparable(query, a, b, set()):
        return
    nouns = {stem(fold(w)) for w in counted[1].split()} - STOPWORDS
    x, y = _numbers_of(a.tokens, nouns), _numbers_of(b.tokens, nouns)
    if len(x) == 1 and len(y) == 1 and x != y:
        yield x.pop(), y.pop()


def _numbers_of(tokens: Sequence[Token], nouns: set[str]) -> set[str]:
    """Numbers that stand at most two words before one of `nouns`."""
    found: set[str] = set()
    for i, token in enumerate(tokens):
        if token.key in nouns:
            found.update(t.key for t in tokens[max(0, i - 3) : i] if t.raw.isdigit() or t.key == "dozen")
    return found


def _polarity(query: Query, a: _Side, b: _Side) -> Iterator[tuple[str, str]]:
    """A word of the question that one side affirms and the other denies."""
    for term in sorted({t.removeprefix("un") for t in query.terms}):
        if _others_comparable(query, a, b, {term, f"un{term}"}):
            x, y = _affirms(a.tokens, term), _affirms(b.tokens, term)
            if x is not None and y is not None and x != y:
                yield f"{x} {term}", f"{y} {term}"


def _affirms(tokens: Sequence[Token], term: str) -> bool | None:
    """Whether the sentence says `term` (True) or denies it (False); None where it does neither, or both."""
    said = set()
    for i, token in enumerate(tokens):
        if token.key in (term, f"un{term}", f"non{term}"):
            denied = any(t.key == "not" for t in tokens[max(0, i - _DENIES) : i])
            said.add((token.key == term) != denied)
    return said.pop() if len(said) == 1 else None
