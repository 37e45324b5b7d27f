"""A ranking against groups of gold lines, each group counted once.

A ranking says for every hit, best first, which groups it holds; a group is found at the first rank that holds any of
its alternatives, and further alternatives of it neither help nor hurt.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from evals.measures.citations import Groups, Span

Ranking = Sequence[frozenset[int]]


def found_groups(hits: Sequence[Span], groups: Groups, level: Literal["line", "file"] = "line") -> list[frozenset[int]]:
    """The ranking: for each hit the numbers, from 0, of the groups it shares a line with, or at `level` "file" a file."""
    return [
        frozenset(n for n, group in enumerate(groups) if any(_shares(hit, place, level) for place in group))
        for hit in hits
    ]


def hit_at(ranking: Ranking, k: int) -> float:
    """Whether any of the first `k` hits holds any group: 0 or 1. Source: Hits@k of MultiHop-RAG (arXiv 2401.15391)."""
    return float(any(ranking[:k]))


def reciprocal_rank(ranking: Ranking, k: int | None = None) -> float:
    """1 / rank of the first hit that holds a group, 0 to 1; 0 if none of the first `k` does.

    Its mean over questions is MRR@k. Source: Voorhees, "The TREC-8 Question Answering Track Report" (1999).
    """
    return next((1 / rank for rank, groups in enumerate(ranking[:k], 1) if groups), 0.0)


def recall_at(ranking: Ranking, n_groups: int, k: int) -> float | None:
    """Groups found in the first `k` hits / groups, 0 to 1; None without groups. Source: recall of sets, groups as items."""
    return sum(_new(ranking, k)) / n_groups if n_groups else None


def ndcg_at(ranking: Ranking, n_groups: int, k: int) -> float | None:
    """Discounted gain of the first `k` hits / that of an ideal ranking, 0 to 1; None without groups.

    DCG = sum of (groups found for the first time at rank r) / log2(r + 1); the ideal has one group at each rank, and a
    hit that holds several at once cannot bring more than 1. An ideal that counts every alternative, as AutoRAG's does,
    is out of reach: of [[a, b], [c]] it wants a, b and c, so that a, c scores 0.77 although nothing is missing.
    Source: Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques" (2002), log2 of rank + 1.
    """
    if not n_groups:
        return None
    gain = sum(new / math.log2(rank + 1) for rank, new in enumerate(_new(ranking, k), 1))
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(n_groups, k) + 1))
    return min(1.0, gain / ideal) if ideal else 0.0


def average_precision(ranking: Ranking, n_groups: int, k: int) -> float | None:
    """What MultiHop-RAG calls average precision, 0 to 1; None without groups. Its mean over questions is MAP@k.

    Sum over the first `k` ranks of (groups found for the first time there) / rank, divided by min(groups, k). This is
    not the usual average precision, which adds the precision of the whole list up to each rank and so is higher.
    Source: `retrieval_evaluate.py` of yixuantt/MultiHop-RAG at 5fc3983 and 33d3ad0 (arXiv 2401.15391).
    """
    if not n_groups:
        return None
    total = sum(new / rank for rank, new in enumerate(_new(ranking, k), 1))
    return min(1.0, total / min(n_groups, k)) if k > 0 else 0.0


def _new(ranking: Ranking, k: int) -> list[int]:
    """How many groups each of the first `k` hits is the first to hold."""
    seen: set[int] = set()
    counts = []
    for groups in ranking[: max(0, k)]:
        counts.append(len(groups - seen))
        seen |= groups
    return counts


def _shares(hit: Span, place: Span, level: str) -> bool:
    return hit[0] == place[0] and (level == "file" or (hit[1] <= place[2] and place[1] <= hit[2]))
