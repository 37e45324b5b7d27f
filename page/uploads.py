"""Uploads: articles into the one folder that the user named at start, and nothing else anywhere."""

from __future__ import annotations

import os
import re
import secrets
import unicodedata
from pathlib import Path

from index.errors import UsageError
from index.load import SUFFIXES, FileStat, load
from index.types import Skipped

MAX_UPLOAD = 20 * 2**20
"""Bytes of one uploaded article."""

_NAME = re.compile(r"\w[\w .,;()&+'’–-]{0,150}")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)\b", re.I)  # on Windows, whatever the suffix


def upload_folder(folder: Path, corpus: Path) -> Path:
    """The folder for uploads, resolved, made where it is missing. Raises UsageError where it is not in the corpus."""
    full = folder.expanduser().resolve()
    if not full.is_relative_to(corpus.resolve()):
        raise UsageError(f"{folder} is not below the corpus {corpus}, so it would not be indexed; give a folder in it")
    try:
        full.mkdir(exist_ok=True)
    except OSError as e:
        raise UsageError(f"cannot use {folder} for uploads ({e.strerror}); give an existing folder") from e
    return full


def save_upload(folder: Path, name: str, data: bytes) -> str:
    """Write an uploaded article into `folder`, never over another file; the name it got.

    Raises UsageError for a name that is no plain file name, another type, too much, or bytes that are not text.
    """
    name = unicodedata.normalize("NFC", name)
    if not _NAME.fullmatch(name) or _DEVICE.match(name) or len(name.encode()) > 200 or name.endswith((" ", ".")):
        raise UsageError(f"{name[:80]!r} cannot be the name of an article; use letters, digits, spaces and dashes")
    if not name.lower().endswith(SUFFIXES):
        raise UsageError(f"{name} is not an article; .txt and .md files are indexed")
    if len(data) > MAX_UPLOAD:
        raise UsageError(f"{name} is larger than {MAX_UPLOAD >> 20} MB")
    if folder.resolve() != folder:
        raise UsageError("the folder for uploads was replaced; start the page again")
    arriving = folder / f".{secrets.token_hex(8)}.part"  # hidden, so that no index run reads half a file
    try:
        arriving.write_bytes(data)
        found = load(folder, FileStat(arriving.name, len(data), 0))
        if isinstance(found, Skipped):
            raise UsageError(f"{name} cannot be indexed: {found.reason}")
        os.link(arriving, folder / name)  # fails where the name is taken, a link included
    except FileExistsError:
        raise UsageError(f"there is an article called {name} already; rename yours") from None
    except OSError as e:
        raise UsageError(f"{name} could not be saved: {e.strerror or e}") from e
    finally:
        arriving.unlink(missing_ok=True)
    return name
