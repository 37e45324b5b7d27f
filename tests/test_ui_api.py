"""The endpoints for programs, called by the clients that people use, and what the guard refuses."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

import ui
from index.errors import UsageError
from page.articles import LONGEST_LINE, MAX_CHARS, Articles, key
from page.examples import examples
from page.server import Options
from page.uploads import MAX_UPLOAD, save_upload, upload_folder
from rag import ask, search
from rag.settings import Settings
from tests.conftest import write
from tests.page import cite, serving_page
from tests.server import serving

FERRY = "What left at nine?"


@pytest.fixture
def url(corpus: Path, home: Path) -> Iterator[str]:
    with serving_page(corpus, home, options=Options(mcp=True)) as url:
        yield url


def plain(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without its times."""
    return {k: v for k, v in answer.items() if k != "usage"}


# --- clients ---


def test_gradio_client_asks_searches_and_shows(url: str, corpus: Path, home: Path) -> None:
    from gradio_client import Client
    from gradio_client.exceptions import AppError

    client = Client(url, verbose=False, analytics_enabled=False)
    expected = ask(FERRY, corpus=corpus, settings=Settings(home=home)).to_dict()
    answer = client.predict(FERRY, api_name="/ask")
    assert plain(answer) == plain(json.loads(json.dumps(expected)))
    assert client.predict("bridge", k=1, api_name="/search")[0]["place"] == "sub/b.txt:3"
    shown = client.predict("a.txt:5", context=1, api_name="/show")
    assert shown["lines"] == [
        {"number": 4, "text": ""},
        {"number": 5, "text": "The ferry left at nine. It carried 214 people."},
    ]
    assert shown["changed"] is False
    for wrong in ("../a.txt:1", str(corpus / "a.txt") + ":1", "a.txt", "a.txt:9", "/etc/passwd:1", "a.txt:0"):
        with pytest.raises(AppError):
            client.predict(wrong, api_name="/show")
    with pytest.raises(AppError, match="the question is empty"):
        client.predict("  ", api_name="/ask")
    limited = client.predict(FERRY, since="2020-01-07", api_name="/ask")
    assert limited["abstained"]
    assert set(client.view_api(return_format="dict")["named_endpoints"]) == {"/ask", "/search", "/show"}


@pytest.mark.parametrize("login", [None, "desk:secret"])
def test_an_mcp_client_finds_and_calls_the_tools(corpus: Path, home: Path, login: str | None) -> None:
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async def talk(url: str) -> tuple[dict[str, Any], list[Any]]:
        headers = {"authorization": f"Bearer {login.partition(':')[2]}"} if login else {}
        async with (
            httpx.AsyncClient(headers=headers, timeout=60) as http,
            streamable_http_client(f"{url}/gradio_api/mcp/", http_client=http) as (reading, writing, *_),
            ClientSession(reading, writing) as session,
        ):
            await session.initialize()
            tools = {t.name: t for t in (await session.list_tools()).tools}
            calls = [
                ("ask", {"question": FERRY}),
                ("search", {"query": "bridge", "k": 1}),
                ("show", {"place": "a.txt:5"}),
                ("show", {"place": "../a.txt:5"}),
            ]
            return tools, [await session.call_tool(name, arguments) for name, arguments in calls]

    with serving_page(corpus, home, options=Options(mcp=True, login=login)) as url, ThreadPoolExecutor(1) as pool:
        tools, results = pool.submit(asyncio.run, talk(url)).result()  # Playwright may have a loop in this thread
    assert set(tools) == {"ask", "search", "show"}
    assert "every sentence of the answer is checked" in tools["ask"].description.lower()
    assert tools["ask"].inputSchema["required"] == ["question"]
    assert "2020-01-06" in tools["search"].inputSchema["properties"]["since"]["description"]
    answer, hits, lines = (json.loads(r.content[0].text) for r in results[:3])
    assert plain(answer) == plain(
        json.loads(json.dumps(ask(FERRY, corpus=corpus, settings=Settings(home=home)).to_dict()))
    )
    assert hits[0]["place"] == "sub/b.txt:3"
    assert lines["lines"][-1]["text"] == "The ferry left at nine. It carried 214 people."
    assert results[3].isError
    assert "no indexed article '../a.txt'" in results[3].content[0].text


def test_the_openai_client_gets_answers_with_citations(url: str, corpus: Path, home: Path) -> None:
    from openai import BadRequestError, OpenAI

    client = OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
    expected = ask(FERRY, corpus=corpus, settings=Settings(home=home))
    assert [m.id for m in client.models.list()] == ["byline", "byline-quoted"]
    messages: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": FERRY}]
    whole = client.chat.completions.create(model="byline", messages=messages)
    assert whole.choices[0].message.content == f"{expected.text}\n\n[1] a.txt:5"
    assert whole.choices[0].finish_reason == "stop"
    assert whole.byline["citations"][0]["place"] == "a.txt:5"  # type: ignore[attr-defined]
    chunks = list(
        client.chat.completions.create(
            model="byline", messages=messages, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-2].byline["text"] == expected.text  # type: ignore[attr-defined]
    assert chunks[-1].usage is not None
    parts: Any = [{"role": "user", "content": [{"type": "text", "text": "Did the ferry meet Rembrandt?"}]}]
    assert "Nearest lines:" in (
        client.chat.completions.create(model="byline", messages=parts).choices[0].message.content or ""
    )
    for wrong in (
        [],
        [{"role": "user", "content": " "}],
        [{"role": "assistant", "content": "x"}],
        [{"role": "nobody"}],
    ):
        with pytest.raises(BadRequestError):
            client.chat.completions.create(model="byline", messages=wrong)  # type: ignore[arg-type]
        with pytest.raises(BadRequestError):
            client.chat.completions.create(model="byline", messages=wrong, stream=True)  # type: ignore[arg-type]


def test_a_model_writes_for_the_openai_client_and_its_failure_is_told(corpus: Path, home: Path) -> None:
    from openai import OpenAI

    reply = "The ferry left at nine. [1:5] It carried 214 people. [1:5]"
    with serving(reply, 500) as script:
        options = {"model": "m", "base_url": script.url, "api_key": "k"}
        with serving_page(corpus, home, **options) as url:
            client = OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
            messages: Any = [{"role": "user", "content": "When did the ferry leave, and with how many?"}]
            pieces = [
                c.choices[0].delta.content
                for c in client.chat.completions.create(model="byline", messages=messages, stream=True)
                if c.choices and c.choices[0].delta.content
            ]
            assert pieces[:2] == ["The ferry left at nine. [1]", " It carried 214 people. [2]"]
            failed = client.chat.completions.create(model="byline", messages=messages)
            assert "500" in failed.byline["degraded"]  # type: ignore[attr-defined]
            asked = len(script.requests)
            quoted = client.chat.completions.create(model="byline-quoted", messages=messages)
            assert quoted.byline["degraded"] is None  # type: ignore[attr-defined]
            assert len(script.requests) == asked


@pytest.mark.parametrize(
    "data",
    [
        [1, [], {}],
        ["Ferry?", "x", {}],
        ["Ferry?", [1], {}],
        ["Ferry?", [], {"since": 5}],
        ["Ferry?", [], {"files": [5]}],
    ],
)
def test_the_page_tells_what_is_wrong_with_a_call(url: str, data: list[Any]) -> None:
    httpx.post(f"{url}/gradio_api/call/chat", json={"data": data, "session_hash": "s"}).raise_for_status()
    events = httpx.get(f"{url}/gradio_api/queue/data", params={"session_hash": "s"}).text
    assert '"type":"error","message":' in events


def test_unknown_options_of_a_call_have_no_effect(url: str) -> None:
    data = [FERRY, [], {"llm": "x", "corpus": "/", "settings": None}]
    httpx.post(f"{url}/gradio_api/call/chat", json={"data": data, "session_hash": "s"}).raise_for_status()
    assert "a.txt:5" in httpx.get(f"{url}/gradio_api/queue/data", params={"session_hash": "s"}).text


# --- the guard ---


def test_only_the_routes_that_are_needed_exist(url: str) -> None:
    assert httpx.get(f"{url}/healthz").json() == {"status": "ok"}
    closed = [
        "/gradio_api/file=http://example.com/x.png", "/gradio_api/file=/etc/passwd", "/gradio_api/file/etc/passwd",
        "/gradio_api/proxy=https://x.hf.space/", "/gradio_api/upload", "/gradio_api/runs", "/login", "/theme.css",
        "/static/img/logo.svg", "/assets/index.js", "/docs", "/openapi.json", "/monitoring", "/gradio_api/vibe-code",
        "/page/../ui.py", "/page/%2e%2e/%2e%2e/pyproject.toml", "/page/server.py", "//gradio_api/file=/etc/passwd",
        "/gradio_api/call/../file=/etc/passwd", "/gradio_api/stream/x", "/gradio_api/run/ask", "/gradio_api/api/ask",
    ]  # fmt: skip
    with httpx.Client() as client:
        for path in closed:
            assert client.get(url + path).status_code == 404, path
            assert client.post(url + path, content=b"{}").status_code == 404, path
        for path in ("/", "/page/app.js", "/page/style.css", "/config", "/gradio_api/info", "/page/api/overview"):
            reply = client.get(url + path)
            assert reply.status_code == 200, path
            policy = reply.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert reply.headers["x-content-type-options"] == "nosniff"
            assert "access-control-allow-origin" not in reply.headers


def test_other_sites_and_names_are_refused(url: str) -> None:
    host = url.removeprefix("http://")
    for headers, status in [
        ({"host": "evil.test"}, 421),
        ({"host": "127.0.0.1.evil.test:80"}, 421),
        ({"origin": "http://evil.test"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:1"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
        ({"origin": url}, 200),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 200),
        ({"host": host.replace("127.0.0.1", "localhost")}, 200),
    ]:
        assert httpx.get(url, headers=headers).status_code == status, headers
    assert httpx.post(f"{url}/v1/chat/completions", content=b"x" * (2**20 + 1)).status_code == 413
    assert httpx.post(f"{url}/v1/chat/completions", content=iter([b"x"])).status_code == 411
    assert httpx.post(f"{url}/page/api/upload?name=x.txt", content=b"x" * (MAX_UPLOAD + 1)).status_code == 413


def test_a_login_is_asked_for_everywhere_but_health(corpus: Path, home: Path) -> None:
    from gradio_client import Client
    from openai import OpenAI

    with serving_page(corpus, home, options=Options(login="désk:se:cret")) as url:
        assert httpx.get(url).status_code == 401
        assert httpx.get(f"{url}/page/app.js").status_code == 401
        assert httpx.post(f"{url}/v1/chat/completions", json={}).status_code == 401
        assert httpx.get(f"{url}/healthz").status_code == 200
        for wrong in (
            "Basic x",
            "Basic " + base64.b64encode(b"desk:wrong").decode(),
            "Bearer désk".encode(),
            "Token se:cret",
        ):
            assert httpx.get(url, headers={"authorization": wrong}).status_code == 401
        assert httpx.get(url, auth=("désk".encode(), "se:cret")).status_code == 200
        basic = "Basic " + base64.b64encode("désk:se:cret".encode()).decode()
        client = Client(url, verbose=False, analytics_enabled=False, headers={"authorization": basic})
        assert client.predict(FERRY, api_name="/ask")["citations"]
        assert OpenAI(base_url=f"{url}/v1", api_key="se:cret").models.list().data


def test_what_cannot_be_served_is_said_at_once(corpus: Path, home: Path, tmp_path: Path) -> None:
    settings = Settings(home=home)
    with pytest.raises(UsageError, match="BYLINE_LOGIN"):
        ui.launch(corpus, settings, host="0.0.0.0")
    with pytest.raises(UsageError, match="NAME:PASSWORD"):
        ui.launch(corpus, settings, login="desk")
    with pytest.raises(UsageError, match="not below the corpus"):
        ui.launch(corpus, settings, uploads=tmp_path)
    with pytest.raises(UsageError, match="--port"):
        ui.launch(corpus, settings, port=99999)
    with serving_page(corpus, home) as url, pytest.raises(UsageError, match="--port"):
        ui.launch(corpus, settings, port=int(url.rsplit(":", 1)[1]))


def test_no_reply_names_a_folder_of_this_machine_or_the_key(corpus: Path, home: Path) -> None:
    with (
        serving("x") as script,
        serving_page(corpus, home, model="m", base_url=script.url, api_key="canary-key") as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        replies = [
            client.get(p) for p in ("/", "/config", "/gradio_api/info", "/page/api/overview", "/page/api/articles")
        ]
        replies.append(client.post("/page/api/lines", json={"doc": key("a.txt")}))
        replies.append(client.post("/page/api/lines", json={"doc": "nothing"}))
        message = {"role": "user", "content": FERRY}
        replies.append(client.post("/v1/chat/completions", json={"messages": [message]}))
        (corpus / "a.txt").unlink()
        (corpus / "c.md").unlink()
        (corpus / "sub/b.txt").unlink()
        replies.append(client.post("/v1/chat/completions", json={"messages": [message]}))
    assert replies[-1].status_code == 503
    for reply in replies:
        assert str(corpus.parent) not in reply.text
        assert str(home) not in reply.text
        assert "canary-key" not in reply.text


# --- articles ---


def test_a_window_marks_the_quotation_wherever_it_stands_now(corpus: Path, home: Path) -> None:
    settings = Settings(home=home)
    search("ferry", corpus=corpus, settings=settings)
    c = cite(corpus, "a.txt", "It carried 214 people.")
    articles = Articles(corpus, settings)
    asked: dict[str, Any] = {
        "first": c.line_start,
        "last": c.line_end,
        "start": c.start,
        "end": c.end,
        "sha256": c.sha256,
        "quote": c.text,
    }

    def marked(window: dict[str, Any]) -> list[tuple[int, str]]:
        return [(r["n"], t) for r in window["rows"] for t, mark in r["pieces"] if mark]

    window = articles.window(key("a.txt"), **asked)
    assert marked(window) == [(5, "It carried 214 people.")]
    assert (window["changed"], window["title"], window["total"]) == (False, "Ferry late", 5)
    write(corpus, "a.txt", "Ferry late\n\nNew first line.\n\nThe ferry left at ten.\nIt carried  214\npeople.\n")
    window = articles.window(key("a.txt"), **asked)
    assert marked(window) == [(6, "It carried  214"), (7, "people.")]
    assert (window["changed"], window["found"], window["unindexed"]) == (True, True, True)
    write(corpus, "a.txt", "Ferry late\n\nIt carried nobody.\n")
    window = articles.window(key("a.txt"), **asked)
    assert (window["changed"], window["found"], marked(window)) == (True, False, [])
    (corpus / "a.txt").rename(corpus / "z.txt")
    with pytest.raises(UsageError, match="gone"):
        articles.window(key("a.txt"), **asked)
    search("ferry", corpus=corpus, settings=settings)
    with pytest.raises(UsageError, match="not in the index any more"):
        articles.window(key("a.txt"), **asked)


def test_a_renamed_article_is_found_by_its_bytes(corpus: Path, home: Path) -> None:
    settings = Settings(home=home)
    sha256 = cite(corpus, "a.txt", "ferry").sha256
    (corpus / "a.txt").rename(corpus / "z.txt")
    search("ferry", corpus=corpus, settings=settings)
    assert Articles(corpus, settings).window(key("a.txt"), first=5, last=5, sha256=sha256)["file"] == "z.txt"


@pytest.mark.parametrize("newline", ["\n", " "])
def test_of_a_huge_article_only_a_window_is_sent(corpus: Path, home: Path, newline: str) -> None:
    filler = [f"Row {n} says nothing about the matter." for n in range(40_000)]
    filler[20_000] = "The needle lies here."
    write(corpus, "huge.txt", "\n".join(["Huge", "", newline.join(filler)]))
    settings = Settings(home=home)
    c = cite(corpus, "huge.txt", "The needle lies here.")
    search("ferry", corpus=corpus, settings=settings, files="a.txt")
    window = Articles(corpus, settings).window(
        key("huge.txt"), first=c.line_start, last=c.line_end, start=c.start, end=c.end, sha256=c.sha256
    )
    assert [t for r in window["rows"] for t, mark in r["pieces"] if mark] == [c.text]
    assert max(sum(len(t) for t, _ in r["pieces"]) for r in window["rows"]) < LONGEST_LINE + 100
    assert len(json.dumps(window)) < 2 * MAX_CHARS


def test_examples_are_drawn_from_the_articles_and_answered_by_them(corpus: Path, home: Path) -> None:
    settings = Settings(home=home)
    assert examples(corpus, settings) == []
    write(corpus, "d.txt", "Harbour\n\nOla Lind said the quay needs 40 workers. The port of Grey Haven stays shut.\n")
    search("ferry", corpus=corpus, settings=settings)
    found = examples(corpus, settings)
    assert "What did Ola Lind say?" in found
    assert all(not ask(q, corpus=corpus, settings=settings).abstained for q in found)


# --- uploads ---


def test_uploads_go_into_the_named_folder_only(corpus: Path, tmp_path: Path) -> None:
    folder = upload_folder(corpus / "added", corpus)
    assert save_upload(folder, "Neue Fähre.txt", b"The ferry is new.\n") == "Neue Fähre.txt"
    outside = write(tmp_path, "outside.txt", "mine")
    (folder / "link.txt").symlink_to(outside)
    wrong = {
        "../x.txt": "name", "a/b.txt": "name", "a\\b.txt": "name", ".hidden.txt": "name", "": "name", "x\0.txt": "name",
        "CON.txt": "name", "x.txt ": "name", "x\n.txt": "name", "é" * 120 + ".txt": "name", "~x.txt": "name",
        "x.html": "not an article", "x.py": "not an article", "x": "not an article",
        "Neue Fähre.txt": "already", "link.txt": "already",
    }  # fmt: skip
    for name, why in wrong.items():
        with pytest.raises(UsageError, match=why):
            save_upload(folder, name, b"text")
    for data, why in [(b"\x89PNG\x00", "binary"), (b"  \n", "empty"), (b"x" * (MAX_UPLOAD + 1), "larger")]:
        with pytest.raises(UsageError, match=why):
            save_upload(folder, "new.txt", data)
    assert outside.read_text() == "mine"
    assert sorted(p.name for p in folder.iterdir()) == ["Neue Fähre.txt", "link.txt"]
    folder.rename(corpus / "moved")
    folder.symlink_to(tmp_path)
    with pytest.raises(UsageError, match="replaced"):
        save_upload(folder, "new.txt", b"text")


def test_uploads_are_off_unless_a_folder_was_named(url: str) -> None:
    reply = httpx.post(f"{url}/page/api/upload?name=x.txt", content=b"text")
    assert (reply.status_code, "--uploads" in reply.json()["error"]) == (400, True)
