"""What the suites and test cases of a JUnit file become: a session, and what was lost."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from functools import partial

from msgspec.structs import replace

from pytest_insight._util.times import EPOCH, FIRST
from pytest_insight.errors import ExchangeError
from pytest_insight.exchange.draft import SessionDraft, repeated
from pytest_insight.exchange.losses import Loss, Losses
from pytest_insight.exchange.options import ReadOptions
from pytest_insight.exchange.readers.junit import other_cases, own_cases, pytest_cases
from pytest_insight.exchange.readers.junit.elements import OUTPUTS, Case, Child, Suite
from pytest_insight.exchange.readers.shared.nodeids import Nodeids, Place
from pytest_insight.limits import MAX_DURATIONS, MAX_TEXT_SHOWN
from pytest_insight.models import CodeState, TestOutcome, TestResult

_PYTEST_SUITE = ("name", "errors", "failures", "skipped", "tests", "time", "timestamp", "hostname")
"""The attributes of pytest's `testsuite`, in its order; the name can be configured."""
_ROOT_NAMES = {
    "pytest tests": "pytest",
    "jest tests": "jest-junit",
    "vitest tests": "Vitest",
    "Mocha Tests": "Mocha",
}
"""Programs by the name of their `testsuites`."""
_PASSED = TestOutcome.PASSED
_SESSION, _SUT, _BRANCH, _COMMIT = (
    f"{own_cases.PREFIX}{name}" for name in ("session", "sut", "branch", "commit")
)
_SUITE_FACTS = frozenset((_SESSION, _SUT, _BRANCH, _COMMIT))
"""Properties of our suites."""
_INTERNAL_ERROR = 3  # pytest.ExitCode


class Cases:
    """Collects the results of a file."""

    def __init__(self, source: str, options: ReadOptions) -> None:
        self._source = source
        self._options = options
        self._losses = Losses()
        known = partial(options.known_nodeids, options.likely_sut())
        self._nodeids = Nodeids(known, options.likely_root())
        self._suite: Mapping[str, str] = {}
        self._before_suite = 0
        self._facts: dict[str, str] = {}
        self._tool = ""
        self._start: datetime | None = None
        self._duration: float | None = None
        self._of_suites: float | None = None
        self._has_other_starts = False
        self._host = ""
        self._exit_status: int | None = None
        self._has_output = False
        self._guessed = 0
        self._guess = ""
        self._places: dict[str | None, Place] = {}
        # One object for equal durations saves 24 bytes a result.
        self._durations: dict[str | None, float] = {None: 0.0, "": 0.0}
        self._results: list[TestResult] = []

    def begin_suite(self, suite: Suite) -> None:
        """Take the facts of a suite."""
        given = suite.attributes
        duration = self._seconds(given["time"], suite.line) if given.get("time") else None
        self._tool = self._tool or _tool(suite)
        if suite.is_root:
            self._duration = duration
        else:
            self._suite = given
            self._before_suite = len(self._results)
            if duration is not None and not suite.is_nested:
                self._of_suites = (self._of_suites or 0.0) + duration
            self._host = self._host or given.get("hostname", "")
        if given.get("timestamp"):
            start = self._time(given["timestamp"], suite.line)
            did_run = start != EPOCH or given.get("tests") != "0"  # jest-junit says 1970 if not
            if did_run and (self._start is None or start < self._start):
                self._start = start
                self._has_other_starts = bool(self._results)

    def add_property(self, attributes: Mapping[str, str]) -> None:
        """Take a property of a suite that is ours; count another.

        Raises:
            ExchangeError: the suite is of another session than the suites before.
        """
        name = attributes.get("name", "")
        if name in _SUITE_FACTS:
            known = self._facts.setdefault(name, attributes.get("value", ""))
            if name == _SESSION and known != attributes.get("value"):
                raise ExchangeError(
                    f"{self._source} has several sessions, which JUnit XML does not keep apart: "
                    "export and import them as JSON",
                    self._source,
                )
            return
        self._losses.add(Loss.SUITE_PROPERTIES_LEFT, 1, name)
        if name == "go.version" and not self._tool:
            self._tool = "Go"

    def add_output_of_suite(self, output: Child) -> None:
        """Keep the output of a suite with a single case, as in Bazel's files, as that case's."""
        if len(self._results) == self._before_suite + 1:
            field = "capstdout" if output.kind == "system-out" else "capstderr"
            self._results[-1] = replace(self._results[-1], **{field: output.text})
            self._has_output = True

    def add(self, case: Case) -> None:
        """Add the results of a case."""
        given = case.attributes
        time = given.get("time")
        duration = self._durations.get(time)
        if duration is None:
            duration = self._seconds(time or "", case.line)
        start = self._start or FIRST
        if self._tool == "pytest" and not case.children and not case.properties:  # nearly all
            self._results.append(TestResult(self._nodeid(given), _PASSED, start, duration))
            return
        if own_cases.is_own(case):
            self._tool = "pytest-insight"
            self._results += own_cases.own_results(case, start, duration, self._losses)
        elif self._tool == "pytest":
            self._add_pytest(case, start, duration)
        else:
            nodeid = self._plain_nodeid(given)
            self._results += other_cases.attempts_of(case, nodeid, start, self._losses)
            self._results.append(other_cases.result_of(case, nodeid, start, duration, self._losses))
        if not self._has_output:
            self._has_output = any(child.kind in OUTPUTS for child in case.children)

    def session(self) -> SessionDraft:
        """Return the session, when all is read.

        Raises:
            ExchangeError: it has no test cases, or its start is not known.
        """
        if not self._results and self._exit_status is None:
            raise ExchangeError(
                f"{self._source} has no test cases: there is nothing to import", self._source
            )
        again = repeated(self._results)
        reruns = 0
        tests = len(self._results)
        if again:
            tests = len(again) + sum(result.nodeid not in again for result in self._results)
        if self._tool == "pytest":
            self._results, reruns = pytest_cases.with_attempts(self._results, again)
        self._note_losses(reruns)
        start = self._options.start_of(self._start, self._source)
        if self._has_other_starts or self._start is None:
            self._results = [replace(result, start_time=start) for result in self._results]
        duration = self._of_suites if self._duration is None else self._duration
        if duration is None:
            duration = math.fsum(result.duration for result in self._results)
        branch, commit = self._facts.get(_BRANCH), self._facts.get(_COMMIT)
        return SessionDraft(
            self._results,
            start,
            sut_name=self._facts.get(_SUT, ""),
            code_state=CodeState(commit, branch) if branch or commit else None,
            duration=duration,
            tool=self._tool,
            losses=self._losses,
            testing_system={"host": self._host} if self._host else {},
            exit_status=self._exit_status,
            tests=tests,
            is_clean=True,  # XML has no NUL and no lone surrogates
        )

    def _note_losses(self, reruns: int) -> None:
        found = self._losses
        found.missing(Loss.NO_START_TIMES, Loss.NO_PHASES, Loss.NO_ENVIRONMENT)
        if not (_BRANCH in self._facts or _COMMIT in self._facts):
            found.missing(Loss.NO_CODE_STATE)
        if not self._has_output:
            found.missing(Loss.NO_OUTPUT)
        if reruns:
            found.add(Loss.NO_ATTEMPT_TEXT, reruns)
        elif not any(result.outcome is TestOutcome.RERUN for result in self._results):
            found.missing(Loss.NO_ATTEMPTS)
        if self._tool == "pytest":
            found.missing(Loss.XPASS_LOST, Loss.NO_TEST_WARNINGS, Loss.NO_WORKERS)
        found.add(Loss.NODEID_GUESSED, self._guessed, self._guess)

    def _add_pytest(self, case: Case, start: datetime, duration: float) -> None:
        given = case.attributes
        if pytest_cases.is_internal_error(case):
            self._exit_status = _INTERNAL_ERROR
            return
        if pytest_cases.is_collection(case):
            place = self._nodeids.path(given.get("name", ""))
            if place.guessed:
                self._note_guess(place.prefix)
            self._results += pytest_cases.collection_results(case, place.prefix, start)
            return
        nodeid = self._nodeid(given)
        self._results += other_cases.attempts_of(case, nodeid, start, self._losses)
        self._results += pytest_cases.results_of(case, nodeid, start, duration, self._losses)

    def _nodeid(self, given: Mapping[str, str]) -> str:
        name, classname, file = given.get("name", ""), given.get("classname"), given.get("file")
        place = None if file else self._places.get(classname)
        if place is None:
            place = self._nodeids.place(classname or "", file or "", name)
            if not file:
                self._places[classname] = place
        prefix, guessed = place
        nodeid = prefix + name
        if guessed:
            self._guessed += 1
            self._guess = self._guess or nodeid
        return nodeid

    def _note_guess(self, nodeid: str) -> None:
        self._guessed += 1
        self._guess = self._guess or nodeid

    def _plain_nodeid(self, given: Mapping[str, str]) -> str:
        """Return a nodeid of the names that another program gives: none of them is a guess."""
        name, classname, file = (given.get(each, "") for each in ("name", "classname", "file"))
        if name and name == file:  # jest-junit: it could not be loaded
            return name
        places = [file or classname or self._suite.get("name", "")]
        # RSpec's class is the file; GoogleTest and jest-junit have classes in a file.
        if file and not file.rpartition(".")[0].replace("/", ".").endswith(classname):
            places.append(classname)
        # jest-junit and Mocha repeat a class in the name.
        places = [place for place in places if not f" {name}".endswith(f" {place}")]
        return "::".join(filter(None, [*places, name])) or "?"

    def _seconds(self, text: str, line: int) -> float:
        """Return a duration; commas may separate thousands if there is a decimal point."""
        known = self._durations.get(text)
        if known is not None:
            return known
        try:
            seconds = float(text)
        except ValueError:
            plain = text.strip()
            seconds = float(plain.replace(",", "")) if _THOUSANDS.fullmatch(plain) else -1.0
        if 0.0 <= seconds < math.inf and "_" not in text:
            if len(self._durations) < MAX_DURATIONS:
                self._durations[text] = seconds
            return seconds
        raise ExchangeError(
            f"{self._source} cannot be imported: the time {text[:MAX_TEXT_SHOWN]!r} in line {line} "
            "must be a number of seconds, zero or more, as in 1.25",
            self._source,
        )

    def _time(self, text: str, line: int) -> datetime:
        try:
            return self._options.in_utc(datetime.fromisoformat(text.strip()), self._losses)
        except (ValueError, OverflowError):
            raise ExchangeError(
                f"{self._source} cannot be imported: the timestamp {text[:MAX_TEXT_SHOWN]!r} in "
                f"line {line} must be an ISO 8601 time, as in 2026-11-27T12:00:00+00:00",
                self._source,
            ) from None


_THOUSANDS = re.compile(r"[1-9]\d{0,2}(,\d{3})+\.\d+")


def _tool(suite: Suite) -> str:
    """Return the program that wrote a suite; empty if nothing says it."""
    given = suite.attributes
    if tuple(given) == _PYTEST_SUITE:
        return "pytest"
    if suite.is_root and given.get("name") in _ROOT_NAMES:
        return _ROOT_NAMES[given["name"]]
    if "surefire" in given.get("xsi:noNamespaceSchemaLocation", ""):
        return "Maven Surefire"
    return ""
