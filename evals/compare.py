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
    NOISE,
    holm,
    mcnemar_exact,
    minimum_detectable_difference,
    minimum_detectable_drop,
    paired_interval,
    paired_permutation,
)
from evals.summary import ALPHA, cluster
from index.errors import UsageError

SURVIVORS = ("refusal_precision", "over_citation", "supported")
"""Measures of what an answer happens to hold: cases to which they apply in both runs are no fair sample of either."""


@dataclass(frozen=True, slots=True)
class Row:
    """One measure in both runs, over the cases to which it applies in both.

    `low`..`high` is the 95 % interval of the mean difference, by article. `p` comes from `test`, a paired
    permutation of whole articles; where every value is 0 or 1, exact McNemar must find it too, and the larger p
    counts, because McNemar takes the cases of one article for independent. It is None for measures that only
    inform; `p_holm` is corrected for the `tested` ones. `wins`, `losses` and `ties` count cases, `clusters`
    articles; `spread` is the standard deviation of the differences.
    """

    measure: str
    label: str
    before: float
    after: float
    diff: float
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    test: str
    wins: int
    losses: int
    ties: int
    clusters: int
    spread: float
    tested: int

    @property
    def n(self) -> int:
        """Cases to which the measure applies in both runs."""
        return self.wins + self.losses + self.ties

    @property
    def detectable(self) -> float | None:
        """The smallest true drop that these cases show with power 0.8 after correction; None where they show none."""
        alpha = ALPHA / max(1, self.tested)
        if self.test == "none" or 2.0 ** (1 - self.clusters) > alpha:  # not even with every article worse
            return None
        if "McNemar" in self.test:
            found = minimum_detectable_drop(self.n, 2 * min(self.wins, self.losses) / self.n, alpha=alpha)
        else:
            found = minimum_detectable_difference(self.spread, self.clusters, alpha=alpha)
        return None if math.isnan(found) or found == 0 else found

    @property
    def significant(self) -> bool:
        """Whether the difference is more than chance, corrected for the number of measures."""
        return self.p_holm is not None and self.p_holm < ALPHA

    @property
    def worse(self) -> bool:
        """Whether the second run is the worse one, by more than nothing."""
        return self.diff * MEASURES[self.measure].better < -NOISE


@dataclass(frozen=True, slots=True)
class Comparison:
    """Run `b` against run `a`: rows of measures, ids of cases fixed and broken, those that only one run has (or has in
    another wording), and those of them that are missing from run `b`."""

    a: str
    b: str
    rows: tuple[Row, ...]
    fixed: tuple[str, ...]
    broken: tuple[str, ...]
    only_one: tuple[str, ...]
    missing: tuple[str, ...]
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
            "only_one": list(self.only_one),
            "missing": list(self.missing), "warnings": list(self.warnings),
        }  # fmt: skip


def compare(a: Run, b: Run, *, resamples: int = 10_000) -> Comparison:
    """Compare `b` (new) with `a` (old), case by case; repeats of a case are averaged first. Raises UsageError.

    A case that was edited in between is another case.
    """
    old, new = _by_case(a), _by_case(b)
    both = [id_ for id_ in new if id_ in old and _asked(old[id_]) == _asked(new[id_])]
    if not both:
        raise UsageError(f"{a.name} and {b.name} have no case in common; compare runs of the same case file")
    measures = [m for m in MEASURES.values() if m.name not in SURVIVORS]
    rows = [r for m in measures if (r := _row(m, [(old[i], new[i]) for i in both], resamples))]
    corrected = holm({r.measure: r.p for r in rows if r.p is not None})
    rows = [replace(r, p_holm=corrected.get(r.measure), tested=len(corrected)) for r in rows]
    was, now = ({i: all(r["passed"] for r in runs[i]) for i in both} for runs in (old, new))
    shared = set(both)
    return Comparison(
        a.name,
        b.name,
        tuple(rows),
        tuple(i for i in both if now[i] and not was[i]),
        tuple(i for i in both if was[i] and not now[i]),
        tuple(i for i in {**old, **new} if i not in shared),
        tuple(i for i in old if i not in shared and i not in new),
        tuple(_warnings(a, b, [i for i in new if i in old and i not in shared])),
    )


def _asked(records: Sequence[Record]) -> dict[str, Any]:
    return {k: v for k, v in records[0]["case"].items() if k != "note"}


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
    wins, losses = (int(np.sum(diff * (measure.better or 1) * s > NOISE)) for s in (1, -1))
    interval = paired_interval(before, after, clusters)
    low, high = (None if math.isnan(x) else x for x in (interval.low, interval.high))
    if measure.kind == "share":
        low, high = (None if x is None else min(1.0, max(-1.0, x)) for x in (low, high))
    p, test = None, "none"
    if measure.headline:
        p, test = paired_permutation(before, after, clusters, resamples=resamples), "permutation"
        if set(np.unique([before, after])) <= {0.0, 1.0}:
            p, test = max(p, mcnemar_exact(wins, losses)), "McNemar and permutation"
    return Row(
        measure.name, measure.label, float(before.mean()), float(after.mean()), float(diff.mean()), low, high, p, None,
        test, wins, losses, len(used) - wins - losses, len(set(clusters)), float(diff.std()), 0,
    )  # fmt: skip


def _value(records: Sequence[Record], measure: str) -> float | None:
    values = [r["scores"][measure] for r in records if r["scores"].get(measure) is not None]
    return sum(values) / len(values) if values else None


def _warnings(a: Run, b: Run, edited: Sequence[str]) -> list[str]:
    out = []
    if a.manifest["corpus_hash"] != b.manifest["corpus_hash"]:
        out.append("the articles differ between the two runs")
    if edited:
        out.append(f"{len(edited)} cases were edited between the two runs and are left out: {', '.join(edited[:5])}")
    if a.manifest.get("jobs") != b.manifest.get("jobs"):
        out.append("the runs asked with different -j, so their seconds do not compare")
    for run in (a, b):
        if len(run.records) < run.total:
            out.append(
                f"{run.name} was stopped after {len(run.records)} of {run.total} answers; `byline eval run --name {run.name}` goes on"
            )
        if run.manifest.get("spoilt"):
            out.append(f"{run.name} is spoilt: {run.manifest['spoilt']}")
    return out
