from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from index.caches import CachePlan
from index.catalog import Catalog
from index.embed import Vectors
from index.errors import CorpusError, IndexDamaged, IndexLocked, IndexUnusable, IndexWriteError
from index.hashing import HashEmbedder
from index.load import load, scan
from index.reader import IndexReader
from index.split import sentences
from index.sync import repair, sync
from index.types import Document, SyncReport
from tests.conftest import reading, write


class Counting:
    """Embeds a text as (its length, its number of e's), made a unit vector; remembers what it was given."""

    name = "counting"
    fingerprint = "counting:1"
    batch = 4

    def __init__(self) -> None:
        self.seen: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.seen += texts
        rows = np.array([[len(t), t.count("e") + 1] for t in texts], np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def count_tokens(self, texts: Sequence[str]) -> int | None:
        return sum(len(t) for t in texts)


def run(corpus: Path, plan: CachePlan, embedder: Counting | None = None, **options: bool) -> SyncReport:
    return sync(corpus, plan, embedder or Counting(), **options)


def contents(plan: CachePlan) -> dict[str, list[tuple[int, str]]]:
    """What the index says: file -> (first line, text) of each sentence."""
    catalog = Catalog(plan.folder)
    out = {}
    for d in catalog.documents():
        rows = [
            (s.line_start, p.text[s.start - p.start : s.end - p.start])
            for p in catalog.passages_of(d.id)
            for s in p.sentences
        ]
        out[d.file] = rows
    catalog.close()
    return out


def expected(corpus: Path) -> dict[str, list[tuple[int, str]]]:
    """The same from the files themselves."""
    out = {}
    for stat in scan(corpus)[0]:
        d = load(corpus, stat)
        if isinstance(d, Document):
            out[d.file] = [(s.line_start, d.text[s.start : s.end]) for s in sentences(d.text, d.body_start)]
    return out


def body_ids(catalog: Catalog) -> set[int]:
    return {p.id for d in catalog.documents() for p in catalog.passages_of(d.id) if not p.header}


@pytest.fixture
def plan(tmp_path: Path) -> CachePlan:
    return CachePlan(tmp_path / "index")


def test_a_first_run_indexes_everything_and_a_second_finds_nothing_to_do(corpus: Path, plan: CachePlan) -> None:
    first = run(corpus, plan)
    assert first.added == ("a.txt", "c.md", "sub/b.txt")
    assert contents(plan) == expected(corpus)
    embedder = Counting()
    second = run(corpus, plan, embedder)
    assert (second.changes, second.generation, embedder.seen) == (0, first.generation, [])


def test_only_what_differs_is_touched_and_nothing_is_embedded_twice(corpus: Path, plan: CachePlan) -> None:
    embedder = Counting()
    run(corpus, plan, embedder)
    assert len(embedder.seen) == len(set(embedder.seen)) == 3  # one body each; header blocks have no vector
    with reading(plan) as reader:
        before = {p.text: p.id for d in reader.catalog.documents() for p in reader.catalog.passages_of(d.id)}
    embedder.seen.clear()
    write(
        corpus,
        "a.txt",
        "Title: Ferry late\nSource: Harbour Ledger\nPublished: 2020-01-06\n\n\n\nThe ferry left at nine. It carried 214 people.\n",
    )
    report = run(corpus, plan, embedder)
    assert report.changed == ("a.txt",)
    assert embedder.seen == []  # the text only moved two lines down
    with reading(plan) as reader:
        after = {
            p.text: (p.id, p.line_start) for d in reader.catalog.documents() for p in reader.catalog.passages_of(d.id)
        }
    assert {t: i for t, (i, _) in after.items()} == before
    assert after["The ferry left at nine. It carried 214 people."][1] == 7


def test_a_small_change_is_applied_to_a_copy_of_the_caches(corpus: Path, plan: CachePlan) -> None:
    for i in range(30):
        write(corpus, f"more/{i}.txt", f"Report {i}\n\nThe river rose by {i} metres.\n")

    def drift() -> int:
        with closing(Catalog(plan.folder)) as catalog:
            token = catalog.meta()["token"]
        return int(json.loads((plan.path(token) / "complete").read_text())["drift"])

    run(corpus, plan)
    assert drift() == 0  # made from nothing
    write(corpus, "more/new.txt", "A zeppelin came by.\n")
    run(corpus, plan)
    assert drift() == 1
    write(corpus, "more/new.txt", "Two zeppelins came by.\n")
    run(corpus, plan)
    assert drift() == 3  # one passage removed, one added
    with reading(plan) as reader:
        assert len(reader.lexical.search("zeppelins", 5)) == 1
        assert len(reader.dense) == len(body_ids(reader.catalog))


def test_a_renamed_file_keeps_its_passages(corpus: Path, plan: CachePlan) -> None:
    run(corpus, plan)
    (corpus / "sub/b.txt").rename(corpus / "bridge.txt")
    embedder = Counting()
    report = run(corpus, plan, embedder)
    assert report.renamed == (("sub/b.txt", "bridge.txt"),)
    assert (report.added, report.removed, embedder.seen) == ((), (), [])
    assert contents(plan) == expected(corpus)


def test_a_removed_file_leaves_nothing_behind(corpus: Path, plan: CachePlan) -> None:
    run(corpus, plan)
    (corpus / "sub/b.txt").unlink()
    report = run(corpus, plan)
    assert report.removed == ("sub/b.txt",)
    with reading(plan) as reader:
        assert reader.lexical.search("bridge", 5) == []
        ids = body_ids(reader.catalog)
        assert {i for i, _ in reader.dense.search(np.array([1, 1], np.float32), 99)} == ids
    with closing(sqlite3.connect(plan.folder / "vectors.sqlite")) as db:
        rows = db.execute("SELECT count(*) FROM vectors").fetchone()[0]
    assert rows == len(ids)


def test_a_file_edited_without_a_new_size_or_time_is_read_again_while_it_is_fresh(
    corpus: Path, plan: CachePlan
) -> None:
    path = corpus / "new.txt"
    path.write_text("The gate is red.\n")
    now = time.time_ns()
    os.utime(path, ns=(now, now))
    run(corpus, plan)
    path.write_text("The gate is new.\n")
    os.utime(path, ns=(now, now))
    run(corpus, plan)
    assert contents(plan)["new.txt"] == [(1, "The gate is new.")]


def test_skipped_files_are_listed_with_their_reason_and_not_read_again(corpus: Path, plan: CachePlan) -> None:
    write(corpus, "empty.txt", "")
    write(corpus, "picture.txt", b"\x89PNG\r\n\x1a\n" + bytes(200))
    report = run(corpus, plan)
    reasons = {s.file: s.reason for s in report.skipped}
    assert set(reasons) == {"empty.txt", "picture.txt"}
    assert all(reasons.values())
    assert {s.file for s in run(corpus, plan).skipped} == set(reasons)


def test_a_dry_run_changes_nothing_and_counts_tokens(corpus: Path, plan: CachePlan) -> None:
    embedder = Counting()
    report = run(corpus, plan, embedder, dry_run=True)
    assert report.added == ("a.txt", "c.md", "sub/b.txt")
    assert report.tokens
    assert report.embedded == 3
    assert embedder.seen == []
    assert not plan.folder.exists()
    run(corpus, plan)
    write(corpus, "a.txt", "Another text.\n")
    before = contents(plan)
    assert run(corpus, plan, dry_run=True).changed == ("a.txt",)
    assert contents(plan) == before


def test_a_dry_run_reads_an_index_whose_path_looks_like_an_address(corpus: Path, tmp_path: Path) -> None:
    plan = CachePlan(tmp_path / "ho?me#%41")
    run(corpus, plan)
    before = sorted(p.name for p in tmp_path.iterdir())
    assert run(corpus, plan, dry_run=True).changes == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_another_embedder_embeds_anew_and_the_old_vectors_stay_known(corpus: Path, plan: CachePlan) -> None:
    run(corpus, plan)
    report = sync(corpus, plan, HashEmbedder())
    assert (report.changes, report.embedded) == (0, 3)
    with reading(plan) as reader:
        assert reader.catalog.meta()["embedder"] == HashEmbedder.fingerprint
        assert len(reader.dense) == 3
    embedder = Counting()
    assert run(corpus, plan, embedder).reused == 3
    assert embedder.seen == []


def test_one_writer_at_a_time_and_the_others_are_told(corpus: Path, plan: CachePlan) -> None:
    plan.folder.mkdir()
    with FileLock(plan.folder / "lock"):
        (plan.folder / "writer").write_text("4242")
        with pytest.raises(IndexLocked, match=r"process 4242.*wait"):
            run(corpus, plan)
    run(corpus, plan)


def test_an_index_of_another_corpus_is_refused(corpus: Path, plan: CachePlan, tmp_path: Path) -> None:
    run(corpus, plan)
    write(tmp_path / "other", "x.txt", "Something else.\n")
    with pytest.raises(IndexUnusable, match="--index"):
        run(tmp_path / "other", plan)
    assert contents(plan) == expected(corpus)


def test_a_folder_with_other_things_is_refused_and_left_alone(corpus: Path, plan: CachePlan) -> None:
    write(plan.folder, "thesis.doc", "years of work")
    with pytest.raises(IndexDamaged, match="empty or new folder"):
        run(corpus, plan)
    assert [p.name for p in plan.folder.iterdir()] == ["thesis.doc"]


@pytest.mark.parametrize("damage", ["garbage", "truncated", "foreign", "version"])
def test_a_damaged_catalog_is_refused_and_can_be_made_anew_without_embedding(
    corpus: Path, plan: CachePlan, damage: str
) -> None:
    run(corpus, plan)
    path = plan.folder / "catalog.sqlite"
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    if damage == "garbage":
        path.write_bytes(b"not a database at all" * 500)
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        db = sqlite3.connect(path)
        db.execute("PRAGMA application_id = 7" if damage == "foreign" else "PRAGMA user_version = 99")
        db.close()
    with pytest.raises((IndexDamaged, IndexUnusable)) as e:
        run(corpus, plan)
    assert "\n" not in str(e.value)
    embedder = Counting()
    if damage == "foreign":
        with pytest.raises(IndexDamaged, match="another folder"):
            run(corpus, plan, rebuild=True)
        assert path.exists()
        return
    run(corpus, plan, embedder, rebuild=True)
    assert embedder.seen == []
    assert contents(plan) == expected(corpus)


def test_a_catalog_damaged_inside_is_an_error_that_says_so(corpus: Path, plan: CachePlan) -> None:
    run(corpus, plan)
    with closing(sqlite3.connect(plan.folder / "catalog.sqlite")) as db:
        db.execute("ALTER TABLE documents RENAME COLUMN ctime_ns TO other")
        db.commit()
    with pytest.raises(IndexDamaged, match="--rebuild"):
        run(corpus, plan)
    run(corpus, plan, rebuild=True)
    assert contents(plan) == expected(corpus)


def test_a_rebuild_that_fails_leaves_the_old_index(corpus: Path, plan: CachePlan, tmp_path: Path) -> None:
    run(corpus, plan)
    write(tmp_path / "other", "x.txt", "Something else.\n")
    with pytest.raises(IndexUnusable, match="is of"):
        run(tmp_path / "other", plan, rebuild=True)
    with pytest.raises(CorpusError):
        run(tmp_path / "gone", plan, rebuild=True)

    class Broken(Counting):
        def embed(self, texts: Sequence[str]) -> Vectors:
            raise OSError("broken")

    for file in plan.folder.glob("vectors.sqlite*"):
        file.unlink()
    with pytest.raises(IndexWriteError):
        run(corpus, plan, Broken(), rebuild=True)
    assert contents(plan) == expected(corpus)
    assert not list(plan.folder.glob("damaged-*"))


def test_lost_vectors_are_made_again_at_the_next_change(corpus: Path, plan: CachePlan) -> None:
    run(corpus, plan)
    for file in plan.folder.glob("vectors.sqlite*"):
        file.unlink()
    write(corpus, "d.txt", "One more.\n")
    embedder = Counting()
    run(corpus, plan, embedder)
    assert len(embedder.seen) == 4
    with reading(plan) as reader:
        assert len(reader.dense) == 4


def test_a_title_that_was_text_before_is_no_longer_part_of_the_passage(corpus: Path, plan: CachePlan) -> None:
    write(corpus, "m.txt", "The minister left.\nFive hundred soldiers stay in the north until the harvest begins.\n")
    run(corpus, plan)
    write(
        corpus,
        "m.txt",
        "Title: The minister left.\n\nFive hundred soldiers stay in the north until the harvest begins.\n",
    )
    run(corpus, plan)
    assert contents(plan) == expected(corpus)


def test_an_edit_that_keeps_size_and_time_is_seen(corpus: Path, plan: CachePlan) -> None:
    path = write(corpus, "n.txt", "The gate is red.\n")
    times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    run(corpus, plan)
    path.write_text("The gate is new.\n")
    os.utime(path, ns=times)
    run(corpus, plan)
    assert contents(plan) == expected(corpus)


def test_a_file_that_vanishes_while_it_is_read_is_skipped(
    corpus: Path, plan: CachePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(corpus, plan)
    os.utime(corpus / "a.txt")
    monkeypatch.setattr(
        "index.sync.fingerprint",
        lambda folder, stat: (folder / stat.file).unlink() or (folder / stat.file).read_bytes(),
    )
    report = run(corpus, plan)
    assert [s.file for s in report.skipped] == ["a.txt"]
    assert set(contents(plan)) == {"sub/b.txt", "c.md"}


def test_an_index_inside_its_corpus_is_refused(corpus: Path) -> None:
    with pytest.raises(IndexUnusable, match="inside the corpus"):
        run(corpus, CachePlan(corpus / ".index"))
    assert not (corpus / ".index").exists()


def test_spoilt_caches_are_noticed_when_opened_and_made_again(corpus: Path, plan: CachePlan) -> None:
    run(corpus, plan)
    for number, name in enumerate(["lexical", "vectors", "complete", ""]):
        with closing(Catalog(plan.folder)) as catalog:
            token = catalog.meta()["token"]
        target = plan.path(token) / name if name else plan.path(token)
        if target.is_file():
            target.unlink()
        elif number == 1:
            for f in target.rglob("*.bin"):
                f.write_bytes(b"")
            (target / "chroma.sqlite3").write_bytes(b"")
        else:
            shutil.rmtree(target)
        with reading(plan) as reader:
            assert len(reader.lexical.search("ferry", 3)) == 2
            assert len(reader.dense) == 3
    assert len(list((plan.folder / "cache").iterdir())) <= 2


def test_flipped_bits_in_a_cache_are_noticed_before_it_is_opened(corpus: Path, plan: CachePlan) -> None:
    run(corpus, plan)
    with closing(Catalog(plan.folder)) as catalog:
        folder = plan.path(catalog.meta()["token"])
    files = [
        p
        for p in folder.rglob("*")
        if p.is_file() and p.stat().st_size and p.name != "complete" and p.suffix != ".lock"
    ]
    for number, path in enumerate(files):
        with closing(Catalog(plan.folder)) as catalog:
            token = catalog.meta()["token"]
        now = plan.path(token) / path.relative_to(folder)
        if not now.exists():  # tantivy's and Chroma's file names are random
            now = sorted(p for p in plan.path(token).rglob("*" + path.suffix) if p.is_file() and p.stat().st_size)[-1]
        data = bytearray(now.read_bytes())
        for i in range(0, len(data), max(1, len(data) // 16)):
            data[i] ^= 0xFF
        now.write_bytes(data)
        with reading(plan) as reader:
            assert len(reader.lexical.search("ferry", 3)) == 2, (number, path)
            assert len(reader.dense) == 3


def test_a_reader_sees_one_generation_while_a_writer_publishes(corpus: Path, plan: CachePlan) -> None:
    run(corpus, plan)
    reader = IndexReader(plan)
    with closing(reader), reader.snapshot() as old:
        write(corpus, "d.txt", "A zeppelin came by.\n")
        run(corpus, plan)
        assert old.catalog.counts()[0] == 3
        assert old.lexical.search("zeppelin", 3) == []
        assert len(old.dense) == 3
    with reading(plan) as new:
        assert new.catalog.counts()[0] == 4
        assert len(new.lexical.search("zeppelin", 3)) == 1


def test_repair_works_from_the_catalog_alone(corpus: Path, plan: CachePlan) -> None:
    run(corpus, plan)
    shutil.rmtree(plan.folder / "cache")
    shutil.rmtree(corpus)
    repair(plan)
    with reading(plan) as reader:
        assert len(reader.lexical.search("ferry", 3)) == 2


@pytest.mark.parametrize("make", ["missing", "empty", "nothing readable", "a file"])
def test_a_corpus_without_articles_is_an_error_that_says_so(tmp_path: Path, plan: CachePlan, make: str) -> None:
    folder = tmp_path / "none"
    if make == "a file":
        folder.write_text("x")
    elif make != "missing":
        folder.mkdir()
    if make == "nothing readable":
        write(folder, "x.txt", b"\x00\x01\x02" * 100)
        write(folder, "y.pdf", b"%PDF")
    with pytest.raises(CorpusError) as e:
        run(folder, plan)
    assert "-c" in str(e.value)
    assert "\n" not in str(e.value)


_CHILD = """
import resource, sys
from pathlib import Path
from index.caches import CachePlan
from index.errors import BylineError
from index.hashing import HashEmbedder
from index.sync import sync
if int(sys.argv[3]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    sync(Path(sys.argv[1]), CachePlan(Path(sys.argv[2])), HashEmbedder())
except BylineError as e:
    print(f"{type(e).__name__}: {e}")
    sys.exit(2)
"""


def child(corpus: Path, plan: CachePlan, limit: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(corpus), str(plan.folder), str(limit)], stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, cwd=Path(__file__).parents[1],
    )  # fmt: skip


@pytest.mark.parametrize("limit", [20_000, 100_000, 300_000])
def test_a_full_disk_is_an_error_and_loses_nothing(corpus: Path, plan: CachePlan, limit: int) -> None:
    run(corpus, plan)
    before = contents(plan)
    for i in range(300):
        write(
            corpus,
            f"more/{i}.txt",
            f"Report {i}\n\n" + f"The {i}th report says that the river rose by {i} metres. " * 30,
        )
    process = child(corpus, plan, limit)
    out = process.communicate(timeout=120)[0]
    assert process.returncode == 2, out
    assert re.search("free (some )?space", out)
    assert contents(plan) == before
    run(corpus, plan)
    assert contents(plan) == expected(corpus)


def test_killed_at_any_moment_the_next_run_mends_the_index(corpus: Path, plan: CachePlan) -> None:
    for i in range(40):
        write(corpus, f"more/{i}.txt", f"Report {i}\n\nThe river rose by {i} metres.\n")
    started = time.monotonic()
    whole = child(corpus, CachePlan(plan.folder.with_name("timing")))
    whole.communicate(timeout=120)
    assert whole.returncode == 0
    seconds = time.monotonic() - started
    for fraction in (0.5, 0.7, 0.8, 0.9, 0.95):
        process = child(corpus, plan)
        time.sleep(seconds * fraction)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    sync(corpus, plan, HashEmbedder())
    assert contents(plan) == expected(corpus)
    with reading(plan) as reader:
        assert len(reader.lexical) == reader.catalog.counts()[1]
        assert len(reader.dense) == len(body_ids(reader.catalog))


FILES = st.sampled_from(["a.txt", "b.txt", "d/c.txt", "d/e.md"])
TEXTS = st.lists(
    st.sampled_from(["Ferry left.", "It rained.", "The mayor spoke.", "No one came."]), min_size=1, max_size=4
).map("\n".join)


class Machine(RuleBasedStateMachine):
    """Random file changes; after each run the index must equal a plain dict of the files."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.scratch = Path(tempfile.mkdtemp(prefix="byline-test-"))
        self.corpus = self.scratch / "corpus"
        self.corpus.mkdir()
        self.plan = CachePlan(self.scratch / "index")
        self.model: dict[str, str] = {}
        self.embedder = Counting()
        self.synced = False

    def teardown(self) -> None:
        shutil.rmtree(self.scratch)

    @rule(file=FILES, text=TEXTS)
    def put(self, file: str, text: str) -> None:
        write(self.corpus, file, text)
        self.model[file] = text
        self.synced = False

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        file = data.draw(st.sampled_from(sorted(self.model)))
        (self.corpus / file).unlink()
        del self.model[file]
        self.synced = False

    @precondition(lambda self: self.model)
    @rule(data=st.data(), to=FILES)
    def rename(self, data: st.DataObject, to: str) -> None:
        file = data.draw(st.sampled_from(sorted(self.model)))
        (self.corpus / to).parent.mkdir(exist_ok=True)
        (self.corpus / file).rename(self.corpus / to)
        self.model[to] = self.model.pop(file)
        self.synced = False

    @precondition(lambda self: self.model)
    @rule()
    def run(self) -> None:
        self.embedder.seen.clear()
        sync(self.corpus, self.plan, self.embedder)
        assert len(self.embedder.seen) == len(set(self.embedder.seen))
        self.synced = True

    @invariant()
    def agrees(self) -> None:
        if not self.synced:
            return
        found = contents(self.plan)
        assert {f: "\n".join(t for _, t in rows) for f, rows in found.items()} == self.model
        with reading(self.plan) as reader:
            assert len(reader.lexical) == reader.catalog.counts()[1]
            assert len(reader.dense) == len(body_ids(reader.catalog))
            for word in ("ferry", "rained", "mayor"):
                ids = {i for i, _ in reader.lexical.search(word, 99)}
                stem = word.rstrip("ed")
                rows = reader.catalog.passages(ids).values()
                assert all(stem in p.text.lower() for p in rows)
                holders = {f for f, t in self.model.items() if stem in t.lower()}
                names = reader.catalog.documents_by_id({p.document for p in rows})
                assert {d.file for d in names.values()} == holders


Machine.TestCase.settings = settings(
    max_examples=25, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
TestAgainstADict = Machine.TestCase


def test_scores_do_not_depend_on_the_past_of_an_index(corpus: Path, plan: CachePlan, tmp_path: Path) -> None:
    for i in range(30):
        write(corpus, f"more/{i}.txt", f"Report {i}\n\nThe river rose by {i} metres.\n")
    run(corpus, plan)
    for i in range(4):
        (corpus / f"more/{i}.txt").unlink()
    run(corpus, plan)
    fresh = CachePlan(tmp_path / "fresh")
    run(corpus, fresh)
    with reading(plan) as old, reading(fresh) as new:
        assert old.lexical.document_frequency("river") == new.lexical.document_frequency("river") == 26
        scores = [[s for _, s in r.lexical.search("river ferry metres", 50)] for r in (old, new)]
        assert scores[0] == scores[1]


def test_the_report_is_printable_as_json(corpus: Path, plan: CachePlan) -> None:
    from dataclasses import asdict

    assert json.loads(json.dumps(asdict(run(corpus, plan))))["documents"] == 3
