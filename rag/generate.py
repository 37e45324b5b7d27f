"""The writer with a model: checked claims as the reply arrives, and what failed asked for once more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from index.clean import without_labels
from rag.checks.evidence import Evidence, bearing
from rag.checks.tokens import tokens
from rag.cite import citations, named, quoted, resolve
from rag.markers import Marked, MarkedStream
from rag.prompts import NOT_SAID
from rag.rewording import chance
from rag.sources import Source
from rag.types import CheckResult, Claim, Hit
from rag.verify import check, statement

Elsewhere = Callable[[str], Sequence[Hit]]
"""Sentences of the whole index that fit a claim, best first."""

CONTEXT = 2
"""Sentences before a cited one that tell who "he" is."""

TOGETHER = 2
GAP = 20
"""Sentences that may support a moved claim together, and the characters between them."""

FEW = 3
"""Words besides names that a claim must have to be moved: a shorter one fits lines that are about something else."""

MOVED = 0.75
"""Share of those words that lines need which the writer did not name: of many lines some hold many by chance."""


SURE = 0.75
"""Chance that a claim says only what its lines say, below which a reader gets the lines themselves."""

QUOTED = 2
"""Sentences that may stand for one claim."""

IN_ITS_WORDS = "the line itself, as the model's “{}” may not say the same"


def claims(
    pieces: Iterable[str], sources: Sequence[Source], elsewhere: Elsewhere | None = None, question: str = ""
) -> Iterator[Claim]:
    """The claims of a marked reply, each checked against the lines it names, in order.

    A claim that its lines do not support, but others do, comes with those and the verdict `moved`. For one that they seem
    to support, but that may say something else of their words, come the lines themselves, with the claim as their draft.
    A claim with the verdict `partial` or `unsupported` must not be shown as part of the answer. The abstention phrase
    gives no claim.
    """
    around = _Around(sources, question)
    stream = MarkedStream("\n".join(h.text for s in sources for h in s.shown))
    for piece in pieces:
        for marked in stream.feed(piece):
            yield from _checked(marked, sources, elsewhere, around)
    for marked in stream.close():
        yield from _checked(marked, sources, elsewhere, around)


def _checked(
    marked: Marked, sources: Sequence[Source], elsewhere: Elsewhere | None, around: _Around
) -> Iterator[Claim]:
    if _same(marked.text, NOT_SAID):
        return
    hits, bad = resolve(marked, sources)
    found = around.check(marked.text, [around.evidence(h) for h in hits])
    if found.verdict != "supported":
        # Other sentences of the named lines may hold what the best-fitting ones lack.
        every = named(marked, sources)
        if len(every) > len(hits) and (bears := around.supporting(marked.text, every)):
            hits, found = bears, around.check(marked.text, [around.evidence(h) for h in bears])
    reasons = (*(f"{m} was not among the lines shown" for m in bad), *found.reasons)
    claim = Claim(marked.text, tuple(citations(hits)), found.verdict, reasons if found.reasons or not hits else ())
    if found.verdict != "supported":
        shown = [h for s in sources for h in s.shown]
        moved = around.best(marked.text, shown)
        if not moved and elsewhere:
            moved = around.best(marked.text, elsewhere(marked.text))
        if moved:
            why = (
                "the named lines do not support it, these do" if hits else "no usable line was named, these support it"
            )
            claim = replace(claim, citations=tuple(citations(moved)), verdict="moved", reasons=(why, *reasons))
            hits = moved
    if claim.verdict not in ("supported", "moved"):
        yield claim
        return
    for kept in [claim] if around.chance(claim.text, hits) >= SURE else around.lines(claim, hits):
        around.told.append(kept.text)  # what a reader is not told, "he" cannot stand for
        yield kept


class _Around:
    """Hits as evidence: each with its article's heading and the sentences shown before it; `told` are the question and the answer so far."""

    def __init__(self, sources: Sequence[Source], question: str) -> None:
        self.told = [question]
        self.lines_told: set[str] = set()
        self._before: dict[tuple[str, int], tuple[str, ...]] = {}
        for source in sources:
            for i, hit in enumerate(source.shown):
                before = source.shown[max(0, i - CONTEXT) : i + 1]
                while len(before) > 1 and any(b.start - a.end > GAP for a, b in pairwise(before)):
                    before = before[1:]  # what stands between was not shown
                self._before[hit.file, hit.start] = tuple(h.text for h in before[:-1])

    def evidence(self, hit: Hit) -> Evidence:
        """The hit with what tells who and when."""
        about = tuple(x for x in (hit.title, hit.source, hit.file) if x)
        return Evidence(hit.text, about + self._before.get((hit.file, hit.start), ()), hit.date)

    def check(self, text: str, evidence: Sequence[Evidence]) -> CheckResult:
        """The verdict that decides whether a reader sees `text`, behind the sentences told so far."""
        return check(text, evidence, strict=True, before=self.told)

    def chance(self, text: str, hits: Sequence[Hit]) -> float:
        """The chance that `text` says only what these sentences say."""
        if any(_same(text, " ".join(h.text.split())) for h in hits):
            return 1.0
        lines = " ".join(without_labels(h.text, " ") for h in hits)
        first, *more = (self.evidence(h).context for h in hits)
        others = [c for context in more for c in context if c not in first]
        # What stands before the first line comes last: "he" is mostly what that begins with.
        return chance(statement(text), lines, " ".join(dict.fromkeys([*others, *first])))

    def lines(self, claim: Claim, hits: Sequence[Hit]) -> list[Claim]:
        """Those of these sentences that bear on the claim most, in their order, without what a reader has seen.

        A line that stands for several claims comes for each of them.
        """
        texts = [e.text for e in bearing(claim.text, [self.evidence(h) for h in hits])][:QUOTED]
        reason = IN_ITS_WORDS.format(claim.text)
        chosen = [quoted(h, (reason,), claim) for h in hits if any(t in h.text for t in texts)]
        chosen = [c for c in chosen if c.text in self.lines_told or c.text not in self.told]
        self.lines_told |= {c.text for c in chosen}
        return chosen

    def best(self, text: str, hits: Sequence[Hit]) -> list[Hit]:
        """The sentence that supports `text` best by its own words, else neighbours that do so together; or none."""
        plain = {t.key for t in tokens(text) if t.content and not t.capital}
        if len(plain) < FEW:
            return []
        ordered = sorted(hits, key=lambda h: (h.file, h.start))
        runs = [ordered[i : i + n] for n in range(1, TOGETHER + 1) for i in range(len(ordered) - n + 1)]
        best: tuple[float, list[Hit]] | None = None
        for run in runs:
            if best and len(run) > len(best[1]):
                break
            if any(a.file != b.file or b.start - a.end > GAP for a, b in pairwise(run)):
                continue
            if len(plain & {t.key for h in run for t in tokens(h.text)}) < MOVED * len(plain):
                continue
            found = self.check(text, [Evidence(h.text, (), h.date) for h in run])
            better = found.verdict == "supported" and (best is None or found.score > best[0])
            if better and self.check(text, [self.evidence(h) for h in run]).verdict == "supported":  # who is "he"?
                best = found.score, run
        return best[1] if best else []

    def supporting(self, text: str, hits: Sequence[Hit]) -> list[Hit]:
        """Those of `hits` that bear on `text`, where they support it together; else none."""
        evidence = [self.evidence(h) for h in hits]
        texts = {e.text for e in bearing(text, evidence)}
        bears = [h for h in hits if any(t in h.text for t in texts)]
        if bears and self.check(text, [self.evidence(h) for h in bears]).verdict == "supported":
            return bears
        return []


def _same(a: str, b: str) -> bool:
    return a.strip(" .\"'“”").casefold() == b.strip(" .").casefold()
