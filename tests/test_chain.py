"""Whole answers without a model, over the sample corpus and small ones."""

from __future__ import annotations

import json
import shutil
import threading
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

import evals
from index.errors import BylineError, EmbedderError, IndexMissing, UsageError
from index.load import load, scan
from index.types import Document
from rag import Answer, Progress, ask, check, indexes, search, stream
from rag.prompts import NOT_SAID
from rag.request import MAX_QUESTION
from rag.settings import Settings, read_settings
from rag.types import Citation, Hit
from tests.conftest import write

QUESTIONS = [
    "Who wrote the letter?",
    "How many troops will Canada take out of Iraq?",
    "Which brigadier general's name stands under the letter?",
    "What did the parliament vote for?",
    "What did Gen. Milley say about the draft?",
    "Was the copy in the premier's office signed?",
    "How many missiles were fired?",
    "What was the final score of the Pilots' game?",
]


def stands_where_it_says(corpus: Path, c: Citation | Hit) -> bool:
    """The cited words are on exactly the cited lines of the file on disk."""
    stat = next(s for s in scan(corpus)[0] if s.file == c.file)
    document = load(corpus, stat)
    assert isinstance(document, Document)
    lines = document.text.split("\n")[c.line_start - 1 : c.line_end]
    return (
        document.text[c.start : c.end] == c.text
        and document.sha256 == c.sha256
        and c.text in "\n".join(lines)
        and c.text.split("\n")[0] in lines[0]
        and c.text.split("\n")[-1] in lines[-1]
    )


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_citation_over_the_sample_corpus_resolves(question: str) -> None:
    answer = ask(question, corpus=evals.ARTICLES)
    assert not answer.abstained
    for n, c in enumerate(answer.citations, 1):
        assert stands_where_it_says(evals.ARTICLES, c)
        assert f"[{n}]" in answer.text
    for hit in search(question, corpus=evals.ARTICLES, k=20):
        assert stands_where_it_says(evals.ARTICLES, hit)


def test_the_sample_corpus_is_what_it_promises() -> None:
    stats, skipped = scan(evals.ARTICLES)
    documents = [d for d in (load(evals.ARTICLES, s) for s in stats) if isinstance(d, Document)]
    assert len(documents) == len(stats) >= 24
    assert skipped == []
    assert {"utf-8", "cp1252"} <= {d.encoding for d in documents}
    raw = [(evals.ARTICLES / s.file).read_bytes() for s in stats]
    assert any(b"\r\n" in b for b in raw)
    assert any(b"\r" in b and b"\n" not in b for b in raw)
    assert any(b.startswith(b"---\n") for b in raw)
    assert sum(d.date is not None for d in documents) > len(documents) // 2


def test_the_articles_do_not_say(corpus: Path) -> None:
    answer = ask("Who won the chess championship in Reykjavik?", corpus=corpus)
    assert answer.abstained
    assert (answer.text, answer.claims, answer.citations) == (NOT_SAID, (), ())


def test_a_changed_article_is_answered_from_as_it_is_now(corpus: Path) -> None:
    assert "214" in ask("How many people did the ferry carry? It carried", corpus=corpus).text
    write(corpus, "a.txt", "The ferry carried 7 people.\n")
    assert "7 people" in ask("How many people did the ferry carry? It carried", corpus=corpus).text
    write(corpus, "a.txt", "The ferry carried 8 people.\n")
    assert "7 people" in ask("How many people did the ferry carry?", corpus=corpus, refresh=False).text


def test_the_index_can_be_asked_without_its_folder(corpus: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    ask("ferry people", corpus=corpus, index=index)
    assert "214" in ask("It carried how many people?", index=index).text
    shutil.rmtree(corpus)
    answer = ask("It carried how many people?", index=index)
    assert "214" in answer.text
    assert "gone" in answer.notes[0]


def test_while_another_process_writes_the_old_index_answers(corpus: Path, home: Path) -> None:
    first = ask("ferry left nine", corpus=corpus)
    write(corpus, "new.txt", "The ferry left at ten.\n")
    (lock,) = home.glob("indexes/*/lock")
    with FileLock(lock):
        second = ask("ferry left nine", corpus=corpus)
    assert second.text == first.text
    assert "wait" in second.notes[0]


def test_a_follow_up_is_searched_with_the_question_before_it(corpus: Path) -> None:
    answer = ask(
        "How many people did it carry?",
        corpus=corpus,
        history=[("Which ferry left at nine?", "The ferry left at nine. [1]")],
    )
    assert any("214" in c.text for c in answer.citations)


def test_a_stream_ends_with_the_answer_that_ask_gives(corpus: Path) -> None:
    events = list(stream("ferry left nine", corpus=corpus))
    assert isinstance(events[0], Progress)
    assert isinstance(events[-1], Answer)
    assert events[-1].text == ask("ferry left nine", corpus=corpus).text
    assert json.loads(json.dumps(events[-1].to_dict()))["citations"][0]["place"] == "a.txt:5"


@pytest.mark.parametrize("question", ["", "   ", "?!", "x" * 100_000])
def test_a_question_that_is_none(corpus: Path, question: str) -> None:
    with pytest.raises(UsageError) as e:
        ask(question, corpus=corpus)
    assert len(str(e.value)) < 200


def test_the_longest_question_is_answered(corpus: Path) -> None:
    assert isinstance(ask("ferry " * (MAX_QUESTION // 6), corpus=corpus), Answer)


def test_wrong_use_says_what_to_do(corpus: Path, home: Path) -> None:
    with pytest.raises(UsageError, match="-c"):
        ask("ferry?")
    with pytest.raises(IndexMissing, match="byline index"):
        ask("ferry?", corpus=corpus, refresh=False)
    with pytest.raises(UsageError, match="2020-01-06"):
        ask("ferry?", corpus=corpus, since="last week")
    with pytest.raises(UsageError, match="OPENAI_API_KEY"):
        ask("ferry?", corpus=corpus, settings=Settings(home=home, model="gpt-9"))


def test_asking_with_another_embedder_names_the_command_to_run(corpus: Path, home: Path) -> None:
    ask("ferry", corpus=corpus)
    with pytest.raises(EmbedderError, match=r"byline index -c .*articles --embedder openai:m"):
        ask("ferry", corpus=corpus, settings=Settings(home=home, embedder="openai:m", api_key="k"))


def test_threads_may_ask_at_once(corpus: Path) -> None:
    texts: list[str] = []
    errors: list[BylineError] = []

    def one() -> None:
        try:
            texts.append(ask("ferry left nine", corpus=corpus).text)
        except BylineError as e:
            errors.append(e)

    ask("ferry left nine", corpus=corpus)
    threads = [threading.Thread(target=one) for _ in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert (errors, len(set(texts)), len(texts)) == ([], 1, 16)


def test_settings_come_from_the_environment_and_env_fills_the_rest(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("BYLINE_MODEL=from-file\nBYLINE_CORPUS=~/articles\nOPENAI_API_KEY=k\n")
    monkeypatch.setenv("BYLINE_MODEL", "from-environment")
    settings = read_settings()
    assert settings.model == "from-environment"
    assert settings.corpus == Path("~/articles").expanduser()
    assert (settings.home, settings.api_key) == (home, "k")


def test_the_corpus_is_never_written_to(corpus: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in [corpus, *corpus.rglob("*")]}
    ask("ferry", corpus=corpus)
    assert {p: p.stat().st_mtime_ns for p in [corpus, *corpus.rglob("*")]} == before


def test_a_slow_check_for_changes_is_not_made_for_every_question(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checks: list[Path] = []

    real = indexes.sync

    def slow(folder: Path, *args: Any, **options: Any) -> object:
        checks.append(folder)
        time.sleep(0.05)
        return real(folder, *args, **options)

    ask("ferry", corpus=corpus)
    monkeypatch.setattr(indexes, "sync", slow)
    for _ in range(3):
        ask("ferry", corpus=corpus)
    assert len(checks) == 3
    monkeypatch.setattr(indexes, "SLOW_CHECK", 0.01)
    for _ in range(3):
        ask("ferry", corpus=corpus)
    assert len(checks) == 3  # the last one took 0.05 s, so there is none for 0.5 s


def test_a_number_in_brackets_in_an_article_is_not_taken_for_a_marker(corpus: Path) -> None:
    write(corpus, "wiki.txt", "The lighthouse was built in 1850 [7] of granite.\n")
    answer = ask("When was the lighthouse built of granite?", corpus=corpus)
    assert answer.claims[0].text == "The lighthouse was built in 1850 [7] of granite."
    assert answer.text == "The lighthouse was built in 1850 ⟦7⟧ of granite. [1]"


@pytest.mark.parametrize(
    "options",
    [
        {"corpus": 5},
        {"corpus": "a\0b"},
        {"corpus": "~nosuchuser/x"},
        {"since": 5},
        {"since": "2020-01-09", "until": "2020-01-06"},
        {"files": []},
        {"files": [None]},
        {"sources": 3},
        {"history": "a text"},
        {"history": None},
        {"history": [()]},
        {"history": [5]},
        {"llm": "gpt-4"},
        {"as_of": "today"},
    ],
)
def test_wrong_arguments_are_named(corpus: Path, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        ask("Which ferry?", **({"corpus": corpus} | options))


def test_right_arguments_in_other_forms(corpus: Path) -> None:
    question = "Which ferry left at nine?"
    assert not ask(question, corpus=str(corpus), since=date(2020, 1, 1), files=[Path("a.txt")]).abstained
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": "The ferry. [1]"}]
    assert any("214" in c.text for c in ask("How many people did it carry?", corpus=corpus, history=turns).citations)
    assert check("It rained.", "It rained all day.").verdict == "supported"
    assert isinstance(ask("ferry caf\udce9", corpus=corpus), Answer)
    for wrong in (None, 5):
        with pytest.raises(UsageError):
            ask(wrong, corpus=corpus)  # type: ignore[arg-type]
    for k in ("3", 2.5, None, 0, 1001):
        with pytest.raises(UsageError, match="k is"):
            search("ferry", corpus=corpus, k=k)  # type: ignore[arg-type]
