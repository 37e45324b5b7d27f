"""The main states of the page on the sample corpus, as the README shows them.

`make screenshots` writes them to docs/screenshots; without SCREENSHOTS=FOLDER they go to a folder that is thrown away.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

import evals
from rag.cli import DEMO_QUESTION
from rag.types import Answer, Conflict, Usage
from tests.browser import put_and_wait, saying
from tests.page import cite, claim, serving_page

COLOURS = 256
MAX_BYTES = 150_000


@pytest.fixture
def shot(tmp_path: Path) -> Callable[[Page, str], None]:
    """Writes a PNG of the page with few colours, which is all that text has."""
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)

    def write(page: Page, name: str) -> None:
        path = folder / f"{name}.png"
        page.screenshot(path=path, animations="disabled", caret="hide")
        with Image.open(path) as image:
            small = image.convert("RGB").quantize(COLOURS, kmeans=3, dither=Image.Dither.NONE)
        small.save(path, optimize=True)
        assert path.stat().st_size < MAX_BYTES

    return write


@pytest.fixture
def sample(home: Path) -> Iterator[str]:
    with serving_page(evals.ARTICLES, home) as url:
        yield url


def test_start_answer_and_source(sample: str, visit: Callable[..., Page], shot: Callable[[Page, str], None]) -> None:
    page = visit(sample)
    expect(page.locator("#examples li")).to_have_count(4)
    shot(page, "start")
    put_and_wait(page, DEMO_QUESTION)
    page.locator(".claim [role=button]").first.click()
    expect(page.locator("#side mark")).to_have_text("Canada said it would take 500 troops out of Iraq.")
    put_and_wait(page, "Who won the chess olympiad in Budapest?")
    expect(page.locator(".abstained")).to_be_visible()
    page.locator("#thread").evaluate("n => n.scrollTop = 0")
    page.locator(".cite").nth(1).hover()
    expect(page.locator("#card")).to_be_visible()
    shot(page, "answer")


def test_conflict(
    home: Path, visit: Callable[..., Page], shot: Callable[[Page, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    esper, baghdad = (
        "wire/2020-01-07_meridian-wire_esper-no-signed-copy.txt",
        "papers/tigris-courier/2020-01-07_premiers-copy-was-signed.txt",
    )
    none = cite(evals.ARTICLES, esper, "no signed copy of the disputed letter had been sent to the Iraqis")
    one = cite(evals.ARTICLES, esper, "a version which went to the Iraqis had been signed")
    blank = cite(evals.ARTICLES, baghdad, "it has an empty space where the name of Brig. Gen. William H. Seely III")
    title = cite(evals.ARTICLES, baghdad, "The prime minister's copy was signed")
    said = claim("Defense Secretary Mark Esper said no signed copy of the letter had been sent.", none)
    held = claim("The prime minister's office says that its copy was signed, as did an American official.", title, one)
    rest = claim("The copy shown on television has an empty space where the name should be.", blank, verdict="partial",
                 reasons=("“shown” is not in the lines",))  # fmt: skip
    gone = claim(
        "The letter was signed on Monday.", verdict="unsupported", reasons=("Monday is not in the cited lines",)
    )
    usage = Usage("gpt-4.1-mini", 1840, 96, {"write and check": 2.31})
    saying(monkeypatch, Answer("", "x", (rest,), (blank,), conflicts=(Conflict((said, held)),), removed=(gone,), mode="model",
                               usage=usage))  # fmt: skip
    with serving_page(evals.ARTICLES, home, model=usage.model) as url:
        page = visit(url)
        put_and_wait(page, "Was the letter signed?")
        page.locator(".removed summary").click()
        page.locator(".side [role=button]").nth(1).click()
        expect(page.locator("#side mark")).to_have_text("The prime minister's copy was signed")
        shot(page, "conflict")


def test_dark_and_phone(sample: str, visit: Callable[..., Page], shot: Callable[[Page, str], None]) -> None:
    page = visit(sample, color_scheme="dark")
    put_and_wait(page, DEMO_QUESTION)
    page.locator(".claim [role=button]").first.click()
    expect(page.locator("#side mark")).to_be_visible()
    shot(page, "dark")
    phone = visit(sample, has_touch=True, device_scale_factor=2)
    phone.set_viewport_size({"width": 360, "height": 640})
    put_and_wait(phone, DEMO_QUESTION)
    shot(phone, "phone-answer")
    phone.locator(".claim [role=button]").first.tap()
    expect(phone.locator("#side mark")).to_be_in_viewport()
    shot(phone, "phone-source")
