from __future__ import annotations

from pathlib import Path

import ui
from rag.settings import Settings
from tests.conftest import write


def last(question: str, corpus: Path, home: Path) -> str:
    return list(ui.answer_html(question, corpus, Settings(home=home), []))[-1]


def test_a_citation_opens_the_cited_lines(corpus: Path, home: Path) -> None:
    html = last("Which ferry left at nine?", corpus, home)
    assert "<summary>[1] a.txt:5</summary>" in html
    assert "<mark>The ferry left at nine. It carried 214 people.</mark>" in html


def test_article_text_is_inert(corpus: Path, home: Path) -> None:
    write(corpus, "evil.txt", "The ferry is <img src=x onerror=alert(1)> very red <script>alert(2)</script> today.\n")
    html = last("Is the ferry very red today?", corpus, home)
    assert "evil.txt:1" in html
    assert "<img" not in html
    assert "<script" not in html


def test_errors_and_abstentions_are_shown(corpus: Path, home: Path) -> None:
    assert "<strong>" in last("", corpus, home)
    assert "Nearest lines" in last("Did the ferry meet Rembrandt in Amsterdam?", corpus, home)


def test_the_page_can_be_built(corpus: Path, home: Path) -> None:
    assert ui.build(corpus, Settings(home=home)).title == "Byline"
