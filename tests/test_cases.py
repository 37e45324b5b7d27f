from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import evals
from evals.cases import check_cases, line_hash, read_cases
from index.errors import UsageError
from rag.cli import main
from tests.conftest import write

GOOD: dict[str, Any] = {
    "id": "ferry-people",
    "question": "How many people did the ferry carry?",
    "answer": "214.",
    "type": "number",
    "answerable": True,
    "must_include": [["214"]],
    "evidence": [[{"file": "a.txt", "line_start": 5, "line_end": 5}]],
}


def put(folder: Path, *cases: object) -> Path:
    path = folder / "cases.jsonl"
    path.write_text("\n".join(c if isinstance(c, str) else json.dumps(c) for c in cases))
    return path


def problems(folder: Path, corpus: Path, **changes: Any) -> list[str]:
    return [p.message for p in check_cases(read_cases(put(folder, GOOD | changes)), corpus)]


def test_the_pairs_of_the_sample_corpus_hold(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "check"]) == 0
    count, *_ = capsys.readouterr().out.split()
    assert int(count) >= 220


def test_the_pairs_over_other_articles_are_well_formed() -> None:
    cases = read_cases(evals.CASES / "iraq_letter.jsonl")
    assert len(cases) >= 80
    assert all(p.sha for c in cases for g in c.evidence for p in g)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, None),
        ({"evidence": [[{"file": "no.txt", "line_start": 1, "line_end": 1}]]}, "no article"),
        ({"evidence": [[{"file": "a.txt", "line_start": 9, "line_end": 9}]]}, "outside"),
        ({"evidence": [[{"file": "a.txt", "line_start": 4, "line_end": 4}]]}, "blank"),
        ({"evidence": [[{"file": "a.txt", "line_start": 5, "line_end": 5, "sha": "0" * 12}]]}, "changed"),
        ({"evidence": []}, "needs gold lines"),
        ({"answerable": False}, "neither"),
        ({"must_include": [["7"]]}, "holds none"),
        ({"must_not_include": ["214"]}, "itself holds"),
    ],
)
def test_what_check_finds(corpus: Path, tmp_path: Path, changes: dict[str, Any], says: str | None) -> None:
    found = problems(tmp_path, corpus, **changes)
    assert bool(found) == bool(says)
    assert says is None or any(says in f for f in found)


def test_gold_lines_that_moved_are_found_again(corpus: Path, tmp_path: Path) -> None:
    sha = line_hash(["The ferry left at nine. It carried 214 people."])
    evidence = [[{"file": "a.txt", "line_start": 5, "line_end": 5, "sha": sha}]]
    assert problems(tmp_path, corpus, evidence=evidence) == []
    write(corpus, "a.txt", "\n" + (corpus / "a.txt").read_text())
    assert problems(tmp_path, corpus, evidence=evidence) == ["evidence: a.txt:5-5 moved to line 6"]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("{", "cases.jsonl:2: not JSON"),
        (GOOD | {"type": 3}, "cases.jsonl:2: type:"),
        (GOOD | {"evidence": [[{"file": "a.txt", "line_start": 0, "line_end": 1}]]}, "evidence.0.0.line_start:"),
        ({k: v for k, v in GOOD.items() if k != "answer"}, "'answer' is a required property"),
        (GOOD | {"colour": "red"}, "colour"),
        (GOOD, "used at cases.jsonl:1 already"),
    ],
)
def test_a_wrong_case_is_named_by_file_line_and_field(tmp_path: Path, row: object, says: str) -> None:
    with pytest.raises(UsageError) as e:
        read_cases(put(tmp_path, GOOD, row))
    assert says in str(e.value)
