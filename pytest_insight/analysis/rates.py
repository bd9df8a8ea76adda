"""What a number of failures in a number of runs says about the rate of failures."""

from __future__ import annotations

from functools import lru_cache
from math import sqrt

import msgspec

_Z = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""
_ONE_SIDED = 0.05


class Rate(msgspec.Struct, frozen=True, gc=False):
    """A rate of failures with its 95 % interval.

    Attributes:
        value: failures per run; 0.0 without runs.
        low: the lower bound.
        high: the upper bound.
    """

    value: float
    low: float
    high: float

    def __repr__(self) -> str:
        return f"Rate({self.value:.1%}, {self.low:.1%} to {self.high:.1%})"


def wilson(failures: int, runs: int) -> tuple[float, float]:
    """Return the 95 % score interval of a rate; (0, 1) without runs.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference,
    Journal of the American Statistical Association 22 (1927).
    """
    if runs <= 0:
        return 0.0, 1.0
    share = failures / runs
    middle = share + _Z * _Z / (2 * runs)
    spread = _Z * sqrt(share * (1 - share) / runs + _Z * _Z / (4 * runs * runs))
    scale = 1 + _Z * _Z / runs
    return max((middle - spread) / scale, 0.0), min((middle + spread) / scale, 1.0)


def highest_hidden_rate(runs: int) -> float:
    """Return the highest rate of failures of a test that never failed in a number of runs.

    The exact one-sided 95 % bound: after 5 good runs the rate may still be 45 %.
    """
    return 1 - _ONE_SIDED ** (1 / runs) if runs > 0 else 1.0


@lru_cache(maxsize=4096)  # most tests never failed in as many runs
def rate_of(failures: int, runs: int) -> Rate:
    """Return a rate with its Wilson interval; without failures, with the exact upper bound."""
    if not failures:
        return Rate(0.0, 0.0, highest_hidden_rate(runs))
    return Rate(failures / runs, *wilson(failures, runs))
