"""An open index, for asking: one whole generation at a time.

A snapshot is a read transaction of the catalog plus the caches that its generation names, so what a
writer publishes meanwhile is not seen until the next snapshot.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from index import caches, sync
from index.caches import CacheInvalid, CachePlan
from index.catalog import Catalog, damaged
from index.errors import IndexMissing
from index.lexical import Lexical
from index.vectors import DenseIndex

T = TypeVar("T")


class IndexReader:
    """Keeps the catalog and the caches open between questions. Threads take turns."""

    def __init__(self, plan: CachePlan) -> None:
        """Open the index in `plan.folder`. Raises IndexMissing or IndexDamaged."""
        self.plan = plan
        self.catalog = Catalog(plan.folder)
        self._turn = threading.RLock()
        self._lexical: Lexical | None = None
        self._dense: DenseIndex | None = None
        self._token = ""

    def close(self) -> None:
        """Release all files."""
        with self._turn:
            self._drop_caches()
            self.catalog.close()

    @contextmanager
    def snapshot(self) -> Iterator[IndexReader]:
        """A stretch in which `catalog`, `lexical` and `dense` show one generation."""
        with self._turn:
            try:
                self.catalog.db.execute("BEGIN")
                token = self.catalog.meta().get("token")
                if not token:
                    raise IndexMissing(f"the index in {self.plan.folder} is unfinished; run `byline index -c FOLDER`")
                if token != self._token:
                    self._drop_caches()
                    self._token = token
                yield self
            except sqlite3.DatabaseError as e:
                raise damaged(self.plan.folder, e) from e
            finally:
                self.catalog.db.rollback()

    @property
    def lexical(self) -> Lexical:
        """The BM25 index of the present snapshot, repaired if need be."""
        if self._lexical is None:
            self._lexical = self._open(caches.open_lexical)
        return self._lexical

    @property
    def dense(self) -> DenseIndex:
        """The vectors of the present snapshot, repaired if need be."""
        if self._dense is None:
            self._dense = self._open(caches.open_dense)
        return self._dense

    def _open(self, opener: Callable[[CachePlan, str], T]) -> T:
        try:
            return opener(self.plan, self._token)
        except CacheInvalid:
            self._repair()
            return opener(self.plan, self._token)

    def _repair(self) -> None:
        """Rebuild the caches from the catalog, and go on with what the catalog then names."""
        self._drop_caches()
        self.catalog.db.rollback()
        sync.repair(self.plan)
        self.catalog.db.execute("BEGIN")
        self._token = self.catalog.meta()["token"]

    def _drop_caches(self) -> None:
        self._lexical = None
        if self._dense is not None:
            self._dense.close()
            self._dense = None
        self._token = ""
