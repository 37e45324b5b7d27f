"""A run on disk: a manifest, and a JSONL file to which one record is added for every answer.

A record that was written is never changed. A line cut off by a kill is dropped when the run is opened
again; of two records of one answer (a fault that was asked again) the last one counts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from index.errors import UsageError

MANIFEST, RECORDS = "manifest.json", "records.jsonl"

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """A run that was read: its name, its manifest, and its records in the order of the cases."""

    name: str
    manifest: Mapping[str, Any]
    records: tuple[Record, ...]

    @property
    def total(self) -> int:
        """Answers that the whole run has; more than `records` where it was stopped."""
        return len(self.manifest["keys"])


def key(case: str, repeat: int) -> str:
    """What one answer of a run goes by."""
    return f"{case}#{repeat}"


def read_run(path: Path) -> Run:
    """The run in folder `path`. Raises UsageError where there is none."""
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        order = {k: i for i, k in enumerate(manifest["keys"])}
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise UsageError(f"no run in {path} ({type(e).__name__}); make one with `byline eval run --name NAME`") from e
    records = {record["key"]: record for record in _records(path / RECORDS) if record["key"] in order}
    return Run(path.name, manifest, tuple(sorted(records.values(), key=lambda r: order[r["key"]])))


class Writer:
    """Appends records to a run, each of them on disk before the next is asked for."""

    def __init__(self, path: Path, manifest: Mapping[str, Any], same: Iterable[str]) -> None:
        """Open or begin the run in `path`. Raises UsageError where a run of that name differs in a field of `same`."""
        from filelock import FileLock, Timeout

        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._lock = FileLock(path / "lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise UsageError(f"another process is making the run {path.name}; wait, or give another --name") from None
        try:
            self._file = self._opened(manifest, same)
        except BaseException:
            self._lock.release()
            raise

    def _opened(self, manifest: Mapping[str, Any], same: Iterable[str]) -> BinaryIO:
        path = self.path
        if (path / MANIFEST).exists():
            before = read_run(path).manifest
            differs = [name for name in same if before.get(name) != manifest[name]]
            if differs:
                raise UsageError(
                    f"the run {path.name} was made with other {', '.join(differs)}; give another --name, or remove {path}"
                )
        else:
            _write_whole(path / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1) + "\n")
        kept = _whole_lines(path / RECORDS)
        file = (path / RECORDS).open("r+b" if kept is not None else "wb")
        file.truncate(kept or 0)
        file.seek(0, os.SEEK_END)
        return file

    def add(self, record: Record) -> None:
        """Append one record and have it on disk."""
        self._file.write(json.dumps(record, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file; what was added stays."""
        self._file.close()
        self._lock.release()


def _records(path: Path) -> list[Record]:
    size = _whole_lines(path)
    if not size:
        return []
    with path.open("rb") as f:
        return [json.loads(line) for line in f.read(size).splitlines() if line.strip()]


def _whole_lines(path: Path) -> int | None:
    """Bytes up to the end of the last whole line; None where there is no file."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    return data.rfind(b"\n") + 1


def _write_whole(path: Path, text: str) -> None:
    """Write a file that is there completely or not at all."""
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8") as f:
        f.write(text)
        f.flush()
        os.fsync(f.fileno())
    part.replace(path)
