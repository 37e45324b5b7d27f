from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.split import MAX_SENTENCE, passages, sentences

WORDS = st.sampled_from(
    [
        "The",
        "U.S.",
        "Gen.",
        "letter",
        "left.",
        "Why?",
        "“No,”",
        "he",
        "said.",
        "\u2028",
        "\x0c",
        "é",
        "e\u0301",
        "😀",
        "x" * 70,
    ]
)
TEXTS = st.lists(st.tuples(WORDS, st.sampled_from([" ", "\n", "\n\n", "  ", "\t", "\n- "])), max_size=60).map(
    lambda parts: "".join(a + b for a, b in parts)
)


def texts(text: str, body_start: int = 0) -> list[str]:
    return [text[s.start : s.end] for s in sentences(text, body_start)]


@settings(max_examples=300, deadline=None)
@given(TEXTS | st.text(max_size=200))
def test_spans_give_the_text_back_and_lines_are_those_of_an_editor(text: str) -> None:
    text = text.replace("\r", "\n")
    lines = text.split("\n")
    end = 0
    for s in sentences(text):
        piece = text[s.start : s.end]
        assert piece
        assert piece == piece.strip()
        assert text[end : s.start].strip() == ""  # nothing but white space is left out
        assert s.line_start == text.count("\n", 0, s.start) + 1
        assert s.line_end == text.count("\n", 0, s.end) + 1
        assert piece in "\n".join(lines[s.line_start - 1 : s.line_end])
        end = s.end
    assert text[end:].strip() == ""


@settings(max_examples=100, deadline=None)
@given(TEXTS, st.integers(10, 400))
def test_passages_are_runs_of_whole_sentences_in_order(text: str, size: int) -> None:
    found = sentences(text)
    grouped = passages(found, size=size)
    assert [s for p in grouped for s in p.sentences] == found
    for p in grouped:
        assert (p.start, p.end) == (p.sentences[0].start, p.sentences[-1].end)
        assert (p.line_start, p.line_end) == (p.sentences[0].line_start, p.sentences[-1].line_end)
        assert len(p.sentences) == 1 or p.end - p.start <= size * 3 // 2


def test_ranks_and_initials_do_not_end_a_sentence() -> None:
    text = "Marine Brig. Gen. Ada Holm wrote to U.S. Ambassador Jon Field. He read it."
    assert texts(text) == ["Marine Brig. Gen. Ada Holm wrote to U.S. Ambassador Jon Field.", "He read it."]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("He met Pte. Ida Holm. She left.", ["He met Pte. Ida Holm.", "She left."]),
        ("Ms. Holm saw Ms. Lund.", ["Ms. Holm saw Ms. Lund."]),
        ("See more: Rep. Ida Holm calls.", ["See more: Rep. Ida Holm calls."]),
        ("It fell at 9:31 p.m. ET on Monday.", ["It fell at 9:31 p.m. ET on Monday."]),
        ("It fell at 9 p.m. Eastern time. It rose.", ["It fell at 9 p.m. Eastern time.", "It rose."]),
        ("It fell at 9 p.m. Washington time.", ["It fell at 9 p.m. Washington time."]),
        ("It fell at 9 p.m. The mayor left.", ["It fell at 9 p.m.", "The mayor left."]),
        ("It fell at 9 p.m. Time passed.", ["It fell at 9 p.m.", "Time passed."]),
        ("It fell at 9 p.m. By the time it rose.", ["It fell at 9 p.m.", "By the time it rose."]),
        ("It fell at 9 p.m. Next time it rose.", ["It fell at 9 p.m.", "Next time it rose."]),
        ("It fell at 9 p.m. Local police came.", ["It fell at 9 p.m.", "Local police came."]),
        ("It fell at 9 p.m. Mt. Holm erupted.", ["It fell at 9 p.m.", "Mt. Holm erupted."]),
        ("He is an M.D. Patients like him.", ["He is an M.D.", "Patients like him."]),
        ("The author J.D. Vance ran.", ["The author J.D. Vance ran."]),
        ("Ida Holm, D-N. H., came.", ["Ida Holm, D-N. H., came."]),
        ("He went to Ft. He came back.", ["He went to Ft. He came back."]),  # the price of "Ft. Hood"
    ],
)
def test_a_full_stop_that_shortens_a_word_ends_no_sentence(text: str, found: list[str]) -> None:
    assert texts(text) == found


def test_in_a_web_dump_each_line_is_a_paragraph() -> None:
    assert texts("Bridge opens\nBy Ida Holm\nThe bridge opened") == ["Bridge opens", "By Ida Holm", "The bridge opened"]


def test_in_a_hard_wrapped_text_a_sentence_runs_over_line_ends() -> None:
    text = (
        "The harbour board met on Tuesday to decide whether the old ferry\n"
        "should be sold, and after four hours of talk it put the question\n"
        "off until March, when the new council will have been in office\n"
        "for a month. Nobody was surprised. The ferry is 41 years old and\n"
        "has been late on every third crossing since the summer began.\n"
        "\n"
        "- a list item stands alone\n"
        "- so does the next one\n"
    )
    found = sentences(text)
    assert len(found) == 5
    assert (found[0].line_start, found[0].line_end) == (1, 4)
    assert text[found[1].start : found[1].end] == "Nobody was surprised."
    assert text[found[3].start : found[3].end] == "- a list item stands alone"


def test_header_lines_stand_alone_and_apart_from_the_body() -> None:
    text = "Title: A. B.\nSource: X\n\nOne. Two."
    body = text.index("One")
    found = sentences(text, body)
    assert [text[s.start : s.end] for s in found] == ["Title: A. B.", "Source: X", "One.", "Two."]
    assert [len(p.sentences) for p in passages(found, body)] == [2, 2]


def test_a_line_of_100_000_characters_without_a_sentence_end_is_cut_at_blanks() -> None:
    text = "word " * 20_000
    found = sentences(text)
    assert "".join(text[s.start : s.end] + " " for s in found) == text
    assert max(s.end - s.start for s in found) <= MAX_SENTENCE
    assert {s.line_start for s in found} == {1}


def test_one_word_of_100_000_characters() -> None:
    text = "x" * 100_000
    assert "".join(texts(text)) == text


def test_a_text_of_several_windows_keeps_offsets() -> None:
    text = "The ferry left at nine o'clock. " * 10_000
    found = sentences(text)
    assert {text[s.start : s.end] for s in found} == {"The ferry left at nine o'clock."}
    assert len(found) == 10_000
