from __future__ import annotations

from pathlib import Path

import pytest

from index.errors import UsageError
from rag import search
from rag.retrieve import Filters, fuse, parse_date
from tests.conftest import write


def test_reciprocal_rank_fusion() -> None:
    fused = fuse([[7, 8, 9], [9, 7]], [1.0, 1.0])
    assert fused == [
        (7, 1 / (60 + 1) + 1 / (60 + 2)),
        (9, 1 / (60 + 3) + 1 / (60 + 1)),
        (8, 1 / (60 + 2)),
    ]


def test_fusion_weights_and_ties() -> None:
    assert fuse([[2], [1]], [1.0, 1.0]) == [(2, 1 / 61), (1, 1 / 61)]
    assert fuse([[2], [1]], [1.0, 0.5]) == [(2, 1 / 61), (1, 0.5 / 61)]


@pytest.mark.parametrize("text", ["2020-13-01", "6 January", "20200106", "", "2020-1-6"])
def test_dates_are_checked(text: str) -> None:
    with pytest.raises(UsageError, match="2020-01-06"):
        parse_date(text)


def files(corpus: Path, query: str, **filters: object) -> set[str]:
    return {h.file for h in search(query, corpus=corpus, **filters)}  # type: ignore[arg-type]


def test_hits_name_lines_and_offsets(corpus: Path) -> None:
    hit = search("How many people did the ferry carry?", corpus=corpus)[0]
    assert (hit.file, hit.line_start, hit.line_end, hit.text) == ("a.txt", 5, 5, "It carried 214 people.")
    assert (corpus / "a.txt").read_text()[hit.start : hit.end] == hit.text
    assert (hit.title, hit.date, hit.source) == ("Ferry late", "2020-01-06", "Harbour Ledger")
    assert hit.score == pytest.approx(search("How many people did the ferry carry?", corpus=corpus)[0].score)


def test_filters(corpus: Path) -> None:
    query = "ferry bridge tunnel water"
    assert files(corpus, query) == {"a.txt", "sub/b.txt", "c.md"}
    assert files(corpus, query, since="2020-01-07") == {"c.md"}
    assert files(corpus, query, until="2020-01-07") == {"a.txt"}
    assert files(corpus, query, since="2020-01-06", until="2020-01-08") == {"a.txt", "c.md"}
    assert files(corpus, query, files="*.txt") == {"a.txt", "sub/b.txt"}
    assert files(corpus, query, files=["sub/*", "c.md"]) == {"sub/b.txt", "c.md"}
    assert files(corpus, query, sources="northgate post") == {"c.md"}
    assert files(corpus, query, sources="Nobody") == set()
    assert Filters(since="2020-01-07").since == "2020-01-07"


def test_another_spelling_of_a_name_is_found(corpus: Path) -> None:
    write(corpus, "d.txt", "Gen. Qasem Soleimani commanded the force.\n")
    assert search("Suleimani", corpus=corpus)[0].file == "d.txt"


def test_the_same_sentence_in_two_files_counts_once_and_carries_both_places(corpus: Path) -> None:
    write(corpus, "e.txt", "Wire copy.\n\nIt carried 214 people.\n")
    hits = [h for h in search("carried 214 people", corpus=corpus) if "214" in h.text]
    assert len(hits) == 1
    assert {str(h) for h in (hits[0], *hits[0].also)} == {"a.txt:5", "e.txt:3"}


def test_a_number_of_hits_out_of_range_is_refused(corpus: Path) -> None:
    with pytest.raises(UsageError):
        search("ferry", corpus=corpus, k=0)
    assert len(search("ferry bridge", corpus=corpus, k=1)) == 1


def test_no_known_word_gives_no_hit_from_bm25_and_never_fails(corpus: Path) -> None:
    assert isinstance(search("zzzzqqq", corpus=corpus), list)
    assert isinstance(search("the of and", corpus=corpus), list)
