"""Values that travel between modules: plain, frozen, holding no connections.

Offsets count Unicode characters of `Document.text`, 0-based, end exclusive. Lines count from 1,
both ends inclusive, and are the ones an editor shows: only ``\\n`` ends a line, because loading
turns ``\\r\\n`` and ``\\r`` into ``\\n``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Document:
    """One article file, decoded.

    `file` is the path below the corpus folder with ``/`` between parts; it identifies the document.
    `text` has ``\\n`` line ends and no byte order mark. `sha256` is of the file's bytes. `date` is
    ISO ``YYYY-MM-DD``. `ctime_ns` is when the file's entry last changed, which nobody can set back.
    `body_start` is the offset of the first character after a header block or
    front matter (0 where there is none).
    """

    file: str
    text: str
    sha256: str
    size: int
    mtime_ns: int
    ctime_ns: int
    encoding: str
    title: str | None = None
    date: str | None = None
    source: str | None = None
    author: str | None = None
    body_start: int = 0


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file below the corpus that is not indexed, and the reason in a few words."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """A span of a document; ``document.text[start:end]`` is the sentence."""

    start: int
    end: int
    line_start: int
    line_end: int


@dataclass(frozen=True, slots=True)
class Passage:
    """Consecutive sentences of one document: the unit that is indexed.

    `start`..`end` runs from the first sentence's start to the last one's end. `header` tells that it is
    the document's header block, which is found by its words alone and ranks last.
    """

    start: int
    end: int
    line_start: int
    line_end: int
    sentences: tuple[Sentence, ...]
    header: bool = False


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What one synchronisation did, or with a dry run would do.

    `added`, `changed`, `removed` list files; `renamed` pairs (old, new). `embedded` counts texts sent
    to the embedder, `tokens` what a paid embedder would charge for them (None where it is free),
    `reused` the vectors taken over. `seconds` by stage.
    """

    generation: int
    documents: int
    passages: int
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    skipped: tuple[Skipped, ...] = ()
    embedded: int = 0
    reused: int = 0
    tokens: int | None = None
    dry_run: bool = False
    seconds: dict[str, float] | None = None

    @property
    def changes(self) -> int:
        """Number of files that differ from the index."""
        return len(self.added) + len(self.changed) + len(self.removed) + len(self.renamed)
