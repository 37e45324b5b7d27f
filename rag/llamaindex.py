"""Byline for people who build on LlamaIndex: a retriever and a query engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.response.schema import RESPONSE_TYPE, Response
from llama_index.core.prompts.mixin import PromptMixinType
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from rag.chain import ask, search
from rag.types import Citation, Hit


class BylineRetriever(BaseRetriever):
    """Sentences of a corpus as nodes.

    Each node's metadata has `file`, `line_start`, `line_end`, `title`, `date`, `source`; its
    `start_char_idx` and `end_char_idx` are true offsets in the article's text.
    """

    def __init__(self, corpus: str | Path, *, k: int = 10, **options: Any) -> None:
        """`options` go to `rag.search`: since, until, files, sources, index, settings, refresh."""
        self._corpus = corpus
        self._k = k
        self._options = options
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = search(query_bundle.query_str, corpus=self._corpus, k=self._k, **self._options)
        return [NodeWithScore(node=_node(h), score=h.score) for h in hits]


class BylineQueryEngine(BaseQueryEngine):
    """Checked answers. The response's text has ``[1]`` markers, `source_nodes[0]` is what [1] cites, and
    `metadata["byline"]` is the whole answer as a dict (`rag.Answer.to_dict`)."""

    def __init__(self, corpus: str | Path, **options: Any) -> None:
        """`options` go to `rag.ask`; `llm` may be any LlamaIndex LLM."""
        self._corpus = corpus
        self._options = options
        super().__init__(callback_manager=None)

    def _query(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        answer = ask(query_bundle.query_str, corpus=self._corpus, **self._options)
        nodes = [NodeWithScore(node=_node(c), score=1.0) for c in answer.citations]
        return Response(response=answer.text, source_nodes=nodes, metadata={"byline": answer.to_dict()})

    async def _aquery(self, query_bundle: QueryBundle) -> RESPONSE_TYPE:
        import asyncio

        return await asyncio.to_thread(self._query, query_bundle)

    def _get_prompt_modules(self) -> PromptMixinType:
        return {}


def _node(found: Hit | Citation) -> TextNode:
    metadata = {
        "file": found.file,
        "line_start": found.line_start,
        "line_end": found.line_end,
        "title": found.title,
        "date": found.date,
        "source": found.source,
    }
    return TextNode(
        id_=f"{found.file}:{found.start}-{found.end}",
        text=found.text,
        metadata=metadata,
        start_char_idx=found.start,
        end_char_idx=found.end,
        excluded_embed_metadata_keys=["line_start", "line_end"],
    )
