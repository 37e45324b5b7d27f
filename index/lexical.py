"""BM25 in tantivy: a folder made from the catalog, thrown away and made again whenever in doubt."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import tantivy

from index import clean, spelling

ANALYZER = "byline_en"
TITLE_BOOST = 0.6
"""Weight of a title match beside a match in the passage."""

NAME_WEIGHT = 0.8
"""Weight of a name in another spelling beside one that is spelt as in the question."""

_HEAP = 64_000_000  # bytes of tantivy's write buffer


def _analyzer() -> tantivy.TextAnalyzer:
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for step in (tantivy.Filter.remove_long(64), tantivy.Filter.ascii_fold(), tantivy.Filter.lowercase()):
        builder = builder.filter(step)
    return builder.filter(tantivy.Filter.stemmer("english")).build()


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("id", stored=True, indexed=True, fast=True)
    builder.add_unsigned_field("document", stored=False, indexed=True)
    builder.add_unsigned_field("line", stored=False, indexed=True)
    for field in ("title", "text"):
        builder.add_text_field(field, tokenizer_name=ANALYZER, index_option="freq")
    return builder.build()


class Lexical:
    """An open BM25 index over passages. Safe to search from several threads."""

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        """Open the index in `folder`, or make an empty one there. Any fault raises ValueError or OSError."""
        if create:
            folder.mkdir(parents=True)
            self._index = tantivy.Index(_schema(), path=str(folder))
        else:
            self._index = tantivy.Index.open(str(folder))
        self._schema = self._index.schema
        tantivy.Query.term_query(self._schema, "line", 0)  # an index of before this field raises, and is made anew
        self._index.register_tokenizer(ANALYZER, _analyzer())
        self._analyze = _analyzer().analyze
        self._otherwise: dict[str, bool] = {}  # by name; dropped with every change

    def update(self, add: Iterable[tuple[int, int, str, str]], remove: Sequence[int] = ()) -> None:
        """Delete passages by id, add (id, document id, title, text), and commit durably."""
        writer = self._index.writer(_HEAP, 1)
        for id_ in remove:
            writer.delete_documents_by_term("id", id_)
        for id_, document, title, text in add:
            row = tantivy.Document(title=title, text=clean.unglued(text))
            row.add_unsigned("id", id_)
            row.add_unsigned("document", document)
            for key in filter(None, clean.line_keys(text)):
                row.add_unsigned("line", key)
            writer.add_document(row)
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        self._otherwise.clear()

    def __len__(self) -> int:
        return int(self._index.searcher().num_docs)

    def search(
        self,
        query: str,
        k: int,
        *,
        documents: Iterable[int] | None = None,
        stopwords: frozenset[str] = frozenset(),
        spellings: bool = True,
        related: Mapping[str, float] | None = None,
    ) -> list[tuple[int, float]]:
        """The k best (passage id, BM25 score) for the words of `query`; `documents` limits them.

        `spellings` also finds what is written in another way (see `index.spelling`); `related` gives further
        stemmed terms with the weight of each beside 1 for a word of the query.
        """
        names = spelling.names(query, lambda stem: bool(self.document_frequency(stem))) if spellings else {}
        found: dict[str, list[str]] = {}  # the words that stand for each term
        for word in re.findall(r"[^\W_]+", spelling.one_form(query) if spellings else query):
            for term in self._analyze(word):
                if term not in stopwords:
                    found.setdefault(term, []).append(word)
        parts = [
            (tantivy.Occur.Should, tantivy.Query.boost_query(clause, min(len(same), 2.0)))
            for term, same in found.items()
            for clause in self._clauses(term, spelling.forms(same[0])[1:] if spellings else (), term in names)
        ]
        if not parts:
            return []
        parts += [
            (tantivy.Occur.Should, tantivy.Query.boost_query(clause, weight))
            for term, weight in (related or {}).items()
            if term not in found
            for clause in self._clauses(term, (), False)
        ]
        query_tree = tantivy.Query.boolean_query(parts)
        if documents is not None:
            allowed = tantivy.Query.term_set_query(self._schema, "document", list(documents))
            query_tree = tantivy.Query.boolean_query(
                [
                    (tantivy.Occur.Must, query_tree),
                    (tantivy.Occur.Must, tantivy.Query.const_score_query(allowed, 0.0)),
                ]
            )
        searcher = self._index.searcher()
        hits = searcher.search(query_tree, limit=k, count=False).hits
        ids = [searcher.doc(address)["id"][0] for _, address in hits]
        return [(int(i), float(score)) for i, (score, _) in zip(ids, hits, strict=True)]

    def with_line(self, key: int, at_least: int, k: int = 8) -> list[int]:
        """Ids of up to k passages that have the line `key` (`clean.line_keys`); none where fewer than `at_least` do."""
        searcher = self._index.searcher()
        if searcher.doc_freq("line", key) < at_least:
            return []
        hits = searcher.search(tantivy.Query.term_query(self._schema, "line", key), limit=k, count=False).hits
        return [int(searcher.doc(address)["id"][0]) for _, address in hits]

    def document_frequency(self, term: str, name: bool = False) -> int:
        """In how many passages a term of `spelling.terms` stands in the way it is written most often.

        For a way of several terms this is an estimate, as if they were independent. A `name` that stands in
        no passage as it is, but in another spelling, counts as standing in one.
        """
        searcher = self._index.searcher()
        forms = ([term], *map(self._analyze, spelling.forms(term)[1:]))
        shares = (math.prod(searcher.doc_freq("text", t) / max(1, len(self)) for t in form) for form in forms)
        n = int(max(shares) * len(self) + 0.5)
        return n or int(name and self._spelt_otherwise(term))

    def _clauses(self, term: str, forms: Iterable[str], name: bool) -> Iterator[Any]:
        """Queries for a term in text and title, each with the score of the form that fits best.

        A form of several terms needs all of them.
        """
        for field, boost in (("text", 1.0), ("title", TITLE_BOOST)):
            ways = []
            for form in ([term], *map(self._analyze, forms)):
                each = [tantivy.Query.term_query(self._schema, field, t) for t in form]
                every = [(tantivy.Occur.Must, query) for query in each]
                ways.append(each[0] if len(each) == 1 else tantivy.Query.boolean_query(every))
            if name and field == "text" and self._spelt_otherwise(term):
                alike = tantivy.Query.regex_query(self._schema, field, spelling.name_pattern(term))
                ways.append(tantivy.Query.const_score_query(alike, NAME_WEIGHT * self._idf(term)))
            best = ways[0] if len(ways) == 1 else tantivy.Query.disjunction_max_query(ways)
            yield tantivy.Query.boost_query(best, boost)

    def _spelt_otherwise(self, term: str) -> bool:
        """Whether a name stands in the index in another spelling too: clauses that cannot match cost time."""
        if term not in self._otherwise:
            searcher = self._index.searcher()
            alike = tantivy.Query.regex_query(self._schema, "text", spelling.name_pattern(term))
            count = searcher.search(alike, limit=1, count=True).count
            self._otherwise[term] = count > searcher.doc_freq("text", term)
        return self._otherwise[term]

    def _idf(self, term: str) -> float:
        """Inverse document frequency as in BM25, about the score of one occurrence in an average passage."""
        n = max(1, int(self._index.searcher().doc_freq("text", term)))
        return math.log(1 + (len(self) - n + 0.5) / (n + 0.5))
