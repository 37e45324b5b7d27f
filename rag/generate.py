"""The writer with a model: checked claims as the reply arrives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from rag.cite import citations, resolve
from rag.markers import Marked, MarkedStream
from rag.prompts import NOT_SAID
from rag.sources import Source
from rag.types import Claim, Hit
from rag.verify import check


def claims(pieces: Iterable[str], sources: Sequence[Source]) -> Iterator[Claim]:
    """The claims of a marked reply, each checked against the lines it names, in order.

    A claim with the verdict `unsupported` must not be shown as part of the answer. The abstention
    phrase gives no claim.
    """
    stream = MarkedStream("\n".join(h.text for s in sources for h in s.shown))
    for piece in pieces:
        for marked in stream.feed(piece):
            yield from _checked(marked, sources)
    for marked in stream.close():
        yield from _checked(marked, sources)


def _checked(marked: Marked, sources: Sequence[Source]) -> Iterator[Claim]:
    if _same(marked.text, NOT_SAID):
        return
    hits, bad = resolve(marked, sources)
    found = check(marked.text, [h.text for h in hits])
    reasons = (*(f"{m} was not among the lines shown" for m in bad), *found.reasons)
    claim = Claim(marked.text, tuple(citations(hits)), found.verdict, reasons)
    if found.verdict != "supported":
        moved = _support(marked.text, sources)
        if moved:
            reason = (
                "the named lines do not support it, these do" if hits else "no usable line was named, these support it"
            )
            claim = replace(claim, citations=tuple(citations([moved])), verdict="moved", reasons=(reason, *reasons))
    yield claim


def _support(text: str, sources: Sequence[Source]) -> Hit | None:
    """The shown sentence that supports `text` best, if one does."""
    best: tuple[float, Hit] | None = None
    for source in sources:
        for hit in source.shown:
            found = check(text, [hit.text])
            if found.verdict == "supported" and (best is None or found.score > best[0]):
                best = found.score, hit
    return best[1] if best else None


def _same(a: str, b: str) -> bool:
    return a.strip(" .\"'“”").casefold() == b.strip(" .").casefold()
