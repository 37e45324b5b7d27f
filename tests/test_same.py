from __future__ import annotations

from pathlib import Path

import pytest

from rag import ask, search
from rag.same import join_same
from rag.types import Hit
from tests.conftest import write


def hit(file: str, text: str, score: float, date: str | None = None, line: int = 1, **parts: float) -> Hit:
    return Hit(file, line, line, text, score, 0, len(text), date=date, parts=parts)


SAID = "Gen. Ida Holm wrote that the soldiers would leave the northern base by helicopter"
SAME = [
    (SAID, SAID),
    ("He called it “a mistake”.", 'He called it "a mistake".'),
    (SAID, SAID.replace("Ida Holm", "Ida H. Holm")),
    (SAID, SAID.replace("soldiers", "soldiers there")),
    (
        "They sent the letter not once but twice to the office.",
        "They sent the letter not once, but twice, to the office.",
    ),
    ("The base holds five thousand soldiers and their tanks.", "The base holds 5,000 soldiers and their tanks."),
]
OTHER = [
    (SAID, SAID.replace("would", "would not")),
    (SAID, SAID.replace("northern", "southern")),
    (SAID, SAID.replace("Ida Holm", "Per Lund")),
    (SAID, SAID.replace("the northern base", "the northern base or Jordan")),
    (SAID, SAID.replace("the soldiers", "the 20 soldiers")),
    ("The base holds 5,000 soldiers and tanks.", "The base holds 6,000 soldiers and tanks."),
    ("He left.", "He left Oslo."),
    ("The letter was signed by the general there.", "The letter was unsigned by the general there."),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_counts_once(one: str, other: str) -> None:
    (joined,) = join_same([hit("a", one, 2.0), hit("b", other, 1.0)])
    assert (joined.file, [h.file for h in joined.also], joined.score) == ("a", ["b"], 2.0)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_another_number_name_or_denial_is_another_statement(one: str, other: str) -> None:
    assert [h.also for h in join_same([hit("a", one, 2.0), hit("b", other, 1.0)])] == [(), ()]


def test_the_earliest_article_comes_first_and_a_whole_sentence_before_a_fragment() -> None:
    hits = [hit("c", SAID, 3.0, "2020-01-08"), hit("d", SAID, 2.0), hit("b", SAID, 1.0, "2020-01-06", line=7)]
    (joined,) = join_same(hits)
    assert [str(h) for h in (joined, *joined.also)] == ["b:7", "c:1", "d:1"]
    assert joined.score == 3.0
    (joined,) = join_same(
        [hit("a", SAID, 3.0, "2020-01-01", fragment=1.0), hit("b", SAID, 2.0, "2020-01-02", fragment=0.0)]
    )
    assert [str(h) for h in (joined, *joined.also)] == ["b:1", "a:1"]


def test_a_version_that_lacks_a_word_of_the_question_does_not_come_first() -> None:
    longer = hit("b", SAID.replace("soldiers", "soldiers there"), 2.0, "2020-01-08", cover=1.0)
    (joined,) = join_same([longer, hit("a", SAID, 1.0, "2020-01-01", cover=0.5)])
    assert (joined.file, [h.file for h in joined.also]) == ("b", ["a"])


def test_a_place_is_given_once() -> None:
    twice = [hit("a", SAID, 2.0), hit("a", SAID, 2.0), hit("a", SAID, 2.0, line=3)]
    (joined,) = join_same(twice)
    assert [str(h) for h in (joined, *joined.also)] == ["a:1", "a:3"]


def test_an_answer_carries_all_places_of_a_wire_story(tmp_path: Path) -> None:
    folder = tmp_path / "articles"
    for day in range(1, 7):
        text = f"Title: Ferry {day}\nPublished: 2020-01-0{day}\n\nOn board were 214 people of the northern island villages.\n"
        write(folder, f"{9 - day}.txt", text)
    answer = ask("Were people of the northern island villages on board?", corpus=folder, llm=False)
    assert [str(c) for c in answer.citations] == [f"{9 - day}.txt:4" for day in range(1, 7)]
    assert len([h for h in search("people on board", corpus=folder) if "214" in h.text]) == 1
