"""Answering and abstaining as decisions, and whether stated confidence is worth its number."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, get_args

Outcome = Literal["answered-right", "answered-wrong", "abstained-right", "abstained-wrong", "error"]
"""Abstaining is right where the articles do not hold the answer; any answer to such a question is wrong."""

Judged = tuple[bool, Outcome]
"""Whether the question was answerable, and what came of it."""


class Bin(NamedTuple):
    """Cases whose confidence is at least `low` and below `high` (in the last bin: at most `high`)."""

    low: float
    high: float
    n: int
    mean_confidence: float
    share_true: float


def outcome(answerable: bool, abstained: bool, right: bool) -> Outcome:
    """The cell of the four-way table; `right` is whether the answer, if one was given, is the expected one."""
    if abstained:
        return "abstained-wrong" if answerable else "abstained-right"
    return "answered-right" if answerable and right else "answered-wrong"


def table(cases: Iterable[Judged]) -> dict[Outcome, int]:
    """How many cases came out in each way; every way is named."""
    counts: dict[Outcome, int] = dict.fromkeys(get_args(Outcome), 0)
    for _, how in cases:
        counts[how] += 1
    return counts


def refusal_precision(cases: Sequence[Judged]) -> float | None:
    """Abstentions from unanswerable questions / abstentions, 0 to 1; None if it never abstained.

    Source: precision of the class "no answer", as in SQuAD 2.0's unanswerable questions (arXiv 1806.03822).
    """
    counts = table(cases)
    abstained = counts["abstained-right"] + counts["abstained-wrong"]
    return counts["abstained-right"] / abstained if abstained else None


def refusal_recall(cases: Sequence[Judged]) -> float | None:
    """Abstentions from unanswerable questions / unanswerable questions, 0 to 1; None if there were none.

    An error is no abstention. Source: recall of the class "no answer"; the rejection rate of RGB (arXiv 2309.01431).
    """
    unanswerable = sum(not answerable for answerable, _ in cases)
    return table(cases)["abstained-right"] / unanswerable if unanswerable else None


def brier(confidences: Sequence[float], outcomes: Sequence[bool]) -> float | None:
    """Mean of (confidence - outcome)², 0 (sure and right) to 1 (sure and wrong); None without cases.

    Always saying 0.5 scores 0.25. Source: Brier, "Verification of forecasts expressed in terms of probability" (1950),
    in its form for two outcomes.
    """
    pairs = _pairs(confidences, outcomes)
    return sum((confidence - true) ** 2 for confidence, true in pairs) / len(pairs) if pairs else None


def reliability(confidences: Sequence[float], outcomes: Sequence[bool], bins: int = 10) -> list[Bin]:
    """The reliability diagram: cases in bins of equal width by confidence; bins without a case are left out.

    Source: Murphy and Winkler, "Reliability of subjective probability forecasts" (1977).
    """
    edges = [i / bins for i in range(bins + 1)]
    cases: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for confidence, true in _pairs(confidences, outcomes):
        cases[bisect_right(edges, confidence, 1, bins) - 1].append((confidence, true))
    return [
        Bin(
            edges[i],
            edges[i + 1],
            len(there),
            sum(c for c, _ in there) / len(there),
            sum(t for _, t in there) / len(there),
        )
        for i, there in sorted(cases.items())
    ]


def expected_calibration_error(confidences: Sequence[float], outcomes: Sequence[bool], bins: int = 10) -> float | None:
    """Mean over cases of |mean confidence - share true| of the case's bin, 0 to 1, lower is better; None without cases.

    Source: Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning" (AAAI 2015).
    """
    there = reliability(confidences, outcomes, bins)
    total = sum(b.n for b in there)
    return sum(b.n * abs(b.mean_confidence - b.share_true) for b in there) / total if total else None


def _pairs(confidences: Sequence[float], outcomes: Sequence[bool]) -> list[tuple[float, bool]]:
    if not all(0 <= c <= 1 for c in confidences):
        raise ValueError("a confidence is not between 0 and 1")
    return list(zip(confidences, outcomes, strict=True))
