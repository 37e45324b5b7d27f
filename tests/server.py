"""A real HTTP server on loopback that plays an OpenAI-compatible endpoint, faults included."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Script:
    """What the server does: `replies` are used one a request, the last one again and again.

    A reply is bytes (the whole HTTP response, as it goes over the wire), None (no answer until the client
    leaves), a list of strings (written as they are, 0.3 s apart), a string (streamed as a chat completion), an int (that HTTP status), a tuple (status,
    body text), "!cut " + text (streamed, then the connection drops), "!html", "!empty", "!length " +
    text, or a function from the request's body to one of these. Embedding requests get vectors of
    (length, number of e's).
    """

    def __init__(self, *replies: Any) -> None:
        self.replies = list(replies)
        self.requests: list[dict[str, Any]] = []
        self.url = ""

    def next(self, body: dict[str, Any]) -> Any:
        self.requests.append(body)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return reply(body) if callable(reply) else reply


@contextmanager
def serving(*replies: Any) -> Iterator[Script]:
    """Serve the script; its `url` is the base URL."""
    script = Script(*replies)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            reply = script.next(body)
            if reply is None:
                self.connection.recv(1)
                self.close_connection = True
                return None
            if isinstance(reply, bytes):
                self.wfile.write(reply)
                self.close_connection = True
                return None
            if isinstance(reply, list):
                return self.slowly(reply)
            if isinstance(reply, int):
                reply = (reply, json.dumps({"error": {"message": f"status {reply}"}}))
            if isinstance(reply, tuple):
                return self.whole(*reply)
            if self.path.endswith("/embeddings"):
                rows = [[float(len(t)), float(t.count("e") + 1)] for t in body["input"]]
                data = [{"object": "embedding", "index": i, "embedding": r} for i, r in enumerate(rows)]
                usage = {"prompt_tokens": 1, "total_tokens": 1}
                reversed_ = {"object": "list", "model": "m", "data": data[::-1], "usage": usage}
                return self.whole(200, json.dumps(reversed_))
            if reply == "!html":
                return self.whole(200, "<html>login</html>", "text/html")
            return self.stream(reply) if body.get("stream") else self.complete(reply)

        def complete(self, reply: str) -> None:
            word, _, rest = reply.partition(" ")
            message = {"role": "assistant", "content": {"!empty": "", "!length": rest}.get(word, reply)}
            choice = {"index": 0, "finish_reason": "length" if word == "!length" else "stop", "message": message}
            usage = {"prompt_tokens": 321, "completion_tokens": 12, "total_tokens": 333}
            kind = {"id": "x", "object": "chat.completion", "created": 0, "model": "m"}
            self.whole(200, json.dumps(kind | {"choices": [choice], "usage": usage}))

        def slowly(self, parts: list[str]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            for part in parts:
                try:
                    self.wfile.write(part.encode())
                    self.wfile.flush()
                except OSError:
                    return
                time.sleep(0.3)

        def whole(self, status: int, text: str, kind: str = "application/json") -> None:
            data = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def stream(self, reply: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            word, _, rest = reply.partition(" ")
            text = {"!empty": "", "!cut": rest, "!length": rest}.get(word, reply)
            for i in range(0, len(text), 7):
                self.event({"choices": [{"index": 0, "delta": {"content": text[i : i + 7]}, "finish_reason": None}]})
            if word != "!cut":
                finish = "length" if word == "!length" else "stop"
                self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
                self.event(
                    {"choices": [], "usage": {"prompt_tokens": 321, "completion_tokens": 12, "total_tokens": 333}}
                )
                self.wfile.write(b"data: [DONE]\n\n")
            self.close_connection = True

        def event(self, body: dict[str, Any]) -> None:
            whole = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "m"} | body
            self.wfile.write(b"data: " + json.dumps(whole).encode() + b"\n\n")

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    script.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


Reply = str | int | tuple[int, str] | Callable[[dict[str, Any]], Any]
