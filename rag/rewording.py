"""How surely a claim in the words of its lines says what they say, learnt from true and false rewordings.

A convolutional network (some 25,000 weights) reads the edits that make the claim of the lines (checks/edits.py). It was fitted on
claims that language models wrote of sentences of articles, half of them made false in one thing, and knows kinds of words only.
`benchmarks/rewording.py` fits it and says how well it does; docs/lab-notes.md has the figures.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from rag.checks.edits import script

WEIGHTS = Path(__file__).with_name("rewording.npz")

Array = Any


def chance(claim: str, lines: str, around: str = "") -> float:
    """The estimated chance, 0 to 1, that `claim` says only what `lines` say; `around` tells who "he" is.

    For a claim that passed the other checks. It is the chance among claims of which half are false.
    """
    steps = script(claim, lines, around)
    if not len(steps):
        return 0.0
    logits = [_logit(network, steps) for network in networks()]
    return float(1 / (1 + np.exp(-np.mean(logits))))


@lru_cache(maxsize=1)
def networks() -> tuple[dict[str, Array], ...]:
    """The weights of each network by name; their mean judges better than each alone."""
    with np.load(WEIGHTS) as stored:
        names = sorted({name.split(".", 1)[1] for name in stored.files})
        count = len(stored.files) // len(names)
        return tuple({name: stored[f"{i}.{name}"].astype(np.float32) for name in names} for i in range(count))


def _logit(network: dict[str, Array], steps: Array) -> float:
    """Sum of the embeddings of a step's numbers; convolutions, each added to what it reads; maximum and mean; two layers."""
    x = sum(network[f"embed{k}"][steps[:, k]] for k in range(steps.shape[1]))
    layer = 0
    while (kernel := network.get(f"kernel{layer}")) is not None:  # [width, in, out]
        pad = len(kernel) // 2
        padded = np.pad(x, ((pad, pad), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, len(kernel), axis=0)  # [steps, in, width]
        x = x + np.maximum(np.einsum("siw,wio->so", windows, kernel, optimize=True) + network[f"shift{layer}"], 0)
        layer += 1
    pooled = np.concatenate([x.max(axis=0), x.mean(axis=0)])
    hidden = np.maximum(pooled @ network["hidden"] + network["hidden_shift"], 0)
    return float(hidden @ network["out"] + network["out_shift"])
