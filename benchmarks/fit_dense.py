"""Fit the weights that a sentence's nearness in MiniLM's space gets beside its score, and print what it brings.

    python -m benchmarks.fit_dense FOLDER=QA.jsonl[,QA.jsonl] [FOLDER=...] [--write]

After `benchmarks.fit`, whose weights it builds on. A set is judged by weights fitted on all other sets. The best 24 sentences
of an index with the free embedder are embedded, which takes about a second a question.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import progress, settings, table, temp_home
from benchmarks.fit import gold_places
from index.embed import make_embedder
from rag.chain import SCORED, find
from rag.indexes import update
from rag.request import make_request
from rag.score import DENSE, RESCORED, WEIGHTS, dense_parts

MOST = 200
"""Questions taken of one file."""

PENALTY = 1e-3

Array = Any
Best = tuple[Array, Array]
"""Of a question's best sentences: [log score, DENSE], and whether they stand on a right line."""


def main() -> int:
    """Embed, fit, print; with --write also add the weights to rag/weights.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", metavar="FOLDER=QA.jsonl")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    jobs = [
        (Path(folder), Path(f)) for folder, _, files in (s.partition("=") for s in args.sets) for f in files.split(",")
    ]
    with temp_home() as home:
        read = {
            str(file.parent.name if file.stem == "qa" else file.stem): best(folder, file, home) for folder, file in jobs
        }
    rows = []
    for name, questions in read.items():
        weights = fit([q for other, found in read.items() if other != name for q in found])
        hits = [
            (right[np.argmax(x[:, 0])], right[np.argmax(x @ weights)], right[np.argmax(x[:, 1])])
            for x, right in questions
        ]
        rows.append((name, len(hits), *(float(v) for v in np.mean(hits, axis=0))))
    table(("first on a right line", "questions", "without", "with", "MiniLM alone"), rows)
    if args.write:
        value = json.loads(WEIGHTS.read_text(encoding="utf-8"))
        final = fit([q for found in read.values() for q in found])
        value["dense"] = {n: round(float(w), 3) for n, w in zip(("scale", *DENSE), final, strict=True)}
        WEIGHTS.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    return 0


def best(corpus: Path, file: Path, home: Path) -> list[Best]:
    """The best sentences of each answerable question of a file."""
    model = make_embedder("minilm", cache=home)
    chosen = settings(home)
    update(corpus, chosen.plan(corpus, None), chosen)
    rows = [json.loads(row) for row in file.read_text(encoding="utf-8").split("\n") if row.strip()]
    out = []
    for row in [r for r in rows if r["answerable"]][:MOST]:
        limits = {k: row[k] for k in ("history", "since", "until") if row.get(k)}
        request = make_request(row["question"], corpus=corpus, settings=chosen, **limits)
        hits = find(request, SCORED)[1].hits[:RESCORED]
        if hits:
            vectors = model.embed([row["question"], *(h.text for h in hits)])
            scores = np.array([math.log(h.score + 1e-300) for h in hits])
            x = np.c_[scores - scores.max(), dense_parts(vectors[1:] @ vectors[0])]
            also = row.get("also_contains_answer", ())
            gold = list(gold_places(row))
            right = [
                h.file in also or any(h.file == f and h.line_start <= b and h.line_end >= a for f, a, b, _ in gold)
                for h in hits
            ]
            out.append((x, np.array(right)))
    progress(f"{file}: {len(out)} questions")
    return out


def fit(questions: list[Best]) -> Array:
    """The weights that make the right sentences most likely (softmax over a question's sentences)."""
    from scipy.optimize import minimize

    questions = [q for q in questions if q[1].any()]

    def loss(w: Array) -> float:
        total = 0.0
        for x, right in questions:
            power = np.exp(x @ w - (x @ w).max())
            total -= math.log(power[right].sum() / power.sum() + 1e-9)
        return total / len(questions) + PENALTY * float(w @ w)

    return minimize(loss, np.array([1.0, 0.0, 0.0]), method="L-BFGS-B").x


if __name__ == "__main__":
    sys.exit(main())
