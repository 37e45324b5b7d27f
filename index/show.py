"""Lines of an article as they stand on disk, with their context."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from index.catalog import Catalog
from index.errors import IndexMissing, UsageError
from index.load import load, scan
from index.types import Skipped


@dataclass(frozen=True, slots=True)
class Lines:
    """`lines` holds (number, text) of the asked lines `line_start`..`line_end` and their context.

    `changed` tells that the file differs from what was indexed (None where it is not indexed).
    """

    file: str
    line_start: int
    line_end: int
    lines: tuple[tuple[int, str], ...]
    changed: bool | None


def read_lines(corpus: Path, index: Path, file: str, first: int, last: int, context: int = 0) -> Lines:
    """Lines `first`..`last` (0: the last of the file) of the article `file`, a path below `corpus`.

    Raises UsageError for a file or lines that are not there. Only files that Byline would index can
    be read, so no path leads out of the corpus.
    """
    stats, skipped = scan(corpus)
    stat = next((s for s in stats if s.file == file), None)
    if stat is None:
        reason = next((f" ({s.reason})" for s in skipped if s.file == file), "")
        raise UsageError(f"no article {file!r} in {corpus}{reason}; `byline status` and `byline search` name them")
    document = load(corpus, stat)
    if isinstance(document, Skipped):
        raise UsageError(f"{file} cannot be shown: {document.reason}")
    lines = document.text.split("\n")
    if not lines[-1]:
        lines.pop()
    last = last or len(lines)
    if last > len(lines):
        raise UsageError(f"{file} has {len(lines)} lines; ask for lines up to that")
    a, b = max(1, first - max(0, context)), min(len(lines), last + max(0, context))
    shown = tuple((n, lines[n - 1]) for n in range(a, b + 1))
    return Lines(file, first, last, shown, _changed(index, file, document.sha256))


def _changed(index: Path, file: str, sha256: str) -> bool | None:
    try:
        catalog = Catalog(index)
    except IndexMissing:
        return None
    try:
        row = catalog.document(file)
        return None if row is None else row.sha256 != sha256
    finally:
        catalog.close()
