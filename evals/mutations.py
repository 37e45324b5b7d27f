"""Perfect answers made from the gold lines, and ways to spoil them, each with the measure that must notice.

A measure that cannot tell a perfect run from a spoilt one is worth nothing; `byline eval selftest` tries
them all.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from evals.cases import Case, Lines
from evals.score import Found

Answer = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """What is scored: an answer as `Answer.to_dict()`, what search found, and a fault instead of an answer."""

    answer: Answer
    found: Found
    error: str | None = None

    @property
    def claims(self) -> list[dict[str, Any]]:
        """The claims of the answer, to be changed in place."""
        claims: list[dict[str, Any]] = self.answer["claims"]
        return claims


@dataclass(frozen=True)
class World:
    """What a mutation may look at: the lines of the articles, their names, all cases, chance."""

    lines: Lines
    files: Sequence[str]
    cases: Sequence[Case]
    chance: random.Random


Spoil = Callable[[Reply, Case, World], Reply]


@dataclass(frozen=True)
class Mutation:
    """A way to spoil a perfect answer, the measure that must become worse, and whether the answer also quotes."""

    name: str
    measure: str
    spoil: Spoil
    quoting: bool = False


def perfect(case: Case, world: World, *, quoting: bool = False) -> Reply:
    """The best possible answer: the expected words on the first alternative of every group, and perfect search.

    `quoting` adds a quotation of the first gold line's first words, as quotation fidelity needs one.
    """
    spans = [group[0] for group in case.gold]
    cited = [_citation(span, case.evidence[i][0].text, world) for i, span in enumerate(spans)]
    text = case.answer
    if quoting and cited:
        text += f" It says: “{' '.join(cited[0]['text'].split()[:7])}”"
    claims = [_claim(text, cited)] if case.answerable else []
    two_sided = case.type == "conflict" and len(spans) > 1
    return Reply(
        {
            "question": case.question,
            "text": text,
            "claims": claims,
            "citations": cited,
            "abstained": not case.answerable,
            "conflicts": [{"sides": [_claim(c["text"], [c]) for c in cited]}] if two_sided else [],
            "removed": [],
            "usage": {"prompt_tokens": 0, "completion_tokens": 0, "seconds": {}},
            "confidence": float(case.answerable),
        },
        Found(spans, spans),
    )


def _claim(text: str, cited: list[dict[str, Any]]) -> dict[str, Any]:
    return {"text": text, "citations": cited, "verdict": "supported"}


def _citation(span: tuple[str, int, int], words: str | None, world: World) -> dict[str, Any]:
    file, first, last = span
    there = world.lines.of(file) or []
    text = "\n".join(there[first - 1 : last])
    start = sum(len(line) + 1 for line in there[: first - 1])
    if words and (at := text.find(words)) >= 0:
        text, start = words, start + at
    return {
        "file": file, "line_start": first, "line_end": last, "text": text, "start": start, "end": start + len(text),
    }  # fmt: skip


def _each_citation(change: Callable[[dict[str, Any], World], dict[str, Any]]) -> Spoil:
    """Change every citation of an answer."""

    def spoil(reply: Reply, case: Case, world: World) -> Reply:
        return _cite(reply, [change(c, world) for c in reply.answer["citations"]])

    return spoil


def _cite(reply: Reply, cited: list[dict[str, Any]]) -> Reply:
    reply.answer["citations"] = cited
    for claim in reply.claims:
        claim["citations"] = cited
    return reply


def _each_text(change: Callable[[str, World], str]) -> Spoil:
    """Change the words of every claim."""

    def spoil(reply: Reply, case: Case, world: World) -> Reply:
        for claim in reply.claims:
            claim["text"] = change(claim["text"], world)
        return reply

    return spoil


def _shifted(by: int) -> Spoil:
    """Name other lines, as many as before."""
    return _each_citation(
        lambda c, world: _citation((c["file"], c["line_start"] + by, c["line_end"] + by), None, world)
    )


def _abstain(reply: Reply, case: Case, world: World) -> Reply:
    reply.answer.update(claims=[], citations=[], abstained=True)
    return reply


def _always_answer(reply: Reply, case: Case, world: World) -> Reply:
    if case.answerable:
        return reply
    cited = [_citation((world.chance.choice(world.files), 1, 1), None, world)]
    reply.answer.update(claims=[_claim(cited[0]["text"], cited)], citations=cited, abstained=False)
    return reply


def _cite_everything(reply: Reply, case: Case, world: World) -> Reply:
    return _cite(reply, [_whole(file, world) for file in world.files]) if case.answerable else reply


def _whole(file: str, world: World) -> dict[str, Any]:
    return _citation((file, 1, len(world.lines.of(file) or [])), None, world)


def _copy_articles(reply: Reply, case: Case, world: World) -> Reply:
    for claim in reply.claims:
        claim["text"] = " ".join(_whole(c["file"], world)["text"] for c in claim["citations"])
    return reply


def _shuffle_citations(reply: Reply, case: Case, world: World) -> Reply:
    other = world.chance.choice([c for c in world.cases if c.evidence and c.id != case.id])
    return _cite(reply, [_citation(g[0], None, world) for g in other.gold]) if case.answerable else reply


def _wrong_file(c: dict[str, Any], world: World) -> dict[str, Any]:
    other = world.chance.choice([f for f in world.files if f != c["file"]])
    last = len(world.lines.of(other) or [])
    return _citation((other, min(c["line_start"], last), min(c["line_end"], last)), None, world)


def _blank(c: dict[str, Any], world: World) -> dict[str, Any]:
    there = world.lines.of(c["file"]) or []
    blank = next((n for n, line in enumerate(there, 1) if not line.strip()), c["line_start"])
    return c | {"line_start": blank, "line_end": blank}


def _invent_quotation(text: str, world: World) -> str:
    return text.replace("”", " and nothing else, he added”")


def _quote_of_two_files(reply: Reply, case: Case, world: World) -> Reply:
    """The end of one cited line and the beginning of another file's as one quotation; both lines are cited."""
    for claim in reply.claims:
        first = claim["citations"][0]
        file = world.chance.choice([f for f in world.files if f != first["file"]])
        second = _citation((file, 1, 1), None, world)
        words = first["text"].split()[-4:] + second["text"].split()[:4]
        claim["text"], claim["citations"] = f"{case.answer} “{' '.join(words)}”", [first, second]
    return reply


def _quote_of_neighbour(reply: Reply, case: Case, world: World) -> Reply:
    """A quotation that stands in an article, only not in the one that is cited."""
    for claim in reply.claims:
        file = world.chance.choice([f for f in world.files if f != claim["citations"][0]["file"]])
        words = max(world.lines.of(file) or [""], key=len).split()[:7]
        claim["text"] = f"{case.answer} “{' '.join(words)}”"
    return reply


def _drop_group(reply: Reply, case: Case, world: World) -> Reply:
    return _cite(reply, reply.answer["citations"][:-1])


def _wrong_first(reply: Reply, case: Case, world: World) -> Reply:
    cited = reply.answer["citations"]
    return _cite(reply, [_wrong_file(cited[0], world), *cited]) if cited else reply


def _half(c: dict[str, Any], world: World) -> dict[str, Any]:
    return c | {"end": (c["start"] + c["end"]) // 2}


def _forbidden(reply: Reply, case: Case, world: World) -> Reply:
    for claim in reply.claims:
        claim["text"] = " ".join([claim["text"], *case.must_not_include])
    return reply


def _wrong_conflict(reply: Reply, case: Case, world: World) -> Reply:
    reply.answer["conflicts"] = [] if reply.answer["conflicts"] else [{"sides": deepcopy(reply.claims)}]
    return reply


def _unsupported(reply: Reply, case: Case, world: World) -> Reply:
    for claim in reply.claims:
        claim["verdict"] = "partial"
    return reply


def _sure_of_the_wrong(reply: Reply, case: Case, world: World) -> Reply:
    reply.answer["confidence"] = 1.0 - reply.answer["confidence"]
    return reply


def _search(change: Callable[[list[Any]], list[Any]]) -> Spoil:
    """Change what search found; a line that belongs to no article stands for a useless hit."""
    return lambda reply, case, world: replace(
        reply, found=Found(change(list(reply.found.hits)), change(list(reply.found.passages)))
    )


USELESS = ("", 1, 1)

MUTATIONS = (
    Mutation("always abstain", "answered", _abstain),
    Mutation("always answer", "refusal_recall", _always_answer),
    Mutation("cite everything", "citation_precision", _cite_everything),
    Mutation("copy whole articles", "token_f1", _copy_articles),
    Mutation("copy whole articles, by order of words", "rouge_l", _copy_articles),
    Mutation("citations of another case", "groups_hit", _shuffle_citations),
    Mutation("altered numbers", "parts", _each_text(lambda t, _: re.sub(r"\d", lambda m: str(9 - int(m[0])), t))),
    Mutation("other words", "exact_match", _each_text(lambda t, _: t + " Or so they say.")),
    Mutation("padded answer", "token_f1", _each_text(lambda t, _: f"On the question that was asked, {t}")),
    Mutation("empty answer", "correct", _each_text(lambda t, _: "")),
    Mutation("forbidden part", "no_forbidden", _forbidden),
    Mutation("one line off", "citation_recall", _shifted(1)),
    Mutation("one line off, precision", "citation_precision", _shifted(-1)),
    Mutation("two lines off", "citation_f1_within_1", _shifted(2)),
    Mutation("ten lines off", "citation_f1_within_3", _shifted(10)),
    Mutation("wrong file", "citation_f1", _each_citation(_wrong_file)),
    Mutation("no citation", "citation_f1", lambda r, c, w: _cite(r, [])),
    Mutation("one group not cited", "groups_hit", _drop_group),
    Mutation("wrong first citation", "first_citation", _wrong_first),
    Mutation("widened to the whole file", "citation_precision", _each_citation(lambda c, w: _whole(c["file"], w))),
    Mutation("widened, in characters", "excerpt_precision", _each_citation(lambda c, w: _whole(c["file"], w))),
    Mutation("half of the words", "excerpt_recall", _each_citation(_half)),
    Mutation("half of the words, as overlap", "excerpt_iou", _each_citation(_half)),
    Mutation("reversed lines", "validity", _each_citation(lambda c, w: c | {"line_end": c["line_start"] - 1})),
    Mutation("line 0", "validity", _each_citation(lambda c, w: c | {"line_start": 0, "line_end": 0})),
    Mutation("beyond the end", "validity", _each_citation(lambda c, w: c | {"line_end": 10**7})),
    Mutation("no such file", "validity", _each_citation(lambda c, w: c | {"file": "no-" + c["file"]})),
    Mutation("blank line", "validity", _each_citation(_blank)),
    Mutation("dropped quotation mark", "quotation_fidelity", _each_text(lambda t, _: t.replace("“", "")), quoting=True),
    Mutation("invented quotation", "quotation_fidelity", _each_text(_invent_quotation), quoting=True),
    Mutation("quotation of two files", "quotation_fidelity", _quote_of_two_files, quoting=True),
    Mutation("quotation of a neighbour", "quotation_fidelity", _quote_of_neighbour, quoting=True),
    Mutation("fault", "passed", lambda r, c, w: replace(r, error="no reply")),
    Mutation("wrong conflict", "conflict_shown", _wrong_conflict),
    Mutation("invented conflict", "conflict_quiet", _wrong_conflict),
    Mutation("claims not supported", "supported", _unsupported),
    Mutation("sure of the wrong", "brier", _sure_of_the_wrong),
    Mutation("search: useless hit first", "hit@1", _search(lambda hits: [USELESS, *hits])),
    Mutation("search: three useless hits first", "mrr@10", _search(lambda hits: [USELESS] * 3 + hits)),
    Mutation("search: gold from rank 6", "hit@5", _search(lambda hits: [USELESS] * 5 + hits)),
    Mutation("search: useless hits between", "ndcg@10", _search(lambda hits: [h for x in hits for h in (USELESS, x)])),
    Mutation("search: last group not found", "recall@10", _search(lambda hits: hits[:-1])),
    Mutation("search: passages without gold", "passage_recall", _search(lambda hits: [])),
)  # fmt: skip
