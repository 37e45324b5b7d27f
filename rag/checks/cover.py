"""Cover: how much of the claim's wording the evidence holds."""

from __future__ import annotations

from collections.abc import Sequence

from index.words import terms
from rag.checks.dates import moments
from rag.checks.names import names, same_name, title
from rag.checks.quantities import quantities
from rag.checks.tokens import Token, tokens
from rag.checks.wording import neutral

CONTEXT = 0.5
"""What a word counts that only the words around the lines hold."""

HALF = 0.5

_PREFIXES = ("un", "non", "in", "im", "dis")


def cover(claim: str, sources: Sequence[str], context: Sequence[str] = ()) -> tuple[float, tuple[str, ...]]:
    """Share (0..1) of the claim's content words that the sources hold, and the words they do not.

    Numbers, dates (they have checks of their own) and missing words such as "the article reports" are left out, and
    "not signed" finds "unsigned". Names alone
    carry no statement: where more than half of the other words are missing, the share is that of the others.
    """
    found = [t for s in sources for t in tokens(s)]
    there = {t.key for t in found} | {k for t in found for k in terms(t.text)}
    plain = {t.text.lower() for t in found}
    capitals = [t.text for t in found if t.capital]
    around = {t.key for c in context for t in tokens(c)}
    checked = [(m.start, m.end) for m in moments(claim)]
    checked += [(q.start, q.end) for q in quantities(claim)]
    words = [t for t in tokens(claim) if t.content and not any(a <= t.start < b for a, b in checked)]
    missing = [t for t in words if not _held(t, there, plain, capitals)]
    untold = {t.start for t in missing if neutral(t.text)}
    words, missing = ([t for t in ts if t.start not in untold] for ts in (words, missing))
    if not words:
        return float(bool(checked and found)), ()
    named = {t.start for name in names(claim) for t in name} | {t.start for t in words if t.capital and title(t)}
    others = [t for t in words if t.start not in named]
    lost = [(t, 1 - CONTEXT * (t.key in around)) for t in missing]
    share = 1 - sum(x for _, x in lost) / len(words)
    if others:
        plainly = 1 - sum(x for t, x in lost if t.start not in named) / len(others)
        share = plainly if plainly < HALF else share
    return share, tuple(t.text for t in missing)


def _held(t: Token, there: set[str], plain: set[str], capitals: Sequence[str]) -> bool:
    if t.key in there or there.issuperset(terms(t.text)):
        return True
    low = t.text.lower()
    if any(p + low in plain or (low.startswith(p) and low[len(p) :] in plain) for p in _PREFIXES):
        return True
    return t.capital and any(same_name(t.text, c) for c in capitals)
