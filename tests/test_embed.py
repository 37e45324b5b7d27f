from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from index.embed import make_embedder
from index.errors import EmbedderError, ModelError
from index.hashing import HashEmbedder
from tests.server import serving


def test_hash_vectors_are_unit_and_the_same_whatever_came_before() -> None:
    first, second = HashEmbedder(), HashEmbedder()
    second.embed(["quite another text first"])
    a, b = first.embed(["The letter was unsigned."]), second.embed(["The letter was unsigned."])
    assert a.shape == (1, 256)
    assert a.dtype == np.float32
    assert np.linalg.norm(a) == pytest.approx(1)
    assert np.array_equal(a, b)


def test_hash_brings_spellings_near_and_words_out_of_order_together() -> None:
    v = HashEmbedder().embed(["Soleimani", "Suleimani", "photocopier", "the of and", "drone strike", "strike drone"])
    assert v[0] @ v[1] > 0.25 > abs(v[0] @ v[2])
    assert not v[3].any()  # function words alone give a zero row
    assert v[4] @ v[5] == pytest.approx(1)
    assert HashEmbedder().embed([]).shape == (0, 256)


def test_hash_may_be_shared_by_threads() -> None:
    texts = [f"word{i} other{i * 7} third{i * 13}" for i in range(3000)]
    shared = HashEmbedder()
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(shared.embed, [texts[i::4] for i in range(4)]))
    alone = HashEmbedder().embed(texts)
    assert all(np.array_equal(part, alone[i::4]) for i, part in enumerate(parts))


@pytest.mark.parametrize("spec", ["word2vec", "openai:", "openai", "hash:9", ""])
def test_an_unknown_embedder_is_refused_with_the_names_that_work(spec: str) -> None:
    with pytest.raises(EmbedderError, match="hash, minilm"):
        make_embedder(spec)


def test_openai_vectors_come_in_order_of_the_texts_and_have_unit_length() -> None:
    with serving("ok") as script:
        found = make_embedder("openai:m", base_url=script.url).embed(["tree", "be"])
    # (length 4, e's + 1 = 3) has norm 5; (2, 2) has norm sqrt 8.
    assert found == pytest.approx(np.array([[4 / 5, 3 / 5], [2**-0.5, 2**-0.5]]))


def test_openai_retries_a_busy_endpoint() -> None:
    with serving(429, 500, "ok") as script:
        assert make_embedder("openai:m", base_url=script.url).embed(["tree"]).shape == (1, 2)
        assert len(script.requests) == 3


def test_openai_batches_hold_at_most_256_texts() -> None:
    with serving("ok") as script:
        make_embedder("openai:m", base_url=script.url).embed(["x"] * 600)
        assert [len(r["input"]) for r in script.requests] == [256, 256, 88]


@pytest.mark.parametrize(
    ("reply", "says"),
    [(401, "OPENAI_API_KEY"), (404, "no such model"), ((200, "<html>"), "check its URL"), ((200, "{}"), "embedding")],
)
def test_openai_faults_say_what_to_do(reply: object, says: str) -> None:
    with serving(reply) as script, pytest.raises(ModelError, match=says):
        make_embedder("openai:m", base_url=script.url, api_key="k").embed(["x"])


def test_openai_without_a_key_can_count_tokens_but_not_embed() -> None:
    embedder = make_embedder("openai:m")
    assert embedder.count_tokens(["hello world", "<|endoftext|>"]) >= 3  # type: ignore[operator]
    with pytest.raises(EmbedderError, match="OPENAI_API_KEY"):
        embedder.embed(["x"])
