"""Values of the question side: plain, frozen, printable as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Verdict = Literal["supported", "moved", "partial", "unsupported"]


def place(file: str, line_start: int, line_end: int) -> str:
    """``path:12`` or ``path:12-14``, as editors open it."""
    return f"{file}:{line_start}" if line_start == line_end else f"{file}:{line_start}-{line_end}"


@dataclass(frozen=True, slots=True)
class Hit:
    """A sentence of the corpus with its score: the estimated chance, 0 to 1, that of all sentences found this one answers.

    `start`..`end` are character offsets in the document's text, lines count from 1, both inclusive.
    `also` holds the same sentence in other places. With `explain`, `parts` names what its score is made of: weighted parts whose sum is, up to a constant
    of the question, the logarithm of `score`.
    """

    file: str
    line_start: int
    line_end: int
    text: str
    score: float
    start: int
    end: int
    title: str | None = None
    date: str | None = None
    source: str | None = None
    sha256: str = ""
    passage: int = 0
    also: tuple[Hit, ...] = ()
    parts: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return place(self.file, self.line_start, self.line_end)


@dataclass(frozen=True, slots=True)
class Citation:
    """A place in the corpus and the words that stand there.

    `text` is the document's text from `start` to `end` (characters) and stands on exactly the lines
    `line_start`..`line_end` (from 1, inclusive) of the file whose bytes have `sha256`.
    """

    file: str
    line_start: int
    line_end: int
    text: str
    start: int
    end: int
    sha256: str
    title: str | None = None
    date: str | None = None
    source: str | None = None

    def __str__(self) -> str:
        return place(self.file, self.line_start, self.line_end)


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence of an answer. `reasons` say what its verdict or its wording rests on, where there is something to say.

    `draft` is the claim that a model wrote, where a line itself stands in its place because the draft may not say the same.
    """

    text: str
    citations: tuple[Citation, ...]
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    draft: Claim | None = None


@dataclass(frozen=True, slots=True)
class Conflict:
    """Sides that disagree on the asked fact, each a claim with its citations."""

    sides: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer cost: `model` is None without one; `seconds` by stage."""

    model: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """A checked answer.

    `text` has ``[1]`` markers; marker n is `citations[n - 1]`. With `abstained`, the articles do not
    say, and `nearest` holds the closest hits. `removed` are claims that nothing supports. `mode` is
    "model" or "quoted"; `degraded` says why a model that was asked for did not write the answer.
    `confidence` is the calibrated probability, 0 to 1, that the articles say it (docs/calibration.md).
    """

    question: str
    text: str
    claims: tuple[Claim, ...] = ()
    citations: tuple[Citation, ...] = ()
    abstained: bool = False
    nearest: tuple[Hit, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    removed: tuple[Claim, ...] = ()
    usage: Usage = field(default_factory=Usage)
    mode: Literal["model", "quoted"] = "quoted"
    degraded: str | None = None
    notes: tuple[str, ...] = ()
    confidence: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON types, with a `place` beside each citation and hit."""
        found: dict[str, Any] = _with_places(asdict(self))
        return found


@dataclass(frozen=True, slots=True)
class Progress:
    """A step of a stream: `stage` in a word or two, `done` of `total` (0 of 0 where there is no count)."""

    stage: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What `check` found: the verdict, the support in 0..1 and the reasons."""

    verdict: Verdict
    score: float
    reasons: tuple[str, ...] = ()


Event = Progress | Claim | Answer


def _with_places(value: Any) -> Any:
    if isinstance(value, dict):
        out = {k: _with_places(v) for k, v in value.items()}
        if "file" in out and "line_start" in out:
            out["place"] = place(out["file"], out["line_start"], out["line_end"])
        return out
    if isinstance(value, (list, tuple)):
        return [_with_places(v) for v in value]
    return value
