"""What the scripts that fit the weights and make the encoder compute, on examples worked out by hand."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from benchmarks import bert, distil, fit
from benchmarks.common import limits, look_up_all
from rag.encoder import MOST_CHARS
from rag.features import features
from tests.conftest import write


def test_rows_are_looked_up_with_their_limits(corpus: Path) -> None:
    write(corpus, "old.txt", "Title: Old\nDate: 2019-01-01\n\nThe old ferry left at four.\n")
    rows = [{"question": "When did the ferry leave?"}, {"question": "When did the ferry leave?", "until": "2019-12-31"}]
    files = [{c.document.file for c in candidates} for _, _, candidates in look_up_all(corpus, rows)]
    assert files[0] > {"old.txt"}
    assert files[1] == {"old.txt"}


def test_the_day_a_public_set_asks_on_is_what_today_means() -> None:
    assert limits({"question": "Who won?", "asked_on": "2022-06-16"}) == {"as_of": "2022-06-16"}
    assert limits({"as_of": "2022-06-15", "asked_on": "2022-06-16", "until": ""}) == {"as_of": "2022-06-15"}


def test_the_marked_sentence_is_right_and_its_line_counts(corpus: Path) -> None:
    write(corpus, "c.txt", "Title: C\n\nThe tram left at five. It rang twice.\nNobody saw the tram leave.\n")
    evidence = [{"file": "c.txt", "line": 3, "text": "The tram left at five."}]
    row = {"question": "When did the tram leave?", "evidence": evidence, "answers": ["five"]}
    ((_, query, candidates),) = look_up_all(corpus, [row])
    sentences = features(query, candidates).sentences
    right, line = fit.label(row, candidates, sentences)
    found = {s.text: (float(r), bool(counts)) for s, r, counts in zip(sentences, right, line, strict=True)}
    assert found["The tram left at five."] == (1.0, True)
    assert found["It rang twice."] == (0.35, True)
    assert found["Nobody saw the tram leave."] == (0.0, False)


def test_fitting_finds_the_part_that_chooses_and_keeps_what_is_fixed() -> None:
    """Of three sentences, the first part marks the right one; the second says nothing."""
    parts = np.array([[1.0, 0.3], [0.0, 0.2], [0.0, 0.9]])
    right = np.array([1.0, 0.0, 0.0])
    asked = [fit.Asked("set", str(i), True, {}, parts, right, right > 0, np.zeros(3)) for i in range(5)]
    first, second = fit.fit_sentences(asked, [0, 1], [None, -2.0])
    assert first > 1
    assert second == pytest.approx(-2.0)


def test_the_confidence_obeys_the_signs_that_evidence_must_have() -> None:
    x = np.array([[1.0, 0.0], [0.9, 0.1], [0.1, 0.8], [0.0, 1.0]])
    answerable = np.array([False, False, True, True])  # nearness misleads here, and "nowhere" too
    weights = fit.fit_logistic(["nearness", "nowhere"], x, answerable, np.ones(4))
    assert weights[:2] == pytest.approx([0.0, 0.0], abs=1e-6)
    assert fit.predict(weights, x) == pytest.approx(np.full(4, 0.5), abs=1e-3)


def test_a_student_begins_with_the_named_layers() -> None:
    words = np.zeros((3, 2))
    trained = {"embeddings.w": words} | {f"encoder.layer.{i}.x": np.full(1, i) for i in range(6)}
    student = bert.only_layers(trained, [0, 2, 5])
    assert set(student) == {"embeddings.w", *(f"encoder.layer.{i}.x" for i in range(3))}
    assert [int(student[f"encoder.layer.{i}.x"][0]) for i in range(3)] == [0, 2, 5]


def test_a_student_learns_from_questions_and_the_articles_they_are_about(corpus: Path) -> None:
    write(corpus, "c.txt", "Title: C\n\nThe tram left at five. " + "word " * 100 + "\n")
    write(corpus, "unasked.txt", "Title: U\n\nNobody asked.\n")
    rows = [("set", "c.txt", "0", "9", "When did it leave?"), ("other", "unasked.txt", "0", "9", "Who asked?")]
    texts = distil.read_texts(rows, {"set": corpus})
    assert texts[:2] == ["When did it leave?", "Who asked?"]
    assert texts[2] == "The tram left at five."
    assert len(texts[3]) == MOST_CHARS
    assert len(texts) == 4


def test_batches_hold_every_text_but_those_held_out_once_an_epoch() -> None:
    ids = [[0] * (1 + i % 30) for i in range(distil.HELD_OUT + 3 * distil.BATCH)]
    batches = distil._batches(ids, random.Random(0))
    epoch = [next(batches) for _ in range(3)]
    assert sorted(i for rows in epoch for i in rows) == list(range(distil.HELD_OUT, len(ids)))
