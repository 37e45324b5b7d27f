"""Many questions at once to the page, beside one alone: is any lost, and how long do they take?

    python -m benchmarks.page_load CORPUS --questions QA.jsonl [--at-once 64] [--rounds 3]

Starts `byline ui` without a model in a process of its own and asks over HTTP as the page does: the question goes into
Gradio's queue, the answer comes as a stream of events. A question counts as answered where the stream ends with an
`Answer` for that very question. "One" is the median of as many questions asked one after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

from benchmarks.common import environment, median, percentile, progress, read_questions, table, temp_home


def main() -> int:
    """Serve, ask, print the table; 0 where no question was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--questions", type=Path, required=True, metavar="QA.jsonl")
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    questions = read_questions(args.questions)
    questions = [questions[i % len(questions)] for i in range(args.at_once * args.rounds)]
    with temp_home() as home, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
        free.close()
        command = [sys.executable, "-m", "rag.cli", "ui", "-c", str(args.corpus), "--port", port]
        server = subprocess.Popen(command, env=environment(home), stdout=subprocess.DEVNULL)
        try:
            return asyncio.run(measure(f"http://127.0.0.1:{port}", questions, args.at_once))
        finally:
            server.terminate()
            server.wait()


async def measure(url: str, questions: list[str], at_once: int) -> int:
    """Ask them one by one, then `at_once` at a time; the number of lost ones."""
    limits = httpx.Limits(max_connections=2 * at_once)
    async with httpx.AsyncClient(base_url=url, timeout=120, limits=limits) as client:
        await ready(client)
        one = [await ask(client, q) for q in questions[:at_once]]
        together: list[float | None] = []
        walls = []
        for i in range(0, len(questions), at_once):
            progress(f"{at_once} at once")
            started = time.perf_counter()
            together += await asyncio.gather(*(ask(client, q) for q in questions[i : i + at_once]))
            walls.append(time.perf_counter() - started)
    alone = [s for s in one if s is not None]
    done = [s for s in together if s is not None]
    lost = len(one) - len(alone) + len(together) - len(done)
    rows = [
        ("one at a time", len(one), len(one) - len(alone), median(alone), percentile(alone, 0.95), sum(alone)),
        (f"{at_once} at once", len(together), len(together) - len(done), median(done), percentile(done, 0.95), median(walls)),
    ]  # fmt: skip
    table(["questions", "asked", "lost", "p50 s", "p95 s", f"all {at_once} s"], rows)
    return lost


async def ready(client: httpx.AsyncClient) -> None:
    """Wait until the page answers and the articles are indexed."""
    progress("starting and indexing")
    while True:
        try:
            if (await client.get("/healthz")).status_code == 200:
                await ask(client, "What is the news of the day?")
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.2)


async def ask(client: httpx.AsyncClient, question: str) -> float | None:
    """Seconds until the answer to `question` was there; None where it did not come."""
    started = time.perf_counter()
    try:
        session = f"bench{started:.9f}{id(question)}".replace(".", "")
        joined = await client.post("/gradio_api/call/chat", json={"data": [question, [], {}], "session_hash": session})
        joined.raise_for_status()
        last = None
        async with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data: "):
                    message = json.loads(line.removeprefix("data: "))
                    if message["msg"] == "process_generating":
                        last = message["output"]["data"][0]
    except (httpx.HTTPError, ValueError) as e:
        progress(f"lost: {question[:60]}: {type(e).__name__} {e}")
        return None
    if not last or last["type"] != "answer" or last["answer"]["question"] != question.strip():
        return None
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
