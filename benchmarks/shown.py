"""Whether a model is shown the lines that answer: the prompt's lines against gold lines, beside whole passages in their order.

    python -m benchmarks.shown QA.jsonl --corpus FOLDER [--budget 2000]

Of the answerable questions: the share of which each group of evidence (or, in files with a flat list, one place or
a file that `also_contains_answer` names) has a line in the prompt, with its 95 % interval (Wilson 1927), and the mean
tokens of the shown sentences. The figures tell; there is no limit to pass.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.answers import share
from benchmarks.common import limits, settings, table, temp_home
from index.tokens import count_tokens
from rag.chain import PROMPT_TOKENS, find_parts, merged
from rag.indexes import refresh
from rag.request import make_request
from rag.sources import Source, make_sources, sentences_of


def main() -> int:
    """Look up every answerable question and print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", type=Path, nargs="+", metavar="QA.jsonl")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--budget", type=int, default=PROMPT_TOKENS, help="tokens for the lines (default: a prompt's)")
    args = parser.parse_args()
    rows = [json.loads(r) for f in args.questions for r in f.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if row["answerable"]]
    shown: dict[str, list[list[Source]]] = {"whole passages": [], "byline": []}
    with temp_home() as home:
        chosen = settings(home)
        for i, row in enumerate(rows):
            request = make_request(row["question"], corpus=args.corpus, settings=chosen, **limits(row))
            if not i:
                refresh(request)
            candidates, hits = merged(find_parts(request)[0])
            in_order = [s for c in candidates for s in sentences_of(c)]
            shown["whole passages"].append(make_sources(candidates, args.budget, in_order))
            shown["byline"].append(make_sources(candidates, args.budget, hits))
    print(f"{len(rows)} answerable questions")
    lines = []
    for name, given in shown.items():
        tokens = statistics.mean(sum(count_tokens(h.text) for s in sources for h in s.shown) for sources in given)
        lines.append((name, share([holds(row, s) for row, s in zip(rows, given, strict=True)]), f"{tokens:.0f}"))
    table(("", "all evidence shown", "tokens"), lines)
    return 0


def holds(row: dict[str, Any], sources: Sequence[Source]) -> bool:
    """Whether the sources show what the row's answer needs."""

    def seen(place: dict[str, Any]) -> bool:
        first = place.get("line_start", place.get("line"))
        last = place.get("line_end", first)
        return any(s.file == place["file"] and s.at(first, last) for s in sources)

    groups = row["evidence"]
    if groups and isinstance(groups[0], dict):
        return any(map(seen, groups)) or any(s.file in row.get("also_contains_answer", ()) for s in sources)
    return all(any(map(seen, group)) for group in groups)


if __name__ == "__main__":
    sys.exit(main())
