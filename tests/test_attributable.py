"""The chance that people call a claim supported by its sources."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.attribution import fit, in_folds, macro_f1, main
from benchmarks.fit import predict
from rag import attributable
from rag.attributable import WEIGHTS, facts

SOURCE = (
    "The harbour board closed the north pier in March. Repairs cost two million euros. The mayor thanked the divers."
)


def test_the_facts_are_shares_of_the_sentence_that_bears_on_the_claim() -> None:
    words, sequences, likeness, contradictions = facts("The board closed the north gate.", SOURCE)
    assert words == 3 / 4  # board, closed, north; not gate
    assert sequences == 2 / 4  # "board closed the", "closed the north"; not "the board closed", "the north gate"
    assert 0.3 < likeness < 1
    assert contradictions == 0
    assert facts("Repairs cost three million euros.", SOURCE)[3] == 1
    assert facts("Repairs cost two million euros.", "Repairs cost two million euros.")[:2] == (1, 1)
    assert facts("Divers came.", "Thirty divers came.")[1] == 1  # shorter than a sequence: the whole of it, or nothing
    assert facts("Came divers.", "Thirty divers came.")[1] == 0
    long = "The board closed the pier, " + "and then it closed the other one, " * 9 + "and that was all."
    assert facts(long, long)[2] == pytest.approx(1, abs=1e-5)  # the beginnings of both
    assert facts("The pier is closed.", []) == facts("The pier is closed.", "") == (0, 0, 0, 0)


def test_the_chance_is_the_logistic_of_the_weighted_facts() -> None:
    claim = "The board closed the north gate."
    z = sum(w * x for w, x in zip(WEIGHTS.values(), (*facts(claim, SOURCE), 1.0), strict=True))
    assert attributable(claim, SOURCE) == pytest.approx(1 / (1 + math.exp(-z)))


def test_what_the_source_says_is_likelier_than_other_words_and_these_than_something_else() -> None:
    said = attributable("The harbour board closed the north pier in March.", SOURCE)
    reworded = attributable("In March the pier in the north was shut by the harbour authority.", SOURCE)
    wrong = attributable("The harbour board closed the north pier in June.", SOURCE)
    elsewhere = attributable("Striking bakers marched through the capital.", SOURCE)
    assert said > 0.9 > reworded > elsewhere
    assert said > wrong
    assert elsewhere < 0.1


@given(st.text(max_size=60), st.lists(st.text(max_size=60), max_size=3))
def test_any_text_has_a_chance(claim: str, sources: list[str]) -> None:
    assert 0 < attributable(claim, sources) < 1


def test_macro_f1_by_hand() -> None:
    # Supported: 1 hit, 1 missed, 1 false, F1 .5; not supported: 2 hits, 1 missed, 1 false, F1 2/3.
    pairs = [(True, True), (False, True), (True, False), (False, False), (False, False)]
    assert macro_f1(pairs) == pytest.approx((0.5 + 2 / 3) / 2)


def test_a_pair_is_judged_by_weights_fitted_on_others() -> None:
    x = np.random.default_rng(1).random((60, 4))
    true = x[:, 0] > 0.5
    assert np.mean((in_folds(x, true) > 0.5) == true) > 0.8
    x[:, 3] = 0
    x[0] = 0.9, 0.5, 0.5, 50  # looks true; that it is not, only its own last fact could tell
    true[0] = False
    assert in_folds(x, true)[0] > 0.5 > predict(fit(x, true), x)[0]


def test_two_pairs_are_too_few_for_ten_folds_and_still_judged() -> None:
    assert np.isfinite(in_folds(np.eye(4)[:2], np.array([True, False]))).all()


def test_the_benchmark_prints_every_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    claims = [("Repairs cost two million euros.", True), ("Bakers marched through the capital.", False)]
    rows = [{"claim": c, "references": [SOURCE], "supported": s, "type": t} for c, s in claims for t in ("x", "y")] * 10
    file = tmp_path / "pairs.jsonl"
    file.write_text("\n".join(json.dumps(r) for r in rows), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["attribution", str(file)])
    assert main() == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[1].split() == ["x", "1.00", "1.00", "1.00", "1.00", "20"]
    assert "PASS  1.000" in printed
