"""BERT weights -> an ONNX graph from token ids to sentence vectors, with the `onnx` package alone.

The operators are those that measured fastest on ONNX Runtime's CPU provider: its fused `Attention` and
`BiasGelu` are, `SkipLayerNormalization` is not (19 ms a batch where `Add` and `LayerNormalization` take 6).
Mean pooling and the division by the length are part of the graph, so that Python gets finished vectors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

# Part of a cached graph's file name: count up when the graph changes.
GRAPH_VERSION = 1

FUSED = "com.microsoft"


def build_graph(
    weights: Mapping[str, np.ndarray],
    *,
    heads: int = 12,
    eps: float = 1e-12,
    in_bytes: bool = False,
    pooled: bool = True,
) -> bytes:
    """The serialised ONNX model for BERT `weights` named as in Hugging Face's `BertModel`.

    With `in_bytes` the matrices are stored as int8 with a scale for each column (of the words: each row), a quarter of the
    size; the runtime makes floats of them when it loads the graph and computes as fast as without. For all-MiniLM-L6-v2 the
    cosine to the exact vectors is .9987.

    Inputs `input_ids` and `attention_mask`, int64 [texts, tokens]; output `embedding`, float32 [texts, size], or, where not
    `pooled`, the states of the tokens as `last_hidden_state`, float32 [texts, tokens, size].
    Sizes and the number of layers come from the weights. Raises KeyError where a weight is missing.
    """
    from onnx import TensorProto, helper, numpy_helper

    nodes: list[Any] = []
    tensors: list[Any] = []

    def constant(name: str, values: np.ndarray) -> str:
        if values.dtype == np.float64:
            values = values.astype(np.float32)
        tensors.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def op(kind: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], domain=domain, **attributes))
        return output

    def as_bytes(name: str, values: np.ndarray, axis: int) -> tuple[str, str]:
        scale = np.abs(values).max(axis=axis, keepdims=True) / 127 + 1e-12
        return constant(f"{name}.int8", np.round(values / scale).astype(np.int8)), constant(f"{name}.scale", scale)

    def as_floats(stored: str, scale: str, output: str) -> str:
        op("Cast", [stored], f"{output}.float", to=TensorProto.FLOAT)
        return op("Mul", [f"{output}.float", scale], output)

    def matrix(name: str, values: np.ndarray) -> str:
        return as_floats(*as_bytes(name, values, 0), name) if in_bytes else constant(name, values)

    prefix = "bert." if "bert.embeddings.word_embeddings.weight" in weights else ""

    def weight(name: str) -> np.ndarray:
        return np.asarray(weights[prefix + name], dtype=np.float64)

    def normalise(x: str, layer: str, output: str, bias: np.ndarray) -> str:
        scale = constant(f"{output}.scale", weight(f"{layer}.weight"))
        shift = constant(f"{output}.shift", weight(f"{layer}.bias") + bias)
        return op("LayerNormalization", [x, scale, shift], output, axis=-1, epsilon=eps)

    words = weight("embeddings.word_embeddings.weight")
    # All tokens are of segment 0, so its vector can be added to the positions beforehand.
    segment = weight("embeddings.token_type_embeddings.weight")[0]
    places = weight("embeddings.position_embeddings.weight") + segment
    layers = len({found[1] for name in weights if (found := re.search(r"encoder\.layer\.(\d+)\.", name))})
    size = words.shape[1]
    if not layers or size % heads:
        raise ValueError(f"{layers} layers of {size} dimensions with {heads} attention heads")

    # The bias of a product whose result is added to x is added to x itself, by the normalisation that makes
    # x; the other product that reads x takes it off again in its own bias. That saves passes over memory.
    mix_biases = [weight(f"encoder.layer.{i}.attention.output.dense.bias") for i in range(layers)]
    mix_biases.append(np.zeros(size))

    constant("zero", np.array([0], dtype=np.int64))
    constant("one", np.array([1], dtype=np.int64))
    op("Shape", ["input_ids"], "tokens", start=1, end=2)
    op("Slice", [constant("places", places), "zero", "tokens", "zero"], "place")
    if in_bytes:
        stored, scale = as_bytes("words", words, 1)
        picked = op("Gather", [stored, "input_ids"], "word.int8")
        as_floats(picked, op("Gather", [scale, "input_ids"], "word.scale"), "word")
    else:
        op("Gather", [constant("words", words), "input_ids"], "word")
    op("Add", ["word", "place"], "start")
    op("Cast", ["attention_mask"], "mask", to=TensorProto.INT32)
    x = normalise("start", "embeddings.LayerNorm", "embedded", mix_biases[0])

    for i in range(layers):
        layer, name = f"encoder.layer.{i}", f"layer{i}"
        parts = [f"{layer}.attention.self.{part}" for part in ("query", "key", "value")]
        qkv = np.concatenate([weight(f"{part}.weight").T for part in parts], axis=1)
        qkv_bias = np.concatenate([weight(f"{part}.bias") for part in parts]) - mix_biases[i] @ qkv
        mix = weight(f"{layer}.attention.output.dense.weight").T
        up = weight(f"{layer}.intermediate.dense.weight").T
        down = weight(f"{layer}.output.dense.weight").T
        down_bias = weight(f"{layer}.output.dense.bias")
        up_bias = weight(f"{layer}.intermediate.dense.bias") - down_bias @ up

        inputs = [x, matrix(f"{name}.qkv", qkv), constant(f"{name}.qkv_bias", qkv_bias), "mask"]
        op("Attention", inputs, f"{name}.attended", FUSED, num_heads=heads)
        op("MatMul", [f"{name}.attended", matrix(f"{name}.mix", mix)], f"{name}.mixed")
        op("Add", [f"{name}.mixed", x], f"{name}.sum1")
        y = normalise(f"{name}.sum1", f"{layer}.attention.output.LayerNorm", f"{name}.y", down_bias)
        op("MatMul", [y, matrix(f"{name}.up", up)], f"{name}.wide")
        op("BiasGelu", [f"{name}.wide", constant(f"{name}.up_bias", up_bias)], f"{name}.bent", FUSED)
        op("MatMul", [f"{name}.bent", matrix(f"{name}.down", down)], f"{name}.narrow")
        op("Add", [f"{name}.narrow", y], f"{name}.sum2")
        x = normalise(f"{name}.sum2", f"{layer}.output.LayerNorm", f"{name}.x", mix_biases[i + 1])

    if pooled:
        # The sum over the tokens stands for their mean: the vector is brought to unit length anyway.
        op("Cast", ["attention_mask"], "real", to=TensorProto.FLOAT)
        op("Unsqueeze", ["real", "one"], "row")
        op("MatMul", ["row", x], "summed")
        op("Squeeze", ["summed", "one"], "flat")
        output = op("LpNormalization", ["flat"], "embedding", axis=-1, p=2)
    else:
        output = op("Identity", [x], "last_hidden_state")

    shape, value = ["texts", "tokens"], helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "minilm",
        [value("input_ids", TensorProto.INT64, shape), value("attention_mask", TensorProto.INT64, shape)],
        [value(output, TensorProto.FLOAT, ["texts", *([] if pooled else ["tokens"]), size])],
        tensors,
    )
    model = helper.make_model(
        graph,
        producer_name="byline",
        ir_version=8,  # what opset 17 came with: older runtimes refuse newer ones
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(FUSED, 1)],
    )
    data: bytes = model.SerializeToString()
    return data
