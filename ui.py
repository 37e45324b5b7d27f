"""`byline ui`: the chat page in a browser, and the same answers for programs (Gradio's API, MCP, OpenAI's chat).

The application is in page/; what a browser gets of it in page/static/.
"""

from __future__ import annotations

from pathlib import Path

from index.errors import UsageError
from rag.settings import Settings


def launch(
    corpus: Path,
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 7860,
    login: str | None = None,
    uploads: Path | None = None,
    mcp: bool = False,
) -> int:
    """Serve the page until interrupted; 0 when it ends. Raises UsageError for what cannot be served.

    `login` is ``name:password``, which every address but this machine's own needs. `uploads` is a folder in the
    corpus that a browser may add articles to. `mcp` offers the endpoints as MCP tools as well.
    """
    if login is not None and not all(login.partition(":")[::2]):
        raise UsageError("the login is a name and a password; write it as NAME:PASSWORD")
    if host not in ("127.0.0.1", "localhost", "::1") and not login:
        raise UsageError(f"{host} can be reached by others; set BYLINE_LOGIN=NAME:PASSWORD, or serve on 127.0.0.1")
    from index.load import scan
    from page.uploads import upload_folder

    scan(corpus)  # a folder that is not there is said before anything is served
    folder = upload_folder(uploads, corpus) if uploads else None
    print("Starting the page ...", flush=True)
    from page.server import Options, make_app, serve

    options = Options(host, port, login, folder, mcp)
    serve(make_app(corpus, settings, options), options)
    return 0
