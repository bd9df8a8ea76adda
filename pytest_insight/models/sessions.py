"""The records of one run: its facts, the tested code, its warnings and its results."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from msgspec.structs import force_setattr, replace

from pytest_insight.errors import InvalidSessionError
from pytest_insight.models.results import (
    AwareTime,
    Count,
    RerunTestGroup,
    Seconds,
    TestOutcome,
    TestResult,
    earlier_attempts,
)
from pytest_insight.models.text import counts_text, plural


class CodeState(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The state of the tested code.

    Attributes:
        commit: the full hash; None if it is unknown.
        branch: the branch; None if it is unknown or HEAD is detached.
        digest: a digest of the uncommitted changes; None for a clean working tree, "unknown" if it
            could not be computed.
    """

    commit: str | None = None
    branch: str | None = None
    digest: str | None = None


_DERIVED: Any = None
"""The default of a stop time or duration: `__post_init__` derives it from the other one."""


class RecordedWarning(
    msgspec.Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True
):
    """A warning of a run, as pytest's summary of warnings shows it.

    Attributes:
        category: the name of its class, as in "DeprecationWarning".
        text: what it says.
        location: the line that raised it, as `path:line`; empty if that is unknown.
        count: how often it was raised there.
    """

    category: str
    text: str
    location: str = ""
    count: Count = 1


class Source(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The file of another program that a session was imported from.

    Attributes:
        format: the name of the format, as in "junit".
        tool: the program that wrote it, with its version; empty if the file does not say.
        digest: a digest of the file's content.
        losses: what the format cannot tell, as short names.
    """

    format: str
    tool: str = ""
    digest: str = ""
    losses: tuple[str, ...] = ()


class TestSession(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One pytest run.

    If the stop time or the duration is None, it is derived from the other one; if both are, the
    session took no time. If both are given, both are kept: a wall clock and a stopwatch may differ.

    Attributes:
        session_id: unique in a store, not blank.
        sut_name: the system under test, not blank.
        session_start_time: aware; converted to UTC.
        session_stop_time: aware, not before the start; converted to UTC.
        session_duration: seconds, finite, not negative.
        session_tags: free labels.
        testing_system: facts about the machine and the run, JSON values; the recorder writes
            `host`, `platform`, `python`, `pytest`, `plugins` (name to version), other writers may
            use other keys.
        code_state: the tested code; None if it is unknown.
        arguments: the arguments of pytest, secrets hidden.
        collected: the number of tests that were collected; None if it is unknown.
        deselected: the number of those that were not to be run; None if it is unknown.
        warnings: the distinct warnings; a recorded run keeps the first 200.
        source: the file that the session was imported from; None for a recorded one.
        exit_status: pytest's exit status; None if the run ended before pytest had one.
        crashed: whether the process died during the run; the tests it was running then are results
            with the outcome `error`.
        pinned: whether pruning keeps it.
        test_results: in the order pytest reported them.

    Raises:
        InvalidSessionError: on construction, if a field is not as described above.
    """

    __test__: ClassVar[bool] = False

    session_id: str
    sut_name: str
    session_start_time: AwareTime
    session_stop_time: AwareTime = _DERIVED
    session_duration: Seconds = _DERIVED
    session_tags: dict[str, str] = {}
    testing_system: dict[str, Any] = {}
    code_state: CodeState | None = None
    arguments: tuple[str, ...] = ()
    collected: Count | None = None
    deselected: Count | None = None
    warnings: tuple[RecordedWarning, ...] = ()
    source: Source | None = None
    exit_status: int | None = None
    crashed: bool = False
    pinned: bool = False
    test_results: tuple[TestResult, ...] = ()

    if TYPE_CHECKING:  # the constructor accepts more types than the fields have

        def __init__(
            self,
            session_id: str,
            sut_name: str,
            session_start_time: datetime,
            session_stop_time: datetime | None = None,
            session_duration: float | None = None,
            session_tags: dict[str, str] = {},  # noqa: B006 - never executed
            testing_system: dict[str, Any] = {},  # noqa: B006
            code_state: CodeState | None = None,
            arguments: Iterable[str] = (),
            collected: int | None = None,
            deselected: int | None = None,
            warnings: Iterable[RecordedWarning] = (),
            source: Source | None = None,
            exit_status: int | None = None,
            crashed: bool = False,
            pinned: bool = False,
            test_results: Iterable[TestResult] = (),
        ) -> None: ...

    def __post_init__(self) -> None:
        _check_name("session_id", self.session_id)
        _check_name("sut_name", self.sut_name)
        self._convert_to_utc("session_start_time")
        start = self.session_start_time
        if self.session_stop_time is not None:
            self._convert_to_utc("session_stop_time")
            if self.session_stop_time < start:
                raise InvalidSessionError("session_stop_time is before session_start_time")
            if self.session_duration is None:
                force_setattr(
                    self, "session_duration", (self.session_stop_time - start).total_seconds()
                )
        elif self.session_duration is None:
            force_setattr(self, "session_duration", 0.0)
        duration = self.session_duration
        if not isinstance(duration, int | float) or not math.isfinite(duration) or duration < 0:
            raise InvalidSessionError(
                f"session_duration must be finite and not negative, not {duration!r}"
            )
        if self.session_stop_time is None:
            force_setattr(self, "session_stop_time", _later(start, self.session_duration))
        for field in ("arguments", "warnings", "test_results"):
            given = getattr(self, field)
            if not isinstance(given, tuple):
                force_setattr(self, field, tuple(given))

    def __repr__(self) -> str:
        outcomes = counts_text(self.outcome_counts)
        tests = len({result.nodeid for result in self.test_results})
        shown = f"{plural(tests, 'test')}: {outcomes}" if outcomes else "no tests"
        return f"TestSession({self.session_id!r}, {shown})"

    def _repr_html_(self) -> str:
        from pytest_insight.models.html import session_html  # for notebooks

        return session_html(self)

    def _convert_to_utc(self, field: str) -> None:
        """Convert a time: Python compares datetimes with equal tzinfo by wall clock.

        When clocks are set back, a session could end before it started.
        """
        given = getattr(self, field)
        _check_time(field, given)
        if given.tzinfo is not UTC:
            force_setattr(self, field, _in_utc(field, given))

    def with_results(self, results: Iterable[TestResult]) -> TestSession:
        """Return a copy of the session with other results."""
        return replace(self, test_results=tuple(results))

    @property
    def outcome_counts(self) -> Counter[TestOutcome]:
        """The number of results of each outcome, as in pytest's closing line."""
        return Counter(result.outcome for result in self.test_results)

    @property
    def rerun_test_groups(self) -> list[RerunTestGroup]:
        """The results of each test that was run again, in order of first appearance.

        A test was run again after a `rerun` (pytest-rerunfailures), and after an outcome that
        another plugin invented if a later result of the test follows on the same worker
        (`retried` of pytest-retry). In a group these come in time order, then the final result.
        """
        earlier = earlier_attempts(self.test_results)
        if not earlier:
            return []
        again = {self.test_results[position].nodeid for position in earlier}
        groups: dict[str, list[int]] = {}
        for position, result in enumerate(self.test_results):
            if result.nodeid in again:
                groups.setdefault(result.nodeid, []).append(position)

        def order(position: int) -> tuple[bool, datetime]:
            return position not in earlier, self.test_results[position].start_time

        return [
            RerunTestGroup(nodeid, tuple(self.test_results[p] for p in sorted(group, key=order)))
            for nodeid, group in groups.items()
        ]


def _check_name(field: str, value: object) -> None:
    if not isinstance(value, str) or not value.strip():
        raise InvalidSessionError(f"{field} must be a text that is not blank, not {value!r}")


def _check_time(field: str, value: object) -> None:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise InvalidSessionError(
            f"{field} must be a datetime with a time zone, not {value!r}; "
            "for now in UTC: datetime.now(timezone.utc)"
        )


def _in_utc(field: str, given: datetime) -> datetime:
    try:
        return given.astimezone(UTC)
    except OverflowError:
        raise InvalidSessionError(f"{field} {given} is outside the calendar in UTC") from None


def _later(start: datetime, seconds: float) -> datetime:
    try:
        return start + timedelta(seconds=seconds)
    except OverflowError:
        raise InvalidSessionError(
            f"session_duration {seconds:g} leads past the end of the calendar"
        ) from None
