from __future__ import annotations

from pathlib import Path

import pytest

from rag import ask
from rag.cli import main
from rag.types import Answer
from tests.conftest import write


def asked(folder: Path, question: str, *texts: str) -> Answer:
    """Answer from articles a.txt, b.txt, ... with these bodies, among some on other things."""
    for i, text in enumerate(("Snow fell on the hills.", "Trains ran late again.", "The choir sang in March.")):
        write(folder, f"other{i}.txt", f"Title: Other {i}\n\n{text}\n")
    for name, text in zip("abcdef", texts, strict=False):
        write(folder, f"{name}.txt", f"Title: Harbour\nPublished: 2020-01-0{ord(name) - 96}\n\n{text}\n")
    return ask(question, corpus=folder, llm=False)


def sides(answer: Answer) -> list[list[str]]:
    return [sorted(str(c) for c in side.citations) for conflict in answer.conflicts for side in conflict.sides]


DISAGREE = [
    ("Who won the harbour race?", "Ida Holm won the harbour race by a length.", "Per Lund won the harbour race by a length."),
    ("When did the lighthouse open?", "The lighthouse opened on May 3, 2019.", "The lighthouse opened on June 9, 2018."),
    ("How many boats sank in the storm?", "At least nine boats sank in the storm.", "Twelve boats of the club sank in Friday's storm."),
    ("How many boats sank?", "The storm sank nine boats.", "In all, more than a dozen boats sank."),
    ("Was the contract signed?", "The contract was signed on Monday.", "The contract, he said, was not signed."),
    ("Was the contract signed?", "The mayor has signed the contract.", "The contract is still unsigned."),
    ("Was the contract unsigned?", "The mayor has signed the contract.", "The contract is still unsigned."),
    ("Did Holm resign?", "Holm never resigned, her office said.", "Holm resigned on Monday."),
]  # fmt: skip


@pytest.mark.parametrize(("question", "one", "other"), DISAGREE)
def test_both_sides_are_given_with_their_places(tmp_path: Path, question: str, one: str, other: str) -> None:
    answer = asked(tmp_path / "articles", question, one, other)
    assert sorted(sides(answer)) == [["a.txt:4"], ["b.txt:4"]]
    assert {s.text for c in answer.conflicts for s in c.sides} == {one, other}
    assert {c.date for x in answer.conflicts for s in x.sides for c in s.citations} == {"2020-01-01", "2020-01-02"}


AGREE = [
    ("Who won the harbour race?", "Ida Holm won the harbour race.", "Holm won the harbour race."),
    ("Who won the harbour race?", "Seely won the harbour race.", "Seeley won the harbour race."),
    ("Who won the harbour race in 2019?", "Ida Holm won the harbour race in 2019.", "Per Lund won the harbour race in 2018."),
    ("Who won the harbour race?", "Ida Holm won the harbour race by a length.", "Ida Holm won the harbour race by a second."),
    ("How many boats sank?", "Nine boats sank.", "In all, 9 boats sank."),
    ("How many boats sank?", "Nine boats sank.", "Of nine boats that sank, four were raised."),
    ("How many boats sank in Oslo?", "Nine boats sank in Oslo.", "Four boats sank in Bergen."),
    ("When did the lighthouse open?", "The lighthouse opened on May 3, 2019.", "The lighthouse opened on 3 May 2019."),
    ("When did the lighthouse open?", "OSLO, Jan. 3, 2020 - The lighthouse is open.", "OSLO, Jan. 4, 2020 - Rain."),
    ("Was the contract signed?", "The contract was signed.", "The lease was not signed."),
    ("Was the contract signed?", "The contract was signed.", "The contract was signed, not printed."),
]  # fmt: skip


@pytest.mark.parametrize(("question", "one", "other"), AGREE)
def test_no_conflict_where_they_agree_or_speak_of_another_thing(
    tmp_path: Path, question: str, one: str, other: str
) -> None:
    assert asked(tmp_path / "articles", question, one, other).conflicts == ()


def test_a_file_does_not_disagree_with_itself(tmp_path: Path) -> None:
    text = "The contract was signed on Monday.\n\nThe contract, he said, was not signed."
    assert asked(tmp_path / "articles", "Was the contract signed?", text).conflicts == ()


def test_all_places_of_a_side_are_given(tmp_path: Path) -> None:
    yes, no = "The contract was signed on Monday.", "The contract, he said, was not signed."
    answer = asked(tmp_path / "articles", "Was the contract signed?", yes, no, yes, "The contract has been signed.")
    assert sorted(sides(answer)) == [["a.txt:4", "c.txt:4", "d.txt:4"], ["b.txt:4"]]


def test_the_command_line_prints_both_sides(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "articles"
    for name, text in (("a", "was signed"), ("b", "was not signed")):
        write(folder, f"{name}.txt", f"Title: Harbour\nPublished: 2020-01-06\nSource: Ledger\n\nThe contract {text}.\n")
    assert main(["ask", "-c", str(folder), "Was the contract signed?"]) == 0
    out = capsys.readouterr().out
    assert "The articles disagree:" in out
    assert "  - The contract was not signed.\n      b.txt:5  (Ledger, 2020-01-06)" in out


def test_articles_that_disagree_are_an_answer_even_where_no_sentence_stands_out(tmp_path: Path) -> None:
    for i, text in enumerate(("The firm bought 30 ferries.", "The firm bought 40 ferries.")):
        write(tmp_path / "articles", f"{i}.txt", f"Title: Ferries {i}\n\n{text}\n")
    question = "How many ferries did the firm buy?"
    answer = ask(question, corpus=tmp_path / "articles", llm=False, threshold=1.0)
    assert not answer.abstained
    assert {c.file for c in answer.citations} == {"0.txt", "1.txt"}
    assert [side.text for side in answer.conflicts[0].sides] == [claim.text for claim in answer.claims]
