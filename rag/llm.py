"""The model seam: messages in, pieces of text out, through LlamaIndex's `LLM` interface.

LlamaIndex (2 s) is imported only here and in llamaindex.py, when a model is really asked.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from index.errors import BylineError, ModelError, UsageError
from index.tokens import count_tokens
from rag.settings import Settings

TIMEOUT = 60.0
"""Seconds without a byte from the model before a request is given up."""

RETRIES = 2
MAX_REPLY_TOKENS = 800
DEADLINE = 120.0
"""Seconds after which a model that is still writing is cut off."""

MAX_REPLY_CHARS = 20 * MAX_REPLY_TOKENS

_CUT = {"length": "was cut off at its length limit", "content_filter": "was stopped by a content filter"}


class Reply:
    """One question to a model. Iterate over it for pieces of text, then read the counts.

    Raises ModelError, in one line that says what to do, when the model fails, is cut off or says nothing.
    """

    def __init__(self, llm: Any, messages: Sequence[tuple[str, str]]) -> None:
        self._llm = llm
        self._messages = messages
        self.model = model_name(llm)
        self.prompt_tokens = sum(count_tokens(text) for _, text in messages)  # until the model reports its own
        self.completion_tokens = 0

    def __iter__(self) -> Iterator[str]:
        from llama_index.core.llms import ChatMessage

        written: list[str] = []
        finish: str | None = None
        remote = False
        usage = None
        size, started = 0, time.monotonic()
        try:
            chat = [ChatMessage(role=role, content=text) for role, text in self._messages]
            for chunk in self._llm.stream_chat(chat):
                raw = chunk.raw
                if hasattr(raw, "choices"):
                    remote = True
                    usage = getattr(raw, "usage", None) or usage
                    finish = (raw.choices[0].finish_reason if raw.choices else None) or finish
                if chunk.delta:
                    piece = chunk.delta.encode("utf-8", "replace").decode()  # servers send lone surrogates
                    written.append(piece)
                    size += len(piece)
                    yield piece
                if time.monotonic() - started > DEADLINE or size > MAX_REPLY_CHARS:
                    raise ModelError(f"{self.model} did not come to an end; try again or another model")
        except BylineError:
            raise
        except Exception as e:
            raise ModelError(explain(e, self.model)) from e
        text = "".join(written)
        self.completion_tokens = count_tokens(text)
        if usage is not None:
            self.prompt_tokens = getattr(usage, "prompt_tokens", None) or self.prompt_tokens
            self.completion_tokens = getattr(usage, "completion_tokens", None) or self.completion_tokens
        if not text.strip():
            raise ModelError(
                f"{self.model} answered nothing; try again, another model (--model), or check OPENAI_BASE_URL"
            )
        if finish in _CUT:
            raise ModelError(f"the reply of {self.model} {_CUT[finish]}; try again or another model")
        if remote and finish is None:  # the client ends a cut stream without an error
            raise ModelError(f"the connection to {self.model} broke off in the middle of its reply; try again")


def make_llm(settings: Settings) -> Any | None:
    """The configured model as a LlamaIndex LLM, or None where none is configured."""
    if not settings.model:
        return None
    provider, _, name = settings.model.rpartition(":")
    if provider not in ("", "openai"):
        provider, name = "", settings.model  # Ollama's model names hold a colon ("llama3:8b")
    if not settings.api_key and not settings.base_url:
        raise UsageError(f"model {name} needs OPENAI_API_KEY, or OPENAI_BASE_URL for a local server; or use --no-llm")
    from llama_index.llms.openai_like import OpenAILike

    return OpenAILike(
        model=name,
        api_key=settings.api_key or "none",  # local servers want none, the client insists on some text
        api_base=settings.base_url or "https://api.openai.com/v1",
        is_chat_model=True,
        temperature=0.0,
        max_tokens=MAX_REPLY_TOKENS,
        max_retries=RETRIES,
        timeout=TIMEOUT,
        additional_kwargs={"stream_options": {"include_usage": True}},
    )


def model_name(llm: Any) -> str:
    """The name a model goes by."""
    metadata = getattr(llm, "metadata", None)
    return str(getattr(llm, "model", None) or getattr(metadata, "model_name", None) or type(llm).__name__)


def explain(error: Exception, model: str) -> str:
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
    if status == 429:
        return f"{model}: too many requests or no quota left (429); wait or check the account"
    if "APITimeoutError" in names or isinstance(error, TimeoutError):
        return f"{model}: no reply within {TIMEOUT:g} s; try again or another model"
    if "APIConnectionError" in names or isinstance(error, ConnectionError):
        return f"{model}: the endpoint cannot be reached; check OPENAI_BASE_URL and the network"
    detail = " ".join(str(error).split())[:160] or type(error).__name__
    if status:
        return f"{model}: the endpoint failed ({status}): {detail}; try again later"
    return f"{model}: the reply could not be read ({detail}); check that OPENAI_BASE_URL is a chat endpoint"
