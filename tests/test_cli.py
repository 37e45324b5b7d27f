from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from rag.cli import main
from rag.terminal import progress_bars
from tests.conftest import write
from tests.server import serving


def run(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str, str]:
    status = main([str(a) for a in argv])
    out, err = capsys.readouterr()
    return status, out, err


def test_demo_answers_from_the_sample_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "demo")
    assert status == 0
    assert "[1]" in out
    assert ".txt:" in out


def test_ask_prints_the_answer_and_its_places(capsys: pytest.CaptureFixture[str], corpus: Path) -> None:
    status, out, err = run(capsys, "ask", "-c", corpus, "Which ferry left at nine?")
    assert (status, err) == (0, "")
    assert out.startswith("The ferry left at nine. [1]")
    assert "\n\n[1] a.txt:5  (Harbour Ledger, 2020-01-06)\n    “The ferry left at nine.”\n" in out


def test_explain_shows_the_parts_of_the_scores(capsys: pytest.CaptureFixture[str], corpus: Path) -> None:
    status, out, _ = run(capsys, "ask", "-c", corpus, "--explain", "How many people did the ferry carry?")
    assert status == 0
    assert "Confidence 0." in out
    assert "number +" in out
    status, out, _ = run(capsys, "search", "-c", corpus, "--explain", "How many people did the ferry carry?")
    assert "number +" in out


def test_a_high_threshold_refuses(capsys: pytest.CaptureFixture[str], corpus: Path) -> None:
    status, out, _ = run(capsys, "ask", "-c", corpus, "--threshold", "1", "Which ferry left at nine?")
    assert status == 1
    assert "Nearest lines:" in out


def test_ask_json_is_the_whole_answer(capsys: pytest.CaptureFixture[str], corpus: Path) -> None:
    status, out, _ = run(capsys, "ask", "-c", corpus, "--json", "Which ferry left at nine?")
    answer = json.loads(out)
    assert status == 0
    assert answer["citations"][0]["place"] == "a.txt:5"
    assert answer["claims"][0]["verdict"] == "supported"


def test_exit_1_where_the_articles_do_not_say(capsys: pytest.CaptureFixture[str], corpus: Path) -> None:
    status, out, _ = run(capsys, "ask", "-c", corpus, "Was the ferry painted by Rembrandt in Amsterdam?")
    assert status == 1
    assert out.startswith("The articles do not say.\n\nNearest lines:\n")


def test_index_reports_what_it_did(capsys: pytest.CaptureFixture[str], corpus: Path) -> None:
    write(corpus, "empty.txt", "")
    assert run(capsys, "index", "-c", corpus, "--dry-run")[1].startswith("would do: 3 added, 1 skipped")
    status, out, err = run(capsys, "index", "-c", corpus)
    assert (status, out) == (0, "3 added, 1 skipped; 3 articles, 5 passages; 3 embedded, 0 known\n")
    assert err == "skipped empty.txt: empty\n"
    assert run(capsys, "index", "-c", corpus)[1].startswith("1 skipped; 3 articles")
    (corpus / "c.md").unlink()
    assert json.loads(run(capsys, "index", "-c", corpus, "--json")[1])["removed"] == ["c.md"]


def test_a_paid_embedder_is_priced_in_tokens_before_it_is_used(
    capsys: pytest.CaptureFixture[str], corpus: Path
) -> None:
    status, out, _ = run(capsys, "index", "-c", corpus, "--dry-run", "--embedder", "openai:m")
    assert status == 0
    assert "tokens for the paid embedder" in out


def test_index_with_an_openai_endpoint_and_ask(
    capsys: pytest.CaptureFixture[str], corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving("ok") as script:
        monkeypatch.setenv("OPENAI_BASE_URL", script.url)
        assert run(capsys, "index", "-c", corpus, "--embedder", "openai:m")[0] == 0
        assert run(capsys, "ask", "-c", corpus, "Which ferry left at nine?")[0] == 0
        asked = [r["input"] for r in script.requests]
        assert asked[-1] == ["Which ferry left at nine?"]
        assert run(capsys, "index", "-c", corpus)[1].startswith("nothing changed")
        assert len(script.requests) == len(asked)


def test_rebuild_embeds_nothing_again(capsys: pytest.CaptureFixture[str], corpus: Path) -> None:
    run(capsys, "index", "-c", corpus)
    assert "0 embedded, 3 known" in run(capsys, "index", "-c", corpus, "--rebuild")[1]


def test_search_and_status(capsys: pytest.CaptureFixture[str], corpus: Path) -> None:
    status, out, _ = run(capsys, "search", "-c", corpus, "-k", "1", "mayor", "bridge")
    assert status == 0
    assert "sub/b.txt:3" in out
    hits = json.loads(run(capsys, "search", "-c", corpus, "--json", "bridge")[1])
    assert hits[0]["place"].startswith("sub/b.txt:")
    assert run(capsys, "search", "-c", corpus, "the")[0] == 1
    out = run(capsys, "status", "-c", corpus)[1]
    assert "articles   3\n" in out
    assert "2020-01-06 to 2020-01-08" in out
    assert json.loads(run(capsys, "status", "-c", corpus, "--json")[1])["embedder"] == "hash"


def test_show_prints_lines_with_context_and_notices_a_change(capsys: pytest.CaptureFixture[str], corpus: Path) -> None:
    run(capsys, "index", "-c", corpus)
    status, out, err = run(capsys, "show", "-c", corpus, "--context", "1", "sub/b.txt:3")
    assert (status, err) == (0, "")
    assert out == "  2  \n> 3  The mayor, Ida Holm, opened the bridge on Monday.\n  4  It cost 3 million crowns.\n"
    write(corpus, "sub/b.txt", "New.\n")
    _, out, err = run(capsys, "show", "-c", corpus, "sub/b.txt")
    assert out == "> 1  New.\n"
    assert "changed since it was indexed" in err


@pytest.mark.parametrize("place", ["nope.txt:1", "../a.txt:1", "a.txt:99", "a.txt:0", "a.txt:5-2", "/etc/passwd"])
def test_show_refuses_what_is_not_there(capsys: pytest.CaptureFixture[str], corpus: Path, place: str) -> None:
    status, out, err = run(capsys, "show", "-c", corpus, place)
    assert (status, out) == (2, "")
    assert err.startswith("byline: ")
    assert err.count("\n") == 1


def test_faults_are_one_line_and_exit_2(capsys: pytest.CaptureFixture[str], corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "void").mkdir()
    write(tmp_path / "foreign", "x.doc", "x")
    for argv in (
        ["ask", "-c", tmp_path / "nowhere", "q?"],
        ["ask", "-c", tmp_path / "void", "q?"],
        ["ask", "-c", corpus, ""],
        ["ask", "-c", corpus, "x" * 100_000],
        ["ask", "-c", corpus, "--since", "soon", "q?"],
        ["ask", "-c", corpus, "--index", tmp_path / "foreign", "q?"],
        ["ask", "-c", corpus, "--model", "gpt-9", "q?"],
        ["ask", "q?"],
        ["status", "-c", tmp_path / "void"],
        ["index", "-c", corpus, "--embedder", "word2vec"],
        ["ask", "-c", "no\nsuch\x1b[31m", "q?"],
        ["ask", "-c", "~nosuchuser/x", "q?"],
        ["ask", "-c", corpus, "--env-file", "/nonexistent", "q?"],
        ["show", "-c", corpus, "a.txt:" + "9" * 5000],
        ["index", "-c", corpus, "--index", corpus / "inside"],
        ["eval", "check", tmp_path / "none.jsonl", "-c", corpus],
    ):
        status, out, err = run(capsys, *argv)
        assert (status, out) == (2, ""), argv
        assert err.startswith("byline: ")
        assert err.count("\n") == 1
        assert "Traceback" not in err
        assert "\x1b" not in err


def test_a_locked_index_is_a_fault_for_index(capsys: pytest.CaptureFixture[str], corpus: Path, home: Path) -> None:
    run(capsys, "index", "-c", corpus)
    write(corpus, "d.txt", "More.\n")
    (lock,) = home.glob("indexes/*/lock")
    with FileLock(lock):
        status, _, err = run(capsys, "index", "-c", corpus)
    assert status == 2
    assert "wait for it" in err


def test_a_failing_model_exits_2_but_the_quoted_answer_is_printed(
    capsys: pytest.CaptureFixture[str], corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(401) as script:
        monkeypatch.setenv("OPENAI_BASE_URL", script.url)
        monkeypatch.setenv("BYLINE_MODEL", "m")
        status, out, err = run(capsys, "ask", "-c", corpus, "Which ferry left at nine?")
        assert status == 2
        assert out.startswith("The ferry left at nine. [1]")
        assert "OPENAI_API_KEY" in err
        assert err.count("\n") == 1
        assert run(capsys, "ask", "-c", corpus, "--no-llm", "Which ferry left at nine?")[0] == 0


def test_articles_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str], corpus: Path) -> None:
    write(corpus, "evil.txt", "The ferry \x1b[31mwas red\x1b]0;owned\x07 at noon.\n")
    for argv in (
        ["ask", "-c", corpus, "Was the ferry red at noon?"],
        ["show", "-c", corpus, "evil.txt:1"],
        ["search", "-c", corpus, "ferry"],
    ):
        _, out, err = run(capsys, *argv)
        assert "\x1b" not in out + err
        assert "\x07" not in out + err


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("ask", "index", "search", "show", "status", "demo"):
        with pytest.raises(SystemExit) as e:
            main([command, "--help"])
        assert e.value.code == 0
        assert f"byline {command}" in capsys.readouterr().out


def test_asking_does_not_load_what_it_does_not_need(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "index", "-c", corpus)
    code = (
        "import sys; from rag.cli import main; status = main(sys.argv[1:]);"
        "heavy = {'chromadb', 'llama_index', 'openai', 'gradio', 'onnx', 'tiktoken'} & set(sys.modules);"
        "print(status, sorted(heavy))"
    )
    argv = [
        sys.executable,
        "-c",
        code,
        "ask",
        "-c",
        str(corpus),
        "Was the ferry, which carried people, at the bridge or in the tunnel?",
    ]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    # With fewer passages than it wants, the search asks Chroma too; no client of a model is loaded.
    assert done.stdout.splitlines()[-1] in ("0 []", "0 ['chromadb']")


def test_the_command_flushes_what_it_printed_and_keeps_the_status(corpus: Path, home: Path) -> None:
    argv = [sys.executable, "-m", "rag.cli", "search", "-c", str(corpus), "-k", "50", "ferry bridge tunnel Suleimani"]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert done.returncode == 0
    assert done.stdout.count("\n") >= 5
    argv[3:] = ["ask", "-c", str(corpus / "nowhere"), "q?"]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize("words", [1, 2000])  # what fits the buffer is written at the end, more than that at once
def test_a_reader_that_goes_away_ends_the_command_quietly(corpus: Path, home: Path, words: int) -> None:
    write(corpus, "long.txt", "Title: L\n\n" + "\n".join(["The tram rang."] * words) + "\n")
    argv = [sys.executable, "-m", "rag.cli", "show", "-c", str(corpus), f"long.txt:1-{words}"]
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]
    ) as child:
        assert child.stdout
        assert child.stderr
        child.stdout.close()
        assert child.stderr.read() == ""
        assert child.wait() == 141


def test_a_fault_that_nobody_reads_is_a_fault_all_the_same(corpus: Path, home: Path) -> None:
    argv = [sys.executable, "-m", "rag.cli", "show", "-c", str(corpus / "nowhere"), "x:1"]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, cwd=Path(__file__).parents[1]) as child:
        assert child.stderr
        child.stderr.close()
        assert child.wait() == 2


def test_a_command_run_inside_a_program_leaves_a_closed_connection_an_error(
    corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "search", "-c", corpus, "ferry")
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours, pytest.raises(BrokenPipeError):  # the default handler of SIGPIPE would end the program here
        ours.send(b"x")


def test_usage_faults_are_one_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["search", "-k", "abc", "x"], ["ask"], ["nosuch"], ["demo", "-c", "x"]):
        with pytest.raises(SystemExit) as e:
            main(argv)
        assert e.value.code == 2
        err = capsys.readouterr().err
        assert err.startswith("byline: ")
        assert err.count("\n") == 1


def test_a_progress_bar_comes_only_for_work_over_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    for wait in (0.0, 1.1):
        show = progress_bars()
        show("reading", 1, 3)
        time.sleep(wait)
        show("reading", 2, 3)
        show("reading", 3, 3)
        assert ("reading" in capsys.readouterr().err) == (wait > 1)
