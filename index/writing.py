"""One writer at a time: the lock, the catalog under it, and a catalog moved aside while it is made anew."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from index.catalog import APPLICATION_ID, Catalog, damaged, refuse_foreign
from index.errors import IndexDamaged, IndexLocked, IndexUnusable, IndexWriteError


@contextmanager
def writing(folder: Path, wait: float, dry_run: bool, rebuild_of: Path | None = None) -> Iterator[Catalog]:
    """The catalog under the writer's lock; rolled back and closed afterwards.

    With `rebuild_of`, the corpus it is of, a catalog that exists is moved aside, and put back on any fault.
    """
    if dry_run:
        yield from _dry(folder)
        return
    with _lock(folder, wait):
        aside = _set_aside(folder, rebuild_of) if rebuild_of else []
        try:
            with closing(Catalog(folder, create=True)) as catalog:
                yield catalog
        except BaseException as e:
            _put_back(folder, aside)
            if isinstance(e, sqlite3.DatabaseError):
                raise IndexWriteError(
                    f"cannot write {folder}: {e}; free some space or mend the disk and run again"
                ) from e
            if isinstance(e, OSError):
                raise IndexWriteError(f"cannot write {folder}: {e.strerror or e}; nothing was lost, run again") from e
            raise
        for old in folder.glob("damaged-*"):
            if old not in aside:
                old.unlink()


def _set_aside(folder: Path, corpus: Path) -> list[Path]:
    """Rename the catalog, and the vectors if they cannot be read. Raises for what is not ours or of another corpus."""
    path = folder / "catalog.sqlite"
    if not path.exists():
        return []
    try:
        with closing(Catalog(folder)) as catalog:
            check_corpus(catalog, corpus)
    except IndexDamaged:
        head = path.read_bytes()[:72]
        sqlite, ours = head.startswith(b"SQLite format 3\0"), head[68:72] == APPLICATION_ID.to_bytes(4, "big")
        if sqlite and not ours:
            raise
        if not sqlite:
            refuse_foreign(folder)
    except sqlite3.DatabaseError:
        pass  # ours, and damaged inside
    names = ["catalog.sqlite"]
    with closing(sqlite3.connect(folder / "vectors.sqlite")) as db:
        try:
            db.execute("SELECT count(*) FROM vectors").fetchone()
        except sqlite3.DatabaseError:
            names.append("vectors.sqlite")
    stamp = time.strftime("%Y%m%d-%H%M%S")
    aside = []
    for name in names:
        for suffix in ("", "-wal", "-shm"):
            source = folder / (name + suffix)
            if source.exists():
                aside.append(source.rename(folder / f"damaged-{stamp}-{source.name}"))
    return aside


def _put_back(folder: Path, aside: list[Path]) -> None:
    if aside:
        for path in folder.glob("catalog.sqlite*"):
            path.unlink()
    for path in aside:
        path.replace(folder / path.name.split("-", 3)[3])


def _dry(folder: Path) -> Iterator[Catalog]:
    """A copy of the catalog that may be changed: nothing on disk is."""
    with tempfile.TemporaryDirectory(prefix="byline-dry-") as scratch:
        for name in ("catalog.sqlite", "vectors.sqlite"):
            if (folder / name).exists():
                uri = (folder / name).resolve().as_uri() + "?mode=ro"
                with (
                    closing(sqlite3.connect(uri, uri=True)) as source,
                    closing(sqlite3.connect(Path(scratch) / name)) as target,
                ):
                    try:
                        source.backup(target)
                    except sqlite3.DatabaseError as e:
                        raise damaged(folder / name, e) from e
        catalog = Catalog(Path(scratch), create=True)
        _ = catalog.vectors  # opened here, not beside the real catalog
        catalog.folder = folder  # for messages
        try:
            yield catalog
        finally:
            catalog.close()


@contextmanager
def _lock(folder: Path, wait: float) -> Iterator[None]:
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "catalog.sqlite").exists():
            refuse_foreign(folder)
        lock = FileLock(folder / "lock", timeout=wait)
        lock.acquire()
    except Timeout as e:
        raise IndexLocked(
            f"another byline process{_writer(folder)} is writing this index; wait for it to end and run again"
        ) from e
    except OSError as e:
        raise IndexWriteError(
            f"cannot write {folder}: {e.strerror or e}; choose another place with --index or BYLINE_HOME"
        ) from e
    try:
        (folder / "writer").write_text(str(os.getpid()))
        yield
    finally:
        lock.release()


def _writer(folder: Path) -> str:
    try:
        return f" (process {int((folder / 'writer').read_text())})"
    except (OSError, ValueError):
        return ""


def check_corpus(catalog: Catalog, corpus: Path) -> None:
    """Raise IndexUnusable where the catalog is of another corpus: syncing would replace all of it."""
    found = catalog.meta().get("corpus")
    if found and Path(found) != corpus.resolve():
        raise IndexUnusable(
            f"the index in {catalog.folder} is of {found}, not of {corpus}; give each corpus its own --index folder"
        )
