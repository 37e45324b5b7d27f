"""Recall and IoU, in characters, of what a search returns, against marked excerpts.

    python -m benchmarks.excerpts QA.jsonl --corpus FOLDER [--chance 0.9 0.95 0.98 0.99]

Evidence needs `char_start` and `char_end`. As in Chroma's "Evaluating Chunking Strategies for Retrieval" (2024), per question
and then averaged: recall is the share of the excerpts' characters that is returned, IoU the returned excerpt characters
over all that is returned plus the excerpt characters that are not. What is returned is what `search` gives with that
`chance`, at most 100 sentences.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

from benchmarks.common import settings, table, temp_home
from rag import search
from rag.types import Hit


def main() -> int:
    """Search for every question and print both for several chances."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", type=Path, metavar="QA.jsonl")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--chance", type=float, nargs="+", default=[0.8, 0.9, 0.95, 0.98, 0.99])
    parser.add_argument("--embedder", default="hash")
    args = parser.parse_args()
    rows = [json.loads(r) for r in args.questions.read_text(encoding="utf-8").split("\n") if r.strip()]
    with temp_home() as home:
        chosen = settings(home, embedder=args.embedder)
        options = {"corpus": args.corpus, "k": 100, "settings": chosen}
        found = [[search(row["question"], chance=c, **options) for row in rows] for c in args.chance]
    lines = []
    for chance, returned in zip(args.chance, found, strict=True):
        pairs = [recall_and_iou(row["evidence"], hits) for row, hits in zip(rows, returned, strict=True)]
        recall, iou = ([100 * x for x in values] for values in zip(*pairs, strict=True))
        half = [1.96 * statistics.stdev(values) / len(rows) ** 0.5 for values in (recall, iou)]
        sentences = statistics.mean(map(len, returned))
        lines.append(
            (
                chance,
                sentences,
                *(f"{statistics.mean(v):.1f} ± {h:.1f}" for v, h in zip((recall, iou), half, strict=True)),
            )
        )
    print(f"{len(rows)} questions")
    table(("chance", "sentences", "recall, %", "IoU, %"), lines)
    return 0


def recall_and_iou(evidence: list[dict[str, Any]], hits: list[Hit]) -> tuple[float, float]:
    """Both for one question; hits do not overlap, and neither do excerpts."""
    marked = sum(e["char_end"] - e["char_start"] for e in evidence)
    covered = sum(
        max(0, min(e["char_end"], h.end) - max(e["char_start"], h.start))
        for e in evidence
        for h in hits
        if h.file == e["file"]
    )
    returned = sum(h.end - h.start for h in hits)
    return covered / marked, covered / (returned + marked - covered)


if __name__ == "__main__":
    sys.exit(main())
