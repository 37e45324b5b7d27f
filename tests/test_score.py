"""Questions taken apart, the parts of a score, the quoted answer and its confidence."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from index.catalog import DocumentRow, PassageRow
from index.errors import UsageError
from index.split import sentences
from rag import ask, search
from rag.extract import ENOUGH, extract
from rag.features import FAMILY, features, in_one_spelling, read_sentences
from rag.meaning import related, word_vectors
from rag.question import Query, make_query
from rag.retrieve import Candidate
from rag.score import (
    ENCODED,
    MOVED,
    NEARNESS,
    best_above,
    best_first,
    evidence,
    nearness,
    score_sentences,
    softmax,
    weights,
)
from rag.types import Hit
from tests.conftest import write


def query(text: str, present: tuple[str, ...] | None = None) -> Query:
    """A question where every term stands in 1 of 10 passages, or only those in `present`."""
    return make_query(text, lambda term, name: int(present is None or term in present), 10)


def candidate(text: str, *, title: str | None = None, id: int = 1, bm25: float = 5.0) -> Candidate:
    spans = tuple(sentences(text))
    passage = PassageRow(id, id, False, 0, len(text), 1, text.count("\n") + 1, text, spans)
    return Candidate(passage, DocumentRow(id, f"{id}.txt", "", title, None, None, None, 9), 1.0, bm25)


@pytest.mark.parametrize(
    ("question", "kinds", "head"),
    [
        ("How many troops left Iraq?", {"number"}, "troops"),
        ("When did Canada say it would leave?", {"date", "quote"}, ""),
        ("Who wrote the letter?", {"who", "quote"}, ""),
        ("Which city was hit?", {"where"}, "city"),
        ("Was the letter signed?", {"yesno"}, ""),
        ("Why did the ferry stop?", {"why"}, ""),
        ("Snow fell. What type of engine failed?", set(), "engine"),
    ],
)
def test_what_a_question_asks_for(question: str, kinds: set[str], head: str) -> None:
    found = query(question)
    assert (set(found.kinds), found.head) == (kinds, head)


def test_names_numbers_and_absent_terms_of_a_question() -> None:
    found = query("Did Boris Johnson pay 300 crowns?", present=("pay", "crown"))
    assert found.names == {"bori", "johnson"}
    assert found.numbers == {"300"}
    assert found.absent == {"bori", "johnson", "300"}
    assert found.idf["pay"] == pytest.approx(math.log(1 + (10 - 1 + 0.5) / (1 + 0.5)))


def test_like_words_have_like_vectors() -> None:
    words = word_vectors()
    like = words.likeness(["soldiers", "purchase", "unheardof"], ["troops", "bought", "moon"])
    assert like[0, 0] > 0.5
    assert like[1, 1] > 0.5
    assert (like[2] == 0).all()
    assert like[0, 2] == like[1, 2] == 0
    assert np.allclose(np.linalg.norm(words.vectors, axis=1), 1, atol=1e-3)


def test_a_question_is_searched_with_like_words_but_names_have_none() -> None:
    found = related("How many soldiers did London buy?")
    assert found["troop"] > 0.25
    assert "purchas" in found
    assert "pari" not in found


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How many soldiers went?", "About 130 troops went."),  # a word of like meaning
        ("What did the Iraqi cabinet decide?", "It was a decision of the cabinet of Iraq."),  # word families
    ],
)
def test_other_forms_of_a_word_are_found(question: str, text: str) -> None:
    parts = features(query(question), [candidate(text)]).parts
    assert parts["cover"][0] > parts["cover_exact"][0]
    assert parts["cover"][0] > 0.5


def test_another_spelling_of_a_name_is_the_name() -> None:
    parts = features(query("Where is Soleimani?"), [candidate("Suilemani was in Baghdad.")]).parts
    assert parts["cover_exact"][0] == 1.0


def test_parts_speak_of_the_sentence_its_neighbours_and_its_title() -> None:
    found = features(
        query("When did the ferry Petrel sink?"),
        [
            candidate(
                "The Petrel was old and grey then.\n\nIt sank on 4 May.\n\nNobody cried about it.\n",
                title="Ferry lost",
            )
        ],
    ).parts
    assert found["date"].tolist() == [0, 1, 0]
    assert found["before_pronoun"][1] == pytest.approx(1 / 3)  # "Petrel", one of three terms of equal idf
    assert found["title"][1] == pytest.approx(1 / 3)
    assert found["after"][0] > 0


def test_the_answering_sentence_comes_first_and_explains_itself() -> None:
    text = "The town is small. The town set aside $4,300 for the feast. The feast was loud."
    scored = score_sentences(query("How much did the town set aside for the feast?"), [candidate(text)], explain=True)
    best = scored.hits[0]
    assert best.text == "The town set aside $4,300 for the feast."
    assert set(best.parts) == {*weights()["sentence"], *NEARNESS}
    assert sum(h.score for h in scored.hits) == pytest.approx(1.0)
    # Scores are a softmax of the sums of the parts.
    sums = np.array([sum(h.parts.values()) for h in scored.hits])
    assert softmax(sums).tolist() == pytest.approx([h.score for h in scored.hits])


def test_no_candidates_no_hits_no_confidence() -> None:
    scored = score_sentences(query("Anything?"), [])
    assert (scored.hits, scored.confidence) == ([], 0.0)


def hit(text: str, score: float, start: int = 0, passage: int = 1) -> Hit:
    return Hit("a.txt", 1, 1, text, score, start, start + len(text), passage=passage)


def test_as_few_sentences_as_likely_hold_the_answer() -> None:
    sure = [hit("The ferry left at nine.", ENOUGH), hit("A bridge cost three million.", 0.2, 100)]
    assert extract(sure) == sure[:1]
    unsure = [hit("The ferry left at nine.", 0.4), hit("A bridge cost three million.", 0.3, 100)]
    assert extract(unsure) == unsure
    assert extract([]) == []


def test_a_sentence_that_says_the_same_again_is_left_out() -> None:
    hits = [
        hit("The ferry left at nine.", 0.4),
        hit("At nine the ferry left.", 0.3, 100),
        hit("Ida Holm cut a ribbon.", 0.2, 200),
    ]
    assert extract(hits) == [hits[0], hits[2]]


def test_a_bare_quotation_brings_its_speaker() -> None:
    first, second = "“It is like a lid.”", "Gwen Abernathy said so on Friday."
    bare, speaker = hit(first, ENOUGH), hit(second, 0.01, len(first) + 1)
    assert extract([bare, hit("Something else happened.", 0.05, 500, passage=2), speaker]) == [bare, speaker]


def test_the_threshold_decides_what_is_refused(corpus: Path) -> None:
    question = "How many people did the ferry carry?"
    answer = ask(question, corpus=corpus, llm=False, threshold=0)
    assert answer.claims
    assert 0 < answer.confidence < 1
    refused = ask(question, corpus=corpus, llm=False, threshold=1)
    assert refused.abstained
    assert refused.nearest
    assert refused.confidence == answer.confidence
    with pytest.raises(UsageError, match="threshold"):
        ask(question, corpus=corpus, threshold=1.5)


def test_a_name_that_stands_nowhere_lowers_the_confidence(corpus: Path) -> None:
    known = ask("Did Ida Holm open the bridge?", corpus=corpus, llm=False)
    unknown = ask("Did Boris Johnson open the bridge?", corpus=corpus, llm=False)
    assert known.confidence > unknown.confidence


def test_the_environment_sets_the_threshold(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYLINE_THRESHOLD", "1")
    assert ask("How many people did the ferry carry?", corpus=corpus, llm=False).abstained
    monkeypatch.setenv("BYLINE_THRESHOLD", "high")
    with pytest.raises(UsageError, match="BYLINE_THRESHOLD"):
        ask("How many people did the ferry carry?", corpus=corpus, llm=False)


def test_parts_are_given_only_when_asked_for(corpus: Path) -> None:
    assert search("ferry", corpus=corpus)[0].parts == {}
    assert search("ferry", corpus=corpus, explain=True)[0].parts
    answer = ask("How many people did the ferry carry?", corpus=corpus, llm=False, explain=True)
    assert answer.claims
    assert answer.nearest[0].parts


def test_a_search_may_stop_at_a_chance(corpus: Path) -> None:
    hits = search("How many people did the ferry carry?", corpus=corpus)
    enough = hits[0].score + hits[1].score / 2
    assert search("How many people did the ferry carry?", corpus=corpus, chance=enough) == hits[:2]
    with pytest.raises(UsageError, match="chance"):
        search("ferry", corpus=corpus, chance=0)


def test_a_question_in_other_words_finds_its_sentence(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "The council met.\n\nAbout 5,000 troops are stationed there.\n")
    write(tmp_path, "b.txt", "The weather was fine.\n\nNothing else happened on Monday.\n")
    assert search("How many soldiers live there?", corpus=tmp_path)[0].text == "About 5,000 troops are stationed there."


def test_nearness_of_the_best_sentences_and_of_the_rest() -> None:
    """The first, third and second are the best, with these cosines; the fourth counts as near as the farthest of them."""
    found = np.array([[0.2, 0.3, 0, 0.5], [0.8, 0.1, 0, 0.4], [0.4, 0.2, 0, 0.6]])
    parts = nearness(4, np.array([0, 2, 1]), found)
    assert parts["pieces"].tolist() == [0.3, 0.2, 0.1, 0.1]
    assert parts["asked_piece"].tolist() == [0.5, 0.6, 0.4, 0.4]
    assert parts["nearness"].tolist() == [0.2, 0.4, 0.8, 0.2]
    assert parts["nearness_of_best"].tolist() == pytest.approx([0.25, 0.5, 1.0, 0.25])


def long_article() -> Candidate:
    """Twenty sentences, more than are scored anew; the last one answers."""
    return candidate(" ".join([f"The ferry number {n} left the pier." for n in range(2, 21)] + ["It left at nine."]))


def test_the_parts_of_every_sentence_add_up_to_its_score() -> None:
    hits = score_sentences(query("When did the ferry leave the pier?"), [long_article()], explain=True).hits
    assert len(hits) == 20 > ENCODED
    constants = [math.log(h.score) - sum(h.parts.values()) for h in hits]
    assert constants == pytest.approx([constants[0]] * 20, abs=1e-6)
    assert [MOVED in h.parts for h in hits] == [False] * ENCODED + [True] * (20 - ENCODED)


def test_sentences_that_are_not_scored_anew_follow_in_their_old_order() -> None:
    """The best by the first score are 0, 1 and 2; the rest keep their distances of 1 and 3 to the third."""
    linear = np.array([9.0, 8.0, 7.0, 6.0, 4.0])
    found = best_above(np.array([1.0, 3.0, 2.0, 99.0, 99.0]), linear, np.array([0, 1, 2]))
    assert found.tolist() == [1.0, 3.0, 2.0, 0.0, -2.0]


def test_keywords_are_looked_for_and_not_understood() -> None:
    assert query("ferry pier").keywords
    assert not query("who left").keywords
    assert not query("ferry pier?").keywords
    assert not query("the ferry at the pier").keywords
    hits = score_sentences(query("ferry pier"), [long_article()], explain=True).hits
    linear = [sum(h.parts.values()) for h in hits]
    assert linear == sorted(linear, reverse=True)
    assert not any(name in h.parts for h in hits for name in (*NEARNESS, MOVED))


def test_a_name_of_which_the_articles_have_the_family_is_hardly_absent() -> None:
    """Of three words with the same idf, none in the index: one is in the sentence, one by its family (FAMILY), one nowhere."""
    asked = query("Did Germany thank Rembrandt?", present=())
    facts = features(asked, [candidate("German officials thank him.")]).facts
    assert facts["absent_names"] == pytest.approx((1 - FAMILY + 1) / 3)
    assert facts["specific"] == 0
    one_there = query("Did Germany thank Rembrandt?", present=("thank",))
    assert features(one_there, [candidate("They thank him.")]).facts["specific"] == one_there.idf["thank"] / 10


def test_evidence_tells_of_a_count_that_the_best_sentence_lacks() -> None:
    def lacks(text: str) -> float:
        found = features(query("How many troops left?"), [candidate(text)])
        parts = found.parts | dict.fromkeys(NEARNESS, found.parts["cover"])
        return evidence(parts, found.facts, np.array([1.0, 0.0]))["lacks_count"]

    assert lacks("Canada took 500 troops out. It rained.") == 0
    assert lacks("The troops left. Some 500 birds sang.") == 1


def test_the_encoder_reads_a_name_in_the_commonest_spelling() -> None:
    sentences = read_sentences(
        "", [candidate("Soleimani led the force. Gen. Soleimani, or Sulaimani, died. John left.")]
    )
    asked = make_query("Who was Suleimani?", lambda term, name: int(name), 10, ["Did Suleimani meet John?"])
    spell = in_one_spelling(asked, sentences)
    assert spell(asked.whole) == "Did Soleimani meet John? Who was Soleimani?"
    assert spell(sentences[1].text) == "Gen. Soleimani, or Soleimani, died."
    assert spell("\u017fuleimani") == "\u017fuleimani"  # a long s, which matches "s" without regard to case
    as_often = read_sentences("", [candidate("Soleimani or Sulaimani, as some say.")])
    own = make_query("Who was Sulaimani?", lambda term, name: 1, 10)
    assert in_one_spelling(own, as_often)(own.whole) == "Who was Sulaimani?"


def test_without_anything_near_no_sentence_is_made_to_look_near() -> None:
    parts = nearness(2, np.array([0, 1]), np.array([[0.01] * 4, [-0.2] * 4]))
    assert parts["nearness_of_best"].tolist() == pytest.approx([0.1, -2.0])


def test_the_best_by_the_linear_score_are_encoded() -> None:
    total = np.arange(20.0)
    assert best_first(total).tolist() == list(range(19, 19 - ENCODED, -1))
    assert best_first(np.array([1.0, 3.0, 3.0])).tolist() == [1, 2, 0]
