"""A case and the answer that was given -> scores, an outcome and, where it failed, the cause.

Every measure says which cases it applies to; elsewhere its value is None. A fault scores 0 and stays in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from evals.cases import Case, Lines
from evals.measures import answers, citations, excerpts, refusal, retrieval
from evals.measures.refusal import Outcome

Kind = Literal["share", "number", "seconds"]


@dataclass(frozen=True, slots=True)
class Measure:
    """What is measured: `better` is 1 where more is better, -1 where less is, 0 for a cost that only informs.

    `headline` measures stand at the top of a report and are tested against another run.
    """

    name: str
    label: str
    help: str
    better: Literal[1, -1, 0] = 1
    kind: Kind = "share"
    headline: bool = False


MEASURES = {
    m.name: m
    for m in (
        Measure("passed", "Passed", "right answer on the right lines, or rightly refused", headline=True),
        Measure("correct", "Correct", "every expected part and no forbidden one, or rightly refused", headline=True),
        Measure("parts", "Parts found", "share of the expected parts in the answer (answerable)", headline=True),
        Measure("no_forbidden", "No forbidden part", "share of answers without a part that is wrong to say"),
        Measure("exact_match", "Exact match", "SQuAD's, against the best accepted answer (answerable)"),
        Measure("token_f1", "Token F1", "SQuAD's, against the best accepted answer (answerable)"),
        Measure("rouge_l", "ROUGE-L", "F-measure against the best accepted answer (answerable)"),
        Measure("citation_precision", "Citation precision", "gold lines among the cited lines", headline=True),
        Measure("citation_recall", "Citation recall", "cited lines among the gold lines", headline=True),
        Measure("citation_f1", "Citation F1", "harmonic mean of the two", headline=True),
        *(
            Measure(f"citation_{m}_within_{t}", f"Citation {label} ±{t}", f"the same, {t} line{'s' * (t > 1)} off allowed")
            for t in (1, 3)
            for m, label in (("precision", "precision"), ("recall", "recall"), ("f1", "F1"))
        ),
        Measure("groups_hit", "Evidence cited", "share of evidence groups with a cited line", headline=True),
        Measure("first_citation", "First citation", "the first citation is a gold line", headline=True),
        Measure("validity", "Valid citations", "citations to lines that exist and are not blank", headline=True),
        Measure("quotation_fidelity", "Quotations word for word", "quotations found in the cited lines", headline=True),
        Measure("over_citation", "Lines cited per gold line", "1 is exact, more is padding", better=0, kind="number"),
        Measure("excerpt_recall", "Excerpt recall", "gold characters among the quoted ones"),
        Measure("excerpt_precision", "Excerpt precision", "quoted characters that are gold"),
        Measure("excerpt_iou", "Excerpt IoU", "characters in both, of characters in either"),
        Measure("hit@1", "Search: hit@1", "the best sentence found is on a gold line"),
        Measure("hit@5", "Search: hit@5", "one of the best five is"),
        Measure("mrr@10", "Search: MRR@10", "1 / rank of the first gold line among ten"),
        Measure("ndcg@10", "Search: nDCG@10", "gain at rank r / log2(r + 1), each evidence group once"),
        Measure("recall@10", "Search: recall@10", "evidence groups found among ten sentences"),
        Measure("file_hit@1", "Search: file hit@1", "the best sentence is in a gold file"),
        Measure("file_recall@10", "Search: file recall@10", "evidence groups whose file is found among ten sentences"),
        Measure("passage_recall", "Search: passages", "evidence groups inside the passages that were read"),
        Measure("answered", "Answered", "answerable questions that were not refused", headline=True),
        Measure("refusal_recall", "Refusal recall", "unanswerable questions that were refused", headline=True),
        Measure("refusal_precision", "Refusal precision", "refusals that were right"),
        Measure("brier", "Brier score", "squared error of the confidence; 0.25 is guessing", better=-1, kind="number"),
        Measure("conflict_shown", "Both sides shown", "questions with two sides where both were given as a conflict"),
        Measure("conflict_quiet", "No false conflict", "other answerable questions without a conflict"),
        Measure("supported", "Claims supported", "claims whose verdict is supported or moved"),
        Measure("own_words", "Model's own sentences", "claims shown as the model wrote them, not replaced by their lines", better=0),
        Measure("removed", "Claims removed", "sentences taken out before display", better=0, kind="number"),
        Measure("prompt_tokens", "Prompt tokens", "tokens sent to the model", better=0, kind="number"),
        Measure("completion_tokens", "Reply tokens", "tokens written by the model", better=0, kind="number"),
        Measure("seconds", "Seconds", "from question to checked answer", better=0, kind="seconds"),
    )
}  # fmt: skip

CAUSES = (
    "error", "should have abstained", "not indexed", "not retrieved", "should have answered", "not cited",
    "wrong lines", "wrong answer",
)  # fmt: skip
"""Why a case failed, first match; the order is that of the stages of an answer."""


MOST_PADDING = 10
"""Lines that a passed answer cites at most for each gold line: who cites everything has found nothing."""

MOST_LINES = 10**6
"""A citation up to a line beyond this is read up to it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What search returned: sentences best first, passages that were read, all as (file, first line, last line)."""

    hits: Sequence[citations.Span] = ()
    passages: Sequence[citations.Span] = ()


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores by measure (None: does not apply), how the case ended, and why it failed (None: it passed)."""

    scores: dict[str, float | None]
    outcome: Outcome
    passed: bool
    cause: str | None
    missing_parts: tuple[tuple[str, ...], ...] = ()
    found_forbidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Given:
    """The parts of an `Answer.to_dict()` that are measured."""

    text: str
    abstained: bool
    cited: list[citations.Span]
    claims: list[Mapping[str, Any]] = field(default_factory=list)


def score(
    case: Case, answer: Mapping[str, Any] | None, found: Found, lines: Lines, *, error: str | None = None
) -> Scored:
    """Score one answer (`Answer.to_dict()`); with `error`, every measure that applies to the case is at its worst."""
    if error is not None or answer is None:
        return Scored(_at_worst(case), "error", False, "error", case.must_include)
    given = _given(answer)
    missing = tuple(p for p in case.must_include if not answers.parts_found(given.text, [p]))
    forbidden = tuple(answers.forbidden_found(given.text, case.must_not_include))
    if given.abstained:
        missing, forbidden = case.must_include, ()
    hit = citations.groups_hit(given.cited, case.gold)
    outcome = _outcome(case, given, missing, forbidden, hit)
    correct = outcome.endswith("right")
    passed = correct and (not case.evidence or _on_the_lines(case, given, hit))
    scores: dict[str, float | None] = dict.fromkeys(MEASURES)
    scores |= {"passed": float(passed), "correct": float(correct)}
    if case.must_not_include:
        scores["no_forbidden"] = float(not forbidden)
    scores |= _answer_scores(case, given, missing) if case.answerable else {}
    scores |= _citation_scores(case, given, lines) | _search_scores(case, found) | _refusal_scores(case, answer, given)
    scores |= _conflict_scores(case, answer) | _costs(answer, given)
    cause = None if passed else _cause(case, given, found, lines, correct)
    return Scored(scores, outcome, passed, cause, missing, forbidden)


def _given(answer: Mapping[str, Any]) -> _Given:
    cited = [(c["file"], c["line_start"], c["line_end"]) for c in answer["citations"]]
    text = " ".join(claim["text"] for claim in answer["claims"])
    return _Given(text, bool(answer["abstained"]), cited, list(answer["claims"]))


def _outcome(case: Case, given: _Given, missing: Sequence[Any], forbidden: Sequence[str], hit: float | None) -> Outcome:
    # A case that names no parts can be judged by its lines alone.
    right = not missing and not forbidden and bool(case.must_include or hit == 1)
    return refusal.outcome(case.answerable, given.abstained, right)


def _on_the_lines(case: Case, given: _Given, hit: float | None) -> bool:
    also = any(file in case.also_files for file, _, _ in given.cited)
    padding = citations.over_citation(given.cited, case.gold)
    return (hit == 1 or also) and (padding or 0) <= MOST_PADDING


def _answer_scores(case: Case, given: _Given, missing: Sequence[Any]) -> dict[str, float | None]:
    accepted = [case.answer, *case.accepted]
    text = "" if given.abstained else given.text
    total = len(case.must_include)
    return {
        "parts": (total - len(missing)) / total if total else None,
        "exact_match": answers.exact_match(text, accepted),
        "token_f1": answers.token_f1(text, accepted),
        "rouge_l": answers.rouge_l(text, accepted),
    }


def _citation_scores(case: Case, given: _Given, lines: Lines) -> dict[str, float | None]:
    scores: dict[str, float | None] = {}
    if given.cited:
        scores["validity"] = citations.validity(given.cited, lines.of)
    quotes = [citations.quotation_fidelity(claim["text"], _cited_text(claim, lines)) for claim in given.claims]
    if total := sum(n for _, n in quotes):
        scores["quotation_fidelity"] = sum(n for n, _ in quotes) / total
    if not case.answerable or not case.evidence:
        return scores
    for tolerance, suffix in ((0, ""), (1, "_within_1"), (3, "_within_3")):
        # An answer that cites nothing has found no line: 0, not left out, or refusing would raise the mean.
        scores |= {
            f"citation_precision{suffix}": _precision(case, given, tolerance),
            f"citation_recall{suffix}": citations.line_recall(given.cited, case.gold, tolerance),
            f"citation_f1{suffix}": citations.line_f1(given.cited, case.gold, tolerance, case.also_files),
        }
    scores["groups_hit"] = citations.groups_hit(given.cited, case.gold)
    also = bool(given.cited) and given.cited[0][0] in case.also_files
    scores["first_citation"] = 1.0 if also else citations.first_citation_hit(given.cited[:1], case.gold)
    if given.cited:
        scores["over_citation"] = citations.over_citation(given.cited, case.gold)
    quoted = [(c["file"], c["start"], c["end"]) for claim in given.claims for c in claim["citations"]]
    merged = [(file, a, b) for file, there in excerpts.union(quoted).items() for a, b in there]
    excerpt = excerpts.excerpt_scores(_gold_characters(case, quoted, lines), merged)
    if excerpt:
        names = ("excerpt_recall", "excerpt_precision", "excerpt_iou")
        scores |= dict(zip(names, excerpt, strict=True))
    return scores


def _precision(case: Case, given: _Given, tolerance: int) -> float:
    """Lines of articles that answer too, unmarked, count neither way; an answer with no other lines has no wrong one."""
    found = citations.line_precision(given.cited, case.gold, tolerance, case.also_files)
    return float(bool(given.cited)) if found is None else found


def _cited_text(claim: Mapping[str, Any], lines: Lines) -> dict[str, str]:
    """The lines that a claim cites, by file."""
    cited: dict[str, set[int]] = {}
    for c in claim["citations"]:
        cited.setdefault(c["file"], set()).update(range(max(1, c["line_start"]), min(c["line_end"], MOST_LINES) + 1))
    texts = {}
    for file, numbers in cited.items():
        there = lines.of(file) or []
        # Lines that do not follow one another must not make up a quotation together.
        texts[file] = "".join(
            there[n - 1] + ("\n" if n + 1 in numbers else citations.GAP) for n in sorted(numbers) if n <= len(there)
        )
    return texts


def _gold_characters(case: Case, quoted: Sequence[tuple[str, int, int]], lines: Lines) -> list[tuple[str, int, int]]:
    """Of each group the alternative that the answer covers best (the first where it covers none), as characters.

    Lines that are no more there are a character that no answer can cover.
    """
    chosen = []
    for group in case.evidence:
        spans = [lines.characters(place) or ("", 0, 1) for place in group]
        if spans:
            chosen.append(max(spans, key=lambda s: sum(_overlap(s, q) for q in quoted) / max(1, s[2] - s[1])))
    return chosen


def _overlap(a: tuple[str, int, int], b: tuple[str, int, int]) -> int:
    return max(0, min(a[2], b[2]) - max(a[1], b[1])) if a[0] == b[0] else 0


def _search_scores(case: Case, found: Found) -> dict[str, float | None]:
    if not case.answerable or not case.evidence:
        return {}
    n = len(case.evidence)
    by_line = retrieval.found_groups(found.hits, case.gold, level="line")
    by_file = retrieval.found_groups(found.hits, case.gold, level="file")
    return {
        "hit@1": retrieval.hit_at(by_line, 1),
        "hit@5": retrieval.hit_at(by_line, 5),
        "mrr@10": retrieval.reciprocal_rank(by_line[:10]),
        "ndcg@10": retrieval.ndcg_at(by_line, n, 10),
        "recall@10": retrieval.recall_at(by_line, n, 10),
        "file_hit@1": retrieval.hit_at(by_file, 1),
        "file_recall@10": retrieval.recall_at(by_file, n, 10),
        "passage_recall": citations.groups_hit(found.passages, case.gold) or 0.0,
    }


def _refusal_scores(case: Case, answer: Mapping[str, Any], given: _Given) -> dict[str, float | None]:
    judged = [(case.answerable, refusal.outcome(case.answerable, given.abstained, True))]
    return {
        "brier": refusal.brier([answer["confidence"]], [case.answerable]),
        "answered": float(not given.abstained) if case.answerable else None,
        "refusal_recall": refusal.refusal_recall(judged),
        "refusal_precision": refusal.refusal_precision(judged),
    }


def _conflict_scores(case: Case, answer: Mapping[str, Any]) -> dict[str, float | None]:
    conflicts = answer["conflicts"]
    if case.type == "conflict" and len(case.evidence) > 1:
        cited = [
            (c["file"], c["line_start"], c["line_end"])
            for conflict in conflicts
            for side in conflict["sides"]
            for c in side["citations"]
        ]
        return {"conflict_shown": float(citations.groups_hit(cited, case.gold) == 1)}
    return {"conflict_quiet": float(not conflicts)} if case.answerable and not answer["abstained"] else {}


def _costs(answer: Mapping[str, Any], given: _Given) -> dict[str, float | None]:
    usage = answer["usage"]
    verdicts = [claim["verdict"] for claim in given.claims]
    return {
        "supported": sum(v in ("supported", "moved") for v in verdicts) / len(verdicts) if verdicts else None,
        "own_words": _own_words(answer),
        "removed": float(len(answer["removed"])),
        "prompt_tokens": float(usage["prompt_tokens"]),
        "completion_tokens": float(usage["completion_tokens"]),
        "seconds": round(sum(usage["seconds"].values()), 4),
    }


def _own_words(answer: Mapping[str, Any]) -> float | None:
    """The share of a model's shown sentences that are its own; None where no model wrote. Counts a draft once."""
    if answer.get("mode") != "model" or not answer["claims"]:
        return None
    drafts = {claim["draft"]["text"] for claim in answer["claims"] if claim.get("draft")}
    own = sum(not claim.get("draft") for claim in answer["claims"])
    return own / (own + len(drafts))


def _at_worst(case: Case) -> dict[str, float | None]:
    """A fault: 0 for all that applies to the case whatever the answer, 1 for the Brier score, no costs."""
    always = {"passed", "correct"} | ({"no_forbidden"} if case.must_not_include else set())
    if case.answerable:
        always |= {"validity", "quotation_fidelity", "supported"}
        always |= {"exact_match", "token_f1", "rouge_l", "answered"} | ({"parts"} if case.must_include else set())
        if case.evidence:
            always |= {m for m in MEASURES if m.startswith(("citation_", "excerpt_")) or "@" in m}
            always |= {"groups_hit", "first_citation", "passage_recall"}
        two_sided = case.type == "conflict" and len(case.evidence) > 1
        always.add("conflict_shown" if two_sided else "conflict_quiet")
    else:
        always.add("refusal_recall")
    worst: dict[str, float | None] = {m: 0.0 if m in always else None for m in MEASURES}
    return worst | {"brier": 1.0}


def _cause(case: Case, given: _Given, found: Found, lines: Lines, correct: bool) -> str:
    if not case.answerable:
        return "should have abstained"
    missed = [g for g in case.gold if not citations.groups_hit(given.cited, [g])]
    if not missed:
        return "should have answered" if given.abstained else "wrong lines" if correct else "wrong answer"
    if any(all(lines.of(file) is None for file, _, _ in group) for group in missed):
        return "not indexed"
    if any(not citations.groups_hit(found.passages, [g]) for g in missed):
        return "not retrieved"
    if given.abstained:
        return "should have answered"
    files = {file for file, _, _ in given.cited}
    return "wrong lines" if any(file in files for g in missed for file, _, _ in g) else "not cited"
