"""The sentence encoder that comes with Byline."""

from __future__ import annotations

import numpy as np
import pytest

from rag.encoder import MOST_CHARS, cosines, encoder

GARRISON = (
    "About 5,000 soldiers are stationed in the country.",
    "The soldiers of the garrison like football.",
    "Rain is expected at the weekend.",
)


def test_the_sentence_that_answers_in_other_words_is_nearest() -> None:
    found = cosines("How large is the American military presence there?", GARRISON)
    assert found.shape == (3,)
    assert np.argmax(found) == 0
    assert np.argmin(found) == 2
    assert (np.abs(found) <= 1.0001).all()


def test_only_the_beginning_of_a_long_sentence_is_read() -> None:
    long = "The minister resigned on Monday. " * 100
    assert cosines("Who resigned?", (long,)) == pytest.approx(cosines("Who resigned?", (long[:MOST_CHARS],)))


@pytest.mark.parametrize("text", ["", " ", "\ud800", "\u4e2d\u6587", "x" * 10_000])
def test_any_text_has_a_nearness(text: str) -> None:
    assert np.isfinite(cosines(text, ("The ferry left at nine.", text))).all()


def test_a_sentence_is_as_near_alone_as_among_longer_ones() -> None:
    alone = cosines("Who likes football?", GARRISON[1:2])
    assert cosines("Who likes football?", (*GARRISON, "word " * 60))[1] == pytest.approx(alone[0], abs=1e-4)


def test_the_encoder_is_loaded_once() -> None:
    assert encoder() is encoder()
