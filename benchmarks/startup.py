"""How long a first answer takes in a fresh process, beside `import chromadb` alone.

    python -m benchmarks.startup CORPUS [--rounds 9]

Whole processes in turn on an indexed corpus: `byline ask --no-llm`, and Python importing chromadb, which any
program on Chroma pays before it does anything. To reach: at most 1.3 times that, in the median.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.common import environment, median, run, table, temp_home, verdict

ANSWERED_OR_NOT = (0, 1)


def main() -> int:
    """Run the rounds, print the medians; 0 where the figure is reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--question", default="Who said what about the president?")
    args = parser.parse_args()
    corpus = ["-c", str(args.corpus)]
    ask = ["-m", "rag.cli", "ask", *corpus, "--no-llm", args.question]
    commands = {
        "import chromadb": ["-c", "import chromadb"],
        "byline ask": ask,
        "byline ask --no-refresh": [*ask, "--no-refresh"],
        # Words that no article holds make BM25 find too little, so that Chroma is loaded and asked.
        "byline ask, unknown words": [*ask[:-1], "Zzyzxq qwrtpsd?"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    with temp_home() as home:
        env = environment(home)
        run(["-m", "rag.cli", "index", *corpus], env)
        for number in range(args.rounds + 1):
            for name, command in commands.items():
                done = run(command, env, ANSWERED_OR_NOT)
                if number:  # the first round warms the disk
                    seconds[name].append(done.seconds)
    rows = [(name, median(found), min(found), max(found)) for name, found in seconds.items()]
    table(("seconds, whole process", "median", "least", "most"), rows)
    print()
    ratio = median(seconds["byline ask"]) / median(seconds["import chromadb"])
    return 0 if verdict("byline ask / import chromadb", ratio, 1.3) else 1


if __name__ == "__main__":
    sys.exit(main())
