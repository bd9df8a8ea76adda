"""What the test cases of JUnit XML become: results, attempts, and what was lost."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from functools import partial

import msgspec
from msgspec.structs import replace

from pytest_insight._util.times import FIRST
from pytest_insight.errors import ExchangeError
from pytest_insight.exchange.draft import SessionDraft
from pytest_insight.exchange.losses import Loss, Losses
from pytest_insight.exchange.options import ReadOptions
from pytest_insight.exchange.readers.nodeids import Nodeids
from pytest_insight.models import TestOutcome, TestResult

_PYTEST_SUITE = ("name", "errors", "failures", "skipped", "tests", "time", "timestamp", "hostname")
"""The attributes of pytest's `testsuite`, in its order; the name can be configured."""


class Suite(msgspec.Struct):
    """The start of a `testsuites` or `testsuite` element."""

    element: str
    line: int
    attributes: Mapping[str, str]


class Child(msgspec.Struct):
    """An element in a test case: a failure, a skip, output, an earlier attempt.

    Attributes:
        kind: the name of the element.
        attributes: its attributes.
        text: its text.
        parts: for an attempt: the texts of its own elements, by name.
    """

    kind: str
    attributes: Mapping[str, str]
    text: str = ""
    parts: dict[str, str] = {}


class Case(msgspec.Struct):
    """A `testcase` element."""

    line: int
    attributes: Mapping[str, str]
    children: list[Child] = []
    properties: list[tuple[str, str]] = []


class Cases:
    """Collects the results of a file."""

    def __init__(self, source: str, options: ReadOptions) -> None:
        self._source = source
        self._options = options
        self._losses = Losses()
        known = partial(options.known_nodeids, options.likely_sut())
        self._nodeids = Nodeids(known, options.likely_root())
        self._suite: Mapping[str, str] = {}
        self._is_pytest = False
        self._start: datetime | None = None
        self._duration: float | None = None
        self._suites_duration = 0.0
        self._host = ""
        self._results: list[TestResult] = []

    def begin_suite(self, suite: Suite) -> None:
        """Take the facts of a suite."""
        given = suite.attributes
        duration = self._seconds(given["time"], suite.line) if given.get("time") else None
        if suite.element == "testsuites":
            self._is_pytest = given.get("name") == "pytest tests"
            self._duration = duration
        else:
            self._suite = given
            self._is_pytest = self._is_pytest or tuple(given) == _PYTEST_SUITE
            self._suites_duration += duration or 0.0
            self._host = self._host or given.get("hostname", "")
        if given.get("timestamp"):
            start = self._time(given["timestamp"], suite.line)
            if self._start is None or start < self._start:
                self._start = start

    def add_property(self, attributes: Mapping[str, str]) -> None:
        """Count a property of a suite."""
        self._losses.add(Loss.SUITE_PROPERTIES_LEFT, 1, attributes.get("name", ""))

    def add(self, case: Case) -> None:
        """Add the results of a case."""
        given = case.attributes
        name, classname = given.get("name", ""), given.get("classname", "")
        duration = self._seconds(given["time"], case.line) if given.get("time") else 0.0
        nodeid = self._nodeid(classname, name, given.get("file", ""))
        outcome, message, text = TestOutcome.PASSED, "", ""
        for child in case.children:
            if child.kind in ("failure", "error", "skipped"):
                outcome = _OUTCOMES[child.kind]
                message, text = child.attributes.get("message", ""), child.text
        self._results.append(
            TestResult(
                nodeid, outcome, self._start or FIRST, duration, "", message, longreprtext=text
            )
        )

    def session(self) -> SessionDraft:
        """Return the session, when all is read.

        Raises:
            ExchangeError: its start is not known.
        """
        if not self._results:
            raise ExchangeError(
                f"{self._source} has no test cases: there is nothing to import", self._source
            )
        start = self._options.start_of(self._start, self._source)
        if any(result.start_time != start for result in self._results):
            self._results = [replace(result, start_time=start) for result in self._results]
        self._losses.missing(Loss.NO_START_TIMES, Loss.NO_CODE_STATE, Loss.NO_ENVIRONMENT)
        if self._is_pytest:
            self._losses.missing(Loss.XPASS_LOST)
        return SessionDraft(
            self._results,
            start,
            duration=self._suites_duration if self._duration is None else self._duration,
            tool="pytest" if self._is_pytest else "",
            losses=self._losses,
            testing_system={"host": self._host} if self._host else {},
            is_clean=True,
        )

    def _nodeid(self, classname: str, name: str, file: str) -> str:
        if not self._is_pytest:
            first = file or classname or self._suite.get("name", "")
            return f"{first}::{name}" if first and first != name else name or "?"
        place = self._nodeids.place(classname, file)
        if place.guessed:
            self._losses.add(Loss.NODEID_GUESSED, 1, place.prefix + name)
        return place.prefix + name

    def _seconds(self, text: str, line: int) -> float:
        try:
            seconds = float(text)
        except ValueError:
            plain = text.replace(",", "") if _THOUSANDS.fullmatch(text.strip()) else ""
            seconds = float(plain or "nan")
        if not (math.isfinite(seconds) and seconds >= 0):
            raise ExchangeError(
                f"{self._source} cannot be imported: the time {text[:80]!r} in line {line} must be "
                "a number of seconds, zero or more",
                self._source,
            )
        return seconds

    def _time(self, text: str, line: int) -> datetime:
        try:
            return self._options.in_utc(datetime.fromisoformat(text.strip()), self._losses)
        except (ValueError, OverflowError):
            raise ExchangeError(
                f"{self._source} cannot be imported: the timestamp {text[:80]!r} in line {line} "
                "must be an ISO 8601 time",
                self._source,
            ) from None


_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d*)?")
_OUTCOMES = {
    "failure": TestOutcome.FAILED,
    "error": TestOutcome.ERROR,
    "skipped": TestOutcome.SKIPPED,
}
