"""A corpus folder becomes documents: list the files, read their bytes, decode them.

One bad file never stops the others: it comes back as `Skipped` with a reason. Nothing is ever
written below the corpus.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import re
import stat as modes
from dataclasses import dataclass
from heapq import heappop, heappush
from pathlib import Path
from typing import BinaryIO

from index.errors import CorpusError
from index.metadata import read_metadata
from index.types import Document, Skipped

MAX_BYTES = 256 * 2**20
SUFFIXES = (".txt", ".md", ".markdown")

SAMPLE = 64 * 2**10  # bytes, or characters, that a guess looks at


@dataclass(frozen=True, slots=True)
class FileStat:
    """An article file as the folder shows it: path below the corpus, bytes, and time of change."""

    file: str
    size: int
    mtime_ns: int
    ctime_ns: int = 0


class _NotText(Exception):
    """The bytes are not those of a text file."""


# --- listing ---------------------------------------------------------------------------------


def scan(corpus: Path, *, max_bytes: int = MAX_BYTES) -> tuple[list[FileStat], list[Skipped]]:
    """List the articles below `corpus`, and what is passed over, both sorted by file.

    Symbolic links are followed. A folder that can be reached twice is listed once, under its own
    place where that is below the corpus. Hidden files and folders are left out without a word.
    Raises `CorpusError` when the folder is missing, is a file, or cannot be read.
    """
    above = _check_folder(corpus)
    found: list[FileStat] = []
    skipped: list[Skipped] = []
    seen: set[tuple[int, int]] = set()
    # Smallest first, so real folders come before links and a link never takes a folder's name away.
    folders: list[tuple[bool, str, str]] = [(False, "", os.fspath(corpus))]
    while folders:
        _, prefix, path = heappop(folders)
        try:
            key = _identity(path)
            if key in above or key in seen:
                where = "already listed under another name" if key in seen else "that holds the corpus"
                skipped.append(Skipped(prefix[:-1], f"link to a folder {where}"))
                continue
            seen.add(key)
            with os.scandir(path) as listing:
                entries = list(listing)
        except OSError as error:
            skipped.append(Skipped(prefix[:-1], _reason(error)))
            continue
        for entry in entries:
            name = entry.name
            if name.startswith("."):
                continue
            file = prefix + name
            if not _is_utf8(name):
                shown = os.fsencode(file).decode("utf-8", "backslashreplace")
                skipped.append(Skipped(shown, "file name is not UTF-8"))
                continue
            try:
                info = entry.stat()
            except OSError as error:
                skipped.append(Skipped(file, "broken link" if entry.is_symlink() else _reason(error)))
                continue
            if modes.S_ISDIR(info.st_mode):
                heappush(folders, (entry.is_symlink(), file + "/", entry.path))
            elif reason := _unfit(name, info, max_bytes):
                skipped.append(Skipped(file, reason))
            else:
                found.append(FileStat(file, info.st_size, info.st_mtime_ns, info.st_ctime_ns))
    found.sort(key=lambda item: item.file)
    skipped.sort(key=lambda item: item.file)
    return found, skipped


def _check_folder(corpus: Path) -> set[tuple[int, int]]:
    """Raise `CorpusError` unless `corpus` can be listed; return the folders that hold it.

    A link to one of those would pull in everything around the corpus.
    """
    try:
        with os.scandir(corpus):
            return {_identity(folder) for folder in corpus.resolve().parents}
    except FileNotFoundError:
        raise CorpusError(f"corpus folder {corpus} does not exist; give an existing folder with -c") from None
    except NotADirectoryError:
        raise CorpusError(f"corpus {corpus} is a file; give the folder that holds it with -c") from None
    except (OSError, ValueError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CorpusError(
            f"corpus folder {corpus} cannot be read ({reason}); give it read permission or another with -c"
        ) from None


def _identity(path: str | Path) -> tuple[int, int]:
    info = os.stat(path)  # DirEntry.stat() has no inode numbers on Windows
    return info.st_dev, info.st_ino


def _unfit(name: str, info: os.stat_result, max_bytes: int) -> str | None:
    """Why a file that is no folder is not read, or None when it is an article."""
    if not modes.S_ISREG(info.st_mode):
        return "not a regular file"
    if not name.lower().endswith(SUFFIXES):
        return "not .txt or .md"
    if info.st_size == 0:
        return "empty"
    if info.st_size > max_bytes:
        limit = f"{max_bytes >> 20} MB" if max_bytes >= 2**20 else f"{max_bytes} bytes"
        return f"larger than {limit}"
    return None


def _is_utf8(name: str) -> bool:
    if name.isascii():
        return True
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:  # bytes that are not UTF-8 arrive as lone surrogates
        return False
    return True


def _reason(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"


# --- reading ---------------------------------------------------------------------------------


def load(corpus: Path, stat: FileStat) -> Document | Skipped:
    """Read and decode one article. A file that is gone, locked, binary or blank gives `Skipped`.

    Size and time are those of `stat`, taken before reading: a file that changed since then differs
    at the next scan and is read again.
    """
    try:
        with _open(corpus, stat.file) as handle:
            data = handle.read()
    except OSError as error:
        return Skipped(stat.file, _reason(error))
    try:
        text, encoding = decode(data)
    except _NotText:
        return Skipped(stat.file, "binary, not text")
    if not text or text.isspace():
        return Skipped(stat.file, "empty")
    about = read_metadata(text, stat.file)
    return Document(
        file=stat.file,
        text=text,
        sha256=hashlib.sha256(data).hexdigest(),
        size=stat.size,
        mtime_ns=stat.mtime_ns,
        ctime_ns=stat.ctime_ns,
        encoding=encoding,
        title=about.title,
        date=about.date,
        source=about.source,
        author=about.author,
        body_start=about.body_start,
    )


def fingerprint(corpus: Path, stat: FileStat) -> str:
    """SHA-256 of the file's bytes, in hexadecimal, without decoding. Raises `OSError`."""
    digest = hashlib.sha256()
    with _open(corpus, stat.file) as handle:
        while piece := handle.read(2**20):
            digest.update(piece)
    return digest.hexdigest()


def _open(corpus: Path, file: str) -> BinaryIO:
    """Open for reading, without waiting for a writer should the file have become a FIFO since the scan."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    number = os.open(os.path.join(corpus, file), flags)
    if not modes.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError("not a regular file")
    return open(number, "rb", buffering=0)


# --- decoding --------------------------------------------------------------------------------

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Formats that may hold no NUL in their first bytes.
_MAGIC = (
    b"%PDF-",
    b"\x89PNG",
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"\xff\xd8\xff",
    b"\xfd7zXZ",
    b"7z\xbc\xaf",
    b"BZh91AY&SY",
    b"\xd0\xcf\x11\xe0",
    b"\x7fELF",
)
# Everything that is no character of a text. Tab, line ends, form feed, backspace and escape occur in
# old wire copy and terminal logs, U+0085 as a line end.
_CONTROL = re.compile("[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ufffd]")
_HIGH = re.compile(rb"[\x80-\xff]")
_ESCAPED = re.compile("[\udc80-\udcff]+")

# Code pages that differ from cp1252 by a few letters: what it does not explain, they do not either.
_LIKE_CP1252 = [
    "cp1252",
    "cp1254",
    "cp1258",
    "latin_1",
    "iso8859_9",
    "iso8859_10",
    "iso8859_14",
    "iso8859_15",
]

_LOWER = "a-zß-öø-ÿšžœ"
_UPPER = "À-ÖØ-ÞŠŽŒŸ"
_LETTER = f"A-Z{_LOWER}{_UPPER}"
# What Western text does not do, but another alphabet read as cp1252 does all the time.
_ODD = re.compile(
    f"[À-ÖØ-öø-ÿŠŽŒŸšžœ]{{3,}}"  # three accented letters in a row
    f"|(?<=[{_LOWER}])[{_UPPER}]"  # a capital after a small letter
    f"|(?<=[{_LETTER}])[¦±¶¹³¼½¾]|[¦±¶¼½¾](?=[{_LETTER}])|¿(?=[a-z])"  # Polish and Czech letters are these
    f"|(?<=[{_LETTER}])[¡-©«-¯±-³µ¶¸¹»-¿×÷ƒˆ†‡‰™](?=[{_LETTER}])"  # a symbol inside a word
)


def decode(data: bytes) -> tuple[str, str]:
    """Text with ``\\n`` line ends and no byte order mark, and the name of the encoding.

    Tried in turn: byte order mark, UTF-8, UTF-16 and UTF-32 by their NULs, UTF-8 with stray cp1252
    bytes, cp1252, and what charset-normalizer finds. Raises `_NotText` for binary data.
    """
    text, encoding = _decode(data)
    text = text.removeprefix("\ufeff")
    sample = text[:SAMPLE]
    if "\0" in text or len(_CONTROL.findall(sample)) * 20 > len(sample):
        raise _NotText
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text, encoding


def _decode(data: bytes) -> tuple[str, str]:
    if data.startswith(_MAGIC):
        raise _NotText
    for mark, encoding in _BOMS:
        if data.startswith(mark) and (text := _strict(data, encoding)) is not None:
            return text, encoding
    if (text := _strict(data, "utf-8")) is not None and "\0" not in text:
        return text, "utf-8"
    if b"\0" in data:
        return _decode_wide(data)
    return _decode_legacy(data)


def _strict(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeError:
        return None


def _decode_wide(data: bytes) -> tuple[str, str]:
    """UTF-32 and UTF-16 whose byte order mark is missing, or whose last character is cut."""
    for encoding in ("utf-32-le", "utf-32-be"):
        if len(data) % 4 == 0 and (text := _strict(data, encoding)) is not None:
            return text, encoding
    sample = data[:SAMPLE]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    # Every space and line end has a NUL half, in any script, and the other half never is one.
    few, many = len(sample) // 200, max(2, len(sample) // 20)
    if odd > many and even <= few:
        encoding = "utf-16-le"
    elif even > many and odd <= few:
        encoding = "utf-16-be"
    else:
        raise _NotText
    text = _strict(data, encoding)
    return data.decode(encoding, "replace") if text is None else text, encoding


def _decode_legacy(data: bytes) -> tuple[str, str]:
    """Bytes that are neither UTF-8 nor UTF-16: an older code page, or UTF-8 with faults."""
    sample = _sample(data)
    escaped = sample.decode("utf-8", "surrogateescape")
    bad = sum(map(len, _ESCAPED.findall(escaped)))
    good = sum(not char.isascii() for char in escaped) - bad
    # Two bytes that make one UTF-8 character are next to never meant as two cp1252 ones.
    if good and good >= bad:
        return _mend(data), "utf-8"
    if (text := _strict(data, "cp1252")) is not None and _is_western(sample.decode("cp1252", "replace")):
        return text, "cp1252"
    from charset_normalizer import from_bytes  # 40 ms, and most corpora never need it

    best = from_bytes(sample, cp_exclusion=_LIKE_CP1252).best()
    encoding = codecs.lookup(best.encoding).name if best else "cp1252"
    return data.decode(encoding, "replace"), encoding


def _sample(data: bytes) -> bytes:
    """The lines that hold bytes above 127, `SAMPLE` bytes of them at most."""
    pieces: list[bytes] = []
    room, place = SAMPLE, 0
    while room > 0 and (match := _HIGH.search(data, place)):
        start = max(place, data.rfind(b"\n", place, match.start()) + 1, match.start() - 2000)
        end = data.find(b"\n", match.start(), match.start() + room)
        place = match.start() + room if end < 0 else end + 1
        pieces.append(data[start:place])
        room -= place - start
    return b"".join(pieces)


def _mend(data: bytes) -> str:
    """UTF-8 in which stray bytes are read as cp1252, as in pages pasted from several sources."""
    text = data.decode("utf-8", "surrogateescape")
    return _ESCAPED.sub(lambda run: run[0].encode("utf-8", "surrogateescape").decode("cp1252", "replace"), text)


def _is_western(text: str) -> bool:
    """Whether cp1252 explains the text: its accents stand where Western European ones stand."""
    high = sum(not char.isascii() for char in text)
    odd = sum(map(len, _ODD.findall(text)))
    return high <= 2 or odd * 5 <= high
