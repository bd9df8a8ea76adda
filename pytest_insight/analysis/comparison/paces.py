"""What got slower or faster between two sides, apart from how fast the machines were."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from heapq import nsmallest
from math import exp, log
from statistics import median
from typing import NamedTuple

from pytest_insight.analysis.comparison.values import Pace
from pytest_insight.analysis.durations import (
    BASELINE_RUNS,
    LEAST_BASELINE,
    LEAST_HEAD,
    LEAST_RATIO,
    LEAST_SECONDS,
    LEAST_SHARE,
    LEAST_Z,
    SLOW_RATIO,
    SLOW_SECONDS,
    SLOW_Z,
    SPEED_SECONDS,
    Durations,
    Split,
    is_shifted,
    shift,
)
from pytest_insight.analysis.runs import Run
from pytest_insight.analysis.timed_sessions import timed_sessions
from pytest_insight.models import TestOutcome

MAX_SAMPLE = 100
"""Tests whose durations tell how fast the machine was, if only a single run is judged."""


class Paces(NamedTuple):
    """How durations changed.

    Attributes:
        tests: of the tests that got slower or faster, by nodeid.
        speed: how many times as long as in the base the tests of the head took; None if too few
            tests say. It is removed from `tests`.
    """

    tests: dict[str, Pace]
    speed: float | None


def timed_tests(head: Iterable[Run]) -> set[str]:
    """Return the tests whose durations are worth reading if the head ran each of them once.

    These are the ones that may have been slow this time, and the longest others as a sample.
    """
    passed = [
        run
        for run in head
        if run.duration >= SPEED_SECONDS and run.outcome is TestOutcome.PASSED and run.attempts == 1
    ]
    sample = nsmallest(MAX_SAMPLE, passed, key=lambda run: (-run.duration, run.nodeid))
    slow = [run for run in passed if run.duration >= SLOW_SECONDS]
    return {run.nodeid for run in (*sample, *slow)}


def find_paces(base: Iterable[Run], head: Iterable[Run]) -> Paces:
    """Return how durations changed.

    Args:
        base: runs of the base, in any order.
        head: runs of the head.
    """
    new = list(head)
    ids = {run.session.session_id for run in new}
    compared = Durations(timed_sessions([*base, *new]))
    found: dict[str, Pace] = {}
    for split in compared.splits(ids):
        pace = _pace(split)
        if pace is not None and _is_more(pace, found.get(split.nodeid)):
            found[split.nodeid] = pace
    return Paces(found, _speed(compared, ids))


def _is_more(pace: Pace, known: Pace | None) -> bool:
    """Return whether a change is larger than that in another environment."""
    return known is None or abs(log(pace.ratio)) > abs(log(known.ratio))


def _pace(split: Split) -> Pace | None:
    baseline, head = split.baseline[-BASELINE_RUNS:], split.head[-BASELINE_RUNS:]
    if len(baseline) < LEAST_BASELINE:
        return None
    moved = shift(baseline, head)
    ratio, was = exp(moved), exp(median(baseline))
    change = abs(was * ratio - was)
    if len(head) < LEAST_HEAD:
        is_real = (
            ratio >= SLOW_RATIO and change >= SLOW_SECONDS and is_shifted(baseline, head, SLOW_Z)
        )
    else:
        is_real = (
            (ratio >= LEAST_RATIO or ratio <= 1 / LEAST_RATIO)
            and (change >= LEAST_SECONDS or change >= LEAST_SHARE * split.seconds > 0)
            and is_shifted(baseline, head, LEAST_Z)
        )
    return Pace(was, was * ratio, ratio, len(head)) if is_real else None


def _speed(compared: Durations, head: Collection[str]) -> float | None:
    known = {name: speed.ratio for name, speed in compared.speeds.items() if speed.tests}
    of_head = [ratio for name, ratio in known.items() if name in head]
    of_base = [ratio for name, ratio in known.items() if name not in head]
    if not of_head or not of_base:
        return None
    return median(of_head) / median(of_base)
