"""The chat page: ask the corpus in a browser, open the cited lines below each answer.

Article and model text reaches the page only through `html.escape`; links and images in it are inert.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from index.errors import BylineError, UsageError
from index.show import read_lines
from rag.chain import stream
from rag.settings import Settings
from rag.types import Answer, Claim, Progress

CONTEXT = 2
"""Lines shown before and after the cited ones."""

_STYLE = """
.byline-answer p { font-size: 1.1rem; line-height: 1.55; margin: 0 0 .6rem }
.byline-answer summary { cursor: pointer; font-family: monospace }
.byline-answer pre { white-space: pre-wrap; padding: .6rem; border-left: 3px solid #888; margin: .3rem 0 .8rem }
.byline-answer mark { background: #ffe58a; color: #000 }
"""


def launch(corpus: Path, settings: Settings, *, port: int = 7860) -> int:
    """Serve the page on 127.0.0.1 until interrupted; 0 when it ends."""
    page = build(corpus, settings).queue(default_concurrency_limit=4, max_size=64)
    try:
        page.launch(server_name="127.0.0.1", server_port=port, share=False, ssr_mode=False, css=_STYLE)
    except (OSError, OverflowError) as e:
        raise UsageError(f"cannot serve on port {port} ({e}); give a free one with --port") from e
    return 0


def build(corpus: Path, settings: Settings) -> Any:
    """The page as a Gradio Blocks object."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_RUN_HISTORY"] = "False"
    import gradio as gr

    with gr.Blocks(title="Byline", analytics_enabled=False) as page:
        gr.HTML(f"<h1>Byline</h1><p>Asking the articles in <code>{escape(corpus.name)}</code></p>")
        question = gr.Textbox(label="Question", placeholder="Was the letter signed?", max_length=10_000)
        history = gr.State([])
        answer = gr.HTML(elem_classes="byline-answer")

        def reply(text: str, earlier: list[str]) -> Iterator[tuple[str, list[str]]]:
            for shown in answer_html(text, corpus, settings, earlier):
                yield shown, [*earlier, text][-3:]

        question.submit(reply, [question, history], [answer, history], api_visibility="private")
    return page


def answer_html(question: str, corpus: Path, settings: Settings, history: list[str]) -> Iterator[str]:
    """The answer as HTML, growing sentence by sentence; an error as one line."""
    claims: list[Claim] = []
    try:
        for event in stream(question, corpus=corpus, settings=settings, history=history):
            if isinstance(event, Progress):
                yield f"<p><em>{escape(event.stage)} …</em></p>"
            elif isinstance(event, Claim):
                claims.append(event)
                yield "".join(f"<p>{escape(c.text)}</p>" for c in claims)
            else:
                yield _whole(event, corpus, settings)
    except BylineError as e:
        yield f"<p><strong>{escape(str(e))}</strong></p>"


def _whole(answer: Answer, corpus: Path, settings: Settings) -> str:
    parts = [f"<p>{escape(answer.text)}</p>"]
    parts += [f"<p><em>{escape(note)}</em></p>" for note in (*answer.notes, answer.degraded) if note]
    places = [(str(c), c.file, c.line_start, c.line_end) for c in answer.citations]
    if answer.abstained:
        parts.append("<p>Nearest lines:</p>")
        places = [(str(h), h.file, h.line_start, h.line_end) for h in answer.nearest]
    for number, (label, file, first, last) in enumerate(places, 1):
        lines = read_lines(corpus, settings.plan(corpus, settings.index).folder, file, first, last, CONTEXT)
        rows = [
            f"{n:>5}  " + (f"<mark>{escape(t)}</mark>" if first <= n <= last else escape(t)) for n, t in lines.lines
        ]
        stale = " (changed since it was indexed)" if lines.changed else ""
        body = "\n".join(rows)
        parts.append(f"<details><summary>[{number}] {escape(label)}{stale}</summary><pre>{body}</pre></details>")
    parts += [f"<p><s>{escape(c.text)}</s> {escape('; '.join(c.reasons))}</p>" for c in answer.removed]
    writer = answer.usage.model if answer.mode == "model" else "quoted, no model"
    parts.append(f"<p><small>{escape(str(writer))}, {sum(answer.usage.seconds.values()):.2f} s</small></p>")
    return "".join(parts)
