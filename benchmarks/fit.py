"""Fit `rag/weights.json` on questions with gold lines, and say how well that works on articles it was not fitted on.

    python -m benchmarks.fit FOLDER=QA.jsonl[,QA.jsonl] [FOLDER=...] [--weight NAME=0.2] [--cache FILE] [--write]

FOLDER holds the articles that the questions of the QA files are about; both layouts of `benchmarks.answers` are read, and
a set is called by its QA file (by the folder above it where the file is called qa.jsonl).

Sentences get a linear score under a listwise loss, minus the log of the chance (softmax) that falls on right ones; a
question weighs 1/sqrt(questions in its set). The best sentences are scored anew in the same way, with their nearness to
the question (`rag.encoder`) and the first score, of weights that have not seen the article, as further parts. The
confidence is a logistic regression over `rag.score.evidence`, in which --weight makes a set count less or more (questions
written to mislead would otherwise outvote the news). All are penalised by the squares of their standardised weights.
Every figure printed is of articles that its weights have not seen: five folds of articles, over all sets at once. The later
stages learn from first scores whose weights did see the fold, so these figures are a little too good.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import pickle
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import look_up_all, progress, table
from rag.encoder import COMPARED, compare
from rag.features import Sentence, features, in_one_spelling
from rag.retrieve import Candidate
from rag.score import (
    ENCODED,
    EVIDENCE_ONLY,
    NEARNESS,
    WEIGHTS,
    best_above,
    best_first,
    evidence,
    nearness,
    weighted_sum,
    weights,
)

FOLDS = 5
SENTENCE_PENALTY = 1e-3
CONFIDENCE_PENALTY = 1e-2
FIXED = {"furniture": -2.0}
"""Weights that are not fitted, because the questions hardly show what they are for: page furniture ranks last but is found."""

AT_LEAST_0 = (
    "cover_exact", "cover_around", "passage_cover", "article_cover", "names_around", "numbers", "meaning", "meaning_best",
    "nearness", "nearness_best", "define",
)  # fmt: skip
AT_MOST_0 = ("missing", "lacks_kind", "lacks_count", "nowhere", "nowhere_exact", "absent", "absent_names")
"""Evidence that may only raise, only lower the confidence. Left free, a question of which no word stands in the articles was
answered: the questions have few of that kind, and the weights of like facts made up for each other."""

NEAR = 2 * ENCODED
"""Sentences of each question that are encoded: enough that the best of any fold are among them."""

MOST = 800
"""Questions taken of one set: more of one kind would not change the weights but the time."""

Array = Any

_WORD = re.compile(r"\w+")


@dataclass
class Asked:
    """A question: the parts of all its candidate sentences, and how right each sentence is.

    `right` is 1 for the sentence that answers, less for its neighbours on a gold line; `line` tells that citing it counts;
    `compared` [sentences, COMPARED] tells how near the best by the weights of before come to the question, nan for the rest.
    """

    set: str
    group: str
    answerable: bool
    facts: dict[str, float]
    parts: Array
    right: Array
    line: Array
    compared: Array


def main() -> int:
    """Read, cross-validate, print; with --write also fit on everything and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", metavar="FOLDER=QA.jsonl")
    parser.add_argument("--weight", action="append", default=[], metavar="NAME=W", help="of a set in the confidence")
    parser.add_argument("--cache", type=Path, help="keep the computed parts here, and read them where they are")
    parser.add_argument("--write", action="store_true", help="write rag/weights.json and docs/calibration.md")
    args = parser.parse_args()
    favour = {name: float(value) for name, _, value in (w.partition("=") for w in args.weight)}
    names, asked = read_cached(args.sets, args.cache)
    unseen = cross_validate(names, asked, favour)
    report_sentences(asked, unseen.linear, unseen.totals)
    lines = calibration(unseen)
    print("\n" + "\n".join(lines))
    if args.write:
        WEIGHTS.write_text(json.dumps(fit_all(names, asked, unseen), indent=1) + "\n", encoding="utf-8")
        page = WEIGHTS.parents[1] / "docs" / "calibration.md"
        page.write_text("\n".join([*_HEAD, *lines]) + "\n", encoding="utf-8")
    return 0


@dataclass(frozen=True, slots=True)
class Unseen:
    """What weights that have not seen its article say of each question.

    First scores, best sentences, final scores; names of the evidence, and its values `x` [questions, facts]; whether it is
    answerable, its set, its weight, its confidence.
    """

    linear: list[Array]
    best: list[Asked]
    totals: list[Array]
    facts: list[str]
    x: Array
    answerable: Array
    sets: Array
    weight: Array
    confidence: Array


def cross_validate(names: list[str], asked: Sequence[Asked], favour: Mapping[str, float]) -> Unseen:
    """Fit in turn without the articles of each fold, and judge these."""
    chooses, fixed = chosen_parts(names)
    fold = np.array([int(hashlib.md5(a.group.encode()).hexdigest(), 16) % FOLDS for a in asked])
    linear, totals = ([np.zeros(0)] * len(asked) for _ in range(2))
    for fitted, those in by_fold(fold, lambda some: fit_sentences([asked[i] for i in some], chooses, fixed)):
        for i in those:
            linear[i] = asked[i].parts[:, chooses] @ fitted
    near = [_nearness(a, x) for a, x in zip(asked, linear, strict=True)]
    best = [_best(a, x, n, chooses, fixed) for a, x, n in zip(asked, linear, near, strict=True)]
    for fitted, those in by_fold(fold, lambda some: fit_best([best[i] for i in some], fixed)):
        for i in those:
            first = best_first(linear[i])
            new = np.zeros(len(linear[i]))
            new[first] = best[i].parts @ fitted
            totals[i] = best_above(new, linear[i], first)
    found = [
        evidence(_columns(names, a) | dict(zip(NEARNESS, n.T, strict=True)), a.facts, t)
        for a, n, t in zip(asked, near, totals, strict=True)
    ]
    facts = list(found[0])
    x = np.array([list(e.values()) for e in found])
    answerable, sets = np.array([a.answerable for a in asked]), np.array([a.set for a in asked])
    weight = _weights([(a.set, a.answerable) for a in asked]) * [favour.get(a.set, 1.0) for a in asked]
    confidence = np.zeros(len(asked))
    for fitted, those in by_fold(fold, lambda some: fit_logistic(facts, x[some], answerable[some], weight[some])):
        confidence[those] = predict(fitted, x[those])
    return Unseen(linear, best, totals, facts, x, answerable, sets, weight, confidence)


def fit_all(names: list[str], asked: Sequence[Asked], unseen: Unseen) -> dict[str, Any]:
    """The content of `rag/weights.json`, fitted on all questions."""
    chooses, fixed = chosen_parts(names)
    sentence = fit_sentences(asked, chooses, fixed)
    best = fit_best(unseen.best, fixed)
    # The first score is itself a sum of the same parts, the fixed ones left out.
    first = np.where([w is None for w in fixed], sentence, 0.0)
    best = np.r_[best[: len(chooses)] + best[-1] * first, best[len(chooses) : -1]]
    confidence = fit_logistic(unseen.facts, unseen.x, unseen.answerable, unseen.weight)
    used = [names[i] for i in chooses]

    def named(names: Sequence[str], values: Array) -> dict[str, float]:
        return {name: round(float(w), 3) for name, w in zip(names, values, strict=True)}

    return {
        "made by": "python -m benchmarks.fit ... --write",
        "sentence": named(used, sentence),
        "best": named([*used, *NEARNESS], best),
        "confidence": named([*unseen.facts, "constant"], confidence),
    }


def chosen_parts(names: Sequence[str]) -> tuple[list[int], list[float | None]]:
    """Numbers of the parts that choose a sentence, and their weights where these are FIXED."""
    chooses = [i for i, name in enumerate(names) if name not in EVIDENCE_ONLY]
    return chooses, [FIXED.get(names[i]) for i in chooses]


def by_fold(fold: Array, fit: Callable[[Array], Array]) -> Iterator[tuple[Array, Array]]:
    """For each fold, the weights fitted on the questions outside it, and the numbers of those inside."""
    for k in np.unique(fold):
        yield fit(np.flatnonzero(fold != k)), np.flatnonzero(fold == k)


_HEAD = [
    "# How far the confidence can be trusted",
    "",
    "`Answer.confidence` is the estimated probability that the articles hold the answer. These tables are printed by",
    "`python -m benchmarks.fit` (its help says how): every question is judged by weights fitted without its article.",
    "",
]


def read_cached(sets: Sequence[str], cache: Path | None) -> tuple[list[str], list[Asked]]:
    """`read_all`, or what it gave when the questions, the encoder and the code that makes the parts were the same."""
    root = WEIGHTS.parents[1]
    files = [Path(f) for item in sets for f in item.partition("=")[2].split(",")]
    files += [root / "rag" / f for f in ("features.py", "question.py", "encoder.py", "encoder/model.onnx")]
    state = hashlib.sha256(b"".join(hashlib.sha256(f.read_bytes()).digest() for f in files)).hexdigest()
    if cache and cache.exists():
        kept, *found = pickle.loads(cache.read_bytes())
        if kept == state:
            return found[0], found[1]
        progress(f"{cache} is of another encoder, other questions or other code; made anew")
    names, asked = read_all(sets)
    if cache:
        cache.write_bytes(pickle.dumps((state, names, asked)))
    return names, asked


def read_all(sets: Sequence[str]) -> tuple[list[str], list[Asked]]:
    """The parts of all questions of all sets, computed by as many processes as there are cores."""
    jobs = []
    for item in sets:
        folder, _, files = item.partition("=")
        jobs += [(Path(folder), Path(f)) for f in files.split(",")]
    with ProcessPoolExecutor() as pool:
        read_sets = list(pool.map(read, *zip(*jobs, strict=True)))
    return read_sets[0][0], [asked for _, found in read_sets for asked in found]


def read(corpus: Path, file: Path) -> tuple[list[str], list[Asked]]:
    """Index a corpus, search it for each question, compute and label the candidate sentences."""
    name = file.parent.name if file.stem == "qa" else file.stem
    rows = [json.loads(row) for row in file.read_text(encoding="utf-8").split("\n") if row.strip()]
    rows = sorted(rows, key=lambda row: hashlib.md5(str(row["id"]).encode()).hexdigest())[:MOST]
    out = []
    names: list[str] = []
    for row, query, candidates in look_up_all(corpus, rows):
        found = features(query, candidates)
        names = list(found.parts)
        before = weighted_sum(weights()["sentence"], found.parts)
        best = best_first(before, NEAR)
        near = np.full((len(before), len(COMPARED)), np.nan)
        spell = in_one_spelling(query, found.sentences)
        near[best] = compare(spell(query.whole), tuple(spell(found.sentences[i].dated) for i in best), query.head)
        right, line = label(row, candidates, found.sentences)
        group = min((g[0] for g in gold_places(row)), default=(row.get("about") or {}).get("file", row["id"]))
        parts = np.stack(list(found.parts.values()), axis=1)
        out.append(Asked(name, f"{corpus}/{group}", row["answerable"], found.facts, parts, right, line, near))
    progress(f"{name}: {len(out)} questions")
    return names, out


def label(
    row: Mapping[str, Any], candidates: Sequence[Candidate], sentences: Sequence[Sentence]
) -> tuple[Array, Array]:
    """How right each sentence is (0 to 1), and whether citing its line counts.

    1 for the marked sentence or one on a gold line with a part of the expected answer, about a third for the rest of a gold
    line; in an article that `also_contains_answer`, 0.8 with an accepted answer in it and 0.15 without.
    """
    wanted = [_plain(part) for group in row.get("must_include") or [row.get("answers", [])] for part in group]
    also = set(row.get("also_contains_answer", ()))
    right, line = np.zeros(len(sentences)), np.zeros(len(sentences), dtype=bool)
    for i, s in enumerate(sentences):
        file, text = candidates[s.candidate].document.file, _plain(s.text)
        holds = any(part in text for part in wanted)
        for gold_file, start, end, marked in gold_places(row):
            if file == gold_file and s.line_start <= end and s.line_end >= start:
                line[i] = True
                if marked:
                    value = 1.0 if _same(text, _plain(marked)) else 0.6 if holds else 0.35
                else:
                    value = 1.0 if holds or not wanted else 0.3
                right[i] = max(right[i], value)
        if file in also:
            line[i] = True
            right[i] = max(right[i], 0.8 if holds else 0.15)
    return right, line


def gold_places(row: Mapping[str, Any]) -> Iterator[tuple[str, int, int, str | None]]:
    """File, first and last line, and marked text of all evidence of a question, in either layout."""
    groups = [g if isinstance(g, list) else [g] for g in [*row["evidence"], *row.get("wrong_evidence", ())]]
    for place in (p for g in groups for p in g):
        if place.get("level") != "document":
            first = place.get("line_start", place.get("line"))
            yield place["file"], first, place.get("line_end", first), place.get("text")


def _plain(text: str) -> str:
    return f" {' '.join(_WORD.findall(text.lower()))} "


def _same(a: str, b: str) -> bool:
    x, y = set(a.split()), set(b.split())
    return a in b or b in a or (min(len(x), len(y)) > 4 and len(x & y) >= 0.6 * min(len(x), len(y)))


def fit_sentences(asked: Sequence[Asked], chooses: list[int], fixed: Sequence[float | None]) -> Array:
    """Weights of some parts (by number), where they are not `fixed`, that make the right sentence likely."""
    from scipy.optimize import minimize

    asked = [a for a in asked if len(a.right) and a.right.max() > 0]
    weight = _weights([a.set for a in asked])
    x = np.concatenate([a.parts[:, chooses] for a in asked])
    right = np.concatenate([a.right for a in asked])
    sizes = np.array([len(a.right) for a in asked])
    starts = np.cumsum(sizes) - sizes
    owner = np.repeat(np.arange(len(asked)), sizes)
    scale = x.std(axis=0) + 1e-6
    x = x / scale

    def loss(w: Array) -> tuple[float, Array]:
        z = x @ w
        power = np.exp(z - np.maximum.reduceat(z, starts)[owner])
        chance = power / np.add.reduceat(power, starts)[owner]
        good = np.add.reduceat(chance * right, starts) + 1e-9
        slope = weight[owner] * chance * (1 - right / good[owner])
        return -(weight * np.log(good)).sum() + SENTENCE_PENALTY * w @ w, x.T @ slope + 2 * SENTENCE_PENALTY * w

    bounds = [(None, None) if w is None else (w * width, w * width) for w, width in zip(fixed, scale, strict=True)]
    return minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds).x / scale


def _nearness(asked: Asked, linear: Array) -> Array:
    """The parts of NEARNESS, [sentences, NEARNESS], for the sentences that are best by `linear`."""
    best = best_first(linear)
    found = np.where(np.isnan(asked.compared[best]), np.nanmin(asked.compared, axis=0), asked.compared[best])
    return np.stack(list(nearness(len(linear), best, found).values()), axis=1)


def _best(asked: Asked, linear: Array, near: Array, chooses: list[int], fixed: Sequence[float | None]) -> Asked:
    """The question with its best sentences only, their parts those that choose, NEARNESS and the first score without what
    is fixed."""
    best = best_first(linear)
    parts = asked.parts[best][:, chooses]
    free = linear[best] - parts @ [w or 0.0 for w in fixed]
    return replace(asked, parts=np.c_[parts, near[best], free], right=asked.right[best], line=asked.line[best])


def fit_best(asked: Sequence[Asked], fixed: Sequence[float | None]) -> Array:
    """Weights of what `_best` gives."""
    more = len(NEARNESS) + 1
    return fit_sentences(asked, list(range(len(fixed) + more)), [*fixed, *[None] * more])


def fit_logistic(facts: Sequence[str], x: Array, y: Array, weight: Array) -> Array:
    """Weights of a logistic regression on the named facts, the constant last."""
    from scipy.optimize import minimize

    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-6
    z = np.c_[(x - mean) / scale, np.ones(len(x))]
    weight = weight / weight.sum()
    free = np.r_[np.full(x.shape[1], CONFIDENCE_PENALTY), 0.0]

    def loss(w: Array) -> tuple[float, Array]:
        m = z @ w
        value = (weight * (np.logaddexp(0, -m) * y + np.logaddexp(0, m) * ~y)).sum() + (free * w * w).sum()
        return value, z.T @ (weight * (1 / (1 + np.exp(-m)) - y)) + 2 * free * w

    bounds = [
        (0.0 if name in AT_LEAST_0 else None, 0.0 if name in AT_MOST_0 else None) for name in [*facts, "constant"]
    ]
    w = minimize(loss, np.zeros(z.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds).x
    return np.r_[w[:-1] / scale, w[-1] - (w[:-1] * mean / scale).sum()]


def predict(weights: Array, x: Array) -> Array:
    """Probabilities from `fit_logistic`'s weights."""
    return 1 / (1 + np.exp(-(x @ weights[:-1] + weights[-1])))


def _weights(kinds: Sequence[Any]) -> Array:
    count = Counter(kinds)
    weight = np.array([1 / math.sqrt(count[k]) for k in kinds])
    return weight / weight.sum()


def _columns(names: list[str], asked: Asked) -> dict[str, Array]:
    return {name: asked.parts[:, i] for i, name in enumerate(names)}


def report_sentences(asked: Sequence[Asked], linear: Sequence[Array], totals: Sequence[Array]) -> None:
    """Print how often the best sentence, or one of the best three, stands on a right line, by set; first without nearness."""
    rows = []
    for name in dict.fromkeys(a.set for a in asked):
        hits = []
        for a, *scores in zip(asked, linear, totals, strict=True):
            if a.set == name and a.answerable:
                without, order = (np.argsort(-s, kind="stable") for s in scores)
                lines = (without[:1], order[:1], order[:3], order)
                hits.append(tuple(bool(a.line[some].any()) for some in lines))
        rows.append((name, len(hits), *(float(v) for v in np.mean(hits, axis=0))))
    table(("right line, not seen in fitting", "questions", "linear", "first", "in three", "among all"), rows)


def calibration(unseen: Unseen) -> list[str]:
    """The reliability curve, and what a threshold costs and brings, as Markdown tables.

    The share of the curve weighs questions as the fit does: it is calibrated to that mixture of sets.
    """
    sets, answerable, chance, weight = unseen.sets, unseen.answerable, unseen.confidence, unseen.weight
    lines = ["| confidence | questions | mean | answerable, weighted |", "| --- | ---: | ---: | ---: |"]
    for low in np.arange(0, 1, 0.1):
        there = (chance >= low) & (chance < low + 0.1)
        if there.any():
            share, mean = (float(np.average(v[there], weights=weight[there])) for v in (answerable, chance))
            lines.append(f"| {low:.1f} to {low + 0.1:.1f} | {there.sum()} | {mean:.2f} | {share:.2f} |")
    thresholds = (0.3, 0.4, 0.5, 0.6, 0.7)
    lines += [
        "",
        "Wrongly / rightly refused below a threshold, by set (a dash where it has no unanswerable question):",
        "",
        "| set | answerable + not | " + " | ".join(map(str, thresholds)) + " |",
        "| --- | ---: |" + " ---: |" * len(thresholds),
    ]
    for name in dict.fromkeys(sets):
        yes, no = chance[(sets == name) & answerable], chance[(sets == name) & ~answerable]
        shares = [
            f"{(yes < t).mean():.2f} / {(no < t).mean():.2f}" if len(no) else f"{(yes < t).mean():.2f} / –"
            for t in thresholds
        ]
        lines.append(f"| {name} | {len(yes)} + {len(no)} | " + " | ".join(shares) + " |")
    return lines


if __name__ == "__main__":
    sys.exit(main())
