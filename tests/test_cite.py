from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.cite import citations, resolve
from rag.markers import MarkedStream, parse
from rag.sources import Source
from rag.types import Hit


def hit(line: int, text: str, file: str = "a.txt", start: int = 0) -> Hit:
    return Hit(file, line, line, text, 1.0, start, start + len(text))


SOURCES = [
    Source(1, "a.txt", "Ferry", None, None, (hit(5, "The ferry left at nine."), hit(5, "It carried 214 people.", start=30), hit(7, "It rained.", start=60))),
    Source(2, "b.txt", "Bridge", None, None, (hit(3, "The bridge cost 3 million.", "b.txt"),)),
]  # fmt: skip


def parsed(text: str) -> list[tuple[str, tuple[tuple[int, int, int], ...]]]:
    return [(m.text, m.markers) for m in parse(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It left. [1:5]", [("It left.", ((1, 5, 5),))]),
        ("It left [1:5]. It rained [1:7].", [("It left.", ((1, 5, 5),)), ("It rained.", ((1, 7, 7),))]),
        ("Both. [1:5][2:3]", [("Both.", ((1, 5, 5), (2, 3, 3)))]),
        ("Both. [1:5, 2:3-4]", [("Both.", ((1, 5, 5), (2, 3, 4)))]),
        ("Wide. 【1:L5–L7】", [("Wide.", ((1, 5, 7),))]),
        ("Turned. [1:7-5]", [("Turned.", ((1, 5, 7),))]),
        ("- A list. [1:5]\n- Another. [1:7]", [("A list.", ((1, 5, 5),)), ("Another.", ((1, 7, 7),))]),
        ("One. [1:4†source]", [("One.", ((1, 4, 4),))]),
        ("One. [source 1, line 4]", [("One.", ((1, 4, 4),))]),
        ("One. [S1:4]", [("One.", ((1, 4, 4),))]),
        ("One. ［1：4］", [("One.", ((1, 4, 4),))]),
        ("One. [1:lines 4-5]", [("One.", ((1, 4, 5),))]),
        ("One. [1:4—5]", [("One.", ((1, 4, 5),))]),
        ("One. [1:4‑5]", [("One.", ((1, 4, 5),))]),
        ("One. {1:4} Two. <1:5>", [("One.", ((1, 4, 4),)), ("Two.", ((1, 5, 5),))]),
        ("One. [1:4 and 2:9]", [("One.", ((1, 4, 4), (2, 9, 9)))]),
        ("One. [1:4, 6; 2:9]", [("One.", ((1, 4, 4), (1, 6, 6), (2, 9, 9)))]),
        ("One. [[1:4]] **[1:5]** `[1:6]` \\[1:7\\]", [("One.", ((1, 4, 4), (1, 5, 5), (1, 6, 6), (1, 7, 7)))]),
        ("One. [1:4](a.txt) Two. [1:5]", [("One.", ((1, 4, 4),)), ("Two.", ((1, 5, 5),))]),
        ("It left. It rained. [1:5]", [("It left.", ((1, 5, 5),)), ("It rained.", ((1, 5, 5),))]),
        (
            "He met Pte. Ida Holm. She left. [1:5]",
            [("He met Pte. Ida Holm.", ((1, 5, 5),)), ("She left.", ((1, 5, 5),))],
        ),
        ("One. [1:4] It left at [1", [("One.", ((1, 4, 4),)), ("It left at", ())]),
        ("He saw it [1[2]]. [1:4]", [("He saw it.", ((1, 4, 4),))]),
        (
            "He called it “a draft, see [1:3]” on Tuesday. [1:5]",
            [("He called it “a draft, see” on Tuesday.", ((1, 3, 3), (1, 5, 5)))],
        ),
        ("One. (1:4)", [("One.", ((1, 4, 4),))]),
        ("They won (2:1) at home. [1:4]", [("They won (2:1) at home.", ((1, 4, 4),))]),
        ("It left [1:5] at nine [1:7].", [("It left at nine.", ((1, 5, 5), (1, 7, 7)))]),
        ("“It rained.” [1:5] He left. [1:7]", [("“It rained.”", ((1, 5, 5),)), ("He left.", ((1, 7, 7),))]),
        ("One. [1:" + "9" * 500 + "]", [("One.", ()), ("[1:" + "9" * 500 + "]", ())]),
        ("Nothing.", [("Nothing.", ())]),
        ("[1:5]", []),
        ("", []),
    ],
)
def test_marker_shapes(text: str, expected: list[tuple[str, tuple[tuple[int, int, int], ...]]]) -> None:
    assert parsed(text) == expected


def test_what_only_looks_like_a_marker_is_taken_out_of_the_text() -> None:
    (marked,) = parse("It left [1, 2] at nine [^1]. [1:5]")
    assert marked.text == "It left at nine."
    assert marked.bad == ("[1, 2]", "[^1]")


def test_a_number_in_brackets_that_the_article_has_stays() -> None:
    (marked,) = parse("It left in [2020] for good [3]. [1:5]", known="He said: it left in [2020] for good")
    assert (marked.text, marked.bad) == ("It left in [2020] for good.", ("[3]",))


def test_parsing_takes_time_in_proportion_to_the_text() -> None:
    stream = MarkedStream()
    for _ in range(3_000):
        stream.feed("an unmarked line\n")
    stream.close()
    for start, text, times in (
        ("", " ", 20_000), ("", "[1:4", 12_000), ("[1:4, ", " , ", 15_000), ("", "[", 50_000), ("", "[1:4] ", 8_000),
        ("", "-", 20_000), ("", "| - ", 12_000), ("", "|---", 5_000)
    ):  # fmt: skip
        seconds = []
        for more in (1, 8):
            started = time.process_time()
            list(parse(start + text * times * more + "x"))
            seconds.append(time.process_time() - started)
        assert seconds[1] < 32 * seconds[0] + 0.1, text  # 8 in proportion, 64 with the square


def test_an_editors_brackets_stay() -> None:
    (marked,) = parse("“Having [the U.S.] here complicates things.” [1:5]")
    assert marked.text == "“Having [the U.S.] here complicates things.”"


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(["It left. [1:5]", " Both. [1:5][2:3]", " Wide [1:5-7].", " and ", "\n- X y. [9:9]"]),
        max_size=6,
    ).map("".join),
    st.integers(1, 9),
)
def test_streaming_in_any_pieces_gives_the_same_sentences(text: str, size: int) -> None:
    stream = MarkedStream()
    found = [m for i in range(0, len(text), size) for m in stream.feed(text[i : i + size])] + stream.close()
    assert found == list(parse(text))


def test_a_sentence_is_held_back_until_its_markers_are_complete() -> None:
    stream = MarkedStream()
    assert stream.feed("It left. [1:5]") == []  # another marker may follow
    assert [m.markers for m in stream.feed("[2:3] It")] == [((1, 5, 5), (2, 3, 3))]


@settings(max_examples=300, deadline=None)
@given(st.integers(-1, 4), st.integers(0, 12), st.integers(0, 12))
def test_only_lines_that_were_shown_are_ever_cited(number: int, first: int, last: int) -> None:
    shown = {(h.file, h.line_start) for s in SOURCES for h in s.shown}
    for marked in parse(f"The ferry carried 214 people. [{number}:{first}-{last}]"):
        hits, bad = resolve(marked, SOURCES)
        assert all((c.file, c.line_start) in shown for c in citations(hits))
        assert bool(hits) != bool(bad) or number < 0


def test_of_several_sentences_on_a_line_the_fitting_one_is_cited() -> None:
    (marked,) = parse("There were 214 people on it. [1:5]")
    hits, _ = resolve(marked, SOURCES)
    assert [h.text for h in hits] == ["It carried 214 people."]


def test_a_marker_over_many_lines_is_refused() -> None:
    (marked,) = parse("All of it. [1:1-99]")
    assert resolve(marked, SOURCES) == ([], ["[1:1-99]"])
