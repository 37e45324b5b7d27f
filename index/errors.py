"""Errors that a user can act on. Each message is one line and says what to do next.

The command line and the web page catch `BylineError` once; everything below raises.
"""

from __future__ import annotations


class BylineError(Exception):
    """Root of every error that Byline raises on purpose."""


class UsageError(BylineError, ValueError):
    """The call itself is wrong: an empty question, an unknown flag value, a bad date."""


class CorpusError(BylineError):
    """The corpus folder is missing, empty, or holds no readable article."""


class IndexUnusable(BylineError):
    """The index folder cannot be used as it is."""


class IndexMissing(IndexUnusable):
    """No index has been made for this corpus yet."""


class IndexLocked(IndexUnusable):
    """Another process is writing this index."""


class IndexDamaged(IndexUnusable):
    """The index folder holds something else, or its files are broken or of another version."""


class IndexWriteError(IndexUnusable):
    """The disk is full or the index folder cannot be written."""


class EmbedderError(BylineError):
    """The embedder cannot be used: unknown name, weights missing, or it differs from the index's."""


class ModelError(BylineError):
    """The configured model or embedding endpoint failed: wrong key, unreachable, empty reply."""
