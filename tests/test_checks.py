"""The checks of rag/checks, one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import check
from rag.checks.attribution import check_attribution, speakers
from rag.checks.cover import cover
from rag.checks.dates import check_dates, moments
from rag.checks.evidence import Evidence, bearing
from rag.checks.names import check_names, names, same_name
from rag.checks.negation import check_negation, opposite
from rag.checks.quantities import check_quantities, quantities
from rag.checks.quotations import check_quotations, quotations
from rag.checks.slots import check_slots

# --- quantities ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value", "bound", "unit"),
    [
        ("half an hour", 1800, "=", "second"),
        ("two-thirds of voters", 2 / 3, "=", "part"),
        ("twenty thousand five hundred", 20_500, "=", ""),
        ("two million three hundred thousand", 2_300_000, "=", ""),
        ("more than a dozen missiles", 12, ">", ""),
        ("at least two bases", 2, "≥", ""),
        ("nearly 5,200 troops", 5200, "<", ""),
        ("some 450 people", 450, "~", ""),
        ("500+ men", 500, "≥", ""),
        ("$1.5bn", 1.5e9, "=", "$"),
        ("40 percent", 40, "=", "percent"),
        ("40%", 40, "=", "%"),
    ],
)
def test_a_quantity_is_read_with_bound_and_unit(text: str, value: float, bound: str, unit: str) -> None:
    (q,) = quantities(text)
    assert (pytest.approx(q.value), q.bound, q.unit) == (value, bound, unit)


@pytest.mark.parametrize(
    ("claim", "source", "agrees"),
    [
        ("5,000 troops", "five thousand troops", True),
        ("12 missiles", "more than a dozen missiles", False),
        ("more than a dozen missiles", "12 missiles", False),
        ("more than 5,000 troops", "5,200 troops", True),
        ("about 5,000 troops", "5,200 troops", True),
        ("about 5,100 troops", "5,000 troops", False),
        ("about 6,000 troops", "5,200 troops", False),
        ("at least two bases", "two bases", True),
        ("30 minutes", "half an hour", True),
        ("64 miles", "64 kilometres", False),
        ("40 percent", "40%", True),
        ("40 percent of them", "40 people", False),
        ("$3 million", "three million dollars", True),
        ("€3 million", "$3 million", False),
        ("the third attempt", "3 attempts", False),
        ("4 people came", "8,000 people came in 4 trucks", False),
        ("8,000 people in 4 trucks", "8,000 people came in 4 trucks", True),
        ("one of them left", "they left", True),
        ("one base", "two bases", False),
        ("hundreds of people", "people", False),
        ("hundreds of people", "450 people", True),
    ],
)
def test_quantities_agree(claim: str, source: str, agrees: bool) -> None:
    assert (check_quantities(claim, [source]) == []) is agrees


def test_a_wrong_number_is_named_with_what_the_source_has() -> None:
    (reason,) = check_quantities("It took 12 boats.", ["It took more than a dozen boats."])
    assert reason == "the number 12 is not in the cited lines; they have more than a dozen"


@given(st.integers(0, 10**12))
def test_a_number_with_commas_is_itself(n: int) -> None:
    assert [q.value for q in quantities(f"{n:,} sheets")] == [n]


# --- dates --------------------------------------------------------------------------------------

TUESDAY = "2020-01-07"


@pytest.mark.parametrize(
    ("claim", "source", "date", "agrees"),
    [
        ("on Jan. 6, 2020", "on January 6, 2020", None, True),
        ("on 6 January", "Jan. 6", None, True),
        ("on Jan. 7", "Jan. 6", None, False),
        ("in 2019", "on Jan. 6, 2020", None, False),
        ("in January 2020", "on Jan. 6, 2020", None, True),
        ("on Monday", "on Tuesday", None, False),
        ("on Monday", "on Jan. 6, 2020", None, True),  # that day was a Monday
        ("on Jan. 6, 2020", "on Monday", TUESDAY, True),
        ("on Jan. 13, 2020", "on Monday", TUESDAY, False),
        ("on Jan. 13, 2020", "next Monday", TUESDAY, True),
        ("on Jan. 6", "yesterday", TUESDAY, True),
        ("in 2020", "on Jan. 6", TUESDAY, True),
        ("on Dec. 30, 2019", "on Dec. 30", TUESDAY, True),
        ("on Jan. 7, 2020", "He spoke.", TUESDAY, True),  # the article's own day
        ("on Jan. 8, 2020", "He spoke.", TUESDAY, False),
        ("in the 1990s", "in 1994", None, True),
        ("in 1994", "in the 1990s", None, False),
        ("in the 19th century", "in 1851", None, True),
        ("at 9:30 p.m.", "at 9:30 p.m.", None, True),
        ("at 9:30 p.m.", "at 8:30 p.m.", None, False),
        ("at 21:30", "at 9:30 p.m.", None, True),
        ("on June 3, 2016", "In 2016 they met, on June 3, at sea.", None, True),
        ("They may march", "nothing", None, True),
    ],
)
def test_dates_agree(claim: str, source: str, date: str | None, agrees: bool) -> None:
    assert (check_dates(claim, [Evidence(source, date=date)]) == []) is agrees


def test_a_day_that_does_not_exist_is_no_date() -> None:
    assert [m for m in moments("on 2020-13-45, May 77") if m.day or m.month] == []


# --- names --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("Suleimani", "Soleimani", True),
        ("Iraqi", "Iraq", True),
        ("Canadians", "Canada", True),
        ("German", "Germany", True),
        ("U.S.", "American", True),
        ("French", "France", True),
        ("Austria", "Australia", False),
        ("Iran", "Iraq", False),
        ("Milley", "Malley", False),
        ("Tueller", "Mueller", False),
    ],
)
def test_same_name(a: str, b: str, same: bool) -> None:
    assert same_name(a, b) is same
    assert same_name(b, a) is same


def test_names_are_runs_of_capitals_without_titles_and_dates() -> None:
    found = names("On Monday Gen. Mark Milley met Ida Holm in Erbil, the Pentagon said.")
    assert [" ".join(t.text for t in name) for name in found] == ["Mark Milley", "Ida Holm", "Erbil", "Pentagon"]


@pytest.mark.parametrize(
    ("claim", "source", "context", "missing"),
    [
        ("He met Ida Holm.", "He met the mayor.", "", ["Ida Holm"]),
        ("He met Ida Holm.", "He met her.", "Ida Holm, the mayor, waited.", []),
        ("The UN voted.", "The United Nations voted.", "", []),
        ("General Holm left.", "Gen. Holm left.", "", []),
        ("Holm said so.", "Berg said so.", "", ["Holm"]),
        ("Nobody knew.", "No one knew.", "", []),
        ("He met Ida Holm.", "He met Holm.", "", []),  # a surname alone may get its given name
        ("He met Ida Holm.", "He met Ann Holm.", "", ["Ida"]),
        ("However, Holm left.", "Holm left.", "", []),
    ],
)
def test_names(claim: str, source: str, context: str, missing: list[str]) -> None:
    assert check_names(claim, [source], [context]) == [f"the name {n} is not in the cited lines" for n in missing]


# --- denials ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "source", "agrees"),
    [
        ("The letter was signed.", "The letter was not signed.", False),
        ("The letter was not signed.", "The letter was signed.", False),
        ("The letter was not signed.", "The letter was unsigned.", True),
        ("She signed the letter.", "She refused to sign the letter.", False),
        ("She signed the letter.", "She failed to sign the letter.", False),
        ("He denied that troops would leave.", "He said that troops would leave.", False),
        ("Nobody signed it.", "The mayor signed it.", False),
        ("The ferry left without the mayor.", "The ferry left with the mayor.", False),
        ("He knew of none in Jordan.", "He did not know of any in Jordan.", True),
        ("The count includes the mayor.", "The count does not yet include the mayor.", False),
        ("It was not only loud but long.", "It was loud and long.", True),
        ("He was not moved by fear but by hope.", "He was moved not by fear but by hope.", True),
        ("He was not moved by fear.", "He was moved by fear.", False),
        ("It was not paid by Holm.", "It was paid not only by Holm but by Lund.", False),
    ],
)
def test_denials_agree(claim: str, source: str, agrees: bool) -> None:
    assert (check_negation(claim, [source]) == []) is agrees


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("signed", "unsigned", True),
        ("rose", "fell", True),
        ("approved", "rejected", True),
        ("form", "inform", False),
        ("less", "unless", False),
    ],
)
def test_opposites(a: str, b: str, expected: bool) -> None:
    assert opposite(a, b) is expected
    assert opposite(b, a) is expected


# --- speakers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("“It was a mistake,” Gen. Mark Milley told reporters.", ["Gen. Mark Milley"]),
        ("According to the mayor Ida Holm, it rained.", ["Ida Holm"]),
        ("“It rained,” said the mayor, Ida Holm.", ["Ida Holm"]),
        ("Jeff Merkley of Oregon wrote on Monday that it rained.", ["Jeff Merkley of Oregon"]),
        ("On Monday it rained.", []),
    ],
)
def test_speakers(text: str, who: list[str]) -> None:
    assert [name for name, _ in speakers(text)] == who


@pytest.mark.parametrize(
    ("claim", "source", "agrees"),
    [
        ("Holm said it rained.", "Berg said it rained, as Holm listened.", False),
        ("Holm said it rained.", "“It rained,” said Ida Holm.", True),
        ("Holm said it rained.", "“It rained,” she said.", True),
        ("It rained.", "“It rained,” she said.", True),
        ("Holm called it “a flood”.", "Berg called it “a flood”. Holm said it rained.", False),
    ],
)
def test_speakers_agree(claim: str, source: str, agrees: bool) -> None:
    sources = [s.strip() + "." for s in source.split(". ")]
    assert (check_attribution(claim, sources) == []) is agrees


# --- quotations ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "source", "stands"),
    [
        ("He said “we leave now”.", "“We leave now,” he said.", True),
        ("He said “we leave soon”.", "“We leave now,” he said.", False),
        ("He said “leave now”.", "“We leave nowhere,” he said.", False),
        ("He said “we … now”.", "“We leave now,” he said.", True),
        ("He said “now … we”.", "“We leave now,” he said.", False),
        ("He said “[they] leave now”.", "“We leave now,” he said.", True),
        ("He said ‘we don’t leave’.", "“We don't leave,” he said.", True),
        ("He said 'we leave soon'.", "“We leave now,” he said.", False),
        ("The mayors' ferry and the captains' boat.", "Nothing.", True),
        ('The "Norman" name comes from "Norseman".', 'It is from "Norseman", hence "Norman".', True),
    ],
)
def test_quotations(claim: str, source: str, stands: bool) -> None:
    assert (check_quotations(claim, [source]) == []) is stands


@given(st.text(max_size=60))
def test_a_quotation_of_its_own_source_stands(text: str) -> None:
    clean = text.replace("“", "").replace("”", "")
    assert check_quotations(f"He said “{clean}”.", [clean]) == [] or '"' in clean or "'" in clean or "‘" in clean


def test_apostrophes_are_no_quotation_marks() -> None:
    assert quotations("The company's chief said it wouldn't sell.") == []


# --- slots, cover, bearing ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "reasons"),
    [
        ("Holm met Berg in Erbil on the quay.", ["the cited lines have Lund, the claim Berg"]),
        ("Holm met Lund in Erbil on the quay.", []),
        ("Holm never met Lund in Erbil on the quay.", ["the claim denies what the cited lines say"]),
    ],
)
def test_a_name_in_the_place_of_another_is_seen_even_where_the_lines_hold_both(claim: str, reasons: list[str]) -> None:
    assert check_slots(claim, ["Holm met Lund in Erbil on the quay.", "Berg stayed at home that day."]) == reasons


def test_cover_counts_a_word_of_the_context_half() -> None:
    # mayor and bridge stand in the lines, harbour only around them: (1 + 1 + 0.5) / 3.
    assert cover("The harbour mayor's bridge.", ["The mayor has a bridge."], ["the harbour"]) == (2.5 / 3, ("harbour",))


def test_bearing_takes_the_fewest_sentences_and_none_for_a_small_number_alone() -> None:
    text = "The ferry carried 214 people. It rained. There were 7 buses. The mayor waited."
    found = [e.text for e in bearing("The mayor saw 7 people leave the ferry.", [Evidence(text)])]
    assert found == ["The ferry carried 214 people.", "The mayor waited."]


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_gets_a_verdict(claim: str, source: str) -> None:
    found = check(claim, [source])
    assert 0 <= found.score <= 1
    assert bool(found.reasons) == (found.verdict != "supported")
