"""What a writer is shown: passages of each article as numbered lines, within a budget of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from index.tokens import count_tokens
from rag.retrieve import Candidate
from rag.types import Hit


@dataclass(frozen=True, slots=True)
class Source:
    """An article under its number; `shown` are the sentences that were shown, in the order of the text."""

    number: int
    file: str
    title: str | None
    date: str | None
    publisher: str | None
    shown: tuple[Hit, ...]

    def heading(self) -> str:
        """The line above the numbered lines."""
        about = " | ".join(_one_line(x) for x in (self.title, self.publisher, self.date) if x)
        return f"[{self.number}] {about or self.file}"

    def lines(self) -> str:
        """The shown sentences as ``12| text``, one row for each line of the file."""
        rows: dict[int, list[str]] = {}
        for hit in self.shown:
            for i, part in enumerate(hit.text.split("\n")):
                rows.setdefault(hit.line_start + i, []).append(part)
        return "\n".join(f"{n}| {' '.join(parts)}" for n, parts in sorted(rows.items()))

    def at(self, line_start: int, line_end: int) -> list[Hit]:
        """The shown sentences that touch those lines."""
        return [h for h in self.shown if h.line_start <= line_end and h.line_end >= line_start]


def make_sources(candidates: Sequence[Candidate], budget: int, scored: Sequence[Hit] = ()) -> list[Source]:
    """The candidates, best first, as sources of at most `budget` tokens together.

    Passages of one file stand together under the number of the best of them. What does not fit is
    left out whole; of a best passage larger than the budget, its best sentences are shown.
    """
    chosen: dict[str, list[Hit]] = {}
    used = 0
    for candidate in candidates:
        hits = _sentences(candidate)
        cost = _cost(hits)
        if used + cost > budget:
            if used:
                continue
            hits = _fitting(hits, scored, budget)
            if not hits:
                continue
            cost = _cost(hits)
        used += cost
        chosen.setdefault(candidate.document.file, []).extend(hits)
    sources = []
    for number, (file, hits) in enumerate(chosen.items(), 1):
        first = hits[0]
        hits = sorted(hits, key=lambda h: h.start)
        sources.append(Source(number, file, first.title, first.date, first.source, tuple(hits)))
    return sources


def _sentences(candidate: Candidate) -> list[Hit]:
    p, d = candidate.passage, candidate.document
    return [
        Hit(
            d.file, s.line_start, s.line_end, p.text[s.start - p.start : s.end - p.start], candidate.score,
            s.start, s.end, d.title, d.date, d.source, d.sha256, p.id,
        )
        for s in p.sentences
    ]  # fmt: skip


def _cost(hits: Sequence[Hit]) -> int:
    # Line numbers and the heading, about 4 and 40 tokens, counted with the text.
    return sum(count_tokens(h.text) + 4 for h in hits) + 40


def _fitting(hits: list[Hit], scored: Sequence[Hit], budget: int) -> list[Hit]:
    rank = {(h.file, h.start): i for i, h in enumerate(scored)}
    kept: list[Hit] = []
    for hit in sorted(hits, key=lambda h: rank.get((h.file, h.start), len(rank))):
        if _cost([*kept, hit]) <= budget:
            kept.append(hit)
    return sorted(kept, key=lambda h: h.start)


def _one_line(text: str) -> str:
    return " ".join(text.split())
