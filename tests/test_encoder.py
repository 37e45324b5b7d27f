"""The sentence encoder that comes with Byline."""

from __future__ import annotations

import numpy as np
import pytest

from index.minilm import pad
from rag.encoder import MOST_CHARS, _asked, compare, encoder

GARRISON = (
    "About 5,000 soldiers are stationed in the country.",
    "The soldiers of the garrison like football.",
    "Rain is expected at the weekend.",
)


def test_the_sentence_that_answers_in_other_words_is_nearest() -> None:
    found = compare("How large is the American military presence there?", GARRISON)
    assert found.shape == (3, 4)
    assert np.argmax(found[:, 0]) == np.argmax(found[:, 1]) == 0
    assert np.argmin(found[:, 0]) == np.argmin(found[:, 1]) == 2
    assert (np.abs(found) <= 1.0001).all()


def test_only_the_beginning_of_a_long_sentence_is_read() -> None:
    long = "The minister resigned on Monday. " * 100
    assert compare("Who resigned?", (long,)) == pytest.approx(compare("Who resigned?", (long[:MOST_CHARS],)))


@pytest.mark.parametrize("text", ["", " ", "\ud800", "\u4e2d\u6587", "x" * 10_000])
def test_any_text_has_a_nearness(text: str) -> None:
    assert np.isfinite(compare(text, ("The ferry left at nine.", text))).all()


def test_a_sentence_is_as_near_alone_as_among_longer_ones() -> None:
    alone = compare("Who likes football?", GARRISON[1:2])
    assert compare("Who likes football?", (*GARRISON, "word " * 60))[1] == pytest.approx(alone[0], abs=1e-4)


def test_each_piece_of_the_question_is_held_against_the_nearest_of_the_sentence() -> None:
    question, sentence = "Which retailer cut prices?", "The shop chain made its goods cheaper."
    model = encoder()
    ids = model.tokenise([question, sentence])
    states = model.outputs(*pad(ids))
    mine, theirs = ([v / np.linalg.norm(v) for v in s[1 : len(i) - 1]] for s, i in zip(states, ids, strict=True))
    assert len(mine) == 5  # which, retailer, cut, prices, ?
    nearest = [max(float(m @ t) for t in theirs) for m in mine]
    ((_, mean, least, asked),) = compare(question, (sentence,), "retailer")
    assert mean == pytest.approx(sum(nearest[:4]) / 4, abs=1e-4)
    assert least == pytest.approx(min(nearest[1:4]), abs=1e-4)
    assert asked == pytest.approx(nearest[1], abs=1e-4)
    assert compare(question, (sentence,))[0, 3] == pytest.approx(nearest[0], abs=1e-4)
    assert compare(question, ("", " "))[:, 1:].tolist() == [[0, 0, 0]] * 2  # no word, no nearness


@pytest.mark.parametrize(
    ("pieces", "asked", "expected"),
    [
        ("[CLS] which retail ##er cut prices [SEP]", "retailer", 2),
        ("[CLS] which new newspaper has mp ##s [SEP]", "newspaper", 3),
        ("[CLS] which tory mp has resigned [SEP]", "mp", 3),
        ("[CLS] retailers say what retailer cut prices [SEP]", "retailer", 4),
        ("[CLS] he left . who was he [SEP]", "", 4),
        ("[CLS] who said what [SEP]", "", 3),
        ("[CLS] name the shop [SEP]", "", 0),
        ("[CLS] name the shop [SEP]", "shop", 3),
    ],
)
def test_where_a_question_says_what_it_asks_for(pieces: str, asked: str, expected: int) -> None:
    assert _asked(pieces.split(), asked) == expected


def test_the_encoder_is_loaded_once() -> None:
    assert encoder() is encoder()
