"""Question-answer pairs: read, checked against their schema and against the articles they speak of.

A case file is JSONL; `case.schema.json` is the published schema. Gold lines carry a hash, so that a
changed article is noticed instead of quietly making every score wrong.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from evals.measures.answers import forbidden_found, parts_found
from evals.public import from_public, is_public
from index.errors import UsageError
from index.load import load, scan
from index.types import Document

SCHEMA = Path(__file__).parent / "case.schema.json"

DRAFT = "draft"
"""A note that begins so marks a case that a person has still to edit."""

_LISTS = ("accepted", "must_not_include", "also_files", "history", "tags")


@dataclass(frozen=True, slots=True)
class Place:
    """Gold lines, from 1, both ends inclusive. `sha` is `line_hash` of them, `text` the words in them that count."""

    file: str
    line_start: int
    line_end: int
    sha: str | None = None
    text: str | None = None

    @property
    def span(self) -> tuple[str, int, int]:
        """File, first and last line."""
        return self.file, self.line_start, self.line_end


@dataclass(frozen=True, slots=True)
class Case:
    """One question; the schema says what each field means. `where` is ``file:line`` of the case itself."""

    id: str
    question: str
    answer: str
    type: str
    answerable: bool
    evidence: tuple[tuple[Place, ...], ...]
    accepted: tuple[str, ...] = ()
    must_include: tuple[tuple[str, ...], ...] = ()
    must_not_include: tuple[str, ...] = ()
    also_files: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    as_of: str | None = None
    tags: tuple[str, ...] = ()
    cluster: str = ""
    note: str = ""
    where: str = ""

    @property
    def gold(self) -> list[list[tuple[str, int, int]]]:
        """The evidence as (file, first line, last line): groups that must all be cited, each of alternatives."""
        return [[place.span for place in group] for group in self.evidence]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a case, and the place (``file:line``) where it stands."""

    where: str
    case: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.case}: {self.message}"


@dataclass
class Lines:
    """The lines of a corpus's articles, read when asked for."""

    corpus: Path
    _read: dict[str, list[str] | None] = field(default_factory=dict)
    _stats: dict[str, Any] = field(default_factory=dict)

    def of(self, file: str) -> list[str] | None:
        """The lines of an article, or None where there is no such article."""
        if not self._stats:
            self._stats = {s.file: s for s in scan(self.corpus)[0]}
        if file not in self._read:
            document = load(self.corpus, self._stats[file]) if file in self._stats else None
            self._read[file] = document.text.split("\n") if isinstance(document, Document) else None
        return self._read[file]

    def characters(self, place: Place) -> tuple[str, int, int] | None:
        """File and character offsets of gold lines, of their `text` where they have one; None where they are not."""
        there = self.of(place.file)
        if there is None or place.line_start > len(there):
            return None
        start = sum(len(line) + 1 for line in there[: place.line_start - 1])
        text = "\n".join(there[place.line_start - 1 : place.line_end])
        if place.text and (at := text.find(place.text)) >= 0:
            return place.file, start + at, start + at + len(place.text)
        return place.file, start, start + len(text)


def line_hash(lines: list[str]) -> str:
    """SHA-256 of the lines joined by a line feed, first 12 hexadecimal digits."""
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def read_cases(path: Path) -> list[Case]:
    """The cases of a JSONL file. Raises UsageError naming file, line and field."""
    try:
        rows = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as e:
        raise UsageError(f"cannot read the case file {path}: {e}") from e
    cases = [_case(row, f"{path.name}:{n}") for n, row in enumerate(rows, 1) if row.strip()]
    seen: dict[str, str] = {}
    for case in cases:
        if case.id in seen:
            raise UsageError(f"{case.where}: id: {case.id!r} is used at {seen[case.id]} already; choose another")
        seen[case.id] = case.where
    if not cases:
        raise UsageError(f"{path} holds no case; write one JSON object a line")
    return cases


def check_cases(cases: list[Case], corpus: Path) -> list[Problem]:
    """What is wrong with the cases' gold lines in `corpus`: missing, blank, changed or moved."""
    lines = Lines(corpus)
    return [Problem(c.where, c.id, message) for c in cases for message in _problems(c, lines)]


def _problems(case: Case, lines: Lines) -> Iterator[str]:
    if case.note.startswith(DRAFT):
        yield "note: still a draft; read its lines, edit it, and remove the note"
    if case.answerable and not case.evidence:
        yield "evidence: an answerable question needs gold lines"
    if not case.answerable and (case.evidence or case.must_include):
        yield "evidence: an unanswerable question has neither gold lines nor parts to include"
    for group in case.evidence:
        for place in group:
            yield from _place_problems(place, lines)
    for parts in case.must_include:
        if case.answerable and not parts_found(case.answer, [parts]):
            yield f"must_include: the expected answer itself holds none of {list(parts)}"
    for part in forbidden_found(case.answer, case.must_not_include):
        yield f"must_not_include: the expected answer itself holds {part!r}"


def _place_problems(place: Place, lines: Lines) -> Iterator[str]:
    where = f"{place.file}:{place.line_start}-{place.line_end}"
    there = lines.of(place.file)
    if there is None:
        yield f"evidence: no article {place.file} in the corpus"
        return
    text = there[place.line_start - 1 : place.line_end]
    if place.sha and place.sha != line_hash(text) and (moved := _find(place, there)):
        yield f"evidence: {where} moved to line {moved}"
    elif not place.line_start <= place.line_end <= len(there):
        yield f"evidence: {where} is outside the file's {len(there)} lines"
    elif not "".join(text).strip():
        yield f"evidence: {where} is blank"
    elif place.sha and place.sha != line_hash(text):
        yield f"evidence: {where} changed since the case was written"
    elif place.text and place.text not in "\n".join(text):
        yield f"evidence: {where} does not hold {place.text[:60]!r}"


def _find(place: Place, there: list[str]) -> int | None:
    """The line at which the lines with the case's hash begin now."""
    size = place.line_end - place.line_start + 1
    starts = range(len(there) - size + 1)
    return next((n + 1 for n in starts if line_hash(there[n : n + size]) == place.sha), None)


def _case(row: str, where: str) -> Case:
    try:
        value = json.loads(row)
    except json.JSONDecodeError as e:
        raise UsageError(f"{where}: not JSON ({e.msg} at column {e.colno}); write one object a line") from e
    if isinstance(value, dict) and is_public(value):
        value = from_public(value)
    error = next(iter(sorted(_validator().iter_errors(value), key=lambda e: list(map(str, e.path)))), None)
    if error:
        name = ".".join(map(str, error.path)) or "case"
        raise UsageError(f"{where}: {name}: {error.message[:200]}")
    evidence = tuple(tuple(Place(**place) for place in group) for group in value.pop("evidence"))
    include = tuple(map(tuple, value.pop("must_include", [])))
    value |= {name: tuple(value.get(name, [])) for name in _LISTS}
    return Case(evidence=evidence, must_include=include, where=where, **value)


@lru_cache(maxsize=1)
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
