"""Markers to citations: resolved against what was shown; what was not shown is never passed on."""

from __future__ import annotations

from collections.abc import Sequence

from index.clean import without_labels
from index.words import terms
from rag.markers import Marked
from rag.sources import Source
from rag.types import Citation, Claim, Hit

MAX_LINES = 5
"""A marker over more lines than this points at nothing a reader can check, and is refused."""


def resolve(marked: Marked, sources: Sequence[Source]) -> tuple[list[Hit], list[str]]:
    """The shown sentences that the markers name and best fit the claim, and what could not be resolved."""
    by_number = {s.number: s for s in sources}
    hits: list[Hit] = []
    bad = list(marked.bad)
    for number, first, last in marked.markers:
        source = by_number.get(number)
        there = source.at(first, last) if source and last - first < MAX_LINES else []
        if there:
            hits += [h for h in _fitting(marked.text, there) if h not in hits]
        else:
            bad.append(f"[{number}:{first}]" if first == last else f"[{number}:{first}-{last}]")
    return hits, bad


def named(marked: Marked, sources: Sequence[Source]) -> list[Hit]:
    """All shown sentences on the lines that the markers name."""
    by_number = {s.number: s for s in sources}
    found = [
        h
        for number, first, last in marked.markers
        if number in by_number and last - first < MAX_LINES
        for h in by_number[number].at(first, last)
    ]
    return list({(h.file, h.start): h for h in found}.values())


def citations(hits: Sequence[Hit]) -> list[Citation]:
    """One citation for each hit; sentences that follow each other in one file become one."""
    out: list[Citation] = []
    for hit in sorted(hits, key=lambda h: (h.file, h.start)):
        citation = Citation(
            hit.file, hit.line_start, hit.line_end, hit.text, hit.start, hit.end, hit.sha256, hit.title, hit.date,
            hit.source,
        )  # fmt: skip
        if citation not in out:
            out.append(citation)
    order = {h.file: i for i, h in reversed(list(enumerate(hits)))}
    return sorted(out, key=lambda c: (order[c.file], c.start))


def quoted(hit: Hit, reasons: tuple[str, ...] = (), draft: Claim | None = None) -> Claim:
    """The sentence itself as a claim, with all places where it stands; `draft` is the model's that it stands for."""
    text = " ".join(without_labels(hit.text, " […]").split())
    return Claim(text, tuple(citations([hit, *hit.also])), "supported", reasons, draft)


def _fitting(claim: str, hits: list[Hit]) -> list[Hit]:
    """Of the sentences on the named lines, the fewest that hold the claim's words: first the one with most
    of them, then others that add a word."""
    wanted = set(terms(claim))
    left = set(wanted)
    chosen: list[Hit] = []
    rest = list(hits)
    while rest:
        best = max(rest, key=lambda h: (len(left & set(terms(h.text))), -h.start))
        gain = left & set(terms(best.text))
        if chosen and (len(gain) < 2 or len(chosen) >= 3):
            break
        chosen.append(best)
        left -= gain
        rest.remove(best)
    return sorted(chosen, key=lambda h: h.start)
