"""What "this week" means on a given day."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

_WEEKDAY = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_DATE = re.compile(
    r"\b(?:January|February|March|April|May|June|July|August|September|October|November|December|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?"
    r"|Oct|Nov|Dec|(?:19|20)\d\d|\d{1,2}(?:st|nd|rd|th)|\d{1,2}[/.-]\d{1,2})\b"
)

# Days back from the given day to the first and the last day meant. News of a week is still written days after it.
_PERIODS = (
    (re.compile(r"\b(?:today|tonight|this (?:morning|afternoon|evening))\b", re.I), 1, 0),
    (re.compile(r"\b(?:yesterday|last night)\b", re.I), 2, 0),
    (re.compile(r"\b(?:this|the past) week\b|\bin recent days\b", re.I), 8, 0),
    (re.compile(r"\blast week\b", re.I), 15, 4),
    (re.compile(r"\b(?:this|the past) month\b", re.I), 32, 0),
    (re.compile(r"\blast month\b", re.I), 62, 20),
)


# What may mean another time, the more so beside a date. "On Monday" and "the town lost Monday's match" are of the last week; not "Black
# Friday's", "on Sunday nights", "on Monday of last year".
_PERHAPS = (
    (
        re.compile(
            rf"\b(?i:(?:on|last|this) {_WEEKDAY})\b(?! (?:nights|mornings|evenings|afternoons|of|in|next)\b)"
            rf"|(?:^|\b[a-z][\w’']*,? ){_WEEKDAY}['’]s\b"
        ),
        8,
        0,
    ),
    (re.compile(r"\brecently\b", re.I), 32, 0),
)


@dataclass(frozen=True, slots=True)
class Period:
    """First and last day (ISO dates) of the articles that a question is about; not `sure` for "on Monday" or "recently",
    which may mean another time."""

    since: str
    until: str
    sure: bool


def period(question: str, as_of: str | None) -> Period | None:
    """The time that a question of that day names; None where it names none."""
    if as_of is None:
        return None
    sure = _meant(_PERIODS, question)
    back = sure or (None if _DATE.search(question) else _meant(_PERHAPS, question))
    if not back:
        return None
    day = date.fromisoformat(as_of)
    return Period((day - timedelta(back[0])).isoformat(), (day - timedelta(back[1])).isoformat(), bool(sure))


def _meant(periods: Iterable[tuple[re.Pattern[str], int, int]], question: str) -> tuple[int, int] | None:
    return next(((first, last) for pattern, first, last in periods if pattern.search(question)), None)
