"""Disk against catalog: add, replace, rename and remove what differs, and nothing else.

Order of a run: take the lock; read changed files into one open SQLite transaction; embed texts that
have no vector yet, committing vectors batch by batch; build the caches of the new generation; commit.
A kill before the commit leaves the old generation and the vectors made so far.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from index import caches
from index.caches import CachePlan, Progress
from index.catalog import Catalog, damaged, embedding_text, text_key
from index.embed import Embedder
from index.errors import CorpusError, IndexMissing, IndexUnusable
from index.load import FileStat, fingerprint, load, scan
from index.split import passages, sentences
from index.types import Document, Skipped, SyncReport
from index.writing import check_corpus, writing

RACY_NS = 2_000_000_000
"""A file changed within this time before it was read may have changed again unnoticed (file systems
keep times as coarse as two seconds), so it is read once more, as git does."""


class _State(NamedTuple):
    """A document's file as it was when it was last read."""

    id: int
    file: str
    sha256: str
    size: int
    mtime_ns: int
    ctime_ns: int
    checked_ns: int


@dataclass
class _Diff:
    """Differences between the folder and the catalog, found by size and time."""

    load: list[FileStat] = field(default_factory=list)  # new, or perhaps changed
    gone: dict[str, _State] = field(default_factory=dict)
    known: dict[str, _State] = field(default_factory=dict)
    skipped: list[tuple[Skipped, int, int]] = field(default_factory=list)
    skipped_changed: bool = False


@dataclass
class _Work:
    """What a run has done so far."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    renamed: list[tuple[str, str]] = field(default_factory=list)
    new_passages: list[int] = field(default_factory=list)
    old_passages: list[int] = field(default_factory=list)
    pending: dict[bytes, str] = field(default_factory=dict)  # texts to embed, by key
    embedded: int = 0
    reused: int = 0
    tokens: int | None = None


def sync(
    corpus: Path,
    plan: CachePlan,
    embedder: Embedder,
    *,
    dry_run: bool = False,
    rebuild: bool = False,
    wait: float = 0.0,
    progress: Progress = lambda stage, done, total: None,
) -> SyncReport:
    """Make the index in `plan.folder` that of the articles in `corpus`.

    `rebuild` makes the catalog anew, from whatever state; vectors that can still be read are kept, they
    may have cost money. `wait` is how many seconds to wait for another writer. A dry run writes nothing.
    Raises CorpusError, IndexLocked, IndexWriteError, EmbedderError or ModelError; after any
    of them the index still answers as before.
    """
    started = time.perf_counter()
    if plan.folder.resolve().is_relative_to(corpus.resolve()):
        raise IndexUnusable(
            f"the index would lie inside the corpus, in {plan.folder}; choose another place with BYLINE_HOME or --index"
        )
    stats, skipped = scan(corpus)
    if not stats:
        why = f" ({len(skipped)} skipped; the first: {skipped[0].file}: {skipped[0].reason})" if skipped else ""
        raise CorpusError(f"no .txt or .md article in {corpus}{why}; give another folder with -c")
    if not dry_run and not rebuild:
        unchanged = _unchanged(corpus, plan, embedder, stats, skipped)
        if unchanged:
            return unchanged
    with writing(plan.folder, wait, dry_run, corpus if rebuild else None) as catalog:
        check_corpus(catalog, corpus)
        meta = catalog.meta()
        other = meta.get("embedder", embedder.fingerprint) != embedder.fingerprint
        anew = other or catalog.vectors_lost(embedder.fingerprint)  # before new texts wait for theirs
        diff = _compare(catalog, stats, skipped)
        work = _Work()
        _apply(catalog, corpus, diff, work, embedder, dry_run, progress)
        if catalog.counts()[0] == 0:
            first = diff.skipped[0][0]
            raise CorpusError(f"no readable article in {corpus} ({first.file}: {first.reason}); give another with -c")
        _embed_all(catalog, embedder, work, anew, dry_run, progress)
        seconds = {"read and embed": time.perf_counter() - started}
        report = _report(catalog, diff, work, int(meta.get("generation", 0)), dry_run)
        if dry_run:
            return report
        return _finish(catalog, plan, corpus, embedder, meta, report, work, anew, seconds, progress)


def repair(plan: CachePlan, wait: float = 10.0) -> None:
    """Make the caches of the present generation again, from the catalog alone."""
    with writing(plan.folder, wait, False) as catalog:
        meta = catalog.meta()
        if "generation" not in meta:
            raise IndexMissing(f"the index in {plan.folder} is unfinished; run `byline index -c FOLDER`")
        token = _token(int(meta["generation"]))
        caches.build(plan, catalog, token)
        catalog.set_meta(token=token)
        catalog.db.commit()
        caches.prune(plan, [token, meta.get("token", "")])


def _unchanged(
    corpus: Path, plan: CachePlan, embedder: Embedder, stats: list[FileStat], skipped: list[Skipped]
) -> SyncReport | None:
    """The report of a run that finds nothing to do, without the lock; None where there is work."""
    try:
        catalog = Catalog(plan.folder)
    except IndexMissing:
        return None
    try:
        meta = catalog.meta()
        if meta.get("embedder") != embedder.fingerprint or "token" not in meta:
            return None
        check_corpus(catalog, corpus)
        diff = _compare(catalog, stats, skipped)
        if diff.load or diff.gone or diff.skipped_changed:
            return None
        return _report(catalog, diff, _Work(), int(meta["generation"]), False)
    except sqlite3.DatabaseError as e:
        raise damaged(plan.folder, e) from e
    finally:
        catalog.close()


def _compare(catalog: Catalog, stats: list[FileStat], skipped: list[Skipped]) -> _Diff:
    rows = {row[1]: _State(*row) for row in catalog.file_states()}
    before = catalog.skipped()
    diff = _Diff(known=rows)
    for stat in stats:
        row = rows.get(stat.file)
        if row and row[3:6] == (stat.size, stat.mtime_ns, stat.ctime_ns) and not _racy(row):
            continue
        old = before.get(stat.file)
        if old and old[:2] == (stat.size, stat.mtime_ns):
            diff.skipped.append((Skipped(stat.file, old[2]), stat.size, stat.mtime_ns))
            continue
        diff.load.append(stat)
    present = {s.file for s in stats}
    diff.gone = {f: d for f, d in rows.items() if f not in present}
    diff.skipped += [(s, 0, 0) for s in skipped]
    diff.skipped_changed = {(s.file, s.reason) for s, _, _ in diff.skipped} != {
        (f, r) for f, (_, _, r) in before.items()
    }
    return diff


def _racy(row: _State) -> bool:
    return row.mtime_ns > row.checked_ns - RACY_NS


def _apply(
    catalog: Catalog,
    corpus: Path,
    diff: _Diff,
    work: _Work,
    embedder: Embedder,
    dry_run: bool,
    progress: Progress,
) -> None:
    """Bring documents and passages up to date, embedding new texts as they come."""
    gone_by_hash = {d.sha256: d for d in diff.gone.values()}
    for number, stat in enumerate(diff.load, 1):
        progress("reading", number, len(diff.load))
        row = diff.known.get(stat.file)
        checked = time.time_ns()
        if row and row.size == stat.size and _fingerprint(corpus, stat) == row.sha256:
            catalog.touch_document(row.id, stat.size, stat.mtime_ns, stat.ctime_ns, checked)
            continue
        document = load(corpus, stat)
        if isinstance(document, Skipped):
            diff.skipped.append((document, stat.size, stat.mtime_ns))
            if row:
                diff.gone[stat.file] = row
            continue
        if row and document.sha256 == row.sha256:
            catalog.touch_document(row.id, stat.size, stat.mtime_ns, stat.ctime_ns, checked)
            continue
        moved = None if row else gone_by_hash.pop(document.sha256, None)
        if moved:
            del diff.gone[moved.file]
            work.renamed.append((moved.file, document.file))
            row = moved
        else:
            (work.changed if row else work.added).append(document.file)
        _store(catalog, document, row, checked, work)
        if len(work.pending) >= embedder.batch:
            _embed_pending(catalog, embedder, work, dry_run)
    work.old_passages += catalog.remove_documents(d.id for d in diff.gone.values())
    catalog.set_skipped(diff.skipped)


def _fingerprint(corpus: Path, stat: FileStat) -> str | None:
    """The hash of a file's bytes; None where it cannot be read, of which `load` gives the reason."""
    try:
        return fingerprint(corpus, stat)
    except OSError:
        return None


def _store(catalog: Catalog, document: Document, row: _State | None, checked: int, work: _Work) -> None:
    lines = document.text.count("\n") + (not document.text.endswith("\n"))
    if row:
        catalog.update_document(row.id, document, checked, lines)
        id_ = row.id
    else:
        id_ = catalog.add_document(document, checked, lines)
    found = passages(sentences(document.text, document.body_start), document.body_start)
    texts = [document.text[p.start : p.end] for p in found]
    keys = [text_key(document.title, text) for text in texts]
    added, removed = catalog.put_passages(id_, found, texts, keys)
    work.new_passages += added
    work.old_passages += removed
    for passage, text, key in zip(found, texts, keys, strict=True):
        if not passage.header:
            work.pending[key] = embedding_text(document.title, text)


def _embed_pending(catalog: Catalog, embedder: Embedder, work: _Work, dry_run: bool) -> None:
    keys = list(work.pending)
    missing = catalog.missing_vectors(embedder.fingerprint, keys)
    todo = [k for k in keys if k in missing]
    work.reused += len(keys) - len(todo)
    for i in range(0, len(todo), embedder.batch):
        part = todo[i : i + embedder.batch]
        texts = [work.pending[k] for k in part]
        if dry_run:
            cost = embedder.count_tokens(texts)
            if cost is not None:
                work.tokens = (work.tokens or 0) + cost
        else:
            catalog.put_vectors(embedder.fingerprint, part, embedder.embed(texts))
        work.embedded += len(part)
    work.pending.clear()


def _embed_all(
    catalog: Catalog, embedder: Embedder, work: _Work, every: bool, dry_run: bool, progress: Progress
) -> None:
    """Embed what is still pending; with `every`, whatever in the catalog has no vector of this embedder."""
    if every:
        work.reused = -work.embedded  # texts of changed files, met again below
        total = catalog.counts()[1]
        for number, (key, text) in enumerate(catalog.body_texts(), 1):
            work.pending[key] = text
            if len(work.pending) >= embedder.batch:
                _embed_pending(catalog, embedder, work, dry_run)
                progress("embedding", number, total)
    _embed_pending(catalog, embedder, work, dry_run)


def _report(catalog: Catalog, diff: _Diff, work: _Work, generation: int, dry_run: bool) -> SyncReport:
    documents, count = catalog.counts()
    return SyncReport(
        generation=generation,
        documents=documents,
        passages=count,
        added=tuple(work.added),
        changed=tuple(work.changed),
        removed=tuple(sorted(diff.gone)),
        renamed=tuple(work.renamed),
        skipped=tuple(sorted((s for s, _, _ in diff.skipped), key=lambda s: s.file)),
        embedded=work.embedded,
        reused=work.reused,
        tokens=work.tokens,
        dry_run=dry_run,
    )


def _finish(
    catalog: Catalog,
    plan: CachePlan,
    corpus: Path,
    embedder: Embedder,
    meta: dict[str, str],
    report: SyncReport,
    work: _Work,
    anew: bool,
    seconds: dict[str, float],
    progress: Progress,
) -> SyncReport:
    """Build the new generation's caches and commit. `anew` tells that all vectors changed."""
    started = time.perf_counter()
    before = meta.get("token", "")
    token = before
    generation = report.generation
    catalog.set_meta(corpus=str(corpus.resolve()), embedder=embedder.fingerprint, embedder_name=embedder.name)
    if report.changes or not before or anew:
        generation += 1
        if work.new_passages or work.old_passages or not before or anew:
            token = _token(generation)
            previous = "" if anew else before
            caches.build(
                plan,
                catalog,
                token,
                previous=previous,
                added=work.new_passages,
                removed=work.old_passages,
                progress=progress,
            )
    catalog.set_meta(generation=str(generation), token=token)
    catalog.db.commit()
    caches.prune(plan, [token, before])
    if work.old_passages or (before and anew):
        catalog.drop_unused_vectors()
    seconds["caches"] = time.perf_counter() - started
    return replace(report, generation=generation, seconds=seconds)


def _token(generation: int) -> str:
    return f"{generation}-{secrets.token_hex(4)}"
