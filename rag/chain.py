"""Question to checked answer: `stream`, and `ask` and `search` over it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from index.caches import CachePlan
from index.embed import DEFAULT, Embedder, make_embedder
from index.errors import EmbedderError, IndexDamaged, IndexLocked, IndexMissing, ModelError, UsageError
from index.reader import IndexReader
from index.sync import sync
from index.types import SyncReport
from rag.cite import citations
from rag.extract import extract
from rag.generate import claims as model_claims
from rag.llm import Reply, make_llm
from rag.prompts import NOT_SAID, messages
from rag.retrieve import Candidate, Filters, parse_date, retrieve
from rag.score import Query, make_query, score_sentences
from rag.settings import MAX_QUESTION, Settings, read_settings
from rag.sources import make_sources
from rag.types import Answer, Claim, Event, Hit, Progress, Usage

PASSAGES = 8
"""Passages whose sentences are scored, and that a model may read."""

PROMPT_TOKENS = 2200
"""Budget for the numbered lines in a prompt; the rules take some 300 more."""

NEAREST = 3
"""Hits that an abstention shows."""

SLOW_CHECK = 0.2
CHECK_AGAIN = 10
"""Looking for changed files takes 20 ms per 2,000 files. Where it takes over SLOW_CHECK seconds, a process
does it again only after CHECK_AGAIN times as long, so that it costs at most a tenth of the time."""

MAX_PLACES = 3
"""Citations that one quoted sentence carries at most, where it stands in several places."""

LLM = Any
"""A LlamaIndex `LLM`, None (the configured one) or False (none)."""


@dataclass(frozen=True, slots=True)
class Request:
    """A checked question with everything that limits it."""

    question: str
    plan: CachePlan
    corpus: Path | None
    filters: Filters
    history: tuple[str, ...] = ()
    as_of: str | None = None
    settings: Settings = field(default_factory=read_settings)

    @property
    def earlier(self) -> tuple[str, ...]:
        """The question before this one: what a follow-up is about."""
        return self.history[-1:]


def ask(question: str, **options: Any) -> Answer:
    """Answer `question` from the articles; every sentence names the file and lines that support it.

    Options: `corpus` (folder; default BYLINE_CORPUS), `index` (folder of the index; by default one per
    corpus in BYLINE_HOME), `history` (earlier questions of the conversation, or (question, answer)
    pairs), `llm` (None: the configured model, or quoting without one; False: always quote; or any
    LlamaIndex LLM), `since`, `until` (ISO dates), `files` (a path pattern or several), `sources`
    (publisher or several), `as_of` (ISO date that "today" means), `refresh` (False: do not look for
    changed files first; a check that takes over 0.2 s is repeated at most for a tenth
    of the time), `settings`.

    Raises an error from `index.errors` for wrong use. Not finding an answer is a result: `abstained`.
    """
    for event in stream(question, **options):
        if isinstance(event, Answer):
            return event
    raise AssertionError("a stream ends with an answer")


def stream(
    question: str,
    *,
    corpus: str | Path | None = None,
    index: str | Path | None = None,
    history: Sequence[str | tuple[str, str]] = (),
    llm: LLM = None,
    since: str | None = None,
    until: str | None = None,
    files: str | Sequence[str] | None = None,
    sources: str | Sequence[str] | None = None,
    as_of: str | None = None,
    refresh: bool = True,
    settings: Settings | None = None,
) -> Iterator[Event]:
    """As `ask`, giving Progress and each checked Claim as soon as there is one, and the Answer last.

    Only checked claims are given. Where a model fails half-way, the claims before stay true, and the
    answer that follows is a quoted one with `degraded` set.
    """
    settings = settings or read_settings()
    request = make_request(
        question, corpus, index, since=since, until=until, files=files, sources=sources, settings=settings
    )
    earlier = tuple(h if isinstance(h, str) else h[0] for h in history)
    request = replace(request, history=earlier, as_of=parse_date(as_of) if as_of else None)
    model = make_llm(settings) if llm is None else (llm or None)
    clock = _Clock()
    notes: list[str] = []
    if refresh:
        yield Progress("checking the articles")
        notes += _refresh(request)
    clock.stage("sync")
    yield Progress("searching")
    query, candidates, hits = find(request, PASSAGES)
    clock.stage("retrieve")
    degraded = None
    if model is not None and candidates:
        yield Progress("writing")
        try:
            answer = yield from _from_model(request, model, candidates, hits, clock)
            yield replace(answer, notes=tuple(notes))
            return
        except ModelError as e:
            degraded = str(e)
    quoted = [_quoted(h) for h in extract(query, hits)]
    yield from quoted
    clock.stage("write")
    yield _answer(request, quoted, hits, clock.usage(), "quoted", degraded=degraded, notes=tuple(notes))


def search(
    query: str,
    *,
    corpus: str | Path | None = None,
    index: str | Path | None = None,
    k: int = 10,
    since: str | None = None,
    until: str | None = None,
    files: str | Sequence[str] | None = None,
    sources: str | Sequence[str] | None = None,
    refresh: bool = True,
    settings: Settings | None = None,
) -> list[Hit]:
    """The k sentences that fit `query` best, each with file, lines, text, score and the parts of its score.

    Options as in `ask`. An empty list where no word of the query is in the articles.
    """
    if not 1 <= k <= 1000:
        raise UsageError(f"k is {k}; give a number of hits from 1 to 1000")
    request = make_request(
        query, corpus, index, since=since, until=until, files=files, sources=sources, settings=settings
    )
    if refresh:
        _refresh(request)
    return find(request, max(PASSAGES, k))[2][:k]


def make_request(
    question: str,
    corpus: str | Path | None,
    index: str | Path | None,
    *,
    since: str | None = None,
    until: str | None = None,
    files: str | Sequence[str] | None = None,
    sources: str | Sequence[str] | None = None,
    settings: Settings | None = None,
) -> Request:
    """Check the arguments of a question. Raises UsageError."""
    settings = settings or read_settings()
    text = question.strip()
    if not any(c.isalnum() for c in text):
        raise UsageError('the question is empty; ask something like: byline ask -c articles "Was the letter signed?"')
    if len(text) > MAX_QUESTION:
        raise UsageError(f"the question has {len(text):,} characters; ask in at most {MAX_QUESTION:,}")
    folder = Path(corpus).expanduser() if corpus else settings.corpus
    place = Path(index).expanduser() if index else settings.index
    if folder is None and place is None:
        raise UsageError("no corpus: give a folder of articles with -c, or set BYLINE_CORPUS")
    filters = Filters(since, until, _several(files), _several(sources))
    return Request(text, settings.plan(folder, place), folder, filters, settings=settings)


def find(request: Request, passages: int) -> tuple[Query, list[Candidate], list[Hit]]:
    """The scored question, the best passages and all their sentences, best first."""
    with open_reader(request.plan).snapshot() as reader:
        embedder = _asking_embedder(reader, request.settings)
        text = " ".join([*request.earlier, request.question])
        candidates = retrieve(reader, embedder, text, passages, request.filters)
        lexical = reader.lexical
        query = make_query(request.question, lexical.document_frequency, len(lexical), request.earlier)
        return query, candidates, score_sentences(query, candidates)


def update(corpus: Path, plan: CachePlan, settings: Settings, *, spec: str | None = None, **options: Any) -> SyncReport:
    """Synchronise the index; `spec` names the embedder (default: the index's own, else `hash`)."""
    if spec is None:
        try:
            spec = _remembered(plan)
        except IndexDamaged:  # sync says so, or makes it anew
            spec = None
    return sync(corpus, plan, embedder_for(spec or DEFAULT, settings), **options)


def embedder_for(spec: str, settings: Settings) -> Embedder:
    """The embedder of that name with the user's keys; kept, because weights take long to load."""
    if spec == "minilm" and settings.minilm:
        spec = f"minilm:{settings.minilm}"
    base_url = settings.embedder_base_url or settings.base_url
    return _embedder(spec, settings.api_key, base_url, settings.home / "models")


def open_reader(plan: CachePlan) -> IndexReader:
    """The open index in `plan.folder`, shared by all questions of this process."""
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


_opening = threading.Lock()
_readers: dict[CachePlan, tuple[int, IndexReader]] = {}
_checked: dict[CachePlan, tuple[float, float]] = {}  # when the last check for changed files ended, and its seconds


@lru_cache(maxsize=4)
def _embedder(spec: str, api_key: str | None, base_url: str | None, cache: Path) -> Embedder:
    return make_embedder(spec, api_key=api_key, base_url=base_url, cache=cache)


def _remembered(plan: CachePlan) -> str | None:
    """Name of the embedder that the index was made with."""
    try:
        with open_reader(plan).snapshot() as reader:
            return reader.catalog.meta().get("embedder_name")
    except IndexMissing:
        return None


def _asking_embedder(reader: IndexReader, settings: Settings) -> Embedder:
    meta = reader.catalog.meta()
    embedder = embedder_for(settings.embedder or meta["embedder_name"], settings)
    if embedder.fingerprint != meta["embedder"]:
        raise EmbedderError(
            f"this index was made with the embedder {meta['embedder_name']}, not {embedder.name}; "
            f"run `byline index -c {meta['corpus']} --embedder {embedder.name}` or unset BYLINE_EMBEDDER"
        )
    return embedder


def _refresh(request: Request) -> list[str]:
    """Bring the index up to date before asking; notes for the reader."""
    corpus = request.corpus
    remembered = _remembered(request.plan)
    if corpus is None:
        with open_reader(request.plan).snapshot() as reader:
            corpus = Path(reader.catalog.meta()["corpus"])
        if not corpus.is_dir():
            return [f"the articles' folder {corpus} is gone; answered from the index"]
    # An index keeps its embedder; asking with another is an error (below), not a reason to embed anew.
    embedder = embedder_for(remembered or request.settings.embedder or DEFAULT, request.settings)
    started = time.monotonic()
    ended, took = _checked.get(request.plan, (0.0, 0.0))
    if took > SLOW_CHECK and started - ended < CHECK_AGAIN * took:
        return []
    try:
        sync(corpus, request.plan, embedder)
    except IndexLocked as e:
        if remembered is None:
            raise
        return [f"answered from the index as it was: {e}"]
    finally:
        now = time.monotonic()
        _checked[request.plan] = (now, now - started)
    return []


def _from_model(
    request: Request, model: LLM, candidates: list[Candidate], hits: list[Hit], clock: _Clock
) -> Generator[Event, None, Answer]:
    """Stream the model's claims; returns the answer. Raises ModelError."""
    shown = make_sources(candidates, PROMPT_TOKENS, hits)
    reply = Reply(model, messages(request.question, shown, as_of=request.as_of))
    kept: list[Claim] = []
    removed: list[Claim] = []
    for claim in model_claims(reply, shown):
        if claim.verdict == "unsupported":
            removed.append(claim)
        else:
            kept.append(claim)
            yield claim
    clock.stage("write and check")
    usage = clock.usage(reply.model, reply.prompt_tokens, reply.completion_tokens)
    return _answer(request, kept, hits, usage, "model", removed=tuple(removed))


def _quoted(hit: Hit) -> Claim:
    places = [hit, *hit.also][:MAX_PLACES]
    return Claim(" ".join(hit.text.split()), tuple(citations(places)), "supported")


def _answer(
    request: Request,
    kept: Sequence[Claim],
    hits: Sequence[Hit],
    usage: Usage,
    mode: Literal["model", "quoted"],
    *,
    removed: tuple[Claim, ...] = (),
    degraded: str | None = None,
    notes: tuple[str, ...] = (),
) -> Answer:
    """Number the citations in the order of the text; without a claim, abstain."""
    if not kept:
        return Answer(
            request.question, NOT_SAID, abstained=True, nearest=tuple(hits[:NEAREST]), removed=removed, usage=usage,
            mode=mode, degraded=degraded, notes=notes,
        )  # fmt: skip
    numbered = list(dict.fromkeys(c for claim in kept for c in claim.citations))
    # A quoted "[3]" must not read as our marker: in the text alone it gets other brackets.
    parts = [
        re.sub(r"\[(\d+)\]", r"⟦\1⟧", c.text) + " " + "".join(f"[{numbered.index(x) + 1}]" for x in c.citations)
        for c in kept
    ]
    return Answer(
        request.question, " ".join(parts), tuple(kept), tuple(numbered), removed=removed, usage=usage, mode=mode,
        degraded=degraded, notes=notes,
    )  # fmt: skip


def _several(value: str | Sequence[str] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


class _Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def stage(self, name: str) -> None:
        now = time.perf_counter()
        self._seconds[name] = round(now - self._last, 4)
        self._last = now

    def usage(self, model: str | None = None, prompt: int = 0, completion: int = 0) -> Usage:
        return Usage(model, prompt, completion, dict(self._seconds))


@contextmanager
def closing_readers() -> Iterator[None]:
    """Close every open index at the end of a block."""
    try:
        yield
    finally:
        with _opening:
            for _, reader in _readers.values():
                reader.close()
            _readers.clear()
            _checked.clear()
