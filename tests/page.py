"""The page served for a test, and answers made of the real dataclasses."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from index.load import FileStat, load
from index.types import Document
from page.server import Options, make_app
from rag.settings import Settings
from rag.types import Citation, Claim, Hit

visitors: dict[str, list[Callable[[], None]]] = {}
"""By the URL of a served page, what closes those who look at it: an open page would call a stopped server, and that is a fault."""


@contextmanager
def serving_page(
    corpus: Path, home: Path, *, options: Options | None = None, indexed: bool = True, **settings: Any
) -> Iterator[str]:
    """Serve the page for `corpus` on loopback; its URL. Waits for the first index run, unless not `indexed`."""
    app = make_app(corpus, Settings(home=home, **settings), options or Options())
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        while indexed and httpx.get(f"{url}/healthz").status_code != 200:
            time.sleep(0.02)
        yield url
    finally:
        for leave in visitors.pop(url, ()):
            leave()
        server.should_exit = True
        thread.join(10)
        listening.close()


def document(corpus: Path, file: str) -> Document:
    """The article as it is on disk."""
    stat = (corpus / file).stat()
    found = load(corpus, FileStat(file, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))
    assert isinstance(found, Document)
    return found


def cite(corpus: Path, file: str, quote: str, **about: Any) -> Citation:
    """A citation of the place where `quote` stands."""
    d = document(corpus, file)
    start = d.text.index(quote)
    end = start + len(quote)
    first, last = (d.text.count("\n", 0, n) + 1 for n in (start, end))
    known = {"title": d.title, "date": d.date, "source": d.source} | about
    return Citation(file, first, last, quote, start, end, d.sha256, **known)


def claim(text: str, *citations: Citation, verdict: Any = "supported", reasons: tuple[str, ...] = ()) -> Claim:
    """A sentence with its citations."""
    return Claim(text, citations, verdict, reasons)


def hit(citation: Citation, **more: Any) -> Hit:
    """The same place as a search result."""
    c = citation
    return Hit(
        c.file, c.line_start, c.line_end, c.text, 1.0, c.start, c.end, c.title, c.date, c.source, c.sha256, **more
    )
