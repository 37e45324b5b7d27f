"""Two runs over the same cases: what changed, how sure that is, and which cases were fixed or broken."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evals.runs import Record, Run
from evals.score import MEASURES, Measure
from evals.stats import (
    holm,
    mcnemar_exact,
    minimum_detectable_difference,
    minimum_detectable_drop,
    paired_interval,
    paired_permutation,
)
from evals.summary import cluster
from index.errors import UsageError

ALPHA = 0.05
"""Probability of an alarm where nothing changed, over all headline measures together."""


@dataclass(frozen=True, slots=True)
class Row:
    """One measure in both runs, over the cases to which it applies in both.

    `low`..`high` is the 95 % interval of the mean difference, by article. `p` comes from `test` (exact
    McNemar where every value is 0 or 1, else a paired permutation of whole articles) and is None for measures
    that only inform; `p_holm` is corrected for all that are tested. `wins`, `losses` and `ties` count cases,
    `clusters` articles; `spread` is the standard deviation of the differences.
    """

    measure: str
    label: str
    before: float
    after: float
    diff: float
    low: float
    high: float
    p: float | None
    p_holm: float | None
    test: str
    wins: int
    losses: int
    ties: int
    clusters: int
    spread: float

    @property
    def detectable(self) -> float | None:
        """The smallest true drop that this many cases show with power 0.8; None where that cannot be told."""
        n = self.wins + self.losses + self.ties
        if self.test == "McNemar":
            found = minimum_detectable_drop(n, 2 * min(self.wins, self.losses) / n)
        else:
            found = minimum_detectable_difference(self.spread, self.clusters)
        return None if math.isnan(found) or found == 0 or self.test == "none" else found

    @property
    def significant(self) -> bool:
        """Whether the difference is more than chance, corrected for the number of measures."""
        return self.p_holm is not None and self.p_holm < ALPHA

    @property
    def worse(self) -> bool:
        """Whether the second run is the worse one, by more than nothing."""
        return self.diff * MEASURES[self.measure].better < 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """Run `b` against run `a`: rows of measures, ids of cases fixed and broken, and those only one run has."""

    a: str
    b: str
    rows: tuple[Row, ...]
    fixed: tuple[str, ...]
    broken: tuple[str, ...]
    only_one: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def regressions(self) -> list[Row]:
        """Headline measures that became worse by more than chance."""
        return [r for r in self.rows if r.significant and r.worse]

    def to_dict(self) -> dict[str, Any]:
        """As JSON types, with `significant` in each row and the name of the run compared with."""
        names = list(Row.__dataclass_fields__)
        rows = [
            {n: getattr(r, n) for n in names} | {"significant": r.significant, "detectable": r.detectable}
            for r in self.rows
        ]
        return {
            "with": self.a, "rows": rows, "fixed": list(self.fixed), "broken": list(self.broken),
            "only_one": list(self.only_one), "warnings": list(self.warnings),
        }  # fmt: skip


def compare(a: Run, b: Run, *, resamples: int = 10_000) -> Comparison:
    """Compare `b` (new) with `a` (old), case by case; repeats of a case are averaged first. Raises UsageError."""
    old, new = _by_case(a), _by_case(b)
    both = [id_ for id_ in new if id_ in old]
    if not both:
        raise UsageError(f"{a.name} and {b.name} have no case in common; compare runs of the same case file")
    rows = [r for m in MEASURES.values() if (r := _row(m, [(old[i], new[i]) for i in both], resamples))]
    corrected = holm({r.measure: r.p for r in rows if r.p is not None})
    rows = [replace(r, p_holm=corrected.get(r.measure)) for r in rows]
    was, now = ({i: all(r["passed"] for r in runs[i]) for i in both} for runs in (old, new))
    return Comparison(
        a.name,
        b.name,
        tuple(rows),
        tuple(i for i in both if now[i] and not was[i]),
        tuple(i for i in both if was[i] and not now[i]),
        tuple(i for i in {**old, **new} if (i in old) != (i in new)),
        tuple(_warnings(a, b)),
    )


def _by_case(run: Run) -> dict[str, list[Record]]:
    cases: dict[str, list[Record]] = {}
    for record in run.records:
        cases.setdefault(record["case"]["id"], []).append(record)
    return cases


def _row(measure: Measure, pairs: Sequence[tuple[list[Record], list[Record]]], resamples: int) -> Row | None:
    values = [(_value(x, measure.name), _value(y, measure.name), cluster(x[0])) for x, y in pairs]
    used = [(x, y, c) for x, y, c in values if x is not None and y is not None]
    if not used:
        return None
    before, after, clusters = (
        np.array([x for x, _, _ in used]),
        np.array([y for _, y, _ in used]),
        [c for *_, c in used],
    )
    diff = after - before
    wins, losses = (int(np.sum(diff * (measure.better or 1) * s > 1e-12)) for s in (1, -1))
    interval = paired_interval(before, after, clusters)
    p, test = None, "none"
    if measure.headline:
        if set(np.unique([before, after])) <= {0.0, 1.0}:
            p, test = mcnemar_exact(wins, losses), "McNemar"
        else:
            p, test = paired_permutation(before, after, clusters, resamples=resamples), "permutation"
    return Row(
        measure.name, measure.label, float(before.mean()), float(after.mean()), float(diff.mean()), interval.low,
        interval.high, p, None, test, wins, losses, len(used) - wins - losses, len(set(clusters)), float(diff.std()),
    )  # fmt: skip


def _value(records: Sequence[Record], measure: str) -> float | None:
    values = [r["scores"][measure] for r in records if r["scores"].get(measure) is not None]
    return sum(values) / len(values) if values else None


def _warnings(a: Run, b: Run) -> list[str]:
    out = []
    if a.manifest["corpus_hash"] != b.manifest["corpus_hash"]:
        out.append("the articles differ between the two runs")
    texts = [
        {r["case"]["id"]: {k: v for k, v in r["case"].items() if k != "note"} for r in run.records} for run in (a, b)
    ]
    changed = [i for i in texts[0] if i in texts[1] and texts[0][i] != texts[1][i]]
    if changed:
        out.append(f"{len(changed)} cases were edited between the two runs: {', '.join(changed[:5])}")
    for run in (a, b):
        if len(run.records) < run.total:
            out.append(
                f"{run.name} was stopped after {len(run.records)} of {run.total} answers; `byline eval run --name {run.name}` goes on"
            )
    return out
