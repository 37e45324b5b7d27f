"""Words with their places, as the checks read them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from index.words import STOPWORDS, fold, stem

# Whole abbreviations (U.S.), words with inner apostrophes and hyphens cut, numbers with their points and commas.
_TOKEN = re.compile(r"(?:[^\W\d_]\.){2,}|\d+(?:,\d{3})*(?:\.\d+)?|[^\W\d_]+(?:['’][^\W\d_]+)*|[^\W_]+")
_SENTENCE_START = re.compile(r"[.!?:;…][”\"’')\]]*\s|[“\"]\s*$|\n")  # in what stands between two words
_CAPITALS = frozenset(["US", "USA", "IT", "U.S."])  # names, where the word in small letters is none

_ABBREVIATED = {
    "gen": "general", "sen": "senator", "rep": "representative", "gov": "governor", "lt": "lieutenant",
    "col": "colonel", "sgt": "sergeant", "capt": "captain", "cmdr": "commander", "maj": "major", "brig": "brigadier",
    "dr": "doctor", "prof": "professor", "pres": "president", "st": "saint", "dept": "department", "u.s.": "us",
    "u.s.a.": "us", "usa": "us", "u.k.": "uk", "u.n.": "un", "e.u.": "eu", "men": "man", "women": "woman",
    "children": "child",
}  # fmt: skip

IRREGULAR = {
    "wrote": "write", "written": "write", "said": "say", "told": "tell", "went": "go", "gone": "go", "took": "take",
    "taken": "take", "gave": "give", "given": "give", "came": "come", "made": "make", "held": "hold", "met": "meet",
    "led": "lead", "sent": "send", "kept": "keep", "thought": "think", "bought": "buy", "brought": "bring",
    "fell": "fall", "fallen": "fall", "rose": "rise", "risen": "rise", "won": "win", "lost": "lose", "began": "begin",
    "begun": "begin", "knew": "know", "known": "know", "seen": "see", "spoke": "speak", "spoken": "speak",
    "stood": "stand", "struck": "strike", "flew": "fly", "flown": "fly", "drove": "drive", "driven": "drive",
    "ran": "run", "paid": "pay", "built": "build", "chose": "choose", "chosen": "choose", "grew": "grow",
    "grown": "grow", "sold": "sell", "spent": "spend", "taught": "teach", "caught": "catch", "sought": "seek",
    "fought": "fight", "broke": "break", "broken": "break", "heard": "hear", "felt": "feel", "shot": "shoot",
    "threw": "throw", "thrown": "throw", "wore": "wear", "worn": "wear", "drew": "draw", "drawn": "draw",
    "withdrew": "withdraw", "withdrawn": "withdraw", "showed": "show", "shown": "show", "hid": "hide", "hidden": "hide",
    "froze": "freeze", "frozen": "freeze", "sank": "sink", "sunk": "sink", "sang": "sing", "sung": "sing",
    "swore": "swear", "sworn": "swear", "understood": "understand", "became": "become", "got": "get", "stole": "steal",
    "stolen": "steal", "shook": "shake", "tore": "tear", "torn": "tear", "woke": "wake", "forgot": "forget",
    "forgotten": "forget", "bore": "bear", "borne": "bear", "laid": "lay", "rode": "ride", "ridden": "ride",
    "swam": "swim", "slept": "sleep", "ate": "eat", "eaten": "eat", "drank": "drink", "drunk": "drink", "bled": "bleed",
    "fled": "flee", "dealt": "deal", "meant": "mean", "leapt": "leap", "born": "bear",
}  # fmt: skip
"""Past forms and the verbs they are of."""

_SAME = _ABBREVIATED | IRREGULAR
"""Abbreviations and forms of one word that the stemmer does not bring together."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word or number at text[start:end]; `key` is equal for words that mean the same (its stem, mostly)."""

    text: str
    start: int
    end: int
    key: str
    content: bool
    capital: bool
    """Whether a capital marks it as (part of) a name, wherever it stands."""
    begins: bool
    """Whether it begins a sentence or a quotation, where any word has a capital."""


@lru_cache(maxsize=65_536)
def same_word(word: str) -> str:
    """The key of a word in small letters, equal for its forms: sold, sell, selling."""
    return stem(_SAME.get(word, word).rstrip("."))


@lru_cache(maxsize=16_384)
def tokens(text: str) -> tuple[Token, ...]:
    """The words and numbers of `text`, in order."""
    found: list[Token] = []
    end = 0
    for match in _TOKEN.finditer(text):
        word, gap = match.group(), text[end : match.start()]
        end = match.end()
        low = fold(word)
        if low.endswith(("'s", "’s")):
            low = low[:-2]
        key = same_word(low)
        low = _SAME.get(low, low)
        capital = word != low and not word.islower() and not word[0].isdigit()
        content = low not in STOPWORDS or word in _CAPITALS
        begins = not found or (gap != " " and _SENTENCE_START.search(gap) is not None)
        found.append(Token(word, match.start(), end, key, content, capital, begins))
    return tuple(found)
