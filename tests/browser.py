"""A real headless Chromium for the tests of the page, and what a user does in it.

With SCREENSHOTS=FOLDER `shot` writes PNG files there.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from rag import chain
from rag.types import Answer, Event
from tests.page import visitors

FERRY = "What left at nine?"
SHOTS = os.environ.get("SCREENSHOTS")
PATIENCE = 30_000
"""Milliseconds before what should come is missing: several times what a busy machine takes for a first answer."""

expect.set_options(timeout=PATIENCE)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, without a network."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here; `apt-get install chromium`, as .ci/run does")
    with sync_playwright() as playwright:
        arguments = ["--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            arguments.append("--no-sandbox")  # Chromium has none for root
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


class Visit:
    """A page that records what it must not do: requests elsewhere, errors, navigation, dialogs."""

    def __init__(self, browser: Browser, url: str, **context: Any) -> None:
        self.url = url
        self.faults: list[str] = []
        self.context = browser.new_context(viewport={"width": 1280, "height": 800}, **context)
        self.context.set_default_timeout(PATIENCE)
        self.page = self.context.new_page()
        self.context.on("request", self._request)
        self.page.on(
            "console", lambda m: self.faults.append(f"console: {m.text}") if m.type in ("error", "warning") else None
        )
        self.page.on("pageerror", lambda e: self.faults.append(f"error: {e}"))
        self.page.on("dialog", lambda d: (self.faults.append(f"dialog: {d.message}"), d.dismiss()))
        self.page.on("framenavigated", lambda f: self.faults.append(f"went to {f.url}") if f.url != f"{url}/" else None)
        self.page.goto(url)

    def _request(self, request: Any) -> None:
        if not request.url.startswith(f"{self.url}/") and not request.url.startswith("blob:"):
            self.faults.append(f"request: {request.url}")
        if "/file=" in request.url:
            self.faults.append(f"request: {request.url}")


@contextmanager
def visiting(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page at a URL; `expected` names faults that a test brings about on purpose."""
    visits: list[tuple[Visit, str]] = []

    def open_(url: str, *, expected: str = "", **context: Any) -> Page:
        visit = Visit(browser, url, **context)
        visits.append((visit, expected))
        if not expected:  # else the test may want to see what the page does without its server
            visitors.setdefault(url, []).append(visit.context.close)
        return visit.page

    yield open_
    for v, expected in visits:
        v.context.close()
        assert [f for f in v.faults if not (expected and re.search(expected, f))] == []


def put(page: Page, question: str) -> None:
    page.get_by_label("Your question").fill(question)
    page.keyboard.press("Enter")


def put_and_wait(page: Page, question: str) -> None:
    count = page.locator(".turn").count()
    put(page, question)
    expect(page.locator(".turn > footer")).to_have_count(count + 1)


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.mouse.move(0, 0)
        page.screenshot(path=Path(SHOTS) / f"{name}.png", animations="disabled")


def saying(monkeypatch: pytest.MonkeyPatch, *events: Event | Callable[[], Any]) -> list[dict[str, Any]]:
    """Makes the next answers of these events; a function among them is called in its place. What was asked comes back.

    The questions that the page suggests are tried by quoting, at any moment: those get their own answers.
    """
    asked: list[dict[str, Any]] = []
    real = chain.stream

    def stream(question: str, **options: Any) -> Iterator[Event]:
        if options["llm"] is False:
            yield from real(question, **options)
            return
        asked.append({"question": question} | options)
        for event in events:
            if callable(event):
                event()
            else:
                yield replace(event, question=question) if isinstance(event, Answer) else event

    monkeypatch.setattr(chain, "stream", stream)
    return asked
