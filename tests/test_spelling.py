from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from index.spelling import as_asked, forms, names, one_form, said_dates, terms
from index.words import fold, stem
from rag import ask, search
from tests.conftest import write


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5,000 troops", ["5000", "troop"]),
        ("five thousand troops", ["5000", "troop"]),
        ("Five Thousand", ["5000"]),
        ("5 thousand", ["5000"]),
        ("a hundred and thirty", ["130"]),
        ("1.2 million", ["1200000"]),
        ("twenty-five", ["25"]),
        ("two hundred thousand", ["200000"]),
        ("one of us", ["one"]),  # a pronoun as often as a number, and another
        ("in 2020, 6th, 7.5%", ["2020", "6th", "7", "5"]),
        ("the U.S. and the US", ["usa", "usa"]),
        ("American, Americans, United States", ["usa", "usa", "usa"]),
        ("Latin America", ["latin", "america"]),
        ("the U.N. in the U.K.", ["un", "uk"]),
        ("Jan. 6", ["januari", "6"]),
    ],
)
def test_one_form_for_one_thing(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


def test_forms_lead_back_to_the_term() -> None:
    for word in ("5000", "12", "1200000", "300000000", "January", "UK", "usa"):
        for form in forms(word):
            assert one_form(f"{form} 6").split()[0].lower() == word.lower(), form
    assert forms("2020") == ("2020",)  # a year is not written "2,020"
    assert forms("bridge") == ("bridge",)


SAME = [
    "Soleimani Suleimani Suilemani", "Seely Seeley", "Hussein Husain", "Hussein Hossein", "Mohammad Muhammad Mohamad",
    "Qassem Qasem Kassem", "Qaeda Qaida", "Hezbollah Hizballah", "Sergei Sergey", "Zelensky Zelenskyy", "Katherine Catherine",
]  # fmt: skip
OTHERS = (
    "Austria Australia;Niger Nigeria;Slovakia Slovenia;Johnson Johnston;Obama Osama;Taylor Tyler;Martin Marin".split(
        ";"
    )
)


def seen_as(asked: str, text: str) -> list[str]:
    return as_asked(asked, names(asked, lambda _: True), text, None)


@pytest.mark.parametrize("group", SAME)
def test_spellings_of_a_name_are_one_name(group: str) -> None:
    for asked in group.split():
        for there in group.split():
            assert seen_as(asked, f"Then {there} spoke.") == [stem(fold(asked)), "spoke"], (asked, there)


@pytest.mark.parametrize("pair", OTHERS)
def test_other_names_stay_others(pair: str) -> None:
    one, other = pair.split()
    assert seen_as(one, f"Then {other} spoke.") == terms(f"{other} spoke")


def test_short_names_and_abbreviations_have_no_other_spelling() -> None:
    assert names("Iran fought LVIII years", lambda _: True) == {}
    assert names("suleimani fought", lambda t: t == "fought") == {
        "suleimani": "suleimani"
    }  # unknown, so perhaps a name


def test_patterns_of_long_names_stay_small_enough_for_the_index(tmp_path: Path) -> None:
    write(tmp_path / "a", "a.txt", "Nothing of that kind happened here.\n")
    for name in (
        "Sauerbruchstrasse",
        "Oyaeuoiyaeuoi",
        "Wojciechowski",
        "Thiruvananthapuram",
        "Llanfairpwllgwyngyll" * 3,
    ):
        search(f"Where is {name}?", corpus=tmp_path / "a")


def test_days() -> None:
    assert said_dates("on Monday", "2020-01-07") == {date(2020, 1, 6)}
    assert said_dates("on Tuesday", "2020-01-07") == {date(2020, 1, 7)}
    assert said_dates("Dec. 30", "2020-01-07") == {date(2019, 12, 30)}
    assert said_dates("6 January 2020", None) == {date(2020, 1, 6)}
    assert said_dates("on Monday, and February 30", None) == set()


WIRE = "Title: Base\nPublished: 2020-01-07\n\n"
LINES = [
    ("a.txt", WIRE + "Gen. Qasem Soleimani led the force.\n"),
    ("b.txt", WIRE + "The army keeps some five thousand American soldiers there.\n"),
    ("c.txt", WIRE + "The ferry sank on Monday near the pier.\n"),
    ("d.txt", WIRE + "The bridge was opened on Dec. 30 by the mayor.\n"),
]
ASKED = [
    ("Who was Suleimani?", "a.txt"), ("Who was Suilemani?", "a.txt"), ("who was suleimani", "a.txt"),
    ("Are there 5,000 U.S. soldiers?", "b.txt"), ("Are there 5000 US soldiers?", "b.txt"),
    ("What happened on January 6?", "c.txt"), ("What happened on 6 January 2020?", "c.txt"),
    ("What was opened on December 30?", "d.txt"), ("What was opened on Monday, December 30?", "d.txt"),
]  # fmt: skip


@pytest.mark.parametrize(("question", "file"), ASKED)
def test_the_articles_answer_however_it_is_written(tmp_path: Path, question: str, file: str) -> None:
    for name, text in LINES:
        write(tmp_path / "articles", name, text)
    answer = ask(question, corpus=tmp_path / "articles", llm=False)
    assert [c.file for c in answer.citations][:1] == [file]
