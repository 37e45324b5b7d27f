"""What `byline eval` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evals.compare import Comparison
    from evals.runs import Run
    from evals.sweep import Point


def print_run(run: Run, everything: bool) -> None:
    """Headline measures (or all) with intervals, outcomes, causes of failure, and what the set cannot see."""
    from evals.summary import causes, outcomes, summarize, too_small

    faults = sum(bool(r["error"]) for r in run.records)
    model = run.manifest["settings"]["model"] or "no model, quoted"
    print(f"{len(run.records)} answers over {run.manifest['articles']} articles, {model}, {faults} faults\n")
    print(f"{'':25}{'mean':>8}   95 % interval{'cases':>8}" + ("   without faults" if faults else ""))
    for row in summarize(run.records):
        if row["headline"] or everything:
            extra = f"{_number(row['without_errors']):>17}" if faults else ""
            interval = f"{_number(row['low'])} – {_number(row['high'])}"
            print(f"{row['label']:<25}{_number(row['mean']):>8}   {interval:<13}{row['n']:>8}{extra}")
    table = ", ".join(f"{n} {name.replace('-', ' ')}" for name, n in outcomes(run.records).items() if n)
    print(f"\nOutcomes: {table}")
    if why := causes(run.records):
        print("Failed because: " + ", ".join(f"{cause} {n}" for cause, n in why.items()))
    if note := too_small(run.records):
        print(note[0].upper() + note[1:] + ".")


def print_comparison(c: Comparison, everything: bool) -> None:
    """Each headline measure (or all) in both runs, the tests, and the cases by name."""
    from evals.score import MEASURES

    print(f"\n{c.b} against {c.a}\n")
    print(f"{'':25}{'before':>8}{'after':>8}   {'difference, 95 %':<26}{'p (Holm)':>9}{'better':>8}{'worse':>7}  sees")
    for r in c.rows:
        if MEASURES[r.measure].headline or everything:
            interval = f"{r.diff:+.3f} ({_number(r.low, '+')} to {_number(r.high, '+')})"
            p = "-" if r.p_holm is None else f"{r.p_holm:.3f}" + ("*" if r.significant else "")
            sees = "-" if r.detectable is None else f"{r.detectable:.3f}"
            print(
                f"{r.label:<25}{_number(r.before):>8}{_number(r.after):>8}   {interval:<26}{p:>9}{r.wins:>8}{r.losses:>7}  {sees}"
            )
    print("\n* more than chance, corrected for the number of measures; sees: smallest drop found with power 0.8")
    for word, ids in (("Fixed", c.fixed), ("Broken", c.broken), ("In one run only", c.only_one)):
        if ids:
            print(f"{word} ({len(ids)}): {', '.join(ids[:40])}{' ...' if len(ids) > 40 else ''}")


def print_sweep(points: Sequence[Point], measure: str) -> None:
    """One line a setting."""
    width = max(len(p.label) for p in points)
    print(f"{'':{width}}  {measure:>20}   95 % interval   ms a question")
    for p in points:
        print(f"{p.label:{width}}  {p.mean:>20.3f}   {_number(p.low)} – {_number(p.high)}   {1000 * p.seconds:>13.1f}")


def _number(value: Any, sign: str = "") -> str:
    return "-" if value is None else f"{value:{sign}.3f}"
