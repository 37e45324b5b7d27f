"""Questions of several parts: each is searched by itself."""

from __future__ import annotations

import re

MOST = 4
"""Parts of a question at most."""

_ASKS = (
    r"(?:who|whom|whose|what|when|where|why|which|how|did|does|do|was|were|is|are|has|have|had|can|could|will|would)\b"
)
_BETWEEN = re.compile(
    rf"\?\s+(?=\S)|;\s+(?={_ASKS})|,?\s+and\s+(?={_ASKS})|,\s+(?=(?:who|what|when|where|why|how)\b[^,]*$)", re.I
)


def parts(question: str) -> list[str]:
    """The parts of `question` in order; one where it does not ask several things."""
    found = [p.strip() for p in _BETWEEN.split(question) if p.strip(" ?.,;")]
    if (
        len(found) < 2
        or len(found) > MOST
        or not re.match(_ASKS, found[0], re.I)
        or any(len(p.split()) < 3 for p in found)
    ):
        return [question]
    return found
