"""Dates: years, days, weekdays and times of day, with the article's own date for "Monday" and "yesterday"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache

from rag.checks.evidence import Evidence

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTH = (
    r"(?P<month>January|February|March|April|May|June|July|August|September|October|November|December"
    r"|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?)"
)
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?(?![\d:])"
_YEAR = r"(?P<year>1\d{3}|20\d\d)(?!\d|,\d)"
_DATE = [
    re.compile(p)
    for p in (
        rf"\b{_YEAR}-(?P<month_number>\d\d)-(?P<day>\d\d)\b",
        rf"\b{_DAY}(?:\s+of)?\s+{_MONTH}(?:,?\s+{_YEAR})?",
        rf"\b{_MONTH}\s*{_DAY}(?:,?\s+{_YEAR})?",
        rf"\b{_MONTH},?(?:\s+of)?\s+{_YEAR}",
        r"\b(?P<month>January|February|April|June|July|August|September|October|November|December"
        r"|(?:Jan|Feb|Aug|Sept?|Oct|Nov|Dec)\.)(?=[\s,.;:)’']|$)",
        r"\b(?:[Ii]n|[Ll]ast|[Tt]his|[Ss]ince|[Bb]y|[Uu]ntil|[Oo]f|[Ee]arly|[Ll]ate)\s+(?P<month>May|March)\b",
        r"\b(?P<decade>1\d\d0|20\d0)s\b",
        r"\b(?P<century>\d\d?)(?:st|nd|rd|th)[\s-]+centur(?:y|ies)\b",
        r"\b(?P<weekday>Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?\b",
        r"\b(?P<hour>[01]?\d|2[0-3])(?:[:.](?P<minute>[0-5]\d))?\s*(?P<half>[ap])\.?\s?m\b\.?",
        r"\b(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)\b",
        rf"(?<![\w.,$€£#-]){_YEAR}(?=\W|$)(?!\s*(?:%|percent|per cent|miles|km|feet|metres|meters|people|troops|soldiers|men|women)\b)",
        r"\b(?P<relative>today|tonight|yesterday|tomorrow)\b",
    )
]
_AHEAD = re.compile(r"\b(?:will|would|shall|is to|are to|next|coming|due|plan\w*|expect\w*|schedul\w*)\b", re.I)
_RELATIVE = {"today": 0, "tonight": 0, "yesterday": -1, "tomorrow": 1}


@dataclass(frozen=True, slots=True)
class Moment:
    """A date or time as far as the text gives it; None for what it leaves open. `weekday` counts from Monday, 0."""

    text: str
    start: int
    end: int
    year: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: int | None = None
    decade: int | None = None
    century: int | None = None
    minutes: int | None = None
    """Minutes since midnight."""
    half: str | None = None
    """"a" or "p" where a time of day says which."""
    relative: int | None = None
    """Days from the day the text was written."""


def check_dates(claim: str, evidence: Sequence[Evidence]) -> list[str]:
    """Dates and times of the claim that the evidence does not give, with those that it has."""
    there = [m for e in evidence for m in _with_date(e)]
    shown = list(dict.fromkeys(m.text for e in evidence for m in moments(e.text)))
    have = "; they have " + ", ".join(shown[:3]) if shown else ""
    return [
        f"the date {m.text} is not in the cited lines{have}"
        for m in moments(claim)
        if m.relative is None and not _given(m, there)
    ]


@lru_cache(maxsize=16_384)
def moments(text: str) -> tuple[Moment, ...]:
    """The dates and times of `text`, in order of the text."""
    found: list[Moment] = []
    for pattern in _DATE:
        for match in pattern.finditer(text):
            if any(m.start < match.end() and match.start() < m.end for m in found):
                continue
            if moment := _moment(match):
                found.append(moment)
    merged: list[Moment] = []
    for m in sorted(found, key=lambda m: m.start):
        last = merged[-1] if merged else None
        if (
            last
            and last.weekday is not None
            and last.month is None
            and m.month
            and not text[last.end : m.start].strip(" ,")
        ):
            merged[-1] = replace(m, text=text[last.start : m.end], start=last.start, weekday=last.weekday)
        else:
            merged.append(m)
    return tuple(merged)


def _moment(match: re.Match[str]) -> Moment | None:
    g = match.groupdict()

    def number(name: str) -> int | None:
        return int(g[name]) if g.get(name) else None

    month = _MONTHS.index(g["month"][:3].lower()) + 1 if g.get("month") else number("month_number")
    day = number("day")
    if (day is not None and not 1 <= day <= 31) or (month is not None and not 1 <= month <= 12):
        return None
    hour, half = number("hour"), g.get("half")
    minutes = None
    if hour is not None:
        if half and not 1 <= hour <= 12:
            return None
        minutes = hour % (12 if half else 24) * 60 + (number("minute") or 0) + (720 if half in ("p", "P") else 0)
    weekday = _WEEKDAYS.index(g["weekday"][:3].lower()) if g.get("weekday") else None
    relative = _RELATIVE[g["relative"]] if g.get("relative") else None
    return Moment(
        match.group().strip(), match.start(), match.end(), number("year"), month, day, weekday, number("decade"),
        number("century"), minutes, half.lower() if half else None, relative,
    )  # fmt: skip


def _with_date(evidence: Evidence) -> list[Moment]:
    """The moments of the evidence, filled in from the article's date where it has one."""
    found = list(moments(evidence.text))
    try:
        written = date.fromisoformat(evidence.date or "")
    except ValueError:
        return found
    out = list(found)
    for m in found:
        if m.weekday is not None:  # the last such day; the next one where the words look ahead
            back = (written.weekday() - m.weekday) % 7
            ahead = _AHEAD.search(evidence.text) is not None
            out += [_on(written - timedelta(back))] + ([_on(written + timedelta(7 - back))] if ahead else [])
        elif m.relative is not None:
            out.append(_on(written + timedelta(m.relative)))
        elif m.month and not m.year:
            out += [
                Moment("", 0, 0, y, m.month, m.day, _weekday(y, m.month, m.day))
                for y in _nearest_years(written, m.month)
            ]
    if not any(m.minutes is None for m in found):
        out.append(_on(written))
    return out


def _on(day: date) -> Moment:
    return Moment("", 0, 0, day.year, day.month, day.day, day.weekday())


def _nearest_years(written: date, month: int) -> list[int]:
    """The year that a month without one means: that of the article, or its neighbour across New Year."""
    years = [written.year]
    if abs(written.month - month) > 6:
        years.append(written.year + (1 if month < written.month else -1))
    return years


def _weekday(year: int | None, month: int | None, day: int | None) -> int | None:
    try:
        return date(year or 0, month or 0, day or 0).weekday()
    except ValueError:
        return None


def _given(mine: Moment, there: Sequence[Moment]) -> bool:
    if any(_agrees(mine, other) for other in there):
        return True
    if mine.year and mine.month:  # "June 3, 2016", where the lines say "in 2016 ... on June 3"
        years = any(o.year == mine.year and not o.month for o in there)
        days = any(not o.year and o.month == mine.month and mine.day in (o.day, None) for o in there)
        return years and days
    return False


def _agrees(mine: Moment, other: Moment) -> bool:
    """Whether every field that the claim gives is the other's, or follows from it."""
    if mine.minutes is not None:
        if other.minutes is None:
            return False
        if (mine.half and other.half) or mine.half == other.half:
            return mine.minutes == other.minutes
        return mine.minutes % 720 == other.minutes % 720
    if mine.century is not None:
        return other.century == mine.century or (other.year or other.decade or -999) // 100 + 1 == mine.century
    if mine.decade is not None:
        return other.decade == mine.decade or (other.year or -1) // 10 * 10 == mine.decade
    weekday = other.weekday if other.weekday is not None else _weekday(other.year, other.month, other.day)
    if weekday is None and mine.month and other.month:
        weekday = mine.weekday  # without its year a date tells no weekday
    pairs = ((mine.year, other.year), (mine.month, other.month), (mine.day, other.day), (mine.weekday, weekday))
    return all(a is None or a == b for a, b in pairs)
