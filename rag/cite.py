"""Marked text to claims: markers are parsed, resolved against what was shown, and never passed on raw."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from index.words import terms
from rag.sources import Source
from rag.types import Citation, Hit

_REF = r"\d+\s*:\s*L?\d+(?:\s*[-–]\s*L?\d+)?"
_MARKER = re.compile(rf"[\[【]\s*(?:source\s*)?({_REF}(?:\s*[,;]\s*{_REF})*)\s*[\]】]", re.I)
_ONE = re.compile(r"(\d+)\s*:\s*L?(\d+)(?:\s*[-–]\s*L?(\d+))?", re.I)
_LIKE_MARKER = re.compile(r"\s*[\[【][\^\s]*(?:source\s*)?\d[\d\s:,;L†–-]*[\]】]", re.I)
MAX_LINES = 5
"""A marker over more lines than this points at nothing a reader can check, and is refused."""


@dataclass(frozen=True, slots=True)
class Marked:
    """A sentence and its markers as (source number, first line, last line); `bad` are unusable ones."""

    text: str
    markers: tuple[tuple[int, int, int], ...]
    bad: tuple[str, ...] = ()


class MarkedStream:
    """Cuts arriving text into marked sentences: `feed` pieces, then `close`."""

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, piece: str) -> list[Marked]:
        """The sentences that are surely complete after this piece."""
        self._rest += piece
        done, self._rest = _complete(self._rest)
        return list(parse(done))

    def close(self) -> list[Marked]:
        """What is left."""
        done, self._rest = self._rest, ""
        return list(parse(done))


def parse(text: str) -> Iterator[Marked]:
    """The sentences of marked text, each ended by its markers, without any marker in their text."""
    position = 0
    for match in re.finditer(rf"(?:\s*{_MARKER.pattern})+[.!?]?", text, re.I):
        yield from _sentence(text[position : match.start()], match.group())
        position = match.end()
    yield from _sentence(text[position:], "")


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


def _complete(text: str) -> tuple[str, str]:
    """Split off the part whose last sentence has its markers and is followed by something else."""
    end = 0
    for match in re.finditer(rf"(?:\s*{_MARKER.pattern})+[.!?]?(?=\s*[^\s\[【.!?])", text, re.I):
        end = match.end()
    return text[:end], text[end:]


def _sentence(text: str, markers: str) -> Iterator[Marked]:
    refs = []
    for number, first, last in _ONE.findall(markers):
        a, b = int(first), int(last or first)
        refs.append((int(number), min(a, b), max(a, b)))
    bad = tuple(m.strip() for m in _LIKE_MARKER.findall(text))
    clean = _LIKE_MARKER.sub("", text)
    clean = re.sub(r"^\s*(?:[-*•]\s+|\d+[.)]\s+|#+\s+)", "", clean)
    clean = " ".join(clean.split())
    if markers.rstrip().endswith((".", "!", "?")) and clean and clean[-1].isalnum():
        clean += markers.rstrip()[-1]
    if re.search(r"\w", clean):
        yield Marked(clean, tuple(dict.fromkeys(refs)), bad)


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
