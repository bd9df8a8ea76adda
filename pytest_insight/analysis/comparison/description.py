"""A comparison in words: how many tests changed how, and what was not compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_insight.analysis.comparison.values import Change, Pace, Rates, SideKind
from pytest_insight.analysis.output.description import (
    ARROW,
    NOTABLE_SPEED,
    fine_duration,
    ratio_text,
)
from pytest_insight.models.text import plural

if TYPE_CHECKING:
    from pytest_insight.analysis.comparison.result import Comparison
    from pytest_insight.analysis.comparison.values import Side, WindowFacts

_COUNTED = {
    Change.NEW_FAILURE: ("new failure", "new failures"),
    Change.NEW_TEST_FAILING: ("new test failing", "new tests failing"),
    Change.FAILING_DIFFERENTLY: ("failing differently",),
    Change.WORSE: ("failing more often",),
    Change.FLAKY: ("flaky",),
    Change.STILL_FAILING: ("still failing",),
    Change.FIXED: ("fixed",),
    Change.BETTER: ("failing less often",),
    Change.UNEXPECTED_PASS: ("unexpected pass", "unexpected passes"),
    Change.EXPECTED_FAILURE_AGAIN: ("expected failure again", "expected failures again"),
    Change.SLOWER: ("slower",),
    Change.FASTER: ("faster",),
    Change.NEW_TEST: ("added",),
    Change.RENAMED: ("renamed",),
    Change.GONE: ("gone",),
}
"""What a number of tests with each change is called: one, and several."""

_NOT_RUN = {"stopped": "not reached", "incident": "hit by an incident"}

LONGEST_NAME = 20
"""The longest branch that is named at the beginning of a line."""


def counted(change: Change, count: int) -> str:
    """Return how many tests have a change: "2 new failures"."""
    names = _COUNTED[change]
    return f"{count:,} {names[0] if count == 1 else names[-1]}"


def counts(comparison: Comparison) -> Iterator[tuple[Change | None, str]]:
    """Yield each change that some tests have, and how many; at last how many are alike."""
    for change in _COUNTED:
        if count := len(comparison.with_change(change)):
            yield change, counted(change, count)
    if comparison.alike:
        yield None, f"{comparison.alike:,} alike"


def runs_text(side: Side) -> str:
    """Return what a side consists of: "merge base, 3 runs"."""
    if side.kind is SideKind.RUN:
        return f"{plural(len(side.sessions), 'session')} of one run"
    kind = "" if side.kind in (SideKind.SESSION, SideKind.QUERY) else f"{side.kind}, "
    return f"{kind}{plural(len(side.sessions), 'run')}"


def changed_text(side: Side) -> str:
    """Return " + local changes" if the code of a side had some; empty for sides of many commits."""
    of_many = (SideKind.SPAN, SideKind.PROFILE, SideKind.FILE)
    return " + local changes" if side.has_changes and side.kind not in of_many else ""


def base_name(comparison: Comparison) -> str:
    """Return what the base is called in front of a message: "main"; "before" on the same branch."""
    branch = comparison.base.branch
    is_other = branch != comparison.head.branch and len(branch) <= LONGEST_NAME
    return branch if branch and is_other else "before"


def as_in_base(comparison: Comparison) -> str:
    """Return how to say that something was so in the base: "as on main", "as before"."""
    name = base_name(comparison)
    return "as before" if name == "before" else f"as on {name}"


def notes(comparison: Comparison) -> Iterator[str]:
    """Yield how the sides were chosen, and what was not compared and why."""
    for name, side in (("base", comparison.base), ("head", comparison.head)):
        if side.note:
            yield f"{name}: {side.note}"
    for each in comparison.not_run:
        tests = plural(each.count, "test")
        why = f": {each.detail}" if each.detail else ""
        yield f"{tests} not compared, {_NOT_RUN.get(each.reason, each.reason)}{why}"
    if comparison.windows is not None:
        yield _windows_text(comparison.windows)
    speed = comparison.speed
    if speed is not None and not 1 / NOTABLE_SPEED < speed < NOTABLE_SPEED:
        kind = f"{speed:.2f}x slower" if speed > 1 else f"{1 / speed:.2f}x faster"
        yield f"on a machine {kind} than that of the base (removed)"


def _windows_text(facts: WindowFacts) -> str:
    tests = plural(facts.tests, "test")
    of = f"{tests} with about {facts.base_runs:,} runs before and {facts.head_runs:,} now"
    if facts.smallest_difference is None:
        return f"{of}: too few to tell anything from chance"
    least = f"{facts.smallest_difference:.0%}"
    return f"{of}: a test that never failed must fail in {least} of them to be told from chance"


def environment_text(comparison: Comparison, arrow: str = ARROW, most: int | None = None) -> str:
    """Return how the environments differ: "python 3.11.9 → 3.12.7"; empty if they do not.

    Hosts are left out, which differ from job to job, and what one side does not tell.

    Args:
        comparison: the comparison.
        arrow: what stands between two values.
        most: the most facts that are named; None for all.
    """
    found = {each.name: each for each in comparison.environment if each.name != "host"}
    told = [
        f"{name.removeprefix('plugins.')} {each.base or 'none'} {arrow} {each.head or 'none'}"
        for name, each in found.items()
        if (each.base and each.head) or name.startswith("plugins.")
    ]
    rest = 0 if most is None else len(told) - most
    return ", ".join([*told[:most], *([f"{rest:,} more (-v)"] if rest > 0 else [])])


def pace_text(pace: Pace, arrow: str = ARROW) -> str:
    """Return how the duration of a test changed: "0.6 ms → 121 ms, 200x"."""
    once = " in this run" if pace.runs == 1 else ""
    was, now = fine_duration(pace.was), fine_duration(pace.now)
    return f"{was} {arrow} {now}, {ratio_text(pace.ratio)}{once}"


def rates_text(rates: Rates) -> str:
    """Return how often a test failed on each side: "failed in 1 of 40 runs, now in 9 of 38"."""
    base = f"{rates.base_bad:,} of {plural(rates.base_runs, 'run')}"
    return f"failed in {base}, now in {rates.head_bad:,} of {rates.head_runs:,}"
