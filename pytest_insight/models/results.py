"""The records of one result: what pytest counted it as, and why."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import msgspec

from pytest_insight._util.times import later
from pytest_insight.models.text import duration_text, printable, short_nodeid

AwareTime = Annotated[datetime, msgspec.Meta(tz=True)]
"""An aware time; all times that are written are in UTC."""
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Phase = Literal["setup", "call", "teardown"]
"""The part of a test that a result is of."""
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
        phase: "setup" or "teardown" if the result is of that phase; empty for the call.
        message: the first lines of why the test did not pass, as pytest says it: those of the
            exception, or the reason of a skip or an expected failure.
        crash: the place of that, as `path:line`; the path is relative to the root folder if the
            file is in it.
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
    phase: Literal["", "setup", "teardown"] = ""
    message: str = ""
    crash: str = ""
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
            phase: Literal["", "setup", "teardown"] = "",
            message: str = "",
            crash: str = "",
            longreprtext: str = "",
            capstdout: str = "",
            capstderr: str = "",
            caplog: str = "",
            has_warning: bool = False,
            worker: str = "",
            properties: Sequence[tuple[str, Any]] = (),
        ) -> None: ...

    def __repr__(self) -> str:
        name, took = short_nodeid(self.nodeid), duration_text(self.duration)
        return f"TestResult({name!r}, {printable(self.outcome)}, {took})"

    def _repr_html_(self) -> str:
        from pytest_insight.models.html import result_html  # for notebooks

        return result_html(self)

    @property
    def stop_time(self) -> datetime:
        """The end of the teardown in UTC: start plus duration, at most the end of the year 9999."""
        return later(self.start_time, self.duration)


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


def earlier_attempts(results: Sequence[TestResult]) -> set[int]:
    """Return the positions of the results after which their test was run again.

    See `TestSession.rerun_test_groups`.
    """
    passed = TestOutcome.PASSED  # nearly all are; an enum's hash is slow
    positions = [
        n
        for n, r in enumerate(results)
        if r.outcome is not passed and r.outcome not in LAST_OUTCOMES
    ]
    if not positions:
        return set()
    last = {(result.nodeid, result.worker): n for n, result in enumerate(results)}
    return {
        n
        for n in positions
        if results[n].outcome == TestOutcome.RERUN or n < last[results[n].nodeid, results[n].worker]
    }


SUBTEST_OUTCOMES = ("subtests passed", "subtests failed", "subtests skipped", "subtests xfailed")
"""What pytest and pytest-subtests count subtests as, besides the names of `TestOutcome`."""
LAST_OUTCOMES = frozenset((*TestOutcome, *SUBTEST_OUTCOMES)) - {TestOutcome.RERUN}
"""Outcomes after which no test is run again."""
