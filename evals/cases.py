"""Question-answer pairs: read, checked against their schema and against the articles they speak of.

A case file is JSONL; `case.schema.json` is the published schema. Gold lines carry a hash, so that a
changed article is noticed instead of quietly making every score wrong.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from evals.measures.answers import forbidden_found, parts_found
from evals.public import LAYOUT, from_public, is_public
from index.errors import UsageError
from index.load import load, scan
from index.types import Document
from rag.retrieve import parse_date

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
class PublicCase(Case):
    """A case read from a row in a public layout: nobody wrote hashes or parts for it, and none are asked for."""


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


def read_cases(path: Path, *, may_be_empty: bool = False) -> list[Case]:
    """The cases of a JSONL file. Raises UsageError naming file, line and field."""
    try:
        rows = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, ValueError) as e:
        raise UsageError(f"cannot read the case file {path}: {e}") from e
    cases = [_case(row, f"{path.name}:{n}") for n, row in enumerate(rows, 1) if row.strip()]
    seen: dict[str, str] = {}
    for case in cases:
        if case.id in seen:
            raise UsageError(f"{case.where}: id: {case.id!r} is used at {seen[case.id]} already; choose another")
        seen[case.id] = case.where
    if not cases and not may_be_empty:
        raise UsageError(f"{path} holds no case; write one JSON object a line")
    return cases


def check_cases(cases: list[Case], corpus: Path) -> list[Problem]:
    """What is wrong with the cases: gold lines that are not in `corpus` as they were, and what says nothing or too little."""
    lines = Lines(corpus)
    return [Problem(c.where, c.id, message) for c in cases for message in _problems(c, lines)]


def stale(cases: Iterable[Case], corpus: Path) -> list[Problem]:
    """The gold lines that are not, or no more, in `corpus` as the cases say: no score can be true to them."""
    lines = Lines(corpus)
    return [
        Problem(c.where, c.id, message)
        for c in cases
        for group in c.evidence
        for place in group
        for message in _place_problems(place, lines)
    ]


def _problems(case: Case, lines: Lines) -> Iterator[str]:
    if case.note.startswith(DRAFT):
        yield "note: still a draft; read its lines, edit it, and remove the note"
    if case.answerable and not case.evidence:
        yield "evidence: an answerable question needs gold lines"
    own = not isinstance(case, PublicCase)
    if own and case.answerable and not case.must_include:
        yield "must_include: any answer would do; name the words that a right one holds"
    for group in case.evidence:
        for place in group:
            found = list(_place_problems(place, lines))
            yield from found
            if own and not found and not place.sha and not place.text:
                yield _without_hash(place, lines)
    for file in case.also_files:
        if lines.of(file) is None:
            yield f"also_files: no article {file} in the corpus"
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
    if place.line_end < place.line_start:
        yield f"evidence: {where} ends before it begins"
        return
    text = there[place.line_start - 1 : place.line_end]
    if place.sha and place.sha != line_hash(text) and (moved := _find(place, there)):
        yield f"evidence: {where} moved to line {moved}"
    elif place.line_end > len(there):
        yield f"evidence: {where} is outside the file's {len(there)} lines"
    elif not "".join(text).strip():
        yield f"evidence: {where} is blank"
    elif place.sha and place.sha != line_hash(text):
        yield f"evidence: {where} changed since the case was written"
    elif place.text and place.text not in "\n".join(text):
        yield f"evidence: {where} does not hold {place.text[:60]!r}"


def _without_hash(place: Place, lines: Lines) -> str:
    sha = line_hash((lines.of(place.file) or [])[place.line_start - 1 : place.line_end])
    return f'evidence: {place.file}:{place.line_start} would not be noticed if it changed; add "sha": "{sha}"'


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
    except (ValueError, RecursionError) as e:  # a number of thousands of digits, brackets of thousands of levels
        raise UsageError(f"{where}: not JSON that can be read ({e}); write one object a line") from e
    public = isinstance(value, dict) and is_public(value)
    if public:
        _validate(value, where, public=True)
        value = from_public(value)
    _validate(value, where, public=False)
    evidence = tuple(tuple(Place(**place) for place in group) for group in value.pop("evidence"))
    include = tuple(map(tuple, value.pop("must_include", [])))
    value |= {name: tuple(value.get(name, [])) for name in _LISTS}
    kind = PublicCase if public else Case
    return kind(evidence=evidence, must_include=include, where=where, **value)


def _validate(value: Any, where: str, *, public: bool) -> None:
    """Raise UsageError for the first field that is not as its schema says."""
    try:
        error = min(_validator(public).iter_errors(value), key=lambda e: list(map(str, e.path)), default=None)
    except RecursionError:
        raise UsageError(f"{where}: case: brackets in brackets without end; write one object a line") from None
    if error:
        name = ".".join(map(str, error.path)) or "case"
        given = repr(error.instance)
        reason = error.message.replace(given, given if len(given) < 80 else f"{given[:80]}...", 1)
        about = error.schema.get("description")
        raise UsageError(f"{where}: {name}: {reason[:300]}" + (f" ({about})" if about else ""))


@lru_cache(maxsize=2)
def _validator(public: bool) -> Any:
    """Checks rows in a public layout, or cases of the published schema: with real dates, and 5.0 is no line number."""
    from jsonschema import Draft202012Validator, FormatChecker, validators

    dates = FormatChecker(formats=())
    dates.checks("date", raises=UsageError)(lambda value: not isinstance(value, str) or bool(parse_date(value)))
    whole = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
    kind = validators.extend(Draft202012Validator, type_checker=whole)
    return kind(LAYOUT if public else json.loads(SCHEMA.read_text(encoding="utf-8")), format_checker=dates)
