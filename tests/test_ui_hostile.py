"""Hostile article and model text in every place where the page shows text: it is letters, and nothing happens.

And axe-core on the main states. Both in a real headless Chromium; `visit` fails a test for any request that leaves
loopback, any navigation, dialog or console error.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Page, expect

from index.errors import UsageError
from rag.types import Answer, Citation, Conflict, Progress, Usage
from tests.browser import FERRY, put, put_and_wait, saying
from tests.conftest import write
from tests.page import cite, claim, hit, serving_page
from tests.payloads import PAYLOADS

TAGS = """A ARTICLE ASIDE B BDI BLOCKQUOTE BODY BUTTON CODE DETAILS DIV FIELDSET FOOTER FORM H1 H2 H3 HEAD HEADER HTML INPUT LABEL
LEGEND LI LINK MAIN MARK META NAV NOSCRIPT OPTION P PROGRESS S SCRIPT SECTION SELECT SPAN SUMMARY TEXTAREA TITLE UL path svg"""

# Every element is one that the page makes, none carries a handler or an address of its own, nothing lies over the page.
INERT = """() => {
  const faults = [];
  const own = new Set(["/page/icon.svg", "/page/style.css", "/page/theme.js", "/page/app.js", "#question"]);
  for (const node of document.querySelectorAll("*")) {
    if (!TAGS.includes(node.tagName)) faults.push(node.tagName);
    for (const { name, value } of node.attributes) {
      if (name.startsWith("on") || name === "srcdoc" || name === "action" || name === "formaction") faults.push(name);
      if (["src", "href", "srcset", "data", "poster", "ping", "background"].includes(name) && !own.has(value)) faults.push(`${name}=${value}`);
      if (name === "style" && node.id !== "card" && node.id !== "question") faults.push(`style=${value}`);
    }
    if (getComputedStyle(node).position === "fixed" && node.id !== "card") faults.push("overlay " + node.className);
  }
  if (document.scripts.length !== 2 || document.styleSheets.length !== 1) faults.push("scripts or styles were added");
  if (Object.keys(window).some((k) => k.startsWith("PWN"))) faults.push("script ran");
  return faults;
}"""


def inert(page: Page) -> None:
    tags = str(TAGS.split())
    assert page.evaluate(INERT.replace("TAGS", tags)) == []


def test_there_are_enough_payloads() -> None:
    assert len(PAYLOADS) >= 300


def test_hostile_text_is_shown_as_letters_in_every_part_of_an_answer(
    url: str,
    corpus: Path,
    visit: Callable[..., Page],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    c = cite(corpus, "a.txt", "The ferry left at nine.")

    def wicked(n: int, text: str) -> Citation:
        return Citation(text, n + 1, n + 1, text, n, n + 1, text, text, text, text)

    claims = [
        claim(text, wicked(n, text), c, verdict=("moved", "partial")[n % 2], reasons=(text,))
        for n, text in enumerate(PAYLOADS)
    ]
    removed = tuple(claim(text, verdict="unsupported", reasons=(text,)) for text in PAYLOADS)
    nearest = tuple(hit(wicked(n, text)) for n, text in enumerate(PAYLOADS[::10]))
    conflicts = tuple(Conflict((one, other)) for one, other in zip(claims[::9], claims[1::9], strict=False))
    answer = Answer(
        "", "x", tuple(claims), (c, *(x.citations[0] for x in claims)), True, nearest, conflicts, removed,
        Usage(PAYLOADS[0], 1, 1, dict.fromkeys(PAYLOADS, 0.1)), "model", PAYLOADS[1], tuple(PAYLOADS),
    )  # fmt: skip
    saying(monkeypatch, *(Progress(text, 1, 2) for text in PAYLOADS[::20]), *claims[:30], answer)
    page = visit(url)
    put_and_wait(page, PAYLOADS[2])
    shown = "nodes => nodes.map(n => n.textContent)"
    # The page capitalises the first letter of reasons and notes, and changes nothing else.
    upper = [page.evaluate("t => t.charAt(0).toUpperCase() + t.slice(1)", text) for text in PAYLOADS]
    assert page.locator(".claims .text").evaluate_all(shown) == PAYLOADS
    assert page.locator(".claims .reasons").evaluate_all(shown) == upper
    assert page.locator(".removed .text").evaluate_all(shown) == PAYLOADS
    assert page.locator(".turn > .note").evaluate_all(shown) == upper
    assert page.locator(".turn > h2").text_content() == PAYLOADS[2]
    inert(page)
    cards = page.evaluate("""async () => {
      const texts = [];
      for (const chip of document.querySelectorAll(".claims .claim .verdict + .cite")) {
        chip.focus();
        await new Promise((done) => setTimeout(done, 4));
        const card = document.getElementById("card");
        texts.push([card.querySelector(".title").textContent, card.querySelectorAll("*").length]);
      }
      return texts;
    }""")
    assert [title for title, _ in cards] == PAYLOADS
    assert {count for _, count in cards} == {4}
    inert(page)
    page.get_by_text("sentences removed").click()
    page.reload()
    expect(page.locator(".turn > footer")).to_be_visible()
    inert(page)


def test_hostile_articles_are_shown_as_letters(corpus: Path, home: Path, visit: Callable[..., Page]) -> None:
    lines = PAYLOADS
    write(
        corpus, "evil.txt", "\n".join([f"Title: {lines[0]}", f"Source: {lines[1]}", f"Author: {lines[2]}", "", *lines])
    )
    named = [t for t in lines if "/" not in t and "\x1b" not in t and 0 < len(t.encode()) < 200 and t[0] not in ". "]
    for n, text in enumerate(named):
        write(corpus, f"names/{text}.txt", f"Title: {text}\nSource: {text}\n\nFerry number {n} is in order.\n")
        write(corpus, f"skipped/{text}", "x")
    with serving_page(corpus, home) as url:
        page = visit(url)
        expect(page.locator(".list li")).to_have_count(len(named) + 4)
        page.locator(".skipped summary").click()
        page.get_by_label("Files").fill(lines[3])
        page.get_by_label("Files").blur()
        inert(page)
        page.get_by_label("Find an article").fill("evil.txt")
        expect(page.locator(".list li")).to_have_count(1)
        page.locator(".list button").click()
        expect(page.locator(".line")).not_to_have_count(0)
        for _ in range(20):
            if page.locator(f".line[data-n='{len(lines) + 4}']").count():
                break
            page.locator(".lines").evaluate("n => n.scrollTop = n.scrollHeight")
            page.wait_for_timeout(50)
        shown = page.locator(".line .t").evaluate_all("nodes => nodes.map(n => n.textContent)")
        assert shown[4:] == lines
        inert(page)


def test_hostile_errors_are_shown_as_letters(
    url: str,
    visit: Callable[..., Page],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page_ = visit(url)
    for text in PAYLOADS[:200:25]:

        def fail(text: str = text) -> Any:
            raise UsageError(text)

        saying(monkeypatch, fail)
        put(page_, FERRY)
        expect(page_.get_by_role("alert").last).to_have_text(text)
    inert(page_)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(
    url: str,
    corpus: Path,
    visit: Callable[..., Page],
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
) -> None:
    axe = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
    page = visit(url, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")
    page.evaluate(axe)

    def check(state: str) -> None:
        found = page.evaluate(
            "async () => (await axe.run()).violations.map(v => [v.impact, v.id, v.nodes.map(n => n.html).slice(0, 3)])"
        )
        assert [v for v in found if v[0] in ("serious", "critical", "moderate")] == [], state

    expect(page.locator("#examples li").first).to_be_visible()
    check("start")
    c, d = cite(corpus, "a.txt", "The ferry left at nine."), cite(corpus, "c.md", "The tunnel is closed")
    claims = tuple(
        claim("The ferry left at nine.", c, d, verdict=v, reasons=("a reason",))
        for v in ("supported", "moved", "partial")
    )
    gone = claim("The ferry left at ten.", verdict="unsupported", reasons=("a reason",))
    conflict = Conflict((claim("It left at nine.", c), claim("It left at ten.", d)))
    answer = Answer(
        "", "x", claims, (c, d), conflicts=(conflict,), removed=(gone,), degraded="m: failed", notes=("note",)
    )
    with monkeypatch.context() as patch:
        saying(patch, answer)
        put_and_wait(page, FERRY)
    page.get_by_text("1 sentence removed").click()
    check("answer")
    page.locator(".claim [role=button]").first.click()
    expect(page.locator("#side mark")).to_be_visible()
    page.locator(".cite").first.focus()
    check("source")
    put_and_wait(page, "Did the ferry meet Rembrandt in Amsterdam?")
    check("abstention")
    page.set_viewport_size({"width": 360, "height": 740})
    check("phone with the source open")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Articles").click()
    check("phone with the articles")
