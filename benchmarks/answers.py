"""Answers without a model against questions with gold lines, beside plain BM25 over lines.

    python -m benchmarks.answers QA.jsonl --corpus FOLDER [--minilm] [--embedder minilm]

First citation on a gold line (or in a file that `also_contains_answer` names), a gold line among the first three
places, all parts of the expected answer in the reply (`must_include`, or one of `answers`), and in its first sentence,
and refusals; each with its 95 % interval (Wilson 1927). Plain BM25 takes each line under its title as a passage and
always answers with the best one; --minilm does the same with the nearest vectors. Both layouts are read: Byline's
cases and files with `answers` and a flat list of evidence. The figures tell; there is no limit to pass.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import documents, limits, settings, table, temp_home
from evals.stats import wilson
from index.lexical import Lexical
from index.words import STOPWORDS
from rag import ask
from rag.settings import Settings


@dataclass(frozen=True)
class Reply:
    """Places (file, first line, last line) in order, the text, its first sentence, their number; no places for a refusal."""

    places: list[tuple[str, int, int]]
    text: str
    first: str
    sentences: int


def main() -> int:
    """Ask every question of both, and print the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", type=Path, nargs="+", metavar="QA.jsonl")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--minilm", action="store_true", help="also ask plain MiniLM, which embeds every line")
    parser.add_argument("--embedder", default="hash", help="of Byline's index (default hash)")
    parser.add_argument("--threshold", type=float, help="confidence below which Byline abstains")
    parser.add_argument("--limit", type=int, default=10**9, help="ask only so many")
    args = parser.parse_args()
    rows = [json.loads(r) for f in args.questions for r in f.read_text(encoding="utf-8").splitlines()][: args.limit]
    with temp_home() as home:
        lines = read_lines(args.corpus)
        bm25 = PlainLines(lines, home / "lines")
        chosen = settings(home, threshold=args.threshold, embedder=args.embedder)
        replies = {"plain BM25": [bm25.ask(row["question"]) for row in rows]}
        if args.minilm:
            dense = DenseLines(lines)
            replies["plain MiniLM"] = [dense.ask(row["question"]) for row in rows]
        replies["byline"] = [_byline(row, args.corpus, chosen) for row in rows]
    answerable = sum(row["answerable"] for row in rows)
    print(f"{answerable} answerable questions, {len(rows) - answerable} unanswerable")
    head = ("", "first", "in three", "parts", "parts in 1st", "refused wrongly", "refused rightly", "sentences")
    table(head, [measures(name, rows, given) for name, given in replies.items()])
    return 0


def measures(name: str, rows: list[dict[str, Any]], given: list[Reply]) -> list[object]:
    """One row of the table."""
    pairs = list(zip(rows, given, strict=True))
    yes = [(row, reply) for row, reply in pairs if row["answerable"]]
    no = [(row, reply) for row, reply in pairs if not row["answerable"]]
    answered = [reply.sentences for _, reply in pairs if reply.places]
    return [
        name,
        share([_hit(row, reply.places[:1]) for row, reply in yes]),
        share([_hit(row, reply.places[:3]) for row, reply in yes]),
        share([_parts(row, reply.text) for row, reply in yes]),
        share([_parts(row, reply.first) for row, reply in yes]),
        share([not reply.places for _, reply in yes]),
        share([not reply.places for _, reply in no]),
        sum(answered) / max(len(answered), 1),
    ]


Line = tuple[str, int, str, str]
"""File, number, title of the article, text."""


def read_lines(corpus: Path) -> list[Line]:
    """The lines of all articles that are neither blank nor of a header block."""
    out = []
    for d in documents(corpus):
        first = d.text.count("\n", 0, d.body_start)
        lines = list(enumerate(d.text.split("\n"), 1))[first:]
        out += [(d.file, number, d.title or "", line) for number, line in lines if line.strip()]
    return out


class PlainLines:
    """BM25 over lines: what a search engine alone gives."""

    def __init__(self, lines: list[Line], folder: Path) -> None:
        self._lines = lines
        self._index = Lexical(folder, create=True)
        self._index.update((i, 0, title, text) for i, (_, _, title, text) in enumerate(lines))

    def ask(self, question: str) -> Reply:
        """The best three lines; the text is that of the first."""
        return _reply(
            [self._lines[i] for i, _ in self._index.search(question, 3, stopwords=STOPWORDS, spellings=False)]
        )


class DenseLines:
    """MiniLM over lines under their titles: what a vector store alone gives."""

    def __init__(self, lines: list[Line]) -> None:
        from index.minilm import MiniLM

        self._lines, self._model = lines, MiniLM.load()
        self._vectors = self._model.embed([f"{title}\n{text}" for _, _, title, text in lines])

    def ask(self, question: str) -> Reply:
        """The nearest three lines; the text is that of the first."""
        nearest = np.argsort(-(self._vectors @ self._model.embed([question])[0]))[:3]
        return _reply([self._lines[i] for i in nearest])


def _reply(found: list[Line]) -> Reply:
    text = found[0][3] if found else ""
    return Reply([(file, n, n) for file, n, _, _ in found], text, text, 1)


def _byline(row: dict[str, Any], corpus: Path, chosen: Settings) -> Reply:
    answer = ask(row["question"], corpus=corpus, llm=False, settings=chosen, **limits(row))
    places = [(c.file, c.line_start, c.line_end) for c in answer.citations]
    return Reply(places, answer.text, answer.claims[0].text if answer.claims else "", len(answer.claims))


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


def share(values: list[bool]) -> str:
    """The share of true values, with the bounds of its 95 % interval: .78 (.56-.91)."""
    if not values:
        return "-"
    bounds = wilson(sum(values), len(values))
    return f"{sum(values) / len(values):.2f} ({bounds.low:.2f}-{bounds.high:.2f})"


if __name__ == "__main__":
    sys.exit(main())
