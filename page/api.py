"""The functions behind the endpoints: `ask`, `search` and `show` for programs, `chat` and `reindex` for the page.

Gradio reads their annotations and docstrings, which become the API's documentation and the MCP tools' descriptions,
so annotations are not postponed here.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import Any

from index.errors import BylineError, UsageError
from index.types import SyncReport
from page.articles import Articles, key, with_keys
from page.indexing import Indexing
from rag import chain
from rag.request import make_request
from rag.settings import Settings
from rag.types import Answer, Claim, Event, Hit, Progress

AT_ONCE = 16
"""Questions answered at the same time; others wait their turn."""

MAX_CONTEXT = 200
"""Lines of context that `show` gives on each side."""

_LIMITS = ("since", "until", "files", "sources", "as_of")


class Api:
    """What the page can do, for one corpus. Each public method is an endpoint or part of one."""

    def __init__(self, articles: Articles, indexing: Indexing, settings: Settings) -> None:
        self.articles = articles
        self.indexing = indexing
        self.settings = settings

    def events(self, question: object, *, llm: Any = None, **options: Any) -> Iterator[Event]:
        """As `rag.stream` on the page's corpus, with the progress of indexing before it. Raises BylineError."""
        corpus = self.articles.corpus
        limits: dict[str, Any] = {k: options.get(k) or None for k in _LIMITS}
        history = options.get("history") or ()
        request = make_request(question, corpus=corpus, history=history, settings=self.settings, **limits)
        yield Progress("checking the articles")
        notes: list[str] = []
        yield from self.indexing.bring_up_to_date(request, notes)
        for event in chain.stream(
            request.question, corpus=corpus, settings=self.settings, history=history, llm=llm, refresh=False, **limits
        ):
            yield _noted(event, notes)

    def hits(self, query: str, k: int, **options: Any) -> list[Hit]:
        """As `rag.search` on the page's corpus, after waiting for an index run under way. Raises BylineError."""
        limits: dict[str, Any] = {name: value or None for name, value in options.items()}
        request = make_request(query, corpus=self.articles.corpus, settings=self.settings, **limits)
        for _ in self.indexing.bring_up_to_date(request, []):
            pass
        return chain.search(query, corpus=request.corpus, k=k, settings=self.settings, refresh=False, **limits)

    def message(self, error: BylineError) -> str:
        """An error in one line for the browser, without the places of folders on this machine."""
        text = str(error)
        for folder in (self.articles.corpus, self.articles.plan.folder, self.settings.home):
            for path in {str(folder), str(folder.resolve())} - {".", "/"}:
                text = text.replace(path, folder.name)
        return text


def endpoints(api: Api) -> dict[str, Callable[..., Any]]:
    """The functions by endpoint name."""
    import gradio as gr

    def failing(error: BylineError) -> gr.Error:
        return gr.Error(api.message(error), print_exception=False)

    def ask(
        question: str,
        history: list[str] | None = None,
        since: str = "",
        until: str = "",
        files: list[str] | None = None,
        sources: list[str] | None = None,
        as_of: str = "",
        use_model: bool = True,
    ) -> dict[str, Any]:
        """Answer a question from the user's folder of articles. Every sentence of the answer is checked against the
        article lines it cites, and nothing comes from outside the articles. Use it for any question that the articles
        may answer; where they do not, `abstained` is true and `nearest` holds the closest lines.

        Args:
            question: The question, in plain words.
            history: Earlier questions of the conversation, oldest first, which a follow-up refers to.
            since: Only articles of this date or later, as 2020-01-06. Empty for no limit.
            until: Only articles of this date or earlier, as 2020-01-06. Empty for no limit.
            files: Only articles whose path matches one of these patterns, as wire/*.
            sources: Only articles of these publishers.
            as_of: The day that "today" means in the question, as 2020-01-06. Empty for none.
            use_model: Whether a configured language model may write the answer; if not, sentences are quoted.

        Returns:
            The answer: text with [1] markers, citations (place, file, line_start, line_end, text), claims with verdicts,
            conflicts between articles, removed claims, abstained, nearest, mode, degraded, usage.
        """
        limits = {"since": since, "until": until, "files": files, "sources": sources, "as_of": as_of}
        try:
            *_, answer = api.events(question, history=history, llm=None if use_model else False, **limits)
        except BylineError as e:
            raise failing(e) from e
        assert isinstance(answer, Answer)
        return answer.to_dict()

    def search(
        query: str,
        k: int = 10,
        since: str = "",
        until: str = "",
        files: list[str] | None = None,
        sources: list[str] | None = None,
    ) -> list[dict[str, Any]]:
        """Find the sentences in the user's folder of articles that fit some words best. Use it to see what the articles
        hold on a subject, or to look further than one answer.

        Args:
            query: Words to look for, or a question.
            k: How many sentences, from 1 to 1000.
            since: Only articles of this date or later, as 2020-01-06. Empty for no limit.
            until: Only articles of this date or earlier, as 2020-01-06. Empty for no limit.
            files: Only articles whose path matches one of these patterns, as wire/*.
            sources: Only articles of these publishers.

        Returns:
            Sentences, best first, each with place, file, line_start, line_end, text, score, title, date and source.
        """
        limits = {"since": since, "until": until, "files": files, "sources": sources}
        try:
            hits = api.hits(query, k, **limits)
        except BylineError as e:
            raise failing(e) from e
        return [asdict(h) | {"place": str(h)} for h in hits]

    def show(place: str, context: int = 2) -> dict[str, Any]:
        """Read lines of one article with the lines around them, for instance those that an answer cites.

        Args:
            place: An article and its lines as citations give them: wire/letter.txt:12-14, or wire/letter.txt:12.
            context: Lines before and after, from 0 to 200.

        Returns:
            The article's file, title, date, source, number of lines, the lines as numbers and texts, and whether the
            file has changed since it was indexed.
        """
        try:
            return _show(api.articles, place, context)
        except BylineError as e:
            raise failing(e) from e

    def chat(question: str, history: list[str], limits: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The page's own: one event after the other, the answer or an error last."""
        known = {k: v for k, v in limits.items() if k in _LIMITS} if isinstance(limits, dict) else {}
        try:
            for event in api.events(question, history=history, **known):
                if isinstance(event, Progress):
                    yield {"type": "progress", **asdict(event)}
                elif isinstance(event, Claim):
                    whole = Answer("", "", claims=(event,)).to_dict()
                    yield {"type": "claim", "claim": with_keys(whole["claims"][0])}
                else:
                    yield {"type": "answer", "answer": with_keys(event.to_dict())}
        except BylineError as e:
            yield {"type": "error", "message": api.message(e)}

    def reindex() -> Iterator[dict[str, Any]]:
        """The page's own: look for new, changed and removed articles."""
        run = api.indexing.run()
        try:
            for progress in run.watch():
                yield {"type": "progress", **asdict(progress)}
            yield {"type": "report", **_counts(run.result)}
        except BylineError as e:
            yield {"type": "error", "message": api.message(e)}

    # The page cancels by number: `chat` is function 0.
    return {"chat": chat, "reindex": reindex, "ask": ask, "search": search, "show": show}


def _noted(event: Event, notes: list[str]) -> Event:
    return replace(event, notes=(*notes, *event.notes)) if isinstance(event, Answer) and notes else event


def _counts(report: SyncReport) -> dict[str, Any]:
    return {
        "articles": report.documents,
        "added": len(report.added),
        "changed": len(report.changed) + len(report.renamed),
        "removed": len(report.removed),
        "skipped": len(report.skipped),
    }


def _show(articles: Articles, place: str, context: int) -> dict[str, Any]:
    match = re.fullmatch(r"(?s)(.+?):(\d{1,9})(?:-(\d{1,9}))?", place)
    if not match:
        raise UsageError(f"{place[:200]!r} is no place in an article; write FILE:12-14, as citations do")
    first, last = int(match[2]), int(match[3] or match[2])
    if not 0 <= context <= MAX_CONTEXT:
        raise UsageError(f"context is {context}; give a number of lines from 0 to {MAX_CONTEXT}")
    row = articles.find(match[1])
    if not 1 <= first <= last <= row.lines:
        raise UsageError(f"{row.file} has no lines {first} to {last}; it has {row.lines}")
    window = articles.window(key(row.file), first=first, last=last, around=context)
    return {
        "file": row.file,
        "title": window["title"],
        "date": window["date"],
        "source": window["source"],
        "total_lines": window["total"],
        "line_start": window["first"],
        "line_end": window["last"],
        "lines": [{"number": r["n"], "text": "".join(t for t, _ in r["pieces"])} for r in window["rows"]],
        "changed": window["unindexed"],
    }
