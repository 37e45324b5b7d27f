"""The words of an answer against the words that were expected."""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
"""Characters without width: soft hyphens, joiners, direction marks."""

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_ALIKE = str.maketrans(
    dict.fromkeys("‘’‚‛′`´ʼ", "'")
    | dict.fromkeys("“”„‟″«»", '"')
    | dict.fromkeys("‐‑‒–—―−﹘", "-")
    | dict.fromkeys(INVISIBLE, "")
)
_RAISED = re.compile(r"(?<=\d)(?=[¼-¾⅐-⅞²³¹⁰⁴-⁹])")  # NFKC would make 51/2 of 5½ and 123 of 12³
_LETTER = r"[^\W_\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]"  # Thai, Lao, Chinese, Japanese put no blanks between words
_INSIDE = re.compile(rf"(?<={_LETTER})(?={_LETTER})|(?<=\d[.,:⁄])(?=\d)|(?<=\d)(?=[.,:⁄]\d)")
_BEFORE_SIGN = re.compile(rf"(?<={_LETTER})(?=[-+]\d)")


def normalize(text: str) -> str:
    """Lower-cased text without ASCII punctuation, articles and superfluous blanks.

    Source: `normalize_answer` of SQuAD's evaluation script (Rajpurkar et al., arXiv 1606.05250 and 1806.03822).
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(given: str, accepted: Sequence[str]) -> float:
    """Whether the answer equals an accepted one after `normalize`: 0 or 1.

    Without an accepted answer only the empty answer, an abstention, is right. Source: SQuAD 2.0 (arXiv 1806.03822).
    """
    return float(normalize(given) in _golds(accepted))


def token_f1(given: str, accepted: Sequence[str]) -> float:
    """Harmonic mean of the shares of words in common, 0 to 1, with the accepted answer that fits best.

    P = common / given words, R = common / accepted words, F1 = 2PR / (P + R), repeated words counted as often as both
    have them. Where one side is empty: 1 if both are, else 0. Source: SQuAD 2.0 (arXiv 1806.03822).
    """
    words = normalize(given).split()
    return max(_f1(words, gold.split()) for gold in _golds(accepted))


def rouge_l(given: str, accepted: Sequence[str]) -> float:
    """F-measure of the longest common subsequence of words, 0 to 1, with the accepted answer that fits best.

    P = LCS / given words, R = LCS / accepted words, F = 2PR / (P + R), without stemming; only the letters a to z and
    digits count as words. Without an accepted answer the empty answer has 1. Source: Lin, "ROUGE: A Package for
    Automatic Evaluation of Summaries" (2004), as in the package rouge_score.
    """
    if not accepted:
        return float(not given.strip())
    return max(float(_rouge().score(reference, given)["rougeL"].fmeasure) for reference in accepted)


def parts_found(given: str, groups: Sequence[Sequence[str]]) -> float:
    """Share of the groups of which at least one alternative stands in the answer, 0 to 1; without groups 1.

    Letter case, kinds of quotation marks, dashes and blanks do not matter. An alternative begins and ends where a word
    or a number does: "12" is not in 112, 5,012, 12.5 or 12:30, but in $12, 12% and 12-14. An end that is itself
    punctuation ("$5", "7 p.m.") needs no such place, nor the end of a stem ("translat*"). Words are not numbers here: "5,000" is not "five thousand", and
    "three" is in "twenty-three". Source: this project; the parts are the cases' `must_include`.
    """
    text = canonical(given)
    found = [any(stands(canonical(part), text) for part in group) for group in groups]
    return sum(found) / len(found) if found else 1.0


def forbidden_found(given: str, parts: Sequence[str]) -> list[str]:
    """Those of `parts` that stand in the answer, found as in `parts_found`; none is right."""
    text = canonical(given)
    return [part for part in parts if stands(canonical(part), text)]


def canonical(text: str) -> str:
    """Text for comparison: NFKC, case folded, one kind of quotation mark, dash and blank."""
    plain = _RAISED.sub(" ", text).translate(_ALIKE)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", plain).casefold())
    return " ".join(folded.split())


def stands(part: str, text: str) -> bool:
    """Whether `part` occurs in `text` without beginning or ending inside a word or a number; "translat*" is a stem."""
    stem = part.endswith("*")
    part = part.rstrip("*")
    at = text.find(part) if part else -1
    while at >= 0:
        inside = _INSIDE.match(text, at + len(part)) and not stem
        if not (inside or _INSIDE.match(text, at) or _BEFORE_SIGN.match(text, at)):
            return True
        at = text.find(part, at + 1)
    return False


def _golds(accepted: Sequence[str]) -> list[str]:
    """The accepted answers, normalised; the empty one where none is left, which means: no answer."""
    return [gold for answer in accepted if (gold := normalize(answer))] or [""]


def _f1(given: list[str], gold: list[str]) -> float:
    if not given or not gold:
        return float(given == gold)
    common = (Counter(given) & Counter(gold)).total()
    return 2 * common / (len(given) + len(gold))  # = 2PR / (P + R)


@lru_cache(maxsize=1)
def _rouge() -> Any:
    from rouge_score.rouge_scorer import RougeScorer  # here: loading it takes a second

    return RougeScorer(["rougeL"])
