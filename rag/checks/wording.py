"""Wording: every word of a claim that states something must stand in its lines, or be another form of one that does."""

from __future__ import annotations

from collections.abc import Sequence

from index.words import fold, stem
from rag.checks.names import names
from rag.checks.negation import opposite
from rag.checks.tokens import tokens

LIKE = 0.78
"""Cosine of two words' vectors from which one may stand for the other: troops and soldiers .88, photo and picture .81."""

FAMILY = 5
"""Letters that the stems of two forms of one word begin with, or all but one of them: withdrawal, withdrew; decide, decision."""

_NEUTRAL = frozenset(
    stem(w)
    for w in """article articles report reports reported reporting report account accounts source sources line lines version versions story outlet outlets
    news text statement statements remark remarks comment comments wording word words quote quoted quotation headline title caption
    photograph photo picture image credit credited say said says saying tell told tells state stated states add added adds note noted notes
    mention mentioned describe described describes call called calls name named names explain explained write wrote written writes announce announced
    accord according also well however though although while whereas instead still yet even
    another other others both either neither whether thus therefore hence additionally furthermore moreover overall
    differ differs disagree disagrees disagreement conflict conflicting contradict contradicts contrast
    person people thing things way ways part parts case fact view point time times kind sort number amount total one ones
    include includes including included involve concern concerning regard regarding relate related specifically particularly namely
    respectively make made makes put puts go went come came become became
    happen happened occur occurred use used uses using identify identified refer refers referred appear appears read reads
    reason cause mean means meant identify show shows shown
    thereby among who what where when which many much several various certain different same similar likewise whose
    byline page term method eventually finally spelling spelt asks asked later speak spoke decide decided""".split()
)  # fmt: skip
"""Words that tell how a thing is told, and nothing of the thing."""


def absent(claim: str, missing: Sequence[str], sources: Sequence[str], context: Sequence[str] = ()) -> list[str]:
    """Of the `missing` words of a claim (`cover` finds them), those that nothing in the sources stands for.

    Words around the sources may tell who and where, but not what was done; names have a check of their own.
    """
    if not missing:
        return []
    named = {t.text for name in names(claim) for t in name}
    around = {t.key for text in context for t in tokens(text)}
    mine = {t.text: t.key for t in tokens(claim)}
    left = [w for w in missing if w not in named and not neutral(w) and (w.endswith("ed") or mine.get(w) not in around)]
    if not left:
        return []
    theirs = {fold(t.text): t.key for s in sources for t in tokens(s) if t.content}
    return [w for w in left if not _stands_for(fold(w), theirs)]


def _stands_for(word: str, theirs: dict[str, str]) -> bool:
    root = stem(word)
    if any(_family(root, key) for key in theirs.values()):
        return True
    from rag.meaning import word_vectors

    others = [w for w in theirs if not opposite(word, w)]
    return bool(others) and float(word_vectors().cosines([word], others).max()) >= LIKE


def _family(a: str, b: str) -> bool:
    same = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return same >= FAMILY or (len(a) == len(b) == FAMILY and same == FAMILY - 1)


def neutral(word: str) -> bool:
    """Whether the word tells how a thing is told, and nothing of the thing."""
    return stem(fold(word)) in _NEUTRAL
