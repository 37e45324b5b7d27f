"""A question as the scorer sees it: its terms with their weight, its names and numbers, and what it asks for."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from index import spelling
from index.spelling import terms
from index.words import STOPWORDS, fold, stem
from rag.meaning import WORD

KEYWORDS = 3
"""Words of a query at most that asks nothing."""

EARLIER = 0.3
"""Weight of a term of the question before, beside 1 for a term of this one."""

_PLACES = "city|cities|country|countries|state|states|town|continent|region|island|province|county|place|village|base"
_KINDS: dict[str, re.Pattern[str]] = {
    "number": re.compile(
        r"\bhow (?:many|much|large|big|old|far|often|tall|high|fast|deep|heavy|few)\b"
        r"|\b(?:what|which) (?:\w+ )?(?:number|percent|percentage|share|price|age|amount|proportion|rate|fraction)\b",
        re.I,
    ),
    "date": re.compile(
        r"\bwhen\b|\b(?:what|which) (?:day|date|year|month|week|decade|century|time)\b|\bhow (?:long|soon)\b|\bsince when\b",
        re.I,
    ),
    "who": re.compile(r"\bwho(?:m|se)?\b", re.I),
    "where": re.compile(rf"\bwhere\b|\b(?:what|which) (?:\w+ )?(?:{_PLACES})\b", re.I),
    "why": re.compile(r"\bwhy\b|\bwhat (?:\w+ )?(?:prompted|reasons?|caused?|causes|led)\b|\bbecause of what\b", re.I),
    "quote": re.compile(
        r"\b(?:say|says|said|call|called|tell|told|describe[sd]?|wrote|write|according|claim|claimed|announced?|words?|"
        r"argued?|warn(?:ed)?|explain(?:ed)?|insist(?:ed)?|dismiss(?:ed)?|tweet(?:ed)?)\b",
        re.I,
    ),
    "define": re.compile(r"^\W*(?:who|what) (?:is|was|are|were)\b(?!.*\b(?:that|which|by|for|on|in)\b)", re.I),
    "yesno": re.compile(
        r"^\W*(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might)\b", re.I
    ),
}
_HEAD = re.compile(r"\b(?:how (?:many|much)|which|what)\s+(?=\w)", re.I)
_NO_HEAD = frozenset("type kind sort name form exactly approximately roughly else happened".split())
_VERBS = frozenset(
    "won made became left took held led gave got went ran wrote broke built lost met paid put set began".split()
)
_NUMBER = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Query:
    """A question taken apart.

    `terms` are the stems of its content words in order, `idf` each distinct term's inverse document frequency
    (the terms of the question before included, with less weight), `words` a term's spelling in the question,
    `names` the terms that are written like names, `numbers` those that hold a digit, `kinds` what the question asks
    for (a key of KINDS each), `head` what is counted or chosen ("troops" in "how many troops"), or "",
    `absent` the terms that stand in no passage, `spelt` the names that may be spelt otherwise (word by term), `whole` the
    question after the earlier ones that it may refer to.
    """

    text: str
    terms: tuple[str, ...]
    idf: dict[str, float]
    words: dict[str, str]
    names: frozenset[str]
    numbers: frozenset[str]
    kinds: frozenset[str]
    head: str
    absent: frozenset[str]
    spelt: dict[str, str]
    whole: str

    def terms_of(self, text: str, written: str | None) -> list[str]:
        """Terms of a sentence of an article of that date, with the question's spelling of its names and dates."""
        return spelling.as_asked(self.text, self.spelt, text, written)

    @property
    def keywords(self) -> bool:
        """Whether it is a few words to look for, in which nothing is asked: nearness would prefer headlines of one word."""
        return not self.kinds and "?" not in self.text and len(self.text.split()) <= KEYWORDS

    @property
    def mass(self) -> float:
        """Sum of the idf of all distinct terms."""
        return sum(self.idf.values()) or 1.0


KINDS = tuple(_KINDS)


def make_query(text: str, document_frequency: Callable[..., int], total: int, earlier: Sequence[str] = ()) -> Query:
    """`document_frequency(term, name)` gives the number of passages, of `total`, that hold a term or, where `name` is
    true, another spelling of it.

    Terms that stand only in `earlier` questions count less: they say what "he" and "it" are about.

    idf = ln(1 + (N - n + 0.5) / (n + 0.5)), as in BM25 (Robertson and Zaragoza 2009).
    """
    found = tuple(terms(text))
    words: dict[str, str] = {}
    names: set[str] = set()
    for part in (text, *earlier):
        first = True
        one_form = spelling.one_form(part)
        for match in WORD.finditer(one_form):
            word = fold(match.group())
            term = stem(word)
            if word not in STOPWORDS:
                words.setdefault(term, word)
                if match.group()[0].isupper() and not (first and one_form[: match.start()].strip() == ""):
                    names.add(term)
            first = False
    spelt = spelling.names(" ".join([text, *earlier]), lambda term: bool(document_frequency(term, False)))
    idf = {}
    absent = set()
    for term in words:
        n = min(document_frequency(term, term in spelt), total)
        if not n and term in found:
            absent.add(term)
        idf[term] = math.log(1 + (total - n + 0.5) / (n + 0.5)) * (1.0 if term in found else EARLIER)
    return Query(
        text,
        found,
        idf,
        words,
        frozenset(names),
        frozenset(t for t in words if _NUMBER.search(t)),
        frozenset(k for k, pattern in _KINDS.items() if pattern.search(text)),
        _head(_asking(text)),
        frozenset(absent),
        spelt,
        " ".join([*earlier, text]),
    )


def _asking(text: str) -> str:
    """The last sentence with a question mark; the whole text where there is none."""
    parts = re.split(r"(?<=[.!?])\s+(?=[A-Z“\"])", text)
    return next((part for part in reversed(parts) if "?" in part), text)


def _head(text: str) -> str:
    """The word after "which", "what" or "how many" that says what is asked for: "troops", "country"; or ""."""
    start = _HEAD.search(text)
    head = ""
    if start:
        for word in WORD.findall(text[start.end() :])[:6]:
            word = fold(word)
            if word == "of" and head in _NO_HEAD:
                continue
            if word in STOPWORDS or word in _VERBS or word.endswith("ed"):
                break
            head = word
    return "" if head in _NO_HEAD else head
