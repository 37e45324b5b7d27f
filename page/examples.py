"""Questions that the page suggests: drawn from what stands in the articles, and each tried before it is shown."""

from __future__ import annotations

import re
from collections import Counter
from itertools import zip_longest
from pathlib import Path

from index.errors import BylineError
from rag.chain import ask
from rag.indexes import open_reader
from rag.settings import Settings

SHOWN = 4
SAMPLED = 80
"""Articles that are looked at, spread over the corpus."""

_NAME = r"[A-Z][a-z’'-]\w+(?: [A-Z]\.)?(?: [A-Z][\w’'-]+){1,2}"
_SAID = re.compile(rf"\b(?:([Tt]he) )?({_NAME}),? (?:said|told|wrote|warned|announced|called)\b")
_NUMBER = r"(?:\d[\d,.]*|hundreds of|dozens of|two|three|four|five|six|seven|eight|nine|ten)"
_MANY = re.compile(rf"\b{_NUMBER} ([a-z]{{4,}}s)\b")
_THING = re.compile(rf"(?<=[a-z,] )((?:the )?{_NAME})\b")
_UNITS = frozenset("years months weeks days hours minutes seconds times miles kilometres kilometers metres".split())
_OPENINGS = frozenset("The An In On At It He She They But And For From When While After Before This That".split())


def examples(corpus: Path, settings: Settings) -> list[str]:
    """Up to SHOWN questions that these articles answer, of different kinds; [] without an index. Takes 0.1 s."""
    try:
        said, many, things = _found(corpus, settings)
        kinds = [
            [f"What did {name} say?" for name in said],
            [f"How many {noun}, and where?" for noun in many],
            [f"What is known about {thing}?" for thing in things],
        ]
        found: list[str] = []
        for question in (q for turn in zip_longest(*kinds) for q in turn if q):
            if not ask(question, corpus=corpus, settings=settings, llm=False, refresh=False).abstained:
                found.append(question)
            if len(found) == SHOWN:
                break
        return found
    except BylineError:
        return []


def _found(corpus: Path, settings: Settings) -> tuple[list[str], list[str], list[str]]:
    """Who is quoted, what is counted and what is named most, each by the number of articles."""
    said: Counter[str] = Counter()
    many: Counter[str] = Counter()
    things: Counter[str] = Counter()
    with open_reader(settings.plan(corpus, settings.index)).snapshot() as reader:
        documents = reader.catalog.documents()
        for document in documents[:: len(documents) // SAMPLED + 1]:
            text = "\n".join(p.text for p in reader.catalog.passages_of(document.id) if not p.header)
            said.update({m[2] for m in _SAID.finditer(text) if not m[1]})  # "the" comes before what is no person
            many.update({m[1] for m in _MANY.finditer(text)} - _UNITS)
            things.update({m[1] for m in _THING.finditer(text)})
    speakers = [name for name, _ in said.most_common(6) if name.split()[0] not in _OPENINGS]
    known = {word for name in speakers for word in name.split()}
    about = [thing for thing, _ in things.most_common(12) if not known & set(thing.split())]
    return speakers, [noun for noun, _ in many.most_common(6)], about
