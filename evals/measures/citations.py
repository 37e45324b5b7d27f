"""Cited lines against gold lines, and quotations against the lines they cite.

Lines are counted as sets of (file, line), held as ranges: a citation of ten million lines costs no more than one of
ten. `tolerance` counts a line as right when a gold line is at most so many lines away in the same file. Source, unless
a docstring names another: this project, after the precision and recall of retrieved sets (van Rijsbergen, "Information
Retrieval", 1979), taken to lines.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from evals.measures.answers import INVISIBLE, stands
from evals.measures.excerpts import Union, length, overlap, union

Span = tuple[str, int, int]
"""File, first line, last line; lines count from 1 and the last one is part of the span."""

Groups = Sequence[Sequence[Span]]
"""Gold lines: every group must be cited, any one place of it is enough."""

GAP = "\n\0\n"
"""Goes between cited lines that do not follow one another, so that no quotation is found across the gap."""

_SAME = str.maketrans(dict.fromkeys("‘’‚‛“”„‟«»'`", '"') | dict.fromkeys(INVISIBLE, ""))
_MARK = re.compile(r'["“”„«»]')
_SINGLE = re.compile(r"(?<![^\s(\[{\"–—/-])['‘](?=\w)(?!\d0s)(.{1,500}?)(?<=[\w.,!?…”\"])['’](?!\w)", re.S)


def line_precision(
    cited: Sequence[Span], groups: Groups, tolerance: int = 0, ignored_files: Collection[str] = ()
) -> float | None:
    """Cited lines within `tolerance` of a gold line of any alternative / cited lines, 0 to 1; None if nothing is cited.

    Citations of `ignored_files` (known to be right as well) are left out. Ranges without a line count as wrong.
    """
    cited = [c for c in cited if c[0] not in ignored_files]
    if not cited:
        return None
    there = _lines(cited)
    gold = _lines((place for group in groups for place in group), tolerance)
    return overlap(there, gold) / length(there) if there else 0.0


def line_recall(cited: Sequence[Span], groups: Groups, tolerance: int = 0) -> float | None:
    """Mean over groups of the best coverage among the group's alternatives, 0 to 1; None without groups.

    Coverage = lines of the alternative within `tolerance` of a cited line / lines of the alternative.
    """
    near = _lines(cited, tolerance)
    return _mean([max((_coverage(place, near) for place in group), default=0.0) for group in groups])


def line_f1(
    cited: Sequence[Span], groups: Groups, tolerance: int = 0, ignored_files: Collection[str] = ()
) -> float | None:
    """2PR / (P + R) of `line_precision` and `line_recall`, 0 to 1; 0 if nothing is cited, None without groups."""
    recall = line_recall(cited, groups, tolerance)
    if recall is None:
        return None
    precision = line_precision(cited, groups, tolerance, ignored_files) or 0.0
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def groups_hit(cited: Sequence[Span], groups: Groups, tolerance: int = 0) -> float | None:
    """Share of the groups with at least one line cited, 0 to 1; None without groups."""
    near = _lines(cited, tolerance)
    return _mean([float(any(_coverage(place, near) > 0 for place in group)) for group in groups])


def first_citation_hit(cited: Sequence[Span], groups: Groups, ignored_files: Collection[str] = ()) -> float | None:
    """Whether the first citation outside `ignored_files` holds a gold line: 0 or 1; 0 if there is none, None without groups."""
    first = [c for c in cited if c[0] not in ignored_files][:1]
    return float(bool(groups_hit(first, groups))) if groups else None


def over_citation(cited: Sequence[Span], groups: Groups) -> float | None:
    """Cited lines / sum over groups of the lines of the smallest alternative, from 0 up; None without groups.

    1 is as many lines as are needed, 10 is ten times as much for a reader to look through.
    """
    needed = sum(min((length(_lines([place])) for place in group), default=0) for group in groups)
    return length(_lines(cited)) / needed if needed else None


def valid(span: Span, lines: Callable[[str], Sequence[str] | None]) -> bool:
    """Whether the file exists, 1 <= first <= last <= number of its lines, and not all of these lines are blank.

    `lines` gives the lines of a file, or None where there is no such file.
    """
    file, start, end = span
    there = lines(file)
    return there is not None and 1 <= start <= end <= len(there) and any(s.strip() for s in there[start - 1 : end])


def validity(cited: Sequence[Span], lines: Callable[[str], Sequence[str] | None]) -> float | None:
    """Share of the citations that are `valid`, 0 to 1; None if nothing is cited."""
    return _mean([float(valid(span, lines)) for span in cited])


def quotation_fidelity(text: str, cited_text_by_file: Mapping[str, str]) -> tuple[int, int]:
    """(Quotations of a sentence that stand in the lines it cites, all its quotations); their quotient is the fidelity.

    A quotation stands when its words follow one another in the cited lines of one file, beginning and ending at word
    boundaries; text is compared in NFC with blanks squeezed and all quotation marks alike. A comma or full stop before
    the closing mark is the printer's, not the speaker's. Source: this project; `quoted_spans` of ragas 0.4 takes
    apostrophes for marks, does not see curly ones, and joins the sources.
    """
    places = [_flat(t) for t in cited_text_by_file.values()]
    quoted = [_flat(q).strip(' ,.…"') for q in quotations(text)]
    return sum(any(stands(q, place) for place in places) for q in quoted), len(quoted)


def quotations(text: str) -> list[str]:
    """The quotations of a text: “…”, "…", „…“, «…», ‘…’ and '…', not what stands between two apostrophes.

    A mark without its partner quotes everything up to the end, or from the beginning: a lost mark must not hide a
    quotation from being checked. Single marks within double ones are part of that quotation.
    """
    text = unicodedata.normalize("NFC", text)
    regions: list[tuple[int, int]] = []
    start, last = -1, 0  # where the open quotation began (-1: none is open), where the one before ended
    for match in _MARK.finditer(text):
        mark, at = match.group(), match.start()
        before, after = text[at - 1 : at], text[at + 1 : at + 2]
        opens = bool(after.strip()) and (not before.strip() or before in "([{–—/-")
        if start < 0 and (opens or mark in "“„«"):
            start = at + 1
        elif start < 0 and mark == '"' and before.isdigit():
            pass  # 5" is five inches
        else:  # the open quotation ends, or one that lost its first mark
            regions.append((last if start < 0 else start, at))
            start = at + 1 if mark in "„«" or (mark == "“" and opens) else -1
            last = at + 1
    if start >= 0:
        regions.append((start, len(text)))
    outside = list(text)
    for a, b in regions:
        outside[a:b] = "\0" * (b - a)
    regions += [m.span(1) for m in _SINGLE.finditer("".join(outside))]
    return [text[a:b] for a, b in sorted(regions) if re.search(r"\w", text[a:b])]


def _flat(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).translate(_SAME).split())


def _lines(spans: Iterable[Span], tolerance: int = 0) -> Union:
    """The lines of the spans and those within `tolerance` of them; no line is below 1."""
    there = ((file, max(1, start), end) for file, start, end in spans if start <= end)
    return union((file, max(1, a - tolerance), b + tolerance + 1) for file, a, b in there if a <= b)


def _coverage(place: Span, near: Union) -> float:
    lines = _lines([place])
    return overlap(lines, near) / length(lines) if lines else 0.0


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
