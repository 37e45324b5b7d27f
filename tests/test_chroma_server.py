"""Vectors on a Chroma server, started with `chroma run` as a user would."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from index.caches import CachePlan
from index.errors import ModelError
from index.hashing import HashEmbedder
from index.reader import IndexReader
from index.sync import sync
from index.vectors import open_server
from tests.conftest import reading, write
from tests.test_sync import body_ids


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    chroma = Path(sys.executable).with_name("chroma")
    folder = tmp_path_factory.mktemp("server")
    argv = [str(chroma), "run", "--path", str(folder), "--host", "127.0.0.1", "--port", str(port)]
    env = os.environ | {"ANONYMIZED_TELEMETRY": "False"}
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
    for _ in range(300):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait()


def test_vectors_live_on_the_server_and_follow_the_catalog(server: str, corpus: Path, tmp_path: Path) -> None:
    plan = CachePlan(tmp_path / "index-one", server)
    embedder = HashEmbedder()
    sync(corpus, plan, embedder)
    query = embedder.embed(["bridge mayor Ida Holm opened"])[0]
    with reading(plan) as reader:
        (best, score), *_ = reader.dense.search(query, 5)
        assert "mayor" in reader.catalog.passages([best])[best].text
        assert 0 < score <= 1
    write(corpus, "sub/b.txt", "The gate is shut.\n")
    sync(corpus, plan, embedder)
    with reading(plan) as reader:
        found = {i for i, _ in reader.dense.search(query, 99)}
        assert found == body_ids(reader.catalog)
        assert reader.dense.search(query, 5, allowed=[]) == []
        ids = reader.catalog.body_ids_of(d.id for d in reader.catalog.documents())
        assert sorted(found) == sorted(ids)
        assert len(reader.dense.search(query, 5, allowed=ids[:2])) == 2
    assert not (plan.folder / "cache" / "vectors").exists()


def test_a_collection_that_fell_behind_is_made_again(server: str, corpus: Path, tmp_path: Path) -> None:
    plan = CachePlan(tmp_path / "index-two", server)
    sync(corpus, plan, HashEmbedder())
    dense = open_server(server, plan.collection)
    dense.update([([777], np.ones((1, 256), np.float32))])
    dense.set_stamp("something else")
    with reading(plan) as reader:
        assert len(reader.dense) == len(body_ids(reader.catalog))


def test_a_server_out_of_reach_is_said_in_one_line(server: str, corpus: Path, tmp_path: Path) -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{s.getsockname()[1]}"
    with pytest.raises(ModelError, match="chroma run"):
        sync(corpus, CachePlan(tmp_path / "index-three", dead), HashEmbedder())
    sync(corpus, CachePlan(tmp_path / "index-four", server), HashEmbedder())
    reader = IndexReader(CachePlan(tmp_path / "index-four", dead))
    with reader.snapshot() as snapshot, pytest.raises(ModelError, match="BYLINE_CHROMA_URL"):
        snapshot.dense.search(np.ones(256, np.float32), 3)
    reader.close()
