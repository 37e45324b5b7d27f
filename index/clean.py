"""Page furniture: what a web page puts around an article, told by its shape and by how often it comes.

Nothing is removed: furniture is indexed and can be found, it only ranks last. No site is named here.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from functools import lru_cache

REPEATED_IN = 3
"""A line that this many articles have, which otherwise share no line, is furniture."""

LONGEST_LINE = 200
"""Longer lines, in characters, are not looked at: they are paragraphs."""

LONG_LINE = 60
"""Characters from which on a line that two articles share tells that they are versions of one."""

HEADLINES = 3
"""So many lines in a row without an end of a sentence, at the end of an article, are a list of links."""

_LABELS = re.compile(
    r"([A-Z][\w’'-]+[a-z])(?P<labels>(?P<given>(?:[A-Z][\w.’'-]* ){0,3})\1(?=[A-Z]).{10,1000}?\bMORE\b)"
)
_INVITES = re.compile(
    r"^\W*(?:please |you can |click |tap |download |get |hear |here's |here’s )?"
    r"(?:subscribe|sign (?:up|in)|log ?in|register|follow|like (?=us\b|[A-Z][^,]{2,50} on [A-Z])|share|read|watch|listen|view|check|click|tap|download|join|"
    r"use the form|enter your|get|hear|support|donate|learn|explore|find (?:us|more))(?:\b|(?<= ))"
    r".*\b(?:us|our|here|now|your?|newsletter|e-?mail|inbox|podcast|account|app|more|updates|facebook|to (?:read|continue|comment)|on [A-Z]\w+)\b",
    re.I,
)
_ACCOUNT = re.compile(
    r"\b(?:subscribers? (?:are|can|get|have|only)|only subscribers|(?:reset|forgot(?:ten)?) your password|digital access|"
    r"already a (?:subscriber|member)|newsletters?\b.*\b(?:sign|subscri|inbox|here)|sign up (?:here|for (?:our|the|my))|"
    r"(?:we|this (?:web)?site|our partners) uses? cookies|(?:accept|manage) (?:all )?cookies|privacy (?:policy|notice)|"
    r"terms (?:of (?:use|service)|and conditions) |all rights reserved|rss feed|published with permission|"
    r"follow (?:him|her|them|us|the author) on|for digital access|unsubscribe|in your inbox|"
    r"this article (?:is from|was (?:first|originally)|(?:first|originally) appeared)|checked again for changes|"
    r"you can (?:find|read) the (?:current|original|full|latest) (?:article|version|story))\b|^\W*(?:©|copyright\b)",
    re.I,
)
_HEADING = re.compile(
    r"^\W*(?:related(?: \w+){0,2}|read (?:more|next|also)|more (?:from|on|in)(?: \S+){1,5}|trending(?: \w+){0,5}|"
    r"most (?:read|popular|viewed)(?: \w+){0,2}|recommended(?: \w+){0,2}|sponsored(?: \w+){0,4}|advertisement|by [A-Z]\w+|"
    r"you (?:may|might) also like|live updates|story continues below|view comments|(?:leave a|no|\d+) comments?|back to top|"
    r"(?:(?:share|tweet|print|e-?mail|save|comments?|copy link|pin|post|link|whatsapp|facebook|twitter)\W*){1,8})\W*$",
    re.I,
)
_SAID = re.compile(r"[“\"][^”\"]{8,}[”\"]|\b(?:said|says|told|according to)\b", re.I)
_ENDS = tuple(".!?…”\"’')")


@lru_cache(maxsize=4096)
def looks_like_furniture(text: str) -> bool:
    """Whether a sentence or line by itself has the shape of furniture; nothing with a speaker has."""
    if len(text) > 400 or _SAID.search(text):
        return False
    return bool(_HEADING.search(text) or _ACCOUNT.search(text) or (len(text) <= 250 and _INVITES.search(text)))


def furniture(texts: Sequence[str], last: bool) -> list[bool]:
    """For each of the sentences `texts` of a passage, whether its shape is that of furniture.

    `last` tells that the passage ends its article: headlines in a row there are links to others.
    """
    marks = [looks_like_furniture(t) for t in texts]
    if last:
        run = 0
        for text in reversed(texts):
            if not marks[len(texts) - 1 - run] and not _headline(text):
                break
            run += 1
        if run >= HEADLINES:
            marks[len(texts) - run :] = [True] * run
    return marks


def _headline(text: str) -> bool:
    listed = re.search(r"[|;:—]|,.*,", text)  # a row of a table, not a headline
    return not (listed or text.endswith(_ENDS)) and len(text) <= 150 and text[:1].isupper() and len(text.split()) >= 4


def labels(text: str) -> list[tuple[int, int]]:
    """Where link labels glued to a name stand: in "Mark EsperMark EsperSome headline MORE denied" all
    between "Esper" and " denied"."""
    return [m.span("labels") for m in _LABELS.finditer(text)] if "MORE" in text else []


def without_labels(text: str, instead: str = "") -> str:
    """`text` without link labels, and `instead` in their place."""
    for start, end in reversed(labels(text)):
        text = text[:start] + instead + text[end:]
    return text


def unglued(text: str) -> str:
    """`text`, followed by the names that link labels hide in it: what is searched."""
    if "MORE" not in text:
        return text
    return " ".join([text, *(m["given"] + m[1] for m in _LABELS.finditer(text))])


def line_keys(text: str) -> list[int]:
    """A number for each line of `text` that is short enough to be furniture, else 0; the same for the same words."""
    return [
        zlib.crc32(line.strip().lower().encode("utf-8", "replace")) if len(line) <= LONGEST_LINE else 0
        for line in text.split("\n")
    ]


def repeated(key: int, passages: Sequence[str]) -> bool:
    """Whether the line `key` is furniture, given the texts of passages of different articles that have it.

    Versions of one article share other lines too; they count as one.
    """
    groups = 0
    seen: set[str] = set()
    for text in passages:
        lines = {" ".join(line.split()) for line in text.split("\n") if len(line) >= LONG_LINE}
        others = {line for line in lines if line_keys(line) != [key] and not looks_like_furniture(line)}
        groups += not others & seen
        seen |= others
    return groups >= REPEATED_IN
