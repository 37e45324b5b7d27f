"""What a writer is shown: the best sentences of each article as numbered lines, within a budget of tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from index.spelling import terms
from index.tokens import count_tokens
from rag.retrieve import Candidate
from rag.types import Claim, Hit


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


HEADING, LINE = 40, 4
"""Tokens of a heading and of a line's number, about."""

AROUND, WITH_CONTEXT = 2, 8
"""Sentences shown on either side of each of the best so many: what "he" and "the letter" are. Those below stand alone.

Measured by `benchmarks.shown`; docs/lab-notes.md has the table.
"""


def make_sources(candidates: Sequence[Candidate], budget: int, ranked: Sequence[Hit]) -> list[Source]:
    """The best of the `ranked` sentences of these candidates, as sources of at most `budget` tokens together.

    Articles are numbered in the order of their best sentence. What does not fit is left out.
    """
    articles = _articles(candidates)
    chosen: dict[str, set[int]] = {}
    used = 0
    for rank, hit in enumerate(ranked):
        article = articles.get(hit.file, [])
        at = next((i for i, s in enumerate(article) if s.start == hit.start), None)
        if at is None:
            continue
        for around in (AROUND, 0) if rank < WITH_CONTEXT else (0,):
            near = range(max(0, at - around), min(len(article), at + around + 1))
            new = set(near) - chosen.get(hit.file, set())
            cost = sum(_cost(article[i]) for i in new) + HEADING * (hit.file not in chosen)
            if used + cost <= budget:
                if new:
                    used += cost
                    chosen.setdefault(hit.file, set()).update(new)
                break
    sources = []
    for number, (file, indexes) in enumerate(chosen.items(), 1):
        hits = tuple(articles[file][i] for i in sorted(indexes))
        sources.append(Source(number, file, hits[0].title, hits[0].date, hits[0].source, hits))
    return sources


LIKE = 3
"""Sentences with most of a claim's words that are shown again beside those that it cites."""


def around(shown: Sequence[Source], failed: Sequence[Claim], kept: Sequence[Claim] = ()) -> Sequence[Source]:
    """The part of the sources that these claims are about, under the same numbers; all of it, if nothing is like a failed claim.

    The shown sentences that they cite, those of the `failed` with AROUND on either side, and the LIKE ones that share most with a failed
    claim: each common word counts as much less as more sentences have it.
    """
    hits = [(number, i, h) for number, s in enumerate(shown) for i, h in enumerate(s.shown)]
    words = [set(terms(h.text)) for _, _, h in hits]
    having = Counter(t for some in words for t in some)
    chosen: set[tuple[int, int]] = set()
    for claims, near in ((failed, AROUND), (kept, 0)):
        cited = [c for claim in claims for c in claim.citations]
        for number, i, h in hits:
            if any(c.file == h.file and c.start < h.end and h.start < c.end for c in cited):
                chosen |= {(number, j) for j in range(i - near, i + near + 1)}
    for claim in failed:
        mine = set(terms(claim.text))
        alike = [sum(1 / having[t] for t in some & mine) for some in words]
        best = [n for n in sorted(range(len(hits)), key=lambda n: -alike[n])[:LIKE] if alike[n]]
        if not best and not claim.citations:
            return shown
        chosen |= {hits[n][:2] for n in best}
    parts = [
        replace(s, shown=tuple(h for i, h in enumerate(s.shown) if (number, i) in chosen))
        for number, s in enumerate(shown)
    ]
    return [s for s in parts if s.shown]


def _articles(candidates: Sequence[Candidate]) -> dict[str, list[Hit]]:
    """The sentences of the passages by file, in the order of the text, each once."""
    articles: dict[str, dict[int, Hit]] = {}
    for candidate in candidates:
        for hit in sentences_of(candidate):
            articles.setdefault(hit.file, {})[hit.start] = hit
    return {file: [hits[start] for start in sorted(hits)] for file, hits in articles.items()}


def sentences_of(candidate: Candidate) -> list[Hit]:
    """The sentences of a passage, each with the passage's score."""
    p, d = candidate.passage, candidate.document
    return [
        Hit(
            d.file, s.line_start, s.line_end, p.text[s.start - p.start : s.end - p.start], candidate.score,
            s.start, s.end, d.title, d.date, d.source, d.sha256, p.id,
        )
        for s in p.sentences
    ]  # fmt: skip


def _cost(hit: Hit) -> int:
    return count_tokens(hit.text) + LINE


def _one_line(text: str) -> str:
    return " ".join(text.split())
