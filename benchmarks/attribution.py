"""Whether the checks agree with people on what a source supports, beside plain word cover.

    python -m benchmarks.attribution PAIRS.jsonl

Each line has "claim", "references" (texts) and "supported"; "type" names their origin. Printed is macro-F1 over supported and not:
of the chance that `rag.attributable` gives, its weights fitted on the other nine tenths of the pairs each time; of the same with
the weights that come along (on pairs they were not fitted on, the figure to look at); of the strict verdict; and of plain word
cover with numbers. Then the weights, fitted on all pairs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import table
from benchmarks.fit import by_fold, fit_logistic, predict
from index.words import terms
from rag.attributable import WEIGHTS, facts
from rag.checks.quantities import numbers
from rag.verify import check

Array = Any

GOAL = 0.82

FOLDS = 10


def macro_f1(pairs: Sequence[tuple[bool, bool]]) -> float:
    """Mean of the F1 of both classes over (predicted, true) pairs."""
    scores = []
    for kind in (True, False):
        hit = sum(a == b == kind for a, b in pairs)
        wrong = sum(a != b for a, b in pairs)
        scores.append(2 * hit / (2 * hit + wrong) if hit or wrong else 0.0)
    return sum(scores) / 2


def plain_cover(claim: str, references: Sequence[str]) -> bool:
    """The baseline: at least 0.6 of the claim's words, and all its numbers, stand in the source."""
    source = "\n".join(references)
    mine, there = terms(claim), set(terms(source))
    covered = sum(t in there for t in mine) >= 0.6 * len(mine) if mine else False
    return covered and set(numbers(claim)) <= set(numbers(source))


def main() -> int:
    """Judge all pairs, print macro-F1 by origin; 0 where the goal is reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path, metavar="PAIRS.jsonl")
    args = parser.parse_args()
    rows = [json.loads(line) for line in args.pairs.read_text(encoding="utf-8").split("\n") if line.strip()]
    if len(rows) < 2:
        parser.error(f"{args.pairs}: two pairs are the least that weights can be fitted on and judged by")
    x = np.array([facts(r["claim"], r["references"]) for r in rows])
    true = np.array([r["supported"] for r in rows])
    judges = {
        "chance, in folds": in_folds(x, true) >= 0.5,
        "chance": predict(np.array(list(WEIGHTS.values())), x) >= 0.5,
        "verdict": [check(r["claim"], r["references"]).verdict == "supported" for r in rows],
        "cover": [plain_cover(r["claim"], r["references"]) for r in rows],
    }
    kinds = [r.get("type", "") for r in rows]
    groups = {kind: [i for i, k in enumerate(kinds) if k == kind] for kind in dict.fromkeys(kinds)}
    groups["all"] = list(range(len(rows)))
    table(
        ("macro-F1", *judges, "pairs"),
        [
            (kind, *(macro_f1([(bool(said[i]), bool(true[i])) for i in there]) for said in judges.values()), len(there))
            for kind, there in groups.items()
        ],
    )
    print("\nfitted on all:", dict(zip(WEIGHTS, fit(x, true).round(3).tolist(), strict=True)))
    score = macro_f1(list(zip(judges["chance, in folds"], true, strict=True)))
    print(f"\n{'PASS' if score >= GOAL else 'FAIL'}  {score:.3f} (at least {GOAL})")
    return int(score < GOAL)


def fit(x: Array, true: Array) -> Array:
    """Weights of `facts`, the constant last."""
    return fit_logistic(list(WEIGHTS)[:-1], x, true, np.ones(len(x)))


def in_folds(x: Array, true: Array) -> Array:
    """Of each pair the chance by weights fitted on the other folds."""
    fold = np.random.default_rng(0).permutation(len(x)) % FOLDS
    chance = np.empty(len(x))
    for fitted, those in by_fold(fold, lambda some: fit(x[some], true[some])):
        chance[those] = predict(fitted, x[those])
    return chance


if __name__ == "__main__":
    sys.exit(main())
