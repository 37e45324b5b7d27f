"""The measures against values worked out by hand, published definitions and an independent library."""

from __future__ import annotations

import json
import math
import re
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ir_measures
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import RR, R, Success, nDCG

import evals
from benchmarks import metric_check
from evals.measures import answers, citations, excerpts, refusal, retrieval
from evals.measures.answers import exact_match, forbidden_found, normalize, parts_found, rouge_l, token_f1
from evals.measures.citations import Span, quotation_fidelity, quotations

# --- answers


def test_normalize_drops_case_punctuation_articles_and_blanks() -> None:
    assert normalize("  The U.S. Army's\tletter -- an honest mistake. ") == "us armys letter honest mistake"
    assert normalize("The. a, an") == ""
    assert normalize("theatre a–b “quoted”") == "theatre –b “quoted”"  # only ASCII punctuation is dropped


def test_exact_match_and_token_f1_by_hand() -> None:
    assert exact_match("the 5 January.", ["Monday", "5 January"]) == 1
    assert exact_match("on 5 January", ["5 January"]) == 0
    # given: on 5 january (3 words), accepted: 5 january 2020 (3), common: 2; P = R = 2/3
    assert token_f1("On 5 January", ["Monday", "5 January 2020"]) == pytest.approx(2 / 3)
    # "no no yes" and "no yes yes": one no and one yes in common; P = R = 2/3
    assert token_f1("no no yes", ["no yes yes"]) == pytest.approx(2 / 3)
    # P = 1/4, R = 1/1
    assert token_f1("it was Milley himself", ["Milley"]) == pytest.approx(2 * 0.25 / 1.25)


def test_without_an_accepted_answer_only_abstaining_is_right() -> None:
    for accepted in ([], [""], ["the"]):
        assert (exact_match("", accepted), token_f1("", accepted)) == (1, 1)
        assert (exact_match("Milley", accepted), token_f1("Milley", accepted)) == (0, 0)
    assert (exact_match("", ["Milley"]), token_f1("", ["Milley"])) == (0, 0)
    assert (exact_match("", ["the", "Milley"]), token_f1("", ["the", "Milley"])) == (0, 0)


def squad(prediction: str, gold_answers: Sequence[str]) -> tuple[str, float, float]:
    """Normal form, EM and F1 as SQuAD 2.0's evaluation defines them, written from its description."""

    def normal(text: str) -> str:
        kept = "".join(c for c in text.lower() if c not in set(string.punctuation))
        return " ".join(re.sub(r"\b(a|an|the)\b", " ", kept, flags=re.UNICODE).split())

    def f1(gold: list[str], guess: list[str]) -> float:
        if len(gold) == 0 or len(guess) == 0:
            return float(gold == guess)
        left, same = list(gold), 0
        for word in guess:
            if word in left:
                left.remove(word)
                same += 1
        if same == 0:
            return 0.0
        precision, recall = same / len(guess), same / len(gold)
        return 2 * precision * recall / (precision + recall)

    golds = [g for g in gold_answers if normal(g)]
    golds = golds if golds else [""]
    em = max(float(normal(g) == normal(prediction)) for g in golds)
    return normal(prediction), em, max(f1(normal(g).split(), normal(prediction).split()) for g in golds)


PIECES = ["the", "The ", "a", "an", " ", "\t", "\u00a0", ".", ",", "'s", "’", "-", "–", "$", "5", "5,000", "Milley", "letter", "é", "ß", "_", "№"]  # fmt: skip
phrases = st.one_of(st.lists(st.sampled_from(PIECES), max_size=8).map("".join), st.text(max_size=12))


@settings(max_examples=400, deadline=None)
@given(phrases, st.lists(phrases, max_size=3))
def test_squads_definition(text: str, accepted: list[str]) -> None:
    normal, em, f1 = squad(text, accepted)
    assert normalize(text) == normal
    assert exact_match(text, accepted) == em
    assert token_f1(text, accepted) == pytest.approx(f1)


@given(phrases.filter(normalize), phrases)
def test_the_expected_answer_is_worth_1_and_order_does_not_matter(text: str, other: str) -> None:
    assert exact_match(text, [other, text]) == token_f1(text, [other, text]) == 1
    assert token_f1(other, [text, "x y"]) == token_f1(other, ["x y", text])
    assert 0 <= token_f1(other, [text]) <= 1


def test_rouge_l() -> None:
    # the longest common subsequence of "police killed the gunman" and "police kill the gunman" is police the gunman:
    # P = R = 3/4 (the example of Lin 2004)
    assert rouge_l("police kill the gunman", ["nothing alike", "police killed the gunman"]) == pytest.approx(0.75)
    assert rouge_l("the gunman kill police", ["police killed the gunman"]) == pytest.approx(2 / 4)  # "the gunman"
    assert rouge_l("", ["police"]) == rouge_l("police", []) == 0
    assert rouge_l("same words", ["same words"]) == rouge_l(" ", []) == 1
    assert answers._rouge() is answers._rouge()


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("12", "It carried 12."), ("12", "12% of them"), ("12", "$12 each"), ("12", "10-12 men"), ("12", "12–14 men"),
        ("12", "**12** men"), ("12", "_12_ men"), ("12", "in 2012, 12, and"), ("5,000", "some 5,000, they said"),
        ("$5", "US$5 a day"), ("$5", "($5)"), ("5%", "up 5%."), ("-5", "at −5 degrees"), ("7 p.m.", "at 7 p.m. on"),
        ("7 p.m.", "by 7 P.M."), ("CJTF-OIR", "the (CJTF‑OIR) letter"), ("CJTF-OIR", "cjtf–oir’s"), ("ISIS", "anti-ISIS"),
        ("self-defense", "in self\u2011defense"), ("somebody else's fence", "inside somebody\u00a0else’s\n fence."),
        ("Béland", "Be\u0301land said"), ("STRASSE", "Straße"), ("ﬁve", "FIVE"), ("no value", "“no value”"),
        ("company", "the company's"), ("Jan. 5", "on Jan. 5."), ("tom", "millrace_tom"), ("with\u00adout", "with\u200bout"),
        ("北京", "在北京的"), ("5", "5½ hours"), ("yes,", "Yes, it was"), ("5:15", "at 5:15."), ("three", "twenty-three"),
    ],
)  # fmt: skip
def test_parts_that_stand(part: str, text: str) -> None:
    assert parts_found(text, [[part]]) == 1
    assert forbidden_found(text, ["absent", part]) == [part]


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("12", "112 men"), ("12", "5,012 men"), ("12", "12,500 men"), ("12", "12.5 men"), ("12", "3.12 men"),
        ("12", "12:30"), ("15", "at 5:15"), ("12", "the 12th"), ("12", "120"), ("5,000", "15,000"), ("5,000", "5,000,000"),
        ("5,000", "5000"), ("5,000", "five thousand"), ("$5", "$50"), ("$5", "$5.20"), ("5%", "15%"), ("5%", "4.5%"),
        ("-5", "10-5"), (".5", "3.5"), ("7 p.m.", "at 17 p.m."), ("CJTF-OIR", "CJTF-OIRX"), ("CJTF-OIR", "XCJTF-OIR"),
        ("ISIS", "crisis"), ("did", "didn't"), ("letter", "letters"), ("51", "5½ hours"), ("123", "in 12³"), (" ", "a b"),
        ("12", ""), ("", "anything"), ("é", "Béland"),
    ],
)  # fmt: skip
def test_parts_that_do_not_stand(part: str, text: str) -> None:
    assert parts_found(text, [[part]]) == 0
    assert forbidden_found(text, [part]) == []


def test_parts_are_counted_by_group() -> None:
    groups = [["43", "forty-three"], ["57"], ["Taha"], []]
    assert parts_found("The Taha brothers counted forty-three.", groups) == 2 / 4
    assert parts_found("43 and 57, said Taha", groups[:3]) == 1
    assert parts_found("", []) == 1
    assert forbidden_found("Berlin and Kuwait", ["Kuwait", "Paris", "Berlin"]) == ["Kuwait", "Berlin"]


# --- citations

A: Span = ("a.txt", 5, 6)
B: Span = ("b.txt", 10, 13)
C: Span = ("c.txt", 1, 1)
GROUPS: list[list[Span]] = [[A, B], [C]]


def test_lines_by_hand() -> None:
    cited: list[Span] = [("a.txt", 6, 9), ("a.txt", 8, 9), ("b.txt", 13, 13)]  # a 6 7 8 9, b 13: five lines
    assert citations.line_precision(cited, GROUPS) == pytest.approx(2 / 5)  # a 6, b 13
    assert citations.line_precision(cited, GROUPS, 1) == pytest.approx(3 / 5)  # and a 7, next to a 6
    assert citations.line_precision(cited, GROUPS, 3) == 1
    assert citations.line_precision(cited, GROUPS, ignored_files=["a.txt"]) == 1
    # A: 1 of 2 lines, B: 1 of 4, so group 1 has 1/2; group 2 has 0
    assert citations.line_recall(cited, GROUPS) == pytest.approx((1 / 2 + 0) / 2)
    assert citations.line_recall(cited, GROUPS, 1) == pytest.approx((1 + 0) / 2)  # a 5 is next to a 6
    assert citations.line_f1(cited, GROUPS) == pytest.approx(2 * 0.4 * 0.25 / (0.4 + 0.25))
    assert citations.groups_hit(cited, GROUPS) == 1 / 2
    assert citations.over_citation(cited, GROUPS) == pytest.approx(5 / (2 + 1))  # A is smaller than B


def test_nothing_cited_and_nothing_to_cite() -> None:
    assert citations.line_precision([], GROUPS) is None
    assert citations.line_precision([A], GROUPS, ignored_files=["a.txt"]) is None
    assert citations.line_precision([A], []) == 0
    zero = (citations.line_recall, citations.line_f1, citations.groups_hit, citations.first_citation_hit, citations.over_citation)  # fmt: skip
    for measure in zero:
        assert measure([], GROUPS) == 0
        assert measure([A], []) is None
    assert citations.validity([], lambda file: []) is None


def test_lines_that_do_not_exist_earn_nothing() -> None:
    assert citations.line_precision([("a.txt", 6, 5)], GROUPS) == 0  # cited, though not a line
    assert citations.line_recall([("a.txt", 6, 5), ("c.txt", -3, 0)], GROUPS, 3) == 0
    assert citations.line_recall([("c.txt", -3, 1)], GROUPS) == 1 / 2
    assert citations.line_recall([A], [[("a.txt", 6, 5)]]) == 0


def test_a_citation_of_everything_is_not_cheap() -> None:
    whole: list[Span] = [("a.txt", 1, 10_000_000), ("c.txt", 1, 10_000_000)]
    assert citations.line_recall(whole, GROUPS) == citations.groups_hit(whole, GROUPS) == 1
    assert citations.line_precision(whole, GROUPS, 3) == pytest.approx((8 + 4) / 20_000_000)  # a 2-9, c 1-4
    assert citations.over_citation(whole, GROUPS) == pytest.approx(20_000_000 / 3)


def test_first_citation() -> None:
    near: Span = ("a.txt", 7, 8)
    assert citations.first_citation_hit([B, near], GROUPS) == 1
    assert citations.first_citation_hit([near, B], GROUPS) == 0
    assert citations.first_citation_hit([near, B], GROUPS, ["a.txt"]) == 1
    assert citations.first_citation_hit([near], GROUPS, ["a.txt"]) == 0


def test_validity() -> None:
    lines = {"a.txt": ["one", "", "  ", "four"]}.get
    good: list[Span] = [("a.txt", 1, 1), ("a.txt", 2, 4), ("a.txt", 4, 4)]
    bad: list[Span] = [("a.txt", 0, 1), ("a.txt", 4, 5), ("a.txt", 3, 2), ("a.txt", 2, 3), ("b.txt", 1, 1), ("a.txt", -1, -1)]  # fmt: skip
    assert [citations.valid(s, lines) for s in good + bad] == [True] * 3 + [False] * 6
    assert citations.validity(good + bad, lines) == pytest.approx(3 / 9)


spans = st.tuples(st.sampled_from("ab"), st.integers(1, 12), st.integers(0, 4)).map(lambda s: (s[0], s[1], s[1] + s[2]))
cited_spans = st.lists(spans, max_size=5)
gold_groups = st.lists(st.lists(spans, min_size=1, max_size=3), min_size=1, max_size=3)
LINE_MEASURES: list[Any] = [citations.line_precision, citations.line_recall, citations.line_f1, citations.groups_hit]


def points(spans: Sequence[Span]) -> set[tuple[str, int]]:
    return {(file, n) for file, a, b in spans for n in range(a, b + 1)}


@given(cited_spans, gold_groups, st.integers(0, 3))
def test_lines_as_sets(cited: list[Span], groups: list[list[Span]], t: int) -> None:
    def near(there: set[tuple[str, int]]) -> set[tuple[str, int]]:
        return {(f, n + d) for f, n in there for d in range(-t, t + 1)}

    lines, gold = points(cited), points([p for g in groups for p in g])
    precision = len(lines & near(gold)) / len(lines) if lines else None
    recall = sum(max(len(points([p]) & near(lines)) / len(points([p])) for p in g) for g in groups) / len(groups)
    assert citations.line_precision(cited, groups, t) == (None if precision is None else pytest.approx(precision))
    assert citations.line_recall(cited, groups, t) == pytest.approx(recall)
    assert citations.groups_hit(cited, groups, t) == sum(bool(points(g) & near(lines)) for g in groups) / len(groups)


@given(cited_spans, gold_groups, st.integers(0, 3), st.randoms(use_true_random=False))
def test_lines_range_order_and_tolerance(cited: list[Span], groups: list[list[Span]], t: int, random: Any) -> None:
    mixed = random.sample(cited, len(cited)), [random.sample(g, len(g)) for g in random.sample(groups, len(groups))]
    for measure in LINE_MEASURES:
        value = measure(cited, groups, t)
        assert measure(*mixed, t) == (None if value is None else pytest.approx(value))
        assert measure(cited + cited, groups, t) == value
        assert value is None or 0 <= value <= 1 + 1e-12
        assert value is None or measure(cited, groups, t + 1) >= value - 1e-12
    assert citations.over_citation(*mixed) == citations.over_citation(cited, groups)


@given(gold_groups, st.integers(0, 3))
def test_citing_one_place_of_each_group_is_perfect(groups: list[list[Span]], t: int) -> None:
    oracle = [min(g, key=lambda p: p[2] - p[1]) for g in groups]
    assert [measure(oracle, groups, t) for measure in LINE_MEASURES] == [1, 1, 1, 1]
    assert citations.first_citation_hit(oracle, groups) == 1
    assert citations.over_citation(oracle, groups) <= 1  # type: ignore[operator]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('The company\'s chief said it wouldn\'t sell and that "margins are thin this year"', ["margins are thin this year"]),
        ("The company's chief said it wouldn't sell", []),
        ("the workers' and the owners' rights, rock'n'roll, the '90s and the companies' pay", []),
        ("The company’s chief said it wouldn’t; the workers’ rights", []),
        ("He called it “an honest mistake,” and “no more”.", ["an honest mistake,", "no more"]),
        ("He called it ‘an honest mistake’ and it wasn’t.", ["an honest mistake"]),
        ("He called it 'an honest mistake', didn't he?", ["an honest mistake"]),
        ("“He said ‘no’ twice”", ["He said ‘no’ twice"]),
        ("‘the company’s own’ words", ["the company’s own"]),
        ("„Kein Wert“, «pas de valeur», ”inget värde”", ["Kein Wert", "pas de valeur", "inget värde"]),
        ("mixed “one\" and \"two”", ["one", "two"]),
        ('a 5" pipe and a 6" pipe', []),
        ('a 5" pipe called "good"', ["good"]),
        ('He said "in 1999" and ("more")', ["in 1999", "more"]),
        ("He called it “an honest mistake", ["an honest mistake"]),
        ('He called it "an honest mistake', ["an honest mistake"]),
        ("He called it an honest mistake” again", ["He called it an honest mistake"]),
        ('He called it an honest mistake" again', ["He called it an honest mistake"]),
        ("He said “one and “two”", ["one and ", "two"]),
        ('"" and “ ” and "…"', []),
    ],
)  # fmt: skip
def test_quotations(text: str, expected: list[str]) -> None:
    assert quotations(text) == expected


@pytest.mark.parametrize(
    ("text", "cited", "expected"),
    [
        ("It was “an honest mistake,” he said.", {"a": 'Milley said: "An error, an honest\n  mistake"'}, (1, 1)),
        ("It was “an honest mistake”.", {"a": "called it an honest", "b": "mistake by the staff"}, (0, 1)),  # two files
        ("It was “an honest mistake”.", {"a": f"an honest{citations.GAP}mistake"}, (0, 1)),  # lines apart
        ("It was “an honest mistake”.", {"a": "nothing", "b": "an honest mistake"}, (1, 1)),
        ("It was “a mistake” and “no value”.", {"a": "of no value"}, (1, 2)),
        ("It “wouldn’t” do.", {"a": "it wouldn't do"}, (1, 1)),
        ("He said ‘it has “no value”’.", {"a": "it has 'no value'"}, (2, 2)),
        ("It was “cafe\u0301 talk”.", {"a": "caf\u00e9\u00a0talk"}, (1, 1)),
        ("They know “no”.", {"a": "They know"}, (0, 1)),  # inside a word
        ("It cost “12”.", {"a": "5,012"}, (0, 1)),
        ("It was “An honest mistake”.", {"a": "an honest mistake"}, (0, 1)),  # letter case counts
        ("It was “an honest mistake.", {"a": "an honest mistake. By the staff"}, (1, 1)),
        ("It was “an honest mistake, said Milley.", {"a": "an honest mistake"}, (0, 1)),  # the mark was lost
        ("The company's chief wouldn't.", {"a": "something else"}, (0, 0)),
        ("It was “a mistake”.", {}, (0, 1)),
    ],
)
def test_quotation_fidelity(text: str, cited: dict[str, str], expected: tuple[int, int]) -> None:
    assert quotation_fidelity(text, cited) == expected


@given(st.text(alphabet="ab ,.'\"“”‘’„«»5\n\0", max_size=40))
def test_quotations_of_any_text(text: str) -> None:
    for quoted in quotations(text):
        assert quoted in text
        assert re.search(r"\w", quoted)
    stand, total = quotation_fidelity(text, {"a": text})
    assert 0 <= stand <= total


def test_lines_copied_from_the_sample_articles_are_faithful_to_themselves() -> None:
    files = [f for f in sorted(evals.ARTICLES.rglob("*")) if f.suffix in (".txt", ".md")]
    counts = [
        quotation_fidelity(line, {"a": line}) for f in files for line in f.read_text("utf-8", "replace").split("\n")
    ]
    assert sum(total for _, total in counts) >= 50
    assert [pair for pair in counts if pair[0] != pair[1]] == []


# --- retrieval

HITS: list[Span] = [("x.txt", 1, 9), ("a.txt", 6, 9), ("b.txt", 1, 10), ("c.txt", 2, 3), ("c.txt", 1, 2)]
RANKING = [frozenset[int](), frozenset({0}), frozenset({0}), frozenset[int](), frozenset({1})]


def test_a_ranking_by_hand() -> None:
    assert retrieval.found_groups(HITS, GROUPS) == RANKING
    assert retrieval.found_groups(HITS, GROUPS, "file") == [set(), {0}, {0}, {1}, {1}]
    assert [retrieval.hit_at(RANKING, k) for k in (0, 1, 2, 5, 9)] == [0, 0, 1, 1, 1]
    assert retrieval.reciprocal_rank(RANKING) == 1 / 2
    assert retrieval.reciprocal_rank(RANKING, 1) == retrieval.reciprocal_rank([]) == 0
    assert [retrieval.recall_at(RANKING, 2, k) for k in (1, 2, 4, 5)] == [0, 0.5, 0.5, 1]
    # new groups at ranks 2 and 5; ideal at ranks 1 and 2
    assert retrieval.ndcg_at(RANKING, 2, 5) == pytest.approx((1 / math.log2(3) + 1 / math.log2(6)) / (1 + 1 / math.log2(3)))  # fmt: skip
    assert retrieval.average_precision(RANKING, 2, 5) == pytest.approx((1 / 2 + 1 / 5) / 2)
    assert retrieval.average_precision(RANKING, 2, 4) == pytest.approx((1 / 2) / 2)
    assert retrieval.average_precision([*RANKING[:1] * 10, {0}], 1, 10) == 0  # type: ignore[list-item]  # rank 11
    for measure in (retrieval.recall_at, retrieval.ndcg_at, retrieval.average_precision):
        assert measure(RANKING, 0, 5) is None
        assert measure([], 2, 5) == measure(RANKING, 2, 0) == 0


def test_one_alternative_of_each_group_is_a_perfect_ranking() -> None:
    groups: list[list[Span]] = [[A, B], [C]]
    assert retrieval.ndcg_at(retrieval.found_groups([A, C], groups), 2, 10) == 1  # AutoRAG's ideal: 1.63 / 2.13 = 0.77
    assert retrieval.ndcg_at([frozenset({0, 1})], 2, 10) == 1  # two at once are not worth more than 1
    assert retrieval.average_precision([frozenset({0, 1})], 2, 10) == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(0, 5)), max_size=12), st.integers(6, 7), st.integers(1, 12))
def test_an_independent_library_agrees(found: list[int | None], n_groups: int, k: int) -> None:
    qrels = [ir_measures.Qrel("q", f"group{n}", 1) for n in range(n_groups)]
    documents = [f"group{g}" if g is not None and g not in found[:i] else f"other{i}" for i, g in enumerate(found)]
    run = [ir_measures.ScoredDoc("q", d, float(-i)) for i, d in enumerate(documents)]
    run = run or [ir_measures.ScoredDoc("q", "other", 0.0)]
    ranking = [frozenset([] if g is None else [g]) for g in found]
    theirs = ir_measures.calc_aggregate([Success @ k, RR @ k, R @ k, nDCG @ k], qrels, run)
    assert retrieval.hit_at(ranking, k) == theirs[Success @ k]
    assert retrieval.reciprocal_rank(ranking, k) == pytest.approx(theirs[RR @ k])
    assert retrieval.recall_at(ranking, n_groups, k) == pytest.approx(theirs[R @ k])
    assert retrieval.ndcg_at(ranking, n_groups, k) == pytest.approx(theirs[nDCG @ k])


@given(st.lists(st.frozensets(st.integers(0, 3), max_size=3), max_size=8), st.integers(1, 9))
def test_rankings_stay_in_range_and_a_longer_look_finds_no_less(ranking: list[frozenset[int]], k: int) -> None:
    for measure in (retrieval.recall_at, retrieval.ndcg_at, retrieval.average_precision):
        value = measure(ranking, 4, k)
        assert value is not None
        assert 0 <= value <= 1
    assert retrieval.recall_at(ranking, 4, k) <= retrieval.recall_at(ranking, 4, k + 1)  # type: ignore[operator]
    assert retrieval.hit_at(ranking, k) <= retrieval.hit_at(ranking, k + 1)


def scored(path: Path, **expected: float) -> Path:
    """Two questions: facts found at ranks 2 and 5 of three facts, and at rank 1 of one; and one without gold."""
    rows = [
        {
            "gold": [{"fact": "The ferry left\nat nine."}, {"fact": "214 people"}, {"fact": "never found"}],
            "retrieved": [
                "x",
                "Then theferry.The ferry left at nine.",
                "The ferry left at nine.",
                "y",
                "had 214 people",
            ],
            # hits 1, 1; MAP (1/2 + 1/5) / 3 = 7/30; MRR 1/2
            "expected": {"hits_at_10": 1, "hits_at_4": 1, "map_at_10": 7 / 30, "mrr_at_10": 1 / 2} | expected,
        },
        {
            "gold": [{"fact": "Ida Holm"}],
            "retrieved": ["the mayor, Ida\nHolm, said"],
            "expected": {"hits_at_10": 1, "hits_at_4": 1, "map_at_10": 1.0, "mrr_at_10": 1.0},
        },
        {"gold": [], "retrieved": ["x"], "expected": {}},
    ]
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    return path


def test_metric_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert metric_check.main([str(scored(tmp_path / "good.jsonl"))]) == 0
    rows = [line.split()[:3] for line in capsys.readouterr().out.split("\n")]
    assert ["MAP@10", "0.6167", "0.6167"] in rows  # (7/30 + 1) / 2
    assert ["MRR@10", "0.7500", "0.7500"] in rows
    assert metric_check.main([str(scored(tmp_path / "bad.jsonl", map_at_10=7 / 30 + 1e-4))]) == 1
    assert "FAIL" in capsys.readouterr().out
    (tmp_path / "none.jsonl").write_text('{"gold": []}\n')
    assert metric_check.main([str(tmp_path / "none.jsonl")]) == 1


# --- excerpts

EXCERPTS: list[excerpts.Range] = [("a", 10, 20), ("a", 15, 30), ("b", 0, 10)]  # a 10-30, b 0-10: 30 characters


def test_excerpts_by_hand() -> None:
    # covered: a 10-25 = 15; read: 25 + 20 + 10 = 55, overlap and other file included
    returned = [("a", 0, 25), ("a", 5, 25), ("c", 0, 10)]
    assert excerpts.excerpt_scores(EXCERPTS, returned) == pytest.approx((15 / 30, 15 / 55, 15 / (55 + 15)))
    assert excerpts.excerpt_scores(EXCERPTS, []) == (0, 0, 0)
    assert excerpts.excerpt_scores([], returned) is None
    # a 0-12 and a 12-40 hold gold, a 40-50 and b 10-20 only touch it; b's 10 characters are in no chunk
    chunks = [("a", 0, 12), ("a", 12, 40), ("a", 40, 50), ("b", 10, 20)]
    assert excerpts.precision_omega(EXCERPTS, chunks) == pytest.approx(20 / (40 + 10))
    assert excerpts.precision_omega(EXCERPTS, [("a", 0, 40), ("a", 20, 60)]) == pytest.approx(20 / (60 + 10))
    assert excerpts.precision_omega(EXCERPTS, []) == 0
    assert excerpts.precision_omega([], chunks) is None


ranges = st.tuples(st.sampled_from("ab"), st.integers(0, 20), st.integers(1, 9)).map(
    lambda r: (r[0], r[1], r[1] + r[2])
)


@given(st.lists(ranges, min_size=1, max_size=4), st.lists(ranges, max_size=5), st.randoms(use_true_random=False))
def test_excerpts_as_sets(gold: list[excerpts.Range], returned: list[excerpts.Range], random: Any) -> None:
    def characters(there: Sequence[excerpts.Range]) -> set[tuple[str, int]]:
        return {(f, n) for f, a, b in there for n in range(a, b)}

    covered = len(characters(gold) & characters(returned))
    size, read = len(characters(gold)), sum(b - a for _, a, b in returned)
    expected = (covered / size, covered / read if read else 0.0, covered / (read + size - covered))
    assert excerpts.excerpt_scores(gold, returned) == pytest.approx(expected)
    assert excerpts.excerpt_scores(gold[::-1], random.sample(returned, len(returned))) == pytest.approx(expected)
    held = characters([c for c in returned if characters([c]) & characters(gold)])
    assert excerpts.precision_omega(gold, returned) == pytest.approx(covered / len(held | characters(gold)))
    exact = [(f, a, b) for f, there in excerpts.union(gold).items() for a, b in there]
    assert excerpts.excerpt_scores(gold, exact) == (1, 1, 1)
    assert excerpts.precision_omega(gold, exact) == 1


# --- refusal


def test_refusal_by_hand() -> None:
    cases: list[refusal.Judged] = [
        (True, refusal.outcome(True, abstained=False, right=True)),
        (True, refusal.outcome(True, abstained=False, right=False)),
        (True, refusal.outcome(True, abstained=True, right=False)),
        (False, refusal.outcome(False, abstained=True, right=False)),
        (False, refusal.outcome(False, abstained=True, right=True)),
        (False, refusal.outcome(False, abstained=False, right=True)),  # no answer to it is right
        (False, "error"),
    ]
    assert refusal.table(cases) == {
        "answered-right": 1, "answered-wrong": 2, "abstained-right": 2, "abstained-wrong": 1, "error": 1,
    }  # fmt: skip
    assert refusal.refusal_precision(cases) == pytest.approx(2 / 3)
    assert refusal.refusal_recall(cases) == pytest.approx(2 / 4)  # the error is one of the four unanswerable ones
    assert refusal.refusal_precision(cases[:2]) is None
    assert refusal.refusal_recall(cases[:3]) is None
    assert refusal.refusal_recall([(False, "error")]) == 0


def test_confidence_by_hand() -> None:
    confidences, outcomes = [0.0, 0.25, 0.5, 0.75, 1.0, 1.0], [False, True, True, False, True, True]
    # squared errors: 0, .5625, .25, .5625, 0, 0
    assert refusal.brier(confidences, outcomes) == pytest.approx(1.375 / 6)
    assert refusal.reliability(confidences, outcomes, bins=2) == [
        (0.0, 0.5, 2, 0.125, 0.5),  # 0 and 0.25; 0.5 is in the upper bin
        (0.5, 1.0, 4, 0.8125, 0.75),
    ]
    # 2/6 * |.125 - .5| + 4/6 * |.8125 - .75|
    assert refusal.expected_calibration_error(confidences, outcomes, bins=2) == pytest.approx(1 / 6)
    assert [b.low for b in refusal.reliability(confidences, outcomes)] == [0.0, 0.2, 0.5, 0.7, 0.9]
    assert (refusal.brier([], []), refusal.reliability([], []), refusal.expected_calibration_error([], [])) == (None, [], None)  # fmt: skip
    for bad in ([1.5], [math.nan]):
        with pytest.raises(ValueError, match="between"):
            refusal.brier(bad, [True])
    with pytest.raises(ValueError, match="zip"):
        refusal.brier([0.5], [])


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=30), st.integers(1, 20))
def test_confidence_properties(pairs: list[tuple[float, bool]], bins: int) -> None:
    confidences, outcomes = [c for c, _ in pairs], [o for _, o in pairs]
    there = refusal.reliability(confidences, outcomes, bins)
    assert sum(b.n for b in there) == len(pairs)
    assert sum(b.n * b.share_true for b in there) == pytest.approx(sum(outcomes))
    for b in there:
        assert b.low - 1e-9 <= b.mean_confidence <= b.high + 1e-9
    for value in (
        refusal.brier(confidences, outcomes),
        refusal.expected_calibration_error(confidences, outcomes, bins),
    ):
        assert value is not None
        assert 0 <= value <= 1
    assert refusal.brier(confidences[::-1], outcomes[::-1]) == pytest.approx(refusal.brier(confidences, outcomes))
    assert refusal.brier([float(o) for o in outcomes], outcomes) == 0
    assert refusal.expected_calibration_error([float(o) for o in outcomes], outcomes, bins) == 0
