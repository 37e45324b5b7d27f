"""An answer by a model: draft, check, ask once more for what failed, remove what still fails."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from index.errors import ModelError
from index.words import STOPWORDS, terms
from rag.generate import Elsewhere, claims
from rag.llm import Deadline, Reply
from rag.prompts import again, judge
from rag.sources import Source, around
from rag.types import Claim

Prompt = Callable[[Sequence[Source]], list[tuple[str, str]]]

GOOD = ("supported", "moved")

_FOREIGN = 0.12
"""Share of English function words below which a text is not English; articles have 0.3 to 0.5."""

_VERDICT = re.compile(r"^\W*(\d{1,3})\W+(un)?supported\b[:., \t–—-]*(.*)", re.I | re.M)


@dataclass
class Written:
    """What a model wrote: claims that hold, claims removed, notes for the reader, and its use of tokens."""

    model: str = ""
    kept: list[Claim] = field(default_factory=list)
    removed: list[Claim] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def shown(self) -> list[Claim]:
        """The kept claims, each once, also a line that stands for several of the model's sentences."""
        once: dict[Claim | str, Claim] = {}
        for claim in self.kept:
            once.setdefault(claim.text if claim.draft else claim, claim)
        return list(once.values())

    def told(self) -> tuple[str, ...]:
        """The notes, and how many of the model's sentences a reader does not see as they were written."""
        lines, gone = len({c.draft for c in self.kept if c.draft}), len(self.removed)
        out = list(self.notes)
        if lines:
            out.append(
                f"{lines} sentence{'s' * (lines > 1)} of the model {'were' if lines > 1 else 'was'} replaced by the cited lines, "
                f"which {'they' if lines > 1 else 'it'} may not repeat faithfully"
            )
        if gone:
            out.append(
                f"{gone} sentence{'s' * (gone > 1)} of the model {'were' if gone > 1 else 'was'} removed: no line bears "
                f"{'them' if gone > 1 else 'it'} out"
            )
        return tuple(out)

    def count(self, reply: Reply) -> None:
        """Add a reply's tokens."""
        self.model = reply.model
        self.prompt_tokens += reply.prompt_tokens
        self.completion_tokens += reply.completion_tokens


def write(
    model: Any,
    prompt: Prompt,
    shown: Sequence[Source],
    elsewhere: Elsewhere | None,
    deadline: Deadline,
    question: str = "",
) -> Generator[Claim, None, Written]:
    """Stream the claims that hold; returns all that was written. Raises ModelError where the first reply fails.

    `prompt` gives the messages that ask the question of some sources.
    """
    out = Written()
    reply = Reply(model, prompt(shown), deadline)
    text: list[str] = []
    failed: list[Claim] = []
    for claim in claims(_kept(reply, text), shown, elsewhere, question):
        if claim.verdict in GOOD:
            yield from _keep(claim, out)
        else:
            failed.append(claim)
    out.count(reply)
    if failed:
        messages = again(prompt(around(shown, failed, out.kept)), "".join(text), failed)
        yield from _repair(model, messages, shown, elsewhere, deadline, failed, out, question)
    if not out.kept and _foreign("".join(text), shown):
        raise ModelError(f"{out.model} answered in another language than the articles; try again or another model")
    return out


def until_replaced(claims_: Generator[Claim, None, Written]) -> Generator[Claim, None, Written]:
    """The claims before the first line that stands for one of the model's; a second opinion may change what follows."""
    sure = True
    while True:
        try:
            claim = next(claims_)
        except StopIteration as end:
            written: Written = end.value
            return written
        sure = sure and claim.draft is None
        if sure:
            yield claim


def second_opinion(model: Any, written: Written, deadline: Deadline) -> None:
    """Ask the model whether its claims are supported; note where it disagrees with the check.

    A kept claim that it finds unsupported keeps its verdict and says so in its reasons. A draft that it finds supported comes
    back in the place of its lines.
    """
    asked = [c for c in dict.fromkeys(c.draft or c for c in (*written.kept, *written.removed)) if c.citations]
    if not asked:
        return
    reply = Reply(model, judge(asked), deadline, stream=False)
    try:
        found = {int(n): (not un, why.strip()) for n, un, why in _VERDICT.findall("".join(reply))}
    except ModelError as e:
        written.notes.append(f"no second opinion: {e}")
        return
    written.count(reply)
    unread = 0
    for i, claim in enumerate(asked, 1):
        if i not in found:
            unread += 1
            continue
        supported, why = found[i]
        if any(c.draft == claim for c in written.kept):
            if supported:
                why = f"its words may say something else than its line; {reply.model} finds it supported"
                restored = replace(claim, reasons=(*claim.reasons, why))
                written.kept = list(dict.fromkeys(restored if c.draft == claim else c for c in written.kept))
            continue
        if supported == (claim in written.kept):
            continue
        says = f"{reply.model} finds it {'supported' if supported else 'unsupported'}" + (f": {why}" if why else "")
        written.notes.append(f"second opinion on “{claim.text}”: {says}")
        for claims_ in (written.kept, written.removed):
            if claim in claims_:
                claims_[claims_.index(claim)] = replace(claim, reasons=(*claim.reasons, says))
    if unread:
        written.notes.append(f"no second opinion on {unread} of {len(asked)} sentences: the reply could not be read")


def _keep(claim: Claim, out: Written) -> Iterator[Claim]:
    """Keep the claim, and give it where a reader does not see it already."""
    seen = len(out.shown())
    out.kept.append(claim)
    if len(out.shown()) > seen:
        yield claim


def _repair(
    model: Any,
    messages: Sequence[tuple[str, str]],
    shown: Sequence[Source],
    elsewhere: Elsewhere | None,
    deadline: Deadline,
    failed: list[Claim],
    out: Written,
    question: str,
) -> Iterator[Claim]:
    """Ask once more for the failed claims; what does not come back in a form that holds is removed."""
    reply = Reply(model, messages, deadline)
    left = list(failed)
    try:
        for claim in claims(reply, shown, elsewhere, question):
            if any(_flat(claim.text) == _flat(k.text) for k in out.kept):
                continue
            if claim.verdict in GOOD:
                if left:  # it stands for the failed one that it is most like
                    left.remove(max(left, key=lambda f: len(set(terms(f.text)) & set(terms(claim.text)))))
                yield from _keep(claim, out)
            elif all(_flat(claim.text) != _flat(f.text) for f in failed):
                left.append(claim)
        out.count(reply)
    except ModelError as e:
        out.notes.append(f"the model could not be asked again for {len(failed)} sentences: {e}")
    out.removed += left


def _kept(pieces: Reply, text: list[str]) -> Iterator[str]:
    for piece in pieces:
        text.append(piece)
        yield piece


def _foreign(reply: str, shown: Sequence[Source]) -> bool:
    lines = " ".join(h.text for s in shown for h in s.shown)
    known = set(terms(lines))
    mine = terms(reply)
    strange = sum(t not in known for t in mine) > 0.6 * len(mine)
    return len(reply.split()) >= 6 and strange and _english(reply) < _FOREIGN <= _english(lines)


def _english(text: str) -> float:
    words = re.findall(r"[^\W\d_]+", text.lower())
    return sum(w in STOPWORDS for w in words) / len(words) if words else 0.0


def _flat(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".")
