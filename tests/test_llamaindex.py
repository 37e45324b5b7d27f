from __future__ import annotations

import asyncio
from pathlib import Path

from rag.llamaindex import BylineQueryEngine, BylineRetriever


def test_nodes_carry_file_lines_and_true_offsets(corpus: Path) -> None:
    (node, *_) = BylineRetriever(corpus, k=3, until="2020-01-07").retrieve("How many people did the ferry carry?")
    assert node.node.metadata["file"] == "a.txt"
    assert (node.node.metadata["line_start"], node.node.metadata["line_end"]) == (5, 5)
    text = (corpus / "a.txt").read_text()
    assert text[node.node.start_char_idx : node.node.end_char_idx] == node.text  # type: ignore[attr-defined]
    assert node.score


def test_the_query_engine_gives_checked_text_and_its_sources(corpus: Path) -> None:
    engine = BylineQueryEngine(corpus, llm=False)
    response = engine.query("Which ferry left at nine?")
    assert str(response).startswith("The ferry left at nine. [1]")
    assert {n.node.metadata["file"] for n in response.source_nodes} == {"a.txt"}
    assert response.metadata
    assert response.metadata["byline"]["citations"][0]["place"] == "a.txt:5"
    assert str(asyncio.run(engine.aquery("Which ferry left at nine?"))) == str(response)
