"""What `kill -9` leaves behind: an index killed at random moments must mend itself, losing and repeating nothing.

    python -m benchmarks.kills CORPUS [--kills 50] [--files 200] [--seed 0]

Works on a copy of some of the corpus' files. Half of the trials begin with nothing, half with an index of the
folder before a tenth of its files was added, a tenth changed and a tenth removed; each is killed once or
twice at moments spread over the run's whole time. After the kills several questions are asked, and their
answers compared with those of a fresh index of the same files (texts, citations, nearest lines). The children
log each text before it is embedded and after its vector is committed: none may be embedded after that.
To reach: every answer the same, no text embedded twice.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import documents, environment, progress, run, sentence_texts, settings, table, temp_home

BATCH = 64
"""Texts embedded at once: small, so that kills fall between batches."""


def main() -> int:
    """Kill, ask, compare, and print the counts; 0 where nothing was lost or repeated."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--files", type=int, default=200, help="size of the copied corpus")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", choices=("index", "ask"), help=argparse.SUPPRESS)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        (_index if args.child == "index" else _ask)(args.corpus, args.into)
        return 0
    with temp_home() as home:
        return _trials(args.corpus, home, args.kills, args.files, random.Random(args.seed))


def _trials(source: Path, home: Path, kills: int, files: int, rng: random.Random) -> int:
    corpus, old, log = home / "corpus", home / "old", home / "embedded.log"
    env = environment(home) | {"BENCH_LOG": str(log), "BENCH_QUESTIONS": str(home / "questions.json")}
    after = _make_corpora(source, corpus, files, rng)
    texts = [t for name, data in after.items() for t in data.decode().split("\n") if len(t) > 60]
    questions = [" ".join(t.split()[:12]) for t in rng.sample(texts, min(6, len(texts)))]
    questions.append("Which walrus committee juggled marmalade?")
    (home / "questions.json").write_text(json.dumps(questions))
    lengths = {"update": 0.0, "fresh": 0.0}
    _child("index", corpus, old, env)  # an index of the folder as it was
    _write(corpus, after)
    updated = home / "updated"
    shutil.copytree(old, updated)
    lengths["update"] = float(_child("index", corpus, updated, env).split()[-1])
    lengths["fresh"] = float(_child("index", corpus, home / "fresh", env).split()[-1])
    wanted = json.loads(_child("ask", corpus, home / "fresh", env))
    progress(f"{len(after)} files; a run takes {lengths['fresh']:.1f} s, with changes {lengths['update']:.1f} s")
    counts = {"fresh": Counter[str](), "update": Counter[str]()}
    faults = _compare(wanted, json.loads(_child("ask", corpus, updated, env)), "without a kill, updated against fresh")
    trial = done = 0
    while done < kills and trial < 4 * kills:
        kind = ("fresh", "update")[trial % 2]
        trial += 1
        index, count = home / f"trial-{trial}", counts[kind]
        log.unlink(missing_ok=True)
        if kind == "update":
            shutil.copytree(old, index)
        count["trials"] += 1
        moments = []
        for _ in range(rng.choice((1, 2))):
            moments.append(rng.uniform(0, lengths[kind]))
            stage, seconds = _kill(corpus, index, env, moments[-1])
            if seconds:  # not a kill; and what else the machine does changes what a run takes
                count["ended before the kill"] += 1
                lengths[kind] = seconds if len(moments) == 1 else lengths[kind]
            else:
                count[f"killed: {stage}"] += 1
                done += 1
        label = f"trial {trial}, {kind}, killed after {', '.join(f'{m:.2f} s' for m in moments)}"
        try:
            found = json.loads(_child("ask", corpus, index, env))
        except subprocess.CalledProcessError:
            count["asking failed"] += 1
            faults.append(f"{label}: asking failed")
            continue
        wrong = _compare(wanted, found, label)
        count["answers compared"] += len(questions)
        count["answers that differ"] += len(wrong)
        stored, embedded, twice = _read_log(log)
        count["texts embedded"] += embedded
        count["vectors committed"] += stored
        count["embedded again after that"] += twice
        faults += wrong
        if twice:
            faults.append(f"{label}: {twice} texts embedded again")
        shutil.rmtree(index)
        progress(f"{label}: {'ok' if not wrong and not twice else 'FAULT'}")
    names = sorted({*counts["fresh"], *counts["update"]})
    table(("", "fresh", "update"), [(name, counts["fresh"][name], counts["update"][name]) for name in names])
    for fault in faults[:20]:
        print("FAULT ", fault)
    print(f"\n{'FAIL' if faults else 'PASS'}  {done} kills in {trial} trials, {len(faults)} faults")
    return 1 if faults else 0


def _make_corpora(source: Path, corpus: Path, files: int, rng: random.Random) -> dict[str, bytes]:
    """Write the folder as it was to `corpus`; what it shall hold afterwards is returned."""
    found = [(d.file, d.text, sentence_texts(d)) for d in documents(source)]
    rng.shuffle(found)
    found = found[:files]
    tenth = max(1, len(found) // 10)
    everything = {file: text.encode() for file, text, _ in found}
    before, after = dict(everything), dict(everything)
    for number, (file, text, sentences) in enumerate(found[: 3 * tenth]):
        if number < tenth:
            del before[file]
        elif number < 2 * tenth and len(found) > 3:
            del after[file]
        else:
            extra = rng.choice(found)[2] or sentences or ["More."]
            after[file] = f"{text}\n{rng.choice(extra)} That was added later.\n".encode()
    _write(corpus, before)
    return after


def _write(corpus: Path, files: dict[str, bytes]) -> None:
    """Make `corpus` hold exactly these files, dated long ago: fresh files are read again at every run."""
    for path in corpus.rglob("*"):
        if path.is_file() and path.relative_to(corpus).as_posix() not in files:
            path.unlink()
    for name, data in files.items():
        path = corpus / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != data:
            path.write_bytes(data)
            os.utime(path, (1e9, 1e9 + len(data)))


def _child(kind: str, corpus: Path, index: Path, env: dict[str, str]) -> str:
    return run(_command(kind, corpus, index), env).output


def _command(kind: str, corpus: Path, index: Path) -> list[str]:
    return ["-m", "benchmarks.kills", str(corpus), "--child", kind, "--into", str(index)]


def _kill(corpus: Path, index: Path, env: dict[str, str], seconds: float) -> tuple[str, float]:
    """Index, killed some seconds after the imports; where the kill fell, and if it came too late what the run took."""
    command = [sys.executable, *_command("index", corpus, index)]
    started = threading.Event()
    child = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert child.stdout
    stages = ["before reading"]

    def listen() -> None:
        assert child.stdout
        for line in child.stdout:
            stages.append(line.strip())
            started.set()

    listener = threading.Thread(target=listen)
    listener.start()
    started.wait(60)
    time.sleep(seconds)
    child.kill()
    child.wait()
    listener.join()
    child.stdout.close()
    return ("", float(stages[-1])) if stages[-1][0].isdigit() else (stages[-1], 0.0)


def _read_log(log: Path) -> tuple[int, int, int]:
    """Vectors committed, texts embedded, and texts embedded although their vector was committed."""
    stored: set[str] = set()
    embedded = twice = 0
    for line in log.read_text().splitlines() if log.exists() else ():
        what, _, key = line.partition(" ")
        if what == "stored":
            stored.add(key)
        else:
            embedded += 1
            twice += key in stored
    return len(stored), embedded, twice


def _compare(wanted: list[Any], found: list[Any], label: str) -> list[str]:
    return [
        f"{label}: {a['question']!r}: {b['text'][:80]!r} {b['places']} instead of {a['text'][:80]!r} {a['places']}"
        for a, b in zip(wanted, found, strict=True)
        if a != b
    ]


def _index(corpus: Path, index: Path) -> None:
    """In a child: one run, saying on standard output where it is; its seconds at the end."""
    import chromadb  # noqa: F401  (imported before the clock starts, so that kills fall into the work)

    from index.caches import CachePlan
    from index.embed import make_embedder
    from index.sync import sync

    _log_embedding()
    said = ""

    def say(stage: str, done: int, total: int) -> None:
        nonlocal said
        now = {"reading": "filling the caches"}.get(stage, "committing") if done >= total else stage
        if now != said:
            said = now
            print({"vectors": "filling the caches"}.get(now, now), flush=True)

    print("before reading", flush=True)
    started = time.perf_counter()
    sync(corpus, CachePlan(index), make_embedder("hash"), progress=say)
    print(f"{time.perf_counter() - started:.3f}", flush=True)


def _ask(corpus: Path, index: Path) -> None:
    """In a child: all answers as JSON, the index mended on the way."""
    from rag import ask

    _log_embedding()
    out = []
    chosen = settings(index.parent)
    for question in json.loads(Path(os.environ["BENCH_QUESTIONS"]).read_text()):
        answer = ask(question, corpus=corpus, index=index, llm=False, settings=chosen)
        citations = [(str(c), c.text, c.start, c.sha256) for c in answer.citations]
        nearest = [(str(h), h.text) for h in answer.nearest]
        places = [str(x) for x in (*answer.citations, *answer.nearest)]
        out.append(
            {"question": question, "text": answer.text, "places": places, "citations": citations, "nearest": nearest}
        )
    print(json.dumps(out))


def _log_embedding() -> None:
    """Log the hash of every text before it is embedded, and again after its vector was committed."""
    from index.catalog import Catalog
    from index.hashing import HashEmbedder

    log = os.open(os.environ["BENCH_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    batch: list[bytes] = []
    embed, put_vectors = HashEmbedder.embed, Catalog.put_vectors

    def write(what: str, keys: Sequence[bytes]) -> None:
        os.write(log, "".join(f"{what} {key.hex()}\n" for key in keys).encode())
        os.fsync(log)

    def logged_embed(self: HashEmbedder, texts: Sequence[str]) -> Any:
        batch[:] = [hashlib.sha256(t.encode()).digest() for t in texts]
        write("embed", batch)
        return embed(self, texts)

    def logged_put(self: Catalog, embedder: str, keys: Sequence[bytes], vectors: Any) -> None:
        put_vectors(self, embedder, keys, vectors)
        write("stored", batch)  # what was embedded just before

    HashEmbedder.batch = BATCH
    HashEmbedder.embed = logged_embed  # type: ignore[method-assign]
    Catalog.put_vectors = logged_put  # type: ignore[method-assign]


if __name__ == "__main__":
    sys.exit(main())
