"""The application: the page's own routes, Gradio's endpoints behind the guard, and the server that runs them."""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from index import __version__
from index.errors import BylineError, UsageError
from page.api import AT_ONCE, Api, endpoints
from page.articles import AROUND, Articles
from page.examples import examples
from page.guard import Guard
from page.indexing import Indexing
from page.openai_chat import add_routes
from page.uploads import save_upload
from rag.settings import Settings

STATIC = Path(__file__).parent / "static"

WAITING = 512
"""Questions that may wait; further ones are refused at once."""


@dataclass(frozen=True, slots=True)
class Options:
    """How the page is served. `login` is ``name:password``; `uploads` a folder in the corpus, or None."""

    host: str = "127.0.0.1"
    port: int = 7860
    login: str | None = None
    uploads: Path | None = None
    mcp: bool = False

    @property
    def local(self) -> bool:
        """Whether only this machine can reach the page."""
        return self.host in ("127.0.0.1", "localhost", "::1")


class Place(BaseModel):
    """Lines that the viewer asks for; `Articles.window` says what each means."""

    doc: str
    first: int = 1
    last: int = 1
    start: int | None = None
    end: int | None = None
    sha256: str = ""
    quote: str = ""
    around: int = AROUND


def make_app(corpus: Path, settings: Settings, options: Options) -> FastAPI:
    """The whole application for one corpus. The first index run starts at once, in the background."""
    articles, indexing = Articles(corpus, settings), Indexing(corpus, settings)
    api = Api(articles, indexing, settings)
    app = FastAPI(title="Byline", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    _add_page(app, api, options)
    add_routes(app, api)
    _add_gradio(app, api, options)
    app.add_middleware(Guard, login=options.login, local=options.local, mcp=options.mcp)
    indexing.run()
    return app


def _add_page(app: FastAPI, api: Api, options: Options) -> None:
    articles = api.articles
    suggested: dict[str, list[str]] = {}

    @app.exception_handler(BylineError)
    async def refuse(request: Request, error: BylineError) -> JSONResponse:
        return JSONResponse({"error": api.message(error)}, 400 if isinstance(error, UsageError) else 503)

    @app.get("/")
    def index() -> FileResponse:
        return FileResponse(STATIC / "index.html")

    @app.get("/favicon.ico")
    def icon() -> FileResponse:
        return FileResponse(STATIC / "icon.svg", media_type="image/svg+xml")

    @app.get("/healthz")
    def health() -> JSONResponse:
        try:
            ready = bool(articles.rows())
        except BylineError:
            ready = False
        return JSONResponse({"status": "ok" if ready else "no index yet"}, 200 if ready else 503)

    @app.get("/page/api/overview")
    def overview() -> dict[str, Any]:
        return articles.overview() | {"uploads": options.uploads is not None}

    @app.get("/page/api/articles")
    def listing(words: str = "") -> dict[str, Any]:
        return articles.listing(words[:200])

    @app.get("/page/api/examples")
    def questions() -> list[str]:
        articles.rows()
        if articles.generation not in suggested:
            suggested.clear()
            suggested[articles.generation] = examples(articles.corpus, api.settings)
        return suggested[articles.generation]

    @app.post("/page/api/lines")
    def lines(place: Place) -> dict[str, Any]:
        return articles.window(**place.model_dump())

    @app.post("/page/api/upload")
    async def upload(request: Request, name: str) -> dict[str, str]:
        if options.uploads is None:
            raise UsageError("uploads are off; start the page with --uploads FOLDER")
        data = await request.body()
        return {"name": await run_in_threadpool(save_upload, options.uploads, name, data)}

    app.mount("/page", StaticFiles(directory=STATIC))


def _add_gradio(app: FastAPI, api: Api, options: Options) -> None:
    """Gradio's queue, API and MCP server; of its page nothing."""
    for name in [n for n in os.environ if n.startswith("GRADIO_")]:  # what they say, the options say
        del os.environ[name]
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    import gradio as gr

    with gr.Blocks(title="Byline", analytics_enabled=False) as blocks:
        for name, function in endpoints(api).items():
            public = name in ("ask", "search", "show")
            gr.api(
                function,
                api_name=name,
                api_visibility="public" if public else "undocumented",
                queue=not public,  # else an MCP call would go over HTTP to this very server, and without the login
                concurrency_limit=AT_ONCE,
                concurrency_id="questions",
            )
    blocks.queue(max_size=WAITING, default_concurrency_limit=AT_ONCE)
    gr.mount_gradio_app(
        app, blocks, path="/", server_name=options.host, server_port=options.port, footer_links=[], run_history=False,
        ssr_mode=False, allowed_paths=[], show_error=False, max_file_size=0, enable_monitoring=False, pwa=False,
        mcp_server=options.mcp,
    )  # fmt: skip
    if options.mcp:
        if blocks.mcp_server_obj is None:
            raise UsageError(f"the MCP server cannot be started ({blocks.mcp_error}); leave --mcp out, or report it")
        blocks.mcp_server_obj.postprocess_output_data = _as_json


def _as_json(data: list[Any], root_url: str) -> list[Any]:
    """What a tool gives, as JSON: Gradio would send Python's notation, and a file for what looks like one."""
    from mcp.types import TextContent

    return [TextContent(type="text", text=json.dumps(value, ensure_ascii=False)) for value in data]


def serve(app: FastAPI, options: Options) -> None:
    """Serve until interrupted. Raises UsageError where the address cannot be used."""
    import uvicorn

    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((options.host, options.port))
    except (OSError, OverflowError) as e:
        listening.close()
        raise UsageError(
            f"cannot serve on {options.host} port {options.port} ({e}); give a free one with --port"
        ) from e
    host = f"[{options.host}]" if ":" in options.host else options.host
    url = f"http://{host}:{listening.getsockname()[1]}"
    print(
        f"Byline is at {url}"
        + (f", its MCP server at {url}/gradio_api/mcp/" if options.mcp else "")
        + " (Ctrl-C ends it)",
        flush=True,
    )
    # Many clients keep idle connections for just the 5 s that are uvicorn's default, and now and then lose that race.
    config = uvicorn.Config(
        app, log_level="warning", server_header=False, timeout_keep_alive=60, timeout_graceful_shutdown=2
    )
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])
