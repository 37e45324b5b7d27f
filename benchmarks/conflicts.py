"""How often both sides are reported, and how often where the articles agree.

    python -m benchmarks.conflicts QA.jsonl --corpus FOLDER [--each]
    python -m benchmarks.conflicts QA.jsonl --corpus FOLDER --all

A question's `evidence` names articles that hold its answer, `wrong_evidence` the same articles with another answer
in its place. Three corpora are made of these and `noise_files`: without the wrong ones, without the true ones, and with both; in the
last one a conflict should be reported, in the first two not. A conflict is right where one side gives one of
`answers` and another one of `wrong_answers`. With `--each` every question gets corpora of its own articles alone.
With `--all` the folder is taken as it is: every conflict is printed, for reading.
To reach: .80 reported with both, at most .05 where the articles agree.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.common import settings, temp_home, verdict
from rag import ask
from rag.types import Answer


def main() -> int:
    """Ask every question of every corpus; 0 where both figures are reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", type=Path, metavar="QA.jsonl")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--each", action="store_true", help="corpora for every question by itself")
    parser.add_argument("--all", action="store_true", help="ask of the folder as it is and print the conflicts")
    parser.add_argument("--show", action="store_true", help="print what was missed or reported wrongly")
    args = parser.parse_args()
    rows = [json.loads(r) for r in args.questions.read_text(encoding="utf-8").splitlines()]
    with temp_home() as home:
        if args.all:
            return _read(rows, args.corpus, home)
        shares = {}
        for name, without in (("both", ()), ("true alone", ("wrong_evidence",)), ("false alone", ("evidence",))):
            groups = [[row] for row in rows] if args.each else [rows]
            found = [x for i, g in enumerate(groups) for x in _ask(g, args.corpus, home / f"{name}{i}", without)]
            shares[name] = sum(bool(a.conflicts) for _, a in found) / len(found)
            right = sum(_right(row, a) for row, a in found) / len(found)
            print(
                f"{name:12} {len(found)} questions, conflict reported {shares[name]:.2f}, with both values {right:.2f}"
            )
            for row, answer in found if args.show else ():
                if bool(answer.conflicts) != (name == "both"):
                    print(f"  {row['question']}")
                    _print(answer)
    reached = verdict("missed with both", 1 - shares["both"], 0.20)
    agreeing = max(shares["true alone"], shares["false alone"])
    return 0 if verdict("reported where they agree", agreeing, 0.05) and reached else 1


def _ask(rows: list[dict[str, Any]], corpus: Path, home: Path, without: Iterable[str]) -> list[tuple[Any, Answer]]:
    """Answers to `rows` from the articles that they name, without those of some fields."""
    files = {e["file"] for row in rows for field in ("evidence", "wrong_evidence") for e in row[field]}
    files.update(name for row in rows for name in row.get("noise_files", ()))
    gone = {e["file"] for row in rows for field in without for e in row[field]}
    folder = home / "articles"
    folder.mkdir(parents=True)
    for name in files - gone:
        (folder / name).write_bytes((corpus / name).read_bytes())
    chosen = settings(home / "index")
    return [(row, ask(row["question"], corpus=folder, llm=False, settings=chosen)) for row in rows]


def _right(row: dict[str, Any], answer: Answer) -> bool:
    sides = [s.text.lower() for c in answer.conflicts for s in c.sides]
    return all(any(v.lower() in s for v in row[f] for s in sides) for f in ("answers", "wrong_answers"))


def _read(rows: list[dict[str, Any]], corpus: Path, home: Path) -> int:
    found = 0
    for row in rows:
        answer = ask(row["question"], corpus=corpus, llm=False, settings=settings(home))
        if answer.conflicts:
            found += 1
            print(f"\n{row['type']}: {row['question']}")
            _print(answer)
    print(f"\n{found} conflicts in {len(rows)} questions")
    return 0


def _print(answer: Answer) -> None:
    for conflict in answer.conflicts:
        for side in conflict.sides:
            print(f"    {', '.join(map(str, side.citations))}: {side.text[:150]}")


if __name__ == "__main__":
    sys.exit(main())
