"""Fit `rag/rewording.npz`: which rewordings of a line still say what it says.

    python -m benchmarks.rewording SCRIPTS.npz [--claims CLAIMS.tsv ...] [--out rag/rewording.npz] [--seed 0]

SCRIPTS.npz (`benchmarks/rewording_scripts.npz` is what we used) holds edit scripts (rag/checks/edits.py), which name kinds of words and none of
the texts: `steps`, uint8 [claims, steps, 4]; `true`, whether each claim says what its lines say; `group`, the lines it is of; `passed`,
whether the other checks pass it, which counts more. The claims were written for this by language models, of one to four sentences of
articles that no evaluation question is about: as honest models write them, and made false in one thing that words alone do not show; 1,302 are
sentences of replies that were played by hand and passed the other checks.
CLAIMS.tsv adds your own: lines, words around them, claim, 1 or 0, parted by tabs.

Prints, for claims of lines that a fit had not seen (four folds), the area under the ROC curve (the chance that a true claim gets more than a false one) and the
share of false claims found where so many true ones are lost. Needs the extra `train` (PyTorch); four minutes on two cores.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import bert
from benchmarks.common import progress, table
from benchmarks.fit import by_fold
from rag.checks.edits import MOST_STEPS, SIZES, script
from rag.checks.evidence import Evidence
from rag.verify import check

SIZE, WIDTH, LAYERS, HIDDEN = 40, 5, 3, 48
DROPPED = 0.2
EPOCHS, BATCH, RATE = 8, 128, 2e-3
NETWORKS = 3
CAUGHT_ALREADY = 0.35
"""Weight of a claim that the other checks do not pass."""

FOLDS = 4

Array = Any


def main() -> int:
    """Fit in folds for the figures, on everything for the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scripts", type=Path)
    parser.add_argument("--claims", type=Path, nargs="*", default=[])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    steps, true, group, passed = read(args.scripts, args.claims)
    fold = np.random.default_rng(args.seed).integers(0, FOLDS, group.max() + 1)[group]
    scores = np.zeros(len(true))
    for model, those in by_fold(fold, lambda some: fit(steps[some], true[some], passed[some], args.seed)):
        scores[those] = predict(model, steps[those])
        progress(f"judged {len(those):,} claims of {len(true):,}")
    lost = (0.05, 0.1, 0.2, 0.3)
    rows = []
    for name, chosen in (("all", np.ones_like(passed)), ("that the other checks pass", passed)):
        good, bad = scores[chosen & true], scores[chosen & ~true]
        rows.append(
            (
                name,
                len(good),
                len(bad),
                f"{area(good, bad):.3f}",
                *(f"{np.mean(bad < np.quantile(good, q)):.2f}" for q in lost),
            )
        )
    table(("claims", "true", "false", "area", *(f"found at {q:g} lost" for q in lost)), rows)
    if args.out:
        write(args.out, [fit(steps, true, passed, args.seed + i) for i in range(NETWORKS)])
    return 0


def read(scripts: Path, claims: list[Path]) -> tuple[Array, Array, Array, Array]:
    """Scripts, labels, groups and whether the other checks pass, of all files."""
    with np.load(scripts) as stored:
        steps, true, group, passed = (stored[k] for k in ("steps", "true", "group", "passed"))
    rows = [line.split("\t") for file in claims for line in file.read_text(encoding="utf-8").splitlines()]
    if not rows:
        return steps, true, group, passed
    more = np.zeros((len(rows), MOST_STEPS, len(SIZES)), dtype=np.uint8)
    for i, (lines, around, claim, _) in enumerate(rows):
        found = script(claim, lines, around)
        more[i, : len(found)] = found
    own = {lines: n for n, lines in enumerate(dict.fromkeys(r[0] for r in rows), group.max() + 1)}
    held = [check(r[2], [Evidence(r[0], (r[1],))], strict=True).verdict == "supported" for r in rows]
    return (
        np.concatenate([steps, more]),
        np.concatenate([true, [r[3] == "1" for r in rows]]),
        np.concatenate([group, [own[r[0]] for r in rows]]),
        np.concatenate([passed, held]),
    )


def area(good: Array, bad: Array) -> float:
    """Area under the ROC curve: the chance that a good one scores more than a bad one, Mann and Whitney's U of all pairs."""
    from scipy.stats import mannwhitneyu

    return float(mannwhitneyu(good, bad).statistic / (len(good) * len(bad)))


def fit(steps: Array, true: Array, passed: Array, seed: int) -> Any:
    """A network fitted on these claims."""
    import torch

    torch.manual_seed(seed)
    model = _network()
    given, wanted = torch.from_numpy(steps.astype(np.int64)), torch.from_numpy(true.astype(np.float32))
    weight = torch.from_numpy(np.where(passed, 1, CAUGHT_ALREADY).astype(np.float32))
    parameters = list(model.parameters())
    total = EPOCHS * -(-len(true) // BATCH)
    step = bert.learner(torch.optim.AdamW(parameters, lr=RATE, weight_decay=0.05), parameters, total, total / 5)
    model.train()
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(true)).split(BATCH):
            longest = int((given[rows, :, 1] > 0).sum(1).max())
            loss = torch.nn.functional.binary_cross_entropy_with_logits(
                model(given[rows, :longest]), wanted[rows], reduction="none"
            )
            step((loss * weight[rows]).mean())
    return model.eval()


def predict(model: Any, steps: Array) -> Array:
    """The logit of each claim."""
    import torch

    with torch.no_grad():
        parts = torch.from_numpy(steps.astype(np.int64)).split(512)
        return torch.cat([model(part) for part in parts]).numpy()


def _network() -> Any:
    """What `rag/rewording.py` computes, with dropout."""
    import torch
    from torch import nn

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.ModuleList(nn.Embedding(n, SIZE) for n in SIZES)
            self.kernel = nn.ModuleList(nn.Conv1d(SIZE, SIZE, WIDTH, padding=WIDTH // 2) for _ in range(LAYERS))
            self.hidden, self.out = nn.Linear(2 * SIZE, HIDDEN), nn.Linear(HIDDEN, 1)
            self.drop = nn.Dropout(DROPPED)
            for embedding in self.embed:
                nn.init.normal_(embedding.weight, std=0.5)

        def forward(self, steps: Any) -> Any:
            there = (steps[:, :, 1] > 0).float()[:, :, None]
            x = self.drop(sum(embed(steps[:, :, k]) for k, embed in enumerate(self.embed))) * there
            for kernel in self.kernel:
                x = (x + torch.relu(kernel(x.transpose(1, 2)).transpose(1, 2))) * there
            most = (x + (there - 1) * 1e4).amax(1).clamp(min=-50)
            mean = x.sum(1) / there.sum(1).clamp(min=1)
            return self.out(self.drop(torch.relu(self.hidden(self.drop(torch.cat([most, mean], 1))))))[:, 0]

    return Network()


def write(file: Path, models: list[Any]) -> None:
    """The weights as `rag/rewording.py` reads them, in 16 bits."""
    stored = {}
    for i, model in enumerate(models):
        stored |= {f"{i}.embed{k}": e.weight for k, e in enumerate(model.embed)}
        for k, kernel in enumerate(model.kernel):
            stored |= {f"{i}.kernel{k}": kernel.weight.permute(2, 1, 0), f"{i}.shift{k}": kernel.bias}
        stored |= {f"{i}.hidden": model.hidden.weight.T, f"{i}.hidden_shift": model.hidden.bias}
        stored |= {f"{i}.out": model.out.weight[0], f"{i}.out_shift": model.out.bias[0]}
    np.savez_compressed(file, **{name: value.detach().numpy().astype(np.float16) for name, value in stored.items()})


if __name__ == "__main__":
    sys.exit(main())
