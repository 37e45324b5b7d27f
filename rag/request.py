"""A question with everything that limits it, checked once: what `ask`, `search` and the command line take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from index.caches import CachePlan
from index.errors import UsageError
from rag.followup import Turn, carried
from rag.retrieve import Filters, parse_date
from rag.settings import Settings, read_settings

MAX_QUESTION = 10_000
"""Characters in a question. More is a pasted text, not a question."""


@dataclass(frozen=True, slots=True)
class Request:
    """A checked question. `history` are the (question, answer) pairs before it, `corpus` is None for an index alone."""

    question: str
    plan: CachePlan
    corpus: Path | None
    filters: Filters
    history: tuple[Turn, ...]
    as_of: str | None
    settings: Settings

    @property
    def earlier(self) -> tuple[str, ...]:
        """What a follow-up leaves out."""
        return carried(self.question, self.history)


def make_request(
    question: object,
    *,
    corpus: object = None,
    index: object = None,
    history: object = (),
    since: object = None,
    until: object = None,
    files: object = None,
    sources: object = None,
    as_of: object = None,
    settings: Settings | None = None,
) -> Request:
    """Check the arguments of a question (`ask` says what they mean). Raises UsageError for each that is wrong."""
    settings = settings or read_settings()
    if not isinstance(question, str):
        raise UsageError(f"the question is a {type(question).__name__}; give a text")
    text = question.encode("utf-8", "replace").decode().strip()
    if not any(c.isalnum() for c in text):
        raise UsageError('the question is empty; ask something like: byline ask -c articles "Was the letter signed?"')
    if len(text) > MAX_QUESTION:
        raise UsageError(f"the question has {len(text):,} characters; ask in at most {MAX_QUESTION:,}")
    folder = as_path("corpus", corpus) or settings.corpus
    place = as_path("index", index) or settings.index
    first, last = _date("since", since), _date("until", until)
    if first and last and first > last:
        raise UsageError(f"since {first} is after until {last}; give them the other way round")
    filters = Filters(first, last, _several("files", files), _several("sources", sources))
    plan = settings.plan(folder, place)
    return Request(text, plan, folder, filters, _history(history), _date("as_of", as_of), settings)


def as_path(name: str, value: object) -> Path | None:
    """A folder as the user gave it, with ``~`` resolved; None stays None. Raises UsageError."""
    if value is None or value == "":
        return None
    if not isinstance(value, (str, Path)) or "\0" in str(value):
        raise UsageError(f"{name} is {value!r}; give the path of a folder")
    try:
        return Path(value).expanduser()
    except RuntimeError as e:
        raise UsageError(f"{name} is {str(value)!r}, and there is no such user; give the whole path") from e


def _date(name: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        try:
            return parse_date(value) if value else None
        except UsageError as e:
            raise UsageError(f"{name}: {e}") from None
    if isinstance(value, date):
        return f"{value:%Y-%m-%d}"
    raise UsageError(f"{name} is a {type(value).__name__}; write a date as 2020-01-06")


def _several(name: str, value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    values = [value] if isinstance(value, (str, Path)) else list(value) if isinstance(value, Iterable) else []
    if not values or not all(isinstance(v, (str, Path)) and str(v) for v in values):
        raise UsageError(f"{name} is {value!r}; give a text or a list of texts, or leave it out")
    return tuple(map(str, values))


def _history(value: object) -> tuple[Turn, ...]:
    """Earlier turns: questions, (question, answer) pairs, or messages with role and content."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise UsageError("history is not a list; give the earlier questions, or (question, answer) pairs")
    turns: list[Turn] = []
    for turn in value:
        question: Any = turn
        answer: Any = ""
        if isinstance(turn, Mapping):
            text = turn.get("content")
            question, answer = (text, "") if turn.get("role") == "user" else ("", text if turns else "")
        elif isinstance(turn, (tuple, list)) and turn:
            question, answer = turn[0], turn[1] if len(turn) > 1 else ""
        if not isinstance(question, str):
            raise UsageError(f"history holds {turn!r}; give the earlier questions, or (question, answer) pairs")
        if question.strip():
            turns.append((_clean(question), _clean(answer)))
        elif answer:
            turns[-1] = (turns[-1][0], _clean(answer))
    return tuple(turns)


def _clean(text: object) -> str:
    return text.encode("utf-8", "replace").decode().strip()[:MAX_QUESTION] if isinstance(text, str) else ""
