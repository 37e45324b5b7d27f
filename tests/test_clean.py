from __future__ import annotations

from pathlib import Path

import pytest

from index.clean import furniture, labels, line_keys, looks_like_furniture, repeated, unglued, without_labels
from index.split import sentences
from rag import ask, search
from tests.conftest import write

FURNITURE = [
    "Please subscribe or log in to read on.", "Only subscribers may comment.", "Sign up for our morning newsletter",
    "Use the form below to reset your password.", "Share: Email Print Copy link", "Share  Tweet  Print", "Read more",
    "Related headlines", "Trending now", "More from The Harbour Ledger", "Sponsored links", "Advertisement", "12 comments",
    "Like The Harbour Ledger on Facebook and stay informed", "Follow us on social media", "By Linkbox",
    "We use cookies to count visits.", "© 2020 Harbour Media. All rights reserved.", "Story continues below",
    "Get the day's best stories in your inbox.", "Click here to watch the video",
    "This article is from the source 'harbour' and was first seen on 3 May.", "You can find the current article at its source.",
    "It last changed 40 days ago and won't be checked again for changes.", "This article was originally published by Linkbox.",
]  # fmt: skip
PROSE = [
    "The mayor said residents should sign up for the newsletter of the harbour.", "“Read more books,” the teacher said.",
    "Like many of her colleagues, Holm reads the paper on Mondays.", "Follow-up talks were held in Oslo.",
    "The court ruled that the website used cookies without consent in 2019.", "Related species live in the north.",
    "The article was first published in 1912.", "The bridge will be checked again in May.", "You can find the bay on old maps.",
    "Subscribers of the harbour line paid 214 crowns a month.", "It cost 3 million crowns.", "The ferry left at nine.",
]  # fmt: skip


@pytest.mark.parametrize("text", FURNITURE)
def test_furniture_is_known_by_its_shape(text: str) -> None:
    assert looks_like_furniture(text)


@pytest.mark.parametrize("text", PROSE)
def test_prose_is_not_furniture(text: str) -> None:
    assert not looks_like_furniture(text)


def test_headlines_in_a_row_are_links_at_the_end_of_an_article_alone() -> None:
    texts = [
        "He left.",
        "Bridge to close for a week in May",
        "Mayor wants a longer pier for boats",
        "Choir wins in Oslo again",
    ]
    assert furniture(texts, last=True) == [False, True, True, True]
    assert furniture(texts, last=False) == [False] * 4
    assert furniture(texts[:3], last=True) == [False] * 3  # two may be captions


def test_a_line_of_many_articles_is_furniture_unless_they_are_versions_of_one() -> None:
    line = "Harbour weather by the pilots of the north pier"
    (key,) = line_keys(line)
    assert line_keys(f"{line.upper()}  \n\n{line}\n" + 201 * "a") == [key, 0, key, 0]
    own = ["The first of some long lines of an article about the harbour bridge, its cost and its builders.",
           "Another such line, of an article on the ferry that was late again on Monday and on Tuesday.",
           "A third one, on the choir, which travelled to Oslo by train in the spring of that very year."]  # fmt: skip
    assert repeated(key, [f"{line}\n{o}" for o in own])
    assert not repeated(key, [f"{line}\n{o}" for o in own[:2]])
    assert not repeated(key, [f"{line}\n{own[0]}\nVersion {i}" for i in range(5)])


GLUED = (
    "Mayor Ida HolmIda HolmHarbour diary: Bridge to close | Pier plans? Holm to run again MORE denied on Monday that the "
    "bridge would close. President LundPer Magnus LundLund opens tunnel MORE agreed."
)


def test_labels_glued_to_a_name_are_told_apart() -> None:
    clean = "Mayor Ida Holm […] denied on Monday that the bridge would close. President Lund […] agreed."
    assert without_labels(GLUED, " […]") == clean
    assert [GLUED[a:b][-4:] for a, b in labels(GLUED)] == ["MORE", "MORE"]
    assert unglued(GLUED).endswith(" Ida Holm Per Magnus Lund")
    for plain in ("DeMar DeRozan scored MORE points.", "McDonald and MacArthur want MORE.", "It costs MORE", "iPhone"):
        assert labels(plain) == []
        assert without_labels(plain) == unglued(plain) == plain


def test_labels_do_not_end_a_sentence() -> None:
    spans = [GLUED[s.start : s.end] for s in sentences(GLUED)]
    assert [s.split()[-1] for s in spans] == ["close.", "agreed."]


def page(folder: Path) -> Path:
    for i, story in enumerate(("The bridge closed.", "The ferry sank.", "The choir sang.", "The tunnel leaks.")):
        text = f"Title: Story {i}\n\n{story}\n\nHarbour pilots bring you the tides\n\nForgot it? Reset your password by e-mail.\n"
        write(folder, f"{i}.txt", text)
    write(folder, "glued.txt", f"Title: Close\n\n{GLUED}\n")
    return folder


def test_furniture_ranks_last_but_is_found(tmp_path: Path) -> None:
    corpus = page(tmp_path / "articles")
    found = search("Which pilots bring the tides of the harbour?", corpus=corpus, explain=True)
    assert found[0].text == "Harbour pilots bring you the tides"
    assert found[0].parts["furniture"] < 0
    assert len(found[0].also) == 3  # once, with all its places
    write(corpus, "tides.txt", "Title: Tides\n\nThe harbour pilots measure the tides.\n")
    assert search("Which pilots bring the tides of the harbour?", corpus=corpus)[0].file == "tides.txt"
    assert "password" in search("How do I reset my password?", corpus=corpus)[0].text


def test_a_name_hidden_in_labels_is_found_with_its_line(tmp_path: Path) -> None:
    corpus = page(tmp_path / "articles")
    assert [str(h) for h in search("Magnus Lund", corpus=corpus)][:1] == ["glued.txt:3"]
    answer = ask("What did Ida Holm deny?", corpus=corpus, llm=False)
    assert [str(c) for c in answer.citations] == ["glued.txt:3"]
    assert answer.claims[0].text == "Mayor Ida Holm […] denied on Monday that the bridge would close."
    assert search("pier plans", corpus=corpus)[0].file == "glued.txt"  # the labels too can be found
