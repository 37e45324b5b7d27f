"""What a model is shown of what was found."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.shown import holds
from index.catalog import DocumentRow, PassageRow
from index.tokens import count_tokens
from index.types import Sentence
from rag.cite import citations
from rag.retrieve import Candidate
from rag.sources import AROUND, HEADING, LINE, WITH_CONTEXT, Source, around, make_sources, sentences_of
from rag.types import Claim, Hit

SIZE = 10
"""Sentences of a passage, one on each line."""


def passage(file: str, number: int = 0) -> Candidate:
    """The passage whose lines are 10 * number + 1 to 10 * number + 10; each line reads "Line 12 of a.txt."."""
    lines = range(SIZE * number + 1, SIZE * number + SIZE + 1)
    text, spans, start = "", [], 1000 * number
    for line in lines:
        said = f"Line {line} of {file}."
        begins = start + len(text)
        spans.append(Sentence(begins, begins + len(said), line, line))
        text += said + "\n"
    document = DocumentRow(1, file, "0" * 64, file.upper(), None, None, None, 99)
    row = PassageRow(number, 1, False, start, start + len(text), lines[0], lines[-1], text, tuple(spans))
    return Candidate(row, document, 1.0)


def ranked(candidates: list[Candidate], *places: tuple[str, int]) -> list[Hit]:
    """The sentences on those lines, in that order."""
    every = {(h.file, h.line_start): h for c in candidates for h in sentences_of(c)}
    return [every[p] for p in places]


def shown(sources: list[Source]) -> list[tuple[str, list[int]]]:
    return [(s.file, [h.line_start for h in s.shown]) for s in sources]


def test_the_best_sentences_are_shown_with_those_around_them() -> None:
    found = [passage("a"), passage("b")]
    hits = ranked(found, ("b", 5), ("a", 1), ("b", 6))
    assert shown(make_sources(found, 1000, hits)) == [("b", [3, 4, 5, 6, 7, 8]), ("a", [1, 2, 3])]


def test_asked_again_a_model_sees_what_its_claims_are_about() -> None:
    found = [passage("a"), passage("b"), passage("c")]
    sources = make_sources(found, 10_000, [h for c in found for h in sentences_of(c)])
    cited = Claim("It is line 99.", tuple(citations(ranked(found, ("a", 1)))), "unsupported")
    # Cited are the first three lines of a; the words "line" and "9" stand in line 9 of each article.
    assert shown(around(sources, [cited])) == [("a", [1, 2, 3])]
    kept = Claim("Line 5.", tuple(citations(ranked(found, ("b", 5)))), "supported")
    assert shown(around(sources, [cited], [kept])) == [("a", [1, 2, 3]), ("b", [5])]
    other = Claim("Line 9 it is.", (), "unsupported")
    assert around(sources, [Claim("Something else.", (), "unsupported")]) == sources
    some = around(sources, [cited, other])
    assert shown(some) == [("a", [1, 2, 3, 9]), ("b", [9]), ("c", [9])]
    assert [s.number for s in some] == [1, 2, 3]
    assert [
        s.number for s in around(sources, [Claim("C of c.", tuple(citations(ranked(found, ("c", 5)))), "partial")])
    ][-1] == 3


def test_below_the_best_a_sentence_stands_alone() -> None:
    found = [passage(name) for name in "abcdefghij"]
    hits = ranked(found, *((name, 5) for name in "abcdefghij"))
    sources = make_sources(found, 10_000, hits)
    assert [len(s.shown) for s in sources] == [2 * AROUND + 1] * WITH_CONTEXT + [1, 1]


def test_the_best_sentence_of_the_last_passage_is_shown_before_the_rest_of_the_first() -> None:
    found = [passage("a", n) for n in range(9)]
    best = ranked(found, ("a", 85))
    rest = [h for c in found for h in sentences_of(c)]
    one = HEADING + 5 * (LINE + count_tokens("Line 85 of a."))
    assert shown(make_sources(found, one, [*best, *rest])) == [("a", [83, 84, 85, 86, 87])]


def test_where_the_sentences_around_do_not_fit_the_best_stands_alone() -> None:
    found = [passage("a")]
    alone = HEADING + LINE + count_tokens("Line 5 of a.")
    assert shown(make_sources(found, alone, ranked(found, ("a", 5)))) == [("a", [5])]
    assert make_sources(found, alone - 1, ranked(found, ("a", 5))) == []


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 3 * SIZE)), max_size=60, unique=True),
    st.integers(0, 1500),
)
def test_nothing_is_shown_twice_or_over_the_budget(places: list[tuple[str, int]], budget: int) -> None:
    found = [passage(name, n) for n in range(3) for name in "abc"]
    sources = make_sources(found, budget, ranked(found, *places))
    cost = sum(HEADING + sum(count_tokens(h.text) + LINE for h in s.shown) for s in sources)
    assert cost <= budget
    assert [s.number for s in sources] == list(range(1, len(sources) + 1))
    for source in sources:
        lines = [h.line_start for h in source.shown]
        assert lines == sorted(set(lines))
        assert set(lines) & {line for file, line in places if file == source.file}


def test_evidence_is_shown_where_every_group_has_a_line() -> None:
    found = [passage("a"), passage("b")]
    sources = make_sources(found, 1000, ranked(found, ("a", 5)))  # lines 3 to 7
    inside, outside = {"file": "a", "line_start": 7, "line_end": 9}, {"file": "b", "line_start": 7, "line_end": 9}
    assert holds({"evidence": [[inside, outside]]}, sources)
    assert not holds({"evidence": [[inside], [outside]]}, sources)
    assert holds({"evidence": [{"file": "a", "line": 7}, {"file": "b", "line": 7}]}, sources)
    assert not holds({"evidence": [{"file": "a", "line": 8}]}, sources)
    assert holds({"evidence": [{"file": "b", "line": 7}], "also_contains_answer": ["a"]}, sources)
