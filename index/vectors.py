"""Dense vectors in Chroma: an embedded folder, or a server. A cache of the catalog.

Nothing but ids and vectors goes in: Chroma's own copies of documents and metadata cost most of its
time, and the catalog has them. The embedded store is only ever written into a fresh folder that no
reader has open (sync.py), because a kill, a second writer or a reader during a write break it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from index.embed import Vectors
from index.errors import ModelError

BATCH = 4000  # upserts in one call; Chroma's own limit is about 5,400

# A lighter graph and a wider search than Chroma's defaults: built in three quarters of the time, and recall of
# the ten nearest is 0.95 instead of 0.80 on hashed news passages, for 1 ms more a query; see docs/lab-notes.md.
_HNSW = {"space": "cosine", "ef_construction": 60, "max_neighbors": 12, "ef_search": 800}


class DenseIndex:
    """An open collection of passage vectors."""

    def __init__(self, client: Any, collection: Any, *, owned: bool) -> None:
        self._client = client
        self._collection = collection
        self._owned = owned

    def close(self) -> None:
        """Release an embedded store's files."""
        if self._owned:
            self._client.close()

    def __len__(self) -> int:
        return int(self._collection.count())

    def stamp(self) -> str:
        """The token that the collection was finished with; empty while it is being written."""
        return str((self._collection.metadata or {}).get("token", ""))

    def set_stamp(self, token: str) -> None:
        """Mark the collection as belonging to one catalog generation ("" while writing)."""
        self._collection.modify(metadata={"token": token})

    def update(self, add: Iterable[tuple[list[int], Vectors]], remove: Sequence[int] = ()) -> None:
        """Delete passages by id, then upsert (ids, vectors) batches."""
        for i in range(0, len(remove), BATCH):
            self._collection.delete(ids=[str(k) for k in remove[i : i + BATCH]])
        for ids, vectors in add:
            self._collection.upsert(ids=[str(k) for k in ids], embeddings=vectors)

    def clear(self) -> None:
        """Delete every vector (a server's collection outlives an index folder)."""
        while ids := self._collection.get(limit=BATCH, include=[])["ids"]:
            self._collection.delete(ids=ids)

    def search(self, vector: Vectors, k: int, *, allowed: Sequence[int] | None = None) -> list[tuple[int, float]]:
        """The k nearest (passage id, cosine similarity); `allowed` limits the ids, which must all be there."""
        if allowed is not None and not allowed:
            return []
        ids = None if allowed is None else [str(i) for i in allowed]
        found = self._collection.query(
            query_embeddings=vector.reshape(1, -1), n_results=k, include=["distances"], ids=ids
        )
        pairs = zip(found["ids"][0], found["distances"][0], strict=True)
        return [(int(i), 1.0 - float(d)) for i, d in pairs]


def open_folder(folder: Path, *, create: bool = False) -> DenseIndex:
    """The embedded store in `folder`. Any fault raises one of Chroma's many exceptions."""
    import chromadb

    if create:
        folder.mkdir(parents=True)
    client = chromadb.PersistentClient(str(folder), _settings())
    try:
        collection = _collection(client, "passages", create)
    except BaseException:
        client.close()
        raise
    return DenseIndex(client, collection, owned=True)


def open_server(url: str, name: str, *, create: bool = False) -> DenseIndex:
    """The collection `name` on the Chroma server at `url`. Raises ModelError if it cannot be reached."""
    from urllib.parse import urlsplit

    import chromadb

    parts = urlsplit(url if "//" in url else f"http://{url}")
    try:
        client = chromadb.HttpClient(
            host=parts.hostname or "localhost",
            port=parts.port or (443 if parts.scheme == "https" else 8000),
            ssl=parts.scheme == "https",
            settings=_settings(),
        )
    except Exception as e:
        raise ModelError(
            f"no Chroma server answers at {url}; start one with `chroma run` or unset BYLINE_CHROMA_URL"
        ) from e
    return DenseIndex(client, _collection(client, name, create), owned=False)


def _settings() -> Any:
    from chromadb.config import Settings

    os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
    return Settings(anonymized_telemetry=False)


def _collection(client: Any, name: str, create: bool) -> Any:
    if create:
        return client.get_or_create_collection(name, configuration={"hnsw": _HNSW}, embedding_function=None)
    return client.get_collection(name, embedding_function=None)
