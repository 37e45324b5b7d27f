"""What a hostile reader of the eval suite found: odd files, dead endpoints, and figures that meant nothing."""

from __future__ import annotations

import json
import math
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

import evals
from evals import replies
from evals.add import append
from evals.cases import Case, check_cases, line_hash, read_cases
from evals.cli import with_action, writable
from evals.jsonable import finite
from evals.judge import Agreement, draft_labels, keep_agreement, kept_agreement, read_grade, read_labels
from evals.junit import write_junit
from evals.replies import KeptReplies, ReplyStore
from evals.runs import Run, read_run
from evals.selftest import selftest
from evals.sweep import Point, draw, sweep
from evals.tables import print_sweep
from index.errors import UsageError
from rag.cli import main
from rag.settings import Settings
from tests.server import serving
from tests.test_cases import GOOD, put
from tests.test_eval import BRIDGE, PUBLIC, UNSAID, answering, evaluate, model

DEAD = "http://127.0.0.1:9/v1"
"""Where no endpoint answers; loopback refuses at once."""

BARE: dict[str, Any] = GOOD | {"evidence": [[{"file": "a.txt", "line_start": 5, "line_end": 5}]]}
LINE = "The ferry left at nine. It carried 214 people."


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    return put(tmp_path, GOOD, BRIDGE, UNSAID)


def status(*argv: str) -> object:
    """The exit status, of the parser too."""
    try:
        return main(argv)
    except SystemExit as e:
        return e.code


# ---- case files


def place(**changes: Any) -> list[list[dict[str, Any]]]:
    return [[{"file": "a.txt", "line_start": 5, "line_end": 5} | changes]]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (GOOD | {"evidence": place(line_start=5.0)}, "evidence.0.0.line_start"),
        (GOOD | {"evidence": place(line_end=True)}, "evidence.0.0.line_end"),
        (GOOD | {"evidence": place(sha="0" * 12 + "\n")}, "evidence.0.0.sha"),
        (GOOD | {"evidence": 5}, "evidence"),
        (GOOD | {"evidence": None}, "evidence"),
        (GOOD | {"id": "ferry\n"}, "id"),
        (GOOD | {"since": "2020-02-30"}, "since"),
        (GOOD | {"until": "20200106"}, "until"),
        (GOOD | {"as_of": "yesterday"}, "as_of"),
        (GOOD | {"answerable": False, "must_include": []}, "evidence"),
        (GOOD | {"answerable": False, "evidence": []}, "must_include"),
        (PUBLIC | {"answers": None}, "answers"),
        (PUBLIC | {"answers": "214"}, "answers"),
        (PUBLIC | {"about": "a.txt"}, "about"),
        (PUBLIC | {"evidence": ["a.txt"]}, "evidence.0"),
        (PUBLIC | {"evidence": None}, "evidence"),
        (PUBLIC | {"evidence": [place()[0][0] | {"insight_id": "x"}, place()[0][0]]}, "evidence.1"),
        (PUBLIC | {"evidence": [place()[0][0] | {"insight_id": []}]}, "evidence.0"),
        (PUBLIC | {"evidence": [place(line_start=5.0)[0][0]]}, "evidence.0.0.line_start"),
        (GOOD | {"evidence": [[{"file": "a.txt", "line": 5}]], "must_include": ["214"]}, "must_include.0"),
        ("[" * 100_000, "not JSON"),
        ('{"evidence": ' + "[" * 400 + "]" * 400 + "}", "case"),
        ('{"id": ' + "1" * 5000 + "}", "not JSON"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_told_in_one_line(tmp_path: Path, row: object, field: str) -> None:
    with pytest.raises(UsageError) as e:
        read_cases(put(tmp_path, GOOD, row))
    message = str(e.value)
    assert message.startswith(f"cases.jsonl:2: {field}")
    assert "\n" not in message
    assert len(message) < 500


def test_a_long_value_does_not_hide_what_is_wrong_with_it(tmp_path: Path) -> None:
    many = UNSAID | {"evidence": place() * 50}
    with pytest.raises(UsageError, match=r"An unanswerable question has no gold lines\.\)$"):
        read_cases(put(tmp_path, many))


def test_a_byte_order_mark_and_evidence_in_lists_are_read(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text(json.dumps(GOOD), encoding="utf-8-sig")
    assert [c.id for c in read_cases(path)] == ["ferry-people"]
    (case,) = read_cases(put(tmp_path, PUBLIC | {"evidence": [PUBLIC["evidence"]]}))
    assert (case.gold, case.cluster) == ([[("a.txt", 5, 5)]], "a.txt")


def check(folder: Path, corpus: Path, row: dict[str, Any]) -> list[str]:
    return [p.message for p in check_cases(read_cases(put(folder, row)), corpus)]


def test_check_reports_what_no_score_would_show(corpus: Path, tmp_path: Path) -> None:
    assert check(tmp_path, corpus, GOOD) == []
    assert check(tmp_path, corpus, GOOD | {"also_files": ["c.md", "d.md"]}) == [
        "also_files: no article d.md in the corpus"
    ]
    assert check(tmp_path, corpus, GOOD | {"must_include": []}) == [
        "must_include: any answer would do; name the words that a right one holds"
    ]
    assert check(tmp_path, corpus, GOOD | {"evidence": place(line_end=4, text="x")}) == [
        "evidence: a.txt:5-4 ends before it begins"
    ]
    (problem,) = check(tmp_path, corpus, BARE)
    assert problem.endswith(f'add "sha": "{line_hash([LINE])}"')
    assert check(tmp_path, corpus, GOOD | {"evidence": place(sha=line_hash([LINE]))}) == []


def test_check_asks_of_public_rows_only_what_they_have(corpus: Path, tmp_path: Path) -> None:
    bare = PUBLIC | {"answers": ["a " * 20], "evidence": [{"file": "a.txt", "line": 5}]}
    assert check(tmp_path, corpus, bare) == []
    assert check(tmp_path, corpus, bare | {"also_contains_answer": ["d.md"]}) != []


def test_a_gold_line_without_hash_is_no_reason_not_to_run(corpus: Path, tmp_path: Path) -> None:
    assert evaluate(put(tmp_path, BARE), corpus, "--name", "one") == 0


# ---- which cases, which corpus


def test_the_environment_names_no_corpus_for_the_sample_pairs(
    corpus: Path, home: Path, monkeypatch: pytest.MonkeyPatch, cases: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BYLINE_CORPUS", str(corpus))
    assert main(["eval", "--limit", "1", "--name", "one"]) == 0
    assert read_run(home / "runs" / "one").manifest["corpus"] == str(evals.ARTICLES)
    assert main(["eval", "check"]) == 0
    assert main(["eval", str(cases), "--name", "mine"]) == 0
    assert read_run(home / "runs" / "mine").manifest["corpus"] == str(corpus)
    capsys.readouterr()
    assert main(["eval", "check", "-c", str(corpus)]) == 2
    assert "no packaged pairs" in capsys.readouterr().err


def test_the_selftest_takes_the_sample_corpus(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def only_look(cases: Sequence[Case], corpus: Path, records: object, **_: object) -> list[object]:
        print(len(cases), corpus)
        return []

    monkeypatch.setenv("BYLINE_CORPUS", str(corpus))
    monkeypatch.setattr("evals.selftest.selftest", only_look)
    monkeypatch.setattr("evals.run.run", lambda plan, folder, progress: SimpleNamespace(records=[]))
    assert main(["eval", "selftest"]) == 0
    assert str(evals.ARTICLES) in capsys.readouterr().out


def test_the_selftest_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch, corpus: Path, home: Path) -> None:
    assert main(["eval", "--limit", "12", "--name", "one", "--no-llm"]) == 0
    records = read_run(home / "runs" / "one").records
    monkeypatch.setattr("evals.selftest.MUTATIONS", ())
    told: list[tuple[int, int]] = []
    cases = read_cases(evals.CASES / "sample_a.jsonl")[:12]
    selftest(cases, evals.ARTICLES, records, resamples=2, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


def test_a_mistyped_action_is_no_case_file(capsys: pytest.CaptureFixture[str], cases: Path) -> None:
    assert status("eval", "runn") == 2
    (line,) = capsys.readouterr().err.strip().split("\n")
    assert "'runn'" in line
    assert "selftest" in line
    assert with_action(["eval"]) == ["eval", "run"]
    assert with_action(["eval", "--limit", "2"]) == ["eval", "run", "--limit", "2"]
    assert with_action(["eval", "gone.jsonl"]) == ["eval", "run", "gone.jsonl"]
    assert with_action(["eval", str(cases)]) == ["eval", "run", str(cases)]
    assert with_action(["eval", "check"]) == ["eval", "check"]
    assert with_action(["eval", "--help"]) == ["eval", "--help"]


def test_packaged_pairs_are_read_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    read: list[str] = []

    def counting(path: Path) -> list[Case]:
        read.append(path.name)
        return read_cases(path)

    monkeypatch.setattr("evals.cases.read_cases", counting)
    assert main(["eval", "check"]) == 0
    assert sorted(read) == sorted(p.name for p in evals.CASES.glob("*.jsonl"))


# ---- runs and where they are written


def test_a_folder_that_is_not_there_is_no_other_run(
    cases: Path, corpus: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(cases, corpus, "--name", "g", "--no-llm") == 0
    assert main(["eval", "compare", str(home / "runs" / "g"), "g"]) == 0
    capsys.readouterr()
    for wrong in ("/no/such/place/g", "place/g", "g/", "./g"):
        assert main(["eval", "compare", wrong, "g"]) == 2
    assert "no run in /no/such/place/g" in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv",
    [
        ["run", "--html", "gone/r.html"], ["run", "--junit", "gone/r.xml"], ["sweep", "--plot", "gone/p.svg"],
        ["add", "Which ferry?", "-o", "gone/c.jsonl"], ["run", "--html", "."],
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_written_is_known_before_the_first_question(
    argv: list[str], cases: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [] if argv[0] == "add" else [str(cases)]
    with serving(answering) as script:
        model(monkeypatch, script.url)
        assert main(["eval", argv[0], *given, *argv[1:], "-c", str(corpus)]) == 2
        assert script.requests == []
    assert len(capsys.readouterr().err.strip().split("\n")) == 1


def test_what_may_be_written(tmp_path: Path) -> None:
    writable(None, tmp_path / "new.html", Path("here.html"))
    with pytest.raises(UsageError, match="is a folder"):
        writable(tmp_path)
    with pytest.raises(UsageError, match="no folder"):
        writable(None, tmp_path / "gone" / "r.html")


def test_a_report_and_labels_into_a_missing_folder(cases: Path, corpus: Path) -> None:
    assert evaluate(cases, corpus, "--name", "g", "--no-llm") == 0
    assert main(["eval", "report", "g", "-o", "gone/r.html"]) == 2
    assert main(["eval", "judge", "g", "--draft-labels", "gone/l.jsonl"]) == 2


def test_junit_holds_no_character_that_xml_cannot(tmp_path: Path) -> None:
    case = {"type": "a\x00b", "question": "\x01?", "answer": "x", "answerable": True}
    record = {"key": "k\x08#0", "case": case, "seconds": 0.5, "error": None, "passed": True, "cause": None}
    write_junit(Run("n\x0b", {}, (record,)), tmp_path / "e.xml")
    (suite,) = ElementTree.parse(tmp_path / "e.xml").getroot()
    test = suite.find("testcase")
    assert test is not None
    assert (suite.get("name"), test.get("name"), test.get("classname")) == ("byline eval n", "k#0", "ab")


def test_json_has_no_number_that_json_does_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert finite({1: (math.nan, -math.inf), "x": [1.5, "NaN", None, True]}) == {
        "1": [None, None],
        "x": [1.5, "NaN", None, True],
    }
    point = Point("passages 1", {"passages": 1}, 3, math.nan, None, math.inf, 0.1)
    monkeypatch.setattr("evals.sweep.sweep", lambda *a, **k: [point])
    assert main(["eval", "sweep", "--limit", "1", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(name))
    assert (row["mean"], row["high"], row["seconds"]) == (None, None, 0.1)


# ---- sweep


def test_a_sweep_of_a_dead_endpoint_is_broken(
    cases: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rag.llm.BACKOFF", 0.001)
    model(monkeypatch, DEAD)
    assert main(["eval", "sweep", str(cases), "-c", str(corpus), "--vary", "passages=2,4"]) == 3
    said = capsys.readouterr().err
    assert "of 6 questions ended in a fault, the first: by-hand: the endpoint cannot be reached" in said


@pytest.mark.parametrize(
    ("vary", "says"),
    [
        (["passages=0"], "whole numbers from 1"),
        (["passages=-1"], "whole numbers from 1"),
        (["passages=2,"], "whole numbers from 1"),
        (["dense_weight=nan"], "numbers from 0"),
        (["dense_weight=-1"], "numbers from 0"),
        (["model=a,,b"], "names"),
        (["passages=1", "passages=2"], "twice"),
    ],
)
def test_values_that_no_setting_takes(corpus: Path, home: Path, vary: list[str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        sweep([], corpus, Settings(home=home), vary)


def test_kept_replies_have_no_time(
    tmp_path: Path,
    corpus: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path, plot = put(tmp_path, GOOD), tmp_path / "plot.svg"
    argv = ["eval", "sweep", str(path), "-c", str(corpus), "--vary", "passages=4", "--plot", str(plot)]
    with serving(answering) as script:
        model(monkeypatch, script.url)
        assert main(argv) == 0
        (_, line) = capsys.readouterr().out.splitlines()
        assert float(line.split()[-1]) > 0
        assert len(list(ElementTree.parse(plot).getroot().iter("{http://www.w3.org/2000/svg}circle"))) == 1
        assert main(argv) == 0
        assert len(script.requests) == 1
    (_, line) = capsys.readouterr().out.splitlines()
    assert line.split()[-1] == "-"
    assert "circle" not in plot.read_text()


def test_a_sweep_draws_what_it_knows(capsys: pytest.CaptureFixture[str]) -> None:
    points = [Point("a", {}, 3, 0.5, None, None, 0.2), Point("b", {}, 3, 0.7, 0.6, 0.8, 0.4)]
    svg = ElementTree.fromstring(draw(points, "passed"))
    assert len(list(svg.iter("{http://www.w3.org/2000/svg}circle"))) == 2
    bars = [p for p in svg.iter("{http://www.w3.org/2000/svg}path") if p.get("stroke") == "#1a5fb4"]
    assert len(bars) == 1
    print_sweep(points, "passed")
    assert "200.0" in capsys.readouterr().out


# ---- replies


class Scripted:
    """A model of an endpoint that says two pieces and ends as it is told."""

    model = "scripted"

    def __init__(self, finish: str | None, additional_kwargs: dict[str, Any] | None = None) -> None:
        self.finish = finish
        self.additional_kwargs = additional_kwargs or {}
        self.asked = 0

    def stream_chat(self, messages: Sequence[Any], **options: Any) -> Iterator[Any]:
        self.asked += 1
        for delta, finish in (("It ", None), ("is.", self.finish)):
            choice = SimpleNamespace(finish_reason=finish, delta=None)
            yield SimpleNamespace(delta=delta, raw=SimpleNamespace(choices=[choice], usage=None))


def ask_twice(llm: Scripted, store: ReplyStore) -> list[str]:
    kept = KeptReplies(llm, store)
    messages = [SimpleNamespace(role="user", content="?")]
    return ["".join(chunk.delta for chunk in kept.stream_chat(messages)) for _ in range(2)]


@pytest.mark.parametrize(
    ("finish", "asked"),
    [("stop", 1), ("end_turn", 1), ("eos", 1), ("length", 2), ("content_filter", 2), (None, 2)],
)
def test_a_reply_is_kept_where_it_would_be_accepted(home: Path, finish: str | None, asked: int) -> None:
    store, llm = ReplyStore(home / "replies.sqlite"), Scripted(finish)
    assert ask_twice(llm, store) == ["It is.", "It is."]
    assert llm.asked == asked
    store.close()


def test_what_a_request_carries_beside_its_words_is_part_of_its_key(home: Path) -> None:
    store = ReplyStore(home / "replies.sqlite")
    plain, warm = Scripted("stop"), Scripted("stop", {"top_p": 0.5})
    ask_twice(plain, store)
    ask_twice(warm, store)
    assert (plain.asked, warm.asked) == (1, 1)
    store.close()


def test_a_file_of_something_else_is_named(
    cases: Path, corpus: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "replies.sqlite").write_text("this is no database, but a letter of some length. " * 50)
    model(monkeypatch, DEAD)
    assert evaluate(cases, corpus, "--name", "one") == 2
    last = capsys.readouterr().err.strip().split("\n")[-1]
    assert "replies.sqlite" in last
    assert "remove it" in last


def test_a_locked_file_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "WAIT", 0.05)
    path = home / "replies.sqlite"
    other = sqlite3.connect(path)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(UsageError, match=r"locked.*close what uses it"):
        ReplyStore(path)
    other.close()
    ReplyStore(path).close()
    with pytest.raises(UsageError, match="cannot use"):
        ReplyStore(home)


def test_a_file_that_fails_later_is_a_miss_and_no_fault_of_the_model(home: Path) -> None:
    store, llm = ReplyStore(home / "replies.sqlite"), Scripted("stop")
    store.close()
    assert ask_twice(llm, store) == ["It is.", "It is."]
    assert llm.asked == 2
    torn = ReplyStore(home / "torn.sqlite")
    with sqlite3.connect(home / "torn.sqlite") as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        other.execute("INSERT INTO replies VALUES ('q', '{')")
    other.close()
    assert torn.get("q") is None
    torn.close()


def test_threads_share_the_kept_replies(home: Path) -> None:
    store = ReplyStore(home / "replies.sqlite")
    threads = [threading.Thread(target=store.put, args=(str(i), {"n": i})) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [store.get(str(i)) for i in range(20)] == [{"n": i} for i in range(20)]
    store.close()


# ---- judge


@pytest.mark.parametrize(
    ("quote", "given", "grade", "counts"),
    [
        ('""', "It carried 214 people.", "RIGHT", None),
        ("people", "It carried 214 people.", "RIGHT", None),
        ("214 people", "It carried 214 people.", "RIGHT", True),
        ("14 people", "It carried 214 people.", "RIGHT", None),
        ("214", "214.", "RIGHT", True),
        ("21", "214", "RIGHT", None),
        ('""', "", "RIGHT", None),
        ("people", "It carried 214 people.", "WRONG", False),
        ('""', "It carried 214 people.", "WRONG", False),
    ],
)
def test_how_much_a_right_grade_must_quote(quote: str, given: str, grade: str, counts: bool | None) -> None:
    assert read_grade(f"QUOTE: {quote}\nGRADE: {grade}", given) is counts


def answered(text: str, key: str = "k#0") -> dict[str, Any]:
    case = {"question": "?", "answer": "214", "answerable": True}
    return {"key": key, "case": case, "answer": {"text": text, "abstained": False, "claims": [{"text": text}]}}


def test_labels_count_for_the_answer_they_were_given_to(tmp_path: Path) -> None:
    labels = tmp_path / "labels.jsonl"
    first = Run("one", {}, (answered("214 people."),))
    assert draft_labels(first, labels) == 1
    with pytest.raises(UsageError, match="may hold grades"):
        draft_labels(first, labels)
    labels.write_text(json.dumps(json.loads(labels.read_text()) | {"right": True}) + "\n", encoding="utf-8-sig")
    assert read_labels(labels, first) == {"k#0": True}
    assert read_labels(labels, Run("two", {}, (answered("900 people."),))) == {}
    labels.write_text('{"key": "k#0", "right": true}')
    with pytest.raises(UsageError, match="draft them"):
        read_labels(labels, first)


@pytest.mark.parametrize(("low", "believed"), [(0.4, True), (0.39, False), (math.nan, False)])
def test_which_agreement_is_believed(home: Path, low: float, believed: bool) -> None:
    found = Agreement("m", 40, 0.6, low, 0.8)
    keep_agreement(home, found)
    kept = kept_agreement(home, "m")
    assert kept is not None
    assert found.believed is kept.believed is believed
    next((home / "judges").iterdir()).write_text("{")
    assert kept_agreement(home, "m") is None


@pytest.fixture
def graded(tmp_path: Path, corpus: Path) -> Path:
    """A run of 24 answers, of which people found every other one right."""
    rows = [GOOD | {"id": f"c{i}", "answer": "214" if i % 2 else "900", "must_include": []} for i in range(24)]
    assert evaluate(put(tmp_path, *rows), corpus, "--name", "one", "--no-llm") == 0
    labels = tmp_path / "labels.jsonl"
    assert main(["eval", "judge", "one", "--draft-labels", str(labels)]) == 0
    people = [json.loads(line) for line in labels.read_text().splitlines()]
    labels.write_text("".join(json.dumps(row | {"right": row["expected"] == "214"}) + "\n" for row in people))
    return labels


def as_people(body: dict[str, Any]) -> str:
    right = "Expected answer: 214" in body["messages"][-1]["content"]
    return f"QUOTE: 214 people\nGRADE: {'RIGHT' if right else 'WRONG'}"


def test_a_judge_asks_nothing_twice_and_survives_a_fault(
    graded: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rag.llm.BACKOFF", 0.001)
    with serving(401, as_people) as script:
        model(monkeypatch, script.url)
        argv = ["eval", "judge", "one", "--labels", str(graded)]
        assert main(argv) == 3  # 1 of 24 is more than a fault in fifty
        out, err = capsys.readouterr()
        assert "1 unusable" in out
        assert "1 of 24 answers could not be judged, the first: by-hand: the key was refused" in err
        # One of 12 equal requests failed; the other two prompts were asked once each.
        assert len(script.requests) == 3
        assert main(argv) == 0
        assert len(script.requests) == 3
    assert "0 unusable" in capsys.readouterr().out


def test_labels_of_other_answers_are_known_before_the_first_question(
    graded: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [json.loads(line) | {"sha": "0" * 12} for line in graded.read_text().splitlines()]
    graded.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with serving(as_people) as script:
        model(monkeypatch, script.url)
        assert main(["eval", "judge", "one", "--labels", str(graded)]) == 2
        assert script.requests == []
    assert "grades 0 answers of this run; grade at least 20" in capsys.readouterr().err


def test_a_judge_that_agrees_by_chance_is_not_shown(
    graded: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving("QUOTE: 214 people\nGRADE: RIGHT") as script:
        model(monkeypatch, script.url)
        assert main(["eval", "judge", "one", "--labels", str(graded)]) == 0
        out, err = capsys.readouterr()
        assert "answers right" not in out
        assert "agreement with people: kappa" in out
        assert "not shown" in err
        assert main(["eval", "judge", "one", "--json"]) == 0  # what was measured is kept
    value = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(name))
    assert value["right"] is None
    assert value["agreement"]["n"] == 24
    kept = kept_agreement(home, "by-hand")
    assert kept is not None
    assert not kept.believed


# ---- add


def test_a_draft_goes_into_a_file_of_blank_lines(corpus: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text("\n\n  \n")
    assert main(["eval", "add", "-c", str(corpus), "-o", str(path), GOOD["question"]]) == 0
    assert [c.question for c in read_cases(path)] == [GOOD["question"]]
    assert append(json.loads(json.dumps(GOOD)), path)["id"] == "ferry-people"


def test_a_file_that_takes_no_draft_is_known_before_the_question(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path, "no case")
    with serving(answering) as script:
        model(monkeypatch, script.url)
        assert main(["eval", "add", "-c", str(corpus), "-o", str(path), GOOD["question"]]) == 2
        assert script.requests == []
    assert path.read_text() == "no case"


def test_a_draft_without_the_model_says_so(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rag.llm.BACKOFF", 0.001)
    model(monkeypatch, DEAD)
    assert main(["eval", "add", "-c", str(corpus), GOOD["question"]]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["answerable"]
    assert "cannot be reached" in err
    assert "quoted instead" in err
