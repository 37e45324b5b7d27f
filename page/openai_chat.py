"""``/v1/chat/completions`` and ``/v1/models``: the corpus as a model for any OpenAI-compatible client.

The reply's text ends with the list of citations; the whole answer, `Answer.to_dict()`, is in the field `byline`.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from itertools import chain
from typing import Any, Literal

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool

from index.errors import BylineError, UsageError
from page.api import AT_ONCE, Api
from rag.types import Answer, Claim

MODEL = "byline"
QUOTING = "byline-quoted"
"""The model that always quotes. Any other name is `byline`: many clients cannot be told another."""


class Part(BaseModel):
    """A part of a message; other types than text are passed over."""

    type: str = "text"
    text: str = ""


class Message(BaseModel):
    """A turn of the conversation. System messages have no effect: what counts is in the articles."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None

    def text(self) -> str:
        """The text of all parts."""
        if isinstance(self.content, list):
            return "\n".join(p.text for p in self.content if p.type == "text")
        return self.content or ""


class StreamOptions(BaseModel):
    """Whether a stream ends with the numbers of tokens."""

    include_usage: bool = False


class Completion(BaseModel):
    """A request; parameters of sampling are accepted and have no effect."""

    messages: list[Message] = Field(min_length=1)
    model: str = MODEL
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None


def add_routes(app: FastAPI, api: Api) -> None:
    """Add both routes to `app`."""
    router = APIRouter(prefix="/v1")

    @router.get("/models")
    def models() -> dict[str, Any]:
        rows = [{"id": name, "object": "model", "created": 0, "owned_by": "byline"} for name in (MODEL, QUOTING)]
        return {"object": "list", "data": rows}

    turn = asyncio.Semaphore(AT_ONCE)  # so that slow models cannot take every thread of the page

    @router.post("/chat/completions", response_model=None)
    async def complete(body: Completion) -> dict[str, Any] | StreamingResponse | JSONResponse:
        asked = [m.text() for m in body.messages if m.role == "user"]
        if body.messages[-1].role != "user":
            return _refused("the last message must be the user's question", 400)
        events = api.events(asked[-1], history=asked[:-1], llm=False if body.model == QUOTING else None)
        head = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time()), "model": body.model}
        try:
            first = await run_in_threadpool(next, events)  # a wrong question is an HTTP error, streamed or not
            if body.stream:
                usage = bool(body.stream_options and body.stream_options.include_usage)
                lines = _stream(head, chain([first], events), usage, api)
                return StreamingResponse(_in_turn(turn, lines), media_type="text/event-stream")
            async with turn:
                *_, answer = await run_in_threadpool(list, events)
        except BylineError as e:
            return _refused(api.message(e), 400 if isinstance(e, UsageError) else 503)
        assert isinstance(answer, Answer)
        message = {"role": "assistant", "content": answer.text + _sources(answer), "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        whole = {"object": "chat.completion", "choices": [choice], "usage": _usage(answer)}
        return head | whole | {"byline": answer.to_dict()}

    app.include_router(router)

    @app.exception_handler(RequestValidationError)
    async def refuse(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        return _refused(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", 400)


async def _in_turn(turn: asyncio.Semaphore, lines: Iterator[str]) -> AsyncIterator[str]:
    async with turn:
        async for line in iterate_in_threadpool(lines):
            yield line


def _stream(head: dict[str, Any], events: Iterator[Any], usage: bool, api: Api) -> Iterator[str]:
    def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return _event(head | {"object": "chat.completion.chunk", "choices": [choice]} | more)

    yield chunk({"role": "assistant", "content": ""})
    said = ""
    numbers: dict[Any, int] = {}
    try:
        for event in events:
            if isinstance(event, Claim):
                markers = "".join(f"[{numbers.setdefault(c, len(numbers) + 1)}]" for c in event.citations)
                text = re.sub(r"\[(\d+)\]", r"⟦\1⟧", event.text)  # as in Answer.text, so that the two are the same
                piece = f"{' ' if said else ''}{text} {markers}"
                said += piece
                yield chunk({"content": piece})
            elif isinstance(event, Answer):
                # A model that failed half-way left claims behind that the quoted answer does not repeat.
                rest = event.text.removeprefix(said) if event.text.startswith(said) else f"\n\n{event.text}"
                yield chunk({"content": rest + _sources(event)})
                yield chunk({}, "stop", byline=event.to_dict())
                if usage:
                    yield _event(head | {"object": "chat.completion.chunk", "choices": [], "usage": _usage(event)})
    except BylineError as e:
        yield _event({"error": {"message": api.message(e), "type": "server_error", "param": None, "code": None}})
    yield "data: [DONE]\n\n"


def _sources(answer: Answer) -> str:
    places = [f"[{n}] {c}" for n, c in enumerate(answer.citations, 1)]
    if answer.abstained and answer.nearest:
        places = ["Nearest lines:", *(f"{h}: {' '.join(h.text.split())}" for h in answer.nearest)]
    return "\n\n" + "\n".join(places) if places else ""


def _usage(answer: Answer) -> dict[str, int]:
    prompt, completion = answer.usage.prompt_tokens, answer.usage.completion_tokens
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _event(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


def _refused(message: str, status: int) -> JSONResponse:
    kind = "invalid_request_error" if status == 400 else "server_error"
    return JSONResponse({"error": {"message": message, "type": kind, "param": None, "code": None}}, status)
