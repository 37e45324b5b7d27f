"""The writer with a model: checked claims as the reply arrives, and what failed asked for once more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from rag.checks.evidence import Evidence, bearing
from rag.cite import citations, named, resolve
from rag.markers import Marked, MarkedStream
from rag.prompts import NOT_SAID
from rag.sources import Source
from rag.types import Claim, Hit
from rag.verify import check

Elsewhere = Callable[[str], Sequence[Hit]]
"""Sentences of the whole index that fit a claim, best first."""

CONTEXT = 2
"""Sentences before a cited one that tell who "he" is."""

TOGETHER = 3
"""Sentences of one article that may support a claim together."""


def claims(pieces: Iterable[str], sources: Sequence[Source], elsewhere: Elsewhere | None = None) -> Iterator[Claim]:
    """The claims of a marked reply, each checked against the lines it names, in order.

    A claim that its lines do not support, but others do, comes with those and the verdict `moved`. A claim with
    the verdict `partial` or `unsupported` must not be shown as part of the answer. The abstention phrase gives
    no claim.
    """
    stream = MarkedStream("\n".join(h.text for s in sources for h in s.shown))
    for piece in pieces:
        for marked in stream.feed(piece):
            yield from _checked(marked, sources, elsewhere)
    for marked in stream.close():
        yield from _checked(marked, sources, elsewhere)


def _checked(marked: Marked, sources: Sequence[Source], elsewhere: Elsewhere | None) -> Iterator[Claim]:
    if _same(marked.text, NOT_SAID):
        return
    around = _Around(sources)
    hits, bad = resolve(marked, sources)
    found = check(marked.text, [around.evidence(h) for h in hits])
    if found.verdict != "supported":
        # Other sentences of the named lines may hold what the best-fitting ones lack.
        every = named(marked, sources)
        if len(every) > len(hits) and (bears := around.supporting(marked.text, every)):
            hits, found = bears, check(marked.text, [around.evidence(h) for h in bears])
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
    yield claim


class _Around:
    """Hits as evidence: each with its article's heading and the sentences shown before it."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._before: dict[tuple[str, int], tuple[str, ...]] = {}
        for source in sources:
            for i, hit in enumerate(source.shown):
                before = source.shown[max(0, i - CONTEXT) : i]
                self._before[hit.file, hit.start] = tuple(h.text for h in before)

    def evidence(self, hit: Hit) -> Evidence:
        """The hit with what tells who and when."""
        about = tuple(x for x in (hit.title, hit.source) if x)
        return Evidence(hit.text, about + self._before.get((hit.file, hit.start), ()), hit.date)

    def best(self, text: str, hits: Sequence[Hit]) -> list[Hit]:
        """The sentence that supports `text` best, else the few of one article that do so together; or none."""
        single: tuple[float, Hit] | None = None
        for hit in hits:
            found = check(text, [self.evidence(hit)])
            if found.verdict == "supported" and (single is None or found.score > single[0]):
                single = found.score, hit
        if single:
            return [single[1]]
        for file in dict.fromkeys(h.file for h in hits):
            together = self.supporting(text, [h for h in hits if h.file == file])
            if together and len(together) <= TOGETHER:
                return together
        return []

    def supporting(self, text: str, hits: Sequence[Hit]) -> list[Hit]:
        """Those of `hits` that bear on `text`, where they support it together; else none."""
        evidence = [self.evidence(h) for h in hits]
        texts = {e.text for e in bearing(text, evidence)}
        bears = [h for h in hits if any(t in h.text for t in texts)]
        if bears and check(text, [self.evidence(h) for h in bears]).verdict == "supported":
            return bears
        return []


def _same(a: str, b: str) -> bool:
    return a.strip(" .\"'“”").casefold() == b.strip(" .").casefold()
