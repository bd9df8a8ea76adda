"""The change of each test: its newest run in the base compared with that in the head."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from pytest_insight.analysis.causes import DIFFERENT, SAME, Cause, likeness
from pytest_insight.analysis.comparison.newest_runs import Newest
from pytest_insight.analysis.comparison.nodeids import is_file, is_under
from pytest_insight.analysis.comparison.paces import Paces
from pytest_insight.analysis.comparison.renames import find_renames
from pytest_insight.analysis.comparison.scopes import GONE, Reason, Scopes
from pytest_insight.analysis.comparison.values import Change, NotRun, TestChange
from pytest_insight.analysis.runs import Run
from pytest_insight.analysis.values import Verdict
from pytest_insight.models import TestOutcome
from pytest_insight.models.text import duration_text, plural

ORDER = {change: number for number, change in enumerate(Change)}
"""In which changes are listed."""


Wanted = Callable[[str], bool] | None


class Changes(NamedTuple):
    """The changes of tests, and what was not compared.

    Attributes:
        changes: in the order of `Change`, then by nodeid.
        tests: how many tests were compared.
        not_run: tests of the base that the head was not to run, or did not come to.
    """

    changes: list[TestChange]
    tests: int
    not_run: list[NotRun]


def in_order(changes: Iterable[TestChange]) -> list[TestChange]:
    """Return changes in the order of `Change`, then by nodeid."""
    return sorted(changes, key=lambda each: (ORDER[each.change], each.nodeid))


def find_changes(
    base: Newest,
    head: Newest,
    base_scopes: Scopes,
    head_scopes: Scopes,
    flaky: Mapping[str, Verdict],
    wanted: Wanted,
) -> Changes:
    """Return what became of the tests of two sides.

    Args:
        base: the runs of the base.
        head: the runs of the head. Failures of an incident that hit most of its tests are no
            changes.
        base_scopes: what the base was to run.
        head_scopes: what the head was to run.
        flaky: the verdicts on tests that are known to be flaky in the base.
        wanted: whether a test is compared, by its nodeid; None for all.
    """
    old, new = without_mended_files(base.runs), dict(head.runs)
    if wanted is not None:
        old, new = ({n: run for n, run in each.items() if wanted(n)} for each in (old, new))
    absent = {
        nodeid: reason
        for nodeid, reason in _absent(old, new, base_scopes, head_scopes).items()
        if not _is_stale(nodeid, old[nodeid], base, base_scopes)
    }
    gone = {nodeid: reason for nodeid, reason in absent.items() if reason.word == GONE}
    vanished = [nodeid for nodeid, reason in gone.items() if not reason.detail]
    appeared = [nodeid for nodeid in new.keys() - old.keys() if new[nodeid].is_decided]
    renames = find_renames(vanished, appeared)
    compare = _Pairs(base, head, flaky)
    found, tests, hit = [], 0, 0
    for nodeid, run in new.items():
        was = old.get(nodeid)
        if was is not None and run.outcome is was.outcome is TestOutcome.PASSED:
            tests += 1  # nearly always
            continue
        before = renames.get(nodeid, "")
        if compare.is_of_incident(run):
            hit += 1
            continue
        change = compare.change(nodeid, old.get(before or nodeid), run, before)
        found += [change] if change else []
        tests += run.is_decided or bool(change)
    for nodeid in gone.keys() - set(renames.values()):
        found.append(_gone(nodeid, old[nodeid], gone[nodeid], new))
        tests += 1
    return Changes(in_order(found), tests, _not_run(absent.values(), hit))


def _not_run(absent: Iterable[Reason], hit: int) -> list[NotRun]:
    """Return how many tests were not compared and why, those that an incident hit first."""
    counts = Counter(reason for reason in absent if reason.word != GONE)
    found = [NotRun("incident", hit)] if hit else []
    return [*found, *(NotRun(why.word, count, why.detail) for why, count in counts.most_common())]


def without_mended_files(runs: Mapping[str, Run]) -> dict[str, Run]:
    """Return runs without files that could not be collected then, but were since."""
    files = {n: run for n, run in runs.items() if is_file(n)}
    if not files:
        return dict(runs)
    newer = {
        file
        for nodeid, run in runs.items()
        for file, of_file in files.items()
        if nodeid != file and is_under(nodeid, file) and run.session.start > of_file.session.start
    }
    return {nodeid: run for nodeid, run in runs.items() if nodeid not in newer}


def with_paces(
    changes: Iterable[TestChange],
    paces: Paces,
    old: Mapping[str, Run],
    new: Mapping[str, Run],
    wanted: Wanted,
) -> list[TestChange]:
    """Return changes with how durations changed; a test that changed only so is one more.

    Args:
        changes: the other changes.
        paces: how durations changed.
        old: the newest run of each test in the base.
        new: likewise in the head.
        wanted: whether a test is compared, by its nodeid; None for all.
    """
    left = {
        nodeid: pace for nodeid, pace in paces.tests.items() if wanted is None or wanted(nodeid)
    }
    found = [replace(each, pace=left.pop(each.nodeid, None)) for each in changes]
    for nodeid, pace in left.items():
        change = Change.SLOWER if pace.ratio > 1 else Change.FASTER
        detail = f"{duration_text(pace.was)}, now {duration_text(pace.now)}"
        found.append(
            TestChange(nodeid, change, old.get(nodeid), new.get(nodeid), detail=detail, pace=pace)
        )
    return in_order(found)


def _absent(
    old: Mapping[str, Run], new: Mapping[str, Run], base: Scopes, head: Scopes
) -> dict[str, Reason]:
    """Return the tests of the base that the head does not have, and why."""
    absent = {n: head.why_absent(n) for n in old if n not in new and old[n].is_decided}
    unexplained = [n for n, reason in absent.items() if reason.is_guess]
    if not unexplained:
        return absent
    # If each side leaves out tests by its configuration (`-m "not slow"`), the numbers of tests
    # that were collected tell whether these were left out, or are gone.
    vanished = head.collected_less(base)
    added = sum(n not in old for n in new)
    if vanished is not None and len(unexplained) <= vanished + added:
        absent.update(dict.fromkeys(unexplained, Reason(GONE)))
    return absent


def _is_stale(nodeid: str, run: Run, base: Newest, scopes: Scopes) -> bool:
    """Return whether the base did not have a test any more: a newer session would have run it."""
    for session, scope in zip(base.sessions, scopes.scopes, strict=True):
        if session.session_id == run.session.session_id:
            return False
        if scope.why_absent(nodeid).word == GONE:
            return True
    return False


def _gone(nodeid: str, run: Run, reason: Reason, new: Mapping[str, Run]) -> TestChange:
    return TestChange(nodeid, Change.GONE, run, new.get(nodeid), detail=reason.detail)


class _Pairs:
    """Compares two runs of a test."""

    def __init__(self, base: Newest, head: Newest, flaky: Mapping[str, Verdict]) -> None:
        self._base = base
        self._head = head
        self._flaky = flaky

    def change(self, nodeid: str, base: Run | None, head: Run, renamed: str) -> TestChange | None:
        """Return what became of a test; None if it is good as before, or was skipped as before."""
        found = self._change(nodeid, base, head)
        if found is None and renamed:
            found = Change.RENAMED, ""
        if found is None:
            return None
        change, detail = found
        verdict = self._flaky.get(nodeid) if change is Change.FLAKY else None
        rate = verdict.rate if verdict else None
        return TestChange(nodeid, change, base, head, renamed, detail, rate)

    def _change(self, nodeid: str, base: Run | None, head: Run) -> tuple[Change, str] | None:
        hit = self._base.covered.get(nodeid)
        if hit is not None and head.is_bad and _likeness(hit, head) != DIFFERENT:
            return Change.STILL_FAILING, "as in an incident of the base"
        if hit is not None and hit is base:
            return (Change.NEW_FAILURE, "an incident in the base") if head.is_bad else None
        if head.outcome == TestOutcome.XPASSED:
            was_xpassed = base is not None and base.outcome == TestOutcome.XPASSED
            return None if was_xpassed else (Change.UNEXPECTED_PASS, "")
        if not head.is_decided:
            return _skipped(base, head)
        if base is None or not (base.is_decided or base.outcome == TestOutcome.XPASSED):
            return self._new(nodeid, base, head)
        if head.is_bad:
            return self._failing(nodeid, base, head)
        known = self._flaky.get(nodeid)
        return _good(base, head, f"flaky: {known.detail}" if known else "")

    def is_of_incident(self, run: Run) -> bool:
        """Return whether a run failed with most of the tests of its session."""
        return run.is_bad and any(
            incident.session.session_id == run.session.session_id and not incident.causes
            for incident in self._head.incidents
        )

    def _new(self, nodeid: str, base: Run | None, head: Run) -> tuple[Change, str]:
        if is_file(nodeid) and head.is_bad:
            under = sum(is_under(each, nodeid) for each in self._base.runs)
            lost = f": {plural(under, 'test')} less" if under else ""
            return Change.NEW_FAILURE, f"cannot be collected{lost}"
        was = "" if base is None else f"was {base.outcome}"
        if base is not None and head.is_bad:
            return Change.NEW_FAILURE, was
        return (Change.NEW_TEST_FAILING if head.is_bad else Change.NEW_TEST), was

    def _failing(self, nodeid: str, base: Run, head: Run) -> tuple[Change, str]:
        known = self._flaky.get(nodeid)
        if not base.is_bad:
            if known is None:
                return Change.NEW_FAILURE, ""
            return Change.FLAKY, self._flaky_detail(known, head)
        found = _likeness(base, head)
        if found != DIFFERENT:
            return Change.STILL_FAILING, "" if found == SAME else _values(base, head)
        if known is not None and any(each.cause == head.cause for each in known.causes):
            return Change.FLAKY, self._flaky_detail(known, head)
        return Change.FAILING_DIFFERENTLY, _values(base, head)

    @staticmethod
    def _flaky_detail(known: Verdict, head: Run) -> str:
        seen = any(each.cause == head.cause for each in known.causes)
        return known.detail if seen else f"{known.detail}; never before for this reason"


def _likeness(base: Run, head: Run) -> str:
    return likeness(Cause(base.cause, base.shape), Cause(head.cause, head.shape))


def _values(base: Run, head: Run) -> str:
    return f"{base.message}, now {head.message}"


def _skipped(base: Run | None, head: Run) -> tuple[Change, str] | None:
    if base is None or not base.is_decided:
        return None
    return Change.GONE, f"{head.outcome}: {head.message}" if head.message else str(head.outcome)


def _good(base: Run, head: Run, flaky: str) -> tuple[Change, str] | None:
    expected = "now an expected failure" if head.outcome == TestOutcome.XFAILED else ""
    if base.is_bad:
        return Change.FIXED, expected or flaky
    if base.outcome == TestOutcome.XPASSED and expected:
        return Change.EXPECTED_FAILURE_AGAIN, ""
    return None
