"""Altered answers: how many of the sentences that were made false the check catches, and how many true ones it passes.

    python -m benchmarks.altered QA.jsonl ARTICLES [QA.jsonl ARTICLES ...] [--strict] [--limit 400] [--seed 0] [--show 5]

Claims are the sentences of the gold answers, and the gold sentences themselves, each with its gold lines as the
cited ones. One thing at a time is altered: a number, a date, a name, a place, a denial, the speaker, a word in a
quotation, the cited file, the cited line. Caught is an altered claim whose verdict is not `supported`; passed is an
unaltered claim that is `supported`, or that other lines of the same article support (`moved`). What is altered is
found by patterns of this script, not by those of the check. `--strict` checks as what a model writes is checked: no word
that states something may be missing. Gold answers are terse and in their writers' words, and many then fail.

A question has "answer" or "answers", and "evidence": a list of {file, line or line_start and line_end, text?},
or of lists of alternatives.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from benchmarks.common import documents, percentile, table
from index.split import sentences
from index.types import Document
from rag import verify
from rag.checks.evidence import Evidence
from rag.types import CheckResult

GOALS = {
    "number": 97, "date": 97, "quotation": 97, "file": 95, "line": 95, "name": 90, "place": 90, "negation": 90, "speaker": 80,
}  # fmt: skip
"""Per cent of altered claims to catch."""

PASS_GOAL = 97
CONTEXT = 2
"""Sentences before the cited ones that are given as their context."""

_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_PLACES = """Iraq Iran Baghdad Washington Canada Germany France Kuwait Syria Israel Russia China Japan London Paris Berlin
Tehran Turkey Italy Spain Poland Egypt India Australia Mexico Brazil Africa Asia Europe England Scotland Ireland California
Texas Florida Chicago Boston Rome Vienna Moscow Tokyo Beijing Jordan Lebanon Ottawa Erbil Qatar Norway Sweden Denmark""".split()
_NUMBER_WORDS = "two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty".split()
_TITLES = frozenset(
    "Prime Minister President Secretary General Major Senator Defense State King Queen Sir Brig Gen Mr".split()
)
_SAID = r"(?:said|says|told|wrote|tweeted|added|called|warned|announced|insisted|according to)"
_PERSON = r"[A-Z][a-z]{2,}(?:\s+[A-Z][a-z]{2,})?"
_NOT_NAMES = frozenset(
    """The A An In On At By For From It He She They We I This That These Those There His Her Their Its As When While After
    Before But And Or If No Not One Two Some Many Most All Both Each Other Such Also However During Since Until With""".split()
) | {*_MONTHS, *_DAYS}


@dataclass(frozen=True)
class Case:
    """A claim, its cited lines and where they stand."""

    claim: str
    cited: tuple[Evidence, ...]
    file: str
    lines: frozenset[int]


class Corpus:
    """The articles of a folder, read once."""

    def __init__(self, folder: Path) -> None:
        self.documents: dict[str, Document] = {d.file: d for d in documents(folder)}

    @cache  # noqa: B019 - lives as long as the program
    def spans(self, file: str) -> list[tuple[int, int, str]]:
        """(first line, last line, text) of each sentence."""
        d = self.documents[file]
        return [(s.line_start, s.line_end, d.text[s.start : s.end]) for s in sentences(d.text, d.body_start)]

    def evidence(self, file: str, first: int, last: int) -> list[Evidence]:
        """The sentences on those lines, each with those before it."""
        d, spans = self.documents[file], self.spans(file)
        out = []
        for i, (a, b, text) in enumerate(spans):
            if a <= last and b >= first:
                before = [t for _, _, t in spans[max(0, i - CONTEXT) : i]]
                about = [x for x in (d.title, d.source, d.author) if x]
                out.append(Evidence(text, (*about, *before), d.date))
        return out


def read_cases(qa: Path, corpus: Corpus, limit: int, rng: random.Random) -> dict[str, list[Case]]:
    """Claims from the gold answers and from the gold sentences."""
    found: dict[str, list[Case]] = {"answers": [], "sentences": []}
    rows = [json.loads(line) for line in qa.read_text(encoding="utf-8").split("\n") if line.strip()]
    for row in rows:
        places = [p for g in row.get("evidence", []) for p in (g if isinstance(g, list) else [g])]
        places = [p for p in places if p["file"] in corpus.documents]
        if not places or not row.get("answerable", True):
            continue
        cited: list[Evidence] = []
        lines = set()
        for p in places:
            first = p.get("line_start") or p["line"]
            last = p.get("line_end") or first
            cited += corpus.evidence(p["file"], first, last)
            lines |= set(range(first, last + 1))
        file = places[0]["file"]
        answer = row.get("answer") or (row.get("answers") or [""])[0]
        for text in _prose(answer):
            found["answers"].append(Case(text, tuple(cited), file, frozenset(lines)))
        first = places[0].get("line_start") or places[0]["line"]
        gold = corpus.evidence(file, first, places[0].get("line_end") or first)
        wanted = places[0].get("text")
        for e in gold:
            if len(e.text.split()) >= 6 and (wanted is None or wanted in e.text or e.text in wanted):
                found["sentences"].append(Case(" ".join(e.text.split()), tuple(gold), file, frozenset(lines)))
    for kind in found:
        unique = list({c.claim: c for c in found[kind]}.values())
        rng.shuffle(unique)
        found[kind] = unique[:limit]
    return found


def _prose(answer: str) -> Iterator[str]:
    """The sentences of an answer that make a statement of their own."""
    text = " ".join(answer.split())
    for s in sentences(text):
        if len(text[s.start : s.end].split()) >= 5:
            yield text[s.start : s.end]


# --- alterations: each gives the altered claim, or None where there is nothing to alter --------------------

Check = Callable[[str, Sequence[Evidence]], CheckResult]
Alter = Callable[[Case, random.Random, Sequence[str]], str | None]


def number(case: Case, rng: random.Random, _: Sequence[str]) -> str | None:
    """Another value for a number that is no date."""
    text = case.claim
    found = [m for m in re.finditer(r"(?<![\w.,:-])\d[\d,]*(?:\.\d+)?(?![\w:]|-\d|,\d)", text) if not _dated(text, m)]
    words = list(re.finditer(rf"\b(?:{'|'.join(_NUMBER_WORDS)})\b", text, re.I))
    if not found and not words:
        return None
    m = rng.choice(found + words)
    old = m.group()
    if old[0].isdigit():
        value = float(old.replace(",", ""))
        new = rng.choice([value + 1, value + 2, value * 2, value * 10, value + 100])
        shown = f"{new:,.0f}" if value == int(value) else f"{new:.{len(old.partition('.')[2])}f}"
        if shown.replace(",", "") == old.replace(",", ""):
            return None
    else:
        shown = rng.choice([w for w in _NUMBER_WORDS if w != old.lower()])
    return text[: m.start()] + shown + text[m.end() :]


def day(case: Case, rng: random.Random, _: Sequence[str]) -> str | None:
    """Another year, month, day or weekday."""
    text = case.claim
    found = list(re.finditer(r"(?<![\w.,$-])(?:1[0-9]\d\d|20[0-2]\d)(?![\w,.-]*\d|\w)", text))
    found += list(
        re.finditer(rf"\b(?:{'|'.join([*_DAYS, *(x for x in _MONTHS if x not in ('March', 'May'))])})\b", text)
    )
    if not found:
        return None
    m = rng.choice(found)
    old = m.group()
    if old[0].isdigit():
        new = str(int(old) + rng.choice([-10, -3, -2, -1, 1, 2, 3, 10]))
    else:
        new = rng.choice([x for x in (_DAYS if old in _DAYS else _MONTHS) if x != old])
    return text[: m.start()] + new + text[m.end() :]


def name(case: Case, rng: random.Random, others: Sequence[str]) -> str | None:
    """A name of the same article, or of another one, in the place of a name."""
    found = [
        m
        for m in re.finditer(rf"(?<![.!?“\"] ){_PERSON}\b", case.claim)
        if m.start() and not _NOT_NAMES & set(m.group().split())
    ]
    found = [m for m in found if not set(m.group().split()) & set(_PLACES)]
    return _swap(case, rng, found, others)


def place(case: Case, rng: random.Random, _: Sequence[str]) -> str | None:
    """Another country or town."""
    return _swap(case, rng, list(re.finditer(rf"\b(?:{'|'.join(_PLACES)})\b", case.claim)), _PLACES)


def negation(case: Case, rng: random.Random, _: Sequence[str]) -> str | None:
    """A denial put in or taken out."""
    text = case.claim
    if m := re.search(
        r"\b(is|are|was|were|will|would|can|could|has|had|have|did|does|do|should|may|might) not\b|\b(?:\w+)n['’]t\b",
        text,
    ):
        return text[: m.start()] + (m[1] or re.sub(r"n['’]t", "", m.group())) + text[m.end() :]
    if m := re.search(r"\bnever\s", text):
        return text[: m.start()] + text[m.end() :]
    found = list(
        re.finditer(
            r"\b(?:is|are|was|were|will|would|can|could|has been|had|have been|should|may|might)\b(?= [a-z])", text
        )
    )
    found = [
        m
        for m in found
        if text[: m.start()].count("“") == text[: m.start()].count("”") and text[: m.start()].count('"') % 2 == 0
    ]
    if not found:
        return None
    m = rng.choice(found)
    return text[: m.end()] + " not" + text[m.end() :]


def speaker(case: Case, rng: random.Random, others: Sequence[str]) -> str | None:
    """Somebody else says it."""
    found = list(
        re.finditer(
            rf"(?P<who>{_PERSON})(?= {_SAID})|(?<= said )(?P<after>{_PERSON})|(?<=according to )(?P<to>{_PERSON})",
            case.claim,
        )
    )
    return _swap(case, rng, [m for m in found if not _NOT_NAMES & set(m.group().split())], others)


def quotation(case: Case, rng: random.Random, _: Sequence[str]) -> str | None:
    """Another word within quotation marks, or one left out."""
    found = [m for m in re.finditer(r"“([^“”]+)”|\"([^\"]+)\"", case.claim) if len(m.group().split()) > 3]
    if not found:
        return None
    m = rng.choice(found)
    words = list(re.finditer(r"\b[a-z]{3,}\b", m.group()))
    if not words:
        return None
    w = rng.choice(words)
    edge = w is words[0] or w is words[-1]  # without its last word a quotation is shorter, not wrong
    new = rng.choice(["really", "plainly", "always", "some", "former", *([] if edge else [""])])
    a, b = m.start() + w.start(), m.start() + w.end()
    return None if new == w.group() else case.claim[:a] + new + case.claim[b:]


ALTER: dict[str, Alter] = {
    "number": number, "date": day, "name": name, "place": place, "negation": negation, "speaker": speaker, "quotation": quotation,
}  # fmt: skip


def _dated(text: str, m: re.Match[str]) -> bool:
    near = text[max(0, m.start() - 12) : m.end() + 12]
    return bool(
        re.fullmatch(r"1[0-9]\d\d|20[0-2]\d", m.group())
        or re.search(rf"\b(?:{'|'.join(x[:3] for x in _MONTHS)})", near)
    )


def _swap(case: Case, rng: random.Random, found: Sequence[re.Match[str]], others: Sequence[str]) -> str | None:
    rng_order = list(found)
    rng.shuffle(rng_order)
    for m in rng_order:
        mine = set(m.group().lower().split())
        free = [o for o in others if not mine & set(o.lower().split()) and o.lower() not in case.claim.lower()]
        if free:
            return case.claim[: m.start()] + rng.choice(free) + case.claim[m.end() :]
    return None


def people(corpus: Corpus) -> dict[str, list[str]]:
    """Names of two words in each article, and under "" in all."""
    found: dict[str, list[str]] = {}
    for file, d in corpus.documents.items():
        pairs = re.findall(r"(?<![.!?“\"\n] )\b[A-Z][a-z]{2,} [A-Z][a-z]{2,}\b", d.text[d.body_start :])
        found[file] = sorted({p for p in pairs if not (_NOT_NAMES | _TITLES) & set(p.split())})
    found[""] = sorted({n for names in found.values() for n in names})
    return found


def wrong_place(case: Case, corpus: Corpus, rng: random.Random, other_file: bool) -> list[Evidence] | None:
    """Other lines of the same article, or lines of another one."""
    files = [f for f in corpus.documents if (f != case.file) == other_file]
    if not files:
        return None
    file = rng.choice(files)
    spans = [
        s
        for s in corpus.spans(file)
        if (other_file or not case.lines & set(range(s[0], s[1] + 1))) and len(s[2].split()) > 5
    ]
    if not spans:
        return None
    first, last, text = rng.choice(spans)
    if case.claim in text or text in case.claim:
        return None
    return corpus.evidence(file, first, last)


def passes(case: Case, corpus: Corpus, check: Check) -> str:
    """`supported`, `moved` or the failing verdict of an unaltered claim."""
    verdict = check(case.claim, case.cited).verdict
    if verdict == "supported":
        return verdict
    spans = corpus.spans(case.file)
    for i, (first, _, _) in enumerate(spans):
        last = spans[min(i + 1, len(spans) - 1)][1]
        if check(case.claim, corpus.evidence(case.file, first, last)[:3]).verdict == "supported":
            return "moved"
    return verdict


def measure(
    qa: Path, corpus: Corpus, args: argparse.Namespace, check: Check, seconds: list[float]
) -> dict[str, Counter[str]]:
    """Counts by kind: claims, and those caught (or passed)."""
    rng = random.Random(args.seed)
    names = people(corpus)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    shown: Counter[str] = Counter()

    def note(kind: str, good: bool, claim: str, why: Any) -> None:
        counts[kind]["n"] += 1
        counts[kind]["good"] += good
        if not good and shown[kind] < args.show:
            shown[kind] += 1
            print(f"  {kind}: {claim}\n      {why}", file=sys.stderr)

    for kind, cases in read_cases(qa, corpus, args.limit, rng).items():
        for case in cases:
            started = time.perf_counter()
            first = check(case.claim, case.cited)
            seconds.append(time.perf_counter() - started)
            verdict = first.verdict if first.verdict == "supported" else passes(case, corpus, check)
            note(
                f"unaltered {kind}",
                verdict in ("supported", "moved"),
                case.claim,
                (first.reasons, [e.text for e in case.cited][:4]),
            )
            if first.verdict != "supported":
                continue  # only claims that the check supports can be spoilt
            near = names[case.file] if rng.random() < 0.5 and names[case.file] else names[""]
            for way, alter in ALTER.items():
                altered = alter(case, rng, near)
                if altered and altered != case.claim:
                    started = time.perf_counter()
                    found = check(altered, case.cited)
                    seconds.append(time.perf_counter() - started)
                    note(way, found.verdict != "supported", altered, [e.text for e in case.cited][:3])
            for way, other in (("line", False), ("file", True)):
                elsewhere = wrong_place(case, corpus, rng, other)
                if elsewhere:
                    found = check(case.claim, elsewhere)
                    note(way, found.verdict != "supported", case.claim, [e.text for e in elsewhere])
    return counts


def main() -> int:
    """Alter, check, print the shares; 0 where every goal is reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", type=Path, metavar="QA.jsonl ARTICLES")
    parser.add_argument("--limit", type=int, default=400, help="claims of each kind and set")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=0, help="print so many failures of each kind")
    parser.add_argument("--strict", action="store_true", help="as what a model writes is checked")
    args = parser.parse_args()
    check = partial(verify.check, strict=args.strict)
    total: dict[str, Counter[str]] = defaultdict(Counter)
    seconds: list[float] = []
    columns: list[dict[str, Counter[str]]] = []
    labels = []
    for qa, folder in zip(args.sets[::2], args.sets[1::2], strict=True):
        columns.append(measure(qa, Corpus(folder), args, check, seconds))
        labels.append(qa.stem if qa.stem != "qa" else qa.parent.name)
        for kind, c in columns[-1].items():
            total[kind].update(c)
    order = [k for k in ("unaltered answers", "unaltered sentences", *GOALS) if k in total]
    table(
        ("caught or passed, %", *labels, "all", "claims", "goal"),
        [
            (k, *(_share(c[k]) for c in columns), _share(total[k]), total[k]["n"], GOALS.get(k, PASS_GOAL))
            for k in order
        ],
    )
    took = f"{1000 * statistics.fmean(seconds):.2f} ms a claim on average, {1000 * percentile(seconds, 0.95):.2f} at the 95th percentile"
    short = [k for k in order if 100 * total[k]["good"] < GOALS.get(k, PASS_GOAL) * total[k]["n"]]
    print(f"\n{'FAIL  ' + ', '.join(short) if short else 'PASS'}; {took}")
    return int(bool(short))


def _share(c: Counter[str]) -> str:
    return f"{100 * c['good'] / c['n']:.1f}" if c["n"] else "-"


if __name__ == "__main__":
    sys.exit(main())
