"""The chance that people call a claim attributable to its sources, for judging what any system wrote.

The verdict of `rag.verify.check` is stricter: one date that the source lacks, and a claim is not shown. People forgive more, and
see support in other words: so said the annotators of AttributionBench (https://arxiv.org/abs/2402.15089; seven sets of
claims with the texts that systems cited for them). `python -m benchmarks.attribution PAIRS.jsonl` fits `WEIGHTS` and tells
how well they do on pairs they were not fitted on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Container, Sequence

from index.words import terms
from rag.checks.evidence import Evidence
from rag.verify import contradictions, evidence_for, statement

WEIGHTS = {"words": 2.107, "sequences": 1.218, "likeness": 2.615, "contradictions": -0.581, "constant": -2.965}
"""Of a logistic regression on `facts`: the development part of AttributionBench, 1,088 pairs."""

MOST_CONTRADICTIONS = 3
"""Further ones make a claim no less likely."""

SEQUENCE = 3
"""Words of a sequence; of a shorter claim all its words."""

_WORD = re.compile(r"\w+")


def attributable(claim: str, sources: str | Evidence | Sequence[str | Evidence]) -> float:
    """The estimated chance, 0 to 1, that people who read both say that `sources` (texts) support `claim`."""
    values = (*facts(claim, sources), 1.0)
    return 1 / (1 + math.exp(-sum(w * x for w, x in zip(WEIGHTS.values(), values, strict=True))))


def facts(claim: str, sources: str | Evidence | Sequence[str | Evidence]) -> tuple[float, float, float, float]:
    """What the chance is read from, against the sentences of the sources that bear on the claim.

    The shares (0..1) of the claim's content words and of its sequences of three words that stand in them, the cosine of the beginnings
    of both in the sentence encoder, and the number of contradictions that the checks find.
    """
    from rag.encoder import MOST_CHARS, compare

    claim = statement(claim)
    evidence, near, around = evidence_for(claim, sources)
    texts = [e.text for e in near]
    if not any(texts):
        return 0.0, 0.0, 0.0, 0.0
    wanted, there = terms(claim), {t for text in texts for t in terms(text)}
    words = _WORD.findall(claim.lower())
    length = min(SEQUENCE, len(words))
    told = {s for text in texts for s in _sequences(_WORD.findall(text.lower()), length)}
    return (
        _share(wanted, there),
        _share(_sequences(words, length), told),
        float(compare(claim[:MOST_CHARS], (" ".join(texts),))[0, 0]),
        float(min(len(set(contradictions(claim, evidence, near, around))), MOST_CONTRADICTIONS)),
    )


def _share(parts: Sequence[object], whole: Container[object]) -> float:
    return sum(p in whole for p in parts) / len(parts) if parts else 0.0


def _sequences(words: Sequence[str], length: int) -> list[tuple[str, ...]]:
    """All runs of so many words."""
    return [tuple(words[i : i + length]) for i in range(len(words) - length + 1)] if length else []
