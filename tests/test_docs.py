"""What the documentation says is what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rag.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_shows_what_the_demo_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 0
    shown = re.search(r"<!-- demo -->\n```\n(.*?)```", README, re.DOTALL)
    assert shown
    assert capsys.readouterr().out == shown[1]


def test_the_readme_shows_what_the_evals_print(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "run", "--no-llm", "--name", "readme"]) == 0
    shown = re.search(r"<!-- eval -->\n```\n(.*?)```", README, re.DOTALL)
    assert shown
    number = re.compile(r"\d+(?:\.\d+)?")
    printed = capsys.readouterr().out
    assert number.sub("#", printed) == number.sub("#", shown[1])
    # Another version of the stemmer or of numpy moves a last digit.
    values = [[float(n) for n in number.findall(text)] for text in (printed, shown[1])]
    assert values[0] == pytest.approx(values[1], abs=0.02, rel=0.02)


def test_the_readme_names_every_module_and_setting() -> None:
    for path in [p for d in ("index", "rag", "evals", "page") for p in ROOT.glob(f"{d}/*.py")]:
        assert path.name == "__init__.py" or path.name in README, path
    source = (ROOT / "rag/settings.py").read_text()
    for name in re.findall(r'"((?:BYLINE|OPENAI)_[A-Z_]+)"', source):
        assert f"`{name}`" in README


def test_python_in_the_readme_runs(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(corpus.parent)  # where the folder is called "articles", as in the README
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})


def test_nothing_names_a_folder_of_this_machine() -> None:
    words = ["/wo" + "rk/", "/tm" + "p/", "/ro" + "ot/"]
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        if path.suffix in {".py", ".md", ".toml", ".txt", ".yml"} and not parts[0].startswith(
            (".venv", ".git", "build")
        ):
            text = path.read_bytes().decode("utf-8", "replace")
            assert not [w for w in words if w in text and "tests" not in parts], path


def test_the_documentation_of_the_page_names_its_flags_endpoints_and_pictures(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = (ROOT / "docs/page.md").read_text(encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["ui", "--help"])
    for flag in set(re.findall(r"--[a-z]+", capsys.readouterr().out)) - {
        "--help",
        "--json",
        "--debug",
        "--env",
        "--corpus",
        "--index",
    }:
        assert f"`{flag}" in text or f", `{flag}`" in text, flag
    for name in ("/ask", "/search", "/show", "/v1", "/gradio_api/mcp/", "/healthz", "byline-quoted"):
        assert name in text
    for document in ("README.md", "docs/page.md"):
        for picture in re.findall(r"\]\(([^)]*\.png)\)", (ROOT / document).read_text(encoding="utf-8")):
            assert ((ROOT / document).parent / picture).is_file(), picture
