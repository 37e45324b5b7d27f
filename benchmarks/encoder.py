"""Train all-MiniLM-L6-v2 on questions about articles; `benchmarks.distil` makes Byline's sentence encoder of it.

    python -m benchmarks.encoder QUESTIONS.tsv NAME=FOLDER [NAME=FOLDER ...] --out FOLDER [--epochs 1] [--seed 0]

QUESTIONS.tsv (`benchmarks/encoder_questions.tsv` is what we used) has a row for each question, parted by tabs: the name of a
folder of articles, the file in it, the first and last character of the sentence that answers, the question. They were written for
this by a language model, one sentence at a time, partly in other words than the sentence's; none is about an article that a
question of our evaluations is about, so that figures on those are of articles the encoder has not seen.

Each question is asked as Byline asks it, and the sentences that its linear score likes best are the wrong answers to learn from: under
scale * linear score + alpha * cosine the right sentence shall be likely (softmax over KEPT of them, scale and alpha
learnt along). The word embeddings stay as they are. The result is the mean of the trained and the original weights, which keeps
what the original knows of other subjects (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022).

Needs the extra `train` (PyTorch) beside `minilm`; on two cores an epoch over 10,000 questions takes a quarter of an hour.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import bert
from benchmarks.common import look_up_all, progress
from index.minilm import MiniLM
from rag.encoder import MOST_CHARS
from rag.features import features
from rag.score import best_first, weighted_sum, weights

CANDIDATES = 24
"""Best sentences by the linear score that a question may learn from."""

KEPT = 8
"""Of these, how many are compared at a step: drawn by their chance, the right one always among them."""

BATCH = 16
RATE = 3e-5
TRAINED = 0.5
"""Weight of the trained weights in the mean with the original ones."""

SAME = 0.8
"""Share of two sentences' words that is common where they count as the same sentence, both right."""

Array = Any


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, the best sentences for it, their linear scores, and whether each answers."""

    question: str
    sentences: list[str]
    scores: Array
    right: Array


def main() -> int:
    """Ask, train, mix, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args, rows, folders = bert.arguments(parser, epochs=1.0)
    found = bert.original(parser)
    asked = []
    for name, folder in folders.items():
        asked += read([row[1:] for row in rows if row[0] == name], folder)
        progress(f"{name}: {len(asked):,} questions so far whose sentence is among the best {CANDIDATES}")
    trained, original = train(asked, found, args.epochs, args.seed)
    mixed = {name: TRAINED * value + (1 - TRAINED) * original[name] for name, value in trained.items()}
    bert.write(args.out, mixed, found.parent / "vocab.txt")
    return 0


def read(rows: Sequence[Sequence[str]], corpus: Path) -> list[Asked]:
    """Ask the questions of a folder: rows of file, first and last character of the answering sentence, question."""
    out = []
    asked = ({"file": file, "start": int(start), "question": question} for file, start, _, question in rows)
    for row, query, candidates in look_up_all(corpus, asked):
        found = features(query, candidates)
        files = [candidates[s.candidate].document.file for s in found.sentences]
        marked = [f == row["file"] and s.start == row["start"] for f, s in zip(files, found.sentences, strict=True)]
        if not any(marked):
            continue
        answer = _words(found.sentences[marked.index(True)].text)
        right = np.array([m or _same(answer, _words(s.text)) for m, s in zip(marked, found.sentences, strict=True)])
        scores = weighted_sum(weights()["sentence"], found.parts)
        best = best_first(scores, CANDIDATES)
        if right[best].any():
            texts = [found.sentences[i].text[:MOST_CHARS] for i in best]
            out.append(Asked(row["question"][-MOST_CHARS:], texts, scores[best], right[best]))
    return out


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _same(a: set[str], b: set[str]) -> bool:
    return len(a & b) >= SAME * len(a | b)


def train(asked: list[Asked], model: Path, epochs: float, seed: int) -> tuple[dict[str, Array], dict[str, Array]]:
    """The weights after training and before, named as in Hugging Face's `BertModel`."""
    import torch

    torch.manual_seed(seed)
    draw, shuffle = np.random.default_rng(seed), random.Random(seed)
    original, tokenizer = bert.read(model), MiniLM.load(model.parent)
    trained = bert.make(original)
    scale, alpha = torch.nn.Parameter(torch.tensor(0.8)), torch.nn.Parameter(torch.tensor(8.0))
    mine = [p for p in trained.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW([{"params": mine, "lr": RATE}, {"params": [scale, alpha], "lr": 1e-2}])
    steps = int(len(asked) * epochs / BATCH)
    learn = bert.learner(optimizer, mine, steps, warm_up=0.1 * steps + 1)
    tokens: dict[str, list[int]] = {}
    for a in asked:
        texts = [t for t in (a.question, *a.sentences) if t not in tokens]
        tokens |= zip(texts, (row.tolist() for row in tokenizer.tokenise(texts)), strict=True)
    waiting: list[Asked] = []
    losses: list[float] = []
    began = time.perf_counter()
    for step in range(steps):
        while len(waiting) < BATCH:
            waiting += shuffle.sample(asked, len(asked))
        batch, waiting = waiting[:BATCH], waiting[BATCH:]
        chosen = [_drawn(a, draw) for a in batch]
        sizes = [len(some) for some in chosen]
        texts = [a.sentences[i] for a, some in zip(batch, chosen, strict=True) for i in some]
        given = bert.vectors(trained, [tokens[t] for t in (*texts, *(a.question for a in batch))])
        cosines = (given[: len(texts)] * given[len(texts) :].repeat_interleave(torch.tensor(sizes), dim=0)).sum(1)
        loss = torch.tensor(0.0)
        for a, some, cosine in zip(batch, chosen, cosines.split(sizes), strict=True):
            linear = torch.tensor(a.scores[some], dtype=torch.float32)
            chance = torch.softmax(scale * linear + alpha * cosine, 0)
            loss = loss - torch.log((chance * torch.tensor(a.right[some])).sum() + 1e-6) / BATCH
        losses.append(learn(loss))
        if step % 50 == 49 or step == steps - 1:
            progress(
                f"{step + 1}/{steps}: loss {np.mean(losses[-50:]):.3f}, scale {float(scale.detach()):.2f}, "
                f"alpha {float(alpha.detach()):.2f}, {time.perf_counter() - began:.0f} s"
            )
    return bert.weights(trained), original


def _drawn(asked: Asked, draw: np.random.Generator) -> Array:
    """Numbers of KEPT sentences, the likelier ones rather, the right one among them."""
    some = np.argsort(-(0.5 * asked.scores + draw.gumbel(size=len(asked.scores))))[:KEPT]
    if not asked.right[some].any():
        some[-1] = draw.choice(np.flatnonzero(asked.right))
    return some


if __name__ == "__main__":
    sys.exit(main())
