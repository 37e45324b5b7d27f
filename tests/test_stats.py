from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from evals.stats import (
    Interval,
    cluster_interval,
    cohen_kappa,
    holm,
    mcnemar_exact,
    mcnemar_power,
    minimum_detectable_difference,
    minimum_detectable_drop,
    paired_interval,
    paired_permutation,
    wilson,
)

SHARES = st.sampled_from([0.0, 0.25, 0.5, 0.8, 1.0]) | st.floats(0, 1)
SCORED = st.lists(st.tuples(SHARES, SHARES, st.sampled_from("abcdefg")), min_size=1, max_size=40)
SAMPLE = [1] * 21 + [2] * 23 + [3] * 16 + [4] * 14 + [5] * 5 + [6] * 3 + [7, 9]
"""Cases in each of 84 articles, about as in the sample pairs."""
NAMES = [f"article-{i}" for i, size in enumerate(SAMPLE) for _ in range(size)]


def percent(interval: Interval) -> tuple[float, float]:
    return round(100 * interval.low, 1), round(100 * interval.high, 1)


# Wilson


@pytest.mark.parametrize(
    ("successes", "n", "expected"),
    [
        (85, 100, (76.7, 90.7)),
        (170, 200, (79.4, 89.3)),
        (50, 50, (92.9, 100.0)),  # n / (n + z²) = 50 / 53.84
        (0, 50, (0.0, 7.1)),
        (81, 263, (25.5, 36.6)),  # Newcombe 1998, Stat. Med. 17, table I
        (1, 29, (0.6, 17.2)),  # the same
    ],
)
def test_wilson_published(successes: int, n: int, expected: tuple[float, float]) -> None:
    assert percent(wilson(successes, n)) == expected


def test_wilson_is_scipys() -> None:
    for successes, n, level in [(3, 7, 0.9), (0, 1, 0.95), (299, 300, 0.99)]:
        theirs = binomtest(successes, n).proportion_ci(level, method="wilson")
        ours = wilson(successes, n, level)
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_wilson_takes_only_a_share() -> None:
    with pytest.raises(ValueError, match="5 successes of 4"):
        wilson(5, 4)


# Clustered means


def test_no_clusters_of_right_and_wrong_is_wilson() -> None:
    values = [1] * 85 + [0] * 15
    assert cluster_interval(values) == cluster_interval(values, range(100)) == wilson(85, 100)


def test_whole_clusters_that_agree_count_once() -> None:
    """50 clusters of 4 equal values are 50 cases, but for Student's quantile and n - 1."""
    values = np.repeat([1.0] * 40 + [0.0] * 10, 4)
    clustered = cluster_interval(values, np.repeat(np.arange(50), 4))
    plain, naive = wilson(40, 50), wilson(160, 200)
    assert clustered.low == pytest.approx(plain.low, abs=0.01)
    assert clustered.high == pytest.approx(plain.high, abs=0.01)
    assert clustered.high - clustered.low > 1.8 * (naive.high - naive.low)


def test_a_perfect_score_is_not_a_certain_one() -> None:
    perfect = cluster_interval(np.ones(230), NAMES)
    assert perfect.high == 1
    assert perfect.low == pytest.approx(84 / (84 + 2.0**2), abs=0.002)  # G / (G + t²)
    nothing = cluster_interval(np.zeros(230), NAMES)
    assert (nothing.low, nothing.high) == pytest.approx((0, 1 - perfect.low))


def test_equal_values_between_the_ends() -> None:
    middling = cluster_interval([0.5] * 30, [i // 3 for i in range(30)])
    assert 0.1 < middling.low < 0.5 < middling.high < 0.9


@pytest.mark.parametrize("interval", [cluster_interval([]), cluster_interval([0.3, 0.9], ["a", "a"]), wilson(0, 0)])
def test_nothing_to_tell_from(interval: Interval) -> None:
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


@pytest.mark.parametrize("values", [[math.nan, 1], [[1, 0], [0, 1]], [-0.1, 0.2], [1, 0, 1]])
def test_values_that_are_none(values: Any) -> None:
    with pytest.raises(ValueError, match="values"):
        cluster_interval(values, ["a", "b"])


@settings(deadline=None, max_examples=50)
@given(SCORED)
def test_interval_holds_the_mean_within_its_bounds(scored: list[tuple[float, float, str]]) -> None:
    values, _, clusters = zip(*scored, strict=True)
    interval = cluster_interval(values, clusters)
    if len(set(clusters)) > 1:
        assert 0 <= interval.low <= np.mean(values) + 1e-12
        assert np.mean(values) - 1e-12 <= interval.high <= 1
        wider = cluster_interval(values, clusters, level=0.99)
        assert wider.low <= interval.low + 1e-12
        assert interval.high <= wider.high + 1e-12


@settings(deadline=None, max_examples=50)
@given(SCORED, st.randoms(use_true_random=False))
def test_order_and_names_change_no_interval(scored: list[tuple[float, float, str]], chance: Any) -> None:
    moved = [(a, b, f"the {c}") for a, b, c in scored]
    chance.shuffle(moved)
    (a, b, names), (c, d, others) = zip(*scored, strict=True), zip(*moved, strict=True)
    for first, second in [
        (cluster_interval(a, names), cluster_interval(c, others)),
        (paired_interval(a, b, names), paired_interval(c, d, others)),
    ]:
        assert (first.low, first.high) == pytest.approx((second.low, second.high), abs=1e-6, nan_ok=True)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from("abcd")), min_size=2, max_size=30))
def test_seconds_keep_their_unit(measured: list[tuple[int, str]]) -> None:
    seconds, clusters = zip(*measured, strict=True)
    minutes = np.array(seconds) * 60
    if max(seconds) > 0:
        ours, theirs = cluster_interval(seconds, clusters), cluster_interval(minutes, clusters)
        assert (60 * ours.low, 60 * ours.high) == pytest.approx((theirs.low, theirs.high), nan_ok=True)


def clustered_scores(kind: str, rate: float, chance: np.random.Generator) -> tuple[Any, Any]:
    """Values of 60 to 120 clusters of 1 to 14 cases, intra-cluster correlation 0.15; their true mean is `rate`."""
    groups = chance.integers(60, 121)
    shares = np.array([30, 22, 16, 12, 6, 4, 3, 2, 2, 1, 1, 0.5, 0.5, 0.5])
    sizes = chance.choice(np.arange(1, 15), size=groups, p=shares / shares.sum())
    clusters = np.repeat(np.arange(groups), sizes)
    spread = (1 - 0.15) / 0.15
    easy = chance.beta(rate * spread, (1 - rate) * spread, groups)[clusters]
    if kind == "right or wrong":
        return (chance.random(len(clusters)) < easy).astype(float), clusters
    return chance.beta(3 * easy + 1e-9, 3 * (1 - easy) + 1e-9), clusters


@pytest.mark.parametrize(
    ("kind", "rate"),
    [("right or wrong", 0.5), ("right or wrong", 0.85), ("right or wrong", 0.97), ("graded", 0.75)],
)
def test_intervals_cover(kind: str, rate: float) -> None:
    chance = np.random.default_rng(1)
    intervals = [cluster_interval(*clustered_scores(kind, rate, chance)) for _ in range(1500)]
    covered = np.mean([i.low <= rate <= i.high for i in intervals])
    assert 0.93 <= covered <= 0.97


# Differences


def test_runs_that_agree_throughout_could_still_differ() -> None:
    same = paired_interval(np.ones(230), np.ones(230), NAMES)
    assert same.low == -same.high
    assert 0.005 < same.high < 0.03


def test_an_interval_by_hand() -> None:
    """Two cases of +1 and two of 0, and half a case each of +1 and -1: mean 2/5; 12 scattered about it like so."""
    interval = paired_interval([0, 0, 0, 0], [1, 1, 0, 0])
    squares = 2 * (1 - 0.4) ** 2 + 2 * 0.4**2 + (1 - 0.4) ** 2 / 2 + (1 + 0.4) ** 2 / 2
    error = math.sqrt(5 / 4 * squares) / 5
    assert (interval.low + interval.high) / 2 == pytest.approx(0.4)
    assert interval.high - interval.low == pytest.approx(2 * 3.182 * error, rel=1e-3)  # Student's t, 3 degrees


def test_pairing_is_what_narrows() -> None:
    chance = np.random.default_rng(2)
    before = chance.random(230)
    after = before + 0.02 * chance.standard_normal(230)
    paired, single = paired_interval(before, after, NAMES), cluster_interval(before, NAMES)
    assert paired.high - paired.low < (single.high - single.low) / 5


@settings(deadline=None, max_examples=50)
@given(SCORED)
def test_differences_turn_round(scored: list[tuple[float, float, str]]) -> None:
    a, b, clusters = zip(*scored, strict=True)
    there, back = paired_interval(a, b, clusters), paired_interval(b, a, clusters)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), nan_ok=True)
    if len(set(clusters)) > 1:
        assert there.low - 1e-12 <= np.mean(np.subtract(b, a)) <= there.high + 1e-12
    assert paired_permutation(a, b, clusters, 200) == paired_permutation(b, a, clusters, 200)


def test_rounding_is_no_difference() -> None:
    a, b = np.full(30, 0.3), np.full(30, 0.1 + 0.2)
    assert paired_interval(a, b) == paired_interval(a, a)
    assert paired_permutation(a, b) == 1
    wobbly = np.where(np.arange(30) % 2, a, b)
    assert percent(cluster_interval(wobbly, np.arange(30) // 2)) == percent(cluster_interval(a, np.arange(30) // 2))
    assert cluster_interval([0, 5e-324, 0], "aab").high < 1


def test_differences_need_pairs() -> None:
    with pytest.raises(ValueError, match="2 values against 3"):
        paired_interval([1, 2], [1, 2, 3])


def test_differences_cover() -> None:
    """8 % broken and 3 % fixed over 84 articles."""
    chance = np.random.default_rng(3)
    drawn = chance.random((1500, 230))
    after = np.where(drawn < 0.08, -1.0, np.where(drawn < 0.11, 1.0, 0.0))
    intervals = [paired_interval(np.zeros(230), row, NAMES) for row in after]
    assert 0.93 <= np.mean([i.low <= -0.05 <= i.high for i in intervals]) <= 0.97


# Permutation test


def test_permutations_by_hand() -> None:
    assert paired_permutation([0, 0, 0], [1, 1, 1]) == 2 / 8  # only all + and all - are as far from 0
    assert paired_permutation([0, 0, 0], [1, 2, -3]) == 1
    assert paired_permutation([0, 0], [3, 1]) == 2 / 4  # |4| twice, |2| twice
    assert paired_permutation([0, 0, 0], [1, 1, 1], ["a", "a", "b"]) == 2 / 4  # two clusters of 2 and 1
    assert paired_permutation([1, 1, 0], [1, 1, 0]) == paired_permutation([], []) == 1


@pytest.mark.parametrize("differing", [8, 40])
def test_permuting_right_and_wrong_is_mcnemar(differing: int) -> None:
    """Exactly where all flips are tried, else within what 10,000 of them can tell."""
    broken = differing * 3 // 4
    before, after = np.zeros(100), np.zeros(100)
    before[:broken], after[broken:differing] = 1, 1
    exact = mcnemar_exact(differing - broken, broken)
    assert paired_permutation(before, after) == pytest.approx(exact, abs=1e-12 if differing <= 16 else 0.002)


def test_sampled_flips_agree_with_all(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(4)
    a, b = chance.random(14), chance.random(14) + 0.1
    exact = paired_permutation(a, b)
    monkeypatch.setattr("evals.stats.ENUMERATE", 0)
    assert paired_permutation(a, b) == pytest.approx(exact, abs=0.02)
    assert paired_permutation(np.zeros(40), np.ones(40)) == 1 / 10_001  # never 0
    assert paired_permutation(a, b) == paired_permutation(a[::-1], b[::-1])


@settings(deadline=None, max_examples=50)
@given(SCORED, st.integers(0, 3))
def test_permutation_p_is_a_probability(scored: list[tuple[float, float, str]], seed: int) -> None:
    a, b, clusters = zip(*scored, strict=True)
    assert 0 < paired_permutation(a, b, clusters, 100, seed) <= 1
    assert 0 < paired_permutation(a, b, None, 100, seed) <= 1


def test_no_change_alarms_seldom() -> None:
    """Runs that differ by nothing but articles' own noise: at most 5 % alarms, with clusters; without, far more."""
    chance = np.random.default_rng(5)
    index = np.repeat(np.arange(84), SAMPLE)
    clustered = alone = 0
    for seed in range(500):
        by_article = chance.normal(0, 0.1, 84)[index]
        b = by_article + chance.normal(0, 0.1, 230)
        clustered += paired_permutation(np.zeros(230), b, index, 500, seed) <= 0.05
        alone += paired_permutation(np.zeros(230), b, None, 500, seed) <= 0.05
    assert clustered / 500 <= 0.07  # 5 % and two standard errors
    assert alone / 500 > 0.10


# McNemar and Holm


def test_mcnemar_by_hand() -> None:
    # 2 (1 + 20 + 190 + 1140 + 4845 + 15504) / 2**20
    assert mcnemar_exact(5, 15) == pytest.approx(2 * 21700 / 2**20)
    assert mcnemar_exact(0, 5) == pytest.approx(2 / 32)  # five broken are not enough
    assert mcnemar_exact(0, 6) == pytest.approx(2 / 64)
    assert mcnemar_exact(0, 0) == mcnemar_exact(4, 4) == 1


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_symmetric(fixed: int, broken: int) -> None:
    p = mcnemar_exact(fixed, broken)
    assert 0 < p <= 1
    assert p == pytest.approx(mcnemar_exact(broken, fixed))


def test_holm_by_hand() -> None:
    """.005 x 4, .01 x 3, .03 x 2, and .04 x 1 lifted to the one before."""
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}) == pytest.approx(
        {"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02}
    )
    assert holm({}) == {}


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1), max_size=8))
def test_holm_only_raises(raw: dict[str, float]) -> None:
    adjusted = holm(raw)
    assert list(adjusted) == list(raw)
    assert all(raw[k] <= adjusted[k] <= 1 for k in raw)
    in_order = [adjusted[k] for k in sorted(raw, key=raw.__getitem__)]
    assert in_order == sorted(in_order)


# Power


@pytest.mark.parametrize(
    ("n", "five", "eight"), [(100, 0.22, 0.48), (200, 0.49, 0.84), (300, 0.69, 0.97), (500, 0.92, 1.00)]
)
def test_power_as_simulated_before(n: int, five: float, eight: float) -> None:
    assert mcnemar_power(n, 0.05, 0.11) == pytest.approx(five, abs=0.02)
    assert mcnemar_power(n, 0.08, 0.14) == pytest.approx(eight, abs=0.02)


def test_power_by_hand() -> None:
    assert mcnemar_power(6, 1, 1) == 1  # six of six broken: p = 2/64
    assert mcnemar_power(5, 1, 1) == 0  # five of five: p = 2/32
    assert mcnemar_power(6, 0.5, 0.5) == pytest.approx(0.5**6)
    assert mcnemar_power(6, 0, 1) == pytest.approx(1 / 64)  # by chance, in the direction of a drop
    assert mcnemar_power(0, 0, 0) == mcnemar_power(9, 0, 0) == 0
    with pytest.raises(ValueError, match=r"drop of 0\.2"):
        mcnemar_power(100, 0.2, 0.1)


@settings(deadline=None, max_examples=20)
@given(st.integers(10, 400), st.sampled_from([0.0, 0.06, 0.2]))
def test_smallest_drop_is_where_power_is_reached(n: int, noise: float) -> None:
    drop = minimum_detectable_drop(n, noise)
    if math.isnan(drop):
        assert mcnemar_power(n, 1 - noise, 1) < 0.8
    else:
        assert mcnemar_power(n, drop, min(1, noise + drop)) >= 0.8
        assert mcnemar_power(n, drop - 1e-4, noise + drop - 1e-4) < 0.8


def test_smallest_drop() -> None:
    assert minimum_detectable_drop(300, 0.06) == pytest.approx(0.0573, abs=5e-4)
    assert minimum_detectable_drop(300, 0.06) < minimum_detectable_drop(200, 0.06) < minimum_detectable_drop(200, 0.1)
    assert minimum_detectable_drop(6, 0) == pytest.approx(0.8 ** (1 / 6), abs=1e-4)  # all six must break
    assert math.isnan(minimum_detectable_drop(5, 0))
    assert math.isnan(minimum_detectable_drop(0, 0.1))


def test_smallest_difference() -> None:
    # (1.960 + 0.842) x 0.5 / 10
    assert minimum_detectable_difference(0.5, 100) == pytest.approx(0.1401, abs=1e-4)
    assert math.isnan(minimum_detectable_difference(0.5, 0))


# Kappa


def test_kappa_by_hand() -> None:
    """20 both yes, 15 both no, 5 and 10 apart: (0.7 - (.5 x .6 + .5 x .4)) / 0.5 = 0.4."""
    a = ["yes"] * 20 + ["yes"] * 5 + ["no"] * 10 + ["no"] * 15
    b = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    kappa, interval = cohen_kappa(a, b)
    agreed = wilson(35, 50)
    assert kappa == pytest.approx(0.4)
    assert (interval.low, interval.high) == pytest.approx(((agreed.low - 0.5) / 0.5, (agreed.high - 0.5) / 0.5))


def test_kappa_of_raters_who_agree() -> None:
    kappa, interval = cohen_kappa([True, False] * 20, [True, False] * 20)
    assert kappa == interval.high == 1
    assert 0.7 < interval.low < 0.9
    for a in ([], ["yes"] * 9):
        kappa, interval = cohen_kappa(a, a)
        assert math.isnan(kappa)
        assert math.isnan(interval.low)
    with pytest.raises(ValueError, match="1 labels against 0"):
        cohen_kappa(["yes"], [])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("xyz")), min_size=1, max_size=30))
def test_kappa_takes_raters_in_either_order(pairs: list[tuple[str, str]]) -> None:
    a, b = zip(*pairs, strict=True)
    (kappa, interval), (back, _) = cohen_kappa(a, b), cohen_kappa(b, a)
    assert kappa == pytest.approx(back, nan_ok=True)
    if not math.isnan(kappa):
        assert interval.low - 1e-12 <= kappa <= interval.high + 1e-12


# Speed


def test_fifteen_measures_take_seconds_at_most() -> None:
    chance = np.random.default_rng(6)
    runs = chance.random((15, 2, 230))
    start = time.process_time()
    for a, b in runs:
        paired_permutation(a, b, NAMES)
        paired_interval(a, b, NAMES)
        cluster_interval(a, NAMES)
    assert time.process_time() - start < 3
