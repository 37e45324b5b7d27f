"""The same cases under several settings: quality against time."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from html import escape
from itertools import product
from pathlib import Path
from typing import Any

from evals.cases import Case
from evals.run import Plan, run
from evals.score import MEASURES
from evals.summary import summarize
from index.errors import UsageError
from rag.settings import Settings

KINDS: dict[str, Callable[[str], Any]] = {"passages": int, "dense_weight": float, "embedder": str, "model": str}
"""Settings that can be varied, and how their values are read."""

DEFAULT = ("passages=2,4,8,16",)


@dataclass(frozen=True, slots=True)
class Point:
    """One combination of settings: `mean` of the measure with its 95 % interval, mean `seconds` a question."""

    label: str
    settings: dict[str, Any]
    n: int
    mean: float
    low: float
    high: float
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self)


def sweep(
    cases: Sequence[Case],
    corpus: Path,
    settings: Settings,
    vary: Sequence[str] = (),
    *,
    measure: str = "passed",
    quote: bool = False,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[Point]:
    """Run the cases under every combination of ``NAME=A,B`` in `vary`. Raises UsageError for what cannot be varied.

    Each embedder has an index of its own, kept in `settings.home`, so that a second sweep embeds nothing.
    """
    if measure not in MEASURES:
        raise UsageError(f"there is no measure {measure!r}; take one of {', '.join(MEASURES)}")
    choices = [_choices(text) for text in (vary or DEFAULT)]
    combinations = [dict(c) for c in product(*choices)]
    points = []
    with tempfile.TemporaryDirectory(prefix="byline-sweep-") as folder:
        for i, changes in enumerate(combinations):
            plan = Plan(cases, corpus, _changed(settings, corpus, changes), quote, 1, jobs)

            def step(done: int, total: int, i: int = i) -> None:
                if progress:
                    progress(i * total + done, len(combinations) * total)

            rows = {r["measure"]: r for r in summarize(run(plan, Path(folder) / str(i), progress=step).records)}
            if measure not in rows:
                raise UsageError(f"{measure} applies to none of these cases; take another measure")
            points.append(_point(changes, rows[measure], rows.get("seconds")))
    return points


def _choices(text: str) -> list[tuple[str, Any]]:
    name, _, values = text.partition("=")
    if name not in KINDS or not values:
        raise UsageError(f"--vary {text!r}: write NAME=A,B with a name of {', '.join(KINDS)}")
    try:
        return [(name, KINDS[name](value)) for value in values.split(",")]
    except ValueError:
        raise UsageError(f"--vary {text!r}: {name} takes numbers") from None


def _changed(settings: Settings, corpus: Path, changes: dict[str, Any]) -> Settings:
    changed: Settings = replace(settings, **changes)
    if "embedder" in changes:
        own = changed.home / "sweep" / "".join(c if c.isalnum() else "-" for c in changes["embedder"])
        changed = replace(changed, index=replace(changed, home=own).plan(corpus, None).folder)
    return changed


def _point(changes: dict[str, Any], row: dict[str, Any], seconds: dict[str, Any] | None) -> Point:
    label = ", ".join(f"{k} {v}" for k, v in changes.items())
    return Point(label, changes, row["n"], row["mean"], row["low"], row["high"], seconds["mean"] if seconds else 0.0)


def draw(points: Sequence[Point], measure: str) -> str:
    """Quality against time as an SVG, a dot with its interval for each setting."""
    width, height, left, bottom = 720, 420, 70, 60
    slowest = max((p.seconds for p in points), default=0) * 1.15 or 1.0
    low, high = min(p.low for p in points), max(p.high for p in points)
    pad = max(0.02, 0.1 * (high - low))
    floor, top = low - pad, high + pad

    def x(seconds: float) -> float:
        return left + (width - left - 30) * seconds / slowest

    def y(value: float) -> float:
        return (height - bottom) - (height - bottom - 30) * (value - floor) / (top - floor)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<path d="M{left} 20V{height - bottom}H{width - 20}" fill="none" stroke="#666"/>',
        f'<text x="{width / 2}" y="{height - 15}" text-anchor="middle">milliseconds a question</text>',
        f'<text x="18" y="{height / 2}" text-anchor="middle" transform="rotate(-90 18 {height / 2})">'
        f"{escape(MEASURES[measure].label)}</text>",
    ]
    for i in range(5):
        value, seconds = floor + (top - floor) * i / 4, slowest * i / 4
        out += [
            f'<text x="{left - 8}" y="{y(value) + 4:.1f}" text-anchor="end" fill="#444">{value:.3f}</text>',
            f'<text x="{x(seconds):.1f}" y="{height - bottom + 20}" text-anchor="middle" fill="#444">{1000 * seconds:.1f}</text>',
        ]
    for p in points:
        cx = x(p.seconds)
        out += [
            f'<path d="M{cx:.1f} {y(p.low):.1f}V{y(p.high):.1f}" stroke="#1a5fb4" stroke-width="2"/>',
            f'<circle cx="{cx:.1f}" cy="{y(p.mean):.1f}" r="5" fill="#1a5fb4"/>',
            f'<text x="{cx + 9:.1f}" y="{y(p.mean) + 4:.1f}">{escape(p.label)}</text>',
        ]
    return "\n".join([*out, "</svg>\n"])
