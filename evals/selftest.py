"""Who checks the checker: spoilt answers must score lower, equal runs must not alarm, intervals must cover."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from evals.cases import Case, Lines
from evals.compare import compare
from evals.mutations import MUTATIONS, Mutation, Reply, World, perfect
from evals.runs import Record, Run
from evals.score import MEASURES, score
from evals.stats import cluster_interval
from evals.summary import cluster
from index.load import scan

ALARMS = 0.05
"""Share of comparisons of equal runs that may report a difference."""

DRAWS = 2000
"""Sets of articles drawn to see what the intervals cover: known to half a point, within a second."""

COVER = (0.93, 0.97)
"""Share of the 95 % intervals that must hold the true value."""

ALIKE = 0.3
"""Correlation within an article that the simulated runs have."""

COVERED = ("passed", "citation_recall", "token_f1")
"""Measures whose intervals are simulated: shares of yes or no, lines in small fractions, and any number."""


UNSPOILT = Mutation("none", "quotation_fidelity", lambda reply, case, world: reply, quoting=True)


@dataclass(frozen=True, slots=True)
class Result:
    """One check: whether it passed, and the figures."""

    name: str
    passed: bool
    detail: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)


def selftest(
    cases: Sequence[Case],
    corpus: Path,
    records: Sequence[Record],
    *,
    resamples: int = 1000,
    progress: Callable[[int, int], None] | None = None,
) -> list[Result]:
    """All checks over these cases; `records` of a real run give the simulations their scores and clusters."""
    world = World(Lines(corpus), sorted(s.file for s in scan(corpus)[0]), cases, random.Random(0))
    whole = _scores(cases, world, None)
    results = [_perfect(whole)]
    quoting = _scores(cases, world, UNSPOILT)
    for mutation in MUTATIONS:
        results.append(_spoilt(mutation, quoting if mutation.quoting else whole, _scores(cases, world, mutation)))
    done = count(1)

    def tick() -> None:
        if progress:
            progress(next(done), resamples)

    results.append(_equal_runs(records, resamples, tick))
    results += [_coverage(records, measure, DRAWS) for measure in COVERED]
    return results


def _rounds(n: int, tick: Callable[[], None] | None) -> Iterator[int]:
    for i in range(n):
        yield i
        if tick:
            tick()


def _scores(cases: Sequence[Case], world: World, mutation: Mutation | None) -> list[dict[str, float | None]]:
    out = []
    for case in cases:
        reply: Reply = deepcopy(perfect(case, world, quoting=bool(mutation and mutation.quoting)))
        if mutation:
            reply = mutation.spoil(reply, case, world)
        out.append(score(case, reply.answer, reply.found, world.lines, error=reply.error).scores)
    return out


def _mean(scores: Sequence[dict[str, float | None]], measure: str) -> float | None:
    values = [v for s in scores if (v := s[measure]) is not None]
    return sum(values) / len(values) if values else None


def _perfect(scores: Sequence[dict[str, float | None]]) -> Result:
    """Every share of a perfect run is 1, its Brier score 0."""
    wrong = []
    for m in MEASURES.values():
        best = {1: 1.0, -1: 0.0}.get(m.better)
        value = _mean(scores, m.name)
        if best is not None and value is not None and value != best:
            wrong.append(f"{m.name} {value:.4f}")
    return Result("a perfect run scores 1", not wrong, ", ".join(wrong) or f"{len(scores)} cases")


def _spoilt(
    mutation: Mutation, good: Sequence[dict[str, float | None]], bad: Sequence[dict[str, float | None]]
) -> Result:
    before, after = _mean(good, mutation.measure), _mean(bad, mutation.measure)
    if before is None or after is None:
        return Result(mutation.name, False, f"{mutation.measure} applies to no case of this set")
    worse = (after - before) * MEASURES[mutation.measure].better < 0
    return Result(mutation.name, worse, f"{mutation.measure} {before:.3f} -> {after:.3f}")


def _equal_runs(records: Sequence[Record], resamples: int, tick: Callable[[], None] | None = None) -> Result:
    """Pairs of runs drawn from one and the same distribution; each alarm is false."""
    draw = _Draws(records)
    alarms = sum(
        any(row.significant for row in compare(draw.run("a"), draw.run("b"), resamples=500).rows)
        for _ in _rounds(resamples, tick)
    )
    share = alarms / resamples
    return Result("equal runs do not alarm", share <= ALARMS, f"{alarms} alarms in {resamples} comparisons")


class _Draws:
    """Runs as they come out where nothing was changed but chance.

    Each case gets the scores of a case of its type, chosen by its rank among them; ranks are correlated within a
    cluster (a Gaussian copula), as an article that is hard to read is hard for all its questions.
    """

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        self._chance = np.random.default_rng(0)
        names = sorted({cluster(r) for r in records})
        self._cluster = np.array([names.index(cluster(r)) for r in records])
        self._clusters = len(names)
        by_type: dict[tuple[str, bool], list[Record]] = {}
        for r in sorted(records, key=lambda r: r["scores"]["citation_f1"] or r["scores"]["correct"] or 0.0):
            by_type.setdefault(_sort(r), []).append(r)
        self._donors = [by_type[_sort(r)] for r in records]

    def run(self, name: str) -> Run:
        """One run."""
        from scipy.stats import norm

        shared = self._chance.standard_normal(self._clusters)[self._cluster]
        own = self._chance.standard_normal(len(self._records))
        ranks = norm.cdf(np.sqrt(ALIKE) * shared + np.sqrt(1 - ALIKE) * own)
        records = tuple(
            r | {k: donors[int(rank * len(donors))][k] for k in ("scores", "passed")}
            for r, donors, rank in zip(self._records, self._donors, ranks, strict=True)
        )
        return Run(name, {"corpus_hash": "", "keys": [r["key"] for r in records]}, records)


def _sort(record: Record) -> tuple[str, bool]:
    """Cases that the same measures apply to."""
    return record["case"]["type"], bool(record["case"].get("must_include"))


def _coverage(records: Sequence[Record], measure: str, draws: int) -> Result:
    """Sets of articles drawn from the set that is there; its own mean is the true value."""
    rows = [(r["scores"][measure], cluster(r)) for r in records if r["scores"][measure] is not None]
    by_cluster: dict[str, list[float]] = {}
    for value, name in rows:
        by_cluster.setdefault(name, []).append(value)
    groups = list(by_cluster.values())
    true = float(np.mean([value for value, _ in rows]))
    chance = np.random.default_rng(1)
    held = 0
    for _ in range(draws):
        chosen = [groups[j] for j in chance.integers(len(groups), size=len(groups))]
        values = [v for g in chosen for v in g]
        names = [str(n) for n, g in enumerate(chosen) for _ in g]
        interval = cluster_interval(values, names)
        held += interval.low <= true <= interval.high
    share = held / draws
    return Result(f"intervals of {measure} cover", COVER[0] <= share <= COVER[1], f"{share:.3f} of 95 % intervals")
