"""Question sets in the layout of public benchmarks, turned into Byline's cases.

Such a row has `answers` (accepted answers, none where the articles do not say) instead of `answer`, and `evidence` as
a flat list of places, or gives a single `line` for a place. What makes up a group of evidence differs by set: places
with an `insight_id` support one insight, places with character offsets are excerpts that are all wanted; elsewhere
each place alone is enough.
"""

from __future__ import annotations

from typing import Any

NOT_SAID = "The articles do not say."

SHORT = 12
"""Words up to which an accepted answer is expected to stand in the reply as it is; longer ones are compared by words."""


def is_public(row: dict[str, Any]) -> bool:
    """Whether a row is in a public layout rather than a case of Byline's schema."""
    return "answers" in row or any("line" in place for group in row.get("evidence", ()) for place in _places(group))


def from_public(row: dict[str, Any]) -> dict[str, Any]:
    """The row as a case in Byline's schema, not yet validated. Fields without a meaning here are left out."""
    evidence = row.get("evidence", [])
    case = {
        "id": row.get("id"),
        "question": row.get("question"),
        "type": row.get("type", "public"),
        "answerable": row.get("answerable", True),
        "evidence": [[_place(p) for p in group] for group in _groups(evidence)],
    }
    if "answers" not in row:
        kept = ("answer", "accepted", "must_include", "must_not_include", "also_files", "history", "since", "until")
        case |= {name: row[name] for name in (*kept, "as_of", "tags", "cluster", "note") if name in row}
        return case | {"must_include": [_stems(group) for group in case.get("must_include", [])]}
    answers = [str(a) for a in row["answers"] if str(a).strip()]
    case |= {"answer": answers[0] if answers else NOT_SAID, "accepted": answers[1:]}
    if answers and min(len(a.split()) for a in answers) <= SHORT and not _insights(evidence):
        case["must_include"] = [_stems(answers)]
    if row.get("also_contains_answer"):
        case["also_files"] = row["also_contains_answer"]
    if row.get("asked_on"):
        case["as_of"] = row["asked_on"]
    about = [p["file"] for p in (*evidence, row.get("about") or {}) if p.get("file")]
    return case | {"cluster": about[0] if about else str(row.get("id", ""))}


def _stems(parts: list[str]) -> list[str]:
    """Public sets look for an answer anywhere in the reply: "helicopter" is found in "helicopters"."""
    return [part + "*" if part[-1:].isalpha() else part for part in parts]


def _groups(evidence: list[Any]) -> list[list[dict[str, Any]]]:
    if any(isinstance(group, list) for group in evidence):
        return [_places(group) for group in evidence]
    if _insights(evidence):
        by_insight: dict[str, list[dict[str, Any]]] = {}
        for place in evidence:
            by_insight.setdefault(place["insight_id"], []).append(place)
        return list(by_insight.values())
    if any("char_start" in place for place in evidence):
        return [[place] for place in evidence]
    return [evidence] if evidence else []


def _insights(evidence: list[Any]) -> bool:
    return any(isinstance(place, dict) and "insight_id" in place for place in evidence)


def _places(group: Any) -> list[dict[str, Any]]:
    return [p for p in (group if isinstance(group, list) else [group]) if isinstance(p, dict)]


def _place(place: dict[str, Any]) -> dict[str, Any]:
    first = place.get("line_start", place.get("line"))
    out = {"file": place.get("file"), "line_start": first, "line_end": place.get("line_end", first)}
    return out | ({"text": place["text"]} if place.get("text") else {})
