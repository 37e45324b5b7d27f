"""Make `rag/meaning.npz`, the word vectors that come with Byline, from MiniLM.

    python -m benchmarks.words [--dimensions 96]

Needs the extra `minilm` and its weights. Every word of lower-case letters in MiniLM's vocabulary is embedded alone; the
vectors are centred, cut to their principal axes, scaled to unit length and stored as int8.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import numpy as np

from index.minilm import MiniLM
from rag.meaning import TABLE


def main() -> int:
    """Embed, cut, write; prints the size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dimensions", type=int, default=96)
    parser.add_argument("--out", type=Path, default=TABLE)
    args = parser.parse_args()
    model = MiniLM.load()
    vocabulary = sorted(model.tokenizer.get_vocab().items(), key=lambda item: item[1])  # by frequency
    words = [word for word, _ in vocabulary if re.fullmatch(r"[a-z]{2,}", word)]
    vectors = model.embed(words)
    vectors -= vectors.mean(axis=0)
    axes = np.linalg.svd(vectors, full_matrices=False)[2][: args.dimensions]
    cut = vectors @ axes.T
    cut /= np.abs(cut).max(axis=1, keepdims=True)
    packed = np.round(cut * 127).astype(np.int8)
    np.savez(args.out, words=np.frombuffer("\n".join(words).encode("ascii"), dtype=np.uint8), vectors=packed)
    print(f"{len(words):,} words, {args.dimensions} dimensions, {args.out.stat().st_size / 2**20:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
