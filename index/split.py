"""Document text to sentences and passages, with offsets and lines carried along.

`sentencex` (Wikimedia) finds sentence ends and gives character offsets: on news text it keeps
"Brig. Gen. Seely" and "U.S. Ambassador" whole, which NLTK's Punkt does not, and is 11 times as fast.
What is ours is what a line end means: in a hard-wrapped file a sentence runs over line ends, in a
web dump every line is a paragraph.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from index.clean import labels
from index.types import Passage, Sentence

PASSAGE_CHARS = 1000
"""Target passage length. docs/lab-notes.md has retrieval and indexing figures for other sizes."""

MAX_SENTENCE = 2000
"""A sentence longer than this (no sentence end in sight) is cut at white space."""

_WINDOW = 100_000  # characters given to sentencex at once: bounds memory and any super-linear cost
_WRAP_MAX = 120  # no line of a hard-wrapped text is longer
_STARTS_BLOCK = re.compile(r"\s*(?:[-*+•>#|]|\d{1,3}[.)]\s|```|~~~|---|===)")
_TERMINAL = tuple(".!?:;…\"”’'")
_MAY_END = re.compile(r"[.!?。！？…۔।]")

# Full stops at which sentencex now and then ends a sentence that goes on.
_TITLE = re.compile(
    r"(?<![\w.])(?:Mr|Mrs|Ms|Dr|Prof|Rep|Reps|Sen|Sens|Gov|Gen|Lt|Col|Sgt|Capt|Maj|Brig|Cpl|Pte|Pvt|Spc|Cdr|Cmdr|Adm|Lcpl|Amb|Atty|"
    r"Ald|Mgr|Rev|Hon|Ft|St)\.$"
)
_CLOCK = re.compile(r"\d ?[ap]\.m\.$", re.I)
_ZONE = re.compile(
    r"(?:(?:[ECMP]|AK|H)[SD]?T|GMT|UTC|BST|IST|MSK|JST|C?EST|CET|EET)\b|[Ll]ocal time\b|"
    r"(?!(?:The|An?|This|That|One|Next|Last|Every|Each|First|Some|Any|No|Another|Long|Game|Prime|Show|Half|Full) )"
    r"(?:[A-Z]\w+ ){1,2}(?:(?:standard|daylight|mean|summer|Standard|Daylight|Mean|Summer) )?[Tt]ime\b"
)
_INITIALS = re.compile(
    r"(?<![\w.])(?!(?:D\.C|L\.A|N\.Y|U\.[KNS]|E\.U|[AP]\.M|[MP]h?\.D|B\.[AC]|[AB]\.[DAS]|M\.A)\.)(?:[A-Z]\.){2,3}$"
)
_NAME = re.compile(
    r"(?!(?:The|An?|In|On|At|It|He|She|They|We|I|You|But|And|For|From|When|While|After|Before|This|That|His|Her|Its)\b)[A-Z][a-z]+"
)
_STATE = re.compile(r"\b[DRI]-[A-Z]\.$")  # Chris Pappas, D-N. H., as some write it


def sentences(text: str, body_start: int = 0) -> list[Sentence]:
    """All sentences of `text` in order; every character outside them is white space.

    A header block (the text before `body_start`) gives one sentence a line.
    """
    spans: list[tuple[int, int]] = []
    for start, end in _blocks(text, body_start):
        spans.extend(_cut(text, start, end))
    found: list[Sentence] = []
    line, seen = 1, 0
    for start, end in spans:
        line += text.count("\n", seen, start)
        last = line + text.count("\n", start, end)
        found.append(Sentence(start, end, line, last))
        line, seen = last, end
    return found


def passages(found: list[Sentence], body_start: int = 0, size: int = PASSAGE_CHARS) -> list[Passage]:
    """Group sentences, in order and without overlap, into passages of about `size` characters.

    Header sentences never share a passage with the body. A short rest joins the passage before it.
    """
    groups: list[list[Sentence]] = []
    for sentence in found:
        group = groups[-1] if groups else []
        fits = bool(group) and sentence.end - group[0].start <= size
        same_part = bool(group) and (group[0].start < body_start) == (sentence.start < body_start)
        if fits and same_part:
            group.append(sentence)
        else:
            groups.append([sentence])
    if len(groups) > 1:
        before, last = groups[-2], groups[-1]
        short = last[-1].end - last[0].start < size // 5
        if short and before[0].start >= body_start and last[-1].end - before[0].start <= size * 3 // 2:
            groups[-2:] = [before + last]
    return [
        Passage(g[0].start, g[-1].end, g[0].line_start, g[-1].line_end, tuple(g), g[0].start < body_start)
        for g in groups
    ]


def _blocks(text: str, body_start: int) -> Iterator[tuple[int, int]]:
    """Ranges that no sentence crosses: lines, or runs of lines that were wrapped by hand."""
    position = 0
    if body_start:
        for line in text[:body_start].split("\n"):
            yield position, position + len(line)
            position += len(line) + 1
    lines = text[body_start:].split("\n")
    width = _wrap_width(lines)
    start = position = body_start
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        end = position + len(line)
        if not _wraps(line, following, width):
            yield start, end
            start = end + 1
        position = end + 1


def _wrap_width(lines: list[str]) -> int:
    """The width a text was wrapped at by hand, or 0 where each line is a paragraph.

    A line that goes on was broken because the next word did not fit. Where that holds for most
    lines that another line follows, the text is wrapped.
    """
    pairs = [(a, b) for a, b in zip(lines, lines[1:], strict=False) if a.strip() and b.strip()]
    if len(pairs) < 4:
        return 0
    lengths = sorted(len(a) for a, _ in pairs)
    width = lengths[(len(lengths) - 1) * 9 // 10]
    if not 40 <= width <= _WRAP_MAX:
        return 0
    full = sum(_next_word_overflows(a, b, width) for a, b in pairs)
    return width if full >= 0.6 * len(pairs) else 0


def _next_word_overflows(line: str, following: str, width: int) -> bool:
    return len(line) + 1 + len(following.split(None, 1)[0]) > width


def _wraps(line: str, following: str, width: int) -> bool:
    """Whether the sentence at the end of `line` may go on in `following`."""
    if not line.strip() or not following.strip() or _STARTS_BLOCK.match(following):
        return False
    if line.lstrip().startswith("#") or len(line) > _WRAP_MAX:
        return False
    if width and _next_word_overflows(line, following, width):
        return True
    goes_on = following.lstrip()[0].islower() and not line.rstrip().endswith(_TERMINAL)
    return goes_on and len(line) >= 40


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Sentence ranges of one block, without the white space around them."""
    from sentencex import get_sentence_boundaries

    while start < end:
        stop = _window_end(text, start, end)
        block = text[start:stop]
        bounds = [(0, len(block))]
        if _MAY_END.search(block):
            # One length-preserving change: a blank for a line end, so that sentencex never sees one.
            found = get_sentence_boundaries("en", block.replace("\n", " "))
            bounds = [(b["start_index"], b["end_index"]) for b in found]
            for left, right in labels(block):  # headlines glued to a name do not end its sentence
                inside = [b for b in bounds if b[0] < right and b[1] > left]
                bounds = sorted({*bounds} - {*inside} | {(inside[0][0], inside[-1][1])})
        for a, b in _joined(block, bounds):
            for c, d in _shorten(text, start + a, start + b):
                piece = text[c:d]
                left = len(piece) - len(piece.lstrip())
                if left < len(piece):
                    yield c + left, c + len(piece.rstrip())
        start = stop


def _joined(block: str, bounds: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The bounds without those at full stops that only shorten a word: "Pte. Holm", "9 p.m. ET", "J.D. Vance"."""
    out: list[tuple[int, int]] = []
    for a, b in bounds:
        if out and _goes_on(block[max(out[-1][0], a - 24) : a].rstrip(), block[a:b].lstrip()):
            out[-1] = (out[-1][0], b)
        else:
            out.append((a, b))
    return out


def _goes_on(before: str, behind: str) -> bool:
    if _CLOCK.search(before):
        return _ZONE.match(behind) is not None
    if _STATE.search(before):
        return behind[1:2] == "."
    return behind[:1].isupper() and bool(_TITLE.search(before) or (_INITIALS.search(before) and _NAME.match(behind)))


def _window_end(text: str, start: int, end: int) -> int:
    if end - start <= _WINDOW:
        return end
    full_stop = text.rfind(". ", start + _WINDOW // 2, start + _WINDOW)
    if full_stop >= 0:
        return full_stop + 1
    blank = text.rfind(" ", start + _WINDOW // 2, start + _WINDOW)
    return blank + 1 if blank >= 0 else start + _WINDOW


def _shorten(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > MAX_SENTENCE:
        cut = text.rfind(" ", start + MAX_SENTENCE // 2, start + MAX_SENTENCE)
        cut = cut + 1 if cut >= 0 else start + MAX_SENTENCE
        yield start, cut
        start = cut
    yield start, end
