"""Title, date, source and author, where the article's text shows them.

Three forms are read: YAML front matter, a block of ``Key: value`` lines, and the headline, byline and
dateline that open a printed article. What is not plainly there stays None: a wrong date is worse
than none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from itertools import takewhile

LONGEST = 300  # characters of a value
FRONT_MATTER = 64 * 2**10  # characters; a longer block is no front matter
LEAD_LINES = 8  # lines with text in which byline and dateline are looked for
HEADLINE = 200  # characters


@dataclass(frozen=True, slots=True)
class Metadata:
    """What an article says of itself.

    `date` is ISO ``YYYY-MM-DD``. `body_start` is the offset of the first character after front matter
    or header block, 0 without one: a headline is part of the text.
    """

    title: str | None = None
    date: str | None = None
    source: str | None = None
    author: str | None = None
    body_start: int = 0


# Earlier keys win: when a page was published says more of its news than when it was touched.
_KEYS = {
    "title": ("title", "headline"),
    "date": ("date", "published", "publication date", "date published", "published on", "published at",
             "publish date", "pubdate", "datetime", "created", "posted", "updated", "last updated"),
    "source": ("source", "publication", "publisher", "outlet", "newspaper", "site", "site name"),
    "author": ("author", "authors", "byline", "by", "writer", "reporter"),
}  # fmt: skip
_OTHER_KEYS = ("category", "section", "url", "link", "tags", "keywords", "language", "edition", "page")
_KNOWN = frozenset(_OTHER_KEYS).union(*_KEYS.values())


def read_metadata(text: str, file: str) -> Metadata:
    """Read what the text shows; the date of the file name counts only when the text has none."""
    top = _furniture(text)
    fields, body = _front_matter(text) or _header(text, top) or ({}, 0)
    found = {name: _pick(fields, keys) for name, keys in _KEYS.items() if name != "date"}
    found["date"] = next((day for key in _KEYS["date"] if (day := parse_date(fields.get(key, "")[:LONGEST]))), None)
    start = max(body, top)
    lead = {} if all(found.values()) else _lead(text[start : start + 8000])
    for name, value in lead.items():
        if found.get(name) is None:
            found[name] = _clean(value)
    return Metadata(
        title=found["title"],
        date=found["date"] or _file_date(file),
        source=found["source"],
        author=found["author"],
        body_start=body,
    )


def _pick(fields: dict[str, str], keys: tuple[str, ...]) -> str | None:
    return next((value for key in keys if (value := _clean(fields.get(key, "")))), None)


# Control characters, and those that turn the direction of what a terminal prints after them.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


def _clean(value: str) -> str | None:
    """One line of at most `LONGEST` characters, or None when nothing is left."""
    return " ".join(_UNSEEN.sub(" ", value).split())[:LONGEST].rstrip() or None


# --- front matter and header block -------------------------------------------------------------

_Fields = tuple[dict[str, str], int]  # values by lower-case key, and where the body starts

_FENCE = re.compile(r"\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_FURNITURE = re.compile(
    r"\b(?:we use|uses?|accept|accept all) cookies\b|\bcookie (?:policy|settings|notice)\b"
    r"|^(?:share|print|menu|advertisement|skip to (?:main )?content|sign in|log in)(?::|\W*$)"
    r"|^(?:follow|like) (?:us|the \w+) on\b|^(?:subscribe|sign up)\b.*\bnewsletters?\b",
    re.IGNORECASE,
)
_PAIR = re.compile(r"([^\W\d_][\w .-]{0,29}?)[ \t]*:(?:[ \t]+(.*)|)")


def _front_matter(text: str) -> _Fields | None:
    """The YAML block between ``---`` lines at the very start; None where it is missing or broken."""
    opening = re.match(r"---[ \t]*\n", text)
    if not opening:
        return None
    closing = _FENCE.search(text, opening.end() - 1, FRONT_MATTER)
    if not closing:
        return None
    block = text[opening.end() : max(opening.end(), closing.start())]
    fields = _yaml(block)
    return None if fields is None else (fields, closing.end())


def _yaml(block: str) -> dict[str, str] | None:
    """Keys and texts of a YAML mapping, or None when it is no valid one.

    Events are read instead of building values: ``title: 1984`` and ``title: No`` stay as written,
    merge keys cannot blow up, and nesting, which overruns libyaml's stack, is seen while it grows.
    """
    import yaml  # type: ignore[import-untyped,unused-ignore]  # 20 ms, and most corpora have no front matter

    fields: dict[str, str] = {}
    key: str | None = None
    texts: list[str] = []
    depth, is_list = 0, False
    try:
        for event in yaml.parse(block, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                listed = isinstance(event, yaml.SequenceStartEvent)
                if depth > 20 or (depth == 1 and listed) or (depth == 2 and key is None):
                    return None
                is_list = listed if depth == 2 else is_list
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            elif isinstance(event, yaml.ScalarEvent):
                null = event.style in (None, "") and event.value.lower() in ("~", "null")
                if depth == 0:
                    return None
                if depth == 1 and key is None:
                    key = event.value
                    continue
                if not null and (depth == 1 or (depth == 2 and is_list)):
                    texts.append(event.value)
            elif not isinstance(event, yaml.AliasEvent):
                continue
            if depth == 1 and key is not None:
                fields[_key(key)] = ", ".join(texts)
                key, texts = None, []
    except (yaml.YAMLError, ValueError, RecursionError):
        return _unquoted(block)
    return fields


def _unquoted(block: str) -> dict[str, str] | None:
    """Front matter that breaks YAML's rules only by a colon in a headline: ``title: Iraq: troops stay``."""
    pairs = [_PAIR.fullmatch(line) for line in block.split("\n") if line.strip()]
    fields = {_key(pair[1]): pair[2] or "" for pair in pairs if pair}
    marked = any(value.startswith(tuple("[{&*!|>%@`\"'")) for value in fields.values())
    return None if marked or len(fields) != len(pairs) else fields


def _furniture(text: str) -> int:
    """Offset of the first line that is not blank, a cookie notice, share buttons or a menu."""
    place = 0
    while (end := text.find("\n", place, place + HEADLINE)) >= 0:
        line = text[place:end].strip()
        if line and not (_FURNITURE.search(line) or line.count(" | ") > 2):
            break
        place = end + 1
    return place


def _header(text: str, start: int) -> _Fields | None:
    """``Key: value`` lines from `start`, up to a blank line or to the first line of another kind."""
    pairs: list[tuple[str, str, int]] = []  # key, value, offset of the next line
    place = start
    closed = True
    while place < len(text):
        end = text.find("\n", place)
        end = len(text) if end < 0 else end
        line = text[place : min(end, place + 2000)]
        place = min(end + 1, len(text))
        if not line.strip():
            break
        pair = _PAIR.fullmatch(line)
        if not pair or (not pairs and _key(pair[1]) not in _KNOWN):
            closed = False
            break
        pairs.append((_key(pair[1]), pair[2] or "", place))
    if not closed:
        # Here an unknown key may as well be the first sentence: "Baghdad: the army left".
        pairs = list(takewhile(lambda pair: pair[0] in _KNOWN, pairs))
        pairs = pairs if len(pairs) > 1 else []
        place = pairs[-1][2] if pairs else 0
    if not pairs:
        return None
    fields: dict[str, str] = {}
    for key, value, _ in pairs:
        fields.setdefault(key, value)
    return fields, place if text[place : place + 8000].strip() else 0


def _key(written: str) -> str:
    return " ".join(written.replace("_", " ").replace("-", " ").lower().split())


# --- dates -------------------------------------------------------------------------------------

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DATE = (
    r"(?:(?<!\d)\d{4}(?:-\d{1,2}-|/\d{1,2}/|\.\d{1,2}\.)\d{1,2}(?!\d)"
    rf"|\b{_MONTH}\s*{_DAY},?\s+\d{{4}}\b"
    rf"|\b{_DAY}[\s-]+(?:of\s+)?{_MONTH},?[\s-]+\d{{4}}\b)"
)
_ANY_DATE = re.compile(_DATE, re.IGNORECASE)
_COMPACT = re.compile(r"\d{8}(?!\d)")
_IN_NAME = re.compile(r"(?<![0-9A-Za-z])(\d{4})([-_.]?)(\d{2})\2(\d{2})(?![0-9A-SU-Za-z])")


def parse_date(written: str) -> str | None:
    """The first date in `written` as ISO ``YYYY-MM-DD``, or None.

    None too for a day that does not exist, and for 07/01/2020: which number is the month depends on
    who wrote it.
    """
    if compact := _COMPACT.match(written.strip()):
        day = compact[0]
        return _iso(int(day[:4]), int(day[4:6]), int(day[6:]))
    match = _ANY_DATE.search(written)
    if not match:
        return None
    numbers = [int(number) for number in re.findall(r"\d+", match[0])]
    if len(numbers) == 3:
        return _iso(*numbers)
    name = re.search(_MONTH, match[0], re.IGNORECASE)
    month = _MONTHS.index(name[0][:3].lower()) + 1 if name else 0
    return _iso(numbers[1], month, numbers[0])


def _iso(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


def _file_date(file: str) -> str | None:
    """The date that a file name such as ``2020-01-07_talks.txt`` carries."""
    match = _IN_NAME.search(file.rpartition("/")[2])
    if not match or not 1500 <= int(match[1]) < 2200:  # eight digits are more often a number than a date
        return None
    return _iso(int(match[1]), int(match[3]), int(match[4]))


# --- headline, byline, dateline ----------------------------------------------------------------

_FULL_STOP = re.compile(r"[.。:;,—–-][\"'”’)\]]*$")
_ABBREVIATION = re.compile(r"(?:\b[A-Z]\.){2,}$|\b(?:Jr|Sr|Inc|Co|Ltd|Corp)\.$")
_PARTICLES = frozenset(["&", "al", "and", "bin", "da", "de", "del", "den", "der", "di", "dos", "du", "el"])
_PARTICLES |= {"ibn", "la", "le", "of", "the", "van", "von", "y"}
_BEFORE_DATES = frozenset(["After", "At", "Before", "By", "From", "In", "On", "Since", "Until"])
_BYLINE = re.compile(
    r"(?:(?:written|reported|story|report|text|words|analysis|opinion|commentary|an? [a-z]+) )?by:?\s+(\S.*)",
    re.IGNORECASE,
)
_DATED = re.compile(
    r"(?:((?:first |last |originally )?(?:published|posted|updated|modified|date|filed)(?: on| at)?):?\s+)?"
    r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,?\s+)?"
    rf"({_DATE})(?:[\sT,]+(?:at\s+)?\d{{1,2}}(?:[:.]\d\d|\s?[ap]\.?m).{{0,30}})?\s*[—–-]?",
    re.IGNORECASE,
)
_DATELINE = re.compile(
    rf"([^\W\d_][^\d()—–:]{{1,60}}?)\s+(?:({_DATE})|{_MONTH}\s*\d{{1,2}})?,?\s*(?:\(([^()]{{2,40}})\)\s*)?(?:[—–]|--?\s)",
    re.IGNORECASE,
)
_ROLE = re.compile(r"\b(?:writer|reporter|correspondent|editor|staff|bureau|columnist)s?\b", re.IGNORECASE)


def _lead(text: str) -> dict[str, str]:
    """Title, author, source and date among the first lines, as far as they are plainly there."""
    # Cut short and without runs of blanks, so that no pattern below can be made to crawl.
    lines = [" ".join(line[: 2 * HEADLINE].split()) for line in text.split("\n", 30)[:30]]
    shown = [place for place, line in enumerate(lines) if line][:LEAD_LINES]
    found: dict[str, str] = {}
    if not shown:
        return found
    given = [_credit(lines[place]) for place in shown]
    for credit in given:
        for name, value in credit.items():
            found.setdefault(name, value)
    if (updated := found.pop("updated", None)) and "date" not in found:
        found["date"] = updated
    if (title := _headline([lines[place] for place in shown], given, lines[shown[0] + 1 :])) is not None:
        found["title"] = title
    return found


def _headline(shown: list[str], given: list[dict[str, str]], after: list[str]) -> str | None:
    """The first of the `shown` lines when it is set like a headline: apart, ruled, or over a byline."""
    if heading := re.match(r"#{1,6}\s+(.+?)\s*#*$", shown[0]):
        return heading[1]
    if given[0] or len(shown) < 2 or not _is_headline(shown[0]):
        return None
    if shown[0].isupper() and after[0] and not given[1] and _is_headline(shown[1]) and any(given[2:4]):
        return shown[1]  # "MERIDIAN WIRE - FLASH" stands over the headline
    together = list(takewhile(bool, after[:3]))
    if not together or re.fullmatch(r"=+|-+", together[0]) or any(given[1 : 1 + len(together)]):
        return shown[0]
    return None


def _is_headline(line: str) -> bool:
    if len(line) > HEADLINE or not any(char.isalpha() for char in line):
        return False
    return not _FULL_STOP.search(line) or bool(_ABBREVIATION.search(line))


def _credit(line: str) -> dict[str, str]:
    """What a byline, date line or dateline gives; empty for every other line."""
    found = _dateline(line)
    if found or len(line) > HEADLINE:
        return found
    rest = []
    for part in re.split(r"\s+[|•·]\s+", line):
        if byline := _BYLINE.fullmatch(part):
            found.update(_names(byline[1]))
        elif dated := _DATED.fullmatch(part):
            name = "updated" if dated[1] and "pdated" in dated[1].lower() else "date"
            if day := parse_date(dated[2]):
                found[name] = day
        else:
            rest.append(part)
    # "Jan. 7, 2020 | Harbour Ledger": one part beside the others is the paper.
    if found and len(rest) == 1 and len(rest[0]) <= 60 and rest[0][:1].isupper() and not _FULL_STOP.search(rest[0]):
        found.setdefault("source", rest[0])
    return found if len(rest) <= 1 else {}


def _dateline(line: str) -> dict[str, str]:
    """Date and wire service of "BAGHDAD, Jan. 7, 2020 (Meridian Wire) —", whatever follows."""
    match = _DATELINE.match(line)
    if not match:
        return {}
    place, written, wire = match[1], match[2], match[3]
    day = parse_date(written) if written else None
    words = place.split()
    titled = all(word[0].isupper() or word in _PARTICLES for word in words)
    # Capitals mark a place; in other letters it takes the comma, and "On Tuesday, Jan. 7, 2020 —" is none.
    if not place.isupper() and not (day and titled and place.endswith(",") and words[0] not in _BEFORE_DATES):
        return {}
    found = {"date": day} if day else {}
    if wire and wire[0].isupper() and not re.search(r"\d", wire):
        found["source"] = wire
    return found


def _names(written: str) -> dict[str, str]:
    """Author, and source where one follows: "Jane Doe and John Roe, Meridian Wire"."""
    written = re.sub(r",?\s+(?:with|in)\s.*", "", written)  # "..., with Ann Poe in Berlin"
    written = re.sub(r"\s+for\s+(?=[A-Z][^,]*$)", ", ", written)
    words = re.split(r"[\s,]+", written)
    if len(words) > 20 or not all(word[:1].isupper() or word.lower() in _PARTICLES for word in words if word):
        return {}
    if written.endswith(".") and not re.search(r"\b(?:Jr|Sr|[A-Z])\.$", written):
        return {}
    author, comma, tail = written.rpartition(", ")
    if not comma or re.search(r"\band\b|&", tail) or ("," in author and " and " not in author):
        return {"author": written}
    if re.fullmatch(r"(?:Jr|Sr)\.?|I{1,3}|IV", tail):
        return {"author": written}
    return {"author": author} if _ROLE.search(tail) else {"author": author, "source": tail}
