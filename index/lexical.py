"""BM25 in tantivy: a folder made from the catalog, thrown away and made again whenever in doubt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tantivy

ANALYZER = "byline_en"
TITLE_BOOST = 0.6
"""Weight of a title match beside a match in the passage."""

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
        self._index.register_tokenizer(ANALYZER, _analyzer())
        self._analyze = _analyzer().analyze

    def update(self, add: Iterable[tuple[int, int, str, str]], remove: Sequence[int] = ()) -> None:
        """Delete passages by id, add (id, document id, title, text), and commit durably."""
        writer = self._index.writer(_HEAP, 1)
        for id_ in remove:
            writer.delete_documents_by_term("id", id_)
        for id_, document, title, text in add:
            row = tantivy.Document(title=title, text=text)
            row.add_unsigned("id", id_)
            row.add_unsigned("document", document)
            writer.add_document(row)
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()

    def __len__(self) -> int:
        return int(self._index.searcher().num_docs)

    def search(
        self,
        query: str,
        k: int,
        *,
        documents: Iterable[int] | None = None,
        stopwords: frozenset[str] = frozenset(),
        related: Mapping[str, float] | None = None,
    ) -> list[tuple[int, float]]:
        """The k best (passage id, BM25 score) for the words of `query`; `documents` limits them.

        `related` gives further stemmed terms with the weight of each beside 1 for a word of the query.
        """
        weights: dict[str, float] = {}
        for word in query.split():
            for term in self._analyze(word):
                if term not in stopwords:
                    weights[term] = weights.get(term, 0.0) + 1.0
        if not weights:
            return []
        for term, weight in (related or {}).items():
            weights.setdefault(term, weight)
        parts: list[tuple[Any, Any]] = []
        for term, weight in weights.items():
            for field, boost in (("text", 1.0), ("title", TITLE_BOOST)):
                clause = tantivy.Query.term_query(self._schema, field, term)
                parts.append((tantivy.Occur.Should, tantivy.Query.boost_query(clause, min(weight, 2.0) * boost)))
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
        found = searcher.search(query_tree, limit=k, count=False).hits
        ids = [searcher.doc(address)["id"][0] for _, address in found]
        return [(int(i), float(score)) for i, (score, _) in zip(ids, found, strict=True)]

    def document_frequency(self, term: str) -> int:
        """In how many passages the stemmed `term` stands."""
        return int(self._index.searcher().doc_freq("text", term))
