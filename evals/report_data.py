"""A run, and the run it is compared with, as the data that the report page shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from evals.compare import Comparison
from evals.runs import Record, Run
from evals.score import MEASURES
from evals.summary import by_type, calibration, causes, outcomes, seconds, summarize, too_small
from index import __version__


def report_data(run: Run, before: Run | None, comparison: Comparison | None) -> dict[str, Any]:
    """The data of the page, as JSON types. `before` and `comparison` come together or not at all."""
    rows = summarize(run.records)
    old: dict[str, Record] = {r["key"]: r for r in before.records} if before else {}
    return {
        "name": run.name,
        "byline": __version__,
        "made": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "run": {k: v for k, v in run.manifest.items() if k != "keys"},
        "summary": rows,
        "by_type": by_type(run.records),
        "outcomes": outcomes(run.records),
        "causes": causes(run.records),
        "reliability": calibration(run.records),
        "brier": next((row["mean"] for row in rows if row["measure"] == "brier"), None),
        "seconds": seconds(run.records),
        "too_small": too_small(run.records),
        "cases": [_case(r, old.get(r["key"]), before is not None) for r in run.records],
        "comparison": comparison.to_dict() if comparison else None,
    }


def _case(record: Record, before: Record | None, compared: bool) -> dict[str, Any]:
    case = record["case"]
    lists: dict[str, Sequence[Any]] = {
        name: case.get(name, []) for name in ("history", "accepted", "must_include", "must_not_include", "evidence")
    }
    kept = ("passed", "outcome", "cause", "error", "scores", "missing_parts", "found_forbidden", "context")
    return {
        "id": case["id"], "repeat": record["repeat"], "type": case["type"], "question": case["question"],
        "answerable": case["answerable"], "expected": case["answer"], "note": case.get("note", ""), **lists,
        **{name: record[name] for name in kept}, "answer": record["answer"],
        "change": _change(record, before) if compared else None,
    }  # fmt: skip


def _change(record: Record, before: Record | None) -> dict[str, Any]:
    if before is None:
        return {"kind": "new", "before": None}
    if record["passed"] != before["passed"]:
        kind = "fixed" if record["passed"] else "broken"
    else:
        # Some measures up and others down is a change for a person to look at; it counts as worse.
        steps = [
            m.better * (record["scores"][m.name] - before["scores"][m.name])
            for m in MEASURES.values()
            if m.headline and None not in (record["scores"].get(m.name), before["scores"].get(m.name))
        ]
        kind = "worse" if min(steps, default=0) < 0 else "better" if max(steps, default=0) > 0 else "same"
    answer = before["answer"] or {}
    shown = {name: before[name] for name in ("passed", "outcome", "cause", "scores")}
    return {"kind": kind, "before": shown | {"text": answer.get("text", before["error"] or "")}}
