"""Sentences inside the best passages, scored for a question, so that a hit names lines and not pages.

A sentence's score is the weighted sum of the named parts that `features` gives, on the scale of log odds: over all
sentences of a question, exp(score) / sum of exp(score) estimates the chance that this one holds the answer.
The best few by that score are scored anew, with their nearness in meaning to the question (`rag.encoder`) among the parts.
The weights in `weights.json` were fitted by `python -m benchmarks.fit`; docs/lab-notes.md tells how and how well.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from rag.encoder import COMPARED, compare
from rag.features import Array, features, in_one_spelling
from rag.question import Query
from rag.retrieve import Candidate
from rag.same import join_same
from rag.types import Hit

WEIGHTS = Path(__file__).parent / "weights.json"

NEARNESS = ("nearness_of_best", *COMPARED)

ENCODED = 16
"""Best sentences whose nearness is computed, 2 ms each: 12 were right first less often, more than 16 gained nothing."""

MOVED = "below_best"
"""What is taken off the scores of sentences that were not scored anew, so that they follow those that were."""

JOINED_BY = ("cover", "fragment", "header", "furniture")
"""Parts that decide which of several places of the same words comes first."""

TOP = 8
"""Best sentences that the confidence looks at, beside the very best."""

EVIDENCE_ONLY = ("cover_exact", "missing", "names_around", "numbers")
"""Parts that tell whether there is an answer and that do not choose it: fitting them gained nothing."""

_ANSWERS = ("number", "date", "who")
"""Kinds of question for which a part of the same name tells whether a sentence holds such an answer."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Sentences as hits, best first, and the calibrated probability (0 to 1) that the articles hold the answer.

    `statements` are the hits that are neither header lines nor page furniture.
    """

    query: Query
    hits: list[Hit]
    confidence: float
    statements: list[Hit]


@lru_cache(maxsize=1)
def weights() -> dict[str, dict[str, float]]:
    """The fitted weights: of a sentence's parts under "sentence", of those of the best sentences under "best", of the evidence
    under "confidence"."""
    table: dict[str, dict[str, float]] = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    return table


def score_sentences(query: Query, candidates: Sequence[Candidate], explain: bool = False) -> Scored:
    """All sentences of the candidates as hits, best first; those that say the same are joined (`also`).

    With `explain` every hit carries its weighted `parts`.
    """
    if not candidates:
        return Scored(query, [], 0.0, [])
    found = features(query, candidates)
    table = weights()
    linear = weighted_sum(table["sentence"], found.parts)
    best = best_first(linear)
    spell = in_one_spelling(query, found.sentences)
    near = compare(spell(query.whole), tuple(spell(found.sentences[i].dated) for i in best), query.head)
    parts = found.parts | nearness(len(linear), best, near)
    total = linear if query.keywords else best_above(weighted_sum(table["best"], parts), linear, best)
    anew = set() if query.keywords else {*best.tolist()}
    chance = softmax(total)
    hits = []
    for i, s in enumerate(found.sentences):
        passage, document = candidates[s.candidate].passage, candidates[s.candidate].document
        hits.append(
            Hit(
                file=document.file,
                line_start=s.line_start,
                line_end=s.line_end,
                text=s.text,
                score=float(chance[i]),
                start=s.start,
                end=s.end,
                title=document.title,
                date=document.date,
                source=document.source,
                sha256=document.sha256,
                passage=passage.id,
                parts={n: float(parts[n][i]) for n in (parts if explain else JOINED_BY)}
                | ({MOVED: float(total[i] - linear[i])} if explain and i not in anew else {}),
            )
        )
    order = sorted(range(len(hits)), key=lambda i: (-total[i], hits[i].file, hits[i].start))
    joined = join_same([hits[i] for i in order])
    statements = [h for h in joined if not h.parts["header"] and not h.parts["furniture"]]
    for hit in joined:
        weighted = _weighted(hit.parts) if explain else {}
        hit.parts.clear()
        hit.parts.update(weighted)
    return Scored(query, joined, confidence(evidence(parts, found.facts, total)), statements)


def _weighted(raw: Mapping[str, float]) -> dict[str, float]:
    """What a sentence's parts add to its score, by the weights that it was ranked with."""
    table = weights()["sentence" if MOVED in raw else "best"]
    return {n: w * raw[n] for n, w in table.items()} | ({MOVED: raw[MOVED]} if raw.get(MOVED) else {})


def weighted_sum(table: Mapping[str, float], parts: Mapping[str, Array]) -> Array:
    """The scores of all sentences, [sentences], from one column for each part."""
    return np.sum([weight * parts[name] for name, weight in table.items()], axis=0)


def best_first(total: Array, most: int = ENCODED) -> Array:
    """Numbers of the `most` sentences with the highest scores, best first."""
    return np.argsort(-total, kind="stable")[:most]


def nearness(sentences: int, best: Array, found: Array) -> dict[str, Array]:
    """The parts of NEARNESS for all sentences, from what `compare` found of the best; the others count as the farthest of these."""
    every = np.tile(found.min(axis=0), (sentences, 1))
    every[best] = found
    parts = dict(zip(COMPARED, every.T, strict=True))
    return {"nearness_of_best": parts["nearness"] / max(float(parts["nearness"].max()), 0.1)} | parts


def best_above(total: Array, linear: Array, best: Array) -> Array:
    """The best sentences' new scores; the others follow below the lowest of them, in their old order and distances."""
    out = linear - linear[best].min() + total[best].min()
    out[best] = total[best]
    return out


def softmax(total: Array) -> Array:
    """exp(x) / sum of exp(x)."""
    powers = np.exp(total - total.max())
    return powers / powers.sum()


def evidence(parts: dict[str, Array], facts: dict[str, float], total: Array) -> dict[str, float]:
    """What tells whether the best sentences answer at all: parts of the best one, facts of the question, how clearly it wins."""
    order = best_first(total, TOP)
    chance = softmax(total)
    first = {name: float(column[order[0]]) for name, column in parts.items()}
    lacks = [1.0 - float(parts[kind][order].max()) for kind in _ANSWERS if facts[f"asks_{kind}"]]
    return {
        "cover_exact": first["cover_exact"],
        "cover_around": first["cover_exact"] + 0.5 * (first["before"] + first["after"] + first["title"]),
        "passage_cover": first["passage_cover"],
        "article_cover": first["article_cover"],
        "names_around": first["names_around"],
        "numbers": first["numbers"],
        "missing": first["missing"],
        "meaning": first["meaning"],
        "meaning_best": float(parts["meaning"][order].max()),
        "nearness": first["nearness"],
        "nearness_best": float(parts["nearness"].max()),
        "lacks_kind": max(lacks, default=0.0),
        "lacks_count": facts["counts"] * (1.0 - first["number_head"]),
        "define": first["define"],
        "nowhere": facts["nowhere"],
        "nowhere_exact": facts["nowhere_exact"],
        "absent": facts["absent"],
        "absent_names": facts["absent_names"],
        "terms": facts["terms"],
        "specific": facts["specific"],
        "chance": float(chance[order[0]]),
        "entropy": float(-(chance * np.log(chance + 1e-12)).sum()),
        "total": float(total[order[0]]),
        "margin": float(total[order[0]] - total[order[-1]]),
    }


def confidence(found: dict[str, float]) -> float:
    """Logistic function of the weighted evidence."""
    table = weights()["confidence"]
    return 1 / (1 + math.exp(-table["constant"] - sum(w * found[n] for n, w in table.items() if n != "constant")))
