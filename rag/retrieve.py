"""Question to hits: BM25 and dense search over passages, joined by reciprocal rank, then sentences scored."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase

from index import clean
from index.catalog import Catalog, DocumentRow, PassageRow
from index.embed import Embedder
from index.errors import UsageError
from index.reader import IndexReader
from index.words import STOPWORDS
from rag.meaning import related

RRF_K = 60
"""Constant of reciprocal rank fusion (Cormack, Clarke, Buettcher, SIGIR 2009)."""

CANDIDATES = 50
"""Passages taken from each ranking before they are joined."""


WIDER_WEIGHT = 1.0
"""Weight of the BM25 ranking for like words too, beside 1 of the one for the question's own words."""

FILL_ONLY = 0.01
"""A dense ranking with less weight than this cannot change the order of what BM25 found."""

DENSE_WEIGHT = {"hash": 0.001, "minilm": 0.3}
"""Weight of the dense ranking beside BM25's 1, by embedder. At any larger weight `hash` pushes good passages
out, so it only fills in where BM25 finds too few, which is where names are spelt otherwise; Chroma is then not
even loaded for the rest. Figures: docs/lab-notes.md."""

OTHER_WEIGHT = 0.5
"""The same for embedders that were not measured."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which documents may be searched.

    `since` and `until` are ISO dates, inclusive; a document without a date passes neither. `files` are
    shell patterns on the path (or, without a slash, on the file name); `sources` are publishers' names,
    case ignored.
    """

    since: str | None = None
    until: str | None = None
    files: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for value in (self.since, self.until):
            if value is not None:
                parse_date(value)

    def documents(self, catalog: Catalog) -> list[int] | None:
        """Ids of the documents that pass, or None where nothing is filtered."""
        if not (self.since or self.until or self.files or self.sources):
            return None
        return [d.id for d in catalog.documents() if self._passes(d)]

    def _passes(self, d: DocumentRow) -> bool:
        if self.since and not (d.date and d.date >= self.since):
            return False
        if self.until and not (d.date and d.date <= self.until):
            return False
        if self.files and not any(_matches(d.file, p) for p in self.files):
            return False
        return not self.sources or (d.source or "").lower() in {s.lower() for s in self.sources}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A retrieved passage, its document, its fused score, and its lines that many articles have (page furniture).

    `bm25` is its score for the words of the question and `wider` for like words too (0 where not among the best).
    """

    passage: PassageRow
    document: DocumentRow
    score: float
    bm25: float = 0.0
    wider: float = 0.0
    repeated: frozenset[int] = frozenset()


def parse_date(text: str) -> str:
    """An ISO date, checked. Raises UsageError."""
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            raise ValueError
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise UsageError(f"{text!r} is not a date; write it as 2020-01-06") from None


def fuse(rankings: Sequence[Sequence[int]], weights: Sequence[float]) -> list[tuple[int, float]]:
    """Reciprocal rank fusion: sum of weight / (60 + rank), rank from 1; best first, ties in the order of the rankings."""
    scores: dict[int, float] = {}
    for ranking, weight in zip(rankings, weights, strict=True):
        for rank, id_ in enumerate(ranking, 1):
            scores[id_] = scores.get(id_, 0.0) + weight / (RRF_K + rank)
    return sorted(scores.items(), key=lambda item: -item[1])


def retrieve(
    reader: IndexReader, embedder: Embedder, query: str, k: int, filters: Filters, dense_weight: float | None = None
) -> list[Candidate]:
    """The k best passages for `query`, best first. Call it inside `reader.snapshot()`.

    `dense_weight` is that of the dense ranking beside BM25's 1; by default what was measured for the embedder.
    """
    documents = filters.documents(reader.catalog)
    if documents is not None and not documents:
        return []
    weight = DENSE_WEIGHT.get(embedder.name, OTHER_WEIGHT) if dense_weight is None else dense_weight
    depth = max(CANDIDATES, k)
    lexical, wider = (
        reader.lexical.search(query, depth, documents=documents, stopwords=STOPWORDS, related=more)
        for more in (None, related(query))
    )
    rankings = [_in_order(reader.catalog, lexical), _in_order(reader.catalog, wider)]
    weights = [1.0, WIDER_WEIGHT]
    if weight >= FILL_ONLY or len(lexical) < k:
        vector = embedder.embed([query])[0]
        if vector.any():  # `hash` knows nothing of a query of function words alone
            allowed = None if documents is None else reader.catalog.body_ids_of(documents)
            rankings.append(_in_order(reader.catalog, reader.dense.search(vector, depth, allowed=allowed)))
            weights.append(weight)
    fused = fuse(rankings, weights)[:k]
    found = reader.catalog.passages(i for i, _ in fused)
    rows = reader.catalog.documents_by_id({p.document for p in found.values()})
    bm25, wide = dict(lexical), dict(wider)
    return [
        Candidate(
            found[i], rows[found[i].document], score, bm25.get(i, 0.0), wide.get(i, 0.0), _repeated(reader, found[i])
        )
        for i, score in fused
        if i in found
    ]


def _repeated(reader: IndexReader, passage: PassageRow) -> frozenset[int]:
    """Numbers of the passage's lines that stand in several articles which are not versions of one."""
    found = set()
    for number, key in enumerate(clean.line_keys(passage.text), passage.line_start):
        ids = reader.lexical.with_line(key, clean.REPEATED_IN) if key else []
        others = {p.document: p.text for p in reader.catalog.passages(ids).values()}
        if clean.repeated(key, list(others.values())):
            found.add(number)
    return frozenset(found)


def _in_order(catalog: Catalog, found: Sequence[tuple[int, float]]) -> list[int]:
    """Ids, best first; equal scores by file and place, not by when a passage came into the index."""
    places = catalog.places(i for i, _ in found)
    return [i for i, _ in sorted(found, key=lambda item: (-round(item[1], 5), places.get(item[0], ("", 0))))]


def _matches(file: str, pattern: str) -> bool:
    return fnmatchcase(file if "/" in pattern else file.rpartition("/")[2], pattern)
