"""Numbers with what they count: 5,000 = five thousand = 5 thousand; "more than a dozen" is not 12."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from index.words import STOPWORDS, fold, stem

_UNITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
_UNITS += "seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL = {w: float(i) for i, w in enumerate(_UNITS.split())} | {w: 20.0 + 10 * i for i, w in enumerate(_TENS.split())}
_SCALE = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "dozen": 12.0}
_SHORT_SCALE = {"k": 1e3, "m": 1e6, "mn": 1e6, "bn": 1e9, "b": 1e9, "tn": 1e12}
_ORDINAL = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
_ORDINALS = {w: float(i) for i, w in enumerate(_ORDINAL.split(), 1)}
_PART = {
    "half": 2,
    "halves": 2,
    "third": 3,
    "quarter": 4,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "eighth": 8,
    "tenth": 10,
}
_TIMES = {"once": 1.0, "twice": 2.0, "thrice": 3.0}
_VAGUE = re.compile(r"\b(dozens|scores|hundreds|thousands|millions|billions|trillions)\b", re.I)
_NUMBER = re.compile(
    r"(?<![\w.])(?P<money>US\$|[$€£¥])?\s?(?P<digits>\d[\d,]*(?:\.\d+)?)(?P<suffix>%|st\b|nd\b|rd\b|th\b|[kmb]n?\b)?"
    r"|(?<![\w'’])(?P<word>[a-z]+)",
    re.I,
)
_MORE = r"(?:more than|over|above|in excess of|exceed(?:s|ing|ed)?|greater than)"
_AT_LEAST = r"(?:at least|upwards? of|no (?:fewer|less) than|a minimum of)"
_LESS = r"(?:less than|fewer than|under|below|nearly|almost|close to|just short of)"
_AT_MOST = r"(?:up to|at most|no more than|as (?:many|much) as|a maximum of)"
_ABOUT = r"(?:about|around|some|roughly|approximately|an estimated|estimated|circa|ca\.?|or so)"
_BOUND = re.compile(
    rf"\b(?:(?P<least>{_AT_LEAST})|(?P<most>{_AT_MOST})|(?P<more>{_MORE})|(?P<less>{_LESS})|(?P<about>{_ABOUT}))\s+(?:an?\s+|the\s+|[$€£]\s?)?$",
    re.I,
)
_BOUNDS = {"least": "≥", "most": "≤", "more": ">", "less": "<", "about": "~"}
_PLUS = re.compile(r"\s?\+|\s+or\s+more\b", re.I)
_AFTER = re.compile(
    r"[\s+-]*(?:of\s+(?:the\s+)?|an?\s+)?((?:%[\s-]+){0,2}%)?".replace("%", r"(?:(?:[^\W\d_]\.)+|[^\W\d_]+)")
)

# (dimension, size) of units that are written in several ways; what is not here is compared by its stem.
_MEASURE: dict[str, tuple[str, float]] = {}
for _dimension, _rows in {
    "%": {"% percent percentage": 1.0},
    "length": {
        "mm millimetre millimeter": 1e-3, "cm centimetre centimeter": 1e-2, "m metre meter": 1.0,
        "km kilometre kilometer kilometres kilometers": 1e3, "mile miles mi": 1609.344, "foot feet ft": 0.3048,
        "inch inches": 0.0254, "yard yards": 0.9144,
    },
    "mass": {"kg kilo kilogram": 1.0, "g gram": 1e-3, "tonne": 1e3, "pound lb lbs": 0.45359237},
    "time": {"second sec": 1.0, "minute min": 60.0, "hour hr": 3600.0, "day": 86400.0, "week": 604800.0},
    "long time": {"month": 1.0, "year": 12.0, "decade": 120.0, "century": 1200.0},
    "$": {"$ us$ dollar usd": 1.0, "cent": 0.01}, "€": {"€ euro eur": 1.0}, "£": {"£": 1.0},
}.items():  # fmt: skip
    for _names, _size in _rows.items():
        for _name in _names.split():
            _MEASURE[_name] = _MEASURE[_name + "s"] = (_dimension, _size)

_IMPLIED_BY = {"=": "=~", "~": "=~≥≤<>", ">": ">", "≥": "=≥>", "<": "<", "≤": "=≤<"}
"""Bounds of an equal number in the source that bear out the claim's."""

_BASE = {dimension: name for name, (dimension, size) in reversed(_MEASURE.items()) if size == 1.0}

_TOLERANCE = 0.01
"""Relative difference that a conversion between units may have by rounding."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number of the text. `bound` is one of = ~ > ≥ < ≤; `noun` holds the stems of what it counts."""

    value: float
    text: str
    start: int
    end: int
    bound: str = "="
    unit: str = ""
    noun: tuple[str, ...] = ()
    ordinal: bool = False


def check_quantities(claim: str, sources: Sequence[str], skip: Sequence[tuple[int, int]] = ()) -> list[str]:
    """Quantities of the claim that the sources do not hold, with what they have instead.

    `skip` are ranges of the claim that another check (dates) reads.
    """
    there = [q for s in sources for q in quantities(s)]
    mine = [q for q in quantities(claim) if not any(a <= q.start and q.end <= b for a, b in skip)]
    reasons = []
    for q in mine:
        same_noun = [o for o in there if _counts_same(q, o)]
        agreeing = [o for o in there if _agree(q, o)]
        # The value alone may be the number of something else: 4 people, where 8,000 people came in 4 trucks.
        swapped = same_noun and all(o.noun and not _counts_same(q, o) for o in agreeing)
        if agreeing and not swapped:
            continue
        if q.text.lower() == "one" and (not same_noun or claim[q.end : q.end + 4] == " of "):
            continue  # "one" is a pronoun as often as a number
        equal = [o for o in there if o.value == q.value]
        if equal and equal[0].bound != q.bound:
            instead = f"; they have {equal[0].text}"
        elif same_noun:
            instead = "; they have " + ", ".join(dict.fromkeys(o.text for o in same_noun[:3]))
        else:
            instead = ""
        reasons.append(f"the number {q.text} is not in the cited lines{instead}")
    held = {m.lower() for s in sources for m in _VAGUE.findall(s)}
    reasons += [
        f"“{v}” is not in the cited lines"
        for v in dict.fromkeys(_VAGUE.findall(claim))
        if v.lower() not in held and not _vague_fits(v, there)
    ]
    return list(dict.fromkeys(reasons))


def numbers(text: str) -> list[float]:
    """Values of the numbers in `text`: 5,000, "five thousand" and "5 thousand" are all 5000.

    "one" is left out: it is a pronoun as often as a number.
    """
    return [q.value for q in quantities(text) if q.text.lower() != "one" and not q.ordinal]


@lru_cache(maxsize=16_384)
def quantities(text: str) -> tuple[Quantity, ...]:
    """The numbers of `text` with what they count, in order."""
    return tuple(_complete(text, q) for q in _values(text))


def _values(text: str) -> list[Quantity]:
    found: list[Quantity] = []
    value: Quantity | None = None  # the number being read
    last = ""

    def flush() -> None:
        nonlocal value
        if value is not None:
            found.append(value)
            value = None

    for match in _NUMBER.finditer(text):
        near = value is not None and re.fullmatch(r"[\s-]*(?:and\s+)?", text[value.end : match.start()]) is not None
        digits, word = match["digits"], (match["word"] or "").lower()
        if word == "and" and near:
            continue
        if value is not None and not near:
            flush()
        start, end = match.start(), match.end()
        if digits:
            flush()
            digits = digits.rstrip(",")
            if re.fullmatch(r"\d+(?:,\d\d?|,\d{4,})+", digits):  # "1,2" is a list, not a number
                for part in re.finditer(r"\d+", digits):
                    found.append(Quantity(float(part[0]), part[0], start + part.start(), start + part.end()))
                continue
            number = float(digits.replace(",", ""))
            suffix = (match["suffix"] or "").lower()
            number *= _SHORT_SCALE.get(suffix, 1.0)
            unit = match["money"].lower() if match["money"] else "%" if suffix == "%" else ""
            whole = match.group().strip(", ")
            start += len(match.group()) - len(match.group().lstrip())
            value = Quantity(
                number, whole, start, start + len(whole), unit=unit, ordinal=suffix in ("st", "nd", "rd", "th")
            )
        elif word in _SCALE and (value is not None or _article(text, start)):
            before = value or Quantity(1.0, "", start, start)
            value = replace(before, value=_times(before.value, _SCALE[word]), text=text[before.start : end], end=end)
        elif word in _SMALL:
            small = _SMALL[word]
            total = value.value if value else 0.0
            scale = next((s for s in (1e12, 1e9, 1e6, 1e3, 1e2, 10.0) if total and total % s == 0), 0.0)
            if value is not None and scale > small and total >= 20 and (last in _SCALE or last in _SMALL):
                value = replace(value, value=total + small, text=text[value.start : end], end=end)
            else:
                flush()
                value = Quantity(small, text[start:end], start, end)
        elif (parts := _part(word)) and (value is not None or _fraction(text, start, end)):
            before = value or Quantity(1.0, "", start, start)
            value = None
            found.append(Quantity(before.value / parts, text[before.start : end], before.start, end, unit="part"))
        elif word in _TIMES:
            flush()
            found.append(Quantity(_TIMES[word], text[start:end], start, end, unit="times"))
        elif word in _ORDINALS and not (word == "second" and last in _SMALL):
            flush()
            found.append(Quantity(_ORDINALS[word], text[start:end], start, end, ordinal=True))
        else:
            flush()
        last = word
    flush()
    return found


def _times(value: float, scale: float) -> float:
    """`value` with its last part multiplied: twenty thousand five, hundred -> 20,500."""
    above = next(s for s in (1e3, 1e6, 1e9, 1e12, 1e15) if s > scale)
    low = value % above
    return value * scale if low == value or not low else value - low + low * scale


def _part(word: str) -> int | None:
    return _PART.get(word) or _PART.get(word.rstrip("s"))


def _article(text: str, start: int) -> bool:
    return re.search(r"\b(?:an?|per|half an?|several|couple)\s+$", text[max(0, start - 12) : start], re.I) is not None


def _fraction(text: str, start: int, end: int) -> bool:
    if text[start:end].lower() == "half":
        return True
    return (
        re.search(r"\b(?:a|one)\s+$", text[max(0, start - 5) : start], re.I) is not None
        and text[end : end + 4] == " of "
    )


def _complete(text: str, q: Quantity) -> Quantity:
    before, after = text[max(0, q.start - 24) : q.start], text[q.end : q.end + 48]
    bound = "="
    if found := _BOUND.search(before):
        bound = next(_BOUNDS[name] for name, words in found.groupdict().items() if words)
    elif _PLUS.match(after):
        bound = "≥"
    follows = _AFTER.match(after)
    words = follows[1] if follows else None
    nouns: list[str] = []
    unit = q.unit
    for i, word in enumerate(re.split(r"[\s-]+", words) if words else []):
        low = fold(word)
        if low in STOPWORDS or low in ("and", "or"):
            break
        if i == 0 and low in _MEASURE and unit == "part":
            size = _MEASURE[low]  # half an hour
            return replace(q, value=q.value * size[1], bound=bound, unit=_BASE[size[0]])
        if i == 0 and low in _MEASURE and not unit:
            unit = low
            break
        nouns.append(stem(low))
    shown = text[max(0, q.start - 24) + found.start() : q.end] if found else text[q.start : q.end]
    return replace(q, bound=bound, unit=unit, noun=tuple(nouns), text=" ".join(shown.split()))


def _agree(mine: Quantity, other: Quantity) -> bool:
    """Whether `other` bears out `mine`: value, unit and bound, and not plainly the number of something else."""
    if mine.ordinal != other.ordinal and not (mine.value > 31 or mine.unit or other.unit):
        # "third" is not 3, but "the 3rd" of a month is.
        return False
    a, b = _MEASURE.get(mine.unit), _MEASURE.get(other.unit)
    if a and b:
        if a[0] != b[0]:
            return False
        x, y = mine.value * a[1], other.value * b[1]
        equal = abs(x - y) <= (1e-9 if a[1] == b[1] else _TOLERANCE) * max(abs(x), abs(y))
    else:
        if (a or b) and ((mine.noun and not a) or (other.noun and not b)):
            return False  # 40 percent is not 40 people
        x, y = mine.value, other.value
        equal = x == y
    if (
        mine.bound in "~><"
        and other.bound == "="
        and x != y
        and _rounds(y, x, mine.bound)
        and _counts_same(mine, other)
    ):
        return True  # "about 5,000", "more than 5,000" for 5,200
    return equal and other.bound in _IMPLIED_BY[mine.bound]


def _rounds(exact: float, shown: float, bound: str) -> bool:
    """Whether `shown` is `exact` rounded: to the nearest, down for "more than", up for "less than"."""
    digits = f"{shown:.10g}".replace(".", "").strip("0")
    if (
        shown <= 0
        or exact <= 0
        or not math.isfinite(shown + exact)
        or len(f"{exact:.10g}".replace(".", "").strip("0")) <= len(digits)
    ):
        return False
    step = 10.0 ** (math.floor(math.log10(shown)) - len(digits) + 1)
    steps = exact / step
    rounded = round(steps) if bound == "~" else math.floor(steps) if bound == ">" else math.ceil(steps)
    return abs(rounded * step - shown) < step / 1000


def _counts_same(a: Quantity, b: Quantity) -> bool:
    """Whether both are plainly numbers of the same thing."""
    if a.unit and b.unit:
        return _MEASURE.get(a.unit, (a.unit,))[0] == _MEASURE.get(b.unit, (b.unit,))[0]
    return bool(set(a.noun) & set(b.noun))


def _vague_fits(word: str, there: Sequence[Quantity]) -> bool:
    size = {"dozens": 24, "scores": 40, "hundreds": 200, "thousands": 2000, "millions": 2e6, "billions": 2e9}.get(
        word.lower(), 2e12
    )
    return any(size <= q.value < 50 * size for q in there)
