"""Answers without a model against questions with gold lines, beside plain BM25 over lines.

    python -m benchmarks.answers QA.jsonl --corpus FOLDER

First citation on a gold line (or in a file that `also_contains_answer` names), a gold line among the first three
places, all parts of the expected answer in the reply (`must_include`, or one of `answers`), and refusals. Plain BM25
takes each line under its title as a passage and always answers with the best one. Both layouts are read: Byline's
cases and files with `answers` and a flat list of evidence. The figures tell; there is no limit to pass.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common import settings, temp_home
from index.lexical import Lexical
from index.load import load, scan
from index.types import Document
from index.words import STOPWORDS
from rag import ask
from rag.settings import Settings


@dataclass(frozen=True)
class Reply:
    """Places (file, first line, last line) in order, and the text; no places for a refusal."""

    places: list[tuple[str, int, int]]
    text: str


def main() -> int:
    """Ask every question of both, and print the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", type=Path, nargs="+", metavar="QA.jsonl")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=10**9, help="ask only so many")
    args = parser.parse_args()
    rows = [json.loads(r) for f in args.questions for r in f.read_text(encoding="utf-8").splitlines()][: args.limit]
    with temp_home() as home:
        lines = PlainLines(args.corpus, home / "lines")
        replies = {
            "plain BM25": [lines.ask(row["question"]) for row in rows],
            "byline": [_byline(row, args.corpus, settings(home)) for row in rows],
        }
    answerable = sum(row["answerable"] for row in rows)
    print(f"{answerable} answerable questions, {len(rows) - answerable} unanswerable")
    print(f"{'':12}{'first':>8}{'in three':>10}{'parts':>8}{'refused wrongly':>17}{'refused rightly':>17}")
    for name, given in replies.items():
        pairs = list(zip(rows, given, strict=True))
        yes = [(row, reply) for row, reply in pairs if row["answerable"]]
        no = [(row, reply) for row, reply in pairs if not row["answerable"]]
        shares = [
            _share([_hit(row, reply.places[:1]) for row, reply in yes]),
            _share([_hit(row, reply.places[:3]) for row, reply in yes]),
            _share([_parts(row, reply.text) for row, reply in yes]),
            _share([not reply.places for _, reply in yes]),
            _share([not reply.places for _, reply in no]),
        ]
        print(f"{name:12}{shares[0]:>8}{shares[1]:>10}{shares[2]:>8}{shares[3]:>17}{shares[4]:>17}")
    return 0


class PlainLines:
    """BM25 over lines: what a search engine alone gives."""

    def __init__(self, corpus: Path, folder: Path) -> None:
        self._lines: list[tuple[str, int, str]] = []
        titles = []
        for stat in scan(corpus)[0]:
            document = load(corpus, stat)
            if isinstance(document, Document):
                for number, line in enumerate(document.text.split("\n"), 1):
                    if line.strip():
                        self._lines.append((document.file, number, line))
                        titles.append(document.title or "")
        self._index = Lexical(folder, create=True)
        self._index.update((i, 0, titles[i], line) for i, (_, _, line) in enumerate(self._lines))

    def ask(self, question: str) -> Reply:
        """The best three lines; the text is that of the first."""
        found = [self._lines[i] for i, _ in self._index.search(question, 3, stopwords=STOPWORDS, spellings=False)]
        return Reply([(file, n, n) for file, n, _ in found], found[0][2] if found else "")


def _byline(row: dict[str, Any], corpus: Path, chosen: Settings) -> Reply:
    options = {name: row[name] for name in ("history", "since", "until", "as_of") if row.get(name)}
    answer = ask(row["question"], corpus=corpus, llm=False, settings=chosen, **options)
    return Reply([(c.file, c.line_start, c.line_end) for c in answer.citations], answer.text)


def _hit(row: dict[str, Any], places: list[tuple[str, int, int]]) -> bool:
    groups = [g if isinstance(g, list) else [g] for g in row["evidence"]]
    gold = [
        (g["file"], g.get("line_start", g.get("line")), g.get("line_end", g.get("line"))) for x in groups for g in x
    ]
    also = row.get("also_contains_answer", ())
    return any(
        file in also or any(file == f and first <= b and last >= a for f, a, b in gold) for file, first, last in places
    )


def _parts(row: dict[str, Any], text: str) -> bool:
    groups = row["must_include"] if "must_include" in row else [row.get("answers", [])]
    flat = " ".join(text.lower().split())
    return all(any(part.lower() in flat for part in group) for group in groups)


def _share(values: list[bool]) -> str:
    return f"{sum(values) / len(values):.2f}" if values else "-"


if __name__ == "__main__":
    sys.exit(main())
