"""Retrieved text against marked excerpts, in characters, and the arithmetic of ranges that lines use too.

Source of the measures: Smith and Troynikov, "Evaluating Chunking Strategies for Retrieval" (Chroma technical report, 2024).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

Range = tuple[str, int, int]
"""File, start, end; the end is not part of the range."""

Union = Mapping[str, Sequence[tuple[int, int]]]
"""Ranges of each file, sorted and apart from one another, so that nothing counts twice."""


class Excerpt(NamedTuple):
    """Recall, precision and intersection over union, each 0 to 1."""

    recall: float
    precision: float
    iou: float


def excerpt_scores(gold: Iterable[Range], returned: Sequence[Range]) -> Excerpt | None:
    """How much of the gold excerpts was returned, and how much else; None without gold.

    covered = gold characters in any returned range, counted once; read = sum of the lengths of all returned ranges,
    overlaps counted every time. Recall = covered / gold, precision = covered / read,
    IoU = covered / (read + gold - covered). Nothing returned is 0, 0, 0. Source: Chroma's report.
    """
    wanted = union(gold)
    size = length(wanted)
    if not size:
        return None
    covered = overlap(wanted, union(returned))
    read = sum(max(0, end - start) for _, start, end in returned)
    return Excerpt(covered / size, covered / read if read else 0.0, covered / (read + size - covered))


def precision_omega(gold: Iterable[Range], chunks: Iterable[Range]) -> float | None:
    """The best IoU that a chunking allows, 0 to 1: that of returning exactly the chunks that hold gold; None without gold.

    covered / (characters of those chunks + gold that no chunk holds), every character counted once. A chunk holds gold
    when they share a character; the report's script also takes a chunk that only ends where the excerpt begins.
    Source: Chroma's report.
    """
    wanted = union(gold)
    if not wanted:
        return None
    held = union(c for c in chunks if any(a < c[2] and c[1] < b for a, b in wanted.get(c[0], ())))
    covered = overlap(wanted, held)
    return covered / (length(held) + length(wanted) - covered)


def union(ranges: Iterable[Range]) -> Union:
    """The ranges of each file, merged; empty and reversed ones are dropped."""
    files: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for file, start, end in sorted(r for r in ranges if r[1] < r[2]):
        there = files[file]
        if there and start <= there[-1][1]:
            there[-1] = (there[-1][0], max(there[-1][1], end))
        else:
            there.append((start, end))
    return dict(files)


def length(ranges: Union) -> int:
    """How much the ranges hold in all."""
    return sum(end - start for there in ranges.values() for start, end in there)


def overlap(left: Union, right: Union) -> int:
    """How much both hold."""
    return sum(_common(there, right[file]) for file, there in left.items() if file in right)


def _common(left: Sequence[tuple[int, int]], right: Sequence[tuple[int, int]]) -> int:
    total = i = j = 0
    while i < len(left) and j < len(right):
        total += max(0, min(left[i][1], right[j][1]) - max(left[i][0], right[j][0]))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return total
