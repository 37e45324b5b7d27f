"""`byline eval`: answers checked against question-answer pairs; and the sample corpus with its pairs."""

from pathlib import Path

ARTICLES = Path(__file__).parent / "articles"
"""The sample corpus: articles about the letter of January 2020, written for Byline."""

CASES = Path(__file__).parent / "cases"
"""Hand-written question-answer pairs: `sample_*.jsonl` over the sample corpus, others over articles of the user's."""
