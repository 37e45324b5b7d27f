"""A run as JUnit XML, which continuous integration services show as tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evals.runs import Record, Run


def write_junit(run: Run, path: Path) -> None:
    """One test a case, named by file of evidence and id: failed with its cause, or an error where it was a fault."""
    from junitparser import JUnitXml, TestSuite

    suite = TestSuite(f"byline eval {run.name}")
    suite.add_testcases([_test(record) for record in run.records])
    suite.update_statistics()
    xml = JUnitXml(suite.name)
    xml.add_testsuite(suite)
    xml.update_statistics()
    xml.write(str(path), pretty=True)


def _test(record: Record) -> Any:
    from junitparser import Error, Failure, TestCase

    case = record["case"]
    test = TestCase(record["key"], classname=case["type"], time=record["seconds"])
    if record["error"]:
        test.result = [Error(_clean(record["error"]))]
    elif not record["passed"]:
        failure = Failure(_clean(record["cause"]))
        text = (record["answer"] or {}).get("text", "")
        failure.text = _clean(f"{case['question']}\nexpected: {case['answer']}\ngiven: {text}")
        test.result = [failure]
    return test


def _clean(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(
        c for c in text if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff" and not "\ud800" <= c <= "\udfff")
    )
