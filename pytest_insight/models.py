"""The records: one pytest run is a `TestSession`, one reported test in it a `TestResult`.

They are frozen `msgspec` structs, because a query spends its time on decoding them: 1,000,000
results decode in about 0.4 s, a tenth of what the models of validating libraries take. A third of
the gain is due to `gc=False` on results (they cannot be part of a cycle).

The constructor of a session checks the session's own fields; the fields of results are checked when
they are saved (`document.codec.checked`). `exchange` reads input from outside and reports every
problem.
"""

from __future__ import annotations

import enum
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import msgspec
from msgspec.structs import force_setattr, replace

from pytest_insight.errors import InvalidSessionError

__all__ = ["CodeState", "RerunTestGroup", "TestOutcome", "TestResult", "TestSession"]


def __dir__() -> list[str]:
    return __all__


AwareTime = Annotated[datetime, msgspec.Meta(tz=True)]
"""An aware time; all times that are written are in UTC."""
Seconds = Annotated[float, msgspec.Meta(ge=0)]
NonEmpty = Annotated[str, msgspec.Meta(min_length=1)]


class TestOutcome(enum.StrEnum):
    """What pytest counts a result as; the names are those of pytest's closing line.

    An outcome of another plugin (`pytest_report_teststatus` may return any name) becomes a member
    when it is used: `TestOutcome("flaky")` equals `"flaky"` and survives every round trip.
    Iterating over the class yields only the names below.
    """

    __test__ = False  # not a test class, whatever its name says to pytest

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"
    RERUN = "rerun"
    ERROR = "error"

    @classmethod
    def _missing_(cls, value: object) -> TestOutcome | None:
        if not isinstance(value, str) or not value:
            return None
        member = str.__new__(cls, value)
        # repr() shows the name unescaped, and printing a lone surrogate fails.
        member._name_ = value.encode("utf-8", "backslashreplace").decode()
        member._value_ = value
        return member


class TestResult(
    msgspec.Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True
):
    """One counted result of a test. A pass with a failing teardown is two: passed and error.

    Attributes:
        nodeid: pytest's nodeid, not empty.
        outcome: what pytest counted it as; a text is converted when the result is saved.
        start_time: aware, UTC.
        duration: seconds of setup, call and teardown together; finite, not negative.
        longreprtext: the failure as pytest shows it, or the reason of a skip.
        capstdout: captured standard output of this result.
        capstderr: captured standard error of this result.
        caplog: captured log records of this result.
        has_warning: whether a warning was recorded while the test ran.
        worker: the pytest-xdist worker ("gw0"); empty without pytest-xdist.
        properties: the names and JSON values given to `record_property`, in order; a name may occur
            several times.
    """

    __test__: ClassVar[bool] = False

    nodeid: NonEmpty
    outcome: TestOutcome
    start_time: AwareTime
    duration: Seconds = 0.0
    longreprtext: str = ""
    capstdout: str = ""
    capstderr: str = ""
    caplog: str = ""
    has_warning: bool = False
    worker: str = ""
    properties: tuple[tuple[str, Any], ...] = ()

    if TYPE_CHECKING:  # the constructor accepts more types than the fields have

        def __init__(
            self,
            nodeid: str,
            outcome: TestOutcome | str,
            start_time: datetime,
            duration: float = 0.0,
            longreprtext: str = "",
            capstdout: str = "",
            capstderr: str = "",
            caplog: str = "",
            has_warning: bool = False,
            worker: str = "",
            properties: Sequence[tuple[str, Any]] = (),
        ) -> None: ...

    def __repr__(self) -> str:
        head, bracket, parameters = str(self.nodeid).partition("[")
        _, separator, name = head.rpartition("::")
        name = f"…::{name}{bracket}{parameters}" if separator else str(self.nodeid)
        return f"TestResult({name!r}, {_printable(self.outcome)}, {_duration_text(self.duration)})"

    @property
    def stop_time(self) -> datetime:
        """The end of the teardown in UTC: start plus duration."""
        return self.start_time.astimezone(UTC) + timedelta(seconds=self.duration)


class RerunTestGroup(msgspec.Struct, frozen=True):
    """All results of a test that was run again in one session; derived, never stored.

    Attributes:
        nodeid: the test.
        tests: its results in time order, the final one last.
    """

    __test__: ClassVar[bool] = False

    nodeid: str
    tests: tuple[TestResult, ...]

    @property
    def final_outcome(self) -> TestOutcome:
        """The outcome of the last attempt."""
        return self.tests[-1].outcome


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
        if not isinstance(self.test_results, tuple):
            force_setattr(self, "test_results", tuple(self.test_results))

    def __repr__(self) -> str:
        counts = Counter(_printable(result.outcome) for result in self.test_results)
        names = sorted(counts, key=lambda name: (_SHOWN.get(name, len(_SHOWN)), name))
        outcomes = ", ".join(f"{counts[name]} {name}" for name in names)
        tests = len({result.nodeid for result in self.test_results})
        shown = f"{tests} test{'' if tests == 1 else 's'}: {outcomes}" if outcomes else "no tests"
        return f"TestSession({self.session_id!r}, {shown})"

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
        """The results of each test with at least one `rerun`, in order of first appearance.

        In a group the reruns come in time order, then the final result.
        """
        again = {r.nodeid for r in self.test_results if r.outcome == TestOutcome.RERUN}
        if not again:
            return []
        groups: dict[str, list[TestResult]] = {}
        for result in self.test_results:
            if result.nodeid in again:
                groups.setdefault(result.nodeid, []).append(result)
        return [
            RerunTestGroup(
                nodeid,
                tuple(sorted(g, key=lambda r: (r.outcome != TestOutcome.RERUN, r.start_time))),
            )
            for nodeid, g in groups.items()
        ]


_SHOWN = {
    name: number
    for number, name in enumerate(
        ("failed", "error", "passed", "skipped", "xfailed", "xpassed", "rerun")
    )
}
"""The order of outcomes in a `repr`; those of other plugins come last."""


def _printable(value: object) -> str:
    return str(value).encode("utf-8", "backslashreplace").decode()


def _duration_text(seconds: object) -> str:
    if not isinstance(seconds, int | float):  # not checked before the result is saved
        return repr(seconds)
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


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
