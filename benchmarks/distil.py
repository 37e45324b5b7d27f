"""Make the sentence encoder smaller: `rag/encoder/` has half the layers of what `benchmarks.encoder` trained.

    python -m benchmarks.distil TRAINED QUESTIONS.tsv NAME=FOLDER [NAME=FOLDER ...] --out FOLDER [--layers 0,2,4] [--epochs 3]

TRAINED is the folder that `benchmarks.encoder` wrote, QUESTIONS.tsv and the folders of articles are those it was trained on.
The student begins as the named layers of all-MiniLM-L6-v2 and learns to give every sentence of those articles, and every
question, the vector that the teacher gives it, and every two of them in a batch the same cosine. No question is needed for that, nor
what answers it.

Needs the extra `train` (PyTorch) beside `minilm`; three epochs over 106,000 sentences take a quarter of an hour on two cores.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import bert
from benchmarks.common import documents, progress, sentence_texts
from index.minilm import MiniLM
from rag.encoder import MOST_CHARS

BATCH = 64
RATE = 3e-4
WARM_UP = 100
HELD_OUT = 400
"""Texts that are not trained on and tell how like the teacher the student has become."""

Array = Any


def main() -> int:
    """Ask the teacher, train the student, write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trained", type=Path)
    parser.add_argument("--layers", default="0,2,4", help="of the original, that the student begins with")
    args, rows, folders = bert.arguments(parser, epochs=3.0)
    original = bert.original(parser)
    texts = read_texts(rows, folders)
    random.Random(args.seed).shuffle(texts)
    teacher = MiniLM.load(args.trained)
    progress(f"{len(texts):,} texts; the teacher's vectors ...")
    wanted = teacher.embed(texts)
    ids = [row.tolist() for row in teacher.tokenise(texts)]
    layers = [int(i) for i in args.layers.split(",")]
    student = bert.make(bert.only_layers(bert.read(original), layers))
    distil(student, ids, wanted, args.epochs, args.seed)
    bert.write(args.out, bert.weights(student), args.trained / "vocab.txt")
    return 0


def read_texts(rows: Sequence[Sequence[str]], folders: Mapping[str, Path]) -> list[str]:
    """All questions, and all sentences of the articles they are about, as `rag.encoder` cuts them; each once."""
    texts = [row[-1][-MOST_CHARS:] for row in rows]
    for name, folder in folders.items():
        files = {row[1] for row in rows if row[0] == name}
        for document in documents(folder):
            if document.file in files:
                texts += [text[:MOST_CHARS] for text in sentence_texts(document)]
    return list(dict.fromkeys(texts))


def distil(student: Any, ids: Sequence[Sequence[int]], wanted: Array, epochs: float, seed: int) -> None:
    """Train `student` to give the token rows `ids` the unit vectors `wanted`, float32 [texts, dimensions]."""
    import torch

    torch.manual_seed(seed)
    targets = torch.from_numpy(wanted)
    mine = [p for p in student.parameters() if p.requires_grad]
    steps = int((len(ids) - HELD_OUT) / BATCH * epochs)
    learn = bert.learner(torch.optim.AdamW(mine, lr=RATE), mine, steps, WARM_UP)
    batches = _batches(ids, random.Random(seed))
    losses: list[float] = []
    began = time.perf_counter()
    for step in range(steps):
        rows = next(batches)
        mine_now, theirs = bert.vectors(student, [ids[i] for i in rows]), targets[rows]
        # The mean of the squared differences of all cosines is some 50 times smaller than that of 1 - cosine.
        apart = 10 * (1 - (mine_now * theirs).sum(1)).mean()
        loss = apart + 100 * ((mine_now @ mine_now.T - theirs @ theirs.T) ** 2).mean()
        losses.append(learn(loss))
        if step % 250 == 249 or step == steps - 1:
            mean, like = _likeness(student, ids[:HELD_OUT], targets[:HELD_OUT])
            progress(
                f"{step + 1}/{steps}: loss {np.mean(losses[-250:]):.3f}, {time.perf_counter() - began:.0f} s; "
                f"texts held out: cosine with the teacher {mean:.3f}, correlation of pairs' cosines {like:.3f}"
            )


def _batches(ids: Sequence[Sequence[int]], shuffle: random.Random) -> Iterator[list[int]]:
    """Numbers of BATCH texts of like length, in another order in every epoch."""
    numbers = list(range(HELD_OUT, len(ids)))
    while True:
        shuffle.shuffle(numbers)
        found = []
        for start in range(0, len(numbers), 20 * BATCH):
            some = sorted(numbers[start : start + 20 * BATCH], key=lambda i: len(ids[i]))
            found += [some[i : i + BATCH] for i in range(0, len(some), BATCH)]
        shuffle.shuffle(found)
        yield from found


def _likeness(student: Any, ids: Sequence[Sequence[int]], wanted: Any) -> tuple[float, float]:
    import torch

    with torch.no_grad():
        found = bert.vectors(student, ids)
    pairs = [(v @ v.T)[np.triu_indices(len(ids), 1)].numpy() for v in (found, wanted)]
    return float((found * wanted).sum(1).mean()), float(np.corrcoef(*pairs)[0, 1])


if __name__ == "__main__":
    sys.exit(main())
