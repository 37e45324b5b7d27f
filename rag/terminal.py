"""What the command line prints: answers, reports, a progress bar. Article text never steers the terminal."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from index.types import SyncReport
from rag.types import Answer, Citation, Hit


def print_answer(answer: Answer) -> None:
    """The text and what each marker cites; both sides where the articles disagree; without an answer, the nearest lines."""
    print(plain(answer.text))
    for number, c in enumerate(answer.citations, 1):
        print(f"\n[{number}] {_place(c)}")
        print(f"    “{plain(' '.join(c.text.split()))}”")
    for conflict in answer.conflicts:
        print("\nThe articles disagree:")
        for side in conflict.sides:
            print(f"  - {shorten(side.text)}")
            for c in side.citations:
                print(f"      {_place(c)}")
    if answer.abstained and answer.nearest:
        print("\nNearest lines:")
        for hit in answer.nearest:
            print(f"  {plain(str(hit))}  {shorten(hit.text)}")


def _place(c: Citation) -> str:
    about = ", ".join(x for x in (c.source, c.date) if x)
    return plain(f"{c}  ({about})" if about else str(c))


def print_notes(answer: Answer) -> None:
    """On standard error: what was removed and why, and what else a reader should know."""
    for claim in answer.removed:
        warn(f"removed: {claim.text} ({'; '.join(claim.reasons)})")
    for note in answer.notes:
        warn(f"byline: {note}")
    if answer.degraded:
        warn(f"byline: {answer.degraded}. The answer was quoted instead.")


def warn(text: str) -> None:
    """One line on standard error, if somebody reads it."""
    with suppress(BrokenPipeError):
        print(plain(" ".join(text.split())), file=sys.stderr, flush=True)


def report_line(r: SyncReport) -> str:
    """What a synchronisation did, in one line."""
    changes = [
        f"{len(files)} {word}"
        for word, files in (
            ("added", r.added), ("changed", r.changed), ("renamed", r.renamed), ("removed", r.removed),
            ("skipped", r.skipped),
        )
        if files
    ]  # fmt: skip
    text = f"{', '.join(changes) or 'nothing changed'}; {r.documents} articles, {r.passages} passages"
    if r.dry_run:
        text = f"would do: {text}; {r.embedded} passages to embed"
        if r.tokens is not None:
            text += f", {r.tokens:,} tokens for the paid embedder"
    elif r.embedded or r.reused:
        text += f"; {r.embedded} embedded, {r.reused} known"
    return text


def progress_bars() -> Callable[[str, int, int], None]:
    """Bars on standard error, shown only for work that takes over a second."""
    from tqdm import tqdm

    bars: dict[str, tqdm[Any]] = {}

    def show(stage: str, done: int, total: int) -> None:
        if stage not in bars:
            for bar in bars.values():
                bar.close()
            bars[stage] = tqdm(total=total, desc=stage, delay=1.0, file=sys.stderr, leave=False, dynamic_ncols=True)
        bars[stage].update(done - bars[stage].n)
        if done >= total:
            bars[stage].close()

    return show


def plain(text: str) -> str:
    """`text` without what a terminal would obey: control characters, direction marks, lone surrogates."""
    return text if text.isprintable() else "".join(_visible(c) for c in text)


def shorten(text: str, width: int = 160) -> str:
    """`text` on one line of at most `width` characters."""
    flat = plain(" ".join(text.split()))
    return flat if len(flat) <= width else flat[: width - 1] + "…"


def _visible(c: str) -> str:
    kind = unicodedata.category(c)
    if kind[0] == "Z":
        return " " if kind != "Zs" else c
    return c if kind[0] != "C" or c == "\t" else "\N{REPLACEMENT CHARACTER}"


def print_parts(answer: Answer) -> None:
    """The confidence, and what the scores of the best sentences are made of."""
    print(f"\nConfidence {answer.confidence:.2f}. The best sentences:")
    for hit in answer.nearest:
        print(f"{hit.score:.3f}  {plain(str(hit))}  {shorten(hit.text)}\n       {parts_line(hit)}")


def parts_line(hit: Hit) -> str:
    """The parts of a score that count, the weightiest first."""
    parts = sorted(hit.parts.items(), key=lambda part: -abs(part[1]))
    return "  ".join(f"{name} {value:+.2f}" for name, value in parts if abs(value) >= 0.005)
