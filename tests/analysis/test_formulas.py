"""The formulas agree with scipy, and keep the numbers that are promised of them."""

from __future__ import annotations

import random
from itertools import accumulate
from math import isclose
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_insight.analysis import segments
from pytest_insight.analysis.comparison.significance import benjamini_hochberg, fisher
from pytest_insight.analysis.comparison.windows import smallest_difference
from pytest_insight.analysis.durations import LEAST_Z, deviation, find_split, is_shifted, shift
from pytest_insight.analysis.rates import highest_hidden_rate, rate_of, wilson
from pytest_insight.analysis.segments import find_segments, log_likelihood
from tests.strategies import examples


def test_rates_are_those_of_scipy() -> None:
    from scipy.special import betaincinv
    from scipy.stats import binomtest

    for runs in (1, 2, 5, 40, 200):
        for bad in {0, 1, runs // 2, runs}:
            found = binomtest(bad, runs).proportion_ci(0.95, "wilson")
            assert wilson(bad, runs) == pytest.approx((found.low, found.high), abs=1e-9)
        assert highest_hidden_rate(runs) == pytest.approx(betaincinv(1, runs, 0.95))


def test_likelihoods_and_estimates_are_those_of_scipy() -> None:
    from scipy.special import betaln
    from scipy.stats import mannwhitneyu, median_abs_deviation

    log_likelihood.grow(200)
    for runs in (0, 1, 7, 200):
        for bad in {0, runs // 3, runs}:
            expected = betaln(bad + 0.3, runs - bad + 0.5) - betaln(0.3, 0.5)
            assert log_likelihood(bad, runs) == pytest.approx(expected, abs=1e-9)
    rng = random.Random(1)
    values = [rng.gauss(0, 1) for _ in range(31)]
    assert deviation(values) == pytest.approx(1.4826 * median_abs_deviation(values))
    changed = values[:20] + [value + 2 for value in values[20:]]
    scores = {
        at: abs(mannwhitneyu(changed[:at], changed[at:]).statistic - at * (31 - at) / 2)
        / (at * (31 - at)) ** 0.5
        for at in range(8, 29)
    }
    assert find_split(changed) == max(scores, key=scores.__getitem__)


@pytest.mark.parametrize("later", [2.0, 0.5])
def test_equal_durations_do_not_move_the_run_since_which_a_test_is_slower(later: float) -> None:
    assert find_split([1.0] * 16 + [later] * 7) == 16


def test_rates_are_shown_with_what_the_runs_can_show() -> None:
    found = rate_of(3, 40)
    assert (found.value, round(found.low, 3), round(found.high, 2)) == (0.075, 0.026, 0.2)
    assert round(rate_of(0, 41).high, 2) == 0.07
    assert round(highest_hidden_rate(5), 2) == 0.45
    assert (rate_of(0, 0).high, wilson(0, 0)) == (1.0, (0.0, 1.0))


@pytest.mark.parametrize(("greens", "reds"), [(10, 4), (20, 3), (40, 2), (100, 2)])
def test_so_many_reds_in_a_row_are_a_segment(greens: int, reds: int) -> None:
    assert len(find_segments([False] * greens + [True] * (reds - 1))) == 1
    (before, after) = find_segments([False] * greens + [True] * reds)
    assert (before.first, before.last, before.bad, before.low, before.high) == (
        0,
        greens - 1,
        0,
        0,
        0,
    )
    assert (after.first, after.bad, after.runs) == (greens, reds, reds)
    assert after.low <= greens <= after.high


def test_the_interval_is_narrow_if_much_is_known() -> None:
    (_, after) = find_segments([False] * 100 + [True] * 20)
    assert (after.low, after.high) == (99, 100)


@given(st.lists(st.booleans(), max_size=60))
@settings(max_examples=examples(60), deadline=None)
def test_segments_are_in_a_row_and_none_can_be_split_better(is_bad: list[bool]) -> None:
    found = find_segments(is_bad)
    assert [each.first for each in found] == [0, *(each.last + 1 for each in found[:-1])][
        : len(found)
    ]
    assert sum(each.runs for each in found) == len(is_bad)
    assert sum(each.bad for each in found) == sum(is_bad)
    sums = [0, *accumulate(is_bad)]
    for each in found:
        begin, end = each.first, each.last + 1
        whole = log_likelihood(each.bad, each.runs)
        gains = [
            segments._of_both(sums, begin, split, end) - whole for split in range(begin + 1, end)
        ]
        assert max(gains, default=0) <= segments.LEAST_GAIN
        assert each.low <= each.first <= each.high


@pytest.mark.parametrize(
    ("runs", "by", "shifted"), [(3, 0.45, False), (3, 0.47, True), (9, 0.3, True)]
)
def test_a_shift_counts_from_5_of_its_standard_deviations(
    runs: int, by: float, shifted: bool
) -> None:
    baseline = [0.1, -0.1] * 10  # the standard deviation is taken for 0.148
    assert is_shifted(baseline, [by] * runs, LEAST_Z) is shifted
    assert is_shifted(baseline, [-by] * runs, LEAST_Z) is shifted


@given(
    st.lists(st.floats(-9, 9), min_size=1, max_size=9),
    st.lists(st.floats(-9, 9), min_size=1, max_size=9),
    st.floats(-9, 9),
)
@settings(max_examples=examples(30), deadline=None)
def test_a_shift_is_as_much_as_the_head_was_moved(
    baseline: list[float], head: list[float], by: float
) -> None:
    moved = shift(baseline, [value + by for value in head])
    assert isclose(moved, shift(baseline, head) + by, abs_tol=1e-6)
    assert shift(baseline, [by]) == pytest.approx(by - median(baseline), abs=1e-6)


def test_fishers_test_and_its_correction_are_those_of_scipy() -> None:
    from scipy.stats import false_discovery_control, fisher_exact

    rng = random.Random(4)
    probabilities = []
    for _ in range(200):
        n0, n1 = rng.randint(1, 300), rng.randint(1, 60)
        k0, k1 = rng.randint(0, n0), rng.randint(0, n1)
        expected = fisher_exact([[k1, n1 - k1], [k0, n0 - k0]], alternative="greater").pvalue
        found = fisher(k0, n0, k1, n1)
        assert found == pytest.approx(expected, rel=1e-7, abs=1e-12)
        probabilities.append(found)
    assert benjamini_hochberg(probabilities, len(probabilities)) == pytest.approx(
        list(false_discovery_control(probabilities))
    )
    # Tests of which nothing failed have the probability 1.
    padded = list(false_discovery_control([*probabilities[:9], *[1.0] * 41]))
    assert benjamini_hochberg(probabilities[:9], 50) == pytest.approx(padded[:9])


def test_the_smallest_difference_is_the_least_that_is_called_worse() -> None:
    for base, head, tests in ((20, 20, 3), (200, 40, 500), (5, 2, 1), (40, 1, 1)):
        found = smallest_difference(base, head, tests)
        enough = [
            bad
            for bad in range(2, head + 1)
            if fisher(0, base, bad, head) * tests <= 0.05 <= bad / head
        ]
        assert found == (enough[0] / head if enough else None)
    assert smallest_difference(20, 20, 3) == 0.3
    assert smallest_difference(5, 2, 1) == 1.0
    assert smallest_difference(3, 3, 1_000) is None
