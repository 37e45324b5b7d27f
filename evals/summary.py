"""A run in figures: means with intervals, by measure and by type, outcomes, causes, calibration, times."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from evals.measures.refusal import reliability
from evals.runs import Record, Run
from evals.score import MEASURES, Measure
from evals.stats import cluster_interval, minimum_detectable_drop

DISCORDANT = 0.06
"""Share of cases that change between two versions of which neither is better. Only a single run needs this guess;
two runs that are compared show their own."""

BY_TYPE = ("passed", "correct", "citation_recall", "citation_precision", "answered")


def cluster(record: Record) -> str:
    """What a case is not independent of: its cluster, else the article of its first gold lines, else itself."""
    case = record["case"]
    evidence = case.get("evidence")
    return str(case.get("cluster") or (evidence[0][0]["file"] if evidence else case["id"]))


def summarize(records: Sequence[Record]) -> list[dict[str, Any]]:
    """One row a measure that applies to any record: `mean`, `low` and `high` (95 %, by article), `n`, and
    `without_errors`, the mean over the records that are no fault."""
    rows = (_row(measure, records) for measure in MEASURES.values())
    return [row for row in rows if row["n"]]


def _row(measure: Measure, records: Sequence[Record]) -> dict[str, Any]:
    used = [r for r in records if r["scores"][measure.name] is not None]
    whole = [r["scores"][measure.name] for r in used if not r["error"]]
    return {
        "measure": measure.name, "label": measure.label, "help": measure.help, "better": measure.better,
        "kind": measure.kind, "headline": measure.headline, **_mean(measure, used),
        "without_errors": float(np.mean(whole)) if whole else None,
    }  # fmt: skip


def _mean(measure: Measure, records: Sequence[Record]) -> dict[str, Any]:
    if not records:
        return {"n": 0, "mean": None, "low": None, "high": None}
    values = [float(r["scores"][measure.name]) for r in records]
    interval = cluster_interval(values, [cluster(r) for r in records])
    low, high = (None if math.isnan(x) else x for x in (interval.low, interval.high))
    return {"n": len(values), "mean": float(np.mean(values)), "low": low, "high": high}


def by_type(records: Sequence[Record]) -> list[dict[str, Any]]:
    """The main measures for each type of question, the largest type first."""
    counts = Counter(r["case"]["type"] for r in records)
    rows = []
    for name, n in counts.most_common():
        mine = [r for r in records if r["case"]["type"] == name]
        measured = {m: _mean(MEASURES[m], [r for r in mine if r["scores"][m] is not None]) for m in BY_TYPE}
        rows.append({"type": name, "n": n, "measures": {m: v for m, v in measured.items() if v["n"]}})
    return rows


def outcomes(records: Iterable[Record]) -> dict[str, int]:
    """The four-way table, and faults beside it."""
    counts = Counter(r["outcome"] for r in records)
    names = ("answered-right", "answered-wrong", "abstained-right", "abstained-wrong", "error")
    return {name: counts[name] for name in names}


def causes(records: Iterable[Record]) -> dict[str, int]:
    """How often each cause, the most frequent first."""
    return dict(Counter(r["cause"] for r in records if r["cause"]).most_common())


def calibration(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Confidence against the share of questions that the articles answer, in ten bins."""
    mine = [r for r in records if r["answer"] is not None]
    bins = reliability([r["answer"]["confidence"] for r in mine], [bool(r["case"]["answerable"]) for r in mine])
    return [
        {"low": b.low, "high": b.high, "n": b.n, "confidence": b.mean_confidence, "share": b.share_true}
        for b in bins
        if b.n
    ]


def seconds(records: Sequence[Record]) -> dict[str, Any]:
    """Seconds of each question, and the median and 95th percentile of every stage."""
    stages: dict[str, list[float]] = {}
    for r in records:
        for stage, value in (r["answer"]["usage"]["seconds"] if r["answer"] else {}).items():
            stages.setdefault(stage, []).append(value)
    return {
        "total": [r["scores"]["seconds"] for r in records if r["scores"]["seconds"] is not None],
        "stages": {
            s: {"p50": float(np.percentile(v, 50)), "p95": float(np.percentile(v, 95))} for s, v in stages.items()
        },
    }


def too_small(records: Sequence[Record]) -> str | None:
    """What a set of this size cannot see, in a sentence; None where it sees a drop of five points."""
    n = len({r["case"]["id"] for r in records})
    drop = minimum_detectable_drop(n, DISCORDANT)
    if math.isnan(drop):
        return f"{n} cases are too few to see any drop"
    if drop <= 0.05:
        return None
    return f"with {n} cases a drop of less than {100 * drop:.1f} points in a share will mostly go unseen (power 80 %)"


def means(run: Run) -> dict[str, float]:
    """The mean of every measure of a run."""
    return {row["measure"]: row["mean"] for row in summarize(run.records)}
