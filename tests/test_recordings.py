"""Models played by hand over the sample corpus: an honest one is shown whole, of a careless one nothing false.

`rewording` are honest players who reword more. Another recording, `adversarial`, was written to get false sentences past
the checks: each of its 400 false sentences is false in one thing that reads like its lines; half of the replies taught the
network of rag/rewording.py. What the checks still let through is bounded here and told in docs/lab-notes.md.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import evals
from rag import Answer, ask
from rag.settings import Settings
from tests.recordings import read, replaying
from tests.server import serving


def answers(name: str, home: Path) -> list[tuple[dict[str, object], Answer]]:
    rows = read(name)
    with serving(replaying(rows)) as script:
        chosen = Settings(home=home, model="by-hand", api_key="none", base_url=script.url)
        return [(row, ask(row["question"], corpus=evals.ARTICLES, settings=chosen)) for row in rows]


@pytest.mark.parametrize(("name", "most_removed", "most_replaced"), [("honest", 0.05, 0.26), ("rewording", 0.12, 0.35)])
def test_an_honest_model_is_shown_almost_whole(
    home: Path, name: str, most_removed: float, most_replaced: float
) -> None:
    found = answers(name, home)
    assert len(found) >= 40
    assert [a.degraded for _, a in found if a.degraded] == []
    kept = sum(len(a.claims) for _, a in found)
    assert sum(len(a.removed) for _, a in found) <= most_removed * kept
    assert sum(len({c.draft for c in a.claims if c.draft}) for _, a in found) <= most_replaced * kept
    cited = [(c, row["reply"]) for row, a in found for claim in a.claims for c in claim.citations]
    named = [f"[{c.file}:{c.line_start}" in str(reply) for c, reply in cited]
    assert sum(named) >= 0.9 * len(named)


def test_nothing_false_of_a_careless_model_reaches_the_reader(home: Path) -> None:
    found = answers("careless", home)
    assert len(found) >= 40
    for row, answer in found:
        for words in row["false"]:  # type: ignore[attr-defined]
            assert words.lower() not in answer.text.lower(), row["id"]
        assert all(c.verdict in ("supported", "moved") for c in answer.claims)
        if answer.removed:
            assert any("removed" in note for note in answer.notes)
    assert sum(len(a.removed) for _, a in found) > len(found)


def test_few_sentences_that_were_made_to_deceive_the_checks_reach_the_reader(home: Path) -> None:
    found = answers("adversarial", home)
    false = [str(words) for row, _ in found for words in row["false"]]  # type: ignore[attr-defined]
    assert len(false) >= 400
    shown = [
        words
        for row, answer in found
        for words in row["false"]  # type: ignore[attr-defined]
        # what was moved to lines that do say it is false no more
        if any(_same(str(words), c.text) for c in answer.claims if c.verdict == "supported")
    ]
    assert len(shown) <= 0.03 * len(false), shown
    assert sum(len(a.claims) for _, a in found) >= 0.8 * sum(_true(row) for row, _ in found)


def _same(a: str, b: str) -> bool:
    return a.rstrip(". ") == b.rstrip(". ")


def _true(row: dict[str, object]) -> int:
    return len(re.findall(r"\]\.?\s|\]\.?$", str(row["reply"]))) - len(row["false"])  # type: ignore[arg-type]
