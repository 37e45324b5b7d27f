"""What "this week" means on a given day."""

from __future__ import annotations

import re
from datetime import date, timedelta

_WEEKDAY = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"

# Days back from the given day to the first and the last day meant. News of a week is still written days after it.
_PERIODS = (
    (re.compile(r"\b(?:today|tonight|this (?:morning|afternoon|evening))\b", re.I), 1, 0),
    (re.compile(r"\b(?:yesterday|last night)\b", re.I), 2, 0),
    (re.compile(r"\b(?:this|the past) week\b|\bin recent days\b", re.I), 8, 0),
    (re.compile(r"\blast week\b", re.I), 15, 4),
    (re.compile(r"\b(?:this|the past) month\b|\brecently\b", re.I), 32, 0),
    (re.compile(r"\blast month\b", re.I), 62, 20),
    # "on Monday" and "Monday's" are those of the last week, if no date follows.
    (re.compile(rf"\b(?:(?:on|last|this) {_WEEKDAY}|{_WEEKDAY}['’]s)\b(?!,? (?:\d|[A-Z]\w+ \d))"), 8, 0),
)


def period(question: str, as_of: str | None) -> tuple[str, str] | None:
    """First and last day (ISO dates) whose articles a question of that day is about; None where it names no time."""
    if as_of is None:
        return None
    for pattern, first, last in _PERIODS:
        if pattern.search(question):
            day = date.fromisoformat(as_of)
            return (day - timedelta(first)).isoformat(), (day - timedelta(last)).isoformat()
    return None
