"""A model that was played by hand over the sample corpus, replayed.

Each line of evals/recordings/*.jsonl has a question and the reply to it, whose markers name file and line. They are
turned into the source numbers of the prompt that is asked, so that a recording outlives changes in what is retrieved;
a line that is not in the prompt becomes a marker of no source, as a model would have to guess it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import evals
from index.load import load, scan
from index.types import Document

FOLDER = Path(evals.__file__).parent / "recordings"
_PLACE = re.compile(r"\[([^\[\]:]+\.(?:txt|md)):(\d+)(?:-(\d+))?\]")


def read(name: str) -> list[dict[str, Any]]:
    """The lines of a recording."""
    text = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def replaying(rows: list[dict[str, Any]]) -> Callable[[dict[str, Any]], str]:
    """The model: looks up the prompt's question; asked again, it writes the same."""
    replies = {row["question"]: row["reply"] for row in rows}

    def reply(body: dict[str, Any]) -> str:
        prompt = next(m["content"] for m in body["messages"] if m["content"].startswith("SOURCES"))
        question = prompt.rpartition("\nQuestion: ")[2]
        return _PLACE.sub(lambda m: _marker(prompt, m[1], int(m[2]), int(m[3] or m[2])), replies[question])

    return reply


def _marker(prompt: str, file: str, first: int, last: int) -> str:
    number = 0
    line = " ".join(_lines()[file][first - 1].split())
    for row in prompt.split("\n"):
        if heading := re.match(r"\[(\d+)\] ", row):
            number = int(heading[1])
        elif (
            (found := re.match(r"(\d+)\| (.+)", row))
            and int(found[1]) == first
            and " ".join(found[2].split())[:40] in line
        ):
            return f"[{number}:{first}-{last}]" if last > first else f"[{number}:{first}]"
    return "[99:1]"


@lru_cache(maxsize=1)
def _lines() -> dict[str, list[str]]:
    found = (load(evals.ARTICLES, s) for s in scan(evals.ARTICLES)[0])
    return {d.file: d.text.split("\n") for d in found if isinstance(d, Document)}
