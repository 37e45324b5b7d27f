"""What endpoints do wrong, over real HTTP on loopback, streamed and not: never a traceback, never too late."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from index.errors import ModelError, UsageError
from rag import Answer, Claim, ask, llm, stream
from rag.llm import ContextTooLong, Deadline, Reply
from rag.providers import make_llm
from rag.settings import Settings
from tests.server import Script, serving

TEXT = "The ferry left at nine. [1:5]"
ASKED = [("user", "Which ferry left at nine?")]
WORDS = "anchors barges cranes dredgers engines funnels gulls".split()


def http(status: int, body: Any, **headers: str) -> bytes:
    """A whole HTTP response."""
    data = (body if isinstance(body, str) else json.dumps(body)).encode()
    head = {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}
    lines = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in head.items())
    return f"HTTP/1.1 {status} x\r\n{lines}\r\n".encode() + data


def error(status: int, message: str = "no", code: str = "", **headers: str) -> bytes:
    return http(status, {"error": {"message": message, "code": code}}, **headers)


def event(data: Any) -> str:
    return f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n"


def delta(text: str | None, finish: str | None = None, **more: Any) -> str:
    choice = {"index": 0, "delta": {"content": text, **more}, "finish_reason": finish}
    return event({"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [choice]})


def message(content: str | None, finish: str | None = "stop", **more: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": content, **more}, "finish_reason": finish}
    return http(200, {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]})


def model(script: Script) -> Any:
    return make_llm(Settings(home=Path(), model="by-hand", api_key="secret-key", base_url=script.url))


@pytest.fixture(autouse=True, scope="module")
def imported() -> None:
    """The client is imported before a deadline of seconds begins."""
    with serving(TEXT) as script:
        list(Reply(model(script), ASKED))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llm, "BACKOFF", 0.01)


BOTH: list[tuple[str, Any, str, int]] = [  # name, replies, words of the error ("" where it ends well), requests
    ("429 once", (error(429, retry_after="0.05"), TEXT), "", 2),
    ("429 once, no Retry-After", (error(429), TEXT), "", 2),
    ("429 always", (error(429, retry_after="0.05"),), "too many requests", 3),
    ("429 Retry-After: 120", (error(429, retry_after="120"), TEXT), "too many requests", 1),
    ("429 Retry-After: a date", (error(429, retry_after="Wed, 21 Oct 2026 07:28:00 GMT"), TEXT), "", 2),
    ("429 quota", (error(429, "You exceeded your quota", "insufficient_quota"), TEXT), "no quota", 1),
    ("500 once", (error(500), TEXT), "", 2),
    ("503 always", (error(503),), "failed (503)", 3),
    ("408 once", (error(408), TEXT), "", 2),
    ("401", (error(401), TEXT), "OPENAI_API_KEY", 1),
    ("403", (error(403), TEXT), "OPENAI_API_KEY", 1),
    ("404", (error(404), TEXT), "BYLINE_MODEL", 1),
    ("400", (error(400, "bad things"), TEXT), "bad things", 1),
    ("400 context", (error(400, "too long", "context_length_exceeded"), TEXT), "too long", 1),
    ("closed at once", (b"", TEXT), "", 2),
    ("always closed at once", (b"",), "cannot be reached", 3),
    ("half a status line", (b"HTTP/1.1 20", TEXT), "", 2),
    ("no answer", (None,), "within", 1),
]

WHOLE: list[tuple[str, Any, str, int]] = [
    ("HTML", (http(200, "<html>login</html>", Content_Type="text/html"),), "OPENAI_BASE_URL", 1),
    ("cut JSON", (http(200, '{"choices": [{"mess'),), "OPENAI_BASE_URL", 1),
    ("{}", (http(200, {}),), "OPENAI_BASE_URL", 1),
    ("choices: []", (http(200, {"choices": []}),), "OPENAI_BASE_URL", 1),
    ("refusal", (message(None, refusal="I cannot."),), "refused", 1),
    ("empty", (message(""),), "answered nothing", 1),
    ("length", (message(TEXT, "length"),), "length limit", 1),
    ("content filter", (message(TEXT, "content_filter"),), "content filter", 1),
    ("no finish reason", (message(TEXT, None),), "broke off", 1),
    ("good", (message(TEXT),), "", 1),
]

STREAMED: list[tuple[str, Any, str, int]] = [
    ("HTML", (http(200, "<html>login</html>", Content_Type="text/html"),), "OPENAI_BASE_URL", 1),
    ("{}", (http(200, {}),), "OPENAI_BASE_URL", 1),
    ("cut, no finish reason", ([delta(TEXT), event("[DONE]")],), "broke off", 1),
    ("cut, no [DONE]", ([delta(TEXT)],), "broke off", 1),
    ("bad JSON", ([delta(TEXT), event('{"choices": [{"del')],), "could not be read", 1),
    ("error event", ([delta(TEXT), event({"error": {"message": "overloaded"}})],), "overloaded", 1),
    ("stalls", ([delta(TEXT), *[": still here\n\n"] * 60],), "within", 1),
    ("choices: []", ([event({"id": "x", "choices": []}), delta(TEXT, "stop"), event("[DONE]")],), "", 1),
    ("choices: null", ([event({"id": "x", "choices": None}), delta(TEXT, "stop")],), "could not be read", 1),
    ("refusal", ([delta(None, refusal="I cannot."), delta(None, "stop"), event("[DONE]")],), "refused", 1),
    ("empty", ([delta("", "stop"), event("[DONE]")],), "answered nothing", 1),
    ("length", ([delta(TEXT), delta("", "length"), event("[DONE]")],), "length limit", 1),
    ("content filter", ([delta(TEXT), delta("", "content_filter"), event("[DONE]")],), "content filter", 1),
    ("no [DONE] but finished", ([delta(TEXT), delta("", "stop")],), "", 1),
]


@pytest.mark.parametrize(
    ("replies", "says", "requests", "streamed"),
    [
        *(pytest.param(*c[1:], s, id=f"{c[0]}, {'streamed' if s else 'whole'}") for c in BOTH for s in (True, False)),
        *(pytest.param(*c[1:], False, id=f"{c[0]}, whole") for c in WHOLE),
        *(pytest.param(*c[1:], True, id=f"{c[0]}, streamed") for c in STREAMED),
    ],
)
def test_a_fault_ends_in_time_with_a_line_that_says_what_to_do(
    replies: Any, says: str, requests: int, streamed: bool
) -> None:
    seconds = 1.5
    with serving(*replies) as script:
        reply = Reply(model(script), ASKED, Deadline(seconds), stream=streamed)
        started = time.monotonic()
        if says:
            with pytest.raises(ModelError) as e:
                list(reply)
            assert says in str(e.value)
            assert "secret-key" not in str(e.value)
            assert "\n" not in str(e.value)
        else:
            assert "".join(reply) == TEXT
        assert time.monotonic() - started < seconds + 1
        assert len(script.requests) == requests


def test_one_deadline_bounds_all_requests_of_a_question(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llm, "DEADLINE", 1.0)
    started = time.monotonic()
    with serving(error(429, retry_after="0.6")) as script:
        answer = ask("Which ferry left at nine?", corpus=corpus, settings=settings(script))
        assert len(script.requests) == 2  # a second wait of 0.6 s would end after the deadline
    assert answer.mode == "quoted"
    assert answer.degraded
    assert time.monotonic() - started < 5


def settings(script: Script) -> Settings:
    from rag.settings import read_settings

    return Settings(home=read_settings().home, model="by-hand", api_key="secret-key", base_url=script.url)


def test_a_prompt_too_long_for_the_model_is_shortened_once(corpus: Path) -> None:
    for i in range(40):
        words = " ".join(f"{WORDS[i % 7]} {WORDS[n]} {i * n}" for n in range(7))
        (corpus / f"more{i}.txt").write_text(f"The ferry left at nine on day {i} of the fog, and {words}.")
    too_long = error(400, "maximum context length is 512 tokens", "context_length_exceeded")
    with serving(too_long, "The articles do not say.") as script:
        answer = ask("Which ferry left at nine in the fog?", corpus=corpus, settings=settings(script))
        first, second = (len(r["messages"][1]["content"]) for r in script.requests)
    assert answer.degraded is None
    assert second < first
    with serving(too_long) as script, pytest.raises(ContextTooLong):
        list(Reply(model(script), ASKED))


def test_sentences_before_a_cut_stay_true_and_the_answer_is_quoted(corpus: Path) -> None:
    reply = ["The ferry left at nine. [1:5] ", "It carried 214 people. [1:5] And it"]
    with serving([delta(r) for r in reply]) as script:
        events = list(stream("Which ferry left at nine?", corpus=corpus, settings=settings(script)))
    answer = events[-1]
    assert isinstance(answer, Answer)
    assert answer.degraded
    assert "broke off" in answer.degraded
    assert next(e.text for e in events if isinstance(e, Claim)) == "The ferry left at nine."
    assert all(c.verdict == "supported" for c in answer.claims)


def test_a_reply_in_another_language_is_not_taken_for_an_abstention(corpus: Path) -> None:
    german = "Die Fähre fuhr um neun Uhr ab und hatte viele Leute an Bord. [1:5]"
    with serving(german) as script:
        answer = ask("Which ferry left at nine?", corpus=corpus, settings=settings(script))
    assert answer.mode == "quoted"
    assert answer.degraded
    assert "another language" in answer.degraded


def test_leaving_a_stream_leaves_no_thread(corpus: Path) -> None:
    before = threading.enumerate()
    with serving([delta("The ferry left at nine. [1:5] It "), *[delta("rained ")] * 4, delta("", "stop")]) as script:
        events = stream("Which ferry left at nine?", corpus=corpus, settings=settings(script))
        while not isinstance(next(events), Claim):
            pass
        events.close()  # type: ignore[attr-defined]
        end = time.monotonic() + 5
        while any(t.name == "byline-model" and t not in before for t in threading.enumerate()):
            assert time.monotonic() < end
            time.sleep(0.05)


@pytest.mark.parametrize(
    ("name", "says"),
    [("anthropic:claude-x", "llama-index-llms-anthropic"), ("google-genai:g", "llama-index-llms-google-genai")],
)
def test_a_provider_without_its_package_is_named(name: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        make_llm(Settings(home=Path(), model=name))


def test_a_provider_is_taken_from_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    import types

    from llama_index.core.llms import MockLLM

    class Anthropic(MockLLM):
        def __init__(self, model: str) -> None:
            if model == "nothing":
                raise ValueError("no key")
            super().__init__()

    module = types.ModuleType("llama_index.llms.anthropic")
    module.Anthropic = Anthropic  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "llama_index.llms.anthropic", module)
    assert isinstance(make_llm(Settings(home=Path(), model="anthropic:claude-x")), Anthropic)
    with pytest.raises(UsageError, match="no key"):
        make_llm(Settings(home=Path(), model="anthropic:nothing"))


@pytest.mark.parametrize(
    ("name", "asked"), [("llama3:8b", "llama3:8b"), ("openai:gpt-x", "gpt-x"), ("org/m:free", "org/m:free")]
)
def test_other_colons_belong_to_the_name(name: str, asked: str) -> None:
    assert make_llm(Settings(home=Path(), model=name, base_url="http://127.0.0.1:9/v1")).model == asked
