"""The records: one pytest run is a `TestSession`, one reported test in it a `TestResult`.

They are frozen `msgspec` structs, because decoding a history is what a query spends its time on:
1,000,000 results decode in about 0.4 s, a tenth of what validating models of other libraries take.
`gc=False` on results (they can hold no cycles) is worth a third of it.

Constructing a record by hand checks a session's own fields; a result's are checked when it is
saved (`document.checked`). Input from outside goes through `exchange`, which reports every problem.
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
"""A time with an offset. Everything we write is UTC."""
Seconds = Annotated[float, msgspec.Meta(ge=0)]
NonEmpty = Annotated[str, msgspec.Meta(min_length=1)]


class TestOutcome(enum.StrEnum):
    """What pytest counts a result as, by the words of its closing line.

    An outcome of another plugin (`pytest_report_teststatus` may invent any) is a member too, made
    on the fly: `TestOutcome("flaky")` is equal to `"flaky"` and survives every round trip. Only the
    names below are listed when the class is iterated.
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
        # repr() shows the name as it is, and a struct's repr() fails on a lone surrogate.
        member._name_ = value.encode("utf-8", "backslashreplace").decode()
        member._value_ = value
        return member


class TestResult(
    msgspec.Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True
):
    """One counted result of one test. A pass with a failing teardown is two: passed and error.

    Attributes:
        nodeid: pytest's nodeid, not empty.
        outcome: what pytest counted it as.
        start_time: aware, UTC.
        duration: seconds of setup, call and teardown together; finite, not negative.
        longreprtext: the failure as pytest shows it, or the reason of a skip.
        capstdout: captured standard output of this result.
        capstderr: captured standard error of this result.
        caplog: captured log records of this result.
        has_warning: whether a warning was recorded while the test ran.
        worker: the pytest-xdist worker ("gw0"), empty without one.
        properties: what `record_property` was given, in order, names may repeat; JSON values.
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

    @property
    def stop_time(self) -> datetime:
        """The end of the teardown in UTC: start plus duration."""
        return self.start_time.astimezone(UTC) + timedelta(seconds=self.duration)


class RerunTestGroup(msgspec.Struct, frozen=True):
    """All results of a nodeid that was run again; derived, never stored.

    Attributes:
        nodeid: the test.
        tests: the attempts in time order, the final result last.
    """

    __test__: ClassVar[bool] = False

    nodeid: str
    tests: tuple[TestResult, ...]

    @property
    def final_outcome(self) -> TestOutcome:
        """The outcome that stands after the last attempt."""
        return self.tests[-1].outcome


class CodeState(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What code was tested.

    Attributes:
        commit: the full hash, None where unknown.
        branch: the branch, None where unknown or detached.
        digest: a digest of the uncommitted changes; None for a clean tree, "unknown" where it could
            not be taken.
    """

    commit: str | None = None
    branch: str | None = None
    digest: str | None = None


_FROM_THE_OTHER: Any = None
"""Default of a stop time or duration left out: `__post_init__` takes it from the other."""


class TestSession(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One pytest run.

    Stop time or duration may be left out; one gives the other. Without both, the session took no
    time. Where both are given both are kept: a wall clock and a stopwatch may differ.

    Attributes:
        session_id: unique in a store, not empty.
        sut_name: the system under test, not blank.
        session_start_time: aware; kept in UTC.
        session_stop_time: aware, not before the start; kept in UTC.
        session_duration: seconds, finite, not negative.
        session_tags: free labels.
        testing_system: facts about the machine and the run, JSON values; the recorder writes
            `host`, `platform`, `python`, `pytest`, `plugins` (name to version), other writers may
            use other keys.
        code_state: the code that was tested, None where unknown.
        exit_status: pytest's, None where the run did not get that far.
        crashed: whether the process died before the run was over; the tests it was running are
            results with the outcome `error` then.
        pinned: whether pruning leaves it alone.
        test_results: in the order pytest reported them.

    Raises:
        InvalidSessionError: on construction, a field of the session's own is not as said above.
    """

    __test__: ClassVar[bool] = False

    session_id: str
    sut_name: str
    session_start_time: AwareTime
    session_stop_time: AwareTime = _FROM_THE_OTHER
    session_duration: Seconds = _FROM_THE_OTHER
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
        self._put_in_utc("session_start_time")
        start = self.session_start_time
        if self.session_stop_time is not None:
            self._put_in_utc("session_stop_time")
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

    def _put_in_utc(self, field: str) -> None:
        """Python compares and subtracts two times of one zone by the clock on its walls.

        When the clocks are set back, a session could so end before it began.
        """
        given = getattr(self, field)
        _check_time(field, given)
        if given.tzinfo is not UTC:
            force_setattr(self, field, _in_utc(field, given))

    def with_results(self, results: Iterable[TestResult]) -> TestSession:
        """The same session with other results; every other field is kept."""
        return replace(self, test_results=tuple(results))

    @property
    def outcome_counts(self) -> Counter[TestOutcome]:
        """How many results there are of each outcome, as pytest's closing line counts them."""
        return Counter(result.outcome for result in self.test_results)

    @property
    def rerun_test_groups(self) -> list[RerunTestGroup]:
        """The results of each nodeid that has at least one `rerun`, in order of first appearance.

        Within a group the reruns come in time order, then the final result.
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
