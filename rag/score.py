"""Sentences inside the best passages, scored for a question.

One function, named parts, so that a hit names lines and not pages. Weights: docs/lab-notes.md.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from index import clean, spelling
from index.catalog import PassageRow
from index.spelling import terms
from rag.retrieve import Candidate
from rag.same import join_same
from rag.types import Hit

WEIGHTS = {
    "cover": 1.0,  # share of the question's idf mass that stands in the sentence
    "context": 0.45,  # the same for title and neighbours, where the sentence itself lacks the term
    "near": 0.25,  # neighbouring question terms that stand close together in the sentence
    "kind": 0.15,  # holds what the question asks for: a number, a date, a name, a quotation
    "passage": 1.0,  # fused score of the passage, the best one being 1
    "length": -0.1,  # very short and very long sentences say little or too much
    "fragment": -0.2,  # a headline, list item or caption: no end of a sentence, or no beginning
    "header": -1.0,  # a line of the header block
    "furniture": -0.4,  # a subscription notice, a link to another article and the like (index/clean.py)
}

_ENDS = frozenset(".!?…”\"’')")

EARLIER = 0.3
"""Weight of a term of the question before, beside 1 for a term of this one."""

_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|hundreds?|thousands?|millions?|"
    r"billions?|half|twice|several|no)\b",
    re.I,
)
_DATE = re.compile(
    r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b\.?"
    r"|\b(?:19|20)\d\d\b|\b(?:today|yesterday|tomorrow|week|month|year|hours?|days?|morning|night)\b",
    re.I,
)
_NAME = re.compile(r"(?<![.!?“\"]\s)(?<!^)\b[A-Z][\w’'-]+")
_QUOTE = re.compile(r"[“”\"]|\b(?:said|says|called|wrote|told|tweeted|added|according)\b", re.I)
_REASON = re.compile(r"\b(?:because|after|due|since|prompted|following|reason|caused|in response|in order|to)\b", re.I)

_KINDS: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = (
    (
        re.compile(r"\bhow (?:many|much|large|big|old|long|far|often)\b|\bwhat (?:number|percent|share|price)\b", re.I),
        _NUMBER,
    ),
    (re.compile(r"\bwhen\b|\b(?:what|which) (?:day|date|year|month|week)\b|\bhow long\b", re.I), _DATE),
    (re.compile(r"\bwho(?:m|se)?\b|\bwhere\b|\bwhich\b", re.I), _NAME),
    (re.compile(r"\b(?:say|said|call|called|tell|told|describe|described|write|wrote|according)\b", re.I), _QUOTE),
    (re.compile(r"\bwhy\b|\b(?:prompted|reason|cause|caused)\b", re.I), _REASON),
)


@dataclass(frozen=True, slots=True)
class Query:
    """A question as the scorer sees it: its terms in order and each one's inverse document frequency."""

    text: str
    terms: tuple[str, ...]
    idf: dict[str, float]
    names: dict[str, str] = field(default_factory=dict)

    def terms_of(self, text: str, written: str | None) -> list[str]:
        """Terms of a sentence of an article of that date, with the question's spelling of its names and dates."""
        return spelling.as_asked(self.text, self.names, text, written)

    @property
    def mass(self) -> float:
        """Sum of the idf of all distinct terms."""
        return sum(self.idf.values()) or 1.0


def make_query(text: str, document_frequency: Callable[[str], int], total: int, earlier: Sequence[str] = ()) -> Query:
    """`document_frequency` gives the number of passages, of `total`, that hold a term.

    Terms that stand only in `earlier` questions count less: they say what "he" and "it" are about.

    idf = ln(1 + (N - n + 0.5) / (n + 0.5)), as in BM25 (Robertson and Zaragoza 2009).
    """
    found = tuple(terms(text))
    before = [t for e in earlier for t in terms(e)]
    idf = {}
    for term in dict.fromkeys([*found, *before]):
        n = min(document_frequency(term), total)
        idf[term] = math.log(1 + (total - n + 0.5) / (n + 0.5)) * (1.0 if term in found else EARLIER)
    return Query(text, found, idf, spelling.names(" ".join([text, *earlier]), lambda t: bool(document_frequency(t))))


def score_sentences(query: Query, candidates: Sequence[Candidate]) -> list[Hit]:
    """All sentences of the candidates as hits, best first; those that say the same are joined (`also`)."""
    hits: list[Hit] = []
    best = max((c.score for c in candidates), default=1.0)
    for candidate in candidates:
        passage, document = candidate.passage, candidate.document
        title = set(terms(document.title or ""))
        texts = [passage.text[s.start - passage.start : s.end - passage.start] for s in passage.sentences]
        found = [query.terms_of(clean.without_labels(t), document.date) for t in texts]
        marks = clean.furniture(texts, last=passage.line_end >= document.lines)
        for i, sentence in enumerate(passage.sentences):
            around = title.union(*found[max(0, i - 1) : i], *found[i + 1 : i + 2])
            if clean.labels(texts[i]):  # which `found` leaves out
                around.update(terms(texts[i]))
            parts = _parts(query, texts[i], found[i], around, passage, candidate.score / best)
            parts["furniture"] = float(marks[i] or sentence.line_start in candidate.repeated)
            hits.append(
                Hit(
                    file=document.file,
                    line_start=sentence.line_start,
                    line_end=sentence.line_end,
                    text=texts[i],
                    score=sum(WEIGHTS[name] * value for name, value in parts.items()),
                    start=sentence.start,
                    end=sentence.end,
                    title=document.title,
                    date=document.date,
                    source=document.source,
                    sha256=document.sha256,
                    passage=passage.id,
                    parts=parts,
                )
            )
    hits.sort(key=lambda h: (-h.score, h.file, h.start))
    return join_same(hits)


def evidence(hit: Hit) -> float:
    """How much of the question the hit and its surroundings hold, in 0..1."""
    return min(1.0, hit.parts["cover"] + 0.5 * hit.parts["context"])


def _parts(
    query: Query, text: str, found: list[str], around: set[str], passage: PassageRow, rank: float
) -> dict[str, float]:
    here = set(found)
    idf = query.idf
    cover = sum(w for t, w in idf.items() if t in here)
    context = sum(w for t, w in idf.items() if t not in here and t in around)
    return {
        "cover": cover / query.mass,
        "context": context / query.mass,
        "near": _near(query.terms, found),
        "kind": _kind(query, text),
        "passage": rank,
        "length": 1.0 if len(found) < 4 else min(1.0, max(0.0, (len(found) - 40) / 40)),
        "fragment": float(text[-1:] not in _ENDS or text[:1].islower()),
        "header": float(passage.header),
    }


def _near(wanted: tuple[str, ...], found: list[str]) -> float:
    """Share of neighbouring pairs of question terms that stand within three terms of each other."""
    pairs = [(a, b) for a, b in zip(wanted, wanted[1:], strict=False) if a != b]
    if not pairs:
        return 0.0
    at: dict[str, list[int]] = {}
    for i, term in enumerate(found):
        at.setdefault(term, []).append(i)
    close = sum(any(abs(i - j) <= 3 for i in at.get(a, ()) for j in at.get(b, ())) for a, b in pairs)
    return close / len(pairs)


def _kind(query: Query, text: str) -> float:
    """1 where the sentence holds what the question asks for, 0 where it lacks it, 0.5 for other questions."""
    asked = [answer for ask, answer in _KINDS if ask.search(query.text)]
    if not asked:
        return 0.5
    if asked[0] is _NAME:
        known = set(query.terms)
        return float(any(set(terms(n)) - known for n in _NAME.findall(text)))
    return float(bool(asked[0].search(text)))
