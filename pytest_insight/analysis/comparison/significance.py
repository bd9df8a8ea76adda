"""Whether a test fails more often: Fisher's exact test, corrected for the number of tests."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, lgamma

ALPHA = 0.05
"""The share of the differences called real that may be chance."""


def fisher(base_bad: int, base_runs: int, head_bad: int, head_runs: int) -> float:
    """Return the probability of at least as many bad runs in the head, if the rates are equal.

    The exact test of a 2x2 table, one-sided: the tail of the hypergeometric distribution. Source:
    R. A. Fisher, The logic of inductive inference, Journal of the Royal Statistical Society 98
    (1935).
    """
    bad, runs = base_bad + head_bad, base_runs + head_runs
    if not head_bad:
        return 1.0
    ways = _log_choose(runs, head_runs)
    found = sum(
        exp(_log_choose(bad, count) + _log_choose(runs - bad, head_runs - count) - ways)
        for count in range(head_bad, min(bad, head_runs) + 1)
    )
    return min(found, 1.0)


def _log_choose(total: int, chosen: int) -> float:
    if not 0 <= chosen <= total:
        return float("-inf")
    return lgamma(total + 1) - lgamma(chosen + 1) - lgamma(total - chosen + 1)


def benjamini_hochberg(probabilities: Sequence[float], tests: int) -> list[float]:
    """Return the q-values of probabilities, in their order.

    If those of at most 5 % are called real, at most 5 % of them are expected to be chance. Source:
    Y. Benjamini and Y. Hochberg, Controlling the false discovery rate, Journal of the Royal
    Statistical Society B 57 (1995).

    Args:
        probabilities: those of tests that may differ.
        tests: how many tests were compared; the probability of the others is 1.
    """
    order = sorted(range(len(probabilities)), key=probabilities.__getitem__, reverse=True)
    found = [1.0] * len(probabilities)
    least = 1.0
    for number, position in enumerate(order):
        rank = len(probabilities) - number
        least = min(least, probabilities[position] * tests / rank)
        found[position] = least
    return found
