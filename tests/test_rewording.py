"""Edit scripts of claims, the network that reads them, and lines in the place of claims that may say something else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.rewording import area, read
from rag import rewording
from rag.checks.edits import MOST_STEPS, OPERATIONS, SIZES, script
from rag.generate import SURE, claims
from rag.sources import Source
from rag.types import Hit

WORDS = st.lists(
    st.sampled_from("the of not Holm Lund 12 7,000 ferry left, said “yes” (and will) former isn't by".split()),
    max_size=60,
).map(" ".join)


def operations(claim: str, line: str, around: str = "") -> list[str]:
    return [OPERATIONS[step[1] - 1] for step in script(claim, line, around)]


def test_a_part_of_a_line_is_kept_between_what_stands_before_and_after() -> None:
    assert (
        operations("Holm left.", "On Monday Holm left the town hall.") == ["before"] * 2 + ["keep"] * 2 + ["after"] * 3
    )


def test_words_left_out_put_in_and_moved_are_told_apart() -> None:
    assert operations("Holm left town.", "Holm suddenly left town.") == ["keep", "delete", "keep", "keep"]
    assert operations("Holm soon left.", "Holm left.") == ["keep", "insert", "keep"]
    assert operations("Ida Holm left.", "She left.", "Ida Holm is the mayor.") == ["before"] + ["insert-known"] * 2 + [
        "keep"
    ]
    assert (
        operations("Lund met Holm.", "Holm met Lund.")
        == ["before"] * 2 + ["keep", "back", "keep", "back", "keep"] + ["after"] * 2
    )


def test_a_word_from_around_tells_whether_the_sentence_before_begins_with_it() -> None:
    around = "Lund spoke. Holm saw the pier on that day from Olsen."

    def flag(name: str) -> int:
        return int(script(f"{name} left.", "She left.", around)[1, 3])

    assert [flag(name) for name in ("Holm", "Olsen", "Lund", "Berg")] == [2, 1, 0, 0]


def test_the_longest_common_run_is_aligned_first() -> None:
    steps = operations("the ferry left the town", "the mayor says the ferry left the town")
    assert steps == ["before"] * 3 + ["keep"] * 5


def test_names_and_numbers_go_by_their_kind_and_small_words_by_themselves() -> None:
    one, other = (
        script("He met Ida Holm in 1990.", "He met Ida Holm in 1990."),
        script("He met Per Lund in 2012.", "He met Per Lund in 2012."),
    )
    assert np.array_equal(one, other)
    assert not np.array_equal(one, script("He met Ida Holm before 1990.", "He met Ida Holm before 1990."))


@given(WORDS, WORDS, WORDS)
def test_any_script_is_short_and_within_the_sizes(claim: str, line: str, around: str) -> None:
    steps = script(claim, line, around)
    assert len(steps) <= MOST_STEPS
    assert steps.shape[1] == len(SIZES)
    assert (steps < np.array(SIZES)).all()
    assert 0 <= rewording.chance(claim, line, around) <= 1


def test_the_network_adds_convolutions_to_what_they_read() -> None:
    zero = {f"embed{k}": np.zeros((n, 2), np.float32) for k, n in enumerate(SIZES)}
    embed = np.zeros((SIZES[1], 2), np.float32)
    embed[1], embed[2] = (1, 0), (0, 1)
    kernel = np.zeros((3, 2, 2), np.float32)
    kernel[0, 0, 1] = 2  # twice what the step before has first, to the second
    network = zero | {
        "embed1": embed, "kernel0": kernel, "shift0": np.zeros(2, np.float32),
        "hidden": np.array([[1], [10], [100], [1000]], np.float32), "hidden_shift": np.array([-1], np.float32),
        "out": np.array([0.5], np.float32), "out_shift": np.float32(3),
    }  # fmt: skip
    steps = np.array([[0, 1, 0, 0], [0, 2, 0, 0]], np.uint8)  # (1, 0) and (0, 1); the second becomes (0, 1 + 2)
    # maximum (1, 3), mean (0.5, 1.5): 1 + 30 + 50 + 1500 - 1 = 1580, half of it and 3
    assert rewording._logit(network, steps) == pytest.approx(793)


@pytest.mark.parametrize(
    ("line", "true", "false"),
    [
        (
            "The ferry Petrel, which had been laid up since 3 May, left Holm Island with 214 passengers on Tuesday.",
            "The ferry Petrel left Holm Island with 214 passengers on Tuesday.",
            "The ferry Petrel had been laid up since Tuesday.",
        ),
        (
            "Ida Holm spoke to reporters on Monday, a day after Per Lund had left the council over the bills.",
            "Per Lund had left the council over the bills.",
            "Ida Holm left the council a day after Monday.",
        ),
        (
            "Per Lund sold the boat to Ida Holm in March, a month after his brother had bought the pier.",
            "In March, Per Lund sold the boat to Ida Holm.",
            "Ida Holm sold the boat to Per Lund in March.",
        ),
    ],
)
def test_what_still_says_the_same_is_surer_than_what_does_not(line: str, true: str, false: str) -> None:
    assert rewording.chance(true, line) > SURE > rewording.chance(false, line) + 0.2


def test_the_line_stands_for_a_claim_that_may_say_something_else() -> None:
    line = "Per Lund sold the boat that Ida Holm had painted to a man from the town in March."
    hit = Hit("a.txt", 5, 5, line, 1.0, 0, len(line))
    source = Source(1, "a.txt", "Boats", None, None, (hit,))
    said = "Ida Holm had painted the boat in March. [1:5]"
    again = "Ida Holm in March had painted the boat. [1:5]"
    first, second = claims([said + " " + again], [source])
    assert (first.text, first.verdict) == (line, "supported")
    assert "“Ida Holm had painted the boat in March.”" in first.reasons[0]
    assert first.draft
    assert second.draft
    assert (second.text, second.draft.text) == (line, "Ida Holm in March had painted the boat.")


def test_the_area_is_the_share_of_pairs_in_the_right_order() -> None:
    # 2 > 1, 2 = 2 (half), 3 > 1, 3 > 2: 3.5 of 4
    assert area(np.array([2, 3]), np.array([1, 2])) == pytest.approx(0.875)


def test_claims_of_a_file_are_learnt_from_beside_the_scripts(tmp_path: Path) -> None:
    steps = np.zeros((1, MOST_STEPS, len(SIZES)), np.uint8)
    np.savez(tmp_path / "s.npz", steps=steps, true=np.array([True]), group=np.array([4]), passed=np.array([False]))
    line = "On Monday Holm left the town hall."
    rows = [(line, "", "Holm left the town hall.", "1"), (line, "", "Holm left on 12 May.", "0")]
    (tmp_path / "c.tsv").write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    found, true, group, passed = read(tmp_path / "s.npz", [tmp_path / "c.tsv"])
    assert true.tolist() == [True, True, False]
    assert passed.tolist() == [False, True, False]
    assert group[1] == group[2] != 4
    own = script(rows[0][2], line)
    assert np.array_equal(found[1, : len(own)], own)
    assert not found[1, len(own) :].any()
