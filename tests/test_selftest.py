"""The checks of the checker must themselves be able to fail."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import evals
import evals.selftest as selftest
from evals.cases import Case, Lines, read_cases
from evals.measures import answers, citations
from evals.mutations import MUTATIONS, World, perfect
from index.load import scan
from rag.cli import main


def test_spoilt_runs_score_lower_equal_runs_do_not_alarm_and_intervals_cover(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["eval", "selftest", "--resamples", "200", "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert all(r["passed"] for r in results)
    assert len(MUTATIONS) >= 20
    assert {m.name for m in MUTATIONS} < {r["name"] for r in results}


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return [c for f in sorted(evals.CASES.glob("sample_*.jsonl")) for c in read_cases(f)]


@pytest.fixture
def world(cases: list[Case]) -> World:
    files = sorted(s.file for s in scan(evals.ARTICLES)[0])
    return World(Lines(evals.ARTICLES), files, cases, random.Random(0))


@pytest.mark.parametrize(
    ("module", "function", "broken", "caught"),
    [
        (citations, "line_precision", lambda *a: 1.0, "cite everything"),
        (citations, "valid", lambda *a: True, "beyond the end"),
        (citations, "quotation_fidelity", lambda *a: (1, 1), "invented quotation"),
        (citations, "groups_hit", lambda cited, groups: 1.0, "one group not cited"),
        (answers, "parts_found", lambda *a: 1.0, "altered numbers"),
        (answers, "forbidden_found", lambda *a: [], "forbidden part"),
        (answers, "token_f1", lambda given, accepted: 1.0, "copy whole articles"),
    ],
)
def test_a_broken_measure_is_caught(
    cases: list[Case], world: World, monkeypatch: pytest.MonkeyPatch,
    module: Any, function: str, broken: Callable[..., Any], caught: str,
) -> None:  # fmt: skip
    mutation = next(m for m in MUTATIONS if m.name == caught)
    some = [c for c in cases if c.answerable][:40] + [c for c in cases if c.must_not_include][:5]

    def noticed() -> bool:
        good = selftest._scores(some, world, selftest.UNSPOILT if mutation.quoting else None)
        return selftest._spoilt(mutation, good, selftest._scores(some, world, mutation)).passed

    assert noticed()
    monkeypatch.setattr(module, function, broken)
    assert not noticed()


def test_a_measure_that_is_wrong_on_a_perfect_run_is_caught(
    cases: list[Case], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert selftest._perfect(selftest._scores(cases[:30], world, None)).passed
    monkeypatch.setattr(citations, "line_recall", lambda *a: 0.999)
    assert not selftest._perfect(selftest._scores(cases[:30], world, None)).passed


def test_intervals_that_are_too_narrow_and_tests_that_cry_wolf_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["eval", "run", "--name", "real", "--no-llm"]) == 0
    from evals.runs import read_run
    from evals.stats import Interval, cluster_interval
    from rag.settings import read_settings

    records = read_run(Path(read_settings().home) / "runs" / "real").records

    def narrow(values: Any, clusters: Any) -> Interval:
        full = cluster_interval(values, clusters)
        middle, half = (full.low + full.high) / 2, (full.high - full.low) / 4
        return Interval(middle - half, middle + half)

    assert selftest._coverage(records, "passed", selftest.DRAWS).passed
    monkeypatch.setattr(selftest, "cluster_interval", narrow)
    assert not selftest._coverage(records, "passed", selftest.DRAWS).passed
    assert selftest._equal_runs(records, 60).passed
    # Twelve measures that are not corrected for their number, and a test that is five times too sure.
    monkeypatch.setattr("evals.compare.holm", lambda found: {name: p / 5 for name, p in found.items()})
    assert not selftest._equal_runs(records, 60).passed


def test_a_perfect_answer_cites_every_group_on_its_lines(cases: list[Case], world: World) -> None:
    for case in cases:
        answer = perfect(case, world).answer
        assert answer["abstained"] != case.answerable
        assert len(answer["citations"]) == len(case.evidence)
        for c in answer["citations"]:
            text = "\n".join(world.lines.of(c["file"]) or [])
            assert text[c["start"] : c["end"]] == c["text"]
