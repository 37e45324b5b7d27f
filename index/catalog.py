"""The catalog: SQLite, the store of record. Everything else in an index folder can be made from it.

Two files. `catalog.sqlite` holds documents and passages; one transaction changes it from one
generation to the next, so a reader sees a whole generation and a killed writer leaves the old one.
`vectors.sqlite` holds vectors by embedder and text hash, committed batch by batch while a run is
under way, so a killed run never embeds a text twice.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from index.embed import Vectors
from index.errors import IndexDamaged, IndexMissing, IndexUnusable
from index.types import Document, Passage, Sentence, Skipped

FORMAT = 1
"""Raised with every change of the tables; an index of another format must be rebuilt."""

REBUILD = "run `byline index -c FOLDER --rebuild` to make it anew"

APPLICATION_ID = 0x42794C6E  # "ByLn", in the SQLite header: tells our files from others

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
  id INTEGER PRIMARY KEY AUTOINCREMENT, file TEXT NOT NULL UNIQUE, sha256 TEXT NOT NULL, size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, checked_ns INTEGER NOT NULL, encoding TEXT NOT NULL,
  title TEXT, date TEXT, source TEXT, author TEXT, lines INTEGER NOT NULL);
CREATE TABLE passages (
  id INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL REFERENCES documents(id), header INTEGER NOT NULL,
  start INTEGER NOT NULL, end INTEGER NOT NULL, line_start INTEGER NOT NULL, line_end INTEGER NOT NULL,
  text TEXT NOT NULL, text_sha BLOB NOT NULL, spans BLOB NOT NULL);
CREATE INDEX passages_document ON passages(document, start);
CREATE INDEX passages_text ON passages(text_sha);
CREATE TABLE skipped (
  file TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID;
"""
_VECTOR_SCHEMA = """
CREATE TABLE vectors (embedder TEXT NOT NULL, text_sha BLOB NOT NULL, vector BLOB NOT NULL,
  PRIMARY KEY (embedder, text_sha));
"""  # with a rowid: rows of 1 kB in an index B-tree would each take an overflow page, three times the space


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document as the catalog knows it; `lines` is the number of its lines."""

    id: int
    file: str
    sha256: str
    title: str | None
    date: str | None
    source: str | None
    author: str | None
    lines: int


@dataclass(frozen=True, slots=True)
class PassageRow:
    """A passage with its text and the spans of its sentences (offsets in the document's text)."""

    id: int
    document: int
    header: bool
    start: int
    end: int
    line_start: int
    line_end: int
    text: str
    sentences: tuple[Sentence, ...]


def embedding_text(title: str | None, text: str) -> str:
    """What is embedded for a passage: its text under the document's title."""
    return f"{title}\n{text}" if title else text


def text_key(title: str | None, text: str) -> bytes:
    """Hash of a passage under its title: SHA-256, first 16 bytes. A unit separator keeps the two apart."""
    return hashlib.sha256(f"{title or ''}\x1f{text}".encode("utf-8", "surrogatepass")).digest()[:16]


class Catalog:
    """An open index folder's SQLite files. One object belongs to one thread at a time."""

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        """Open the catalog in `folder`; `create` makes it where there is none.

        Raises IndexMissing, or IndexDamaged for files that are not ours, broken or of another format.
        """
        self.folder = folder
        path = folder / "catalog.sqlite"
        if not path.exists():
            if not create:
                raise IndexMissing(f"no index in {folder}; run `byline index -c FOLDER` first")
            refuse_foreign(folder)
        self.db = _connect(path, _SCHEMA, create)
        self._vectors: sqlite3.Connection | None = None

    @property
    def vectors(self) -> sqlite3.Connection:
        """The file of vectors, opened when first needed; most questions never do."""
        if self._vectors is None:
            self._vectors = _connect(self.folder / "vectors.sqlite", _VECTOR_SCHEMA, True)
        return self._vectors

    def close(self) -> None:
        """Close both files; an open transaction is rolled back."""
        self.db.close()
        if self._vectors is not None:
            self._vectors.close()

    # meta

    def meta(self) -> dict[str, str]:
        """Settings of the index: generation, token of its caches, embedder, embedder_name, corpus."""
        return dict(self.db.execute("SELECT key, value FROM meta"))

    def set_meta(self, **values: str) -> None:
        """Write settings, within the present transaction."""
        self.db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())

    # documents and passages, read

    def documents(self) -> list[DocumentRow]:
        """All documents in order of their file names."""
        return [DocumentRow(*r) for r in self.db.execute(_DOCUMENTS + " ORDER BY file")]

    def document(self, file: str) -> DocumentRow | None:
        """The document of that file, if it is indexed."""
        row = self.db.execute(_DOCUMENTS + " WHERE file = ?", (file,)).fetchone()
        return DocumentRow(*row) if row else None

    def documents_by_id(self, ids: Iterable[int]) -> dict[int, DocumentRow]:
        """Documents by id."""
        rows = _select_in(self.db, _DOCUMENTS + " WHERE id IN", ids)
        return {r[0]: DocumentRow(*r) for r in rows}

    def passages(self, ids: Iterable[int]) -> dict[int, PassageRow]:
        """Passages by id; an unknown id is left out."""
        return {r[0]: _passage(r) for r in _select_in(self.db, _PASSAGES + " WHERE id IN", ids)}

    def places(self, ids: Iterable[int]) -> dict[int, tuple[str, int]]:
        """(file, offset of the start) of passages by id."""
        sql = "SELECT p.id, d.file, p.start FROM passages p JOIN documents d ON d.id = p.document WHERE p.id IN"
        return {id_: (file, start) for id_, file, start in _select_in(self.db, sql, ids)}

    def passages_of(self, document: int) -> list[PassageRow]:
        """A document's passages in the order of the text."""
        rows = self.db.execute(_PASSAGES + " WHERE document = ? ORDER BY start", (document,))
        return [_passage(r) for r in rows]

    def passage_ids_of(self, documents: Iterable[int]) -> list[int]:
        """Ids of all passages of some documents."""
        return [r[0] for r in _select_in(self.db, "SELECT id FROM passages WHERE document IN", documents)]

    def body_ids_of(self, documents: Iterable[int]) -> list[int]:
        """Ids of the body passages of some documents: those that have a vector."""
        return [
            r[0] for r in _select_in(self.db, "SELECT id FROM passages WHERE NOT header AND document IN", documents)
        ]

    def file_states(self) -> Iterator[tuple[int, str, str, int, int, int, int]]:
        """(id, file, sha256, size, mtime_ns, ctime_ns, checked_ns) of all documents."""
        yield from self.db.execute("SELECT id, file, sha256, size, mtime_ns, ctime_ns, checked_ns FROM documents")

    def counts(self) -> tuple[int, int]:
        """Numbers of documents and passages."""
        row = self.db.execute("SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM passages)")
        documents, passages = row.fetchone()
        return documents, passages

    def skipped(self) -> dict[str, tuple[int, int, str]]:
        """Size, mtime in ns and reason of each file that was not indexed."""
        return {f: (s, m, r) for f, s, m, r in self.db.execute("SELECT file, size, mtime_ns, reason FROM skipped")}

    def lexical_rows(self, ids: Sequence[int] | None = None) -> Iterator[tuple[int, int, str, str]]:
        """(passage id, document id, title, text) of all passages, or of some: what BM25 indexes."""
        base = "SELECT p.id, p.document, coalesce(d.title, ''), p.text FROM passages p JOIN documents d ON d.id = p.document"
        if ids is None:
            yield from self.db.execute(base)
        else:
            yield from _select_in(self.db, base + " WHERE p.id IN", ids)

    def body_texts(self) -> Iterator[tuple[bytes, str]]:
        """What is to be embedded, under its key: the texts of all body passages with their titles."""
        sql = "SELECT d.title, p.text FROM passages p JOIN documents d ON d.id = p.document WHERE NOT p.header"
        for title, text in self.db.execute(sql):
            yield text_key(title, text), embedding_text(title, text)

    def vector_rows(
        self, embedder: str, ids: Sequence[int] | None = None, size: int = 4000
    ) -> Iterator[tuple[list[int], Vectors]]:
        """Ids and vectors of body passages in batches, of all or of some. A header block has no vector."""
        base = "SELECT id, text_sha FROM passages WHERE NOT header"
        rows = self.db.execute(base) if ids is None else _select_in(self.db, base + " AND id IN", ids)
        keys = list(rows)
        for i in range(0, len(keys), size):
            part = keys[i : i + size]
            found = self.find_vectors(embedder, [sha for _, sha in part])
            have = [(p, found[sha]) for p, sha in part if sha in found]
            if have:
                yield (
                    [p for p, _ in have],
                    np.frombuffer(b"".join(v for _, v in have), np.float32).reshape(len(have), -1),
                )

    # documents and passages, written (within the present transaction)

    def add_document(self, document: Document, checked_ns: int, lines: int) -> int:
        """Insert a document; its id."""
        cursor = self.db.execute(
            "INSERT INTO documents (file, sha256, size, mtime_ns, ctime_ns, checked_ns, encoding, title, date, source,"
            " author, lines) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
            (*_document_values(document, checked_ns), lines),
        )
        return int(cursor.lastrowid or 0)

    def update_document(self, id: int, document: Document, checked_ns: int, lines: int) -> None:
        """Replace a document's own values (after an edit or a rename)."""
        self.db.execute(
            "UPDATE documents SET file=?, sha256=?, size=?, mtime_ns=?, ctime_ns=?, checked_ns=?, encoding=?, title=?, date=?,"
            " source=?, author=?, lines=? WHERE id=?",
            (*_document_values(document, checked_ns), lines, id),
        )

    def touch_document(self, id: int, size: int, mtime_ns: int, ctime_ns: int, checked_ns: int) -> None:
        """Note that a file was checked and still has the same bytes."""
        self.db.execute(
            "UPDATE documents SET size=?, mtime_ns=?, ctime_ns=?, checked_ns=? WHERE id=?",
            (size, mtime_ns, ctime_ns, checked_ns, id),
        )

    def remove_documents(self, ids: Iterable[int]) -> list[int]:
        """Delete documents and their passages; the passages' ids."""
        ids = list(ids)
        gone = self.passage_ids_of(ids)
        self.db.executemany("DELETE FROM passages WHERE document = ?", [(i,) for i in ids])
        self.db.executemany("DELETE FROM documents WHERE id = ?", [(i,) for i in ids])
        return gone

    def put_passages(
        self, document: int, passages: Sequence[Passage], texts: Sequence[str], keys: Sequence[bytes]
    ) -> tuple[list[int], list[int]]:
        """Make `passages`, with their texts and `text_key`s, those of the document; ids added and ids removed.

        A passage whose text stays keeps its id, also where its place in the file moved: what is
        cached under that id stays true.
        """
        old: dict[tuple[bytes, bool], list[int]] = {}
        for id_, sha, header in self.db.execute(
            "SELECT id, text_sha, header FROM passages WHERE document = ? ORDER BY start DESC", (document,)
        ):
            old.setdefault((sha, bool(header)), []).append(id_)
        added: list[int] = []
        for passage, text, key in zip(passages, texts, keys, strict=True):
            place = (passage.start, passage.end, passage.line_start, passage.line_end, _pack(passage.sentences))
            same = old.get((key, passage.header))
            if same:
                self.db.execute(
                    "UPDATE passages SET start=?, end=?, line_start=?, line_end=?, spans=? WHERE id=?",
                    (*place, same.pop()),
                )
                continue
            cursor = self.db.execute(
                "INSERT INTO passages (start, end, line_start, line_end, spans, document, header, text, text_sha)"
                " VALUES (?,?,?,?,?,?,?,?,?)",
                (*place, document, passage.header, text, key),
            )
            added.append(int(cursor.lastrowid or 0))
        removed = [i for rest in old.values() for i in rest]
        self.db.executemany("DELETE FROM passages WHERE id = ?", [(i,) for i in removed])
        return added, removed

    def set_skipped(self, rows: Iterable[tuple[Skipped, int, int]]) -> None:
        """Replace the list of skipped files: (what and why, size, mtime in ns)."""
        self.db.execute("DELETE FROM skipped")
        self.db.executemany(
            "INSERT OR REPLACE INTO skipped VALUES (?,?,?,?)", [(s.file, n, m, s.reason) for s, n, m in rows]
        )

    # vectors

    def vectors_lost(self, embedder: str) -> bool:
        """Whether texts have no vector any more, because their file was lost."""
        there = self.vectors.execute("SELECT count(*) FROM vectors WHERE embedder = ?", (embedder,)).fetchone()[0]
        sql = "SELECT count(DISTINCT text_sha) FROM passages WHERE NOT header"
        return bool(there < self.db.execute(sql).fetchone()[0])

    def find_vectors(self, embedder: str, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """The stored vectors (float32 bytes) among `keys`."""
        sql = "SELECT text_sha, vector FROM vectors WHERE embedder = ? AND text_sha IN"
        return dict(_select_in(self.vectors, sql, keys, (embedder,)))

    def missing_vectors(self, embedder: str, keys: Sequence[bytes]) -> set[bytes]:
        """Those of `keys` that have no stored vector."""
        sql = "SELECT text_sha FROM vectors WHERE embedder = ? AND text_sha IN"
        return set(keys) - {r[0] for r in _select_in(self.vectors, sql, keys, (embedder,))}

    def put_vectors(self, embedder: str, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Store vectors durably, at once."""
        rows = [(embedder, k, v.tobytes()) for k, v in zip(keys, vectors, strict=True)]
        self.vectors.executemany("INSERT OR REPLACE INTO vectors VALUES (?,?,?)", rows)
        self.vectors.commit()

    def drop_unused_vectors(self) -> None:
        """Delete vectors of texts that no passage has any more."""
        used = {r[0] for r in self.db.execute("SELECT text_sha FROM passages")}
        gone = [r for r in self.vectors.execute("SELECT embedder, text_sha FROM vectors") if r[1] not in used]
        self.vectors.executemany("DELETE FROM vectors WHERE embedder = ? AND text_sha = ?", gone)
        self.vectors.commit()


_DOCUMENTS = "SELECT id, file, sha256, title, date, source, author, lines FROM documents"
_PASSAGES = "SELECT id, document, header, start, end, line_start, line_end, text, spans FROM passages"


def _document_values(d: Document, checked_ns: int) -> tuple[object, ...]:
    return d.file, d.sha256, d.size, d.mtime_ns, d.ctime_ns, checked_ns, d.encoding, d.title, d.date, d.source, d.author


def _pack(sentences: Sequence[Sentence]) -> bytes:
    flat = array("q")
    for s in sentences:
        flat.extend((s.start, s.end, s.line_start, s.line_end))
    return flat.tobytes()


def _passage(row: Any) -> PassageRow:
    flat = array("q")
    flat.frombytes(row[8])
    spans = tuple(Sentence(*flat[i : i + 4]) for i in range(0, len(flat), 4))
    id_, document, header, start, end, line_start, line_end, text = row[:8]
    return PassageRow(id_, document, bool(header), start, end, line_start, line_end, text, spans)


def _select_in(
    db: sqlite3.Connection, sql: str, values: Iterable[object], before: tuple[object, ...] = ()
) -> Iterator[Any]:
    """Rows of `sql` + "(?, ?, ...)", some 500 values at a time (SQLite bounds the number of parameters)."""
    values = list(values)
    for i in range(0, len(values), 500):
        part = values[i : i + 500]
        yield from db.execute(f"{sql} ({','.join('?' * len(part))})", (*before, *part))


def damaged(path: Path, error: sqlite3.DatabaseError) -> IndexDamaged:
    """The error for a file of ours that SQLite cannot read, with what to do about it."""
    return IndexDamaged(f"{path} is damaged ({error}); {REBUILD}")


def refuse_foreign(folder: Path) -> None:
    """Raise IndexDamaged where a folder without a catalog holds files that are not ours."""
    ours = {"lock", "writer", "cache"} | {
        f"{n}.sqlite{x}" for n in ("catalog", "vectors") for x in ("", "-wal", "-shm")
    }
    others = [p.name for p in folder.iterdir() if p.name not in ours and not p.name.startswith("damaged-")]
    if others:
        raise IndexDamaged(
            f"{folder} is not a Byline index (it holds {others[0]!r}); give --index an empty or new folder"
        )


def _connect(path: Path, schema: str, create: bool) -> sqlite3.Connection:
    db = None
    try:
        if create or os.access(path.parent, os.W_OK):
            db = sqlite3.connect(path, timeout=10, check_same_thread=False)
        else:  # WAL needs to write beside the file; nobody else can where we cannot
            db = sqlite3.connect(f"{path.resolve().as_uri()}?immutable=1", uri=True, check_same_thread=False)
        found = db.execute("PRAGMA application_id").fetchone()[0]
        version = db.execute("PRAGMA user_version").fetchone()[0]
        tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if not tables and not found:
            if not create:
                raise IndexDamaged(f"{path} is empty; {REBUILD}")
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.executescript(
                f"BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT}; {schema} COMMIT;"
            )
        elif found != APPLICATION_ID:
            raise IndexDamaged(f"{path} is not a Byline index; give another folder with --index")
        elif version != FORMAT:
            raise IndexDamaged(f"{path} has index format {version}, this Byline reads {FORMAT}; {REBUILD}")
        db.execute("PRAGMA synchronous = FULL")
        opened, db = db, None
        return opened
    except sqlite3.OperationalError as e:
        raise IndexUnusable(f"cannot open {path}: {e}; check the folder's permissions and free space") from e
    except sqlite3.DatabaseError as e:
        raise damaged(path, e) from e
    finally:
        if db is not None:
            db.close()
