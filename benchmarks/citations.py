"""Whether every citation resolves: each one of many answers is held against the file on disk.

    python -m benchmarks.citations QA.jsonl --corpus ARTICLES [--limit 200] [--misbehave 0.5] [--seed 0]

Every question (the "question" of each line) is asked of both writers. The model writer talks to a scripted
model behind a real loopback server: it reads only the prompt, and in a seeded share of its sentences names
lines that were not shown, spoils its markers, alters a number or invents a quotation. A citation resolves
when the file's own bytes hold exactly its words, at its offsets, beginning and ending on its lines; the check
shares no code with Byline but the decoding of files that are not UTF-8. To reach: all of them, no marker in
any claim, and none of the sentences that were made false on purpose passed on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.common import progress, read_questions, settings, table, temp_home
from index.load import load, scan
from index.types import Document
from rag import Answer, Citation, Hit, ask

WAYS = (
    "source not shown", "line not shown", "line 0", "reversed range", "huge range", "no marker", "comma", "brackets",
    "middle", "bare number", "odd marker", "wrong number", "invented quotation",
)  # fmt: skip
FALSE = ("wrong number", "invented quotation")
ODD = (  # as models write them now and then; {} is SOURCE:LINE
    "[[{}]]", "[{}†source]", "[{} and {}]", "［{}］", "**[{}]**", "`[{}]`", "[{}—99]", "[S{}]", "[^{}]", "[{}, 99]",
    "[ {} ]", "[source {}, lines 4-5]",
)  # fmt: skip
_FILLER = r"(?:[\s\d:.,;†–—-]|source|lines?|and|[LS](?=\d))*"
_MARKER_LIKE = re.compile(rf"[\[【［]\^?{_FILLER}\d{_FILLER}[\]】］]|[\[【［*`]+$|^[\]】］*`]+", re.I)
"""A whole marker, or what is left at a claim's ends where one was cut out of brackets or asterisks."""
_INVENTED = "“the walrus committee juggled marmalade”"
_WRONG = "7919357"


class ScriptedModel:
    """Writes from the prompt alone: copies the lines that share most words with the question, and misbehaves."""

    def __init__(self, seed: int, misbehave: float) -> None:
        self._random = random.Random(seed)
        self._share = misbehave
        self.done: Counter[str] = Counter()
        self.false: list[str] = []  # the false sentences of the present reply

    def reply(self, prompt: str) -> str:
        """One to three sentences with markers."""
        self.false = []
        shown, _, rest = prompt.rpartition("\n\nEND OF SOURCES")
        wanted = set(re.findall(r"\w{3,}", rest.rpartition("Question:")[2].lower()))
        lines: list[tuple[int, int, str]] = []
        number = 0
        for row in shown.split("\n"):
            if heading := re.match(r"\[(\d+)\] ", row):
                number = int(heading[1])
            elif line := re.match(r"(\d+)\| (.*)", row):
                lines.append((number, int(line[1]), line[2]))
        pieces = [(n, k, s) for n, k, text in lines for s in re.split(r"(?<=[.!?]) +", text) if re.search(r"\w", s)]
        pieces.sort(key=lambda p: -len(wanted & set(re.findall(r"\w{3,}", p[2].lower()))))
        picked = pieces[: self._random.randint(1, 3)]
        return " ".join(self._sentence(*piece, sources=number) for piece in picked)

    def _sentence(self, source: int, line: int, text: str, *, sources: int) -> str:
        rng = self._random
        text = text[:-1] if text[-1:] in ".!?" else text
        way = rng.choice(WAYS) if rng.random() < self._share else "good"
        if way == "wrong number" and not re.search(r"\d", text):
            way = "invented quotation"
        self.done[way] += 1
        marker = f"[{source}:{line}]"
        if way == "wrong number":
            text = re.sub(r"\d[\d,.]*", lambda m: _WRONG, text, count=1)
        elif way == "invented quotation":
            text += f", and said {_INVENTED}"
        elif way == "middle":
            words = text.split(" ")
            middle = len(words) // 2
            return " ".join([*words[:middle], marker, *words[middle:]]) + "."
        if way in FALSE:
            self.false.append(text)
        marker = {
            "source not shown": f"[{sources + rng.randint(1, 90)}:{line}]",
            "line not shown": f"[{source}:{line + rng.randint(5000, 9000)}]",
            "line 0": rng.choice(("[0:0]", f"[{source}:0]", f"[0:{line}]")),
            "reversed range": f"[{source}:{line + 1}-{line}]",
            "huge range": f"[{source}:1-{10 ** rng.randint(3, 12)}]",
            "no marker": "",
            "comma": rng.choice((f"[{source}, {line}]", f"[{source}:{line}, {source}:{line}]", f"{marker[:-1]}, 99]")),
            "brackets": rng.choice((f"【{source}:{line}】", f"【{source}†L{line}】", f"[source {source}:L{line}]")),
            "odd marker": rng.choice(ODD).replace("{}", marker[1:-1]),
            "bare number": rng.choice((f"[{source}]", f"[^{source}]", f"[{source}][{line}]")),
        }.get(way, marker)
        return f"{text} {marker}." if rng.random() < 0.5 else f"{text}. {marker}"


def serve(model: ScriptedModel, seed: int) -> ThreadingHTTPServer:
    """An OpenAI-compatible chat endpoint on a free loopback port, streaming in pieces that cut through markers."""
    cuts = random.Random(seed)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            prompt = request["messages"][-1]["content"]
            text = model.reply(prompt)
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            at = 0
            while at < len(text):
                size = cuts.choice((1, 2, 3, 5, 8, 40))
                self._event([{"index": 0, "delta": {"content": text[at : at + size]}, "finish_reason": None}])
                at += size
            self._event([{"index": 0, "delta": {}, "finish_reason": "stop"}])
            tokens = {"prompt_tokens": len(prompt) // 4, "completion_tokens": len(text) // 4}
            self._event([], usage=tokens | {"total_tokens": sum(tokens.values())})
            self.wfile.write(b"data: [DONE]\n\n")

        def _event(self, choices: list[dict[str, Any]], **more: Any) -> None:
            body = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "scripted", "choices": choices}
            self.wfile.write(b"data: " + json.dumps(body | more).encode() + b"\n\n")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@dataclass(frozen=True)
class OnDisk:
    """A file as an editor shows it."""

    sha256: str
    text: str
    lines: list[str]


class Checker:
    """Reads files itself and says what is wrong with a citation."""

    def __init__(self, corpus: Path) -> None:
        self._corpus = corpus
        self._files: dict[str, OnDisk] = {}

    def faults(self, c: Citation | Hit) -> Iterator[str]:
        """Reasons why the citation does not resolve; none where it does."""
        try:
            disk = self._file(c.file)
        except OSError as e:
            yield f"cannot read the file: {e}"
            return
        if c.sha256 != disk.sha256:
            yield "another version of the file"
        if not c.text.strip():
            yield "no words"
        if disk.text[c.start : c.end] != c.text:
            yield "other words at its offsets"
        if not 1 <= c.line_start <= c.line_end <= len(disk.lines):
            yield "lines that the file does not have"
            return
        cited = c.text.split("\n")
        there = disk.lines[c.line_start - 1 : c.line_end]
        if len(cited) != len(there):
            yield f"words on {len(cited)} lines, cited as {len(there)}"
        elif len(cited) == 1:
            if cited[0] not in there[0]:
                yield "words that are not on its line"
        elif not there[0].endswith(cited[0]) or cited[1:-1] != there[1:-1] or not there[-1].startswith(cited[-1]):
            yield "words that are not on its lines"
        if not cited[0].strip() or not cited[-1].strip():
            yield "begins or ends with an empty line"
        first = sum(len(line) + 1 for line in disk.lines[: c.line_start - 1])
        if not first <= c.start <= first + len(disk.lines[c.line_start - 1]):
            yield "offsets on other lines"

    def _file(self, file: str) -> OnDisk:
        if file not in self._files:
            data = (self._corpus / file).read_bytes()
            try:
                text = data.decode("utf-8").removeprefix("\N{BYTE ORDER MARK}")
            except UnicodeDecodeError:
                text = self._other_encoding(file)
            text = text.replace("\r\n", "\n").replace("\r", "\n")
            self._files[file] = OnDisk(hashlib.sha256(data).hexdigest(), text, text.split("\n"))
        return self._files[file]

    def _other_encoding(self, file: str) -> str:
        (stat,) = [s for s in scan(self._corpus)[0] if s.file == file]
        document = load(self._corpus, stat)
        assert isinstance(document, Document)
        return document.text


def examine(answer: Answer, checker: Checker, counts: Counter[str], faults: list[str]) -> None:
    """Count an answer's citations and nearest hits, and note what is wrong with any."""
    counts["answers"] += 1
    counts["abstained"] += answer.abstained
    counts["claims"] += len(answer.claims)
    counts["claims moved"] += sum(c.verdict == "moved" for c in answer.claims)
    counts["claims partial"] += sum(c.verdict == "partial" for c in answer.claims)
    counts["claims removed"] += len(answer.removed)
    inside = [c for claim in (*answer.claims, *answer.removed) for c in claim.citations]
    hits = [x for h in answer.nearest for x in (h, *h.also)]
    for name, places in (("citations", [*answer.citations, *inside]), ("nearest hits", hits)):
        for place in places:
            counts[name] += 1
            wrong = list(checker.faults(place))
            counts[f"{name} that resolve"] += not wrong
            if wrong:
                faults.append(f"{place}: {'; '.join(wrong)} ({answer.question})")
    for claim in answer.claims:
        if claim.verdict not in ("supported", "moved", "partial") or not claim.citations:
            counts["unsupported claims passed"] += 1
            faults.append(f"{claim.verdict}, {len(claim.citations)} citations: {claim.text}")
        if not set(claim.citations) <= set(answer.citations):
            faults.append(f"a citation of a claim is not the answer's: {claim.text}")
    rest = answer.text
    for n in range(1, len(answer.citations) + 1):
        if f"[{n}]" not in rest:
            faults.append(f"marker [{n}] is not in the text of the answer to {answer.question}")
    if answer.abstained and (answer.claims or answer.citations):
        faults.append(f"abstained, with claims: {answer.question}")


def examine_model(answer: Answer, model: ScriptedModel, counts: Counter[str], faults: list[str]) -> None:
    """Look for markers and false sentences in what came through from the model."""
    if answer.mode != "model":
        counts["answers without the model"] += 1
        faults.append(f"the model did not write: {answer.degraded or answer.question}")
        return
    counts["true sentences removed"] += sum(not _false(c.text) for c in answer.removed)
    for claim in answer.claims:
        cited = " ".join(c.text for c in claim.citations)
        for match in _MARKER_LIKE.finditer(claim.text):
            marker = match.group()
            if marker not in cited:  # else they are the article's own words
                counts["markers passed"] += 1
                faults.append(f"marker {marker} passed: {claim.text}")
        if _false(claim.text):
            counts["false sentences passed"] += 1
            faults.append(f"false sentence passed as {claim.verdict}: {claim.text}")
    counts["false sentences written"] += len(model.false)


def _false(text: str) -> bool:
    return _INVENTED in text or _WRONG in text


def main() -> int:
    """Ask, check, print the counts; 0 where nothing is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", type=Path, metavar="QA.jsonl")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--limit", type=int, help="ask only so many questions")
    parser.add_argument("--misbehave", type=float, default=0.5, help="share of the model's sentences that are spoilt")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    questions = read_questions(args.questions)[: args.limit]
    checker = Checker(args.corpus)
    model = ScriptedModel(args.seed, args.misbehave)
    server = serve(model, args.seed)
    counts: dict[str, Counter[str]] = {"quoted": Counter(), "model": Counter()}
    faults: list[str] = []
    with temp_home() as home:
        url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        chosen = settings(home, model="scripted", base_url=url, api_key="none")
        progress(f"{len(questions)} questions, two writers")
        ask(questions[0], corpus=args.corpus, llm=False, settings=chosen)  # indexes
        for question in questions:
            for kind, llm in (("quoted", False), ("model", None)):
                answer = ask(question, corpus=args.corpus, llm=llm, refresh=False, settings=chosen)
                examine(answer, checker, counts[kind], faults)
                if kind == "model":
                    examine_model(answer, model, counts[kind], faults)
    server.shutdown()
    names = list(dict.fromkeys([*counts["model"], *counts["quoted"], "markers passed", "false sentences passed"]))
    table(("", "quoted", "model"), [(name, counts["quoted"][name], counts["model"][name]) for name in names])
    print("\nsentences the model wrote:", ", ".join(f"{n} {way}" for way, n in sorted(model.done.items())))
    for fault in faults[:20]:
        print("FAULT ", fault)
    cited = sum(c["citations"] for c in counts.values())
    good = sum(c["citations that resolve"] for c in counts.values())
    share = 100 * good / cited if cited else 0.0
    bad = bool(faults) or not cited
    print(f"\n{'FAIL' if bad else 'PASS'}  {good} of {cited} citations resolve ({share:.2f} %), {len(faults)} faults")
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
