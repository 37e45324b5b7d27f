"""What the benchmark commands share: child processes, sentences of a corpus, medians, tables."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from index.load import load, scan
from index.split import sentences
from index.types import Document
from rag.chain import look_up
from rag.indexes import update
from rag.question import Query
from rag.request import make_request
from rag.retrieve import Candidate
from rag.settings import Settings

ROOT = Path(__file__).resolve().parents[1]


class Run(NamedTuple):
    """A finished child process: wall time of the whole process, its peak memory, what it printed."""

    seconds: float
    megabytes: float
    output: str
    status: int


@contextmanager
def temp_home() -> Iterator[Path]:
    """A folder for indexes that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="byline-bench-") as folder:
        yield Path(folder)


def environment(home: Path) -> dict[str, str]:
    """The environment of a child: this checkout, indexes in `home`, the free embedder, no model."""
    ours = ("BYLINE_", "OPENAI_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return kept | {"PYTHONPATH": str(ROOT), "BYLINE_HOME": str(home), "BYLINE_EMBEDDER": "hash"}


def settings(home: Path, **values: Any) -> Settings:
    """Settings for asking in this process: indexes in `home`, the free embedder, nothing from the environment."""
    return Settings(home=home, **{"embedder": "hash", **values})


def run(arguments: Sequence[str], env: Mapping[str, str], allowed: Sequence[int] = (0,)) -> Run:
    """Run ``python ARGUMENTS`` as a process of its own. Raises CalledProcessError for another exit status."""
    command = [sys.executable, *arguments]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        child = subprocess.Popen(command, env=dict(env), stdout=out, stderr=err)
        _, code, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(code)
        out.seek(0)
        err.seek(0)
        output = out.read().decode()
        if child.returncode not in allowed:
            print(err.read().decode(), file=sys.stderr)
            raise subprocess.CalledProcessError(child.returncode, command)
    return Run(seconds, usage.ru_maxrss / 1024, output, child.returncode)


def resident() -> float:
    """Megabytes of this process that are in memory now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def documents(corpus: Path) -> Iterator[Document]:
    """The readable articles of a folder."""
    for stat in scan(corpus)[0]:
        document = load(corpus, stat)
        if isinstance(document, Document):
            yield document


def sentence_texts(document: Document) -> list[str]:
    """The sentences of an article's body."""
    spans = sentences(document.text, document.body_start)
    return [document.text[s.start : s.end] for s in spans if s.start >= document.body_start]


def named_folders(parser: ArgumentParser, items: Sequence[str], known: Container[str]) -> dict[str, Path]:
    """Folders by name from arguments NAME=FOLDER; the parser's error for a name that is not known or a folder that is not there."""
    folders = {name: Path(folder) for name, _, folder in (item.partition("=") for item in items)}
    for name, folder in folders.items():
        if name not in known or not folder.is_dir():
            parser.error(f"{name}={folder}: there is no such folder, or no question names {name}")
    return folders


def read_questions(path: Path) -> list[str]:
    """The "question" of every line of a JSONL file."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line)["question"] for line in lines if line.strip()]


def limits(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a row says of the question besides its words, as options of `ask`.

    `asked_on`, as public sets call it, is `as_of`: "this week" refers to that day.
    """
    found = {name: row[name] for name in ("history", "since", "until", "as_of") if row.get(name)}
    return ({"as_of": row["asked_on"]} if row.get("asked_on") else {}) | found


def look_up_all(
    corpus: Path, rows: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[Mapping[str, Any], Query, list[Candidate]]]:
    """Each row with its question and the passages that Byline finds for it, where it finds any.

    A row holds a "question" and may hold what `limits` takes of it.
    """
    with temp_home() as home:
        chosen = settings(home)
        update(corpus, chosen.plan(corpus, None), chosen)
        for row in rows:
            query, candidates = look_up(
                make_request(row["question"], corpus=corpus, settings=chosen, **limits(row)), chosen.passages
            )
            if candidates:
                yield row, query, candidates


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under a head, numbers to the right."""
    cells = [list(head), *([f"{c:.2f}" if isinstance(c, float) else str(c) for c in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    for row in cells:
        print("  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]))


def verdict(what: str, value: float, limit: float, unit: str = "") -> bool:
    """Print one line that says whether `value` is within `limit`."""
    good = value <= limit
    print(f"{'PASS' if good else 'FAIL'}  {what}: {value:.3g}{unit} (at most {limit:.3g}{unit})")
    return good


def progress(text: str) -> None:
    """A line on standard error: benchmarks are slow and silence looks like a hang."""
    print(text, file=sys.stderr, flush=True)
