"""What makes a sentence look like the answer to a question: the named parts of its score.

"Found" below is 1 for a question term itself in any spelling, less for a word of its family ("Iraqi" for "Iraq") or a
word of like meaning. Shares are of the question's idf mass.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from index import clean, spelling
from index.words import STOPWORDS, fold, stem
from rag.encoder import MOST_CHARS
from rag.meaning import WORD, product, word_vectors
from rag.question import KINDS, Query
from rag.retrieve import Candidate

Array = Any  # numpy's own generic types only repeat "an array" at length

FAMILY = 0.8
"""How well a word of the same family counts as found."""

CLOSE = 6
"""Words within which two question terms, or a possible answer and a question term, count as close."""

WINDOW = 12
"""Words in which the most of the question is looked for at once."""

_COUNT = re.compile(
    r"\d|^(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|twenty|"
    r"thirty|forty|fifty|sixty|seventy|eighty|ninety|dozens?|hundreds?|thousands?|millions?|billions?|half|third|quarter|"
    r"twice|double|several|none)$"
)
_DATE = re.compile(
    r"^(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?|(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)|january|february|"
    r"march|april|may|june|july|august|september|october|november|december|(?:1\d|20)\d\ds?|today|yesterday|tomorrow|"
    r"tonight|weeks?|months?|years?|hours?|days?|minutes?|decades?|century|centuries|morning|afternoon|evening|night|"
    r"midnight|noon|spring|summer|autumn|winter)$"
)
_MONEY = re.compile(r"[$£€]\s?\d|\bper ?cent\b|%|\b(?:dollars|euros|pounds)\b", re.I)
SPEECH = re.compile(
    r"\b(?:said|says|say|saying|called|calls|wrote|told|tells|tweeted|added|according|announced|argued|warned|explained|"
    r"insisted|claimed|stated|described|asked|replied|declared|noted|suggested)\b",
    re.I,
)
_REASON = re.compile(
    r"\b(?:because|due to|since|prompted|following|reasons?|caused?|causes|causing|in response|in order|so that|after|"
    r"led to|as a result|therefore|blamed?|in retaliation|to (?:avoid|prevent|protect|help|make|allow|ensure|keep))\b",
    re.I,
)
_PLACE = re.compile(r"\b(?:in|at|near|from|to|outside|around|inside|across|of|into)\s+(?:the\s+|a\s+)?[A-Z]")
_DEFINES = re.compile(
    r"\b(?:is|was|are|were)\s+(?:an?|the|one|now|formerly|also)\b|,\s+(?:an?|the|who|which)\s|\bknown as\b|[(—–]\s*(?:an?|the)\b"
)
_POINTS_BACK = re.compile(
    r"^\W*(?:he|she|it|they|his|her|its|their|this|that|these|those|the (?:move|decision|deal|letter))\b", re.I
)
_ENDS = frozenset(".!?…\"”’')")


@dataclass(slots=True)
class Sentence:
    """A sentence of candidate number `candidate`, its days as the question writes them, and its words: folded, their stems
    ("" for a function word), whether they are written like names."""

    candidate: int
    text: str
    start: int
    end: int
    line_start: int
    line_end: int
    days: str = ""
    words: list[str] = field(default_factory=list)
    stems: list[str] = field(default_factory=list)
    capital: list[bool] = field(default_factory=list)

    @property
    def dated(self) -> str:
        """The text, and in brackets its days where the question names one of them: "on Monday (January 6)"."""
        if not self.days:
            return self.text
        days = f" ({self.days})"
        return self.text[: MOST_CHARS - len(days)] + days


@dataclass(frozen=True, slots=True)
class Features:
    """The sentences of the candidates; by name, the parts of their scores (one number a sentence); facts of the question."""

    sentences: list[Sentence]
    parts: dict[str, Array]
    facts: dict[str, float]


def features(query: Query, candidates: Sequence[Candidate]) -> Features:
    """Take apart all sentences of the candidates, of which there is at least one."""
    sentences = read_sentences(query.text, candidates)
    titles = [_folded(" ".join([c.document.title or "", *_labels(c)])) for c in candidates]
    terms = list(query.idf)
    idf = np.array([query.idf[t] for t in terms])
    match = _matches(query, terms, {w: None for words in [*(s.words for s in sentences), *titles] for w in words})
    found, exact = np.zeros((len(sentences), len(terms))), np.zeros((len(sentences), len(terms)))
    places: list[list[tuple[int, int]]] = []  # of each sentence, (word, term) for what is found well, in order
    for i, s in enumerate(sentences):
        places.append([])
        for position, word in enumerate(s.words):
            for term, value in match.get(word, ()):
                found[i, term] = max(found[i, term], value)
                exact[i, term] = max(exact[i, term], value == 1.0)
                if value >= 0.5:
                    places[i].append((position, term))
    title = np.zeros((len(candidates), len(terms)))
    for i, words in enumerate(titles):
        for word in words:
            for term, value in match.get(word, ()):
                title[i, term] = max(title[i, term], value)
    parts, facts = _cover(query, candidates, sentences, terms, idf, found, exact, title)
    parts |= _closeness(query, terms, idf, places)
    parts |= _answers(query, candidates, sentences, terms, idf, places, parts["cover"])
    return Features(sentences, parts, facts)


def read_sentences(question: str, candidates: Sequence[Candidate]) -> list[Sentence]:
    """The sentences of the candidates in order, with their words in one form, days as `question` writes them."""
    out = []
    for number, candidate in enumerate(candidates):
        passage = candidate.passage
        for span in passage.sentences:
            text = passage.text[span.start - passage.start : span.end - passage.start]
            sentence = Sentence(number, text, span.start, span.end, span.line_start, span.line_end)
            bare = clean.without_labels(text)
            sentence.days = spelling.days_as_asked(question, bare, candidate.document.date)
            for raw in WORD.findall(f"{spelling.one_form(bare)} {sentence.days}"):
                word = fold(raw)
                sentence.words.append(word)
                sentence.stems.append("" if word in STOPWORDS else stem(word))
                sentence.capital.append(raw[0].isupper())
            out.append(sentence)
    return out


def in_one_spelling(query: Query, sentences: Sequence[Sentence]) -> Callable[[str], str]:
    """A function that writes each name of the question, in any text, as most of the sentences spell it.

    The encoder reads letters: to it "Who was Suleimani?" is far from all that the articles say of Soleimani.
    """
    words = Counter(pair for s in sentences for pair in zip(s.words, s.stems, strict=True)) if query.spelt else {}
    best: dict[str, str] = {}
    for term, name in query.spelt.items():
        found = {
            w: n for (w, stem), n in words.items() if stem == term or (stem and spelling.same_name(term, name, stem, w))
        }
        most = max(found, key=lambda w: (found[w], w == name), default=name)
        best |= {word: most.capitalize() for word in (name, *found) if word != most}
    if not best:
        return str
    variants = re.compile(rf"\b(?:{'|'.join(map(re.escape, best))})\b", re.I)
    # A letter such as the long s matches another one's case, but its word is none of these.
    return lambda text: variants.sub(lambda match: best.get(match.group().lower(), match.group()), text)


def _labels(candidate: Candidate) -> list[str]:
    """Link labels glued to names: no words of their sentence, but they may be what was searched for."""
    text = candidate.passage.text
    return [text[a:b] for a, b in clean.labels(text)]


def _folded(text: str) -> list[str]:
    return [fold(w) for w in WORD.findall(spelling.one_form(text))]


def _matches(query: Query, terms: list[str], words: dict[str, None]) -> dict[str, list[tuple[int, float]]]:
    """For each word, the question terms (by number) that it stands for, and how well."""
    content = [w for w in words if w not in STOPWORDS]
    lowered = [i for i, t in enumerate(terms) if t not in query.names and t not in query.numbers]
    alike = word_vectors().likeness([query.words[terms[i]] for i in lowered], content)
    out: dict[str, list[tuple[int, float]]] = {}
    likes: dict[int, dict[int, float]] = {}
    for row, column in zip(*np.nonzero(alike > 0), strict=True):
        likes.setdefault(int(column), {})[lowered[row]] = float(alike[row, column])
    by_letter: dict[str, list[tuple[int, str]]] = {}
    for i, term in enumerate(terms):
        by_letter.setdefault(term[0], []).append((i, term))
    names = [(i, term) for i, term in enumerate(terms) if term in query.spelt]
    for column, word in enumerate(content):
        mine = stem(word)
        values = likes.get(column, {})
        for i, term in by_letter.get(mine[0], ()):
            if term == mine:
                values[i] = 1.0
            elif _one_family(term, mine):
                values[i] = max(values.get(i, 0.0), FAMILY)
        for i, term in names:
            if spelling.same_name(term, query.spelt[term], mine, word):
                values[i] = 1.0
        if values:
            out[word] = list(values.items())
    return out


def _one_family(a: str, b: str) -> bool:
    """Whether two stems begin alike but for the last letter of the shorter one: "decid" and "decis", "iraq" and "iraqi"."""
    short, long = sorted((a, b), key=len)
    if len(short) < 4 or a[:4] != b[:4] or not a.isalpha() or not b.isalpha():
        return False
    common = next((i for i, (x, y) in enumerate(zip(short, long, strict=False)) if x != y), len(short))
    return common >= len(short) - 1 and len(long) - common <= 4


def _cover(
    query: Query, candidates: Sequence[Candidate], sentences: list[Sentence], terms: list[str], idf: Array, found: Array,
    exact: Array, title: Array,
) -> tuple[dict[str, Array], dict[str, float]]:  # fmt: skip
    """How much of the question stands in the sentence, about it, and in its article; where and how it stands."""
    mass = query.mass
    owner = np.array([s.candidate for s in sentences])
    article_of = _numbers([c.document.id for c in candidates])
    before, before2, after = (_moved(found, owner, by) for by in (1, 2, -1))
    passage = _most(found, owner)
    article = _most(passage, article_of)[article_of][owner]
    title = title[owner]
    around = np.maximum.reduce([before, after, title])
    everywhere = np.maximum(found, around)

    def share(x: Array) -> Array:
        return x @ idf / mass

    def beyond(x: Array, *known: Array) -> Array:
        """Share of what is found in `x` but not in `known`."""
        return share(np.maximum(0.0, x - np.maximum.reduce(known)))

    def chosen(which: Sequence[bool]) -> Array:
        return np.array(which, dtype=float)

    def mean(x: Array, some: Array) -> Array:
        """Mean over some terms; 1 where there are none to find."""
        return x @ some / some.sum() if some.any() else np.ones(len(x))

    def each(values: Sequence[Any]) -> Array:
        return np.array(values, dtype=float)

    cover = share(found)
    head = chosen([t == stem(query.head) for t in terms])
    names = chosen([t in query.names for t in terms])
    length = each([sum(map(bool, s.stems)) for s in sentences])
    points_back = each([bool(_POINTS_BACK.match(s.text)) for s in sentences])
    bm25, wider = each([c.bm25 for c in candidates]), each([c.wider for c in candidates])
    of_sentence = _bm25(sentences, terms, idf, length) / mass
    vectors = word_vectors()
    of_question = vectors.text_vector(_folded(query.text))[:, None]
    meaning = product(np.stack([vectors.text_vector(s.words) for s in sentences]), of_question)[:, 0]
    parts = {
        "cover": cover,
        "cover_of_best": cover / (cover.max() or 1.0),
        "cover_exact": share(exact),
        "cover_rest": share(found * (1 - head)),
        "before": beyond(before, found),
        "before_pronoun": beyond(before, found) * points_back,
        "before2": beyond(before2, found, before, after),
        "after": beyond(after, found, before),
        "title": beyond(title, found, before, after),
        "article": beyond(article, found, around, passage[owner]),
        "passage_cover": share(np.maximum(passage[owner], title)),
        "article_cover": share(np.maximum(article, title)),
        "missing": np.max((1 - everywhere) * idf, axis=1, initial=0.0) / (idf.max(initial=0.0) or 1.0),
        "names": mean(found, names),
        "names_around": mean(everywhere, names),
        "numbers": mean(found, chosen([t in query.numbers for t in terms])),
        "sentence_bm25": of_sentence,
        "sentence_bm25_of_best": of_sentence / (of_sentence.max() or 1.0),
        "meaning": meaning,
        "meaning_of_best": meaning / max(meaning.max(), 0.1),
        "log_rank": np.log1p(np.arange(len(candidates)))[owner],
        "article_bm25": _most(bm25[:, None], article_of)[article_of, 0][owner] / (bm25.max() or 1.0),
        "wider": wider[owner] / (wider.max() or 1.0),
        "article_count": np.log(np.bincount(article_of)[article_of])[owner],
        "first_of_article": each([c.passage.line_start <= 3 for c in candidates])[owner],
        "place": np.log1p(each([s.line_start for s in sentences])) / 5,
        "length": np.log1p(length),
        "short": each(length < 5),
        "furniture": each(_furniture(candidates)),
        "header": each([c.passage.header for c in candidates])[owner],
        "fragment": each([s.text[-1:] not in _ENDS for s in sentences]),
        "lower_start": each([s.text[:1].islower() for s in sentences]),
        "asks": each([s.text.rstrip("\"”’' ").endswith("?") for s in sentences]),
    }
    # "Germany" stands in no passage, but "German" does; "January 6" neither, but "on Monday" of that week.
    gone = chosen([t in query.absent for t in terms])
    lacking = 1 - found.max(axis=0, initial=0.0)
    absent = gone * lacking
    facts = {
        "nowhere": float(lacking @ idf / mass),
        "nowhere_exact": float((1 - exact.max(axis=0, initial=0.0)) @ idf / mass),
        "absent": float(absent @ idf / mass),
        "absent_names": float((absent * names) @ idf / mass),
        "terms": math.log1p(len(terms)),
        "specific": float(idf @ (1 - gone) / max((1 - gone).sum(), 1.0)) / 10,
        "counts": float("number" in query.kinds and head.any()),
        **{f"asks_{kind}": float(kind in query.kinds) for kind in KINDS},
    }
    return parts, facts


def _furniture(candidates: Sequence[Candidate]) -> list[bool]:
    """Of each sentence, whether its shape or its repetition in other articles tells that it is page furniture."""
    marks = []
    for c in candidates:
        spans = c.passage.sentences
        texts = [c.passage.text[s.start - c.passage.start : s.end - c.passage.start] for s in spans]
        shapes = clean.furniture(texts, last=c.passage.line_end >= c.document.lines)
        marks += [shape or s.line_start in c.repeated for shape, s in zip(shapes, spans, strict=True)]
    return marks


def _numbers(keys: Sequence[Any]) -> Array:
    """Each key as a number from 0, in the order of their first places."""
    seen: dict[Any, int] = {}
    return np.array([seen.setdefault(k, len(seen)) for k in keys])


def _most(x: Array, group: Array) -> Array:
    """Largest value of each column in each group."""
    out = np.zeros((group.max() + 1, x.shape[1]))
    np.maximum.at(out, group, x)
    return out


def _moved(x: Array, owner: Array, by: int) -> Array:
    """Each row's neighbour `by` rows before it (after it, where negative), zeros where that has another owner."""
    out = np.zeros_like(x)
    if by > 0:
        out[by:] = x[:-by] * (owner[by:] == owner[:-by])[:, None]
    else:
        out[:by] = x[-by:] * (owner[:by] == owner[-by:])[:, None]
    return out


def _bm25(sentences: list[Sentence], terms: list[str], idf: Array, length: Array) -> Array:
    """BM25 of each sentence among all, k1 1.2 and b 0.75 (Robertson and Zaragoza 2009)."""
    count = np.array([[s.stems.count(t) for t in terms] for s in sentences], dtype=float).reshape(len(sentences), -1)
    norm = 1.2 * (0.25 + 0.75 * length / (length.mean() or 1.0))
    return (count * 2.2 / (count + norm[:, None] + 1e-9)) @ idf


def _closeness(query: Query, terms: list[str], idf: Array, places: list[list[tuple[int, int]]]) -> dict[str, Array]:
    """How near neighbouring question terms stand to each other, and the most idf mass within a few words."""
    number = {t: i for i, t in enumerate(terms)}
    asked = [number[t] for t in query.terms if t in number]
    pairs = [
        (a, b, float(min(idf[a], idf[b]))) for n in (1, 2) for a, b in zip(asked, asked[n:], strict=False) if a != b
    ]
    total = sum(w for *_, w in pairs) or 1.0
    near, window = np.zeros(len(places)), np.zeros(len(places))
    for i, here in enumerate(places):
        at: dict[int, list[int]] = {}
        for position, term in here:
            at.setdefault(term, []).append(position)
        for a, b, weight in pairs:
            if a in at and b in at:
                gap = min(abs(p - q) for p in at[a] for q in at[b])
                near[i] += weight / total * min(1.0, CLOSE / max(gap, 1))
        for k, (start, _) in enumerate(here):
            inside = {term for position, term in here[k:] if position - start < WINDOW}
            window[i] = max(window[i], sum(idf[t] for t in inside) / query.mass)
    return {"near": near, "window": window}


def _answers(
    query: Query, candidates: Sequence[Candidate], sentences: list[Sentence], terms: list[str], idf: Array,
    places: list[list[tuple[int, int]]], cover: Array,
) -> dict[str, Array]:  # fmt: skip
    """Whether the sentence holds what the question asks for, how near to its terms, and whether others say the same."""
    kinds, known = query.kinds, {*terms, ""}
    words = set(query.words.values())
    types = [query.head] if query.head else ["city", "country"] if "where" in kinds else []
    every = list({w: None for s in sentences for w in s.words})
    like = dict(zip(every, word_vectors().cosines(types, every).max(axis=0, initial=0.0).tolist(), strict=True))
    head = terms.index(stem(query.head)) if query.head and stem(query.head) in terms else -1
    told: dict[str, set[int]] = {}  # the articles that hold a name or number
    for s in sentences:
        for word, term, capital in zip(s.words, s.stems, s.capital, strict=True):
            if term not in known and (capital or _COUNT.search(word)):
                told.setdefault(word, set()).add(candidates[s.candidate].document.id)
    often = max(map(len, told.values()), default=1)
    rows = []
    for s, here, share in zip(sentences, places, cover, strict=True):
        new = [p for p, term in enumerate(s.stems) if term not in known]
        # A capital at the start of a sentence makes a name only where the next word has one too.
        names = [p for p in new if s.capital[p] and len(s.words[p]) > 1 and (p or s.capital[1:2] == [True])]
        counts = [p for p, w in enumerate(s.words) if w not in words and _COUNT.search(w)]
        dates = [p for p, w in enumerate(s.words) if w not in words and _DATE.search(w)]
        typed = None
        if "number" in kinds:
            typed = counts
        if "date" in kinds:
            typed = dates
        if kinds & {"who", "where"} or (query.head and kinds <= {"quote"}):
            typed = names
        near = _near(here, new if typed is None else typed, idf) / query.mass
        rows.append(
            {
                "new": math.log1p(len(new)),
                "number": "number" in kinds and bool(counts),
                "number_head": "number" in kinds
                and any(t == head and any(0 < p - c <= 3 for c in counts) for p, t in here),
                "money": "number" in kinds and "much" in query.text.lower().split() and bool(_MONEY.search(s.text)),
                "date": "date" in kinds and bool(dates),
                "date_exact": "date" in kinds and any(s.words[p].isdigit() for p in dates),
                "who": "who" in kinds and bool(names),
                "who_full": "who" in kinds and any(p + 1 in names for p in names),
                "where": "where" in kinds and bool(_PLACE.search(s.text)),
                "why": "why" in kinds and bool(_REASON.search(s.text)),
                "marks": "quote" in kinds and any(c in s.text for c in '“”"'),
                "define": "define" in kinds and share > 0.5 and bool(_DEFINES.search(s.text)),
                "type": max((like[s.words[p]] for p in new), default=0.0),
                "head": any(t == head for _, t in here),
                "answer_near": near,
                "answer_near_typed": 0.0 if typed is None else near,
                "told_often": max((len(told.get(s.words[p], ())) for p in typed or ()), default=0) / often,
                "numbers_unasked": bool(counts) and not kinds & {"number", "date"},
            }
        )
    return {name: np.array([row[name] for row in rows], dtype=float) for name in rows[0]}


def _near(here: list[tuple[int, int]], answers: list[int], idf: Array) -> float:
    """Found idf mass, each term weakened by its distance to the nearest possible answer."""
    near: dict[int, float] = {}
    for position, term in here if answers else ():
        gap = min(abs(position - a) for a in answers)
        near[term] = max(near.get(term, 0.0), CLOSE / (CLOSE + gap))
    return float(sum(idf[t] * v for t, v in near.items()))
