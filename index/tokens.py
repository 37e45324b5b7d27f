"""Token counts with tiktoken, offline: its encodings come inside llama-index-core."""

from __future__ import annotations

import os
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ENCODING = "o200k_base"
"""The encoding of OpenAI's present models. For others it is an estimate, which is all a budget needs."""


@lru_cache(maxsize=1)
def _encoding() -> Any:
    # find_spec runs no llama_index code (1.8 s); tiktoken alone would download the encoding.
    spec = find_spec("llama_index.core")
    if spec and spec.submodule_search_locations and not os.environ.get("TIKTOKEN_CACHE_DIR"):
        os.environ["TIKTOKEN_CACHE_DIR"] = str(Path(spec.submodule_search_locations[0]) / "_static/tiktoken_cache")
    import tiktoken

    return tiktoken.get_encoding(ENCODING)


def count_tokens(text: str) -> int:
    """Number of tokens of `text`; text that looks like a special token counts as plain text."""
    return len(_encoding().encode_ordinary(text))


def truncate(text: str, limit: int) -> str:
    """`text` cut after `limit` tokens."""
    if len(text) <= limit:  # a token is at least one character
        return text
    encoding = _encoding()
    found = encoding.encode_ordinary(text)
    return text if len(found) <= limit else str(encoding.decode(found[:limit], errors="ignore"))
