"""Asks every case and records answer, scores and cause. Stopped at any moment, it goes on where it was."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evals.cases import Case, Lines, stale
from evals.replies import KeptReplies, ReplyStore
from evals.runs import Record, Run, Writer, key, read_run
from evals.score import Found, score
from index import __version__
from index.catalog import DocumentRow
from index.errors import BylineError, UsageError
from rag.settings import Settings

PACKAGES = (
    "llama-index-core", "chromadb", "openai", "tiktoken", "tantivy", "sentencex", "PyStemmer", "numpy", "onnxruntime",
    "tokenizers",
)  # fmt: skip
"""Packages whose version can change an answer; a manifest names them."""

SAME = {
    "corpus_hash": "articles", "cases_hash": "cases (file, --tag or --limit)", "settings": "settings",
    "prompt_hash": "prompts", "code_hash": "code of Byline", "packages": "library versions", "repeat": "--repeat",
}  # fmt: skip
"""Fields of the manifest in which a run must agree to be continued, and what a user calls them."""

CODE = ("index", "rag", "evals")
"""Packages whose code makes the answers and the scores, with the weights that it reads."""

DECIDING = frozenset((".py", ".json", ".npz", ".onnx"))
"""Suffixes of that code and of those weights."""

HITS = 10
"""Sentences found by search that a record keeps."""

CONTEXT = 2
"""Lines before and after a gold or a cited line that a record keeps for the report."""

CONTEXT_LINES = 60
"""Lines of one article that a record keeps at most."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask: cases, the corpus, settings (with `quote`, no model), how often each case is asked, and
    with `stale`, that gold lines which changed are no reason to stop."""

    cases: Sequence[Case]
    corpus: Path
    settings: Settings
    quote: bool = False
    repeat: int = 1
    jobs: int = 1
    files: Sequence[Path] = ()
    stale: bool = False

    @property
    def model(self) -> str | None:
        """The model that is asked, or None where sentences are quoted."""
        return None if self.quote else self.settings.model


def run(
    plan: Plan, folder: Path, *, retry_faults: bool = False, progress: Callable[[int, int], None] | None = None
) -> Run:
    """Ask what is not yet recorded in `folder` and record it; the whole run.

    The index is brought up to date once, before the first question; `folder` may hold the beginning of the
    same run. Faults of the model or the index are recorded, not raised; UsageError for a run with other settings.
    """
    from rag.indexes import open_reader, update

    if not plan.stale:
        _refuse_stale(plan)
    cache = plan.settings.plan(plan.corpus, plan.settings.index)
    update(plan.corpus, cache, plan.settings, spec=plan.settings.embedder)
    with open_reader(cache).snapshot() as reader:
        articles = {d.file: d for d in reader.catalog.documents()}
        embedder = reader.catalog.meta()["embedder"]
    with ExitStack() as opened:
        store = opened.enter_context(closing(ReplyStore(plan.settings.home / "replies.sqlite"))) if plan.model else None
        writer = opened.enter_context(closing(Writer(folder, manifest(plan, articles, embedder), SAME)))
        done = {r["key"] for r in read_run(folder).records if not (retry_faults and r["error"])}
        todo = [(c, n) for n in range(plan.repeat) for c in plan.cases if key(c.id, n) not in done]
        lines = Lines(plan.corpus)
        if todo:
            _ask(plan, todo[0][0], False)  # loads and opens everything, so that no question's seconds hold that
        for i, (case, n, asked) in enumerate(_ask_all(plan, todo, store), 1):
            writer.add(_record(case, n, asked, lines, articles))
            if progress:
                progress(len(done) + i, len(done) + len(todo))
        if update(plan.corpus, cache, plan.settings, spec=plan.settings.embedder, dry_run=True).changes:
            writer.spoil("articles changed while it was made")
    return read_run(folder)


def _refuse_stale(plan: Plan) -> None:
    problems = stale(plan.cases, plan.corpus)
    if problems:
        raise UsageError(
            f"the gold lines of {len({p.case for p in problems})} cases are not what they were, the first: {problems[0]}; "
            "see `byline eval check`, or run with --stale to score all the same"
        )


def manifest(plan: Plan, articles: Mapping[str, DocumentRow], embedder: str) -> dict[str, Any]:
    """All that decides the answers of a run, and what else a reader of its scores wants to know."""
    root = Path(__file__).parents[1]
    files = (p for d in CODE for p in sorted((root / d).rglob("*")) if p.suffix in DECIDING)
    return {
        "byline": __version__,
        "corpus": str(plan.corpus),
        "corpus_hash": _hash(*(f"{file}:{articles[file].sha256}" for file in sorted(articles))),
        "articles": len(articles),
        "cases": {p.name: hashlib.sha256(p.read_bytes()).hexdigest()[:12] for p in plan.files},
        "cases_hash": _hash(json.dumps([_asked_case(c) for c in plan.cases], sort_keys=True)),
        "keys": [key(c.id, n) for n in range(plan.repeat) for c in plan.cases],
        "settings": _settings(plan) | {"embedder": embedder},
        "prompt_hash": _hash((root / "rag" / "prompts.py").read_text(encoding="utf-8")),
        "code_hash": _hash(*(hashlib.sha256(p.read_bytes()).hexdigest() for p in files)),
        "repeat": plan.repeat,
        "jobs": plan.jobs,
        "packages": {name: version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }  # fmt: skip


def _asked_case(case: Case) -> dict[str, Any]:
    return {k: v for k, v in asdict(case).items() if k not in ("where", "note")}


def _settings(plan: Plan) -> dict[str, Any]:
    """Every setting that can change an answer; no key, and no password that an address may hold."""
    settings = plan.settings
    address = re.sub(r"//[^/@]*@", "//", settings.base_url or "") if plan.model else ""
    return {
        "model": plan.model, "base_url": address or None, "passages": settings.passages,
        "dense_weight": settings.dense_weight, "threshold": settings.threshold, "check": settings.check, "chroma": bool(settings.chroma_url),
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Asked:
    answer: dict[str, Any] | None
    found: Found
    hits: list[dict[str, Any]]
    error: str | None
    seconds: float
    timed: bool = True


def _ask_all(
    plan: Plan, todo: Sequence[tuple[Case, int]], store: ReplyStore | None
) -> Iterator[tuple[Case, int, _Asked]]:
    """(case, repeat, what came back) as they come; at most twice as many asked ahead as there are threads."""
    from rag.providers import make_llm

    llm = make_llm(plan.settings) if store else None

    def ask(case: Case, n: int) -> _Asked:
        return _ask(plan, case, KeptReplies(llm, store, n) if store else False)

    if plan.jobs == 1:
        yield from ((case, n, ask(case, n)) for case, n in todo)
        return
    waiting: dict[Future[_Asked], tuple[Case, int]] = {}
    rest = iter(todo)
    pool = ThreadPoolExecutor(plan.jobs)
    try:
        while True:
            for case, n in rest:
                waiting[pool.submit(ask, case, n)] = case, n
                if len(waiting) >= 2 * plan.jobs:
                    break
            if not waiting:
                return
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                case, n = waiting.pop(future)
                yield case, n, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _ask(plan: Plan, case: Case, model: Any) -> _Asked:
    from rag.chain import ask, find_parts, merged, standing_alone
    from rag.llm import Deadline
    from rag.request import make_request

    options: dict[str, Any] = {
        "corpus": plan.corpus, "history": case.history, "since": case.since, "until": case.until, "as_of": case.as_of,
        "settings": plan.settings,
    }  # fmt: skip
    started = time.perf_counter()
    try:
        answer = ask(case.question, llm=model, refresh=False, **options)
        seconds = time.perf_counter() - started
        timed = not getattr(model, "served", 0)  # a kept reply takes no time, which says nothing of the model's
        # The rewriting of a follow-up was just kept, so this asks for what the answer was searched with.
        request = standing_alone(make_request(case.question, **options), model or None, Deadline())
        parts, _ = find_parts(request)
        candidates, hits = merged(parts)
    except BylineError as e:
        return _Asked(None, Found(), [], str(e), time.perf_counter() - started)
    except Exception as e:  # a bug must not end a long run; it is counted as a fault and named
        return _Asked(None, Found(), [], f"unexpected {type(e).__name__}: {e}", time.perf_counter() - started)
    best = hits[:HITS]
    found = Found(
        [(h.file, h.line_start, h.line_end) for h in best],
        [(c.document.file, c.passage.line_start, c.passage.line_end) for c in candidates],
    )
    rows = [
        {"file": h.file, "line_start": h.line_start, "line_end": h.line_end, "start": h.start, "end": h.end,
         "score": round(h.score, 4), "text": h.text} for h in best
    ]  # fmt: skip
    # A quoted answer in place of the model's is a fault of the model, not an answer of it.
    return _Asked(answer.to_dict(), found, rows, answer.degraded, seconds, timed)


def _record(case: Case, repeat: int, asked: _Asked, lines: Lines, articles: Mapping[str, DocumentRow]) -> Record:
    scored = score(case, asked.answer, asked.found, lines, error=asked.error)
    if not asked.timed:
        scored.scores["seconds"] = None
    value = {k: v for k, v in asdict(case).items() if k != "where" and v not in ((), None, "")}
    return {
        "key": key(case.id, repeat),
        "repeat": repeat,
        "case": value,
        "answer": asked.answer,
        "hits": asked.hits,
        "passages": asked.found.passages,
        "error": asked.error,
        **asdict(scored),
        "context": _context(case, asked.answer, lines, articles),
        "seconds": round(asked.seconds, 4),
    }


def _context(
    case: Case, answer: dict[str, Any] | None, lines: Lines, articles: Mapping[str, DocumentRow]
) -> list[dict[str, Any]]:
    """Gold and cited lines, with the lines around them, as they were when the run was made."""
    given = [(c["file"], c["line_start"], c["line_end"]) for c in (answer or {}).get("citations", ())]
    gold = [span for group in case.gold for span in group]
    out = []
    for file in dict.fromkeys(f for f, _, _ in [*gold, *given]):
        there = lines.of(file)
        if there is None:
            continue
        marks = {
            name: {n for f, a, b in spans if f == file for n in range(a, min(b, a + CONTEXT_LINES) + 1)}
            for name, spans in (("gold", gold), ("given", given))
        }
        shown = sorted(
            {
                n + d
                for ns in marks.values()
                for n in ns
                for d in range(-CONTEXT, CONTEXT + 1)
                if 0 < n + d <= len(there)
            }
        )[:CONTEXT_LINES]
        rows = [
            {
                "n": n,
                "text": there[n - 1],
                "gold": n in marks["gold"],
                "given": n in marks["given"],
                "gap": n - 1 not in shown,
            }
            for n in shown
        ]
        article = articles.get(file)
        out.append({"file": file, "title": article and article.title, "date": article and article.date, "lines": rows})
    return out


def _hash(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
