"""The `openai:MODEL` embedder, for OpenAI and every endpoint that speaks its protocol."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from index.embed import Vectors
from index.errors import EmbedderError, ModelError
from index.tokens import count_tokens, truncate

MAX_INPUT_TOKENS = 8191  # OpenAI's limit for one input of its embedding models
MAX_BATCH_TOKENS = 100_000  # OpenAI allows 300,000 a request, many compatible servers far less
MAX_BATCH_TEXTS = 256
RETRIES = 5
TIMEOUT = 60.0


class OpenAIEmbedder:
    """Embeds over HTTP with retries; `base_url` None means OpenAI itself."""

    batch = MAX_BATCH_TEXTS

    def __init__(self, model: str, *, api_key: str | None, base_url: str | None) -> None:
        self.model = model
        self.name = f"openai:{model}"
        self.fingerprint = self.name
        self._key = api_key
        self._base_url = base_url
        self._client: Any = None

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors in the order of `texts`. Raises ModelError when the endpoint fails."""
        if not texts:
            return np.zeros((0, 0), np.float32)
        rows: list[list[float]] = []
        for group in self._batches(texts):
            rows.extend(self._request(group))
        try:
            out = np.asarray(rows, np.float32)
        except ValueError:
            out = np.zeros(0, np.float32)
        if out.ndim != 2 or not np.isfinite(out).all():
            raise ModelError(f"{self.name} returned vectors of unequal length; check that it is an embedding model")
        norms = np.linalg.norm(out, axis=1, keepdims=True)
        np.divide(out, norms, out=out, where=norms > 0)
        return out

    def count_tokens(self, texts: Sequence[str]) -> int:
        """Tokens of all texts, each cut at the model's limit."""
        return sum(min(count_tokens(t), MAX_INPUT_TOKENS) for t in texts)

    def _batches(self, texts: Sequence[str]) -> Iterator[list[str]]:
        group: list[str] = []
        total = 0
        for text in texts:
            text = truncate(text, MAX_INPUT_TOKENS) or " "  # the API refuses an empty input
            size = count_tokens(text)
            if group and (total + size > MAX_BATCH_TOKENS or len(group) == MAX_BATCH_TEXTS):
                yield group
                group, total = [], 0
            group.append(text)
            total += size
        yield group

    def _request(self, texts: list[str]) -> list[list[float]]:
        import openai

        if not self._key and not self._base_url:
            raise EmbedderError(f"embedder {self.name} needs a key: set OPENAI_API_KEY or OPENAI_BASE_URL")
        if self._client is None:
            key = self._key or "none"  # local servers want none, the client insists on some text
            self._client = openai.OpenAI(api_key=key, base_url=self._base_url, max_retries=RETRIES, timeout=TIMEOUT)
        try:
            reply = self._client.embeddings.create(model=self.model, input=texts, encoding_format="float")
            data = sorted(reply.data, key=lambda item: item.index)
            rows = [list(item.embedding) for item in data]
        except openai.AuthenticationError as e:
            raise ModelError(f"{self.name}: the key was refused; check OPENAI_API_KEY ({e.status_code})") from e
        except openai.NotFoundError as e:
            raise ModelError(f"{self.name}: no such model at this endpoint; check the name") from e
        except openai.APIConnectionError as e:
            where = self._base_url or "the OpenAI API"
            raise ModelError(f"{self.name}: cannot reach {where}; check OPENAI_BASE_URL and the network") from e
        except openai.OpenAIError as e:
            raise ModelError(f"{self.name}: {' '.join(str(e).split())[:200]}; try again later") from e
        except (ValueError, TypeError, AttributeError) as e:  # HTML or cut JSON; a body of another shape
            raise ModelError(f"{self.name}: the endpoint's reply is not an embedding list; check its URL") from e
        if len(rows) != len(texts):
            raise ModelError(f"{self.name}: {len(rows)} vectors for {len(texts)} texts; try another endpoint")
        return rows
