"""The writer without a model: the best sentences, quoted."""

from __future__ import annotations

import re
from collections.abc import Sequence

from index.spelling import terms
from rag.features import SPEECH
from rag.types import Hit

THRESHOLD = 0.5
"""Confidence below which the articles do not say: it is then likelier that they do not. docs/calibration.md shows what
other thresholds cost and bring."""

MAX_SENTENCES = 4
ENOUGH = 0.95
"""No further sentence is quoted once the quoted ones hold the answer with this chance."""

WORTH = 0.03
"""A further sentence needs this share of the best one's chance."""

_INSIDE = re.compile(r"^[“\"]|[”\"]\W*$")


def extract(hits: Sequence[Hit]) -> list[Hit]:
    """One to four sentences that answer, best first: as few as likely hold the answer, no two that say the same.

    A quotation that does not name its speaker brings the sentence beside it that does.
    """
    chosen: list[Hit] = []
    chance = 0.0
    for hit in hits:
        if chosen and (len(chosen) >= MAX_SENTENCES or chance >= ENOUGH or hit.score < WORTH * hits[0].score):
            break
        if hit in chosen or (chosen and not _brings_something(hit, chosen)):
            continue
        chosen.append(hit)
        chance += hit.score
        speaker = _speaker(hit, hits)
        if speaker and speaker not in chosen and len(chosen) < MAX_SENTENCES:
            chosen.append(speaker)
            chance += speaker.score
    return chosen


def _brings_something(hit: Hit, chosen: Sequence[Hit]) -> bool:
    """Whether at least half of the sentence's content words are new."""
    mine = set(terms(hit.text))
    return any(mine) and len(mine - set().union(*(terms(h.text) for h in chosen))) >= 0.5 * len(mine)


def _speaker(hit: Hit, hits: Sequence[Hit]) -> Hit | None:
    """The sentence right before or after a bare quotation, in the same passage, that says whose words they are."""
    if not _INSIDE.search(hit.text) or SPEECH.search(hit.text):
        return None
    near = [h for h in hits if h.passage == hit.passage and h != hit and SPEECH.search(h.text)]
    beside = [h for h in near if 0 <= hit.start - h.end <= 2 or 0 <= h.start - hit.end <= 2]
    return min(beside, key=lambda h: h.start, default=None)
