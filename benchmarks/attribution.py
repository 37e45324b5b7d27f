"""Whether the check agrees with people on what a source supports, beside plain word cover.

    python -m benchmarks.attribution PAIRS.jsonl

Each line has "claim", "references" (texts) and "supported"; "type" names their origin. Printed is macro-F1 over supported and not, for the check and for plain word cover with numbers.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common import table
from index.words import terms
from rag.checks.quantities import numbers
from rag.verify import check

GOAL = 0.82


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
    judged: dict[str, list[tuple[bool, bool, bool]]] = defaultdict(list)
    for r in rows:
        ours = check(r["claim"], r["references"]).verdict == "supported"
        judged[r.get("type", "all")].append((ours, plain_cover(r["claim"], r["references"]), r["supported"]))
    judged["all"] = [j for kind in list(judged) for j in judged[kind]]
    scores = {kind: [macro_f1([(j[i], j[2]) for j in js]) for i in (0, 1)] for kind, js in judged.items()}
    table(("macro-F1", "check", "cover", "pairs"), [(k, *scores[k], len(judged[k])) for k in judged])
    good = scores["all"][0] >= GOAL
    print(f"\n{'PASS' if good else 'FAIL'}  {scores['all'][0]:.3f} (at least {GOAL})")
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
