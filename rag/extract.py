"""The writer without a model: the best sentences, quoted."""

from __future__ import annotations

from collections.abc import Sequence

from index.spelling import terms
from rag.score import WEIGHTS, Query, evidence
from rag.types import Hit

THRESHOLD = 0.45
"""Evidence (share of the question found at the best place, 0..1) below which the articles do not say."""

MAX_SENTENCES = 3
NEAR_BEST = 0.75
"""A further sentence needs this share of the best one's score, the passage's part left out."""


def extract(query: Query, hits: Sequence[Hit], threshold: float = THRESHOLD) -> list[Hit]:
    """One to three sentences that answer `query`, best first; none where the evidence is too thin.

    A further sentence must score near the best one and bring something: a term of the question that
    is not covered yet, or mostly new words.
    """
    if not hits or evidence(hits[0]) < threshold:
        return []
    chosen = [hits[0]]
    for hit in hits[1:12]:
        if len(chosen) == MAX_SENTENCES:
            break
        if _relevance(hit) >= NEAR_BEST * _relevance(hits[0]) and _brings_something(query, hit, chosen):
            chosen.append(hit)
    return chosen


def _relevance(hit: Hit) -> float:
    return hit.score - WEIGHTS["passage"] * hit.parts["passage"]


def _brings_something(query: Query, hit: Hit, chosen: Sequence[Hit]) -> bool:
    mine = set(terms(hit.text))
    if len(mine) < 3:
        return False
    before = set().union(*(terms(h.text) for h in chosen))
    if (mine & set(query.terms)) - before:
        return True
    return len(mine - before) >= 0.5 * len(mine)
