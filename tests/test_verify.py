from __future__ import annotations

import pytest

from rag import check
from rag.checks.quantities import numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5,000 troops", [5000]),
        ("five thousand troops", [5000]),
        ("5 thousand", [5000]),
        ("twenty-three and 7.5", [23, 7.5]),
        ("two hundred and fourteen", [214]),
        ("one of them", []),
        ("$3 million in 2019", [3_000_000, 2019]),
        ("Jan. 6, 2020", [6, 2020]),
        ("three, four", [3, 4]),
        ("B-52 and F16", [52]),
    ],
)
def test_numbers(text: str, expected: list[float]) -> None:
    assert numbers(text) == expected


@pytest.mark.parametrize(
    ("claim", "source", "verdict"),
    [
        ("The ferry carried 214 people.", "It carried 214 people, the ferry company said.", "supported"),
        ("The ferry carried two hundred and fourteen people.", "The ferry carried 214 people.", "supported"),
        ("The ferry carried 241 people.", "The ferry carried 214 people.", "unsupported"),
        ("The letter was signed.", "The letter was unsigned.", "unsupported"),
        ("The letter was unsigned.", "The letter was signed.", "unsupported"),
        ("The letter was not signed.", "The letter was unsigned.", "supported"),
        ("She called it “a draft”.", "She called it “a draft” on Monday.", "supported"),
        ("She called it “a forgery”.", "She called it “a draft” on Monday.", "unsupported"),
        ('He said "we will leave".', "“We will leave,” he said.", "supported"),
        ("The mayor opened the tunnel yesterday.", "The mayor spoke.", "unsupported"),
        ("The mayor opened the new bridge.", "The mayor opened a bazaar.", "partial"),
        ("Canada said it would not take troops out.", "Canada said it would take troops out.", "unsupported"),
        ("Canada said it would take troops out.", "Canada said it would not take troops out.", "unsupported"),
        ("Troops will leave.", "Troops won’t leave, she said.", "unsupported"),
        ("She never ordered it.", "She never ordered it, he said.", "supported"),
        (
            "The letter did not say when.",
            "It is not known when the letter was written, nor did it say so.",
            "unsupported",
        ),
        ("The vote was in March.", "The vote was in January.", "unsupported"),
        ("The vote in parliament was in January.", "The vote in parliament was on Jan. 5.", "supported"),
        ("They may march on Monday.", "On Monday they may march.", "supported"),
        (
            "On Monday the mayor of Oslo opened the bridge.",
            "On Monday the mayor of Bergen opened the bridge.",
            "unsupported",
        ),
        ("It cost less than planned.", "It cost less than planned, unless one counts the paint.", "supported"),
        ("It cost less than planned.", "It cost more than planned.", "unsupported"),
    ],
)
def test_verdicts(claim: str, source: str, verdict: str) -> None:
    found = check(claim, [source])
    assert found.verdict == verdict
    assert bool(found.reasons) == (verdict != "supported")


def test_a_quotation_must_stand_in_one_source_not_across_two() -> None:
    assert check("He said “we leave now”.", ["He said “we leave", "now”."]).verdict == "unsupported"


def test_score_is_the_share_of_content_words_found() -> None:
    # mayor, opened, new, bridge: mayor and opened are there, 2 of 4.
    assert check("The mayor opened the new bridge.", ["The mayor opened a bazaar."]).score == 2 / 4


def test_reasons_name_what_is_wrong() -> None:
    assert check("It cost 7 crowns.", ["It cost 3 crowns."]).reasons == (
        "the number 7 is not in the cited lines; they have 3",
    )
    assert check("The letter was signed.", ["The letter was unsigned."]).reasons == (
        "the claim says signed, the cited lines unsigned",
    )


def test_no_source_supports_nothing() -> None:
    assert check("The mayor spoke.", []).verdict == "unsupported"
