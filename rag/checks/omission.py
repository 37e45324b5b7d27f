"""Omission: a word of the lines without which they say more: former, probable, 93 % of, 120,000 to, "an earlier version said"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from rag.checks.attribution import speakers
from rag.checks.quantities import numbers
from rag.checks.tokens import tokens

_QUALIFIES = frozenset(
    """former ex deputy vice acting assistant alleged suspected probable potential possible proposed planned attempted presumed
    unconfirmed prospective""".split()
)
"""Words before a noun without which it is another thing: a former mayor is no mayor."""

_ALMOST = frozenset("almost nearly".split())
_AS_ALMOST = _ALMOST | frozenset("virtually practically".split())

_BE = frozenset("is are was were be been being".split())

_NUMBER = r"(?:US)?[$€£]?\d[\d,]*(?:\.\d+)?(?:\s(?:thousand|million|billion|trillion))?"
_RANGE = re.compile(
    rf"(?<!from )\b(?<![\d.,])(?P<low>{_NUMBER}) to (?P<high>{_NUMBER})|\bbetween (?P<over>{_NUMBER}) and (?P<under>{_NUMBER})"
)
_ONE_END = re.compile(
    r"\b(?:up to|as (?:much|many) as|at (?:least|most)|from|between|to|maximum|minimum|top|highest|lowest|more than|less than)\b"
)
_PART = re.compile(
    r"(?P<before>[a-z]{4,})\s+(?:the\s+)?(?P<part>\d[\d.,]*\s?(?:%|per\s?cent)|half|(?:a|one|two|three)[ -](?:thirds?|quarters?|fifths?)"
    r"|relatives|families|parents|wives|widows|husbands|mothers|fathers|children|sons|daughters|friends|lawyers|employees|members"
    r"|followers|supporters|homes|bodies)\s+of\s+"
    rf"(?:(?:the|its|their|his|her|all|about|nearly|some|roughly|over|almost|more than|those|these)\s+)*(?P<whole>{_NUMBER})",
    re.I,
)
"""A part of so many; the word before it tells whether a claim says of all what is said of the part."""

_ERROR = re.compile(
    r"\b(?:an? |the )?(?:earlier|previous|first|original) version of (?:this|the|our)\b|\b(?:the )?earlier version (?:also )?(?:said|gave|stated|had)\b"
    r"|\b(?:misstated|incorrectly|erroneously|mistakenly|wrongly) (?:said|stated|gave|reported|named|identified|described)\b"
    r"|^(?:claim|myth|rumou?r)(?: \d+)?:",
    re.I,
)
_TOLD_AS_ERROR = re.compile(
    r"\b(?:earlier|previous\w*|original\w*|first|version|correct\w*|wrong\w*|mistak\w+|error|misstat\w+|false\w*|rumou?r\w*|claim\w*"
    r"|incorrect\w*|erroneous\w*|myth|instead|not|n[o']t)\b",
    re.I,
)


def check_omission(claim: str, sources: Sequence[str]) -> list[str]:
    """What the claim leaves out and may not."""
    reasons = [f"the cited lines say “{words}”" for words in (*_qualified(claim, sources), *_parts(claim, sources))]
    if sources and _ERROR.search(sources[0]) and not _TOLD_AS_ERROR.search(claim):
        reasons.append("the cited lines tell that as an error")
    return reasons + _reporters(claim, sources)


def _qualified(claim: str, sources: Sequence[str]) -> Iterator[str]:
    mine = {t.key for t in tokens(claim)} | {t.text.lower() for t in tokens(claim)}
    plainly = {key for s in sources for key in _heads(s)[1]}
    for source in sources:
        for word, key, words in _heads(source)[0]:
            said = _AS_ALMOST & mine if word in _ALMOST else {word} & mine
            if key in mine and not said and key not in plainly:
                yield words


@lru_cache(maxsize=16_384)
def _heads(text: str) -> tuple[tuple[tuple[str, str, str], ...], frozenset[str]]:
    """Each qualifying word, the key of the word of content it qualifies, and both as written; the keys of all other words."""
    found = tokens(text)
    out, places = [], set()
    for i, token in enumerate(found):
        word = token.text.lower()
        planned = i > 0 and found[i - 1].text.lower() in _BE  # "is planned at the hall" qualifies nothing
        almost = word in _ALMOST and i + 1 < len(found) and found[i + 1].content and not numbers(found[i + 1].text)
        if almost or (word in _QUALIFIES and not planned):
            j = next((j for j in range(i + 1, min(i + 4, len(found))) if found[j].content), None)
            if j is not None and not re.search(r"[.,;:!?]", text[token.end : found[j].start]):
                out.append((word, found[j].key, text[token.start : found[j].end]))
                places.add(j)
    return tuple(out), frozenset(t.key for j, t in enumerate(found) if j not in places)


def _parts(claim: str, sources: Sequence[str]) -> Iterator[str]:
    """Ranges of which the claim has one end only, and parts for which it has the whole."""
    if not re.search(r"\d", claim):
        return
    mine = set(numbers(claim))
    words = {t.text.lower() for t in tokens(claim)}
    for source in sources:
        for match in _RANGE.finditer(source):
            ends = [set(numbers(end)) for end in match.groups() if end]
            if sum(bool(end & mine) for end in ends) == 1 and not _ONE_END.search(claim):
                yield match[0]
        for match in _PART.finditer(source):
            told = match["part"].lower() in words or set(numbers(match["part"])) & mine
            if set(numbers(match["whole"])) & mine and not told and match["before"].lower() in words:
                yield match[0]


def _reporters(claim: str, sources: Sequence[str]) -> list[str]:
    """Those to whom the claim has somebody speak, and who in the lines only report it: "according to the Times"."""
    reasons = []
    for who in {who for s in sources for who, verb in speakers(s) if not verb}:
        spoken_to = re.compile(
            rf"\b(?:told|tells|with|(?<!ccording )to)\s+(?:[\w.’']+\s+){{0,4}}{re.escape(who.split()[-1])}\b"
        )
        if spoken_to.search(claim) and not any(map(spoken_to.search, sources)):
            reasons.append(f"the cited lines name {who} as who reports it")
    return reasons
