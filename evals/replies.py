"""Replies of a model kept by request, so that a run that is repeated or resumed asks nothing twice.

Only whole replies are kept: an error, a reply that was cut off or one that ended in the middle is asked again.
What cannot be kept or read is asked again too: the file saves work, and no answer depends on it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from index.errors import UsageError
from rag.llm import is_whole

WAIT = 5.0
"""Seconds to wait for another process that writes to the same file."""


class ReplyStore:
    """Replies in an SQLite file, by the hash of their request. Threads may share it."""

    def __init__(self, path: Path) -> None:
        """Open or begin the file. Raises UsageError where it is something else, or locked."""
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, check_same_thread=False, timeout=WAIT)
        except (OSError, sqlite3.Error) as e:
            raise _unusable(path, e) from e
        try:
            self._db.execute("PRAGMA journal_mode = WAL")  # who reads does not wait for who writes
            with self._db:
                self._db.execute("CREATE TABLE IF NOT EXISTS replies (request TEXT PRIMARY KEY, reply TEXT NOT NULL)")
        except sqlite3.Error as e:
            self._db.close()
            raise _unusable(path, e) from e

    def get(self, request: str) -> dict[str, Any] | None:
        """The kept reply, or None."""
        try:
            with self._lock:
                row = self._db.execute("SELECT reply FROM replies WHERE request = ?", (request,)).fetchone()
            return json.loads(row[0]) if row else None
        except (sqlite3.Error, ValueError):
            return None

    def put(self, request: str, reply: dict[str, Any]) -> None:
        """Keep a reply, if the file lets us."""
        with suppress(sqlite3.Error), self._lock, self._db:
            self._db.execute("INSERT OR REPLACE INTO replies VALUES (?, ?)", (request, json.dumps(reply)))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()


class KeptReplies:
    """A LlamaIndex LLM whose whole replies are kept; `repeat` tells equal requests of one run apart.

    `served` counts the replies that were not asked for again.
    """

    def __init__(self, llm: Any, store: ReplyStore, repeat: int = 0) -> None:
        self._llm = llm
        self._store = store
        self._repeat = repeat
        self.served = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._llm, name)

    def stream_chat(self, messages: Sequence[Any], **options: Any) -> Iterator[Any]:
        """As the model's own; a kept reply comes in the same pieces."""
        request = self._request(messages, options)
        kept = self._store.get(request)
        if kept is None:
            yield from self._ask(request, messages, options)
            return
        self.served += 1
        for piece in kept["pieces"]:
            yield _chunk(piece, None, None, kept["remote"])
        yield _chunk("", kept["finish"], kept["usage"], kept["remote"])

    def chat(self, messages: Sequence[Any], **options: Any) -> Any:
        """As the model's own, whole; a kept reply counts as one."""
        request = self._request(messages, options | {"stream": False})
        kept = self._store.get(request)
        if kept is None:
            response = self._llm.chat(messages, **options)
            self._keep(request, [response.message.content or ""], *_end(response.raw))
            return response
        self.served += 1
        text = "".join(kept["pieces"])
        return SimpleNamespace(
            message=SimpleNamespace(content=text), raw=_raw(kept["finish"], kept["usage"], kept["remote"])
        )

    def _ask(self, request: str, messages: Sequence[Any], options: dict[str, Any]) -> Iterator[Any]:
        pieces: list[str] = []
        remote, finish, usage = False, None, None
        for chunk in self._llm.stream_chat(messages, **options):
            here, end, used = _end(chunk.raw)
            remote, finish, usage = remote or here, end or finish, used or usage
            pieces.append(chunk.delta or "")
            yield chunk
        self._keep(request, pieces, remote, finish, usage)

    def _keep(self, request: str, pieces: list[str], remote: bool, finish: str | None, usage: Any) -> None:
        if "".join(pieces).strip() and is_whole(finish, remote):
            counts = {n: getattr(usage, n, None) for n in ("prompt_tokens", "completion_tokens")} if usage else None
            self._store.put(request, {"pieces": pieces, "finish": finish, "usage": counts, "remote": remote})

    def _request(self, messages: Sequence[Any], options: dict[str, Any]) -> str:
        names = ("model", "api_base", "temperature", "max_tokens", "additional_kwargs")
        what = {
            "model": {n: str(getattr(self._llm, n, None)) for n in names} | {"class": type(self._llm).__name__},
            "messages": [[str(m.role), m.content] for m in messages],
            "options": {k: str(v) for k, v in sorted(options.items())},
            "repeat": self._repeat,
        }
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode("utf-8", "replace")).hexdigest()


def _unusable(path: Path, e: Exception) -> UsageError:
    return UsageError(f"cannot use the kept replies in {path} ({e}); close what uses it, or remove it")


def _end(raw: Any) -> tuple[bool, str | None, Any]:
    """Of a provider's raw reply or piece of one: whether it came from an endpoint, why it ended, the tokens used."""
    if not hasattr(raw, "choices"):
        return False, None, None
    return True, raw.choices[0].finish_reason if raw.choices else None, getattr(raw, "usage", None)


def _chunk(delta: str, finish: str | None, usage: dict[str, Any] | None, remote: bool) -> Any:
    return SimpleNamespace(delta=delta, raw=_raw(finish, usage, remote))


def _raw(finish: str | None, usage: dict[str, Any] | None, remote: bool) -> Any:
    if not remote:
        return None
    return SimpleNamespace(
        choices=[SimpleNamespace(finish_reason=finish)], usage=SimpleNamespace(**usage) if usage else None
    )
