"""Question to checked answer: `stream`, and `ask` and `search` over it."""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import accumulate, zip_longest
from pathlib import Path
from typing import Any, Literal

from index.errors import ModelError, UsageError
from rag.asof import period
from rag.cite import quoted as quote
from rag.conflict import conflicts
from rag.encoder import preload
from rag.extract import THRESHOLD, extract
from rag.followup import condensed
from rag.indexes import asking_embedder, open_reader
from rag.indexes import refresh as bring_up_to_date
from rag.llm import ContextTooLong, Deadline
from rag.parts import parts
from rag.prompts import NOT_SAID, messages
from rag.providers import make_llm
from rag.question import Query, make_query
from rag.request import MAX_QUESTION, Request, make_request
from rag.retrieve import Candidate, retrieve
from rag.score import Scored, score_sentences
from rag.settings import Settings, read_settings
from rag.sources import make_sources
from rag.types import Answer, Claim, Event, Hit, Progress, Usage
from rag.write import second_opinion, until_replaced, write

PROMPT_TOKENS = 2000
"""Budget for the numbered lines in a prompt; the rules take some 300 more."""

ELSEWHERE = 12
"""Sentences of the index that are tried for a claim which the lines it names do not support."""

NEAREST = 3
"""Hits that an abstention shows."""

EXPLAINED = 5
"""Hits whose scores `explain` takes apart."""

Found = tuple[list[Candidate], Scored]
"""The best passages, and all their sentences, scored."""

LLM = Any
"""A LlamaIndex `LLM`, None (the configured one) or False (none)."""


def ask(question: str, **options: Any) -> Answer:
    """Answer `question` from the articles; every sentence names the file and lines that support it.

    Options: `corpus` (folder; default BYLINE_CORPUS), `index` (folder of the index; by default one per
    corpus in BYLINE_HOME), `history` (earlier questions of the conversation, or (question, answer)
    pairs), `llm` (None: the configured model, or quoting without one; False: always quote; or any
    LlamaIndex LLM), `since`, `until` (ISO dates), `files` (a path pattern or several), `sources`
    (publisher or several), `as_of` (ISO date that "today" means), `refresh` (False: do not look for
    changed files first; a check that takes over 0.2 s is repeated at most for a tenth
    of the time), `threshold` (confidence, 0 to 1, below which a quoted answer abstains; default
    BYLINE_THRESHOLD or 0.5), `explain` (True: `nearest` holds the best hits with the parts of their
    scores, also where the question is answered), `check` ("model": ask the model for a second opinion on
    each claim; default BYLINE_CHECK), `settings`.

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
    threshold: float | None = None,
    explain: bool = False,
    check: str | None = None,
    settings: Settings | None = None,
) -> Iterator[Event]:
    """As `ask`, giving Progress and each checked Claim as soon as there is one, and the Answer last.

    Only checked claims are given; what a second opinion may change comes with the Answer. Where a model fails half-way,
    the claims before stay true, and the answer that follows is a quoted one with `degraded` set.
    """
    settings = settings or read_settings()
    request = make_request(
        question, corpus=corpus, index=index, history=history, since=since, until=until, files=files,
        sources=sources, as_of=as_of, settings=settings,
    )  # fmt: skip
    if llm is not None and llm is not False and not hasattr(llm, "stream_chat"):
        raise UsageError(f"llm is {llm!r}; give a LlamaIndex LLM, False, or leave it out")
    if threshold is None:
        threshold = settings.threshold if settings.threshold is not None else THRESHOLD
    if not 0 <= threshold <= 1:
        raise UsageError(f"the threshold is {threshold!r}; give a probability from 0 (never refuse) to 1")
    check = check or settings.check
    if check not in (None, "model"):
        raise UsageError(f'check is {check!r}; give "model" (--check, BYLINE_CHECK) or leave it out')
    model = make_llm(settings) if llm is None else (llm or None)
    preload()
    clock = _Clock()
    notes: list[str] = []
    if refresh:
        yield Progress("checking the articles")
        notes += bring_up_to_date(request)
    clock.stage("sync")
    yield Progress("searching")
    asked = request.question
    deadline = Deadline()
    request = standing_alone(request, model, deadline)
    found, more = find_parts(request, explain)
    notes += more
    candidates, hits = merged(found)
    disagreement = tuple(c for _, s in found for c in conflicts(s.query, s.statements))

    def completed(answer: Answer) -> Answer:
        nearest = tuple(hits[:EXPLAINED]) if explain else answer.nearest
        confidence = round(max(s.confidence for _, s in found), 4)
        return replace(answer, question=asked, confidence=confidence, conflicts=disagreement, nearest=nearest)

    clock.stage("retrieve")
    degraded = None
    if model is not None and candidates:
        yield Progress("writing")
        try:
            answer = yield from _from_model(request, model, candidates, hits, clock, deadline, check)
            yield replace(completed(answer), notes=(*notes, *answer.notes))
            return
        except ModelError as e:
            degraded = str(e)
    chosen = [extract(s.hits) if s.hits and s.confidence >= threshold else [] for _, s in found]
    if any(chosen):
        silent = [s.query.text for (_, s), hits_ in zip(found, chosen, strict=True) if not hits_]
        notes += [f"the articles do not say: {text}" for text in silent]
    quoted = [quote(h) for h in {(h.file, h.start): h for hits_ in chosen for h in hits_}.values()]
    # Statements that disagree on what is asked are an answer, however unsure the choice of one sentence is.
    quoted = quoted or [side for c in disagreement for side in c.sides]
    yield from quoted
    clock.stage("write")
    yield completed(_answer(request, quoted, hits, clock.usage(), "quoted", degraded=degraded, notes=tuple(notes)))


def search(
    query: str,
    *,
    corpus: str | Path | None = None,
    index: str | Path | None = None,
    k: int = 10,
    chance: float = 1.0,
    since: str | None = None,
    until: str | None = None,
    files: str | Sequence[str] | None = None,
    sources: str | Sequence[str] | None = None,
    refresh: bool = True,
    explain: bool = False,
    settings: Settings | None = None,
) -> list[Hit]:
    """The k sentences that fit `query` best, each with file, lines, text and score.

    With `chance`, as few of them as hold the answer with that chance (0 to 1), by their scores: many for a
    vague query, few for a clear one. Options as in `ask`; with `explain` each hit carries the `parts` of its
    score. An empty list where no word of the query is in the articles.
    """
    if type(k) is not int or not 1 <= k <= 1000:
        raise UsageError(f"k is {k!r}; give a number of hits from 1 to 1000")
    if not 0 < chance <= 1:
        raise UsageError(f"chance is {chance!r}; give a probability over 0 and up to 1")
    request = make_request(
        query, corpus=corpus, index=index, since=since, until=until, files=files, sources=sources, settings=settings
    )
    preload()
    if refresh:
        bring_up_to_date(request)
    hits = find(request, max(request.settings.passages, k), explain)[1].hits[:k]
    before = accumulate((h.score for h in hits), initial=0.0)
    return [h for h, so_far in zip(hits, before, strict=False) if so_far < chance]


def standing_alone(request: Request, model: LLM | None, deadline: Deadline) -> Request:
    """The request, its question rewritten by the model so that it needs no history; as it was without a model or where that fails."""
    alone = condensed(request.question, request.history, model, deadline) if model is not None else None
    return replace(request, question=alone, history=()) if alone else request


def find(request: Request, passages: int, explain: bool = False) -> Found:
    """The best passages, and all their sentences, scored."""
    query, candidates = look_up(request, passages)
    return candidates, score_sentences(query, candidates, explain)


def look_up(request: Request, passages: int) -> tuple[Query, list[Candidate]]:
    """The question with its terms weighed as in the index, and the best passages for it."""
    with open_reader(request.plan).snapshot() as reader:
        embedder = asking_embedder(reader, request.settings)
        lexical = reader.lexical
        query = make_query(request.question, lexical.document_frequency, len(lexical), request.earlier)
        weight = request.settings.dense_weight
        return query, retrieve(reader, embedder, query.whole, passages, request.filters, weight)


def find_parts(request: Request, explain: bool = False) -> tuple[list[Found], list[str]]:
    """What is found for each part of the question, within the time that it names; and notes."""
    filters = request.filters
    span = None if filters.since or filters.until else period(request.question, request.as_of)
    if span:
        within = replace(request, filters=replace(filters, since=span.since, until=span.until))
        found, _ = find_parts(replace(within, as_of=None), explain)
        least = 0.0 if span.sure else THRESHOLD
        if any(candidates and scored.confidence >= least for candidates, scored in found):
            return found, []
        return find_parts(replace(request, as_of=None), explain)[0], [
            f"no article of {span.since} to {span.until} fits; all were searched"
        ]
    first, *rest = parts(request.question)
    passages = request.settings.passages
    turn = (request.question, "")  # "and when was it signed?" is about what the first part names
    asked = [replace(request, question=first), *(replace(request, question=p, history=(turn,)) for p in rest)]
    return [find(r, passages, explain) for r in asked], []


def merged(found: Sequence[Found]) -> tuple[list[Candidate], list[Hit]]:
    """Candidates and hits of all parts, in turns: the best of each, the second of each, ..."""
    if len(found) == 1:
        return found[0][0], found[0][1].hits
    candidates = [c for row in zip_longest(*(f[0] for f in found)) for c in row if c]
    hits = [h for row in zip_longest(*(f[1].hits for f in found)) for h in row if h]
    return (
        list({c.passage.id: c for c in reversed(candidates)}.values())[::-1],
        list({(h.file, h.start): h for h in reversed(hits)}.values())[::-1],
    )


def _from_model(
    request: Request,
    model: LLM,
    candidates: list[Candidate],
    hits: list[Hit],
    clock: _Clock,
    deadline: Deadline,
    check: str | None,
) -> Generator[Event, None, Answer]:
    """Stream the model's claims; returns the answer. Raises ModelError."""

    def elsewhere(text: str) -> list[Hit]:
        claim = replace(request, question=text[:MAX_QUESTION], history=())
        return find(claim, request.settings.passages)[1].hits[:ELSEWHERE]

    for budget in (PROMPT_TOKENS, PROMPT_TOKENS // 3):
        shown = make_sources(candidates, budget, hits)
        if not shown:
            raise ModelError("the lines that were found are too long for a prompt; ask about other articles")
        prompt = partial(messages, request.question, as_of=request.as_of, earlier=request.earlier)
        try:
            told = " ".join((*request.earlier, request.question))
            writing = write(model, prompt, shown, elsewhere, deadline, told)
            written = yield from (until_replaced(writing) if check else writing)
            break
        except ContextTooLong:
            if budget < PROMPT_TOKENS:
                raise
    if check == "model":
        second_opinion(model, written, deadline)
    clock.stage("write and check")
    usage = clock.usage(written.model, written.prompt_tokens, written.completion_tokens)
    return _answer(request, written.shown(), hits, usage, "model", removed=tuple(written.removed), notes=written.told())


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
