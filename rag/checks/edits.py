"""Edits: how a claim came from its line, step by step, told in kinds of words instead of words.

A claim in the words of its line is the line with words left out, moved and put in. Which of these change what it says is learnt
(`rag/rewording.py`), and what is learnt from is this script: "before" and "after" are the words of the line around the part that
was kept, "delete" those left out within it, "back" a step back to words that the line has earlier. Names, numbers, nouns and verbs go by their kind;
only words that join, deny or limit ("of", "not", "former") go by themselves. So what is learnt in one field holds in others.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from rag.checks.attribution import SPEECH
from rag.checks.tokens import Token, tokens
from rag.checks.wording import neutral

MOST_STEPS = 96
"""Steps of a script at most; what follows is not read."""

MOST_WORDS = 100
"""Words of a claim that are read, and a quarter of those of its lines: time grows with the product of both."""

SUBJECT = 6
"""Words that a sentence begins with, its subject among them."""

BESIDE = 4
"""Words of the line before and behind what was kept, and at either end of what was left out, that a script tells."""

_WORDS = """in on at by for from to of with against over under into during before after since until through between among about as than near
toward towards within without may might could would should can will must not no never none nobody nothing neither nor cannot all some most many few
several only every each both any more less fewer least almost nearly around roughly exactly first last second third another other because so while when
if unless although though but however and or that which who whom whose where whether he she it they his her their its him them this these those is are was
were be been being the a an has have had do did does said says told former according due deputy next also""".split()
_KINDS = (
    """denial number name function adverb word past ing plural speech neutral comma quote bracket end start""".split()
)
_IDS = {name: i for i, name in enumerate([*_WORDS, *(f"<{kind}>" for kind in _KINDS)], 1)}

OPERATIONS = "keep insert insert-known delete before after back mark".split()
_OPERATION = {name: i for i, name in enumerate(OPERATIONS, 1)}

SIZES = (len(_IDS) + 1, len(OPERATIONS) + 1, 10, 3)
"""How many values each of the four numbers of a step has: word or kind, operation, how far from the step before, flag."""

_SENTENCE_END = re.compile(r"(?<=[.!?”\"])\s+(?=[A-Z“\"])")
_MARK = re.compile(r"(?P<quote>[“”\"])|(?P<end>[.!?;:])|(?P<bracket>[()—–])|(?P<comma>,)")
_CLAUSE = frozenset(
    "because since so after before while when if unless although though but however until as and or that which who whom whose where whether than".split()
)

Array = Any
_Step = tuple[int, int, int, int]


def script(claim: str, line: str, around: str = "") -> Array:
    """The steps from `line` to `claim`, uint8 [steps, 4]; `around` are words near the line that a claim may use ("he" is Holm).

    The numbers of a step: the word or its kind; the operation; for a kept word how far from the kept word before it the line
    has it; a flag (kept: whether in another clause; left out: whether used elsewhere; back: whether to the end of a clause;
    put in from around: whether in the sentence just before, and whether as what that begins with, which "he" mostly is).
    """
    mine, theirs = tokens(claim)[:MOST_WORDS], tokens(line)[: 4 * MOST_WORDS]
    places, used = _places([t.key for t in mine], [t.key for t in theirs])
    known = {t.key for t in tokens(around)}
    before = tokens(_SENTENCE_END.split(around)[-1])
    just_before, subject = {t.key for t in before}, {t.key for t in before[:SUBJECT]}
    marks = [_mark(line, a, b) for a, b in zip(theirs, theirs[1:], strict=False)]
    marks = ["start", *marks, "end"]
    clause = np.cumsum([bool(mark) or t.text.lower() in _CLAUSE for mark, t in zip(marks, theirs, strict=False)])
    kinds = [_kind(t) for t in theirs]

    def line_word(operation: str, j: int) -> _Step:
        return kinds[j], _OPERATION[operation], 0, 1 + (j in used)

    def line_mark(operation: str, j: int) -> list[_Step]:
        return [(_IDS[f"<{marks[j]}>"], _OPERATION[operation], 0, 0)] if marks[j] else []

    steps: list[_Step] = []
    first = places.get(min(places, default=0), 0)
    begins = next((j for j in range(first, 0, -1) if marks[j]), 0)
    steps += [line_word("before", j) for j in range(max(first - BESIDE, begins), first)]
    at: int | None = None
    for i, token in enumerate(mine):
        mark = _mark(claim, mine[i - 1], token) if i else ""
        if mark:
            steps.append((_IDS[f"<{mark}>"], _OPERATION["mark"], 0, 0))
        if i not in places:
            told = token.content and token.key in known
            steps.append(
                (
                    _kind(token),
                    _OPERATION["insert-known" if told else "insert"],
                    0,
                    told * ((token.key in just_before) + (token.key in subject)),
                )
            )
            continue
        j = places[i]
        far, other = 0, 0
        if at is not None:
            far, other = _far(j - at - 1), 1 + int(clause[j] != clause[at])
            left_out = list(range(at + 1, j))
            ends = left_out[:BESIDE] + left_out[max(BESIDE, len(left_out) - BESIDE) :]
            for k in ends:
                steps += [*line_mark("delete", k), line_word("delete", k)]
            if left_out:
                steps += line_mark("delete", j)
            if j < at:
                steps.append((_IDS["<start>"] if marks[j] else 0, _OPERATION["back"], far, 1 + bool(marks[at + 1])))
        steps.append((_kind(token), _OPERATION["keep"], far, other))
        at = j
    if at is not None:
        for j in range(at + 1, min(at + 1 + BESIDE, len(theirs))):
            if marks[j]:
                steps += line_mark("after", j)
                break
            steps.append(line_word("after", j))
    return np.array(steps[:MOST_STEPS], dtype=np.uint8).reshape(-1, 4)


def _places(mine: Sequence[str], theirs: Sequence[str]) -> tuple[dict[int, int], set[int]]:
    """Which word of the claim is which of the line: the longest runs that both have first (Wise, "Running Karp-Rabin
    matching and greedy string tiling", 1993); and the words of the line that are used."""
    places: dict[int, int] = {}
    used: set[int] = set()
    left = [(i, j) for i in reversed(range(len(mine))) for j in reversed(range(len(theirs))) if mine[i] == theirs[j]]
    while left:
        length: dict[tuple[int, int], int] = {}
        for i, j in left:  # the ends of runs come first
            length[i, j] = 1 + length.get((i + 1, j + 1), 0)
        i, j = max(left, key=lambda pair: (length[pair], -pair[0], -pair[1]))
        n = length[i, j]
        places |= {i + k: j + k for k in range(n)}
        used |= {j + k for k in range(n)}
        left = [(a, b) for a, b in left if a not in places and b not in used]
    return places, used


def _mark(text: str, before: Token, behind: Token) -> str:
    found = _MARK.search(text, before.end, behind.start)
    return str(found.lastgroup) if found else ""


def _far(steps: int) -> int:
    """The distance between two words in the line, in nine steps: 1 is next to each other, 7 to 9 are backwards."""
    return 1 + bisect_left((0, 1, 2, 3, 8), steps) if steps >= 0 else 7 + bisect_left((4, 10), -steps)


@lru_cache(maxsize=65_536)
def _kind(token: Token) -> int:
    word = token.text.lower()
    if word in _IDS:
        return _IDS[word]
    if word in SPEECH:
        return _IDS["<speech>"]
    if word.endswith(("n't", "n’t")):
        return _IDS["<denial>"]
    if any(c.isdigit() for c in word):
        return _IDS["<number>"]
    if token.capital and not token.begins:
        return _IDS["<name>"]
    if not token.content:
        return _IDS["<function>"]
    for ending, kind in (("ed", "past"), ("ing", "ing"), ("ly", "adverb")):
        if word.endswith(ending):
            return _IDS[f"<{kind}>"]
    if neutral(word):
        return _IDS["<neutral>"]
    return _IDS["<plural>" if word.endswith("s") and not word.endswith("ss") else "<word>"]
