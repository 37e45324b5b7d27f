"""The articles as the page shows them: the list, and windows of lines with the quoted words marked.

A browser names an article by `key`, a hash of the document's id, and gets text only for keys of indexed documents:
no request can name a path.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from index.catalog import DocumentRow
from index.errors import IndexMissing, UsageError
from index.load import FileStat, load
from index.types import Document, Skipped
from rag.indexes import open_reader
from rag.settings import Settings

AROUND = 60
"""Lines sent before and after the cited ones."""

MAX_LINES = 400
MAX_CHARS = 60_000
"""Bounds of one window, whatever is asked for; the cited lines come first."""

LONGEST_LINE = 6_000
"""Characters sent of one line: of a longer one, those around the quotation."""

KEPT_CHARS = 100_000_000
"""Decoded text kept in memory, so that turning the pages of a large article reads it once."""

LISTED = 200
"""Articles in one list."""


@dataclass(frozen=True, slots=True)
class _Text:
    """A decoded article and the offsets at which its lines begin."""

    document: Document
    starts: Sequence[int]

    def line(self, number: int) -> tuple[int, int]:
        """Start and end (without the line end) of line `number`, from 1."""
        start = self.starts[number - 1]
        if number < len(self.starts):
            return start, self.starts[number] - 1
        return start, len(self.document.text) - self.document.text.endswith("\n")

    def line_at(self, offset: int) -> int:
        """The line that holds the character at `offset`."""
        return bisect_right(self.starts, offset)


class Articles:
    """The documents of one index; safe for threads."""

    def __init__(self, corpus: Path, settings: Settings) -> None:
        self.corpus = corpus
        self.settings = settings
        self.plan = settings.plan(corpus, settings.index)
        self._lock = threading.Lock()
        self.generation = ""  # of the index that the rows are of
        self._rows: dict[str, DocumentRow] = {}
        self._by_hash: dict[str, DocumentRow] = {}
        self._texts: OrderedDict[tuple[str, int, int], _Text] = OrderedDict()

    def rows(self) -> dict[str, DocumentRow]:
        """All indexed documents by key, read anew with each generation of the index. Raises IndexMissing."""
        with open_reader(self.plan).snapshot() as reader:
            meta = reader.catalog.meta()
            token = f"{meta['generation']} {meta['token']}"
            if token != self.generation:
                documents = reader.catalog.documents()
                with self._lock:
                    self._rows = {key(d.file): d for d in documents}
                    self._by_hash = {d.sha256: d for d in documents}
                    self.generation = token
        return self._rows

    def overview(self) -> dict[str, Any]:
        """What is indexed and what was skipped and why; without an index, `articles` is None."""
        about: dict[str, Any] = {
            "corpus": self.corpus.resolve().name,
            "model": self.settings.model,
            "articles": None,
            "skipped": [],
            "dates": [],
            "sources": [],
        }
        try:
            rows = self.rows().values()
            with open_reader(self.plan).snapshot() as reader:
                skipped = sorted(reader.catalog.skipped().items())
                about["passages"] = reader.catalog.counts()[1]
        except IndexMissing:
            return about
        dates = sorted(d.date for d in rows if d.date)
        about["articles"] = len(rows)
        about["dates"] = [dates[0], dates[-1]] if dates else []
        about["sources"] = sorted({d.source for d in rows if d.source})[:LISTED]
        about["skipped"] = [{"file": file, "reason": reason} for file, (_, _, reason) in skipped[:LISTED]]
        about["skipped_total"] = len(skipped)
        return about

    def listing(self, words: str = "") -> dict[str, Any]:
        """The first articles whose path, title, source or date holds all of `words`, and how many there are."""
        wanted = words.casefold().split()
        found = []
        for row_key, d in self.rows().items():
            about = " ".join(filter(None, (d.file, d.title, d.source, d.date))).casefold()
            if all(w in about for w in wanted):
                found.append((row_key, d))
        found.sort(key=lambda item: item[1].file)
        return {
            "total": len(found),
            "articles": [
                {"doc": k, "file": d.file, "title": d.title, "date": d.date, "source": d.source, "lines": d.lines}
                for k, d in found[:LISTED]
            ],
        }

    def window(
        self,
        doc: str,
        *,
        first: int = 1,
        last: int = 1,
        start: int | None = None,
        end: int | None = None,
        sha256: str = "",
        quote: str = "",
        around: int = AROUND,
    ) -> dict[str, Any]:
        """Lines `first`..`last` of the article `doc` with `around` lines before and after.

        `start`..`end` are the characters to mark and `sha256` the bytes that they were counted in. Where the file
        has changed since, `changed` is set and `quote` is looked for in the new text. Each row is a line's number
        and its text in pieces, each a text and whether it is marked. Raises UsageError where there is no such article.
        """
        row = self.rows().get(doc) or self._by_hash.get(sha256)
        if row is None:
            raise UsageError("this article is not in the index any more; it was removed or renamed")
        text = self._read(row.file)
        total = len(text.starts)
        changed = bool(sha256 and sha256 != text.document.sha256)
        mark = None if start is None or end is None or changed else (start, end)
        found = not changed
        if changed and quote:
            mark = _find(text.document.text, quote, first / max(1, row.lines))
            found = mark is not None
        if mark:
            mark = (max(0, mark[0]), min(len(text.document.text), mark[1]))
            first, last = text.line_at(mark[0]), text.line_at(max(mark[0], mark[1] - 1))
        first = min(max(1, first), total)
        last = min(max(first, last), total)
        d = text.document
        return {
            "doc": key(row.file),
            "file": row.file,
            "title": d.title,
            "date": d.date,
            "source": d.source,
            "author": d.author,
            "total": total,
            "first": first,
            "last": last,
            "changed": changed,
            "unindexed": row.sha256 != d.sha256,
            "found": found,
            "rows": _rows(text, first, last, max(0, min(around, MAX_LINES)), mark),
        }

    def find(self, file: str) -> DocumentRow:
        """The indexed document with the id `file`. Raises UsageError."""
        row = self.rows().get(key(file))
        if row is None:
            raise UsageError(f"no indexed article {file[:200]!r}; `search` names them")
        return row

    def _read(self, file: str) -> _Text:
        path = os.path.join(self.corpus, file)
        try:
            info = os.stat(path)
        except OSError as e:
            raise UsageError("this article's file is gone; look for changes to bring the index up to date") from e
        kept_as = (file, info.st_mtime_ns, info.st_size)
        with self._lock:
            kept = self._texts.get(kept_as)
            if kept:
                self._texts.move_to_end(kept_as)
                return kept
        document = load(self.corpus, FileStat(file, info.st_size, info.st_mtime_ns, info.st_ctime_ns))
        if isinstance(document, Skipped):
            raise UsageError(f"this article cannot be shown: {document.reason}")
        starts = [0, *(m.end() for m in re.finditer("\n", document.text))]
        if len(starts) > 1 and starts[-1] == len(document.text):
            starts.pop()
        text = _Text(document, starts)
        with self._lock:
            self._texts[kept_as] = text
            while len(self._texts) > 1 and sum(len(t.document.text) for t in self._texts.values()) > KEPT_CHARS:
                self._texts.popitem(last=False)
        return text


def key(file: str) -> str:
    """What a browser calls the document `file`: the same in every index, and no path."""
    return hashlib.sha256(file.encode("utf-8", "surrogatepass")).hexdigest()[:20]


def with_keys(value: Any) -> Any:
    """`value` (of `Answer.to_dict`) with the key of its document beside each citation and hit."""
    if isinstance(value, dict):
        out = {k: with_keys(v) for k, v in value.items()}
        if "file" in out and "line_start" in out:
            out["doc"] = key(out["file"])
        return out
    return [with_keys(v) for v in value] if isinstance(value, list) else value


def _find(text: str, quote: str, share: float) -> tuple[int, int] | None:
    """Where `quote` stands in a changed text, spaces aside: of several places the one nearest to where it was."""
    words = quote.split()
    if not words:
        return None
    pattern = r"\s+".join(map(re.escape, words[:200]))
    places = [m.span() for m, _ in zip(re.finditer(pattern, text), range(1000), strict=False)]
    return min(places, key=lambda p: abs(p[0] - share * len(text))) if places else None


def _rows(text: _Text, first: int, last: int, around: int, mark: tuple[int, int] | None) -> list[dict[str, Any]]:
    """The cited lines, then the lines around them, nearest first, as far as the window's bounds allow."""
    nearest = chain(range(first, last + 1), chain.from_iterable((last + d, first - d) for d in range(1, around + 1)))
    chosen: list[int] = []
    used = 0
    for n in nearest:
        if 1 <= n <= len(text.starts):
            start, end = text.line(n)
            used += min(LONGEST_LINE, end - start)
            if chosen and (used > MAX_CHARS or len(chosen) == MAX_LINES):
                break
            chosen.append(n)
    return [{"n": n, "pieces": _pieces(text, n, mark), "cited": first <= n <= last} for n in sorted(chosen)]


def _pieces(text: _Text, number: int, mark: tuple[int, int] | None) -> list[tuple[str, bool]]:
    """A line's text, and whether it is marked, piece by piece; of a very long line what is near the mark."""
    start, end = text.line(number)
    a, b = (max(start, mark[0]), min(end, mark[1])) if mark else (start, start)
    if a >= b:
        a = b = start
    low = max(start, min(a - LONGEST_LINE // 3, end - LONGEST_LINE))
    high = min(end, low + LONGEST_LINE)
    b = min(b, high)
    whole = text.document.text
    pieces = [
        (f"({low - start:,} characters before) … " if low > start else "", False),
        (whole[low:a], False),
        (whole[a:b], True),
        (whole[b:high], False),
        (f" … ({end - high:,} characters after)" if high < end else "", False),
    ]
    return [piece for piece in pieces if piece[0]]
