"""Attribution: who said it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from index.words import stem
from rag.checks.dates import moments
from rag.checks.names import same_name
from rag.checks.quotations import flatten, quotations
from rag.checks.tokens import tokens

_SAID = (
    r"(?:said|says|say|told|tells|tell|wrote|writes|tweeted|added|adds|claimed|claims|stated|states|announced|announces|argued|argues|"
    r"warned|warns|called|calls|insisted|insists|replied|denied|denies|confirmed|confirms|explained|noted|acknowledged|reported|"
    r"declared|asked|asks|suggested|recalled|testified|described|describes|vowed|threatened|promised|predicted|conceded|concluded|admitted|quipped|urged|dismissed|dismisses|condemned|condemns|criticized|criticised|criticizes|praised|praises|"
    r"blamed|blames|accused|accuses|demanded|demands|rejected|rejects|welcomed|welcomes|slammed|denounced|denounces|insinuated|hinted|"
    r"signaled|signalled|pledged|cautioned|complained|joked|mocked|defended|defends|proposed|proposes|disputed|disputes)"
)
SPEECH = frozenset(_SAID[3:-1].split("|"))
_TO_SOMEBODY = frozenset(
    """told tells tell asked asks urged warned warns called calls praised praises blamed blames accused accuses criticized
    criticised condemned""".split()
)
INVERTED = SPEECH - _TO_SOMEBODY
"""Verbs that may come before who speaks: "said Holm". Behind the others stands who was told."""

_NAME = r"(?:(?:[A-Z][\w.’'-]*|al|bin|van|von|de)(?:\s+|(?=[,\s])))*[A-Z][\w’'-]+"
_BEFORE = re.compile(
    rf"(?P<who>{_NAME}(?:\s+of\s+(?:the\s+)?{_NAME})?)(?:,[^,.;“”\"]{{2,90}},)?\s+(?:(?:has|had|have|later|also|then|who|himself|herself|once|again|publicly)\s+){{0,2}}(?P<verb>{_SAID})\b"
)
_AFTER = re.compile(rf"(?:[”\"’',])\s*(?P<verb>{_SAID})\s+(?:[a-z]+,?\s+){{0,4}}(?P<who>{_NAME})")
_ACCORDING = re.compile(
    rf"\b(?:[Aa]ccording to|in the words of|as told by|said by|quoted by)\s+(?:(?:the|a|an|U\.S\.|[a-z]+)\s+){{0,4}}(?P<who>{_NAME})"
)
_TOLD_OF = re.compile(
    rf"\b{_SAID}\s+(?:that\s+)?(?P<who>{_NAME})\s+(?:had|has|have|was|were|is|would|will|did|could|should)\b"
)
"""Whom somebody else speaks of: officials said Holm had left."""

_PRONOUN = re.compile(
    rf"\b(?:[Hh]e|[Ss]he|[Tt]hey|I|[Ww]e)\s+(?:(?:has|had|have|later|also|then)\s+){{0,2}}{_SAID}\b|\b{_SAID}\s+(?:he|she|they)\b"
)
_PLACE = re.compile(r"\b(?:in|at|from|near|for|of)\s+(?:the\s+)?$")
_PLAIN = frozenset(stem(w) for w in "said says say told tells tell added adds stated states called calls".split())
_NO_PERSON = frozenset("The A An In On At But And He She They It I We This That When As If After Before".split())


def check_attribution(claim: str, sources: Sequence[str], previous: str = "") -> list[str]:
    """A speaker of the claim whom the sources do not let speak, where they name another speaker.

    `previous` is the sentence before the first source, for one in which "he said".
    """
    bearing = _about(claim, sources)
    theirs = [speaker for s in bearing for speaker in speakers(s)]
    unnamed = any(_PRONOUN.search(s) for s in bearing)
    before = speakers(previous) if unnamed and bearing[0] == sources[0] and not speakers(bearing[0]) else ()
    if before:  # "he" is who spoke last
        theirs, unnamed = list(before), False
    told_of = [m["who"] for s in bearing for m in _TOLD_OF.finditer(s)]
    reasons = []
    for who, verb in speakers(claim):
        if not unnamed and any(_same(who, w) for w in told_of) and not any(_same(who, w) for w, _ in theirs):
            reasons.append(f"the cited lines tell of {who}, they do not have {who} say it")
        others = [w for w, v in theirs if v == verb and verb not in _PLAIN]  # "dismissed" tells more than "said"
        if not others and not unnamed:  # the check of names has looked whether the lines know the person at all
            others = [w for w, _ in theirs]
        if others and not any(_same(who, other) for other in others):
            reasons.append(f"the cited lines do not have {who} say it, but {', '.join(dict.fromkeys(others))}")
    return reasons


@lru_cache(maxsize=16_384)
def speakers(text: str) -> tuple[tuple[str, str], ...]:
    """Those whom the text lets speak, by name, each with the stem of the verb that says so ("" for "according to")."""
    found = []
    for pattern in (_ACCORDING, _BEFORE, _AFTER):
        for match in pattern.finditer(text):
            if pattern is _BEFORE and _PLACE.search(text, 0, match.start()):
                continue  # "the institute in Oslo said"
            if pattern is _AFTER and match["verb"] not in INVERTED:
                continue
            words = match["who"].split()
            while words and (words[0] in _NO_PERSON or moments(words[0])):
                words.pop(0)
            if words:
                found.append((" ".join(words), stem(match.groupdict().get("verb") or "")))
    return tuple(dict.fromkeys(found))


def _about(claim: str, sources: Sequence[str]) -> list[str]:
    """The sources that hold the claim's quotation; all of them where there is none."""
    wanted = [flatten(q) for q in quotations(claim)]
    holding = [s for s in sources if any(w in flatten(s) for w in wanted)]
    return holding or list(sources)


def _same(a: str, b: str) -> bool:
    """Whether the two go by the same last word ("Gen. Mark Milley", "Milley"), or one is called by it alone."""
    mine, theirs = ([t.text for t in tokens(name.partition(" of ")[0])] for name in (a, b))
    if a == b or (mine and theirs and same_name(mine[-1], theirs[-1])):
        return True
    short, long = sorted((mine, theirs), key=len)
    return len(short) == 1 and any(same_name(short[0], x) for x in long)
