"""Conversation, questions of several parts, and what "this week" means."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from index.errors import UsageError
from rag import Answer, Claim, ask, stream
from rag.asof import period
from rag.cli import main
from rag.followup import carried, stands_alone
from rag.parts import parts
from rag.settings import Settings, read_settings
from tests.conftest import write
from tests.server import serving


@pytest.mark.parametrize(
    ("question", "alone"),
    [
        ("Was the letter signed?", True),
        ("What did Holm say he would do?", True),
        ("and who signed it?", False),
        ("What about Germany?", False),
        ("Why?", False),
        ("Where does he serve now?", False),
        ("How many troops does Canada have there?", True),  # "Canada" comes before "there"
    ],
)
def test_a_question_that_stands_alone(question: str, alone: bool) -> None:
    assert stands_alone(question) is alone


def test_a_follow_up_carries_the_questions_back_to_one_that_stands_alone_and_the_names_of_the_answer() -> None:
    turns = [("Who opened the bridge?", "The mayor, Ida Holm, did. [1]"), ("and when?", "She did on Monday. [1]")]
    assert carried("Why?", turns) == ("Who opened the bridge?", "and when?")
    assert carried("Where was she?", turns[:1]) == ("Who opened the bridge?", "Ida Holm")
    assert carried("How much did the tunnel cost?", turns) == ()
    assert carried("Why?", []) == ()


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Who wrote the letter, and was it signed?", ["Who wrote the letter", "was it signed?"]),
        ("Was it signed in time? Who signed it?", ["Was it signed in time", "Who signed it?"]),
        ("What did Holm and Berg say?", ["What did Holm and Berg say?"]),
        ("The ferry and how it left", ["The ferry and how it left"]),
        ("Why and when?", ["Why and when?"]),
    ],
)
def test_parts(question: str, expected: list[str]) -> None:
    assert parts(question) == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What happened this week?", ("2020-01-01", "2020-01-09")),
        ("What did he say yesterday?", ("2020-01-07", "2020-01-09")),
        ("Who won last month?", ("2019-11-08", "2019-12-20")),
        ("Who won Tuesday's race?", ("2020-01-01", "2020-01-09")),
        ("On Monday, which 3 ministers resigned?", ("2020-01-01", "2020-01-09")),
        ("who resigned on monday", ("2020-01-01", "2020-01-09")),
        ("Who stopped on Sunday last week?", ("2019-12-25", "2020-01-05")),
        ("Which town was recently flooded?", ("2019-12-08", "2020-01-09")),
        ("Which town was recently flooded, in May 2018?", None),
        ("What happens every Monday?", None),
        ("Who sang on Sunday nights?", None),
        ("Who sang on Monday of last year?", None),
        ("Who signed it on Monday, January 6?", None),
        ("Who signed it on Monday, Jan. 6?", None),
        ("Who signed it on Monday the 6th?", None),
        ("Who marched on Sunday in 1972?", None),
        ("Who wrote Black Monday?", None),
        ("Who organised Bloody Sunday's march?", None),
        ("What happened?", None),
    ],
)
def test_period(question: str, expected: tuple[str, str] | None) -> None:
    found = period(question, "2020-01-09")
    assert (found and (found.since, found.until)) == expected
    assert found is None or found.sure == bool(re.search("week|month|yesterday", question))
    assert period(question, None) is None


def test_each_part_of_a_question_is_searched(corpus: Path) -> None:
    answer = ask("Which ferry left at nine, and why is the tunnel closed?", corpus=corpus)
    assert {c.file for c in answer.citations} >= {"a.txt", "c.md"}


def test_this_week_prefers_the_articles_of_that_week_and_says_where_there_are_none(corpus: Path) -> None:
    write(corpus, "old.txt", "Published: 2019-03-01\n\nThe ferry company opened a new line with two ferries.\n")
    write(corpus, "new.txt", "Published: 2020-01-08\n\nThe ferry company closed a line with two ferries.\n")
    question = "What did the ferry company do with a line this week?"
    assert {c.file for c in ask(question, corpus=corpus, as_of="2020-01-09").citations} == {"new.txt"}
    answer = ask(question, corpus=corpus, as_of="2024-06-01")
    assert not answer.abstained
    assert "all were searched" in answer.notes[0]


def test_recently_means_what_was_recent_unless_only_older_articles_say_it(corpus: Path) -> None:
    write(
        corpus,
        "old.txt",
        "Published: 2019-03-01\n\nThe ferry company recently bought a tugboat for nine million crowns.\n",
    )
    write(corpus, "older.txt", "Published: 2018-03-01\n\nThe ferry company opened a new line with two ferries.\n")
    write(corpus, "new.txt", "Published: 2020-01-08\n\nThe ferry company closed a line with two ferries.\n")
    lately = ask(
        "What did the ferry company recently do with a line with two ferries?", corpus=corpus, as_of="2020-01-09"
    )
    assert {c.file for c in lately.citations} == {"new.txt"}
    before = ask("How much did the tugboat cost that was recently bought?", corpus=corpus, as_of="2020-01-09")
    assert before.citations[0].file == "old.txt"
    assert "all were searched" in before.notes[0]


def test_a_model_makes_a_follow_up_stand_alone(corpus: Path, home: Path) -> None:
    with serving(
        "Who opened the bridge on Monday?", "The mayor, Ida Holm, opened the bridge on Monday. [1:3]"
    ) as script:
        chosen = Settings(home=home, model="m", api_key="k", base_url=script.url)
        answer = ask(
            "and who was there?",
            corpus=corpus,
            settings=chosen,
            history=[("When was the bridge opened?", "On Monday.")],
        )
        first, second = script.requests
    assert "When was the bridge opened?" in first["messages"][1]["content"]
    assert second["messages"][1]["content"].endswith("Question: Who opened the bridge on Monday?")
    assert (answer.question, str(answer.citations[0])) == ("and who was there?", "sub/b.txt:3")


def test_a_second_opinion_that_disagrees_is_shown(corpus: Path, home: Path) -> None:
    with serving(
        "The ferry left at nine. [1:5] It carried 214 people. [1:5]", "1. unsupported: no ferry is named\n2. supported"
    ) as script:
        chosen = Settings(home=home, model="m", api_key="k", base_url=script.url)
        answer = ask("Which ferry left at nine?", corpus=corpus, settings=chosen, check="model")
    assert [c.verdict for c in answer.claims] == ["supported", "supported"]
    assert answer.claims[0].reasons == ("m finds it unsupported: no ferry is named",)
    assert answer.claims[1].reasons == ()
    assert "no ferry is named" in answer.notes[0]


@pytest.mark.parametrize("opinion", ["supported", "unsupported: the wrong way round"])
def test_a_second_opinion_brings_back_what_was_replaced_by_its_line(corpus: Path, home: Path, opinion: str) -> None:
    line = "Per Lund sold the boat that Ida Holm had painted to a man from the town in March."
    write(corpus, "boat.txt", f"Boats\n\n{line}\n")
    written = "Ida Holm had painted the boat in March."
    with serving(f"{written} [1:3]", f"1. {opinion}") as script:
        chosen = Settings(home=home, model="m", api_key="k", base_url=script.url, check="model")
        answer = ask("Which boat did Ida Holm paint?", corpus=corpus, settings=chosen)
        judged = script.requests[1]["messages"][1]["content"]
    assert judged.count(written) == judged.count(line) == 1
    (claim,) = answer.claims
    if opinion == "supported":
        assert (claim.text, claim.draft) == (written, None)
        assert "m finds it supported" in claim.reasons[0]
        assert answer.notes == ()
    else:
        assert claim.draft
        assert (claim.text, claim.draft.text) == (line, written)
        assert answer.notes == (
            "1 sentence of the model was replaced by the cited lines, which it may not repeat faithfully",
        )


@pytest.mark.parametrize("check", [None, "model"])
def test_a_line_that_stands_for_two_sentences_is_shown_once(corpus: Path, home: Path, check: str | None) -> None:
    line = "Per Lund sold the boat that Ida Holm had painted to a man from the town in March."
    write(corpus, "boat.txt", f"Boats\n\n{line}\n")
    two = ["Ida Holm had painted the boat in March.", "Ida Holm in March had painted the boat."]
    with serving(" ".join(f"{text} [1:3]" for text in two), "1. supported\n2. supported") as script:
        chosen = Settings(home=home, model="m", api_key="k", base_url=script.url, check=check)
        *given, answer = stream("Which boat did Ida Holm paint?", corpus=corpus, settings=chosen)
    assert isinstance(answer, Answer)
    told = [event.text for event in given if isinstance(event, Claim)]
    if check:
        assert told == []  # what may still change is not given before the answer
        assert [c.text for c in answer.claims] == two
        assert answer.notes == ()
    else:
        assert told == [c.text for c in answer.claims] == [line]
        assert "2 sentences of the model were replaced" in answer.notes[0]


def test_the_environment_asks_for_a_second_opinion(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings().check is None
    monkeypatch.setenv("BYLINE_CHECK", "model")
    assert read_settings().check == "model"
    monkeypatch.setenv("BYLINE_CHECK", "on")
    with pytest.raises(UsageError, match="BYLINE_CHECK"):
        read_settings()


def test_a_second_opinion_that_cannot_be_read_is_said(corpus: Path, home: Path) -> None:
    with serving("The ferry left at nine. [1:5]", "Looks fine to me!") as script:
        chosen = Settings(home=home, model="m", api_key="k", base_url=script.url)
        answer = ask("Which ferry left at nine?", corpus=corpus, settings=chosen, check="model")
    assert "no second opinion on 1 of 1" in answer.notes[0]


def test_chat_understands_a_follow_up(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Which ferry left at nine?\nHow many people did it carry?\n/new\n\n"))
    assert main(["chat", "-c", str(corpus)]) == 0
    out = capsys.readouterr().out
    assert "The ferry left at nine." in out
    assert "It carried 214 people." in out
