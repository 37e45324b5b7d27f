"""A claim held against the words it cites. Deterministic; no model.

Numbers, dates, names, denials, speakers and quotations must agree; the rest must be covered. Each check (checks/)
returns its reasons in words a reader can use; no reasons means it passed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.checks.attribution import check_attribution
from rag.checks.clauses import check_order, scattered
from rag.checks.cover import cover
from rag.checks.dates import check_dates, moments
from rag.checks.evidence import Evidence, bearing, stated
from rag.checks.names import check_names
from rag.checks.negation import check_negation
from rag.checks.omission import check_omission
from rag.checks.pronouns import check_pronoun
from rag.checks.quantities import check_quantities
from rag.checks.quotations import check_quotations
from rag.checks.roles import check_roles, check_sides
from rag.checks.scope import check_scope
from rag.checks.slots import check_parallel, check_slots, other_words
from rag.checks.wording import absent
from rag.types import CheckResult

SUPPORTED = 0.6
"""Share of a claim's content words that its lines must hold: the best single threshold on AttributionBench."""

PARTIAL = 0.35

_LACKS = "not in the cited lines: "

_NOT_WORDS = re.compile(
    r"^\s*(?:\d{1,2}[.)]\s+|[•*-]\s+)?(?:(?:Yes|Yeah|No|None|However|Additionally|Also|Therefore|Thus|Moreover|Furthermore"
    r"|Meanwhile|Overall|In addition|For example|In short)[,;:]\s+)?"
    r"|\s*\[\d{1,3}(?:\s?[,;–-]\s?\d{1,3})*\]"
)


def check(
    claim: str,
    sources: str | Evidence | Sequence[str | Evidence],
    *,
    strict: bool = False,
    before: Sequence[str] = (),
) -> CheckResult:
    """Whether `sources` (the texts of the cited lines) support `claim`.

    `score` is the share of the claim's content words that stand in the sources. The verdict is
    `supported`, `partial` or `unsupported` (`moved` needs other lines to look at; see generate.py). `strict`
    makes a claim `partial` where one word that states something is missing, however many are not. `before` are the
    question and the earlier sentences of the answer, which tell who "he" and what "it" is.
    """
    claim = statement(claim)
    evidence, near, around = evidence_for(claim, sources)
    texts = [e.text for e in near]
    reasons = contradictions(claim, evidence, near, around)
    reasons += check_pronoun(claim, before, texts[0]) if texts else []
    score, missing = cover(claim, texts, around)
    if reasons:
        return CheckResult("unsupported", score, tuple(dict.fromkeys(reasons)))
    if score >= SUPPORTED:
        other = other_words(claim, texts, around)
        if strict and not other and (words := absent(claim, missing, texts, around)):
            other = [_LACKS + ", ".join(words[:6])]
        elif strict and not other and (words := scattered(claim, [e.text for e in evidence], before)):
            other = ["no one sentence of the lines says that of " + ", ".join(words[:6])]
        return CheckResult("partial" if other else "supported", score, tuple(other))
    reason = _LACKS + (", ".join(missing[:6]) or "anything like it")
    return CheckResult("partial" if score >= PARTIAL else "unsupported", score, (reason,))


def evidence_for(
    claim: str, sources: str | Evidence | Sequence[str | Evidence]
) -> tuple[list[Evidence], list[Evidence], tuple[str, ...]]:
    """What the sources state, the sentences of it that bear on `claim`, and all texts with what stands around them."""
    given = [sources] if isinstance(sources, (str, Evidence)) else sources
    evidence = [e for s in given for e in stated(Evidence(s) if isinstance(s, str) else s)]
    around = tuple(dict.fromkeys(t for e in evidence for t in (e.text, *e.context)))
    return evidence, bearing(claim, evidence), around


def statement(claim: str) -> str:
    """The claim without what states nothing: the number of a list item, reference marks, "Yes," and "However,"."""
    return _NOT_WORDS.sub("", claim)


def contradictions(
    claim: str, evidence: Sequence[Evidence], near: Sequence[Evidence], around: Sequence[str]
) -> list[str]:
    """What in the claim the evidence lacks or denies; `near` are the sentences that bear on it."""
    texts = [e.text for e in near]
    return [
        *check_quotations(claim, [e.text for e in evidence]),
        *check_quantities(claim, texts, [(m.start, m.end) for m in moments(claim)]),
        *check_dates(claim, near),
        *check_names(claim, texts, around),
        *check_negation(claim, texts),
        *check_attribution(claim, texts, near[0].context[-1] if near and near[0].context else ""),
        *check_scope(claim, texts),
        *check_omission(claim, texts),
        *check_roles(claim, texts),
        *check_parallel(claim, texts),
        *check_sides(claim, texts),
        *check_order(claim, texts),
    ] or check_slots(claim, texts, around)
