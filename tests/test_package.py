"""The wheel: what a user gets with pip."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_wheel_holds_the_packages_the_page_and_the_sample_corpus(tmp_path: Path) -> None:
    source = tmp_path / "source"
    tracked = ["pyproject.toml", "README.md", "LICENSE", "ui.py", "index", "rag", "evals", "page"]
    source.mkdir()
    for name in tracked:
        subprocess.run(["cp", "-r", str(ROOT / name), str(source)], check=True)
    argv = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(source)]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    (wheel,) = tmp_path.glob("byline-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "ui.py",
        "page/static/app.js",
        "page/static/style.css",
        "rag/cli.py",
        "index/sync.py",
        "evals/__init__.py",
        "rag/py.typed",
        "rag/weights.json",
        "rag/meaning.npz",
        "rag/encoder/model.onnx",
        "rag/encoder/vocab.txt",
    } <= names
    articles = {p.relative_to(ROOT).as_posix() for p in (ROOT / "evals/articles").rglob("*") if p.is_file()}
    assert articles <= names
    assert not [n for n in names if n.startswith("tests/")]
