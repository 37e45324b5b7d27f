"""One thing written in several ways: numbers, initials, months, the United States, names, weekdays.

`terms` brings text to one form; `forms` gives back what an index may hold for such a term; `names` finds
a name however its vowels and double consonants were transliterated. All of it is done when a question
is asked, for the question and the few passages found, so an index needs no more than its plain terms.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from difflib import SequenceMatcher
from functools import lru_cache

from index import words

USA = "usa"
"""The term for "US", "U.S.", "United States", "America" and "American"."""

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_VALUES = {w: i for i, w in enumerate(_UNITS)} | {w: 10 * i for i, w in enumerate(_TENS, 2)}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()

_ANY_SCALE = "|".join(_SCALES)
_ANY_VALUE = "|".join(sorted(_VALUES, key=len, reverse=True))
_ANY_MONTH = "|".join(_MONTHS)
_ONE_FORM = re.compile(
    r"\b(?=[\dA-Zaefnostz])(?:"  # letters that a number word begins with: most words fail here, and quickly
    rf"(?P<digits>(?<![.,]\b)(?:\d{{1,3}}(?:,\d{{3}})+|\d+)(?:\.\d+)?(?![\w%])(?:[ -](?i:{_ANY_SCALE})\b)?)"
    rf"|(?P<said>(?i:{_ANY_VALUE}|an?(?= (?:{_ANY_SCALE})\b))\b(?:(?:[ -]|\sand\s)(?i:{_ANY_VALUE}|{_ANY_SCALE})\b)*)"
    r"|(?P<usa>U\. ?S\.(?:A\.)?|USA?\b|[Uu]nited [Ss]tates\b|(?<!Latin )(?<!South )(?<!North )America(?:ns?)?\b)"
    r"|(?P<initials>(?:[A-Z]\.){2,})"
    r"|(?P<month>Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?(?=\s\d))"
)
_WORD = re.compile(r"[^\W_]+")
_CAPITALISED = re.compile(r"\b[A-Z][^\W\d_]+")
_DATE = re.compile(
    rf"\b(?:({_ANY_MONTH})\s(\d\d?)(?:st|nd|rd|th)?\b(?:,?\s(\d{{4}}))?|(\d\d?)\s({_ANY_MONTH})(?:\s(\d{{4}}))?)", re.I
)
_WEEKDAY = re.compile(rf"\b({'|'.join(_DAYS)})\b", re.I)


def terms(text: str) -> list[str]:
    """As `words.terms`, after `one_form`."""
    return words.terms(one_form(text))


@lru_cache(maxsize=4096)
def one_form(text: str) -> str:
    """`text` with numbers as plain digits, initials without points, months in full and one word for the US.

    "one" alone stays: it is a pronoun as often as a number.
    """
    return _ONE_FORM.sub(_one, text)


def _one(match: re.Match[str]) -> str:
    kind, text = match.lastgroup, match.group()
    if kind == "usa":
        return f"{USA.upper()} "
    if kind == "initials":
        return text.replace(".", "") + " "
    if kind == "month":
        return next(m for m in _MONTHS if m.startswith(text[:3]))
    if kind == "said":
        return text if text.lower() == "one" else str(_value(re.split(r"[\s-]", text.lower())))
    number, scale, _ = re.split(r"[ -]|$", text.lower() + " ", maxsplit=2)
    value = float(number.replace(",", "")) * _SCALES.get(scale, 1)
    return f"{value:.0f}" if value.is_integer() and (scale or "," in number) else text


def _value(said: Iterable[str]) -> int:
    total = current = 0
    for word in said:
        if word in _VALUES:
            current += _VALUES[word]
        elif word == "hundred":
            current = 100 * (current or 1)
        elif word in _SCALES:
            total, current = total + (current or 1) * _SCALES[word], 0
        elif word in ("a", "an"):
            current = 1
    return total + current


@lru_cache(maxsize=4096)
def forms(word: str) -> tuple[str, ...]:
    """How a word of `one_form` may be written in an index, itself first."""
    if word.lower() == USA:
        return (USA, "U.S.", "US", "American", "America", "United States")
    if word in _MONTHS:
        return (word, word[:3])
    if re.fullmatch(r"[A-Z]{2,4}", word):
        return (word, "".join(f"{letter}." for letter in word))
    if not word.isdigit() or len(word) > 15 or word[0] == "0":
        return (word,)
    value = int(word)
    if 1900 <= value < 2100:  # a year
        return (word,)
    found = [word]
    if value <= 100 or value % 100 == 0:
        found.append(_say(value))
    if value >= 1000:
        found.append(f"{value:,}")
    found += [f"{value / s:g} {n}" for n, s in _SCALES.items() if s <= value < 1000 * s and value % (s // 10) == 0]
    return tuple(found)


def _say(value: int) -> str:
    """A number in words: "five thousand", "one million two hundred thousand"."""
    for name, scale in reversed(_SCALES.items()):
        if value >= scale:
            rest = value % scale
            return f"{_say(value // scale)} {name}" + (f" {_say(rest)}" if rest else "")
    if value < 20:
        return _UNITS[value]
    return _TENS[value // 10 - 2] + (f" {_UNITS[value % 10]}" if value % 10 else "")


# Names: the same consonants, and between them vowels of the same kind but for one.

_VOWELS = "aeiouy"
_KINDS = {v: kind for kind in ("a", "eiy", "ou") for v in kind}
_SOUND = re.compile(
    rf"(?P<other>^y)|(?P<vowels>[{_VOWELS}]+)|(?P<f>ph|f+)|(?P<k>kh?|q|c(?![eiyh]))|(?P<s>ss|z)|(?P<h>h)|(?P<pair>[cs]h|[bdgt]h?)|(.)"
)

ALIKE = 0.75
"""Twice the letters in common of two spellings of a name by the letters of both, at least."""

SHORTEST_NAME = 5
"""Shorter names have too many neighbours ("Iran" and "Iraq" are told apart by one letter)."""


def names(text: str, known: Callable[[str], bool]) -> dict[str, str]:
    """The names in `text`, lower-cased, by their stems: capitalised words, and those no passage has (`known`)."""
    found = {}
    for word in _WORD.findall(one_form(text)):
        folded = words.fold(word)
        if len(word) >= SHORTEST_NAME and word.isalpha() and not word.isupper() and folded not in words.STOPWORDS:
            stem = words.stem(folded)
            consonants = sum(c not in _VOWELS for c in stem)
            if consonants >= 2 and (word[0].isupper() or not known(stem)):
                found[stem] = folded
    return found


@lru_cache(maxsize=4096)
def name_pattern(name: str) -> str:
    """A regular expression that the stems of other spellings of a name match, given its own stem.

    Consonants are the same but for doubling and a few that sound alike; between them stand vowels of the
    same kind (a; e, i, y; o, u). Where there are three or more inner vowels one of them may be any.
    Soleimani, Suleimani, Suilemani; Hussein, Husain; Katherine, Catherine.
    """
    sounds = [(m.lastgroup or "", m.group()) for m in _SOUND.finditer(re.sub(r"(.)\1", r"\1", name))]
    inner = [i for i, (kind, _) in enumerate(sounds[:-1]) if i and kind == "vowels"]
    free = inner if len(inner) >= 3 else [-1]
    last = len(sounds) - 1
    return "|".join("".join(_sound(*s, i == 0, i == last, i == f) for i, s in enumerate(sounds)) for f in free)


def _sound(kind: str, text: str, first: bool, last: bool, free: bool) -> str:
    any_vowel = f"[{_VOWELS}]"
    if free:
        return f"{any_vowel}+"
    if kind == "vowels":
        if first:
            return f"[{_KINDS[text[0]]}]{any_vowel}?"
        if last:
            return f"{any_vowel}?[{_KINDS[text[-1]]}]"
        return f"{any_vowel}?[{''.join(sorted({_KINDS[v] for v in text}))}]{any_vowel}?"
    if kind == "h":
        return "h" if first else "h?"
    if kind == "pair":
        return text if text[0] in "cs" else f"{text[0]}+h?"
    return {"f": "(ph|f+)", "k": "(kh?|kk|q+|c+)", "s": "(s+|z+)"}.get(kind, f"{re.escape(text)}+")


# Weekdays beside dated articles.


def said_dates(text: str, written: str | None) -> set[date]:
    """The days that `text` names, in an article written on the ISO date `written`.

    A weekday is the last one up to that day, a month and day without a year the nearest one.
    """
    found = set()
    near = date.fromisoformat(written) if written else None
    if near:
        for name in _WEEKDAY.findall(text):
            back = (near.weekday() - _DAYS.index(name.capitalize())) % 7
            found.add(near - timedelta(days=back))
    for m1, d1, y1, d2, m2, y2 in _DATE.findall(one_form(text)):
        year, month, day = y1 or y2, (m1 or m2).capitalize(), int(d1 or d2)
        years = [int(year)] if year else [near.year - 1, near.year, near.year + 1] if near else []
        days = [d for y in years if (d := _day(y, _MONTHS.index(month) + 1, day))]
        if days:
            found.add(min(days, key=lambda d: abs((d - (near or d)).days)))
    return found


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def as_asked(question: str, asked: dict[str, str], text: str, written: str | None) -> list[str]:
    """The `terms` of `text` in the question's spelling of the names `asked`, and of the days it asks about."""
    found = terms(text)
    same = {}
    for word in set(_CAPITALISED.findall(text)) if asked else ():
        folded = words.fold(word)
        other = words.stem(folded)
        for stem in asked:
            if other != stem and same_name(stem, asked[stem], other, folded):
                same[other] = stem
    if same:
        found = [same.get(t, t) for t in found]
    return found + terms(days_as_asked(question, text, written))


def same_name(stem: str, name: str, other_stem: str, other: str) -> bool:
    """Whether two names, each given by stem and lower-cased word, are spellings of one."""
    return bool(_compiled(stem).fullmatch(other_stem)) and _alike(other, name)


def days_as_asked(question: str, text: str, written: str | None) -> str:
    """How the question writes the days that it and `text` (of an article of that date) both name; "" for none."""
    days = _names_day(question) and _names_day(text)
    if not (days and said_dates(question, written) & said_dates(text, written)):
        return ""
    return " ".join(m.group() for p in (_DATE, _WEEKDAY) for m in p.finditer(one_form(question)))


@lru_cache(maxsize=256)
def _names_day(text: str) -> bool:
    return bool(_WEEKDAY.search(text) or _DATE.search(one_form(text)))


@lru_cache(maxsize=256)
def _compiled(stem: str) -> re.Pattern[str]:
    return re.compile(name_pattern(stem))


@lru_cache(maxsize=4096)
def _alike(one: str, other: str) -> bool:
    """Whether two names share enough letters: "Seely" and "Seeley" do, "Taylor" and "Tyler" do not."""
    a, b = (re.sub(r"(.)\1", r"\1", name).replace("q", "k") for name in (one, other))
    return SequenceMatcher(None, a, b, autojunk=False).ratio() >= ALIKE
