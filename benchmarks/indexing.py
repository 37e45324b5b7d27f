"""Time to index a folder of articles: Byline against the plain LlamaIndex + Chroma + BM25 pipeline.

    pip install llama-index-vector-stores-chroma llama-index-retrievers-bm25
    python -m benchmarks.indexing ARTICLES [--rounds 3]

Both get the same embedder (`hash`), a fresh folder and a process of their own, in turns. "After imports"
leaves out loading the libraries; "whole process" is what a user waits for. Then Byline runs once more with
nothing changed. To reach: at most a third of the plain pipeline; unchanged, under 2 % of it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.common import environment, median, progress, run, table, temp_home, verdict

CHUNK_SIZE, CHUNK_OVERLAP = 400, 50


def main() -> int:
    """Run the rounds and print both tables; 0 where both figures are reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("articles", type=Path)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--child", choices=("plain", "byline"), help=argparse.SUPPRESS)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps((_plain if args.child == "plain" else _byline)(args.articles, args.into)))
        return 0
    for path in args.articles.rglob("*"):  # the first to read would pay for the disk
        if path.is_file():
            path.read_bytes()
    inside: dict[str, list[float]] = {"plain": [], "byline": []}
    whole: dict[str, list[float]] = {"plain": [], "byline": [], "unchanged": []}
    stages: dict[str, list[float]] = {}
    found: dict[str, Any] = {}
    for number in range(args.rounds):
        for kind in ("plain", "byline"):
            progress(f"round {number + 1}: {kind}")
            with temp_home() as home:
                command = ["-m", "benchmarks.indexing", str(args.articles), "--child", kind, "--into", str(home / "x")]
                done = run(command, environment(home))
                found[kind] = json.loads(done.output)
                inside[kind].append(found[kind]["seconds"])
                whole[kind].append(done.seconds)
                for stage, seconds in found[kind]["stages"].items():
                    stages.setdefault(f"{kind}: {stage}", []).append(seconds)
                if kind == "byline":
                    again = ["-m", "rag.cli", "index", "-c", str(args.articles), "--index", str(home / "x")]
                    for _ in range(3):
                        whole["unchanged"].append(run(again, environment(home)).seconds)
    rows = [
        ("plain pipeline", median(inside["plain"]), median(whole["plain"]), found["plain"]["passages"]),
        ("byline", median(inside["byline"]), median(whole["byline"]), found["byline"]["passages"]),
        ("byline, nothing changed", "", median(whole["unchanged"]), ""),
    ]
    table(("median seconds", "after imports", "whole process", "passages"), rows)
    print()
    table(("stage", "seconds"), [(name, median(seconds)) for name, seconds in stages.items()])
    print()
    good = [
        verdict("byline / plain, after imports", median(inside["byline"]) / median(inside["plain"]), 1 / 3),
        verdict("byline / plain, whole process", median(whole["byline"]) / median(whole["plain"]), 1 / 3),
        verdict("unchanged / plain, whole process", median(whole["unchanged"]) / median(whole["plain"]), 0.02),
    ]
    return 0 if all(good) else 1


def _byline(articles: Path, folder: Path) -> dict[str, Any]:
    """Index with Byline; seconds after imports."""
    import chromadb  # noqa: F401  (else imported at its first use, within the time measured)

    from index.caches import CachePlan
    from index.embed import make_embedder
    from index.sync import sync

    started = time.perf_counter()
    report = sync(articles, CachePlan(folder), make_embedder("hash"))
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "passages": report.passages, "stages": report.seconds or {}}


def _plain(articles: Path, folder: Path) -> dict[str, Any]:
    """Index as LlamaIndex's documentation does; seconds after imports."""
    import chromadb
    from llama_index.core import SimpleDirectoryReader, StorageContext, VectorStoreIndex
    from llama_index.core.embeddings import BaseEmbedding
    from llama_index.core.node_parser import SentenceSplitter
    from llama_index.retrievers.bm25 import BM25Retriever
    from llama_index.vector_stores.chroma import ChromaVectorStore

    from index.hashing import HashEmbedder

    hashing = HashEmbedder()

    class Hashing(BaseEmbedding):
        """Byline's embedder as LlamaIndex wants it."""

        def _get_query_embedding(self, query: str) -> list[float]:
            return self._get_text_embeddings([query])[0]

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_query_embedding(query)

        def _get_text_embedding(self, text: str) -> list[float]:
            return self._get_text_embeddings([text])[0]

        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            vectors: list[list[float]] = hashing.embed(texts).tolist()
            return vectors

    stages: dict[str, float] = {}
    started = last = time.perf_counter()

    def stage(name: str) -> None:
        nonlocal last
        now = time.perf_counter()
        stages[name], last = now - last, now

    documents = SimpleDirectoryReader(str(articles), recursive=True).load_data()
    stage("reading")
    nodes = SentenceSplitter(chunk_size=CHUNK_SIZE, chunk_overlap=CHUNK_OVERLAP).get_nodes_from_documents(documents)
    stage("splitting")
    client = chromadb.PersistentClient(str(folder), chromadb.Settings(anonymized_telemetry=False))
    store = ChromaVectorStore(chroma_collection=client.get_or_create_collection("articles"))
    context = StorageContext.from_defaults(vector_store=store)
    VectorStoreIndex(nodes, storage_context=context, embed_model=Hashing(embed_batch_size=2048))
    stage("chroma")
    BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=10)
    stage("bm25")
    return {"seconds": time.perf_counter() - started, "passages": len(nodes), "stages": stages}


if __name__ == "__main__":
    sys.exit(main())
