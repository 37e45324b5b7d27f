"""Settings: the environment and a `.env` file, read once at the edge. Everything below takes arguments."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from index.caches import CachePlan
from index.errors import UsageError

NO_CORPUS = "no corpus: give a folder of articles with -c, or set BYLINE_CORPUS"


PASSAGES = 16
"""Passages whose sentences are scored, for a model to read the best of them."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user configured. Paths are as given; None means not set.

    `passages` and `dense_weight` (of dense search beside BM25's 1; None: what was measured for the embedder)
    are set by programs, as `byline eval sweep` does.
    """

    home: Path
    corpus: Path | None = None
    index: Path | None = None
    model: str | None = None
    embedder: str | None = None
    api_key: str | None = None
    base_url: str | None = None
    embedder_base_url: str | None = None
    chroma_url: str | None = None
    minilm: str | None = None
    threshold: float | None = None
    passages: int = PASSAGES
    dense_weight: float | None = None
    login: str | None = None
    check: str | None = None

    def plan(self, corpus: Path | None, index: Path | None) -> CachePlan:
        """Where the index of a corpus lives: `index` if given, else a folder of its own in `home`."""
        if index is None:
            if corpus is None:
                raise UsageError(NO_CORPUS)
            full = corpus.resolve()
            slug = re.sub(r"[^a-z0-9]+", "-", full.name.lower()).strip("-")[:32] or "corpus"
            index = self.home / "indexes" / f"{slug}-{hashlib.sha256(os.fsencode(full)).hexdigest()[:10]}"
        return CachePlan(index.expanduser(), self.chroma_url)


def read_settings(env_file: Path | None = None) -> Settings:
    """Settings from the environment; `.env` in the working folder fills what is not set there."""
    from dotenv import dotenv_values
    from platformdirs import user_data_path

    path = env_file or Path(".env")
    if env_file and not env_file.is_file():
        raise UsageError(f"there is no settings file {env_file}; give another with --env-file")
    try:
        values = {k: v for k, v in dotenv_values(path).items() if v} if path.is_file() else {}
    except (OSError, UnicodeDecodeError) as e:
        raise UsageError(f"cannot read the settings file {path} ({e}); write it in UTF-8") from e
    values.update({k: v for k, v in os.environ.items() if v})
    get = values.get

    def folder(name: str) -> Path | None:
        found = get(name)
        try:
            return Path(found).expanduser() if found else None
        except RuntimeError as e:
            raise UsageError(f"{name} is {found!r}, and there is no such user; give the whole path") from e

    return Settings(
        home=folder("BYLINE_HOME") or user_data_path("byline", appauthor=False),
        corpus=folder("BYLINE_CORPUS"),
        model=get("BYLINE_MODEL"),
        embedder=get("BYLINE_EMBEDDER"),
        api_key=get("OPENAI_API_KEY"),
        base_url=get("OPENAI_BASE_URL"),
        embedder_base_url=get("BYLINE_EMBEDDER_BASE_URL"),
        chroma_url=get("BYLINE_CHROMA_URL"),
        minilm=get("BYLINE_MINILM"),
        threshold=_probability("BYLINE_THRESHOLD", get("BYLINE_THRESHOLD")),
        login=get("BYLINE_LOGIN"),
        check=_opinion(get("BYLINE_CHECK")),
    )


def _opinion(text: str | None) -> str | None:
    if text not in (None, "model"):
        raise UsageError(f'BYLINE_CHECK is {text!r}; give "model", or unset it')
    return text


def _probability(name: str, text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        raise UsageError(f"{name} is {text!r}; give a probability from 0 to 1, as 0.5") from None
