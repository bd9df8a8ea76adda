"""Print how often the verdicts are right: `python -m tests.simulation --seed N`."""

from __future__ import annotations

import argparse

from tests.simulation import incidents
from tests.simulation.durations import mean_alarms
from tests.simulation.verdicts import DAYS, TRUTHS, false_change_points, verdict_rates

SPANS = (10, DAYS)
"""Days in which the runs are; only the longer one is long enough for "stable again"."""
RATES = (0.01, 0.05, 0.2, 0.5)
SUITES = 3
SHARED = 20


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--histories", type=int, default=1_500, help="histories per line")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}\n")
    for days in SPANS:
        print_verdicts(arguments.histories, arguments.seed, days)
    print_incidents(arguments.seed)
    print_change_points(arguments.histories, arguments.seed)
    print_durations(arguments.seed)


def print_verdicts(histories: int, seed: int, days: int) -> None:
    """Print the rates of each verdict for each truth."""
    print(f"% of {histories:,} histories of 60 runs in {days} days, 30 % of them on unchanged code")
    for truth in TRUTHS:
        _print_shares(truth, verdict_rates(truth, histories, seed, days))
    print()


def print_incidents(seed: int) -> None:
    """Print the rates of each verdict on tests that fail together."""
    print(f"% of the tests that fail together, in {SHARED} histories of 100 tests")
    for truth in incidents.TRUTHS:
        _print_shares(truth, incidents.verdict_rates(truth, SHARED, seed))
    print()


def _print_shares(truth: str, found: dict[str, float]) -> None:
    shown = ", ".join(f"{name} {100 * share:.1f}" for name, share in found.items())
    print(f"  {truth:36}{shown}")


def print_change_points(histories: int, seed: int) -> None:
    """Print how many histories without a change are split."""
    print(f"% of {histories:,} histories of 100 runs in which nothing changes, but is found to")
    for rate in RATES:
        print(f"  flaky {rate:<30.0%}{100 * false_change_points(rate, histories, seed):.2f}")
    print()


def print_durations(seed: int) -> None:
    """Print the false alarms and the finds of "slower"."""
    print(
        f"tests of 1,000 that are called slower, 50 of which are by half; mean of {SUITES} suites"
    )
    for runner in (1.0, 1.3):
        machine = "the usual machine" if runner == 1 else "a machine that is 30 % slower"
        for new_runs in (3, 5, 10):
            print(f"  {new_runs} new runs on {machine}")
            for rule, found in mean_alarms(SUITES, 1_000, new_runs, seed, runner).items():
                print(f"    {rule:34}{found.false:6.1f} false {found.found:5.1f} found")


main()
