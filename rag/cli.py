"""The command `byline`. Answers go to standard output, progress and notes to standard error.

Exit status: 0 answered, 1 the articles do not say, 2 wrong use or a fault.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NoReturn

from evals.cli import add_eval, with_action
from index import __version__
from index.errors import BylineError, UsageError
from rag.request import as_path
from rag.settings import NO_CORPUS, Settings, read_settings
from rag.terminal import (
    parts_line,
    plain,
    print_answer,
    print_notes,
    print_parts,
    progress_bars,
    report_line,
    shorten,
    warn,
)

ANSWERED, NOT_SAID, FAULT = 0, 1, 2

CLOSED_PIPE = 141
"""Status when the reader of our output went away, as in `byline search ... | head -1`: what shells give for SIGPIPE. The
signal itself stays ignored, as Python has it: it would kill a server or a client whose peer closes the connection."""

DEMO_QUESTION = "How many troops will Canada take out of Iraq?"

_EXAMPLES = {
    "ask": """examples:
  byline ask -c articles "Was the letter signed?"
  byline ask -c articles --since 2020-01-06 --until 2020-01-08 "What did Milley say?"
  byline ask -c articles --file 'wire/*' --json "How many troops are in Iraq?"
  BYLINE_MODEL=gpt-4.1-mini byline ask -c articles "Who said what about the letter?"
""",
    "chat": """examples:
  byline chat -c articles
  printf 'Was the letter signed?\nand who wrote it?\n' | byline chat -c articles
""",
    "index": """examples:
  byline index -c articles
  byline index -c articles --dry-run
  byline index -c articles --embedder minilm
  byline index -c articles --rebuild
""",
    "search": """examples:
  byline search -c articles helicopters
  byline search -c articles -k 20 --source "Meridian Wire" "troop numbers"
""",
    "show": """examples:
  byline show -c articles wire/letter.txt:12-14
  byline show -c articles --context 5 wire/letter.txt:12
""",
    "status": """examples:
  byline status -c articles
  byline status -c articles --json
""",
    "ui": """examples:
  byline ui -c articles
  byline ui -c articles --uploads articles/added --mcp
  BYLINE_LOGIN=desk:secret byline ui -c articles --host 0.0.0.0 --port 8000
""",
    "demo": """example:
  byline demo
  byline demo "Which countries moved their troops?"
""",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    _fail_softly()
    parser = _parser()
    args = parser.parse_args(with_action(sys.argv[1:] if argv is None else argv))
    if args.command is None:
        parser.print_help()
        return FAULT
    try:
        settings = _settings(args)
        command: Callable[[argparse.Namespace, Settings], int] = args.run
        return command(args, settings)
    except BylineError as e:
        if args.debug:
            raise
        warn(f"byline: {e}")
    except KeyboardInterrupt:
        warn("byline: stopped; what was indexed so far is kept")
        return 130
    except BrokenPipeError:  # of standard output: the clients of models and stores have errors of their own
        return CLOSED_PIPE
    except BaseException as e:  # a panic in a Rust library is no Exception
        if args.debug or isinstance(e, SystemExit):
            raise
        warn(f"byline: unexpected {type(e).__name__}: {str(e)[:300]}; run again with --debug and report it")
    return FAULT


def _ask(args: argparse.Namespace, settings: Settings) -> int:
    from rag.chain import stream
    from rag.types import Answer

    options = _filters(args) | {"llm": False if args.no_llm else None, "as_of": args.as_of, "check": args.check}
    options |= {"explain": args.explain}
    answer: Answer | None = None
    _first_index(settings)
    for event in stream(args.question, settings=settings, **options):
        if isinstance(event, Answer):
            answer = event
    assert answer is not None
    if args.json:
        print(json.dumps(answer.to_dict(), ensure_ascii=False, indent=1))
    else:
        print_answer(answer)
        if args.explain:
            print_parts(answer)
    print_notes(answer)
    if answer.degraded:
        return FAULT
    return NOT_SAID if answer.abstained else ANSWERED


def _chat(args: argparse.Namespace, settings: Settings) -> int:
    from rag.chain import ask

    _first_index(settings)
    options = _filters(args) | {"llm": False if args.no_llm else None, "as_of": args.as_of, "check": args.check}
    history: list[tuple[str, str]] = []
    if sys.stdin.isatty():
        warn("Ask; follow-ups are understood. /new begins another subject, an empty line ends.")
    while True:
        try:
            question = input("> " if sys.stdin.isatty() else "").strip()
        except EOFError:
            return ANSWERED
        if not question or question in ("/quit", "/exit"):
            return ANSWERED
        if question == "/new":
            history.clear()
            continue
        try:
            answer = ask(question, settings=settings, history=history, **options)
        except UsageError as e:
            warn(f"byline: {e}")
            continue
        if args.json:
            print(json.dumps(answer.to_dict(), ensure_ascii=False), flush=True)
        else:
            print_answer(answer)
            print(flush=True)
        print_notes(answer)
        history.append((question, "" if answer.abstained else answer.text))


def _search(args: argparse.Namespace, settings: Settings) -> int:
    from rag.chain import search
    from rag.types import place

    _first_index(settings)
    hits = search(" ".join(args.query), k=args.k, explain=args.explain, settings=settings, **_filters(args))
    if args.json:
        rows = [asdict(h) | {"place": place(h.file, h.line_start, h.line_end)} for h in hits]
        print(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        for hit in hits:
            print(f"{hit.score:.3f}  {plain(str(hit))}  {shorten(hit.text)}")
            if args.explain:
                print(f"       {parts_line(hit)}")
    return ANSWERED if hits else NOT_SAID


def _index(args: argparse.Namespace, settings: Settings) -> int:
    from rag.indexes import update

    corpus = _corpus(settings)
    plan = settings.plan(corpus, settings.index)
    report = update(
        corpus,
        plan,
        settings,
        spec=args.embedder or settings.embedder,
        dry_run=args.dry_run,
        rebuild=args.rebuild,
        progress=progress_bars(),
    )
    if args.json:
        print(json.dumps(asdict(report) | {"index": str(plan.folder)}, ensure_ascii=False, indent=1))
        return ANSWERED
    print(report_line(report))
    for skipped in report.skipped:
        warn(f"skipped {skipped.file}: {skipped.reason}")
    return ANSWERED


def _show(args: argparse.Namespace, settings: Settings) -> int:
    from index.show import read_lines

    file, first, last = _place(args.place)
    corpus = _corpus(settings)
    found = read_lines(corpus, settings.plan(corpus, settings.index).folder, file, first, last, args.context)
    if args.json:
        print(json.dumps(asdict(found), ensure_ascii=False, indent=1))
    else:
        width = len(str(found.lines[-1][0])) if found.lines else 1
        for number, text in found.lines:
            print(f"{'>' if found.line_start <= number <= found.line_end else ' '} {number:>{width}}  {plain(text)}")
    if found.changed:
        warn(f"byline: {file} changed since it was indexed; run `byline index`")
    return ANSWERED


def _status(args: argparse.Namespace, settings: Settings) -> int:
    from rag.indexes import open_reader

    plan = settings.plan(settings.corpus, settings.index)
    with open_reader(plan).snapshot() as reader:
        meta = reader.catalog.meta()
        documents, passages = reader.catalog.counts()
        skipped = {file: reason for file, (_, _, reason) in sorted(reader.catalog.skipped().items())}
        dates = sorted(d.date for d in reader.catalog.documents() if d.date)
        sources = sorted({d.source for d in reader.catalog.documents() if d.source})
    rows = {
        "corpus": meta["corpus"],
        "index": str(plan.folder),
        "generation": int(meta["generation"]),
        "articles": documents,
        "passages": passages,
        "dates": [dates[0], dates[-1]] if dates else [],
        "sources": sources,
        "embedder": meta["embedder_name"],
        "vectors": plan.url or "embedded Chroma",
        "model": settings.model or "none (answers are quoted)",
        "skipped": skipped,
    }
    if args.json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return ANSWERED
    for key, value in rows.items():
        if key == "skipped":
            print(f"{key:<11}{len(skipped)}")
            for file, reason in skipped.items():
                print(f"  {plain(file)}: {reason}")
        elif isinstance(value, list):
            print(f"{key:<11}{(' to ' if key == 'dates' else ', ').join(map(plain, value)) or '-'}")
        else:
            print(f"{key:<11}{plain(str(value))}")
    return ANSWERED


def _demo(args: argparse.Namespace, settings: Settings) -> int:
    import evals

    args.question = args.question or DEMO_QUESTION
    if not args.json:
        print(f"Asking the {_count(evals.ARTICLES)} articles of the sample corpus: {args.question}\n")
    return _ask(args, replace(settings, corpus=evals.ARTICLES, index=None))


def _count(corpus: Path) -> int:
    from index.load import scan

    return len(scan(corpus)[0])


def _ui(args: argparse.Namespace, settings: Settings) -> int:
    import ui

    login = args.login or settings.login
    uploads = as_path("uploads", args.uploads)
    return ui.launch(
        _corpus(settings), settings, host=args.host, port=args.port, login=login, uploads=uploads, mcp=args.mcp
    )


def _first_index(settings: Settings) -> None:
    """Index a corpus that never was, with a progress bar: asking alone would be silent for long."""
    corpus = settings.corpus
    if corpus is None:
        return
    plan = settings.plan(corpus, settings.index)
    if not (plan.folder / "catalog.sqlite").exists():
        from rag.indexes import update

        update(corpus, plan, settings, spec=settings.embedder, progress=progress_bars())


def _filters(args: argparse.Namespace) -> dict[str, Any]:
    return {
        "since": args.since,
        "until": args.until,
        "files": args.file,
        "sources": args.source,
        "refresh": not args.no_refresh,
    }


def _corpus(settings: Settings) -> Path:
    if settings.corpus is None:
        raise UsageError(NO_CORPUS)
    return settings.corpus


def _settings(args: argparse.Namespace) -> Settings:
    settings = read_settings(Path(args.env_file) if args.env_file else None)
    changes: dict[str, Any] = {}
    for name in ("corpus", "index"):
        if getattr(args, name, None):
            changes[name] = as_path(name, getattr(args, name))
    for name in ("model", "threshold"):
        if getattr(args, name, None) is not None:
            changes[name] = getattr(args, name)
    return replace(settings, **changes)


def _place(text: str) -> tuple[str, int, int]:
    """``FILE:12-14``, ``FILE:12`` or ``FILE`` (all of it; last line 0)."""
    file, _, lines = text.rpartition(":")
    first, _, last = lines.partition("-")
    if file and first.isdecimal() and (last.isdecimal() or not last) and len(lines) < 30:
        a, b = int(first), int(last or first)
        if 1 <= a <= b:
            return file, a, b
        raise UsageError(f"no such lines: {lines}; write FILE:12-14, counting from 1")
    return text, 1, 0


def _fail_softly() -> None:
    """Telemetry of every library off; any locale prints any text."""
    os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
    for out in (sys.stdout, sys.stderr):
        if hasattr(out, "reconfigure"):
            out.reconfigure(errors="replace")


class _OneLine(argparse.ArgumentParser):
    """A parser whose faults are one line, like all others."""

    def error(self, message: str) -> NoReturn:
        warn(f"byline: {message}; see `{self.prog} --help`")
        self.exit(FAULT)


def _parser() -> argparse.ArgumentParser:
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument("-c", "--corpus", metavar="FOLDER", help="folder of articles (BYLINE_CORPUS)")
    place.add_argument("--index", metavar="FOLDER", help="where the index lives (default: in BYLINE_HOME)")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print JSON")
    common.add_argument("--env-file", metavar="FILE", help="read settings from FILE instead of .env")
    common.add_argument("--debug", action="store_true", help="show tracebacks")
    filters = argparse.ArgumentParser(add_help=False)
    filters.add_argument("--since", metavar="DATE", help="only articles of this date or later, as 2020-01-06")
    filters.add_argument("--until", metavar="DATE", help="only articles of this date or earlier")
    filters.add_argument("--file", action="append", metavar="PATTERN", help="only files that match, as 'wire/*'")
    filters.add_argument("--source", action="append", metavar="NAME", help="only articles of this publisher")
    filters.add_argument("--no-refresh", action="store_true", help="do not look for changed files first")
    writer = argparse.ArgumentParser(add_help=False)
    writer.add_argument("--model", metavar="NAME", help="model that writes the answer (BYLINE_MODEL)")
    writer.add_argument("--no-llm", action="store_true", help="quote sentences, whatever model is configured")
    writer.add_argument(
        "--threshold", type=float, metavar="P", help="abstain below this confidence, 0 to 1 (BYLINE_THRESHOLD)"
    )
    asking = argparse.ArgumentParser(add_help=False)
    asking.add_argument("--check", choices=["model"], help="ask the model for a second opinion on every sentence")
    asking.add_argument("--as-of", metavar="DATE", help="the day that 'today' means")

    parser = _OneLine(
        prog="byline",
        description="Ask a folder of articles; every sentence of the answer names its file and line.",
        epilog="Exit status: 0 answered, 1 the articles do not say, 2 wrong use or a fault.",
    )
    parser.set_defaults(command=None, debug=False)
    parser.add_argument("--version", action="version", version=f"byline {__version__}")
    commands: argparse._SubParsersAction[argparse.ArgumentParser]
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")  # type: ignore[assignment]

    def add(
        name: str, run: Callable[..., int], help: str, *parents: argparse.ArgumentParser
    ) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name, help=help, description=help[0].upper() + help[1:] + ".", epilog=_EXAMPLES.get(name),
            parents=[common, *parents], formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        sub.set_defaults(run=run)
        return sub

    demo = add("demo", _demo, "ask the sample corpus, no key needed", filters, writer, asking)
    demo.add_argument("question", nargs="?", help=f"default: {DEMO_QUESTION}")
    index = add("index", _index, "index what is new or changed", place)
    index.add_argument("--dry-run", action="store_true", help="say what would happen and what it would cost")
    index.add_argument(
        "--embedder", metavar="NAME", help="hash, minilm, minilm:FOLDER or openai:MODEL (BYLINE_EMBEDDER)"
    )
    index.add_argument("--rebuild", action="store_true", help="make the index anew; vectors that exist are kept")
    ask = add("ask", _ask, "answer a question with citations", place, filters, writer, asking)
    ask.add_argument("question")
    for sub in (demo, ask):
        sub.add_argument(
            "--explain", action="store_true", help="show what the scores of the best sentences are made of"
        )
    add("chat", _chat, "ask question after question; follow-ups are understood", place, filters, writer, asking)
    search = add("search", _search, "find sentences", place, filters)
    search.add_argument("query", nargs="+")
    search.add_argument("-k", type=int, default=10, help="number of hits (default 10)")
    search.add_argument("--explain", action="store_true", help="show what each score is made of")
    show = add("show", _show, "print lines of an article with their context", place)
    show.add_argument("place", metavar="FILE:12-14")
    show.add_argument("--context", type=int, default=2, metavar="N", help="lines before and after (default 2)")
    add("status", _status, "say what is indexed and what was skipped", place)
    ui = add("ui", _ui, "open the chat page", place)
    ui.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="address to serve on (default 127.0.0.1)")
    ui.add_argument("--port", type=int, default=7860, help="port to serve on (default 7860)")
    ui.add_argument("--login", metavar="NAME:PASSWORD", help="ask for a login, needed beyond 127.0.0.1 (BYLINE_LOGIN)")
    ui.add_argument("--uploads", metavar="FOLDER", help="folder in the corpus that the page may add articles to")
    ui.add_argument("--mcp", action="store_true", help="serve MCP tools too, at /gradio_api/mcp/")
    ui.add_argument("--model", metavar="NAME", help="model that writes the answers (BYLINE_MODEL)")
    add_eval(commands, common=[common], place=[place], writer=[writer], day=[asking])
    return parser


def console() -> None:
    """The command `byline`: run, flush and leave at once, as taking Chroma's runtime down costs 0.2 s."""
    try:
        status = main()
    except SystemExit as e:  # argparse has printed a help or a fault
        status = e.code if isinstance(e.code, int) else FAULT
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        status = CLOSED_PIPE
    os._exit(status)


if __name__ == "__main__":
    console()
