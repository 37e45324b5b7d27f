"""A claim held against the words it cites. Deterministic; no model.

Numbers, dates, names, denials, speakers and quotations must agree; the rest must be covered. Each check (checks/)
returns its reasons in words a reader can use; no reasons means it passed.
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.checks.attribution import check_attribution
from rag.checks.cover import cover
from rag.checks.dates import check_dates, moments
from rag.checks.evidence import Evidence, bearing
from rag.checks.names import check_names
from rag.checks.negation import check_negation
from rag.checks.quantities import check_quantities
from rag.checks.quotations import check_quotations
from rag.checks.slots import check_slots
from rag.types import CheckResult

SUPPORTED = 0.6
"""Share of a claim's content words that its source must hold (macro-F1 0.77 on AttributionBench)."""

PARTIAL = 0.35


def check(claim: str, sources: str | Evidence | Sequence[str | Evidence]) -> CheckResult:
    """Whether `sources` (the texts of the cited lines) support `claim`.

    `score` is the share of the claim's content words that stand in the sources. The verdict is
    `supported`, `partial` or `unsupported` (`moved` needs other lines to look at; see generate.py).
    """
    given = [sources] if isinstance(sources, (str, Evidence)) else sources
    evidence = [Evidence(s) if isinstance(s, str) else s for s in given]
    near = bearing(claim, evidence)
    texts = [e.text for e in near]
    context = "\n".join(dict.fromkeys(e.context for e in evidence if e.context))
    whole = [e.text for e in evidence]
    around = "\n".join((*whole, context))
    reasons = [
        *check_quotations(claim, whole),
        *check_quantities(claim, texts, [(m.start, m.end) for m in moments(claim)]),
        *check_dates(claim, near),
        *check_names(claim, texts, around),
        *check_negation(claim, texts),
        *check_attribution(claim, texts),
    ] or check_slots(claim, texts)
    score, missing = cover(claim, texts, around)
    if reasons:
        return CheckResult("unsupported", score, tuple(dict.fromkeys(reasons)))
    if score >= SUPPORTED:
        return CheckResult("supported", score)
    reason = "not in the cited lines: " + ", ".join(missing[:6])
    return CheckResult("partial" if score >= PARTIAL else "unsupported", score, (reason,))
