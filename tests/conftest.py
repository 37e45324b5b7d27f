"""Shared by all tests: no network but loopback, no user's settings, a home of their own."""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from index.caches import CachePlan
from index.reader import IndexReader

for _name in [n for n in os.environ if n.startswith(("BYLINE_", "OPENAI_"))]:
    del os.environ[_name]
os.environ["HF_HUB_OFFLINE"] = "1"

_connect = socket.socket.connect


def _loopback_only(self: socket.socket, address: object) -> None:
    if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
        raise OSError(f"a test tried to reach {address[0]}")
    _connect(self, address)  # type: ignore[arg-type]


socket.socket.connect = _loopback_only  # type: ignore[assignment, method-assign]


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh BYLINE_HOME and working folder for each test; indexes closed at its end."""
    from rag.indexes import close_all

    path = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("BYLINE_HOME", str(path))
    monkeypatch.chdir(path)
    yield path
    close_all()


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Three small articles."""
    folder = tmp_path / "articles"
    write(
        folder,
        "a.txt",
        "Title: Ferry late\nSource: Harbour Ledger\nPublished: 2020-01-06\n\nThe ferry left at nine. It carried 214 people.\n",
    )
    write(
        folder,
        "sub/b.txt",
        "Bridge opens\n\nThe mayor, Ida Holm, opened the bridge on Monday.\nIt cost 3 million crowns.\n",
    )
    write(
        folder,
        "c.md",
        "---\ntitle: Tunnel\ndate: 2020-01-08\nsource: Northgate Post\n---\n\n# Tunnel\n\nThe tunnel is closed because of water.\n",
    )
    return folder


@pytest.fixture
def url(corpus: Path, home: Path) -> Iterator[str]:
    """The page of the three small articles, served."""
    from tests.page import serving_page

    with serving_page(corpus, home) as url:
        yield url


@pytest.fixture(scope="module")  # its event loop would stand in the way of other modules
def browser() -> Iterator[Any]:
    """Chromium, started once for a module."""
    from tests.browser import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a page at a URL, and fails the test for what the page must not do."""
    from tests.browser import visiting

    with visiting(browser) as visit:
        yield visit


_times = itertools.count(1_500_000_000_000_000_000, 1_000)


def write(folder: Path, file: str, text: str | bytes) -> Path:
    """Write a file below `folder`, with an old time so that it is not read twice."""
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    os.utime(path, ns=(0, next(_times)))
    return path


@contextmanager
def reading(plan: CachePlan) -> Iterator[IndexReader]:
    """A snapshot of the index, closed afterwards."""
    with closing(IndexReader(plan)) as reader, reader.snapshot() as snapshot:
        yield snapshot
