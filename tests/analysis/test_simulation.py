"""A little of `make simulate`: wide bounds, so that only a worse rule can cross them."""

from __future__ import annotations

from tests.simulation import incidents
from tests.simulation.durations import mean_alarms
from tests.simulation.verdicts import false_change_points, verdict_rates

SEED = 1
HISTORIES = 150


def share(truth: str, *verdicts: str, days: int = 30) -> float:
    found = verdict_rates(truth, HISTORIES, SEED, days)
    return sum(found.get(verdict, 0.0) for verdict in verdicts)


def test_a_regression_is_never_called_flaky() -> None:
    assert share("always good", "stable") == 1
    assert share("regression, still red", "broken") == 1
    assert share("regression, fixed", "fixed", "stable", "failed-once") == 1
    assert share("regression, fixed", "fixed") > 0.35
    assert share("regression, just fixed", "fixed") > 0.9


def test_flaky_tests_are_found_and_seldom_called_otherwise() -> None:
    assert share("flaky 5 %", "flaky", days=10) > 0.65
    assert share("flaky 5 %", "flaky") > 0.45
    assert share("flaky 5 %", "broken") < 0.03
    assert share("flaky 20 %", "flaky") > 0.95
    assert share("flaky 50 %", "flaky") > 0.95
    assert share("flaky 20 %, mended 30 runs ago", "stable") > 0.95


def test_an_outage_says_nothing_of_tests_and_a_breakage_does() -> None:
    for truth, expected in (
        ("outage of 2 sessions", "stable"),
        ("30 tests broken by a commit", "broken"),
        ("6 tests broken, run again by --lf", "broken"),
    ):
        assert incidents.verdict_rates(truth, 2, SEED) == {expected: 1.0}, truth


def test_a_rate_that_does_not_change_is_seldom_split() -> None:
    assert false_change_points(0.2, 500, SEED) < 0.01


def test_slower_tests_are_found_and_a_slow_machine_raises_no_alarm() -> None:
    usual = mean_alarms(1, 300, 5, SEED)
    slow = mean_alarms(1, 300, 5, SEED, runner=1.3)
    assert usual["ours"].false <= 3
    assert slow["ours"].false <= 3
    assert usual["ours"].found >= 3
    assert slow["ours"].found >= 3
    assert slow["mean +-20 %"].false > 150  # what the speed of the session is for
