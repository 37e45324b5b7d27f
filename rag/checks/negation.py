"""Denials: what one side says and the other denies, by "not", by prefix (unsigned) or by verb (failed to)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from index.words import STOPWORDS, stem, terms
from rag.checks.tokens import Token, same_word, tokens

_CUES = frozenset(
    """not never no none nobody nothing neither nor without cannot cant hardly scarcely nowhere unable lack lacks lacked
    lacking""".split()
)
_VERBS = {
    "fail": "to", "failed": "to", "fails": "to", "refuse": "to", "refused": "to", "refuses": "to", "declined": "to",
    "declines": "to", "decline": "to", "deny": "", "denied": "", "denies": "", "denying": "", "stopped": "short",
    "ruled": "out", "rules": "out", "rejected": "", "rejects": "", "reject": "", "dispute": "", "disputed": "", "refuted": "",
}  # fmt: skip
"""Verbs that deny what follows, and the word that must come next where they have other uses."""

_PREFIXES = ("un", "non", "in", "im", "il", "ir", "dis")
_NO_OPPOSITE = frozenset(
    "less like cover iform ited der til to form formed formation side to come deed stance tend tent vent vest vite volve crease creased creasing clude cluded dustry port ported portant prove proved pose posed press pressed pact pair part peach plement ply plied peril perial age cuss cussed ease play played patch trict tinct tance appoint guise gust course ably on".split()
)
_ANTONYMS = """
approve/reject accept/reject accept/refuse agree/refuse agree/disagree confirm/deny admit/deny allow/forbid allow/ban allow/bar allow/block permit/forbid
increase/decrease rise/fall rise/drop rise/decline raise/lower raise/cut grow/shrink expand/shrink gain/lose win/lose succeed/fail pass/fail
open/close open/shut start/end start/stop begin/end begin/stop continue/stop enter/leave arrive/leave arrive/depart come/go remain/leave stay/leave
join/leave join/quit return/leave send/receive give/take give/receive lend/borrow buy/sell import/export hire/fire appoint/dismiss arrest/release
free/jail capture/release attack/defend build/destroy build/demolish create/destroy protect/attack strengthen/weaken ease/intensify ease/tighten ease/worsen
improve/worsen escalate/ease praise/criticize praise/condemn praise/blame welcome/condemn support/oppose support/reject back/oppose favor/oppose encourage/discourage
include/exclude remember/forget find/lose keep/lose push/pull deploy/withdraw bring/remove add/remove enable/disable lock/unlock launch/halt
before/after above/below over/under up/down inside/outside into/out north/south east/west northern/southern
eastern/western left/right more/fewer more/less most/least many/few always/never all/none can/cannot first/last former/current early/late
earlier/later old/new older/younger old/young high/low higher/lower large/small larger/smaller big/small bigger/smaller long/short longer/shorter
strong/weak stronger/weaker rich/poor hot/cold warm/cold wet/dry heavy/light fast/slow wide/narrow deep/shallow good/bad better/worse best/worst
major/minor cheap/expensive easy/difficult easy/hard easier/harder easier/difficult lead/follow true/false safe/dangerous safe/unsafe public/private temporary/permanent partial/full full/empty
voluntary/mandatory optional/mandatory friendly/hostile guilty/innocent legal/illegal alive/dead day/night morning/evening victory/defeat war/peace
success/failure profit/loss income/expense ally/enemy friend/enemy buyer/seller winner/loser majority/minority male/female man/woman boy/girl
father/mother son/daughter brother/sister husband/wife uncle/aunt king/queen prince/princess parent/child teacher/student employer/employee
domestic/foreign local/foreign urban/rural indoor/outdoor upper/lower front/back top/bottom maximum/minimum positive/negative conservative/liberal"""
_OPPOSITE: dict[str, set[str]] = {}
for _pair in _ANTONYMS.split():
    _a, _b = (same_word(w) for w in _pair.split("/"))
    _OPPOSITE.setdefault(_a, set()).add(_b)
    _OPPOSITE.setdefault(_b, set()).add(_a)

_CLAUSE_END = re.compile(r"[,;:!?“”\"()—–]|\.(?=\s|$)|\b(?:but|and|because|although|while|which|who)\b", re.I)
_NOTHING = STOPWORDS | frozenset("yet even currently immediately necessarily actually really".split())
"""Words between a cue and what it denies."""

_REACH = 6
"""Content words behind a cue that it denies at most."""


def check_negation(claim: str, sources: Sequence[str]) -> list[str]:
    """Words that one side denies and the other does not: signed, unsigned; would take, would not take.

    "Not moved by fear" denies what "moved not by fear" does.
    """
    source = "\n".join(sources)
    mine, theirs = denied(claim), denied(source)
    plain_here, plain_there = plain(claim), plain(source)
    reached_here, reached_there = reached(claim), reached(source)
    reasons = [
        f"the claim denies “{w}”, the cited lines do not"
        for s, w in mine.items()
        if s in plain_there
        and s not in reached_there
        and not re.search(rf"\b{re.escape(w)} not\b(?! only| just)", source)
    ]
    reasons += [
        f"the cited lines deny “{w}”, the claim does not"
        for s, w in theirs.items()
        if s in plain_here and s not in reached_here and s not in plain_there
    ]
    reasons += [  # "had no signature", where the claim has "signed"
        f"the cited lines deny “{w}”, the claim does not"
        for s, w in theirs.items()
        if any(len(p) > 3 and s.startswith(p) and s != p and p not in reached_here | plain_there for p in plain_here)
    ]
    reasons += [f"the claim says {w}, the cited lines {n}" for w, n in _by_prefix(claim, source)]
    reasons += [f"the claim says {n}, the cited lines {w}" for w, n in _by_prefix(source, claim)]
    return reasons


def is_cue(token: Token) -> bool:
    """Whether the word denies something."""
    low = token.text.lower().replace("’", "'")
    return low in _CUES or low.endswith("n't")


def opposite(a: str, b: str) -> bool:
    """Whether one of the two words is the other's denial or opposite: signed and unsigned, rose and fell."""
    a, b = a.lower(), b.lower()
    if same_word(b) in _OPPOSITE.get(same_word(a), ()):
        return True
    short, long = sorted((a, b), key=len)
    return len(short) > 3 and short not in _NO_OPPOSITE and any(long == p + short for p in _PREFIXES)


@lru_cache(maxsize=16_384)
def denied(text: str) -> dict[str, str]:
    """Stem to word for the first content word that each cue denies: "would not take" denies take."""
    return {stem(t.text.lower()): t.text for first, *_ in _scopes(text) for t in [first]}


@lru_cache(maxsize=16_384)
def reached(text: str) -> frozenset[str]:
    """Stems of the content words that a cue may deny."""
    return frozenset(stem(t.text.lower()) for scope in _scopes(text) for t in scope)


@lru_cache(maxsize=16_384)
def plain(text: str) -> frozenset[str]:
    """Stems of the content words that stand somewhere out of the reach of every cue."""
    inside = {t.start for scope in _scopes(text) for t in scope}
    return frozenset(stem(t.text.lower()) for t in tokens(text) if t.content and t.start not in inside)


@lru_cache(maxsize=16_384)
def _scopes(text: str) -> tuple[tuple[Token, ...], ...]:
    """The content words behind each cue, up to the end of its clause."""
    found = tokens(text)
    scopes = []
    for i, token in enumerate(found):
        low = token.text.lower()
        verb = _VERBS.get(low)
        follows = found[i + 1].text.lower() if i + 1 < len(found) else ""
        if not is_cue(token) and (verb is None or (verb and verb != follows)):
            continue
        if low == "no" and text[token.end : token.end + 1] in (",", "."):
            continue  # an answer: "No, it was signed."
        if low == "not" and follows in ("only", "just"):
            continue
        end = _CLAUSE_END.search(text, token.end)
        limit = end.start() if end else len(text)
        scope = [t for t in found[i + 1 :] if t.start < limit and t.content and t.text.lower() not in _NOTHING]
        if scope:
            scopes.append(tuple(scope[:_REACH]))
    return tuple(scopes)


def _by_prefix(plain_side: str, negated_side: str) -> list[tuple[str, str]]:
    """(signed, unsigned) for each word plain on one side, not denied there, and only negated on the other."""
    here, there = _words(plain_side), _words(negated_side)
    not_here = {s for scope in _scopes(plain_side) for s in terms(" ".join(t.text for t in scope))}
    pairs = [(w, p + w) for w in here - _NO_OPPOSITE if len(w) > 3 for p in _PREFIXES if p + w in there]
    doubly = reached(negated_side)  # "not uncommon"
    return [
        (w, n)
        for w, n in pairs
        if w not in there and n not in here and stem(w) not in not_here and stem(n) not in doubly
    ]


@lru_cache(maxsize=16_384)
def _words(text: str) -> frozenset[str]:
    return frozenset(w.lower().replace("-", "") for w in re.findall(r"[\w-]+", text))
