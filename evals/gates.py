"""What makes `byline eval` fail a run: floors under measures, and regressions against another run."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from index.errors import UsageError

if TYPE_CHECKING:
    from evals.compare import Comparison
    from evals.runs import Run


def floor(text: str) -> tuple[str, float]:
    """``MEASURE=BOUND`` of --fail-under, for argparse."""
    from evals.score import MEASURES

    name, _, value = text.partition("=")
    try:
        bound = float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no floor; write it as citation_recall=0.9") from None
    if name not in MEASURES:
        raise argparse.ArgumentTypeError(f"there is no measure {name!r}; take one of {', '.join(MEASURES)}")
    if not math.isfinite(bound) or (MEASURES[name].kind == "share" and not 0 <= bound <= 1):
        raise argparse.ArgumentTypeError(f"{text!r}: {name} is never held to {value}")
    return name, bound


def floors(given: Sequence[tuple[str, float]]) -> dict[str, float]:
    """Bounds by measure. Raises UsageError for a measure that is named twice."""
    bounds = dict(given)
    if len(bounds) < len(given):
        raise UsageError("--fail-under names a measure twice; give one bound for each")
    return bounds


def under(run: Run, bounds: Mapping[str, float]) -> list[str]:
    """A line for each bound that does not hold: a measure that applies to no case cannot hold one."""
    from evals.score import MEASURES
    from evals.summary import means

    found = means(run) if bounds else {}
    lines = []
    for name, bound in bounds.items():
        value = found.get(name)
        if value is None:
            lines.append(f"{name} applies to no case of this run, so its floor {bound:g} cannot hold")
        elif value > bound if MEASURES[name].better < 1 else value < bound:
            side = "above" if MEASURES[name].better < 1 else "under"
            lines.append(f"{name} is {value:.4f}, {side} {bound:g}")
    return lines


def worse(comparison: Comparison, fail_on: str | None) -> list[str]:
    """A line for each measure that got worse: significantly, or at all where `fail_on` is another word; none for None."""
    if fail_on is None:
        return []
    from evals.score import MEASURES

    lost = [f"{len(comparison.missing)} cases of {comparison.a} were not asked"] if comparison.missing else []
    if fail_on == "significant":
        rows = comparison.regressions
    else:
        rows = [r for r in comparison.rows if r.worse and MEASURES[r.measure].headline]
    return lost + [f"{r.measure} went from {r.before:.4f} to {r.after:.4f}" for r in rows]
