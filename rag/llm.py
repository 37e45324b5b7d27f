"""The model seam: messages in, pieces of text out, through LlamaIndex's `LLM` interface.

Retries are ours, not the client's, which asks three times after "no quota left" and sleeps two minutes where
Retry-After says so. LlamaIndex (2 s) is imported only when a model is really asked.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from index.errors import BylineError, ModelError
from index.tokens import count_tokens

DEADLINE = 60.0
"""Seconds that all requests for one question may take together, retries and waits included."""

MAX_REPLY_TOKENS = 800
MAX_REPLY_CHARS = 20 * MAX_REPLY_TOKENS
RETRIES = 2
BACKOFF = 0.5
"""Seconds before the first retry where the endpoint does not say; twice as many before the next."""

_CUT = {"length": "was cut off at its length limit", "content_filter": "was stopped by a content filter"}
_AGAIN = frozenset([408, 409, 429, 500, 502, 503, 504, 529])
_QUOTA = ("insufficient_quota", "billing", "quota exceeded", "credit balance")
_TOO_LONG = ("context_length", "context length", "maximum context", "too many tokens", "context window")


def is_whole(finish: str | None, remote: bool) -> bool:
    """Whether a reply came to its end, by how it says it did: endpoints always say, local models never."""
    return finish not in _CUT and (finish is not None or not remote)


class ContextTooLong(ModelError):
    """The prompt is longer than the model's context."""


class Deadline:
    """When a question's time is up. Made once per question, given to each of its requests."""

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = DEADLINE if seconds is None else seconds
        self._end = time.monotonic() + self.seconds

    @property
    def left(self) -> float:
        """Seconds left, 0 where none are."""
        return max(0.0, self._end - time.monotonic())


class Reply:
    """One question to a model. Iterate over it for pieces of text, then read the counts.

    Before the first piece, faults that pass (429 but for quotas, 5xx, no connection) are retried as far as the
    deadline allows. Raises ModelError, in one line that says what to do, when the model fails, is cut off,
    refuses or says nothing.
    """

    def __init__(
        self, llm: Any, messages: Sequence[tuple[str, str]], deadline: Deadline | None = None, *, stream: bool = True
    ) -> None:
        self._llm = llm
        self._messages = messages
        self._deadline = deadline or Deadline()
        self._stream = stream
        self.model = model_name(llm)
        self.prompt_tokens = sum(count_tokens(text) for _, text in messages)  # until the model reports its own
        self.completion_tokens = 0

    def __iter__(self) -> Iterator[str]:
        for attempt in range(RETRIES + 1):
            said = False
            try:
                for piece in self._once():
                    said = True
                    yield piece
                return
            except BylineError:
                raise
            except Exception as e:
                wait = _retry_after(e, BACKOFF * 2**attempt)
                if said or attempt == RETRIES or wait is None or wait >= self._deadline.left:
                    raise _explained(e, self.model, self._deadline.seconds) from e
                time.sleep(wait)

    def _once(self) -> Iterator[str]:
        written: list[str] = []
        finish: str | None = None
        remote, refused, size = False, False, 0
        usage = None
        for chunk in _timed(self._chunks, self._deadline, self.model):
            raw = chunk.raw
            if hasattr(raw, "choices"):
                remote = True
                usage = getattr(raw, "usage", None) or usage
                choice = raw.choices[0] if raw.choices else None
                finish = getattr(choice, "finish_reason", None) or finish
                said = getattr(choice, "delta", None) or getattr(choice, "message", None)
                refused = refused or bool(getattr(said, "refusal", None))
            text = chunk.delta if self._stream else chunk.message.content
            if text:
                piece = text.encode("utf-8", "replace").decode()  # servers send lone surrogates
                written.append(piece)
                size += len(piece)
                yield piece
            if size > MAX_REPLY_CHARS:
                raise ModelError(f"{self.model} did not come to an end; try again or another model")
        text = "".join(written)
        self.completion_tokens = count_tokens(text)
        if usage is not None:
            self.prompt_tokens = getattr(usage, "prompt_tokens", None) or self.prompt_tokens
            self.completion_tokens = getattr(usage, "completion_tokens", None) or self.completion_tokens
        if finish in _CUT:
            raise ModelError(f"the reply of {self.model} {_CUT[finish]}; try again or another model")
        if refused and not text.strip():
            raise ModelError(f"{self.model} refused to answer; ask in other words or try another model")
        if not text.strip():
            raise ModelError(
                f"{self.model} answered nothing; try again, another model (--model), or check OPENAI_BASE_URL"
            )
        if not is_whole(finish, remote):  # the client ends a cut stream without an error
            raise ModelError(f"the connection to {self.model} broke off in the middle of its reply; try again")

    def _chunks(self) -> Iterator[Any]:
        from llama_index.core.llms import ChatMessage

        chat = [ChatMessage(role=role, content=text) for role, text in self._messages]
        # Only the OpenAI client takes a time-out with each request; others end by their own.
        openai = type(self._llm).__module__.startswith("llama_index.llms.openai")
        options = {"timeout": self._deadline.left} if openai else {}
        if self._stream:
            yield from self._llm.stream_chat(chat, **options)
        else:
            yield self._llm.chat(chat, **options)


def model_name(llm: Any) -> str:
    """The name a model goes by."""
    metadata = getattr(llm, "metadata", None)
    return str(getattr(llm, "model", None) or getattr(metadata, "model_name", None) or type(llm).__name__)


def explain(error: Exception, model: str, seconds: float = DEADLINE) -> str:
    """A provider's exception in one line that says what to do.

    Told apart by name and status, so that any LlamaIndex LLM package is understood.
    """
    status = getattr(error, "status_code", None)
    if isinstance(error, UnicodeEncodeError):
        return f"{model}: the key or the address is not plain ASCII; check OPENAI_API_KEY and OPENAI_BASE_URL"
    names = {c.__name__ for c in type(error).__mro__}
    if status in (401, 403):
        return f"{model}: the key was refused ({status}); check OPENAI_API_KEY"
    if status == 404:
        return f"{model}: no such model at this endpoint (404); check BYLINE_MODEL and OPENAI_BASE_URL"
    if status == 429 and _mentions(error, _QUOTA):
        return f"{model}: no quota is left (429); check the account, or use --no-llm"
    if status == 429:
        return f"{model}: too many requests (429); wait and try again"
    if isinstance(error, TimeoutError) or names & {"APITimeoutError", "TimeoutException"}:
        return f"{model}: no reply within {seconds:g} s; try again or another model"
    if isinstance(error, ConnectionError) or names & {"APIConnectionError", "TransportError"}:
        return f"{model}: the endpoint cannot be reached; check OPENAI_BASE_URL and the network"
    detail = " ".join(str(error).split())[:160] or type(error).__name__
    if status:
        return f"{model}: the endpoint failed ({status}): {detail}; try again later"
    return f"{model}: the reply could not be read ({detail}); check that OPENAI_BASE_URL is a chat endpoint"


def _explained(error: Exception, model: str, seconds: float) -> ModelError:
    kind = ContextTooLong if _mentions(error, _TOO_LONG) else ModelError
    return kind(explain(error, model, seconds))


def _retry_after(error: Exception, default: float) -> float | None:
    """Seconds to wait before asking again; None where asking again is useless."""
    status = getattr(error, "status_code", None)
    names = {c.__name__ for c in type(error).__mro__}
    if status is None:
        lost = isinstance(error, ConnectionError) or names & {"APIConnectionError", "TransportError"}
        return default if lost and not names & {"APITimeoutError", "TimeoutException"} else None
    if status not in _AGAIN or _mentions(error, _QUOTA):
        return None
    headers = getattr(getattr(error, "response", None), "headers", {})
    try:
        return max(0.0, float(headers.get("retry-after", default)))
    except ValueError:  # a date, which endpoints of models do not send
        return default


def _mentions(error: Exception, words: Sequence[str]) -> bool:
    text = f"{error} {getattr(error, 'code', '')}".lower()
    return any(w in text for w in words)


def _timed(make: Any, deadline: Deadline, model: str) -> Iterator[Any]:
    """What `make()` yields, read in a thread, so that no endpoint can hold up a question beyond its deadline."""
    arrived: queue.Queue[tuple[str, Any]] = queue.Queue()
    stop = threading.Event()

    def read() -> None:
        try:
            for item in make():
                arrived.put(("item", item))
                if stop.is_set():
                    return
            arrived.put(("end", None))
        except BaseException as e:
            arrived.put(("error", e))

    threading.Thread(target=read, daemon=True, name="byline-model").start()
    try:
        while True:
            try:
                kind, value = arrived.get(timeout=deadline.left or 0.001)
            except queue.Empty:
                raise ModelError(
                    f"{model} did not come to an end within {deadline.seconds:g} s; try again or another model"
                ) from None
            if kind == "error":
                raise value
            if kind == "end":
                return
            yield value
    finally:
        stop.set()
