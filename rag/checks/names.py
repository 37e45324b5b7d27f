"""Names: who and where. A name that the lines do not hold was put there by the writer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from index.words import STOPWORDS, fold, stem, terms
from rag.checks.dates import moments
from rag.checks.tokens import Token, tokens

_COUNTRY = (
    "us america american usa", "uk britain british brit", "france french", "spain spanish spaniard", "netherland dutch holland",
    "denmark danish dane", "poland polish pole", "greece greek", "wales welsh", "ireland irish", "china chinese",
    "switzerland swiss", "finland finnish finn", "norway norwegian", "sweden swedish swede", "turkey turkish turk",
    "germany german", "eu european europe", "un unit", "thailand thai", "portugal portuguese", "philippin filipino",
)  # fmt: skip
_SAME_COUNTRY = {stem(w): i for i, row in enumerate(_COUNTRY) for w in row.split()}
_SUFFIXES = ("ians", "ian", "ans", "an", "ish", "ese", "is", "i", "ia", "a", "y", "e", "land", "s", "n", "")
_TITLES = frozenset(
    stem(w)
    for w in """mr mrs ms dr sir hon honorable honourable although because however lord lady general gen senator sen representative rep governor gov lieutenant lt colonel
    col major sergeant sgt captain capt commander admiral brigadier brig professor prof president minister prime
    secretary chief chairman chairwoman ambassador king queen prince princess pope judge justice mayor doctor
    defense defence foreign state government army navy force north south east west northern southern eastern western
    new old great company inc corp ltd co jr sr ii iii iv vi vii viii""".split()
)
"""Words that are written with a capital beside a name and add no name of their own."""

_ORDINARY = re.compile(r"(?:ing|ly|tion|tions|ment|ments|ness|ity|ities|able|ible|ful|less|ive|ous|ed|ers?)$")
_INITIALS = re.compile(r"\b[A-Z]\.?\s?(?:[A-Z]\.?\s?)+\b")


def check_names(claim: str, sources: Sequence[str], context: Sequence[str] = ()) -> list[str]:
    """Names of the claim that neither the sources nor the words around them hold.

    Endings ("Iraqi" of Iraq), the other spellings of one name ("Suleimani" of Soleimani), initials ("UN" of United
    Nations) and titles are no other names.
    """
    known = [_known(text) for text in (*sources, *context)]
    there = _Known(
        frozenset().union(*(k.keys for k in known)),
        tuple(dict.fromkeys(c for k in known for c in k.capitals)),
        frozenset().union(*(k.surnames for k in known)),
    )
    reasons = []
    for name in names(claim):
        missing = [t.text for t in name if not _is_there(t, there)]
        if missing and not _initials(name, there) and not _fuller(name, missing, there):
            reasons.append(f"the name {' '.join(missing)} is not in the cited lines")
    return list(dict.fromkeys(reasons))


@lru_cache(maxsize=16_384)
def names(text: str) -> tuple[tuple[Token, ...], ...]:
    """Runs of words that a capital marks as names, titles and dates left out.

    The first word of a sentence counts where it cannot well be an ordinary word: it goes on with another
    name, or is followed by a verb that people and countries have.
    """
    dated = [(m.start, m.end) for m in moments(text)]
    found: list[tuple[Token, ...]] = []
    run: list[Token] = []
    all_tokens = tokens(text)
    for i, token in enumerate(all_tokens):
        named = (
            token.capital
            and token.content
            and len(token.text) > 1
            and not title(token)
            and fold(token.text) not in STOPWORDS
            and not any(a <= token.start < b for a, b in dated)
            and (not token.begins or _begins_with_a_name(text, all_tokens, i))
        )
        if named and run and not text[run[-1].end : token.start].strip(" -.’'"):
            run.append(token)
            continue
        if run:
            found.append(tuple(run))
        run = [token] if named else []
    if run:
        found.append(tuple(run))
    return tuple(found)


def title(token: Token) -> bool:
    """Whether the word is a title or the like, which adds no name of its own."""
    return stem(token.key) in _TITLES


def same_name(a: str, b: str) -> bool:
    """Whether two words are the same name: by stem, by ending, or by consonants where vowels are spelt otherwise."""
    a, b = fold(a).replace(".", ""), fold(b).replace(".", "")
    if a == b or stem(a) == stem(b):
        return True
    country = _SAME_COUNTRY.get(stem(a))
    if country is not None and country == _SAME_COUNTRY.get(stem(b)):
        return True
    if a[:4] == b[:4] and len(a) > 3 and len(b) > 3:
        bases = {a[: len(a) - len(s)] for s in _SUFFIXES if a.endswith(s)}
        if any(len(base) >= 4 and base in bases for base in (b[: len(b) - len(s)] for s in _SUFFIXES if b.endswith(s))):
            return True
    return len(a) >= 7 and len(b) >= 7 and a[0] == b[0] and _skeleton(a) == _skeleton(b)


def _fuller(name: Sequence[Token], missing: Sequence[str], there: _Known) -> bool:
    """Whether a given name was only added to a surname that stands there alone: Mark Esper for Esper."""
    last = name[-1].text
    return last not in missing and last in there.capitals and last not in there.surnames


def _begins_with_a_name(text: str, found: Sequence[Token], i: int) -> bool:
    token = found[i]
    if (token.text.isupper() and len(token.text) > 1) or any(c.isupper() for c in token.text[1:]):
        return True
    after = found[i + 1] if i + 1 < len(found) else None
    if after is None or _ORDINARY.search(fold(token.text)):
        return False
    if text[token.end : after.start].strip():
        return False  # "However, Holm"
    if after.capital and not after.begins and not title(after):
        return True
    return fold(after.text) in (
        "said",
        "says",
        "told",
        "was",
        "is",
        "has",
        "had",
        "will",
        "would",
    ) and not token.text.endswith("s")


@dataclass(frozen=True, slots=True)
class _Known:
    """The words of a text: their keys, those with a capital, and those that follow another name directly."""

    keys: frozenset[str]
    capitals: tuple[str, ...]
    surnames: frozenset[str]


@lru_cache(maxsize=16_384)
def _known(text: str) -> _Known:
    found = tokens(text)
    pairs = [
        (a, b) for a, b in zip(found, found[1:], strict=False) if a.capital and not text[a.end : b.start].strip(" .-\n")
    ]
    joined = frozenset(stem(fold(a.text + b.text)) for a, b in pairs)  # South East, Southeast
    return _Known(
        frozenset(t.key for t in found) | frozenset(terms(text)) | joined,
        tuple(dict.fromkeys(t.text for t in found if t.capital)),
        frozenset(b.text for a, b in pairs if b.capital and a.content and not title(a)),
    )


def _is_there(token: Token, there: _Known) -> bool:
    return token.key in there.keys or any(same_name(token.text, other) for other in there.capitals)


def _initials(name: Iterable[Token], there: _Known) -> bool:
    """UN for United Nations, and the other way round."""
    words = [t.text for t in name]
    capitals = there.capitals
    if len(words) == 1 and 2 <= len(words[0].replace(".", "")) <= 6 and words[0].isupper():
        first = "".join(c[0] for c in capitals)
        return words[0].replace(".", "") in first
    return len(words) > 1 and any("".join(w[0] for w in words) == c.replace(".", "") for c in capitals)


@lru_cache(maxsize=16_384)
def _skeleton(word: str) -> str:
    plain = re.sub(r"[aeiouy'’-]", "", word.replace("q", "k").replace("c", "k").replace("ph", "f"))
    return re.sub(r"(.)\1+", r"\1", plain)
