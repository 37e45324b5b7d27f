"""Scope, certainty and side: "all" for "some", "will" for "may", "most" for "second most", "before" for "after"."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache

from rag.checks.tokens import IRREGULAR, Token, same_word, tokens
from rag.checks.wording import neutral

_WIDE = (
    ("all every entire entirely everyone everybody everything completely wholly unanimously",
     "each whole fully throughout any both unanimous complete total"),
    ("only solely exclusively", "sole exclusive alone just merely single nothing nobody none except limited"),
    ("exactly precisely", "exact precise"),
    ("always", "invariably constantly every each never whenever"),
    ("immediately instantly", "immediate instant promptly once straight"),
    ("permanently forever", "permanent definitively"),
)  # fmt: skip
"""Words that widen or narrow what is said, and others that bear them out as those words themselves do."""

_NEARLY = re.compile(
    r"\b(virtually|nearly|almost|practically) (no|none|all|every|everyone|always|never|nothing)\b", re.I
)
_BORNE_OUT = {w: frozenset((wide + " " + others).split()) for wide, others in _WIDE for w in wide.split()}

_MAY = re.compile(
    r"\b(?:may|might|could|will|would|(?:scheduled|expected|planned|plans?|planning|set|likely|intends?|intended|hopes?|hoped|seeks?|wants?|"
    r"wanted|threatened|threatens|vowed|vows|pledged|promised|proposed|about) to|due to"
    r"|(?:hope[ds]?|fear(?:ed|s)?|wish(?:ed|es)?) (?:that )?(?:[\w’'-]+ ){1,8}?(?:would|will|could|may|might))\b"
)
_OPEN = frozenset(
    same_word(w)
    for w in """may might could would can possible possibly possibility perhaps probably probability likely unlikely potential
    potentially suggest signal appear apparent apparently seem seemingly believe fear risk if whether plan consider hint
    imply insinuate indicate expect reportedly allegedly alleged suspect threat threaten chance warn predict hope should
    think raise doubt uncertain unclear prepare propose able ability speculate speculation schedule set due intend seek want
    vow pledge promise try attempt aim move""".split()
)  # fmt: skip
"""Words of a claim that leave open what a "may" of the lines leaves open."""

_TO_BE = re.compile(r"\b(?:is|are|was|were) to\b")
_LATER = re.compile(r"will|would|due to|set to")
"""What is sure but has not been yet: a claim may put it in the present."""

_REACH = 4
"""Words behind a "may" among which its verb is."""

_HIGHEST = re.compile(r"\b(most|least|best|worst|[a-z]{3,}est)\b", re.I)
_RANKED = re.compile(
    r"\b(?:second|third|fourth|fifth|sixth|2nd|3rd|4th|5th|next|nearly|almost|arguably|among|(?:one|some|many|several) of)\b[ -]+"
    r"(?:the )?(?:[\w’']+ ){0,3}?(most|least|best|worst|[a-z]{3,}est)\b",
    re.I,
)
_NOT_HIGHEST = frozenset("rest west test guest request interest protest arrest invest contest forest honest".split())

_ASKED = re.compile(
    r"\b(?:ask|wonder|question|doubt|unclear|uncertain|know|known|sure|debat|discuss)\w* (?:whether|if)\b([^.;?!]+)",
    re.I,
)
_LEAVES_OPEN = re.compile(r"\b(?:whether|if|ask|wonder|question|doubt|unclear|uncertain|debat|discuss)", re.I)
_INSIDE = 0.8
"""Share of a claim's words, names apart, that stand in "whether ..." where the claim tells what was only asked."""

_TURNED = {
    "before": ("after", "following"), "after": ("before",), "following": ("before",), "for": ("against",), "against": ("for",), "inside": ("outside",), "outside": ("in", "inside", "within"), "in": ("outside", "before"),
    "within": ("outside",), "with": ("without",), "without": ("with",), "from": ("at", "against", "into", "toward", "towards"),
    "at": ("from",), "into": ("from",), "toward": ("from",), "towards": ("from",),
}  # fmt: skip
"""Words before a name or noun, and those that turn a statement round in their place."""


def check_scope(claim: str, sources: Sequence[str]) -> list[str]:
    """What the claim says of more, more surely, or of another side or time, than the sources do."""
    parts = (_wider, _surer, _done, _asked, _higher, _turned)
    return [reason for part in parts for reason in part(claim, sources)]


def _wider(claim: str, sources: Sequence[str]) -> list[str]:
    there = {t.text.lower() for s in sources for t in tokens(s)}
    mine = [t.text.lower() for t in tokens(claim)]
    text = " ".join(sources)
    nearly = [m for m in _NEARLY.finditer(text) if m[2].lower() in mine and m[1].lower() not in mine]
    rest = {t.text.lower() for t in tokens(_NEARLY.sub(" ", text))} if nearly else set()
    return [
        *(f"the cited lines do not say {w}" for w in mine if w in _BORNE_OUT and not there & _BORNE_OUT[w]),
        *(f"the cited lines say “{m[0]}”" for m in nearly if m[2].lower() not in rest),
    ]


def _surer(claim: str, sources: Sequence[str]) -> list[str]:
    mine = {t.key for t in tokens(claim)}
    if _OPEN & mine or _TO_BE.search(claim):
        return []
    past = {t.key for t in tokens(claim) if t.text.endswith("ed") or t.text in IRREGULAR}
    past = set() if "will" in mine else past
    may = [(key, words) for s in sources for key, words in _behind_may(s) if key in past or not _LATER.match(words)]
    ahead = {key for key, words in _behind_may(claim) if not _LATER.match(words)}
    plainly = Counter(t.key for s in sources for t in tokens(s))
    plainly.subtract(key for key, _ in may)
    return [
        f"the cited lines say “{words}”, the claim is certain"
        for key, words in may
        if key in mine - ahead and plainly[key] < 1
    ]


@lru_cache(maxsize=16_384)
def _behind_may(text: str) -> tuple[tuple[str, str], ...]:
    """The keys of the words behind each "may" or "plans to", and the words from one to the other."""
    found = tokens(text)
    out = []
    for may in _MAY.finditer(text):
        behind = [t for t in found if t.start >= may.end()][:_REACH]
        words = [t for t in behind if t.content and t.text.isalpha() and not t.capital]
        verbs = words[: 1 + words[0].text.endswith("ly")] if words else []
        out += [(t.key, text[may.start() : t.end]) for t in verbs]
    return tuple(out)


def _done(claim: str, sources: Sequence[str]) -> list[str]:
    """What the claim says will be, and the sources that it was."""
    was = {t.key for s in sources for t in tokens(s) if t.text.lower() in IRREGULAR or t.text.endswith("ed")}
    ahead = {key for s in sources for key, _ in _behind_may(s)}
    found = [t.key for t in tokens(claim)]
    return [
        f"the claim says “{words}”, the cited lines tell it as done"
        for key, words in _behind_may(claim)
        if _LATER.match(words) and key in was and key not in ahead and found.count(key) == 1
    ]


def _asked(claim: str, sources: Sequence[str]) -> list[str]:
    mine = {t.key for t in tokens(claim) if t.content and not t.capital and not neutral(t.text)}
    if not mine or _LEAVES_OPEN.search(claim):
        return []
    asked = [m for s in sources for m in _ASKED.finditer(s)]
    return [
        f"the cited lines leave open whether{m[1].rstrip()}"
        for m in asked
        if len(mine & {t.key for t in tokens(m[1])}) >= _INSIDE * len(mine)
    ]


def _higher(claim: str, sources: Sequence[str]) -> list[str]:
    ranked = {m.lower() for s in sources for m in _RANKED.findall(s)} - _NOT_HIGHEST
    mine = {m.lower() for m in _HIGHEST.findall(claim)} & ranked
    if not mine or _RANKED.search(claim):
        return []
    rest = {m.lower() for s in sources for m in _HIGHEST.findall(_RANKED.sub(" ", s))}
    return [f"the cited lines do not say {w} without a limit" for w in sorted(mine - rest)]


def _turned(claim: str, sources: Sequence[str]) -> list[str]:
    theirs = {(word, t.key) for s in sources for word, t in _placed(s)}
    return [
        f"the claim says {word} {t.text}, the cited lines {other} {t.text}"
        for word, t in _placed(claim)
        for other in _TURNED[word]
        if (other, t.key) in theirs and (word, t.key) not in theirs
    ]


def _placed(text: str) -> Iterator[tuple[str, Token]]:
    """Each "before" and the like with the content word that follows it."""
    found = tokens(text)
    for i, token in enumerate(found):
        word = token.text.lower()
        if word in _TURNED and (behind := _next(found, i)):
            yield word, behind


def _next(found: Sequence[Token], i: int) -> Token | None:
    return next((t for t in found[i + 1 : i + 4] if t.content), None)
