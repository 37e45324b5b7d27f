"""The page in a real headless Chromium. No request may leave loopback and no error may reach the console, in any test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from page.server import Options
from rag import chain
from rag.types import Answer, Conflict, Event, Progress, Usage
from tests.browser import FERRY, put, put_and_wait, saying, shot
from tests.conftest import write
from tests.page import cite, claim, serving_page
from tests.server import serving

# --- asking ---


def test_a_click_on_a_sentence_shows_the_very_lines(url: str, visit: Callable[..., Page]) -> None:
    page = visit(url)
    put_and_wait(page, FERRY)
    sentence = page.get_by_role("button", name="The ferry left at nine.")
    sentence.click()
    expect(page.locator("#side mark")).to_have_text("The ferry left at nine.")
    row = page.locator(".line.cited")
    expect(row.locator(".n")).to_have_text("5")
    expect(row).to_be_in_viewport()
    expect(page.locator("#side h2")).to_have_text("Ferry late")
    expect(page.locator("#side .about")).to_have_text("Harbour Ledger · 6 Jan 2020")
    expect(page.locator(".where code")).to_have_text("a.txt:5")
    page.keyboard.press("Escape")
    expect(page.locator("#side h2")).to_have_text("Articles")
    expect(sentence).to_be_focused()


def test_the_card_shows_the_quotation_on_hover_and_on_focus(url: str, visit: Callable[..., Page]) -> None:
    page = visit(url)
    put_and_wait(page, FERRY)
    card, chip = page.locator("#card"), page.locator(".cite").first
    expect(card).to_be_hidden()
    chip.hover()
    expect(card).to_be_visible()
    expect(card.locator("blockquote")).to_have_text("The ferry left at nine.")
    expect(card.locator(".at")).to_have_text("a.txt:5")
    page.mouse.move(0, 0)
    expect(card).to_be_hidden()
    chip.focus()
    expect(card).to_be_visible()
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()


def test_sentences_appear_while_the_rest_is_written(
    url: str, corpus: Path, visit: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    first = claim("The ferry left at nine.", cite(corpus, "a.txt", "The ferry left at nine."))
    second = claim("It carried 214 people.", cite(corpus, "a.txt", "It carried 214 people."))
    answer = Answer("", "x", (first, second), (*first.citations, *second.citations), mode="model",
                    usage=Usage("small-model", 1321, 42, {"write and check": 1.25}))  # fmt: skip
    saying(monkeypatch, Progress("writing"), first, lambda: go_on.wait(20), second, answer)
    page = visit(url)
    put(page, FERRY)
    expect(page.locator(".claim")).to_have_count(1)
    expect(page.locator(".progress")).to_contain_text("Writing and checking")
    expect(page.locator("#stop")).to_be_visible()
    page.locator(".claim [role=button]").click()
    expect(page.locator("#side mark")).to_have_text("The ferry left at nine.")
    shot(page, "writing")
    go_on.set()
    expect(page.locator(".claim")).to_have_count(2)
    expect(page.locator(".facts")).to_have_text("small-model · 1,321 + 42 tokens · 1.25 s")
    expect(page.locator("#stop")).to_be_hidden()


def test_a_model_writes_and_where_it_fails_the_page_says_why(
    corpus: Path, home: Path, visit: Callable[..., Page]
) -> None:
    with (
        serving("The ferry left at nine. [1:5] It sank. [1:5]", 500) as script,
        serving_page(corpus, home, model="small-model", base_url=script.url, api_key="k") as url,
    ):
        page = visit(url)
        put_and_wait(page, FERRY)
        expect(page.locator(".claims .text")).to_have_text(["The ferry left at nine."])
        expect(page.locator(".removed summary")).to_have_text("1 sentence removed: no line supports it")
        expect(page.locator(".facts")).to_contain_text("small-model · 321 + 12 tokens")
        put_and_wait(page, FERRY)  # the endpoint is asked again before it is given up
        expect(page.locator(".banner")).to_contain_text("No model wrote this: small-model: the endpoint failed (500)")
        expect(page.locator(".facts").last).to_contain_text("quoted, no model")


def test_stop_ends_the_answer_and_the_next_question_is_served(
    url: str, corpus: Path, visit: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    hold, ended = threading.Event(), threading.Event()
    first = claim("The ferry left at nine.", cite(corpus, "a.txt", "The ferry left at nine."))

    def stream(question: str, **options: Any) -> Iterator[Event]:
        try:
            yield first
            while not hold.wait(0.05):
                yield Progress("writing")
        finally:
            ended.set()

    with monkeypatch.context() as patch:
        patch.setattr(chain, "stream", stream)
        page = visit(url)
        put(page, FERRY)
        expect(page.locator(".claim")).to_have_count(1)
        page.locator("#stop").click()
        expect(page.locator(".turn .note")).to_contain_text("Stopped. The sentences above are checked")
        assert ended.wait(5)
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator(".facts")).to_contain_text("quoted, no model")
    expect(page.locator(".claim")).to_have_count(1)


def test_a_follow_up_carries_the_questions_before_it(
    url: str, visit: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = saying(monkeypatch, Answer("", "The articles do not say.", abstained=True))
    page = visit(url)
    for text in ("One?", "Two?", "Three?", "Four?", "Five?"):
        put_and_wait(page, text)
    assert [a["history"] for a in asked][3:] == [["One?", "Two?", "Three?"], ["Two?", "Three?", "Four?"]]


def test_a_conflict_is_two_columns_with_dates(
    url: str, corpus: Path, visit: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = claim("The ferry carried 214 people.", cite(corpus, "a.txt", "It carried 214 people."))
    other = claim(
        "The ferry carried 190 people.", cite(corpus, "c.md", "The tunnel is closed", source="Northgate Post")
    )
    kept = claim("The ferry left at nine.", cite(corpus, "a.txt", "The ferry left at nine."))
    conflict = Conflict((one, other))
    saying(monkeypatch, kept, Answer("", "x", (kept,), kept.citations, conflicts=(conflict,)))
    page = visit(url)
    put_and_wait(page, "How many people did the ferry carry?")
    sides = page.locator(".conflict .side")
    expect(sides.locator(".when")).to_have_text(["6 Jan 2020 · Harbour Ledger", "8 Jan 2020 · Northgate Post"])
    left, right = (sides.nth(i).bounding_box() for i in (0, 1))
    assert left
    assert right
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]
    sides.nth(1).locator("[role=button]").click()
    expect(page.locator("#side mark")).to_have_text("The tunnel is closed")
    shot(page, "conflict")
    page.set_viewport_size({"width": 360, "height": 740})
    page.get_by_role("button", name="Close the source").click()
    left, right = (sides.nth(i).bounding_box() for i in (0, 1))
    assert left
    assert right
    assert left["y"] + left["height"] <= right["y"]


def test_an_abstention_shows_the_nearest_lines(url: str, visit: Callable[..., Page]) -> None:
    page = visit(url)
    put_and_wait(page, "Did the ferry meet Rembrandt in Amsterdam?")
    expect(page.locator(".abstained > .text")).to_have_text("The articles do not say.")
    expect(page.get_by_role("heading", name="Nearest lines")).to_be_visible()
    shot(page, "abstention")
    page.locator(".near [role=button]").first.click()
    expect(page.locator("#side mark")).to_have_text("The ferry left at nine.")


def test_verdicts_are_told_by_shape_and_word(
    url: str, corpus: Path, visit: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    c = cite(corpus, "a.txt", "The ferry left at nine.")
    d = cite(corpus, "sub/b.txt", "It cost 3 million crowns.")
    claims = (
        claim("The ferry left at nine.", c),
        claim("The bridge cost 3 million crowns.", d, verdict="moved", reasons=("line 3 was named",)),
        claim("The red ferry left at nine.", c, verdict="partial", reasons=("“red” is not in the lines",)),
    )
    gone = claim("The ferry left at ten.", c, verdict="unsupported", reasons=("10 is not in the lines",))
    answer = Answer(
        "", "x", claims, (c, d), removed=(gone,), degraded="m: the key was refused (401)", notes=("a note",)
    )
    saying(monkeypatch, *claims, answer)
    page = visit(url)
    put_and_wait(page, FERRY)
    verdicts = page.locator(".claims .verdict")
    expect(verdicts).to_have_text(["supported", "moved", "partly supported"])
    shapes = verdicts.evaluate_all(
        "nodes => nodes.map(n => [...n.querySelectorAll('path')].map(p => p.getAttribute('d')).join())"
    )
    assert len(set(shapes)) == 3
    expect(page.locator(".reasons").nth(1)).to_have_text("“red” is not in the lines")
    expect(page.locator(".removed .reasons")).to_be_hidden()
    page.get_by_text("1 sentence removed").click()
    expect(page.locator(".removed .reasons")).to_have_text("10 is not in the lines")
    expect(page.locator(".removed s")).to_have_text("The ferry left at ten.")
    expect(page.locator(".banner")).to_contain_text("the key was refused (401)")
    expect(page.locator(".turn .note")).to_have_text("A note")
    expect(page.locator(".facts")).to_contain_text("quoted, no model")
    shot(page, "verdicts")


def test_a_fact_in_several_files_lists_them_all(url: str, corpus: Path, visit: Callable[..., Page]) -> None:
    for file in ("d.txt", "e.txt"):
        write(corpus, file, "The ferry left at nine.\n")
    page = visit(url)
    put_and_wait(page, FERRY)
    expect(page.locator(".claim").first.locator(".cite .place")).to_have_text(["a.txt:5", "d.txt:1", "e.txt:1"])
    page.locator(".claim [role=button]").first.click()
    expect(page.locator(".places")).to_contain_text("3 sources")
    expect(page.locator(".count")).to_have_text("1 of 3")
    page.get_by_role("button", name="Next citation").click()
    expect(page.locator(".where code")).to_have_text("d.txt:1")
    expect(page.get_by_role("button", name="Next citation")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".where code")).to_have_text("e.txt:1")
    expect(page.get_by_role("button", name="Next citation")).to_be_disabled()
    expect(page.locator(".cite[aria-current=true]")).to_contain_text("e.txt:1")


def test_a_wrong_question_and_a_dead_server_are_said_in_one_line(
    corpus: Path, home: Path, visit: Callable[..., Page]
) -> None:
    with serving_page(corpus, home) as url:
        page = visit(url, expected="ERR_CONNECTION|Failed to load")
        put(page, "???")
        expect(page.locator(".turn")).to_have_count(0)
        page.get_by_label("From").fill("2020-01-09")
        page.get_by_label("To", exact=True).fill("2020-01-07")
        page.get_by_label("Files").focus()
        put(page, FERRY)
        expect(page.get_by_role("alert")).to_contain_text("Since 2020-01-09 is after until 2020-01-07")
        shot(page, "error")
    put(page, FERRY)
    expect(page.get_by_role("alert").last).to_contain_text("is it still running in the terminal?")


# --- the conversation ---


def test_the_conversation_outlives_a_reload(
    url: str, corpus: Path, visit: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = visit(url)
    put_and_wait(page, FERRY)
    hold = threading.Event()
    saying(monkeypatch, claim("Half.", cite(corpus, "a.txt", "The ferry left at nine.")), lambda: hold.wait(10))
    put(page, "What else?")
    expect(page.locator(".turn").nth(1).locator(".claim")).to_have_count(1)
    page.reload()
    hold.set()
    expect(page.locator(".turn h2")).to_have_text([FERRY, "What else?"])
    expect(page.locator(".turn").nth(1).locator(".note")).to_contain_text("Stopped")
    page.get_by_role("button", name="The ferry left at nine.").click()
    expect(page.locator("#side mark")).to_have_text("The ferry left at nine.")
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".turn")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("heading", name="Ask the articles")).to_be_visible()


def test_copy_as_markdown_carries_the_citations_and_no_markup_of_the_articles(
    url: str, corpus: Path, visit: Callable[..., Page]
) -> None:
    write(corpus, "m.txt", "The harbour ![x](http://evil.test/x.png) <img src=x> *master* said the pier is safe.\n")
    page = visit(url, permissions=["clipboard-read", "clipboard-write"])
    put_and_wait(page, "What did the harbour master say about the pier?")
    page.get_by_role("button", name="Copy as Markdown").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    text = page.evaluate("navigator.clipboard.readText()")
    assert text.startswith("**What did the harbour master say about the pier?**\n\n")
    assert "[1] m.txt:1" in text
    assert r"\!\[x\](http://evil.test/x.png) \<img src=x\> \*master\*" in text


# --- the corpus ---


def test_the_panel_tells_what_is_indexed_and_skipped_and_narrows_questions(
    url: str, corpus: Path, visit: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(corpus, "photo.png", b"\x89PNG")
    write(corpus, "new.txt", "A new pier was built.\n")
    page = visit(url)
    expect(page.locator(".list b")).to_have_text(["Ferry late", "Tunnel", "Bridge opens"])
    page.get_by_role("button", name="Look for changes").click()
    expect(page.locator("#side .note")).to_have_text("Done: 1 added.")
    expect(page.locator("header p")).to_contain_text("4 articles")
    page.get_by_text("1 file skipped").click()
    expect(page.locator(".skipped li")).to_have_text("photo.png not .txt or .md")
    page.get_by_label("Find an article").fill("tunnel 2020-01")
    expect(page.locator(".list b")).to_have_text(["Tunnel"])
    page.locator(".list button").click()
    expect(page.locator(".line .t").last).to_have_text("The tunnel is closed because of water.")
    page.keyboard.press("Escape")
    asked = saying(monkeypatch, Answer("", "The articles do not say.", abstained=True))
    page.get_by_label("From").fill("2020-01-07")
    page.get_by_label("To", exact=True).fill("2020-01-09")
    page.get_by_label("Files").fill("c.md, sub/*")
    page.get_by_label("Source", exact=True).select_option("Northgate Post")
    page.get_by_label("Files").blur()
    expect(page.locator("#limits")).to_contain_text(
        "Only 7 Jan 2020 to 9 Jan 2020 · files c.md, sub/* · Northgate Post"
    )
    shot(page, "articles")
    put_and_wait(page, FERRY)
    limits = {"since": "2020-01-07", "until": "2020-01-09", "files": ["c.md", "sub/*"], "sources": ["Northgate Post"]}
    assert {k: asked[0][k] for k in limits} == limits
    expect(page.locator(".within")).to_contain_text("Northgate Post")
    page.get_by_role("button", name="Ask all articles").click()
    expect(page.locator("#limits")).to_be_hidden()


def test_the_first_index_run_shows_its_progress(
    corpus: Path, home: Path, visit: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    import page.indexing as indexing

    hold, real = threading.Event(), indexing.update

    def update(*args: Any, progress: Callable[[str, int, int], None], **options: Any) -> Any:
        progress("reading", 1200, 2000)
        hold.wait(20)
        return real(*args, progress=progress, **options)

    monkeypatch.setattr(indexing, "update", update)
    with serving_page(corpus, home, indexed=False) as url:
        page = visit(url)
        expect(page.locator("#welcome .progress")).to_contain_text("Reading articles: 1,200 of 2,000")
        put(page, FERRY)
        expect(page.locator(".turn .progress")).to_contain_text("Reading articles: 1,200 of 2,000")
        assert page.locator(".turn progress").get_attribute("value") == "1200"
        shot(page, "indexing")
        hold.set()
        expect(page.locator(".claim")).to_have_count(1)
        expect(page.locator("header p")).to_contain_text("3 articles")


def test_an_uploaded_article_can_be_asked(corpus: Path, home: Path, tmp_path: Path, visit: Callable[..., Page]) -> None:
    (corpus / "added").mkdir()
    good = write(tmp_path, "lamp.txt", "The lighthouse lamp was lit by Ada Quill.\n")
    bad = write(tmp_path, "picture.txt", b"\x89PNG\x00\x01")
    with serving_page(corpus, home, options=Options(uploads=(corpus / "added").resolve())) as url:
        page = visit(url, expected="400")
        page.locator("input[type=file]").set_input_files([good, bad])
        expect(page.get_by_role("alert")).to_have_text("picture.txt cannot be indexed: binary, not text")
        expect(page.locator("#side .note")).to_have_text("Done: 1 added.")
        put_and_wait(page, "Who lit the lighthouse lamp?")
        expect(page.locator(".claim .cite .place")).to_have_text("lamp.txt:1")
    assert [p.name for p in (corpus / "added").iterdir()] == ["lamp.txt"]


def test_a_changed_article_says_so(url: str, corpus: Path, visit: Callable[..., Page]) -> None:
    page = visit(url, expected="400")
    put_and_wait(page, FERRY)
    write(corpus, "a.txt", "Ferry late\n\nOne more line.\n\nAnd one more.\n\nThe ferry left at nine.\n")
    page.get_by_role("button", name="The ferry left at nine.").click()
    expect(page.locator("#side .banner")).to_contain_text("stands there still, on line 7")
    expect(page.locator(".line.cited .n")).to_have_text("7")
    page.keyboard.press("Escape")
    write(corpus, "a.txt", "Ferry late\n\nNothing.\n")
    page.get_by_role("button", name="The ferry left at nine.").click()
    expect(page.locator("#side .banner")).to_contain_text("not in it any more")
    expect(page.locator("#side blockquote")).to_have_text("The ferry left at nine.")
    page.keyboard.press("Escape")
    (corpus / "a.txt").unlink()
    page.get_by_role("button", name="The ferry left at nine.").click()
    expect(page.get_by_role("alert")).to_contain_text("file is gone")
    expect(page.locator("#side blockquote")).to_have_text("The ferry left at nine.")
    shot(page, "gone")


def test_a_long_article_is_fetched_as_one_scrolls(corpus: Path, home: Path, visit: Callable[..., Page]) -> None:
    rows = [f"Row {n} says nothing." for n in range(1, 2001)]
    rows[999] = "Here is the needle that was lost."
    write(corpus, "long.txt", "\n".join(rows))
    with serving_page(corpus, home) as url:
        page = visit(url)
        put_and_wait(page, "Where is the needle that was lost?")
        page.locator(".claim [role=button]").first.click()
        expect(page.locator(".line.cited .n")).to_have_text("1000")
        assert page.locator(".line").count() < 400
        expect(page.locator(".edge").first).to_contain_text("lines before")
        page.locator(".lines").evaluate("n => n.scrollTop = n.scrollHeight")
        expect(page.locator(".line[data-n='1100']")).to_be_attached()
        page.locator(".lines").evaluate("n => n.scrollTop = 0")
        expect(page.locator(".line[data-n='900']")).to_be_attached()
        numbers = page.locator(".line .n").all_inner_texts()
        assert numbers == [str(n) for n in range(int(numbers[0]), int(numbers[-1]) + 1)]


# --- everybody ---


def test_the_keyboard_alone_is_enough(url: str, visit: Callable[..., Page]) -> None:
    page = visit(url)
    expect(page.locator("#question")).to_be_focused()
    page.keyboard.type(FERRY)
    page.keyboard.press("Enter")
    expect(page.locator(".turn > footer")).to_be_visible()

    def tab_to(wanted: str) -> None:
        for _ in range(40):
            page.keyboard.press("Shift+Tab")
            if page.evaluate("document.activeElement.matches(arguments[0])".replace("arguments[0]", repr(wanted))):
                return
        raise AssertionError(f"the keyboard does not reach {wanted}")

    tab_to(".cite")
    expect(page.locator("#card")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#side mark")).to_have_text("The ferry left at nine.")
    expect(page.locator(".lines")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".cite")).to_be_focused()
    tab_to(".claim [role=button]")
    page.keyboard.press("Space")
    expect(page.locator("#side mark")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("a.txt:5 is open")


def test_a_phone_shows_everything_without_sideways_scrolling(
    url: str, corpus: Path, visit: Callable[..., Page]
) -> None:
    write(
        corpus,
        "a-very-long-name-" + "of-an-article-" * 8 + ".txt",
        f"The {'donaudampfschiff' * 12} ferry left at nine.\n",
    )
    page = visit(url, has_touch=True)
    page.set_viewport_size({"width": 360, "height": 740})
    fits = "document.documentElement.scrollWidth <= innerWidth && [...document.querySelectorAll('body *')].every(n => n.closest('.sr, #card') || n.getBoundingClientRect().right <= innerWidth + 1)"
    expect(page.locator("#examples li").first).to_be_visible()
    assert page.evaluate(fits)
    shot(page, "phone-start")
    put_and_wait(page, FERRY)
    assert page.evaluate(fits)
    shot(page, "phone-answer")
    page.locator(".claim [role=button]").last.tap()
    expect(page.locator("#side mark")).to_be_in_viewport()
    assert page.evaluate("document.querySelector('main').inert")
    assert page.evaluate(fits)
    shot(page, "phone-source")
    page.get_by_role("button", name="Close the source").tap()
    expect(page.locator("#side")).to_be_hidden()
    page.get_by_role("button", name="Articles").tap()
    expect(page.locator(".list b")).to_have_count(4)
    assert page.evaluate(fits)
    page.locator("#side").get_by_role("button", name="Close").tap()
    expect(page.locator("#question")).to_be_visible()


def test_dark_follows_the_system_and_the_choice_is_kept(url: str, visit: Callable[..., Page]) -> None:
    page = visit(url, color_scheme="dark")
    shade = "(s => s.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0))(getComputedStyle(document.body).backgroundColor)"
    assert page.evaluate(shade) < 150
    put_and_wait(page, FERRY)
    page.locator(".claim [role=button]").first.click()
    expect(page.locator("#side mark")).to_be_visible()
    shot(page, "dark")
    page.locator("#theme").click()
    page.locator("#theme").click()
    expect(page.locator("#theme")).to_have_accessible_name("Theme: light")
    assert page.evaluate(shade) > 600
    page.reload()
    assert page.evaluate(shade) > 600


def test_a_login_opens_the_page(corpus: Path, home: Path, visit: Callable[..., Page]) -> None:
    with serving_page(corpus, home, options=Options(login="desk:secret")) as url:
        page = visit(url, http_credentials={"username": "desk", "password": "secret"})
        put_and_wait(page, FERRY)
        expect(page.locator(".claim")).to_have_count(1)
