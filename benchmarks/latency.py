"""How long a warm search takes, and how much memory it needs.

    python -m benchmarks.latency CORPUS [--queries 300] [--questions QA.jsonl] [--passages 200000] [--ask]

The questions are 4 to 8 content words of random sentences of the corpus (fixed seed), or those of a file. Each
is searched twice in turn: with `refresh`, which looks for changed files first, and without. With `--passages`
the corpus is one made of random sentences of CORPUS, in articles as long as the real ones, indexed with the
free embedder. Indexing is a process of its own, so the memory shown is that of searching.
With --ask it answers instead of only searching. To reach, for 95 of 100 without `refresh`: searches under 50 ms, under 100 ms with
200,000 passages, answers under 150 ms.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from functools import partial
from pathlib import Path

from benchmarks.common import (
    documents,
    environment,
    percentile,
    progress,
    read_questions,
    resident,
    run,
    sentence_texts,
    settings,
    table,
    temp_home,
    verdict,
)
from index.split import PASSAGE_CHARS
from index.words import STOPWORDS
from rag import ask, search


def main() -> int:
    """Index, search, print the table; 0 where the figure is reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--questions", type=Path, metavar="QA.jsonl", help="ask these instead of made ones")
    parser.add_argument("--passages", type=int, help="make a corpus of so many passages")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dense-weight", type=float, help="ask Chroma at every search, as a trained embedder would")
    parser.add_argument("--ask", action="store_true", help="answer without a model instead of only searching")
    args = parser.parse_args()
    call = partial(ask, llm=False) if args.ask else search
    rng = random.Random(args.seed)
    articles = [found for d in documents(args.corpus) if (found := sentence_texts(d))]
    questions = read_questions(args.questions) if args.questions else make_questions(articles, args.queries, rng)
    with temp_home() as home:
        corpus, index = args.corpus, home / "index"
        if args.passages:
            corpus = home / "corpus"
            files = make_corpus(articles, corpus, args.passages, rng)
            progress(f"{files:,} articles made, indexing")
        del articles
        built = run(["-m", "rag.cli", "index", "-c", str(corpus), "--index", str(index)], environment(home))
        size = sum(p.stat().st_size for p in index.rglob("*") if p.is_file()) / 2**20
        print(built.output.strip())
        print(f"indexed in {built.seconds:.1f} s at {built.megabytes:.0f} MB; {size:.0f} MB on disk\n")
        before = resident()
        chosen = settings(home, dense_weight=args.dense_weight)
        seconds: dict[bool, list[float]] = {True: [], False: []}
        half = len(questions) // 2  # apart, for what was asked last is kept
        for i in range(-10, len(questions)):
            for refresh, n in ((True, i % len(questions)), (False, (i + half) % len(questions))):
                started = time.perf_counter()
                call(questions[n], corpus=corpus, index=index, refresh=refresh, settings=chosen)
                if i >= 0:  # the first ten load what is loaded once
                    seconds[refresh].append(1000 * (time.perf_counter() - started))
        after = resident()
    rows = [
        (name, len(found), *(percentile(found, share) for share in (0.5, 0.95, 0.99)))
        for name, found in (("without refresh", seconds[False]), ("with refresh", seconds[True]))
    ]
    table(("milliseconds", "searches", "p50", "p95", "p99"), rows)
    print(f"\nresident memory {after:.0f} MB, of which searching {after - before:.0f} MB\n")
    limit = 150.0 if args.ask else 100.0 if args.passages else 50.0
    return 0 if verdict("p95 without refresh", percentile(seconds[False], 0.95), limit, " ms") else 1


def make_questions(articles: list[list[str]], count: int, rng: random.Random) -> list[str]:
    """4 to 8 content words of one random sentence each, in their order."""
    questions: list[str] = []
    while len(questions) < count:
        words = re.findall(r"\w{3,}", rng.choice(rng.choice(articles)))
        words = [w for w in words if w.lower() not in STOPWORDS]
        if len(words) >= 4:
            kept = sorted(rng.sample(range(len(words)), min(len(words), rng.randint(4, 8))))
            questions.append(" ".join(words[i] for i in kept))
    return questions


def make_corpus(articles: list[list[str]], folder: Path, passages: int, rng: random.Random) -> int:
    """Write articles of random sentences until they hold about so many passages; the number of articles."""
    sentences = [s for article in articles for s in article]
    made = characters = 0
    while characters < 0.9 * passages * PASSAGE_CHARS:  # a passage ends before the sentence that would not fit
        text = "\n\n".join(" ".join(rng.choices(sentences, k=5)) for _ in range(1 + len(rng.choice(articles)) // 5))
        path = folder / f"{made // 1000:04}" / f"{made:07}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
        made, characters = made + 1, characters + len(text)
    return made


if __name__ == "__main__":
    sys.exit(main())
