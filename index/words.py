"""Words as the index sees them: function words left out, the rest stemmed.

tantivy stems with the same Snowball English stemmer, so a stem found here is a term found there.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from functools import lru_cache

STOPWORDS = frozenset(
    """a about above after again against all also am an and any are as at be because been before being below
    between both but by can could did do does doing down during each few for from further had has have having
    he her here hers herself him himself his how i if in into is it its itself just me more most my myself no
    nor not now of off on once only or other our ours ourselves out over own same she should so some such than
    that the their theirs them themselves then there these they this those through to too under until up us
    very was we were what when where which while who whom whose why will with would you your yours yourself
    s t d ll m re ve don doesn didn isn aren wasn weren hasn haven hadn won wouldn shouldn couldn""".split()
)
"""English function words that carry no topic: they neither search nor count as covered."""

_WORD = re.compile(r"[^\W_]+")
_local = threading.local()


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """Snowball English stem of a lower-cased word without accents."""
    try:
        stemmer = _local.stemmer
    except AttributeError:
        from Stemmer import Stemmer  # the C library behind snowballstemmer; not thread-safe

        stemmer = _local.stemmer = Stemmer("english", 0)
    return str(stemmer.stemWord(word))


def fold(text: str) -> str:
    """Lower case without accents, as tantivy's `ascii_fold` does for Latin letters."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.replace("’", "'"))
    return "".join(c for c in plain if not unicodedata.combining(c)).lower()


def terms(text: str) -> list[str]:
    """Stems of the content words of `text`, in order, repeats kept."""
    return [stem(w) for w in _WORD.findall(fold(text)) if w not in STOPWORDS]
