"""The two caches of a catalog generation, BM25 and vectors, in one folder named by a token.

A folder is filled while nobody reads it, marked complete, and only then named in the catalog. It is
never written again: the next generation gets a new folder (a copy with the differences applied, or a
rebuild). So a kill, a full disk or a second reader can spoil no cache that the catalog names, and one
that is spoilt all the same (checked at each opening) is made again from the catalog.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from index.catalog import Catalog
from index.errors import BylineError, IndexWriteError, ModelError
from index.lexical import Lexical
from index.vectors import DenseIndex, open_folder, open_server

REBUILD_SHARE = 0.3
"""From this share of passages added and removed since the last rebuild on, a rebuild is quicker than a copy,
and keeps Chroma small, which only ever grows."""

_CHROMA_SQLITE = "chroma.sqlite3"

EXACT_BM25 = 50_000
"""Up to this many passages BM25 is made anew whenever one was removed (2 s): tantivy goes on counting removed
passages in its statistics, so that scores would depend on the index's past. Above, it is a rounding error."""

Progress = Callable[[str, int, int], None]
"""Called with (stage, done, total)."""


class CacheInvalid(Exception):
    """A cache is missing, incomplete or does not fit its catalog; the message says which."""


@dataclass(frozen=True, slots=True)
class CachePlan:
    """Where caches live: below `folder`, vectors on the Chroma server `url` if one is given."""

    folder: Path
    url: str | None = None

    def path(self, token: str) -> Path:
        """The folder of one generation's caches."""
        return self.folder / "cache" / token

    @property
    def collection(self) -> str:
        """Name of the collection on a Chroma server, which may hold those of other indexes too."""
        full = os.fsencode(self.folder.resolve())
        return f"byline-{hashlib.sha256(full).hexdigest()[:16]}"


def build(
    plan: CachePlan,
    catalog: Catalog,
    token: str,
    *,
    previous: str = "",
    added: Sequence[int] = (),
    removed: Sequence[int] = (),
    progress: Progress = lambda stage, done, total: None,
) -> None:
    """Make the caches of the catalog's (uncommitted) state under `token`.

    With `previous`, that generation's caches are copied and the passages `added` and `removed` since
    then applied; anything wrong with them leads to a rebuild.
    """
    total = catalog.counts()[1]
    target = plan.path(token)
    if previous:
        try:
            stamp = _verify_folder(plan.path(previous), "")
            drift = stamp["drift"] + len(added) + len(removed)
            if drift < REBUILD_SHARE * total:
                shutil.copytree(plan.path(previous), target)
                (target / "complete").unlink()
                job = _Job(plan, catalog, token, list(added), list(removed), previous)
                job.run(progress, drift)
                return
        except Exception:  # whatever is wrong with a cache, the remedy is the same
            _remove(target)
    try:
        target.mkdir(parents=True)
        _Job(plan, catalog, token).run(progress, 0)
    except BaseException as e:
        _remove(target)
        if isinstance(e, BylineError) or not isinstance(e, Exception):
            raise
        reason = " ".join(str(e).split())[:200]
        raise IndexWriteError(
            f"cannot build the search caches in {target.parent}: {reason}; free some space and run again"
        ) from e


@dataclass(frozen=True, slots=True)
class _Job:
    """Fill the folder of `token`: from nothing where `added` is None, else from a copy of `previous`."""

    plan: CachePlan
    catalog: Catalog
    token: str
    added: list[int] | None = None
    removed: list[int] = field(default_factory=list)
    previous: str = ""

    def run(self, progress: Progress, drift: int) -> None:
        target = self.plan.path(self.token)
        passages = self.catalog.counts()[1]
        lexical_fresh = self.added is None or (bool(self.removed) and passages <= EXACT_BM25)
        # sqlite3 objects serve one thread at a time, so rows are fetched here; tantivy works beside Chroma.
        rows = list(self.catalog.lexical_rows(None if lexical_fresh else self.added))
        with ThreadPoolExecutor(1) as pool:
            lexical = pool.submit(self._fill_lexical, rows, lexical_fresh)
            vectors = self._fill_dense(progress)
            lexical.result()
        stamp = {"passages": passages, "vectors": vectors, "drift": drift, "checks": _checks(target)}
        with (target / "complete").open("w", encoding="utf-8") as f:
            json.dump(stamp, f)
            f.flush()
            os.fsync(f.fileno())

    def _fill_lexical(self, rows: list[tuple[int, int, str, str]], fresh: bool) -> None:
        folder = self.plan.path(self.token) / "lexical"
        if fresh:
            _remove(folder)
        Lexical(folder, create=fresh).update(rows, () if fresh else self.removed)

    def _fill_dense(self, progress: Progress) -> int:
        """The number of vectors that the finished collection holds."""
        fresh = self.added is None
        dense = _open_dense(self.plan, self.token, create=fresh)
        try:
            if self.plan.url and not fresh and dense.stamp() != self.previous:
                raise CacheInvalid("the Chroma server has another generation")
            dense.set_stamp("")
            if self.plan.url and fresh:
                dense.clear()
            dense.update((), self.removed)
            fingerprint = self.catalog.meta()["embedder"]
            total = self.catalog.counts()[1] if self.added is None else len(self.added)
            done = 0
            for ids, vectors in self.catalog.vector_rows(fingerprint, self.added):
                dense.update([(ids, vectors)])
                done += len(ids)
                progress("vectors", done, total)
            dense.set_stamp(self.token)
            return len(dense)
        finally:
            dense.close()


def open_lexical(plan: CachePlan, token: str) -> Lexical:
    """The BM25 cache of a generation. Raises CacheInvalid."""
    stamp = _verify_folder(plan.path(token), "lexical")
    try:
        lexical = Lexical(plan.path(token) / "lexical")
        count = len(lexical)
    except Exception as e:
        raise CacheInvalid(f"BM25: {e}") from e
    if count != stamp["passages"]:
        raise CacheInvalid(f"BM25 holds {count} of {stamp['passages']} passages")
    return lexical


def open_dense(plan: CachePlan, token: str) -> DenseIndex:
    """The vector cache of a generation. Raises CacheInvalid, or ModelError for a server out of reach."""
    stamp = _verify_folder(plan.path(token), "vectors")
    if not plan.url:
        _check_chroma(plan.path(token) / "vectors")
    try:
        dense = _open_dense(plan, token)
        count, found = len(dense), dense.stamp()
    except ModelError:
        raise
    except Exception as e:
        raise CacheInvalid(f"vectors: {e}") from e
    if count != stamp["vectors"] or found != token:
        dense.close()
        raise CacheInvalid(f"Chroma holds {count} of {stamp['vectors']} vectors")
    return dense


def prune(plan: CachePlan, keep: Sequence[str]) -> None:
    """Delete the caches of all other generations."""
    base = plan.folder / "cache"
    for path in base.iterdir() if base.exists() else ():
        if path.name not in keep:
            _remove(path)


def _open_dense(plan: CachePlan, token: str, create: bool = False) -> DenseIndex:
    if plan.url:
        return open_server(plan.url, plan.collection, create=create)
    return open_folder(plan.path(token) / "vectors", create=create)


def _verify_folder(path: Path, part: str) -> dict[str, int]:
    """The stamp of a complete folder; `part` is one whose files must be what they were when it was finished.

    Opening a damaged Chroma file can hang or crash the process, and a damaged tantivy file give wrong
    answers, so this comes first. CRC-32 reads 1 GB/s.
    """
    try:
        stamp = json.loads((path / "complete").read_text(encoding="utf-8"))
        checks = stamp.pop("checks")
        wanted = {file: check for file, check in checks.items() if file.startswith(part)}
        if _checks(path, part) != wanted:
            raise CacheInvalid(f"files in {path} changed")
        return {name: int(stamp[name]) for name in ("passages", "vectors", "drift")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise CacheInvalid(f"{path} is incomplete") from e


def _checks(path: Path, part: str = "") -> dict[str, list[int]]:
    """[size, CRC-32] of the files that reading leaves alone, below `path` / `part`."""
    files = (p for p in (path / part).rglob("*") if p.is_file() and p.name != "complete")
    return {
        p.relative_to(path).as_posix(): [p.stat().st_size, _crc(p)]
        for p in files
        if not p.name.startswith(_CHROMA_SQLITE) and p.suffix != ".lock"
    }


def _crc(path: Path) -> int:
    value = 0
    with path.open("rb") as f:
        while block := f.read(1 << 20):
            value = zlib.crc32(block, value)
    return value


def _check_chroma(folder: Path) -> None:
    """Raise CacheInvalid for a damaged SQLite file of Chroma, which it writes to when it opens it."""
    try:
        with closing(sqlite3.connect(folder / _CHROMA_SQLITE)) as db:
            found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as e:
        found = str(e)
    if found != "ok":
        raise CacheInvalid(f"Chroma's database: {found}")


def _remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
