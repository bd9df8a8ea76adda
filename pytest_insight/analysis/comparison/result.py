"""What a comparison returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pytest_insight._util.override import override
from pytest_insight.analysis.comparison.values import (
    Change,
    ChangeGroup,
    EnvironmentDifference,
    NotRun,
    Side,
    TestChange,
    WindowFacts,
)
from pytest_insight.analysis.incidents import Incident
from pytest_insight.models.text import plural

FAILING = (Change.NEW_FAILURE, Change.NEW_TEST_FAILING, Change.FAILING_DIFFERENTLY, Change.WORSE)
"""What makes `ok` False."""


@dataclass(frozen=True, repr=False)
class Comparison:
    """What changed between two sides, by test.

    It is iterable, has a length, and `comparison[nodeid]` is the change of a test.

    Attributes:
        base: what was compared with.
        head: what was compared.
        changes: of the tests that changed or fail, in the order of `Change`, then by nodeid.
        tests: how many tests were compared: those with a decided run in the head, and the ones
            that are gone.
        alike: how many of them did not change and do not fail.
        not_run: tests of the base that the head was not to run, or did not come to: not compared.
        environment: how the machines and installations differ.
        incidents: sessions, of the head or the newest of the base, in which too much failed at
            once. If there is any, `changes` has no failures of it: what failed is no change of
            single tests.
        speed: how many times as long as in the base the tests of the head took; None if too few
            tests say. Durations are compared without it.
        windows: what could be shown, if windows were compared; else None.
        unfinished: which sessions of the head ended before their tests were run, and how: "shop-1
            crashed".
    """

    base: Side
    head: Side
    changes: tuple[TestChange, ...]
    tests: int
    alike: int
    not_run: tuple[NotRun, ...] = ()
    environment: tuple[EnvironmentDifference, ...] = ()
    incidents: tuple[Incident, ...] = ()
    speed: float | None = None
    windows: WindowFacts | None = None
    unfinished: tuple[str, ...] = ()

    @override
    def __repr__(self) -> str:
        shown = ", ".join(f"{count:,} {name}" for name, count in self.summary.items() if count)
        return f"<Comparison: {plural(self.tests, 'test')}{': ' if shown else ''}{shown}>"

    def _repr_html_(self) -> str:
        from pytest_insight.analysis.comparison.html import comparison_html  # for notebooks

        return comparison_html(self)

    def __len__(self) -> int:
        return len(self.changes)

    def __iter__(self) -> Iterator[TestChange]:
        return iter(self.changes)

    def __getitem__(self, nodeid: str) -> TestChange:
        """Return the change of a test.

        Raises:
            KeyError: the test did not change, or does not exist.
        """
        for each in self.changes:
            if each.nodeid == nodeid:
                return each
        raise KeyError(nodeid)

    def with_change(self, *names: str) -> tuple[TestChange, ...]:
        """Return those with one of these changes: "flaky", "gone"."""
        return tuple(each for each in self.changes if each.change in names)

    @property
    def new_failures(self) -> tuple[TestChange, ...]:
        """Tests that were good and fail now, and new ones that fail; not the known flaky ones."""
        return self.with_change(Change.NEW_FAILURE, Change.NEW_TEST_FAILING, Change.WORSE)

    @property
    def failing_differently(self) -> tuple[TestChange, ...]:
        """Tests that failed before, and fail now for another reason."""
        return self.with_change(Change.FAILING_DIFFERENTLY)

    @property
    def flaky(self) -> tuple[TestChange, ...]:
        """Tests that fail now, and are known to fail now and then on the same code."""
        return self.with_change(Change.FLAKY)

    @property
    def still_failing(self) -> tuple[TestChange, ...]:
        """Tests that fail as they did before."""
        return self.with_change(Change.STILL_FAILING)

    @property
    def fixed(self) -> tuple[TestChange, ...]:
        """Tests that failed before, and are good now."""
        return self.with_change(Change.FIXED)

    @property
    def added(self) -> tuple[TestChange, ...]:
        """Tests that the base does not have, failing or not."""
        return self.with_change(Change.NEW_TEST, Change.NEW_TEST_FAILING)

    @property
    def gone(self) -> tuple[TestChange, ...]:
        """Tests of the base that the head does not have, could not collect, or skipped."""
        return self.with_change(Change.GONE)

    @property
    def renamed(self) -> tuple[TestChange, ...]:
        """Tests that have another name in the base, whatever else changed."""
        return tuple(each for each in self.changes if each.renamed_from)

    @property
    def slower(self) -> tuple[TestChange, ...]:
        """Tests that take longer than in the base, whatever else changed."""
        return tuple(each for each in self.changes if each.pace and each.pace.ratio > 1)

    @property
    def faster(self) -> tuple[TestChange, ...]:
        """Tests that take less time than in the base, whatever else changed."""
        return tuple(each for each in self.changes if each.pace and each.pace.ratio < 1)

    @property
    def causes(self) -> tuple[ChangeGroup, ...]:
        """The changes, those with the same change and the same cause together.

        In the order of `Change`, then the largest first. Changes without a cause, such as new
        tests, are one group for each kind.
        """
        groups: dict[tuple[Change, str], list[TestChange]] = {}
        for each in self.changes:
            run = each.base if each.change is Change.FIXED else each.head
            cause = run.cause if run is not None else ""
            groups.setdefault((each.change, cause), []).append(each)
        found = [_group(*key, changes) for key, changes in groups.items()]
        order = list(Change)
        return tuple(sorted(found, key=lambda g: (order.index(g.change), -len(g.changes))))

    @property
    def ok(self) -> bool:
        """Whether tests were compared, and none newly fails, or for another reason.

        Known flaky tests do not count. False if `is_broken`, or not `has_compared`.
        """
        return self.has_compared and not self.is_broken and not self.with_change(*FAILING)

    @property
    def is_broken(self) -> bool:
        """Whether the head cannot show that nothing newly fails.

        Most tests of a session of it failed, or a session ended before its tests were run. If
        windows are compared, also if one cause hit many tests in the newest session.
        """
        heads = {session.session_id for session in self.head.sessions}
        newest = self.head.sessions[-1].session_id
        is_hit = any(
            incident.session.session_id == newest
            or (incident.session.session_id in heads and not incident.causes)
            for incident in self.incidents
        )
        return is_hit or bool(self.unfinished)

    @property
    def has_compared(self) -> bool:
        """Whether any test was compared: one that passed or failed in the head.

        If windows are compared, one with enough runs on both sides to show a difference at all.
        """
        if self.windows is not None and self.windows.smallest_difference is None:
            return bool(self.with_change(*FAILING))
        return self.tests > len(self.gone)

    @property
    def summary(self) -> dict[str, int]:
        """How many tests have each change, then "alike" and "not-run"; zeros are included."""
        counts = {str(change): len(self.with_change(change)) for change in Change}
        return {
            **counts,
            "alike": self.alike,
            "not-run": sum(each.count for each in self.not_run),
        }

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data, as in the JSON of `insight compare`, except for its times."""
        from pytest_insight.analysis.comparison.records import comparison_record

        return comparison_record(self)

    def to_markdown(self) -> str:
        """Return it as Markdown, for a pull request: a line that sums up, and a list by cause."""
        from pytest_insight.analysis.comparison.markdown import comparison_markdown

        return comparison_markdown(self)


def _group(change: Change, cause: str, changes: list[TestChange]) -> ChangeGroup:
    first = changes[0].base if change is Change.FIXED else changes[0].head
    message = first.message if first is not None and cause else ""
    crash = first.crash if first is not None and cause else ""
    return ChangeGroup(change, cause, message, crash, tuple(changes))
