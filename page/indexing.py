"""Index runs of one corpus in the background, watched by whoever waits for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from index.caches import Progress as Report
from index.types import SyncReport
from rag.indexes import refresh, remembered, update
from rag.request import Request
from rag.settings import Settings
from rag.types import Progress

STEP = 0.1
"""Seconds between two looks at a run."""


class Run:
    """Work in a thread of its own. `watch` gives its progress and raises what it raised."""

    def __init__(self, work: Callable[[Report], Any]) -> None:
        self.began = time.monotonic()
        self.now = Progress("checking the articles")
        self.result: Any = None
        self._error: BaseException | None = None
        self._done = threading.Event()

        def report(stage: str, done: int, total: int) -> None:
            self.now = Progress(stage, done, total)

        def run() -> None:
            try:
                self.result = work(report)
            except BaseException as e:  # a panic in a Rust library is no Exception; whoever watches gets it
                self._error = e
            finally:
                self._done.set()

        threading.Thread(target=run, daemon=True).start()

    @property
    def finished(self) -> bool:
        """Whether it has ended, well or not."""
        return self._done.is_set()

    def watch(self) -> Iterator[Progress]:
        """Each progress that differs from the one before, until the end."""
        shown = None
        while not self._done.wait(STEP):
            if self.now != shown:
                shown = self.now
                yield shown
        if self._error:
            raise self._error


class Indexing:
    """Index runs of one corpus: one at a time, shared by all who ask for one meanwhile."""

    def __init__(self, corpus: Path, settings: Settings) -> None:
        self.corpus = corpus
        self.settings = settings
        self.plan = settings.plan(corpus, settings.index)
        self._lock = threading.Lock()
        self._run: Run | None = None
        self._check: Run | None = None

    def run(self) -> Run:
        """The run under way, or a new one. Its result is a SyncReport."""
        with self._lock:
            if self._run is None or self._run.finished:
                self._run = Run(self._update)
            return self._run

    def _update(self, report: Report) -> SyncReport:
        # The index's own embedder where there is one: asking with another is an error, not a reason to embed anew.
        spec = None if remembered(self.plan) else self.settings.embedder
        return update(self.corpus, self.plan, self.settings, spec=spec, progress=report, wait=10.0)

    def bring_up_to_date(self, request: Request, notes: list[str]) -> Iterator[Progress]:
        """Before a question: the first index run, or a look for changed files. Adds notes for the reader.

        A question need not look again where a look began after it was asked: of many at once, few look.
        """
        asked = time.monotonic()
        if remembered(self.plan) is None:
            yield from self.run().watch()
            return
        while True:
            with self._lock:
                if self._check is None or (self._check.finished and self._check.began < asked):
                    self._check = Run(lambda report: refresh(request, report))
                check = self._check
            yield from check.watch()
            if check.began >= asked:
                notes += check.result
                return
