"""Runs over real HTTP and real indexes: resumed, gated, compared, reported."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from filelock import FileLock

import evals
from evals.cases import Case, Lines, Place, line_hash, read_cases
from evals.public import from_public
from evals.runs import read_run
from evals.score import MEASURES, Found, score
from evals.summary import summarize
from index.errors import UsageError
from rag import ask, search
from rag.cli import main
from rag.prompts import NOT_SAID
from rag.settings import Settings
from tests.conftest import write
from tests.server import serving
from tests.test_cases import GOOD, put
from tests.test_llm import writing

UNSAID: dict[str, Any] = {
    "id": "circus-tickets",
    "question": "How much is a ticket for the circus in Lisbon?",
    "answer": "The articles do not say.",
    "type": "unanswerable",
    "answerable": False,
    "evidence": [],
}
BRIDGE: dict[str, Any] = {
    "id": "bridge-cost",
    "question": "How many crowns did the bridge cost?",
    "answer": "3 million crowns.",
    "type": "number",
    "answerable": True,
    "must_include": [["3 million"]],
    "evidence": [[{"file": "sub/b.txt", "line_start": 4, "line_end": 4}]],
}


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """Two questions that the three articles answer and one that they do not."""
    return put(tmp_path, GOOD, BRIDGE, UNSAID)


def evaluate(cases: Path, corpus: Path, *options: str) -> int:
    return main(["eval", "run", str(cases), "-c", str(corpus), *options])


def same(path: Path) -> list[dict[str, Any]]:
    """The records of a run without what no two runs share: the seconds."""
    rows = []
    for record in read_run(path).records:
        row = json.loads(json.dumps(record))
        row["seconds"] = row["scores"]["seconds"] = 0
        if row["answer"]:
            row["answer"]["usage"]["seconds"] = {}
        rows.append(row)
    return rows


def test_a_run_answers_scores_and_keeps_everything(
    home: Path, cases: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(cases, corpus, "--name", "one", "--no-llm") == 0
    out = capsys.readouterr().out
    assert "Passed                      1.000" in out
    assert "2 answered right, 1 abstained right" in out
    run = read_run(home / "runs" / "one")
    assert [r["key"] for r in run.records] == ["ferry-people#0", "bridge-cost#0", "circus-tickets#0"]
    first = run.records[0]
    assert first["answer"]["citations"][0]["place"] == "a.txt:5"
    assert first["scores"]["citation_f1"] == 1.0
    gold = [line for block in first["context"] for line in block["lines"] if line["gold"]]
    assert [(line["n"], line["given"]) for line in gold] == [(5, True)]
    assert run.manifest["settings"]["model"] is None
    assert set(run.manifest) >= {"corpus_hash", "cases_hash", "prompt_hash", "packages", "python", "byline"}


def test_a_run_of_that_name_with_other_cases_is_refused(cases: Path, corpus: Path, tmp_path: Path) -> None:
    assert evaluate(cases, corpus, "--name", "one") == 0
    put(tmp_path, GOOD)
    assert evaluate(cases, corpus, "--name", "one") == 2


@pytest.mark.parametrize("jobs", [1, 3])
def test_killed_at_random_moments_and_resumed_a_run_equals_a_whole_one(home: Path, jobs: int) -> None:
    command = [sys.executable, "-m", "rag.cli", "eval", "run", "--limit", "70", "-j", str(jobs), "--no-llm", "--name"]
    env = os.environ | {"PYTHONPATH": str(Path(evals.__file__).parents[1]), "BYLINE_EMBEDDER": "hash"}
    subprocess.run([*command, "whole"], env=env, check=True, capture_output=True)
    chance = random.Random(jobs)
    records = home / "runs" / "killed" / "records.jsonl"
    sizes = [0]
    for _ in range(4):
        child = subprocess.Popen([*command, "killed"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        goal = sizes[-1] + chance.randint(1, 150_000)
        while child.poll() is None and (not records.exists() or records.stat().st_size < goal):
            time.sleep(0.002)
        child.send_signal(signal.SIGKILL)
        child.wait()
        sizes.append(records.stat().st_size)
    assert sizes[1] > 0
    subprocess.run([*command, "killed"], env=env, check=True, capture_output=True)
    assert same(home / "runs" / "killed") == same(home / "runs" / "whole")
    keys = [json.loads(line)["key"] for line in records.read_text().splitlines()]
    assert len(keys) == len(set(keys)) == 70


def test_a_record_cut_off_by_a_kill_is_asked_again(home: Path, cases: Path, corpus: Path) -> None:
    assert evaluate(cases, corpus, "--name", "one") == 0
    whole = same(home / "runs" / "one")
    path = home / "runs" / "one" / "records.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    assert len(read_run(home / "runs" / "one").records) == 2
    assert evaluate(cases, corpus, "--name", "one") == 0
    assert same(home / "runs" / "one") == whole


def model(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for name, value in {"BYLINE_MODEL": "by-hand", "OPENAI_API_KEY": "k", "OPENAI_BASE_URL": url}.items():
        monkeypatch.setenv(name, value)


def answering(body: dict[str, Any]) -> str:
    """A model that knows the two answers and where they stand."""
    prompt = body["messages"][-1]["content"]
    if "ferry carry" in prompt:
        return writing("It carried 214 people. <214 people>")(body)
    if "bridge cost" in prompt:
        return writing("It cost 3 million crowns. <3 million>")(body)
    return NOT_SAID


def test_replies_are_kept_by_request_and_nothing_is_asked_twice(
    home: Path, cases: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(answering) as script:
        model(monkeypatch, script.url)
        assert evaluate(cases, corpus, "--name", "one") == 0
        asked = len(script.requests)
        assert evaluate(cases, corpus, "--name", "two", "-j", "3") == 0
        assert len(script.requests) == asked
        assert [r["answer"]["text"] for r in read_run(home / "runs" / "two").records] == [
            r["answer"]["text"] for r in read_run(home / "runs" / "one").records
        ]
        first = read_run(home / "runs" / "two").records[0]
        assert first["answer"]["mode"] == "model"
        assert first["scores"]["prompt_tokens"] == 321  # what the server reported, kept with the reply
        assert evaluate(cases, corpus, "--name", "twice", "--repeat", "2") == 0
        assert len(script.requests) == 2 * asked  # the first time of each is known, the second is a question of its own
    rows = {row["measure"]: row for row in summarize(read_run(home / "runs" / "twice").records)}
    assert rows["passed"]["n"] == 6


ALONE = "How many people did the ferry carry?"


def test_what_a_follow_up_asks_the_model_is_kept_too(
    home: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question is first made to stand alone, in a reply that does not stream."""

    def reply(body: dict[str, Any]) -> str:
        return answering(body) if body.get("stream") else ALONE

    follow_up = put(
        tmp_path, GOOD | {"question": "And how many did it carry?", "history": ["When did the ferry leave?"]}
    )
    with serving(reply) as script:
        model(monkeypatch, script.url)
        assert evaluate(follow_up, corpus, "--name", "one") == 0
        assert [bool(r.get("stream")) for r in script.requests] == [False, True]
        assert evaluate(follow_up, corpus, "--name", "two") == 0
        assert len(script.requests) == 2
    first, second = (read_run(home / "runs" / name).records[0] for name in ("one", "two"))
    assert first["passed"]
    assert first["answer"]["text"] == second["answer"]["text"]
    assert second["scores"]["seconds"] is None
    # The records hold what the rewritten question found, not what the follow-up would have.
    alone = [(h.text, round(h.score, 4)) for h in search(ALONE, corpus=corpus, refresh=False)]
    for record in (first, second):
        assert [(h["text"], h["score"]) for h in record["hits"]] == alone[: len(record["hits"])]


def test_a_fault_scores_zero_stays_in_and_can_be_asked_again(
    home: Path, cases: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = True

    def reply(body: dict[str, Any]) -> Any:
        return 401 if broken and "bridge cost" in body["messages"][-1]["content"] else answering(body)

    with serving(reply) as script:
        model(monkeypatch, script.url)
        assert evaluate(cases, corpus, "--name", "one") == 3
        assert "1 of 3 questions ended in a fault" in capsys.readouterr().err
        run = read_run(home / "runs" / "one")
        rows = {row["measure"]: row for row in summarize(run.records)}
        assert rows["passed"]["mean"] == pytest.approx(2 / 3)
        assert rows["passed"]["without_errors"] == 1.0
        assert run.records[1]["cause"] == "error"
        assert evaluate(cases, corpus, "--name", "one", "--max-faults", "0.5") == 0
        broken = False
        assert evaluate(cases, corpus, "--name", "one") == 3  # what is recorded stays, unless it is asked for
        assert evaluate(cases, corpus, "--name", "one", "--retry-faults") == 0
    assert read_run(home / "runs" / "one").records[1]["passed"]


def test_gates(cases: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(cases, corpus, "--name", "one", "--fail-under", "citation_recall=1") == 0
    assert evaluate(cases, corpus, "--name", "one", "--fail-under", "conflict_shown=0") == 1
    assert "applies to no case" in capsys.readouterr().err
    put(tmp_path, GOOD | {"must_include": [["nine hundred"]], "answer": "nine hundred"}, BRIDGE, UNSAID)
    assert evaluate(cases, corpus, "--name", "two", "--fail-under", "correct=0.9") == 1
    assert "correct is 0.6667, under 0.9" in capsys.readouterr().err


def test_comparisons_name_what_broke_and_gate_on_it(
    home: Path, cases: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert evaluate(cases, corpus, "--name", "one") == 0
    with serving(NOT_SAID) as script:
        model(monkeypatch, script.url)
        assert evaluate(cases, corpus, "--name", "two") == 0
        assert main(["eval", "compare", "one", "two"]) == 0
        assert main(["eval", "compare", "one", "two", "--fail-on", "any"]) == 1
        assert "Broken (2): ferry-people, bridge-cost" in capsys.readouterr().out
        assert main(["eval", "compare", "two", "one", "--fail-on", "any"]) == 0
        assert main(["eval", "compare", "one", "two", "--fail-on", "significant"]) == 0  # three cases prove nothing
        assert main(["eval", "compare", "one", "none"]) == 2
        assert evaluate(cases, corpus, "--name", "part", "--limit", "2") == 0
        assert main(["eval", "compare", "two", "part"]) == 0
        assert main(["eval", "compare", "two", "part", "--fail-on", "significant"]) == 1
        assert "1 cases of two were not asked" in capsys.readouterr().err
        put(tmp_path, GOOD | {"question": "How many people were on the ferry?"}, BRIDGE, UNSAID)
        assert evaluate(cases, corpus, "--name", "edited") == 0
        assert main(["eval", "compare", "two", "edited"]) == 0
    captured = capsys.readouterr()
    assert "1 cases were edited between the two runs and are left out: ferry-people" in captured.err


def test_gold_lines_that_changed_stop_a_run(
    home: Path, cases: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sha = line_hash(["The ferry left at nine. It carried 214 people."])
    put(cases.parent, GOOD | {"evidence": [[{"file": "a.txt", "line_start": 5, "line_end": 5, "sha": sha}]]})
    write(corpus, "a.txt", "\n" + (corpus / "a.txt").read_text())
    assert evaluate(cases, corpus, "--name", "one") == 2
    assert "moved to line 6; see `byline eval check`" in capsys.readouterr().err
    assert evaluate(cases, corpus, "--name", "one", "--stale") == 0
    assert not read_run(home / "runs" / "one").records[0]["passed"]


def test_articles_that_change_while_a_run_is_made_spoil_it(
    home: Path, cases: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def reply(body: dict[str, Any]) -> str:
        write(corpus, "c.md", "Other news.\n")
        return answering(body)

    with serving(reply) as script:
        model(monkeypatch, script.url)
        assert evaluate(cases, corpus, "--name", "one") == 2
    assert "articles changed while it was made" in capsys.readouterr().err
    assert read_run(home / "runs" / "one").manifest["spoilt"]


def test_who_cites_everything_has_not_passed(corpus: Path) -> None:
    write(corpus, "a.txt", (corpus / "a.txt").read_text() + "More.\n" * 30)
    answer = ask("How many people did the ferry carry?", corpus=corpus, llm=False).to_dict()
    found = Found(passages=[("a.txt", 1, 9)])
    assert score(CASE, answer, found, Lines(corpus)).passed
    answer["citations"][0] |= {"line_start": 1, "line_end": 30}
    scored = score(CASE, answer, found, Lines(corpus))
    assert (scored.outcome, scored.passed, scored.cause) == ("answered-right", False, "wrong lines")


def test_a_real_drop_over_many_cases_is_significant(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "run", "--name", "good", "--limit", "120", "--no-llm"]) == 0
    folder = home / "runs" / "bad"
    folder.mkdir()
    good = read_run(home / "runs" / "good")
    (folder / "manifest.json").write_text(json.dumps(good.manifest))
    rows = [json.loads(line) for line in (home / "runs" / "good" / "records.jsonl").read_text().splitlines()]
    for row in rows:
        row["passed"] = False
        row["scores"] |= {"passed": 0.0, "citation_f1": 0.0 if row["scores"]["citation_f1"] is not None else None}
    (folder / "records.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["eval", "compare", "good", "bad", "--fail-on", "significant"]) == 1
    captured = capsys.readouterr()
    assert "passed went from" in captured.err
    assert "citation_f1 went from" in captured.err
    assert "citation_recall went" not in captured.err
    assert main(["eval", "compare", "bad", "good", "--fail-on", "significant"]) == 0  # better is no reason to fail


def test_junit_and_html(cases: Path, corpus: Path, tmp_path: Path) -> None:
    put(tmp_path, GOOD | {"must_include": [["nine \x0b hundred"]], "answer": "nine \x0b hundred"}, BRIDGE)
    xml, html = tmp_path / "eval.xml", tmp_path / "eval.html"
    assert evaluate(cases, corpus, "--name", "one", "--junit", str(xml), "--html", str(html)) == 0
    suite = ElementTree.parse(xml).getroot().find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert "wrong answer" in (failure.get("message") or "")
    assert "ferry-people" in html.read_text()
    assert main(["eval", "report", "one", "--baseline", "one", "-o", str(tmp_path / "again.html")]) == 0
    assert '"kind":"same"' in (tmp_path / "again.html").read_text()


def test_only_some_cases(home: Path, cases: Path, corpus: Path) -> None:
    assert evaluate(cases, corpus, "--name", "one", "--tag", "unanswerable") == 0
    assert [r["key"] for r in read_run(home / "runs" / "one").records] == ["circus-tickets#0"]
    assert evaluate(cases, corpus, "--tag", "no-such") == 2


def test_the_packaged_pairs_that_fit_the_corpus_are_taken(
    corpus: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", "run", "-c", str(corpus)]) == 2
    assert "no packaged pairs" in capsys.readouterr().err
    assert main(["eval", "--limit", "2", "--name", "sample"]) == 0
    assert len(read_run(home / "runs" / "sample").records) == 2


@pytest.mark.parametrize(
    "options",
    [
        ["--fail-under", "colour=1"], ["--fail-under", "passed"], ["--fail-under", "passed=nan"], ["--max-faults", "-1"],
        ["--fail-under", "passed=0.1", "--fail-under", "passed=0.2"], ["-j", "0"], ["--name", "../x"], ["--repeat", "none"],
        ["--fail-on", "any"], ["--baseline", "none"],
    ],
)  # fmt: skip
def test_wrong_use_is_told_in_one_line(
    cases: Path, corpus: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status: object = evaluate(cases, corpus, *options)
    except SystemExit as e:
        status = e.code
    assert status == 2
    assert len(capsys.readouterr().err.strip().split("\n")) == 1


def test_a_draft_is_a_case_once_a_person_has_edited_it(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.jsonl"
    add = ["eval", "add", "-c", str(corpus), "-o", str(path)]
    assert main([*add, GOOD["question"]]) == 0
    assert main([*add, GOOD["question"]]) == 0
    assert main([*add, UNSAID["question"]]) == 0
    drafts = read_cases(path)
    assert [c.id for c in drafts][1] == f"{drafts[0].id}-2"
    assert drafts[0].gold == [[("a.txt", 5, 5)]]
    assert not drafts[2].answerable
    assert main(["eval", "check", str(path), "-c", str(corpus)]) == 1
    assert "still a draft" in capsys.readouterr().out
    rows = [json.loads(line) | {"note": ""} for line in path.read_text().splitlines()]
    for row in rows[:2]:
        row["must_include"] = [["214"]]
    path.write_text("\n".join(map(json.dumps, rows)))
    assert main(["eval", "check", str(path), "-c", str(corpus)]) == 0
    assert evaluate(path, corpus, "--name", "mine", "--fail-under", "passed=1") == 0


def test_a_sweep_tells_quality_against_time(
    cases: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plot = tmp_path / "sweep.svg"
    options = ["--vary", "passages=1,4", "--vary", "embedder=hash", "--plot", str(plot)]
    assert main(["eval", "sweep", str(cases), "-c", str(corpus), *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines[1:]] == ["passages 1, embedder hash", "passages 4, embedder hash"]
    assert len(list(ElementTree.parse(plot).getroot().iter("{http://www.w3.org/2000/svg}circle"))) == 2
    assert main(["eval", "sweep", str(cases), "-c", str(corpus), "--vary", "colour=red"]) == 2


PUBLIC: dict[str, Any] = {
    "id": "q1",
    "question": "How many people did the ferry carry?",
    "answers": ["214", "214 people"],
    "answerable": True,
    "type": "single",
    "evidence": [{"file": "a.txt", "line_start": 5, "line_end": 5, "text": "It carried 214 people."}],
    "also_contains_answer": ["c.md"],
}


def test_public_sets_are_read_as_they_are(corpus: Path, tmp_path: Path) -> None:
    unsaid = PUBLIC | {"id": "q2", "answers": [], "answerable": False, "evidence": [], "about": {"file": "c.md"}}
    case, other = read_cases(put(tmp_path, PUBLIC, unsaid))
    assert (case.answer, case.accepted, case.must_include) == ("214", ("214 people",), (("214", "214 people*"),))
    assert case.also_files == ("c.md",)
    assert (case.gold, case.cluster) == ([[("a.txt", 5, 5)]], "a.txt")
    assert (other.answerable, other.cluster) == (False, "c.md")
    text = (corpus / "a.txt").read_text()
    span = Lines(corpus).characters(case.evidence[0][0])
    assert span is not None
    assert text[span[1] : span[2]] == "It carried 214 people."
    assert evaluate(tmp_path / "cases.jsonl", corpus, "--name", "public") == 0


def test_what_makes_a_group_of_evidence_differs_by_set() -> None:
    two = [{"file": "a.txt", "line_start": n, "line_end": n, "text": "x"} for n in (1, 2)]

    def groups(*places: dict[str, Any]) -> list[int]:
        return [len(g) for g in from_public(PUBLIC | {"evidence": list(places)})["evidence"]]

    assert groups(*two) == [2]
    assert groups(*(p | {"char_start": 0, "char_end": 1} for p in two)) == [1, 1]
    assert groups(*(p | {"insight_id": i} for p, i in zip([*two, *two], "abba", strict=True))) == [2, 2]
    mine = from_public(
        {k: v for k, v in GOOD.items() if k != "evidence"} | {"evidence": [[{"file": "a.txt", "line": 5}]]}
    )
    assert mine["evidence"] == [[{"file": "a.txt", "line_start": 5, "line_end": 5}]]


CASE = Case("x", "?", "214.", "number", True, ((Place("a.txt", 5, 5),),), must_include=(("214",),))


@pytest.mark.parametrize(
    ("changes", "found", "cause"),
    [
        ({}, Found(passages=[("a.txt", 1, 9)]), None),
        ({"must_include": (("900",),)}, Found(passages=[("a.txt", 1, 9)]), "wrong answer"),
        ({"answerable": False, "evidence": ()}, Found(), "should have abstained"),
        ({"evidence": ((Place("gone.txt", 1, 1),),)}, Found(passages=[("a.txt", 1, 9)]), "not indexed"),
        ({"evidence": ((Place("c.md", 9, 9),),)}, Found(passages=[("a.txt", 1, 9)]), "not retrieved"),
        ({"evidence": ((Place("c.md", 9, 9),),)}, Found(passages=[("c.md", 1, 9)]), "not cited"),
        ({"evidence": ((Place("a.txt", 1, 1),),)}, Found(passages=[("a.txt", 1, 9)]), "wrong lines"),
    ],
)
def test_the_cause_of_a_failure(corpus: Path, changes: dict[str, Any], found: Found, cause: str | None) -> None:
    answer = ask("How many people did the ferry carry?", corpus=corpus, llm=False).to_dict()
    scored = score(replace(CASE, **changes), answer, found, Lines(corpus))
    assert (scored.cause, scored.passed) == (cause, cause is None)


def test_a_refusal_has_its_cause_too(corpus: Path, home: Path) -> None:
    answer = ask("Who sang at the opera?", corpus=corpus, llm=False, settings=Settings(home=home)).to_dict()
    assert answer["abstained"]
    there = score(CASE, answer, Found(passages=[("a.txt", 1, 9)]), Lines(corpus))
    assert (there.cause, there.outcome, there.scores["citation_precision"]) == (
        "should have answered",
        "abstained-wrong",
        0,
    )
    assert score(CASE, answer, Found(), Lines(corpus)).cause == "not retrieved"
    assert (
        score(replace(CASE, answerable=False, evidence=()), answer, Found(), Lines(corpus)).outcome == "abstained-right"
    )


def test_what_was_replaced_by_its_lines_is_not_the_models_own(corpus: Path) -> None:
    answer = ask("How many people did the ferry carry?", corpus=corpus, llm=False).to_dict()
    assert score(CASE, answer, Found(), Lines(corpus)).scores["own_words"] is None
    own, replaced = answer["claims"][0], answer["claims"][0] | {"draft": answer["claims"][0]}
    answer |= {"mode": "model", "claims": [own, replaced, replaced]}  # two lines may stand for one sentence
    assert score(CASE, answer, Found(), Lines(corpus)).scores["own_words"] == 0.5


def test_a_fault_has_the_same_measures_as_the_worst_answer(corpus: Path) -> None:
    """Whatever the answer would have been, no measure that applies to the case leaves its mean."""
    answer = ask("How many people did the ferry carry?", corpus=corpus, llm=False).to_dict()
    costs = {m.name for m in MEASURES.values() if not m.better}
    for case in (CASE, replace(CASE, answerable=False, evidence=(), must_include=())):
        fair = score(case, answer, Found([("a.txt", 5, 5)], [("a.txt", 1, 9)]), Lines(corpus)).scores
        fault = score(case, None, Found(), Lines(corpus), error="no reply").scores
        applies = {m for m, v in fault.items() if v is not None}
        cited = {"validity", "quotation_fidelity", "supported"}  # of a question to refuse, only a wrong answer has them
        assert applies >= {m for m, v in fair.items() if v is not None} - costs - cited
        assert (cited <= applies) == case.answerable
        assert all(v == (1.0 if m == "brier" else 0.0) for m, v in fault.items() if v is not None)


def test_two_processes_cannot_make_one_run(
    home: Path, cases: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(cases, corpus, "--name", "one") == 0
    with FileLock(home / "runs" / "one" / "lock"):
        code = f"from rag.cli import main; raise SystemExit(main(['eval', 'run', {str(cases)!r}, '-c', {str(corpus)!r}, '--name', 'one']))"
        env = os.environ | {"PYTHONPATH": str(Path(evals.__file__).parents[1])}
        other = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert other.returncode == 2
    assert "another process is making the run one" in other.stderr


def test_reading_what_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run in"):
        read_run(tmp_path)
