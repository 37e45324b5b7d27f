"""How fast and how exact the embedder minilm is.

    python benchmarks/minilm.py evals/articles --texts 200
    python benchmarks/minilm.py evals/articles --make-reference ref.npz   # needs sentence-transformers
    python benchmarks/minilm.py evals/articles --reference ref.npz

The table compares `MiniLM.embed` with ONNX Runtime alone (`session.run` on the same batches, tokenised and
padded beforehand) and with batches padded to 256 tokens, as Chroma's own wrapper makes them. All are timed in
turn, round after round, and the shares are medians over the rounds, so that a slow moment of the machine hits
each of them. The last column is the same share in processor time, which other processes disturb less.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from index.minilm import MAX_TOKENS, MiniLM, batches, find_weights, pad


def passages(folder: Path, count: int, size: int = 1000) -> list[str]:
    """Up to `count` pieces of about `size` characters of the articles in `folder`, cut between words."""
    pieces: list[str] = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix in (".txt", ".md")):
        words: list[str] = []
        for word in path.read_text(encoding="utf-8", errors="replace").split():
            words.append(word)
            if sum(map(len, words)) + len(words) > size:
                pieces.append(" ".join(words))
                words = []
        if words:
            pieces.append(" ".join(words))
        if len(pieces) >= count:
            break
    return pieces[:count]


def seconds(call: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the clock and of all cores together."""
    clock, cores = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - clock, time.process_time() - cores


def speed(embedder: MiniLM, texts: list[str], rounds: int, chroma: bool) -> None:
    """Print texts per second and the time of one question."""
    ids = embedder.tokenise(texts)
    ours = [pad([ids[row] for row in rows]) for rows in batches([len(row) for row in ids])]
    full = []
    for start in range(0, len(ids), 32):
        mask = np.zeros((len(ids[start : start + 32]), MAX_TOKENS), dtype=np.int64)
        padded = np.zeros_like(mask)
        for i, row in enumerate(ids[start : start + 32]):
            padded[i, : len(row)], mask[i, : len(row)] = row, 1
        full.append((padded, mask))

    names = {item.name for item in embedder.session.get_inputs()}

    def alone(made: Sequence[tuple[np.ndarray, np.ndarray]]) -> Callable[[], object]:
        zeros = [np.zeros_like(padded) for padded, _ in made]
        feeds = [
            {"input_ids": ids, "attention_mask": mask, "token_type_ids": zero}
            for (ids, mask), zero in zip(made, zeros, strict=True)
        ]
        feeds = [{name: feed[name] for name in names} for feed in feeds]
        return lambda: [embedder.session.run(None, feed) for feed in feeds]

    calls: dict[str, Callable[[], object]] = {
        "ONNX Runtime alone, same batches": alone(ours),
        "MiniLM.embed": lambda: embedder.embed(texts),
    }
    if chroma:
        calls["ONNX Runtime alone, padded to 256"] = alone(full)
    for call in calls.values():
        call()
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for round_ in range(rounds):
        order = list(calls) if round_ % 2 == 0 else list(calls)[::-1]
        for name in order:
            times[name].append(seconds(calls[name]))

    print(f"{len(texts)} texts, {sum(map(len, texts)) / len(texts):.0f} characters, ", end="")
    print(f"{sum(map(len, ids)) / len(ids):.0f} tokens each; {rounds} rounds, medians")
    base = times["ONNX Runtime alone, same batches"]
    for name, taken in times.items():
        rate = len(texts) / statistics.median(clock for clock, _ in taken)
        pairs = list(zip(base, taken, strict=True))
        share, cores = (statistics.median(b[i] / t[i] for b, t in pairs) for i in (0, 1))
        print(f"  {name:<36}{rate:8.1f} texts/s{share:9.1%}{cores:9.1%}")
    question = ["Was the letter that announced the withdrawal signed before it was sent?"]
    each = statistics.median(seconds(lambda: embedder.embed(question))[0] for _ in range(100))
    tokens = len(embedder.tokenise(question)[0])
    print(f"  one question of {tokens} tokens{each * 1000:27.1f} ms")


def make_reference(file: Path, folder: Path, texts: list[str]) -> None:
    """Write the vectors that sentence-transformers gives with the model in `folder`."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    vectors = model.encode(texts, normalize_embeddings=True)
    np.savez_compressed(file, texts=np.array(texts), vectors=vectors)
    print(f"{len(texts)} reference vectors in {file}")


def compare(embedder: MiniLM, file: Path) -> bool:
    """Print the cosines with stored vectors; True where all are above 0.9999."""
    with np.load(file) as stored:
        texts, vectors = [str(text) for text in stored["texts"]], stored["vectors"]
    cosines = np.sum(embedder.embed(texts).astype(np.float64) * vectors, axis=1)
    cosines /= np.linalg.norm(vectors.astype(np.float64), axis=1)
    print(f"  cosine with {len(texts)} reference vectors: min {cosines.min():.7f}, mean {cosines.mean():.7f}")
    return bool(cosines.min() > 0.9999)


def main() -> int:
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=style)
    parser.add_argument("articles", type=Path)
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--folder", type=Path, help="weights; by default those that MiniLM.load finds")
    parser.add_argument("--cache", type=Path, help="folder that keeps the built graph")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--chroma", action="store_true", help="also time batches padded to 256 tokens")
    parser.add_argument("--reference", type=Path, metavar="FILE.npz")
    parser.add_argument("--make-reference", type=Path, metavar="FILE.npz")
    args = parser.parse_args()

    texts = passages(args.articles, args.texts)
    if not texts:
        parser.error(f"no .txt or .md article in {args.articles}")
    if args.make_reference:
        found = find_weights(args.folder)
        if found is None:
            parser.error("no weights found: name their folder with --folder")
        edges = ["", "a", "Was the letter signed?", "word " * 2000, "Überraschung – naïve 日本語 🚁"]
        make_reference(args.make_reference, found.model.parent, [*texts, *edges])
        return 0
    embedder = MiniLM.load(args.folder, threads=args.threads, cache=args.cache)
    print(embedder.fingerprint)
    speed(embedder, texts, args.rounds, args.chroma)
    return 0 if args.reference is None or compare(embedder, args.reference) else 1


if __name__ == "__main__":
    sys.exit(main())
