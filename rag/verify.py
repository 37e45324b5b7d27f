"""A claim held against the words it cites. Deterministic; no model.

Numbers, quotations and negated words must agree; the rest must be covered. Each check returns its
reasons in words a reader can use; no reasons means it passed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from index.words import terms
from rag.types import CheckResult

SUPPORTED = 0.6
"""Share of a claim's content words that its source must hold (macro-F1 0.77 on AttributionBench)."""

PARTIAL = 0.35

_UNITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
_UNITS += "seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL = {w: float(i) for i, w in enumerate(_UNITS.split())} | {w: 20.0 + 10 * i for i, w in enumerate(_TENS.split())}
_SCALE = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?|[a-z]+", re.I)
_PREFIXES = ("un", "non")
_NO_OPPOSITE = {"less", "like", "cover", "iform", "ited"}  # unless, unlike, uncover are not their denials
_NOT = re.compile(r"\b(?:not|never|cannot|no longer)\b|n['’]t\b", re.I)
_MONTH = re.compile(
    r"\b(?:January|February|March|April|June|July|August|September|October|November|December|"
    r"Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b(?=\.|\s|,|$)"
)
_QUOTED = re.compile(r"“([^“”]+)”|\"([^\"]+)\"")
_WORDS = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def check(claim: str, sources: str | Sequence[str]) -> CheckResult:
    """Whether `sources` (the texts of the cited lines) support `claim`.

    `score` is the share of the claim's content words that stand in the sources. The verdict is
    `supported`, `partial` or `unsupported` (`moved` needs other lines to look at; see generate.py).
    """
    sources = [sources] if isinstance(sources, str) else sources
    source = "\n".join(sources)
    reasons = [
        *check_numbers(claim, source),
        *check_quotations(claim, sources),
        *check_negation(claim, source),
        *check_months(claim, source),
    ]
    score, missing = cover(claim, source)
    if reasons:
        return CheckResult("unsupported", score, tuple(reasons))
    unknown = check_names(claim, source)
    if score >= SUPPORTED:
        return CheckResult("partial" if unknown else "supported", score, tuple(unknown))
    reason = "not in the cited lines: " + ", ".join(missing[:6])
    return CheckResult("partial" if score >= PARTIAL else "unsupported", score, (reason,))


def check_numbers(claim: str, source: str) -> list[str]:
    """Numbers of the claim, in digits or words, that the source does not hold."""
    there = set(numbers(source))
    return [f"the number {n:g} is not in the cited lines" for n in dict.fromkeys(numbers(claim)) if n not in there]


def check_quotations(claim: str, sources: Sequence[str]) -> list[str]:
    """Quotations of the claim that do not stand word for word in one of the sources."""
    flat = [_flat(s) for s in sources]
    quoted = [a or b for a, b in _QUOTED.findall(claim)]
    return [f"these words are not in the cited lines: “{q}”" for q in quoted if not any(_flat(q) in s for s in flat)]


def check_negation(claim: str, source: str) -> list[str]:
    """Words that one side denies and the other does not: signed, unsigned; would take, would not take."""
    mine, theirs = _denied(claim), _denied(source)
    plain_there, plain_here = set(terms(source)) - theirs, set(terms(claim)) - mine
    return [
        *(f"the claim denies “{w}”, the cited lines do not" for w in sorted(mine & plain_there)),
        *(f"the cited lines deny “{w}”, the claim does not" for w in sorted(theirs & plain_here)),
        *(f"the claim says {w}, the cited lines {n}" for w, n in _opposites(claim, source)),
        *(f"the claim says {n}, the cited lines {w}" for w, n in _opposites(source, claim)),
    ]


def cover(claim: str, source: str) -> tuple[float, list[str]]:
    """Share of the claim's content words whose stems stand in the source, and the words that do not.

    Numbers are left out (`check_numbers` has them), and "not signed" finds "unsigned".
    """
    there = set(terms(source))
    plain = _words(source)
    words = [w for w in _WORDS.findall(claim) if terms(w) and not numbers(w) and w.lower() not in _SCALE]
    missing = [w for w in words if not there.issuperset(terms(w)) and not plain & {p + w.lower() for p in _PREFIXES}]
    return (1 - len(missing) / len(words) if words else float(bool(numbers(claim)))), missing


def check_months(claim: str, source: str) -> list[str]:
    """Months that the claim names and the source does not, in full or in short."""
    there = {m.lower()[:3] for m in _MONTH.findall(source)}
    return [f"{m} is not in the cited lines" for m in _MONTH.findall(claim) if m.lower()[:3] not in there]


def check_names(claim: str, source: str) -> list[str]:
    """Capitalised words inside the claim (not its first) that stand nowhere in the source."""
    there = set(terms(source))
    inside = _WORDS.findall(claim)[1:]
    names = [w for w in inside if w[0].isupper() and terms(w) and not there.issuperset(terms(w))]
    return [
        f"{n} is not in the cited lines"
        for n in dict.fromkeys(names)
        if not numbers(n) and not _MONTH.fullmatch(n)  # months have a check of their own
    ]


def numbers(text: str) -> list[float]:
    """Values of the numbers in `text`: 5,000, "five thousand" and "5 thousand" are all 5000.

    "one" is left out: it is a pronoun as often as a number.
    """
    found: list[float] = []
    value: float | None = None  # the number being read
    end = 0
    for match in _NUMBER.finditer(text):
        word = match.group().lower()
        near = re.fullmatch(r"[\s-]*(?:and\s+)?", text[end : match.start()]) is not None
        if not near and value is not None:
            found.append(value)
            value = None
        if word[0].isdigit():
            if value is not None:
                found.append(value)
            value = float(word.rstrip(",").replace(",", ""))
        elif word in _SCALE and value is not None:
            value *= _SCALE[word]
        elif word in _SMALL and word != "one":
            small = _SMALL[word]
            joins = value is not None and value >= 20 and value % 10 == 0 and small < min(value, 100)
            if joins and value is not None:
                value += small
            else:
                if value is not None:
                    found.append(value)
                value = small
        elif word != "and" and value is not None:
            found.append(value)
            value = None
        end = match.end()
    if value is not None:
        found.append(value)
    return found


def _denied(text: str) -> set[str]:
    """Stems of the content word that each "not", "never" or "n't" denies: the next one in its clause."""
    found: set[str] = set()
    for match in _NOT.finditer(text):
        clause = re.split(r"[.,;:!?“”\"]", text[match.end() : match.end() + 60], maxsplit=1)[0]
        found.update(terms(clause)[:1])
    return found


def _opposites(plain_side: str, negated_side: str) -> list[tuple[str, str]]:
    """(signed, unsigned) for each word plain on one side, not denied there, and only negated on the other."""
    plain, negated = _words(plain_side), _words(negated_side)
    found = [(w, p + w) for w in plain - _NO_OPPOSITE if len(w) > 3 for p in _PREFIXES if p + w in negated]
    return [
        (w, n)
        for w, n in found
        if w not in negated and n not in plain and not re.search(rf"\bnot\b[^.]{{0,30}}\b{w}\b", plain_side, re.I)
    ]


def _words(text: str) -> set[str]:
    return {w.lower().replace("-", "") for w in re.findall(r"[\w-]+", text)}


def _flat(text: str) -> str:
    """Lower-cased words alone: white space, quotation marks and a comma before the closing mark do not count."""
    return " ".join(_WORDS.findall(text.lower().replace("’", "'")))
