"""Whether the retrieval measures agree with a published script on lists that it has scored.

    python -m benchmarks.metric_check SCORED.jsonl

Each line holds "gold" (objects with a "fact"), "retrieved" (texts, best first) and "expected" (the published script's
hits_at_10, hits_at_4, map_at_10, mrr_at_10). As in MultiHop-RAG's script a text holds a fact when it contains it once
blanks and line ends are removed, and questions without gold are left out. To reach: every mean and every question's
score within 0.00005 of what is expected.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import table
from evals.measures.retrieval import Ranking, average_precision, hit_at, reciprocal_rank

NAMES = {"hits_at_10": "Hits@10", "hits_at_4": "Hits@4", "map_at_10": "MAP@10", "mrr_at_10": "MRR@10"}
AGREES = 5e-5


def scores(gold: Sequence[str], retrieved: Sequence[str]) -> dict[str, float]:
    """The four scores of one question."""
    facts = [_plain(fact) for fact in gold]
    ranking: Ranking = [frozenset(facts.index(f) for f in facts if f in _plain(text)) for text in retrieved]
    return {
        "hits_at_10": hit_at(ranking, 10),
        "hits_at_4": hit_at(ranking, 4),
        "map_at_10": average_precision(ranking, len(facts), 10) or 0.0,
        "mrr_at_10": reciprocal_rank(ranking, 10),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Print measured and expected means; 1 where they or any question's scores differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, metavar="SCORED.jsonl")
    lines = parser.parse_args(argv).file.read_text(encoding="utf-8").split("\n")
    rows: list[dict[str, Any]] = [row for line in lines if line.strip() and (row := json.loads(line))["gold"]]
    if not rows:
        print("FAIL  the file holds no question with gold facts")
        return 1
    ours = [scores([g["fact"] for g in row["gold"]], row["retrieved"]) for row in rows]
    means = {name: (_mean([s[name] for s in ours]), _mean([row["expected"][name] for row in rows])) for name in NAMES}
    worst = {name: max(abs(s[name] - r["expected"][name]) for s, r in zip(ours, rows, strict=True)) for name in NAMES}
    head = (f"{len(rows)} questions", "measured", "expected", "largest difference")
    table(head, [(NAMES[n], f"{means[n][0]:.4f}", f"{means[n][1]:.4f}", f"{worst[n]:.1e}") for n in NAMES])
    good = all(worst[n] < AGREES and abs(means[n][0] - means[n][1]) < AGREES for n in NAMES)
    print("PASS  all agree to four decimals" if good else "FAIL  some differ")
    return int(not good)


def _plain(text: str) -> str:
    return text.replace(" ", "").replace("\n", "")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


if __name__ == "__main__":
    sys.exit(main())
