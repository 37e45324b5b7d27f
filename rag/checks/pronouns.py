"""Pronouns: whom "he" stands for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.checks.names import names, same_name
from rag.checks.tokens import Token, tokens

_BEGINS = re.compile(r"(?:[^,;:]{0,60},\s+|And |But )?(he|she|it|they)\s", re.I)
_SUBJECT = re.compile(r"\b(?:[Hh]e|[Ss]he|[Ii]t|[Tt]hey|[Ww]e|I)\b")
_HE, _SHE = frozenset("he his him himself".split()), frozenset("she her hers herself".split())
_PLACED = frozenset("in at from near of by on under over with for to outside inside between among".split())


def check_pronoun(claim: str, before: Sequence[str], source: str) -> list[str]:
    """A claim that begins with "he" or "it" after sentences that do not name whom its source is about.

    `before` are the earlier sentences of the answer. Where these name nobody, or the source has a pronoun itself,
    nothing can be said, except that "he" is not "she".
    """
    begins = _BEGINS.match(claim)
    if not begins or any(name[0].start < begins.start(1) for name in names(claim)):
        return []
    pronoun, theirs = begins[1].lower(), {t.text.lower() for t in tokens(source)}
    for mine, other in ((_HE, "she"), (_SHE, "he")):
        if pronoun in mine and other in theirs and not theirs & mine:
            return [f"the claim says {pronoun}, the cited lines {other}"]
    told = [t.text for text in before for name in names(text) for t in name]
    subject = _first_name(source)
    if not told or not subject:
        return []
    own = _SUBJECT.search(source)
    known = [*told, *(t.text for t in tokens(claim) if t.capital)]
    if (own and own.start() < subject[0].start) or any(same_name(t.text, k) for t in subject for k in known):
        return []
    return [f"the cited lines are about {' '.join(t.text for t in subject)}, whom the sentences before do not name"]


def _first_name(text: str) -> tuple[Token, ...]:
    """The first name that does not tell a place."""
    found = tokens(text)
    for name in names(text):
        i = next(i for i, t in enumerate(found) if t.start == name[0].start)
        near = [t.text.lower() for t in found[max(0, i - 2) : i]]
        if not near or not (near[-1] in _PLACED or (near[-1] == "the" and near[0] in _PLACED)):
            return name
    return ()
