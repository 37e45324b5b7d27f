"""The same thing said twice: wire copy, corrections and versions count once and carry all their places."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from index.spelling import one_form
from index.words import STOPWORDS, fold, stem
from rag.types import Hit

COMPARED = 100
"""Best sentences that are compared with each other; further ones are joined where they are equal."""

MORE_WORDS = 0.15
"""Share of its words that the longer of two such sentences may have alone."""

FEWEST_WORDS = 5
"""Shorter sentences are the same only where they are equal."""

_WORD = re.compile(r"[^\W_]+(?:['’](?=t\b))?")
_NEGATORS = frozenset("not no never cannot nothing neither nor without t".split())
_PLAIN_QUOTES = str.maketrans("“”‘’„", '""\'\'"')


class Token(NamedTuple):
    """A word that carries meaning: its stem ("not" for every negator), and as it is written in one form."""

    key: str
    raw: str


@lru_cache(maxsize=1024)
def tokens(text: str) -> tuple[Token, ...]:
    """The words of `text` in order, without function words but with negators."""
    found = []
    for raw in _WORD.findall(one_form(text)):
        folded = fold(raw.rstrip("'’"))
        if folded in _NEGATORS or raw[-1] in "'’":
            found.append(Token("not", raw))
        elif folded not in STOPWORDS:
            found.append(Token(stem(folded), raw))
    return tuple(found)


def join_same(hits: Sequence[Hit]) -> list[Hit]:
    """Hits that say the same become one, in the place of the best, which carries the others in `also`.

    The same are sentences with equal words (quotation marks' shapes aside), and those of which the longer
    one has a few words more, none of them a number or a negator: another number, name or denial is
    another statement. The first place is that of the earliest article in which the words stand as a whole
    sentence; a place is given once.
    """
    groups: list[list[Hit]] = []
    by_text: dict[str, list[Hit]] = {}
    words: list[tuple[Counter[str], int]] = []  # with their number
    for hit in hits:
        key = " ".join(hit.text.casefold().translate(_PLAIN_QUOTES).split())
        group = by_text.get(key)
        if group is None and len(by_text) < COMPARED:
            mine = (counted := _words(hit.text), counted.total())
            group = next((g for g, theirs in zip(groups, words, strict=False) if _same(mine, theirs)), None)
            if group is None:
                words.append(mine)
        if group is None:
            group = []
            groups.append(group)
        by_text[key] = group
        group.append(hit)
    return [_join(group) for group in groups]


def _words(text: str) -> Counter[str]:
    """How often each word comes; longer names inside the sentence, which `_same` asks for, keep their capital."""
    found = tokens(text)
    names = [i > 0 and t.raw[0].isupper() and len(t.raw) > 3 for i, t in enumerate(found)]
    return Counter(t.key.capitalize() if name else t.key for t, name in zip(found, names, strict=True))


def _same(one: tuple[Counter[str], int], other: tuple[Counter[str], int]) -> bool:
    (few, fewer), (many, more) = (one, other) if one[1] <= other[1] else (other, one)
    if fewer < FEWEST_WORDS or more - fewer > MORE_WORDS * more or not (few.keys() <= many.keys() and few <= many):
        return False
    return not any(word == "not" or word.isdigit() or word[:1].isupper() for word in many - few)


def _join(group: list[Hit]) -> Hit:
    best = group[0]
    if len(group) == 1:
        return best
    cover = best.parts.get("cover")
    asked = [h for h in group if h.parts.get("cover") == cover]
    first = min(asked, key=lambda h: (h.parts.get("fragment", 0), h.parts.get("furniture", 0), h.date or "9", h.file))
    others = {(h.file, h.line_start, h.line_end): h for h in reversed(group)}
    others.pop((first.file, first.line_start, first.line_end))
    also = sorted(others.values(), key=lambda h: (h.date or "9", h.file, h.start))
    return replace(first, score=best.score, parts=best.parts, also=tuple(also))
