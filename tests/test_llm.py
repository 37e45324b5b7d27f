"""The writer with a model, over real HTTP on loopback."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag import Answer, Claim, ask, stream
from rag.prompts import NOT_SAID
from rag.settings import Settings
from tests.server import Script, serving


def settings(home: Path, script: Script | None = None, **values: Any) -> Settings:
    url = script.url if script else None
    return Settings(home=home, model="by-hand", api_key="secret-key", base_url=url, **values)


def writing(text: str) -> Callable[[dict[str, Any]], str]:
    """A model that looks up where `<words>` stand in its prompt and writes markers for them."""

    def reply(body: dict[str, Any]) -> str:
        prompt = body["messages"][-1]["content"]

        def marker(match: re.Match[str]) -> str:
            number = 0
            for line in prompt.split("\n"):
                if found := re.match(r"\[(\d+)\] ", line):
                    number = int(found[1])
                elif match[1] in line:
                    return f"[{number}:{line.partition('|')[0]}]"
            raise AssertionError(f"{match[1]!r} is not in the prompt")

        return re.sub(r"<([^>]+)>", marker, text)

    return reply


def test_a_model_writes_and_each_sentence_names_its_line(corpus: Path, home: Path) -> None:
    with serving(writing("The ferry left at nine <ferry left>. It carried 214 people. <214 people>")) as script:
        answer = ask("Which ferry left at nine?", corpus=corpus, settings=settings(home, script))
    assert answer.text == "The ferry left at nine. [1] It carried 214 people. [2]"
    assert [str(c) for c in answer.citations] == ["a.txt:5", "a.txt:5"]
    assert [c.text for c in answer.citations] == ["The ferry left at nine.", "It carried 214 people."]
    assert [c.verdict for c in answer.claims] == ["supported", "supported"]
    assert (answer.mode, answer.degraded, answer.removed) == ("model", None, ())
    usage = answer.usage
    assert (usage.model, usage.prompt_tokens, usage.completion_tokens) == ("by-hand", 321, 12)


def test_the_prompt_holds_numbered_lines_as_data_and_stays_in_budget(corpus: Path, home: Path) -> None:
    with serving(NOT_SAID) as script:
        ask("Which ferry left at nine?", corpus=corpus, settings=settings(home, script), as_of="2020-01-09")
        (request,) = script.requests
    system, user = (m["content"] for m in request["messages"])
    assert NOT_SAID in system
    assert "[1] Ferry late | Harbour Ledger | 2020-01-06\n" in user
    assert "\n5| The ferry left at nine. It carried 214 people.\n" in user
    assert "Today is 2020-01-09." in user
    assert user.endswith("Question: Which ferry left at nine?")


def test_a_long_article_is_cut_to_the_budget(corpus: Path, home: Path) -> None:
    from index.tokens import count_tokens
    from rag.chain import PROMPT_TOKENS

    (corpus / "long.txt").write_text("\n".join(f"The ferry made trip {i} in heavy fog." for i in range(3000)))
    with serving(NOT_SAID) as script:
        ask("ferry fog trip", corpus=corpus, settings=settings(home, script))
        user = script.requests[0]["messages"][1]["content"]
    assert 500 < count_tokens(user) < PROMPT_TOKENS + 100


def test_sentences_come_one_by_one_and_the_answer_last(corpus: Path, home: Path) -> None:
    with serving(writing("The ferry left at nine. <ferry left>\nIt cost 3 million crowns. <3 million>")) as script:
        events = list(stream("ferry bridge", corpus=corpus, settings=settings(home, script)))
    assert [e.text for e in events if isinstance(e, Claim)] == [
        "The ferry left at nine.",
        "It cost 3 million crowns.",
    ]
    assert isinstance(events[-1], Answer)


def test_what_nothing_supports_is_removed_and_listed(corpus: Path, home: Path) -> None:
    reply = writing("The ferry carried 999 people. <214 people> The ferry left at nine. <ferry left>")
    with serving(reply) as script:
        answer = ask("How many people were on the ferry?", corpus=corpus, settings=settings(home, script))
    assert answer.text == "The ferry left at nine. [1]"
    assert [c.text for c in answer.removed] == ["The ferry carried 999 people."]
    assert "999" in answer.removed[0].reasons[0]


@pytest.mark.parametrize("marker", ["[9:1]", "[1:99]", "[0:0]", "[1:1-500]", "[1, 2]", "【7:7】", ""])
def test_a_marker_that_was_not_shown_is_never_passed_on(corpus: Path, home: Path, marker: str) -> None:
    with serving(f"The ferry left at nine. {marker}") as script:
        answer = ask("Which ferry left at nine?", corpus=corpus, settings=settings(home, script))
    assert [str(c) for c in answer.citations] == ["a.txt:5"]  # the line that does support it
    assert answer.claims[0].verdict == "moved"
    assert re.sub(r" \[1\]$", "", answer.text) == "The ferry left at nine."


def test_a_wrong_line_is_corrected(corpus: Path, home: Path) -> None:
    with serving(writing("It cost 3 million crowns. <ferry left>")) as script:
        answer = ask("ferry bridge cost", corpus=corpus, settings=settings(home, script))
    assert [(c.verdict, str(c.citations[0])) for c in answer.claims] == [("moved", "sub/b.txt:4")]


def test_a_model_that_abstains_gives_the_nearest_lines(corpus: Path, home: Path) -> None:
    with serving(NOT_SAID) as script:
        answer = ask("Which ferry left at ten?", corpus=corpus, settings=settings(home, script))
    assert (answer.abstained, answer.text, answer.claims) == (True, NOT_SAID, ())
    assert answer.nearest[0].file == "a.txt"


def test_only_invention_becomes_an_abstention(corpus: Path, home: Path) -> None:
    with serving("The captain was drunk. [1:5]") as script:
        answer = ask("Which ferry left at nine?", corpus=corpus, settings=settings(home, script))
    assert answer.abstained
    assert [c.text for c in answer.removed] == ["The captain was drunk."]


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (401, "OPENAI_API_KEY"),
        (404, "BYLINE_MODEL"),
        ("!empty", "answered nothing"),
        ("!cut The ferry left at nine. [1:5] It carr", "broke off"),
        ("!length The ferry left at nine. [1:5] It carr", "length limit"),
        ("!html", "OPENAI_BASE_URL"),
        ((400, '{"error": {"message": "context too long"}}'), "context too long"),
    ],
)
def test_a_failing_model_gives_a_quoted_answer_and_the_reason(corpus: Path, home: Path, reply: Any, says: str) -> None:
    with serving(reply) as script:
        answer = ask("Which ferry left at nine?", corpus=corpus, settings=settings(home, script))
    assert answer.mode == "quoted"
    assert answer.degraded
    assert says in answer.degraded
    assert "secret-key" not in answer.degraded
    assert answer.claims[0].text == "The ferry left at nine."


def test_an_unreachable_endpoint(corpus: Path, home: Path) -> None:
    with serving("x") as script:
        pass  # closed again: nobody listens at its address
    answer = ask("Which ferry left at nine?", corpus=corpus, settings=settings(home, script))
    assert answer.degraded
    assert "cannot be reached" in answer.degraded


def test_any_llamaindex_llm_may_be_given(corpus: Path) -> None:
    from llama_index.core.llms import MockLLM

    answer = ask("Which ferry left at nine?", corpus=corpus, llm=MockLLM(max_tokens=5))
    assert answer.mode == "model"
    assert answer.abstained  # it says "text text ...": nothing that the articles support


def test_no_model_is_asked_where_nothing_was_found_or_quoting_is_wanted(corpus: Path, home: Path) -> None:
    with serving("x") as script:
        ask("Which ferry left at nine?", corpus=corpus, llm=False, settings=settings(home, script))
        ask("ferry", corpus=corpus, since="2031-01-01", settings=settings(home, script))
        assert script.requests == []


def test_an_unsupported_sentence_does_not_ride_along_with_a_supported_one(corpus: Path, home: Path) -> None:
    with serving(writing("The captain resigned. The ferry left at nine. <ferry left>")) as script:
        answer = ask("Which ferry left at nine?", corpus=corpus, settings=settings(home, script))
    assert answer.text == "The ferry left at nine. [1]"
    assert [c.text for c in answer.removed] == ["The captain resigned."]


def test_a_model_that_never_ends_is_cut_off(corpus: Path, home: Path) -> None:
    with serving("word " * 20_000) as script:
        answer = ask("Which ferry left at nine?", corpus=corpus, settings=settings(home, script))
    assert answer.degraded
    assert "did not come to an end" in answer.degraded


def test_a_sentence_larger_than_the_prompt_is_quoted_instead(corpus: Path, home: Path) -> None:
    (corpus / "a.txt").write_text("zebra " + "\U00012000" * 1990)
    with serving("x") as script:
        answer = ask("zebra?", corpus=corpus, settings=settings(home, script), files="a.txt")
    assert answer.mode == "quoted"
    assert answer.degraded
