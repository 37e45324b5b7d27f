"""What stands before every route: who may ask, which paths exist, and the headers of every reply.

Gradio's own routes are closed but for the few that its clients need: with them the server would fetch any public
URL (`file=`), keep uploads of anybody and serve a second page.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from page.uploads import MAX_UPLOAD

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN = re.compile(
    r"/|/healthz|/favicon\.ico|/page/[a-z]+\.(?:css|js|svg)|/page/api/(?:overview|articles|lines|examples|upload)"
    r"|/v1/(?:chat/completions|models)|/config|/gradio_api/(?:info|openapi\.json|queue/(?:join|data)|cancel"
    r"|call/(?:v2/)?(?:ask|search|show|chat|reindex)(?:/[0-9a-f]{32})?|heartbeat/[\w-]{1,64})"
)
MCP = re.compile(r"/gradio_api/mcp(?:/|/sse|/http/?|/messages/?|/schema)?")

MAX_BODY = 2**20
"""Bytes of a request other than an upload."""

WRONG_LOGIN = 0.5
"""Seconds that a wrong login waits for its refusal."""

HEADERS = {
    # No inline script or style, and no string becomes markup: article text that got past the page could still do nothing.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}


class Guard:
    """ASGI middleware. `login` is ``name:password`` or None; `local` that the page is served on loopback only."""

    def __init__(self, app: App, *, login: str | None, local: bool, mcp: bool) -> None:
        self.app = app
        self._login = login.encode() if login else None
        self._local = local
        self._mcp = mcp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def reply(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [(k, v) for k, v in message["headers"] if k.lower() not in _OURS]
                message["headers"] = kept + [(k.encode(), v.encode()) for k, v in HEADERS.items()]
            await send(message)

        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        refusal = self._refusal(scope["method"], scope["path"], headers)
        if refusal is None:
            await self.app(scope, receive, reply)
            return
        status, reason = refusal
        if status == 401 and "authorization" in headers:
            await asyncio.sleep(WRONG_LOGIN)
        extra = [(b"www-authenticate", b'Basic realm="Byline", charset="UTF-8"')] if status == 401 else []
        body = reason.encode()
        start = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode()), *extra]
        await reply({"type": "http.response.start", "status": status, "headers": start})
        await reply({"type": "http.response.body", "body": body})

    def _refusal(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, str] | None:
        host = headers.get("host", "")
        # Another name that points here (DNS rebinding); with a login it would not help the other site.
        if (
            self._local
            and not self._login
            and re.sub(r":\d+$", "", host).lower() not in ("127.0.0.1", "localhost", "[::1]")
        ):
            return (
                421,
                "this page answers to 127.0.0.1 and localhost only",
            )  # another name that points here (DNS rebinding)
        origin = headers.get("origin")
        if origin is not None and re.sub(r"^https?://", "", origin).lower() != host.lower():
            return 403, "requests from other sites are refused"
        if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
            return 403, "requests from other sites are refused"
        if not OPEN.fullmatch(path) and not (self._mcp and MCP.fullmatch(path)):
            return 404, "no such page"
        if path != "/healthz" and not self._knows(headers.get("authorization", "")):
            return 401, "log in with the name and password that this page was started with"
        if method not in ("GET", "HEAD", "DELETE"):
            length = headers.get("content-length", "")
            if not length.isdecimal():
                return 411, "say how long the request is (Content-Length)"
            if int(length) > (MAX_UPLOAD if path == "/page/api/upload" else MAX_BODY):
                return 413, "the request is too large"
        return None

    def _knows(self, authorization: str) -> bool:
        """``Basic`` with name and password, or ``Bearer`` with the password, as OpenAI clients send a key."""
        if self._login is None:
            return True
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return hmac.compare_digest(value.strip().encode(), self._login.partition(b":")[2])
        try:
            given = base64.b64decode(value.encode(), validate=True)
        except (binascii.Error, ValueError):
            return False
        return scheme.lower() == "basic" and hmac.compare_digest(given, self._login)


# Gradio adds its own of these to the replies of its routes.
_OURS = {name.encode() for name in HEADERS} | {
    b"access-control-allow-origin",
    b"access-control-allow-credentials",
    b"access-control-allow-methods",
    b"access-control-allow-headers",
    b"server",
}
