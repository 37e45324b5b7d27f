"""Replies of a model kept by request, so that a run that is repeated or resumed asks nothing twice.

Only whole replies are kept: an error, a reply that was cut off or one that ended in the middle is asked again.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any


class ReplyStore:
    """Replies in an SQLite file, by the hash of their request. Threads may share it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, timeout=30)
        with self._lock, self._db:
            self._db.execute("CREATE TABLE IF NOT EXISTS replies (request TEXT PRIMARY KEY, reply TEXT NOT NULL)")

    def get(self, request: str) -> dict[str, Any] | None:
        """The kept reply, or None."""
        with self._lock:
            row = self._db.execute("SELECT reply FROM replies WHERE request = ?", (request,)).fetchone()
        return json.loads(row[0]) if row else None

    def put(self, request: str, reply: dict[str, Any]) -> None:
        """Keep a reply."""
        with self._lock, self._db:
            self._db.execute("INSERT OR REPLACE INTO replies VALUES (?, ?)", (request, json.dumps(reply)))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()


class KeptReplies:
    """A LlamaIndex LLM whose whole replies are kept; `repeat` tells equal requests of one run apart."""

    def __init__(self, llm: Any, store: ReplyStore, repeat: int = 0) -> None:
        self._llm = llm
        self._store = store
        self._repeat = repeat

    def __getattr__(self, name: str) -> Any:
        return getattr(self._llm, name)

    def stream_chat(self, messages: Sequence[Any], **options: Any) -> Iterator[Any]:
        """As the model's own; a kept reply comes in the same pieces."""
        request = self._request(messages, options)
        kept = self._store.get(request)
        if kept is None:
            yield from self._ask(request, messages, options)
            return
        for piece in kept["pieces"]:
            yield _chunk(piece, None, None, kept["remote"])
        yield _chunk("", kept["finish"], kept["usage"], kept["remote"])

    def _ask(self, request: str, messages: Sequence[Any], options: dict[str, Any]) -> Iterator[Any]:
        pieces: list[str] = []
        remote, finish, usage = False, None, None
        for chunk in self._llm.stream_chat(messages, **options):
            raw = chunk.raw
            if hasattr(raw, "choices"):
                remote = True
                finish = (raw.choices[0].finish_reason if raw.choices else None) or finish
                usage = getattr(raw, "usage", None) or usage
            pieces.append(chunk.delta or "")
            yield chunk
        if "".join(pieces).strip() and (finish == "stop" or not remote):
            counts = {n: getattr(usage, n, None) for n in ("prompt_tokens", "completion_tokens")} if usage else None
            self._store.put(request, {"pieces": pieces, "finish": finish, "usage": counts, "remote": remote})

    def _request(self, messages: Sequence[Any], options: dict[str, Any]) -> str:
        names = ("model", "api_base", "temperature", "max_tokens")
        what = {
            "model": {n: str(getattr(self._llm, n, None)) for n in names} | {"class": type(self._llm).__name__},
            "messages": [[str(m.role), m.content] for m in messages],
            "options": {k: str(v) for k, v in sorted(options.items())},
            "repeat": self._repeat,
        }
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode("utf-8", "replace")).hexdigest()


def _chunk(delta: str, finish: str | None, usage: dict[str, Any] | None, remote: bool) -> Any:
    if not remote:
        return SimpleNamespace(delta=delta, raw=None)
    choice = SimpleNamespace(finish_reason=finish)
    return SimpleNamespace(
        delta=delta, raw=SimpleNamespace(choices=[choice], usage=SimpleNamespace(**usage) if usage else None)
    )
