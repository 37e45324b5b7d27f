"""A draft of a case, made from a checked answer: a person reads its lines and edits it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from evals.cases import DRAFT, Lines, line_hash, read_cases
from index.words import STOPWORDS
from rag.types import Answer, Citation


def draft(answer: Answer, corpus: Path, as_of: str | None = None) -> dict[str, Any]:
    """A case in the published schema. Each claim becomes a group of evidence, its citations the alternatives.

    What the answer must hold is left to the person: only they know which of its words matter.
    """
    lines = Lines(corpus)
    words = re.findall(r"[a-z0-9]+", answer.question.lower())
    slug = "-".join([w for w in words if w not in STOPWORDS][:5] or words[:5]) or "case"
    groups = list(dict.fromkeys(claim.citations for claim in answer.claims))
    case: dict[str, Any] = {
        "id": slug,
        "question": answer.question,
        "answer": " ".join(claim.text for claim in answer.claims) or answer.text,
        "type": "unanswerable" if answer.abstained else "fact",
        "answerable": not answer.abstained,
        "must_include": [],
        "evidence": [[_place(c, lines) for c in group] for group in groups],
        "cluster": groups[0][0].file if groups else slug,
        "note": f"{DRAFT}: read the lines, shorten the answer, name its parts in must_include, remove this note",
    }
    return case | ({"as_of": as_of} if as_of else {})


def append(case: dict[str, Any], path: Path) -> dict[str, Any]:
    """Append the case to a case file under an id that is free there; the case as written."""
    taken = {c.id for c in read_cases(path)} if path.exists() and path.stat().st_size else set()
    free, n = case["id"], 2
    while free in taken:
        free, n = f"{case['id']}-{n}", n + 1
    case = case | {"id": free}
    broken_off = path.exists() and path.stat().st_size and not path.read_bytes().endswith(b"\n")
    with path.open("a", encoding="utf-8") as f:
        f.write(("\n" if broken_off else "") + json.dumps(case, ensure_ascii=False) + "\n")
    return case


def _place(c: Citation, lines: Lines) -> dict[str, Any]:
    there = lines.of(c.file) or []
    return {
        "file": c.file, "line_start": c.line_start, "line_end": c.line_end,
        "sha": line_hash(there[c.line_start - 1 : c.line_end]),
    }  # fmt: skip
