"""The indexes that this process has open, brought up to date before a question."""

from __future__ import annotations

import threading
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

from index.caches import CachePlan, Progress
from index.embed import DEFAULT, Embedder, make_embedder
from index.errors import EmbedderError, IndexDamaged, IndexLocked, IndexMissing, IndexWriteError
from index.reader import IndexReader
from index.sync import sync
from index.types import SyncReport
from rag.request import Request
from rag.settings import Settings

SLOW_CHECK = 0.2
CHECK_AGAIN = 10
LONGEST_WAIT = 5.0
"""Looking for changed files takes 20 ms per 2,000 files. Where that takes over SLOW_CHECK seconds, a process
does it again only after CHECK_AGAIN times as long (at most LONGEST_WAIT), a tenth of the time."""

_opening = threading.Lock()
_readers: dict[CachePlan, tuple[int, IndexReader]] = {}
_checked: dict[CachePlan, tuple[float, float]] = {}  # when a check that found no change ended, and its seconds


def open_reader(plan: CachePlan) -> IndexReader:
    """The open index in `plan.folder`, shared by all questions of this process. Raises IndexMissing or IndexDamaged."""
    with _opening:
        try:
            inode = (plan.folder / "catalog.sqlite").stat().st_ino
        except OSError as e:
            raise IndexMissing(f"no index in {plan.folder}; run `byline index -c FOLDER` first") from e
        kept = _readers.get(plan)
        if kept is None or kept[0] != inode:
            if kept:
                kept[1].close()
            kept = _readers[plan] = (inode, IndexReader(plan))
        return kept[1]


def close_all() -> None:
    """Close every index that this process has open; the next question opens what it needs."""
    with _opening:
        for _, reader in _readers.values():
            reader.close()
        _readers.clear()
        _checked.clear()


def update(corpus: Path, plan: CachePlan, settings: Settings, *, spec: str | None = None, **options: Any) -> SyncReport:
    """Synchronise the index; `spec` names the embedder (default: the index's own, else `hash`)."""
    if spec is None:
        try:
            spec = remembered(plan)
        except IndexDamaged:  # sync says so, or makes it anew
            spec = None
    return sync(corpus, plan, embedder_for(spec or DEFAULT, settings), **options)


def refresh(request: Request, progress: Progress = lambda stage, done, total: None) -> list[str]:
    """Bring the index up to date before asking; notes for the reader."""
    corpus = request.corpus
    name = remembered(request.plan)
    if corpus is None:
        with open_reader(request.plan).snapshot() as reader:
            corpus = Path(reader.catalog.meta()["corpus"])
        if not corpus.is_dir():
            return [f"the articles' folder {corpus} is gone; answered from the index"]
    started = time.monotonic()
    ended, took = _checked.get(request.plan, (0.0, 0.0))
    if took > SLOW_CHECK and started - ended < min(CHECK_AGAIN * took, LONGEST_WAIT):
        return []
    # An index keeps its embedder; asking with another is an error (below), not a reason to embed anew.
    embedder = embedder_for(name or request.settings.embedder or DEFAULT, request.settings)
    try:
        report = sync(corpus, request.plan, embedder, progress=progress)
    except (IndexLocked, IndexWriteError) as e:
        if name is None:
            raise
        return [f"answered from the index as it was: {e}"]
    if report.changes == 0:
        now = time.monotonic()
        _checked[request.plan] = (now, now - started)
    else:
        _checked.pop(request.plan, None)
    return []


def embedder_for(spec: str, settings: Settings) -> Embedder:
    """The embedder of that name with the user's keys; kept, because weights take long to load."""
    if spec == "minilm" and settings.minilm:
        spec = f"minilm:{settings.minilm}"
    base_url = settings.embedder_base_url or settings.base_url
    return _embedder(spec, settings.api_key, base_url, settings.home / "models")


def asking_embedder(reader: IndexReader, settings: Settings) -> Embedder:
    """The embedder of an index. Raises EmbedderError where the user's settings name another one."""
    meta = reader.catalog.meta()
    embedder = embedder_for(settings.embedder or meta["embedder_name"], settings)
    if embedder.fingerprint != meta["embedder"]:
        raise EmbedderError(
            f"this index was made with the embedder {meta['embedder_name']}, not {embedder.name}; "
            f"run `byline index -c {meta['corpus']} --embedder {embedder.name}` or unset BYLINE_EMBEDDER"
        )
    return embedder


def remembered(plan: CachePlan) -> str | None:
    """Name of the embedder that the index was made with; None where there is no index."""
    try:
        with open_reader(plan).snapshot() as reader:
            return reader.catalog.meta().get("embedder_name")
    except IndexMissing:
        return None


@lru_cache(maxsize=4)
def _embedder(spec: str, api_key: str | None, base_url: str | None, cache: Path) -> Embedder:
    return make_embedder(spec, api_key=api_key, base_url=base_url, cache=cache)
