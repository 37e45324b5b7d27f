"""The citation marker: its grammar, as models really write it, and cutting marked text into sentences.

Asked for is ``[2:14]``, ``[2:14-15]``, ``[1:7][3:22]``. Understood as well are other brackets and dashes,
``[1:4, 2:5]``, ``[1:4, 6]``, ``[source 1, line 4]``, ``[1:L4]``, ``[1:4†x]``, and a marker in bold, in
code or made into a link. Whatever else looks like a marker is taken out of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from index.split import sentences

_DASH = "[-‐‑‒–—−]"
_NUMBER = r"\d{1,9}"
_LINES = rf"{_NUMBER}(?:\s*{_DASH}\s*(?:L\s*)?{_NUMBER})?"
_SEPARATOR = r"\s*(?:†\s*L|[:：]\s*(?:lines?\s*|L\s*)?|,?\s*lines?\s*|,\s*L\s*)"
_REF = rf"(?:S(?:ource|rc)?s?\s*)?{_NUMBER}{_SEPARATOR}{_LINES}"
_MORE = rf"(?:(?:\s*[,;&]|\s*\band\b)+\s*(?:{_REF}|(?:L\s*)?{_LINES}))*"
_BRACKETED = (
    rf"(?:\*\*|__|`|\\)*[\[【［{{<]{{1,2}}\s*{_REF}{_MORE}\s*(?:†[^\]】］]{{0,99}})?"
    r"[\]】］}>\\]{1,3}(?:\*\*|__|`)*(?:\([^()\s]{0,300}\))?"
)
_IN_ROUND = rf"(?<=[.!?”\"]\s)\({_REF}{_MORE}\)"
_MARKER = rf"(?:{_BRACKETED}|{_IN_ROUND})"
_GROUP = re.compile(rf"{_MARKER}(?:\s*{_MARKER})*[.!?]?", re.I)
_PART = re.compile(
    rf"(?:(?:S(?:ource|rc)?s?\s*)?({_NUMBER}){_SEPARATOR}|(?:L\s*)?)({_NUMBER})(?:\s*{_DASH}\s*(?:L\s*)?({_NUMBER}))?",
    re.I,
)
_LIKE_MARKER = re.compile(
    r"[\[【［{<][\^\s]{0,3}(?:sources?|refs?|S|L)?\s*\d[\d\s:：,;.L†‐‑‒–—−-]{0,60}(?:†[^\]】］]{0,99})?[\]】］}>]", re.I
)
_UNCLOSED = re.compile(r"[\[【［][\^\s]*(?:source\s*|S|L)?\d[\d\s:：,;.L†‐‑‒–—−-]*$", re.I)  # a cut reply
_TAIL = re.compile(r"†[^\]】］]*|(?<=[\]】］}>])\([^()\s]*\)")  # what models put into or behind a marker
_MARKDOWN = re.compile(
    r"^[ \t]*```\w*[ \t]*$|^[ \t]*\[\^\w{1,9}\]:[^\n]*$|^[ \t]*#{1,6}[ \t][^\n]*\n|^[ \t]*>[ \t]?|^(?=[^\n]*---)[ \t:|-]+$",
    re.M,
)  # code fences, footnotes, headings, quotation signs, rules of tables
_EMPHASIS = re.compile(r"(\*\*|__)(?=\S)([^*_\n]+)(?<=\S)\1")
_LIST_SIGN = re.compile(r"^\s*(?:[-*•]\s+|\d{1,3}[.)]\s+|#+\s+)")
_SENTENCE_END = re.compile(r"[.!?…][”\"’')\]*_]*$")

# What may still belong to a marker that is arriving: the text before it is not complete yet.
_LONGEST = 600  # characters of a run of markers with links
_MAY_GO_ON = frozenset("[【［{<*_`\\(.!?]】］}>)")


@dataclass(frozen=True, slots=True)
class Marked:
    """A sentence and its markers as (source number, first line, last line); `bad` are unusable ones."""

    text: str
    markers: tuple[tuple[int, int, int], ...]
    bad: tuple[str, ...] = ()


class MarkedStream:
    """Cuts arriving text into marked sentences: `feed` pieces, then `close`.

    `known` is the text that the writer was shown: a number in brackets that stands there word for word
    ("[2020]") is part of the sentence and no marker.
    """

    def __init__(self, known: str = "") -> None:
        self._known = known
        self._rest = ""
        self._seen = 0

    def feed(self, piece: str) -> list[Marked]:
        """The sentences that are surely complete after this piece."""
        self._rest += piece
        cut = 0
        # What was looked at before holds no end of a sentence, but for a marker that was still arriving.
        seen = max(0, self._seen - _LONGEST)
        for _, end, ends_sentence in _groups(self._rest, seen):
            after = self._rest[end : end + 50].lstrip()
            if ends_sentence and after and after[0] not in _MAY_GO_ON:
                cut = end
        done, self._rest = self._rest[:cut], self._rest[cut:]
        self._seen = len(self._rest)
        return list(parse(done, self._known)) if done else []

    def close(self) -> list[Marked]:
        """What is left."""
        done, self._rest = self._rest, ""
        return list(parse(done, self._known))


def parse(text: str, known: str = "") -> Iterator[Marked]:
    """The sentences of marked text with their markers, which are no longer in their text."""
    words, markers, position = "", "", 0
    for start, end, ends_sentence in _groups(text):
        words += text[position:start].rstrip(" ")
        group = text[start:end]
        markers += group
        position = end
        if ends_sentence:
            if group[-1] in ".!?" and words.rstrip()[-1:].isalnum():
                words = words.rstrip() + group[-1]
            yield from _sentence(words, markers, known)
            words, markers = "", ""
    yield from _sentence(words + text[position:], markers, known)


def _groups(text: str, start: int = 0) -> Iterator[tuple[int, int, bool]]:
    """(start, end, whether a sentence ends there) of each run of markers from `start` on."""
    for match in _GROUP.finditer(text, start):
        before = text[max(0, match.start() - 600) : match.start()].rstrip()
        after = text[match.end() : match.end() + 50].lstrip(" \t")[:1]
        inside = not _SENTENCE_END.search(before[-20:]) and (after.islower() or after in (",", ";", ":"))
        quoting = before.rfind("“") > before.rfind("”")
        yield match.start(), match.end(), not quoting and (match.group()[-1] in ".!?" or not inside)


def _sentence(text: str, markers: str, known: str) -> Iterator[Marked]:
    """Each sentence of `text` with all the markers: what stands before a marker is held against it."""
    bad: list[str] = []

    def drop(match: re.Match[str]) -> str:
        if match.group() in known:
            return match.group()
        bad.append(match.group())
        return ""

    text = _EMPHASIS.sub(r"\2", _MARKDOWN.sub("", text)).strip("` \n")
    left, clean = "", _LIST_SIGN.sub("", text)
    while left != clean:  # taking one out may leave another: [1[2]]
        left, clean = clean, _LIKE_MARKER.sub(drop, clean)
    clean = _UNCLOSED.sub("", " ".join(clean.replace("[]", "").split())).rstrip()
    clean = re.sub(r" ([.,;:!?])(?= |$)", r"\1", clean)
    refs = tuple(dict.fromkeys(_refs(markers)))
    for span in sentences(clean):
        if re.search(r"\w", clean[span.start : span.end]):
            yield Marked(clean[span.start : span.end], refs, tuple(bad))


def _refs(markers: str) -> Iterator[tuple[int, int, int]]:
    """Each (source, first line, last line); a bare number goes on with the source before it."""
    source = 0
    for number, first, last in _PART.findall(_TAIL.sub("", re.sub(r"†\s*L(?=\d)", ":", markers))):
        source = int(number) if number else source
        a, b = int(first), int(last or first)
        yield source, min(a, b), max(a, b)
