"""Repair: what fails is asked for once more, then removed and said so."""

from __future__ import annotations

from pathlib import Path

from rag import Answer, ask
from rag.settings import Settings
from tests.conftest import write
from tests.server import serving


def asked(
    corpus: Path, home: Path, *replies: str, question: str = "Which ferry left at nine?"
) -> tuple[Answer, list[str]]:
    with serving(*replies) as script:
        answer = ask(question, corpus=corpus, settings=Settings(home=home, model="m", api_key="k", base_url=script.url))
        return answer, [r["messages"][-1]["content"] for r in script.requests]


def test_a_failed_sentence_is_asked_for_once_more_with_the_reason(corpus: Path, home: Path) -> None:
    answer, prompts = asked(corpus, home, "It carried 241 people. [1:5]", "It carried 214 people. [1:5]")
    assert [c.text for c in answer.claims] == ["It carried 214 people."]
    assert answer.removed == ()
    assert answer.notes == ()
    assert "- It carried 241 people. (the number 241 is not in the cited lines" in prompts[1]
    assert answer.usage.prompt_tokens == 2 * 321


def test_asked_again_it_is_shown_the_lines_the_sentence_is_about(corpus: Path, home: Path) -> None:
    write(corpus, "long.txt", "\n".join(f"Ferry number {n} left the pier with {n + 100} people." for n in range(1, 31)))
    question = "How many people were on ferry number 7?"
    with serving("Ferry number 7 left with 170 people. [1:7]", "Ferry number 7 left with 107 people. [1:7]") as script:
        chosen = Settings(home=home, model="m", api_key="k", base_url=script.url)
        answer = ask(question, corpus=corpus, settings=chosen)
        first, again = ([m["content"] for m in r["messages"]] for r in script.requests)
    assert [(c.text, c.verdict) for c in answer.claims] == [("Ferry number 7 left with 107 people.", "supported")]
    assert first[0] == again[0]
    assert first[1].partition("END OF SOURCES")[2] == again[1].partition("END OF SOURCES")[2]
    lines = {line for line in again[1].split("\n") if "| Ferry number" in line}
    assert lines < {line for line in first[1].split("\n") if "| Ferry number" in line}
    assert {f"{n}| Ferry number {n} left the pier with {n + 100} people." for n in range(5, 10)} <= lines
    assert len(lines) <= 8


def test_what_fails_again_is_removed_and_said(corpus: Path, home: Path) -> None:
    answer, prompts = asked(corpus, home, "The ferry left at nine. [1:5] It carried 241 people. [1:5]")
    assert [c.text for c in answer.claims] == ["The ferry left at nine."]
    assert [c.text for c in answer.removed] == ["It carried 241 people."]
    assert answer.notes == ("1 sentence of the model was removed: no line bears it out",)
    assert len(prompts) == 2


def test_what_is_asked_again_and_then_left_out_is_listed_as_removed(corpus: Path, home: Path) -> None:
    answer, _ = asked(corpus, home, "It carried 241 people. [1:5]", "The articles do not say.")
    assert answer.abstained
    assert [c.text for c in answer.removed] == ["It carried 241 people."]


def test_a_sentence_is_moved_to_an_article_that_was_not_shown(corpus: Path, home: Path) -> None:
    for i in range(60):
        write(corpus, f"ferry{i}.txt", f"The ferry left at nine on day {i}, said the ferry company. " * 12)
    write(corpus, "far.txt", "The lighthouse keeper feeds eleven grey cats.\n")
    answer, prompts = asked(corpus, home, "The lighthouse keeper feeds eleven grey cats. [1:1]")
    assert "lighthouse" not in prompts[0].split("Question:")[0]
    assert [(c.verdict, str(c.citations[0])) for c in answer.claims] == [("moved", "far.txt:1")]


def test_an_invented_quotation_is_never_shown(corpus: Path, home: Path) -> None:
    answer, _ = asked(corpus, home, "The ferry left at nine, “to the dismay of all”. [1:5]")
    assert answer.abstained
    assert "dismay" not in answer.text


def test_when_asking_again_fails_the_good_sentences_stay(corpus: Path, home: Path) -> None:
    answer, _ = asked(corpus, home, "The ferry left at nine. [1:5] It carried 241 people. [1:5]", "!empty")
    assert [c.text for c in answer.claims] == ["The ferry left at nine."]
    assert answer.degraded is None
    assert "could not be asked again" in answer.notes[0]


def test_he_is_who_the_sentence_before_names(corpus: Path, home: Path) -> None:
    write(corpus, "d.txt", "Pier talks\n\nIda Holm met the crew on the pier.\nShe promised a new boat.\n")
    answer, _ = asked(
        corpus, home, "Ida Holm promised a new boat. [1:4]", question="Who promised a new boat on the pier?"
    )
    assert [(c.verdict, str(c.citations[0])) for c in answer.claims] == [("supported", "d.txt:4")]
