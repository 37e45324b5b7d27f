"""Metadata: what the three forms give, and that nothing is guessed."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.metadata import Metadata, parse_date, read_metadata


@pytest.mark.parametrize(
    ("written", "iso"),
    [
        ("2021-03-04", "2021-03-04"),
        ("2021/3/4", "2021-03-04"),
        ("20210304", "2021-03-04"),
        ("2021-03-04T23:30:00-05:00", "2021-03-04"),
        ("March 4, 2021", "2021-03-04"),
        ("Mar. 4, 2021", "2021-03-04"),
        ("Sept. 4 2021, 5:15 p.m.", "2021-09-04"),
        ("4 March 2021", "2021-03-04"),
        ("4th of March 2021", "2021-03-04"),
        ("Thu, 04 Mar 2021 10:00:00 GMT", "2021-03-04"),
        ("07/01/2020", None),
        ("2021-02-30", None),
        ("February 29, 2021", None),
        ("February 29, 2020", "2020-02-29"),
        ("March 2021", None),
        ("120210-03-04", None),
        ("", None),
    ],
)
def test_parse_date(written: str, iso: str | None) -> None:
    assert parse_date(written) == iso


def test_front_matter() -> None:
    head = "---\ntitle: 'Ferries: a plan'\ndate: 2021-03-04\nauthors: [Ann Poe, Jon Roe]\nsite: Dock News\n---\n"
    assert read_metadata(head + "Text.\n", "a.md") == Metadata(
        "Ferries: a plan", "2021-03-04", "Dock News", "Ann Poe, Jon Roe", len(head)
    )


def test_front_matter_values_stay_as_written() -> None:
    head = "---\ntitle: 1984\nauthor: ~\nbyline: No\ndate: 2021-03-04 10:00:00\n---\n"
    assert read_metadata(head + "Text.", "a.md") == Metadata("1984", "2021-03-04", None, "No", len(head))


def test_front_matter_with_a_colon_in_the_headline() -> None:
    head = "---\ntitle: Ferries: a plan\ndate: 2021-03-04\n---\n"
    assert read_metadata(head + "Text.", "a.md") == Metadata("Ferries: a plan", "2021-03-04", None, None, len(head))


@pytest.mark.parametrize(
    "text",
    [
        "---\ntitle: [open\n---\nText goes on here.\n",
        "---\n- a\n- list\n---\nText goes on here.\n",
        "---\ntitle: never closed\n\nText goes on here.\n",
        "---\n" + "[" * 50_000 + "\n---\nText goes on here.\n",
        "---\n" + "- " * 30_000 + "\n---\nText goes on here.\n",
        "---\n" + "{a: " * 10_000 + "\n---\nText goes on here.\n",
        "---\ntitle: big\nx: " + "y" * 70_000 + "\n---\nText goes on here.\n",
        "---\nA rule, then a sentence.\n---\nText goes on here.\n",
    ],
)
def test_broken_front_matter_is_text(text: str) -> None:
    assert read_metadata(text, "a.md") == Metadata()


def test_yaml_bombs_are_quick() -> None:
    lines = ["a0: &a0 {k: v}"] + [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 12)]
    started = time.process_time()
    read_metadata("---\n" + "\n".join(lines) + "\n---\nText.\n", "a.md")
    assert time.process_time() - started < 1


def test_header_block() -> None:
    head = "Title: Ferries\nSOURCE: Dock News\nBy: Ann Poe\nSection:\nVersion: 2\nPublished: March 4, 2021\n\n"
    assert read_metadata(head + "Text.\n", "a.txt") == Metadata(
        "Ferries", "2021-03-04", "Dock News", "Ann Poe", len(head)
    )


@pytest.mark.parametrize(
    ("text", "title", "body"),
    [
        ("Title: Ferries\n\nText.", "Ferries", 16),  # 14 letters and two line ends
        ("Title: Ferries\nAuthor:\nText goes on here.", "Ferries", 23),  # 15 + 8
        ("Title: Ferries\nText goes on here.", None, 0),  # one line and no blank one
        ("Harbour: a history\n\nText.", "Harbour: a history", 0),  # not a known key
        ("Title: Ferries\n", "Ferries", 0),  # nothing else: the header is the text
    ],
)
def test_where_a_header_ends(text: str, title: str | None, body: int) -> None:
    got = read_metadata(text, "a.txt")
    assert (got.title, got.body_start) == (title, body)


def test_publication_counts_before_a_later_update() -> None:
    text = "Updated: 2021-03-09\nPublished: 2021-03-04\n\nText."
    assert read_metadata(text, "a.txt").date == "2021-03-04"


def test_header_below_a_cookie_notice_and_a_menu() -> None:
    top = "We use cookies here. Accept all\nHome | World | Sport | Art\n\nTitle: Ferries\nSource: Dock\n\n"
    assert read_metadata(top + "Text.", "a.txt") == Metadata("Ferries", None, "Dock", None, len(top))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ferries stay in port\n\nThe ferries stay.", Metadata(title="Ferries stay in port")),
        ("# Ferries stay.\nThe ferries stay.", Metadata(title="Ferries stay.")),
        ("Ferries stay\n============\nThe ferries stay.", Metadata(title="Ferries stay")),
        ("Ferries to leave the U.S.\n\nThey sail.", Metadata(title="Ferries to leave the U.S.")),
        ("Share prices sink\n\nThey sank.", Metadata(title="Share prices sink")),
        ("The ferries stay in port.\n\nThey do.", Metadata()),
        ("Long " * 50 + "\n\nText.", Metadata()),
        ("One line only", Metadata()),
        ("A line\nand the next one\nand more.", Metadata()),
        (
            "Ferries stay\nBy Ann Poe and Jon Roe, Dock Wire\nOSLO, March 4, 2021 — The ferries stay.",
            Metadata("Ferries stay", "2021-03-04", "Dock Wire", "Ann Poe and Jon Roe"),
        ),
        (
            "DOCK WIRE - FLASH\nFerries stay\nBy Ann Poe\n\nText goes on.",
            Metadata("Ferries stay", author="Ann Poe"),
        ),
        ("Ferries stay\n\nBy Ann Poe, Staff Writer\n\nText.", Metadata("Ferries stay", author="Ann Poe")),
        ("Ferries stay\n\nBy Ann van Poe Jr.\n\nText.", Metadata("Ferries stay", author="Ann van Poe Jr.")),
        (
            "Ferries stay\n\nMarch 4, 2021 | Dock News\n\nText.",
            Metadata("Ferries stay", "2021-03-04", "Dock News"),
        ),
        (
            "Ferries stay\n\nPublished 4 March 2021 at 10:05 GMT\n\nText.",
            Metadata("Ferries stay", "2021-03-04"),
        ),
        (
            "Ferries stay\nUpdated 2021-03-09\nPublished 2021-03-04\nText.",
            Metadata("Ferries stay", "2021-03-04"),
        ),
        ("NEW YORK (Dock Wire) — Ferries stay.", Metadata(source="Dock Wire")),
        ("By Monday the ferries had left.\n\nText.", Metadata()),
        ("By the sea\n\nText goes on.", Metadata("By the sea")),
        ("The pier fell on March 4, 2021 — nobody was hurt.\n\nText.", Metadata()),
        ("", Metadata()),
        ("\n\n\n", Metadata()),
    ],
)
def test_first_lines(text: str, expected: Metadata) -> None:
    assert read_metadata(text, "a.txt") == expected


@pytest.mark.parametrize(
    ("file", "iso"),
    [
        ("x/2021-03-04_ferries.txt", "2021-03-04"),
        ("20210304-ferries.txt", "2021-03-04"),
        ("ferries_2021_03_04.txt", "2021-03-04"),
        ("2021-13-04.txt", None),
        ("2021-03-04/ferries.txt", None),
        ("12345678.txt", None),
        ("a20210304b.txt", None),
    ],
)
def test_date_of_the_file_name(file: str, iso: str | None) -> None:
    assert read_metadata("The ferries stay.", file).date == iso
    assert read_metadata("Title: x\nDate: 2020-01-02\n\nThey stay.", file).date == "2020-01-02"


def test_values_are_one_clean_line() -> None:
    text = "Title: Fer\x1b[31mries \u202e\x07 stay\nSource: " + "x" * 400 + "\n\nText."
    got = read_metadata(text, "a.txt")
    assert (got.title, got.source) == ("Fer [31mries stay", "x" * 300)


@pytest.mark.parametrize("unit", [" ", "A ", "By A, ", "A | ", "1 ", "\n", "---\n", "a: \n", "(", "Jan. 1 "])
def test_no_text_makes_it_crawl(unit: str) -> None:
    started = time.process_time()
    for opening in ("", "A", "---\n", "Title: x\nDate: 1", "By A"):
        read_metadata(opening + unit * 50_000, "a.txt")
    assert time.process_time() - started < 2


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    got = read_metadata(text, "a.txt")
    assert 0 <= got.body_start <= len(text)
