"""Read CTRF reports: those of pytest-json-ctrf, of `insight export`, and of other test runners.

CTRF has one result for each test, five statuses, and times in milliseconds; `rawStatus` is what the
tool itself says.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import msgspec

from pytest_insight._util.report_text import first_lines, read_failure, without_middle
from pytest_insight._util.times import later
from pytest_insight.exchange.draft import SessionDraft
from pytest_insight.exchange.input import Input
from pytest_insight.exchange.losses import Loss, Losses
from pytest_insight.exchange.options import ReadOptions
from pytest_insight.exchange.readers.ctrf.file import (
    DECODER,
    Attempt,
    Environment,
    OwnResult,
    Report,
    Test,
)
from pytest_insight.exchange.readers.shared.failure_repr import reason_of, shown
from pytest_insight.exchange.readers.shared.json_values import (
    InvalidValueError,
    decode,
    iso_time,
    located,
    moment,
    pairs,
    seconds,
)
from pytest_insight.exchange.readers.shared.phases import Reason, below_root
from pytest_insight.limits import MAX_COUNTED_ATTEMPTS
from pytest_insight.models import CodeState, TestOutcome, TestResult

TITLE = "a CTRF report"
_IN_SECONDS = 1e11
"""Smaller times are seconds since 1970, not milliseconds."""
_STATUS = {"pending": "skipped", "other": "unknown"}
_RAW = {"call_failed": "failed", "setup_failed": "error", "teardown_failed": "error"}
"""What pytest-json-ctrf writes as `rawStatus`, besides our own outcomes."""
_NO_REASON = "The test failed in the "
"""How every message of old versions of pytest-json-ctrf begins."""
_PARAMETERS = "parametrize::"
"""How they begin the tag of a parametrised test."""
_PLACEHOLDER = "https://ctrf.io"
"""The URL of a build that pytest-json-ctrf knew nothing about."""


def read(file: Input, options: ReadOptions) -> list[SessionDraft]:
    """Read the session of a report.

    Raises:
        ExchangeError: not such a report; it names the place.
    """
    with located(file.source, TITLE):
        return [_Session(decode(file.read(), DECODER)).draft(file.source, options)]


class _Session:
    """The session of a report."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._losses = Losses()
        results = report.results
        self._own = results.extra.own if results.extra else None
        self._is_pytest = self._own is None and results.tool.name == "pytest"
        self._names = Counter(each.name for each in results.tests)
        times = [each.start for each in results.tests if each.start]
        first = min([results.summary.start or 0.0, *times])
        small = 0 < (first or min(times, default=0.0)) < _IN_SECONDS
        self._unit = 1.0 if small and self._own is None else 1000.0
        self._duration_unit = self._unit
        if self._unit == 1.0:  # some versions wrote durations in milliseconds all the same
            took = sum(each.duration or 0.0 for each in results.tests)
            span = sum((each.stop or 0) - (each.start or 0) for each in results.tests)
            self._duration_unit = 1000.0 if took > 10 * max(span, 0.0) else 1.0
        self._start = self._first_time(times)

    def _first_time(self, times: list[float]) -> datetime | None:
        report = self._report
        if self._own and self._own.session_start_time:
            return iso_time(self._own.session_start_time, "the session's start")
        if report.results.summary.start:
            return moment(report.results.summary.start / self._unit, "summary.start")
        if times:
            return moment(min(times) / self._unit, "a test's start")
        return iso_time(report.timestamp, "timestamp") if report.timestamp else None

    def draft(self, source: str, options: ReadOptions) -> SessionDraft:
        """Return the session.

        Raises:
            ExchangeError: its start is not known.
        """
        report = self._report.results
        start = self._start and options.in_utc(self._start, self._losses)
        self._start = start = options.start_of(start, source).astimezone(UTC)
        results: list[TestResult] = []
        for number, test in enumerate(report.tests):
            results += self._results(test, f"results.tests[{number}]")
        self._note_losses(results)
        stop = report.summary.stop
        ended = moment(stop / self._unit, "summary.stop") if stop and stop > 0 else None
        draft = SessionDraft(
            results,
            start,
            max(ended, start) if ended else max((start, *(each.stop_time for each in results))),
            tool=f"{report.tool.name} {report.tool.version or ''}".strip(),
            losses=self._losses,
            run=self._report.run or "",
        )
        if self._own is None:
            self._add_environment(draft, report.environment or Environment())
        else:
            self._add_own_fields(draft)
        return draft

    def _add_environment(self, draft: SessionDraft, found: Environment) -> None:
        system = draft.testing_system = {}
        if self._is_pytest and self._report.results.tool.version:
            system["pytest"] = self._report.results.tool.version
        platform = "-".join(filter(None, (found.os_platform, found.os_release)))
        if platform:
            system["platform"] = platform
        if found.build_url != _PLACEHOLDER:
            run = found.build_id or found.build_number
            facts = {"run_id": run, "url": found.build_url, "job": found.shard_id}
            ci = {name: str(value) for name, value in facts.items() if value}
            system.update({"ci": ci} if ci else {})
        draft.sut_name = found.app_name or ""
        if found.commit or found.branch_name:
            draft.code_state = CodeState(found.commit, found.branch_name)
        else:
            self._losses.missing(Loss.NO_CODE_STATE)
        if not platform:
            self._losses.missing(Loss.NO_ENVIRONMENT)

    def _add_own_fields(self, draft: SessionDraft) -> None:
        own = self._own
        if own is None:
            return
        if own.session_stop_time:
            draft.stop = iso_time(own.session_stop_time, "the session's stop")
        draft.duration = own.session_duration
        draft.sut_name, draft.tags = own.sut_name, own.session_tags
        for name in ("testing_system", "code_state", "arguments", "collected", "deselected"):
            setattr(draft, name, getattr(own, name))
        for name in ("warnings", "exit_status", "crashed"):
            setattr(draft, name, getattr(own, name))

    def _note_losses(self, results: list[TestResult]) -> None:
        if self._own is not None:
            return
        losses = self._losses
        if self._is_pytest:
            losses.missing(Loss.XPASS_LOST, Loss.NO_PHASES, Loss.NO_COLLECTION_ERRORS)
            losses.missing(Loss.SUBTESTS_MERGED, Loss.RESULTS_MERGED)
            losses.missing(Loss.NO_REASONS, Loss.NO_PROPERTIES, Loss.NO_TEST_WARNINGS)
        if not any(each.capstdout or each.capstderr for each in results):
            losses.missing(Loss.NO_OUTPUT)

    # Results -------------------------------------------------------------------------------------

    def _results(self, test: Test, place: str) -> list[TestResult]:
        nodeid = self._nodeid(test, place)
        self._losses.add(Loss.ATTACHMENTS_LEFT, len(test.attachments or ()), nodeid)
        self._losses.add(Loss.STEPS_LEFT, len(test.steps or ()), nodeid)
        outcome, phase = self._outcome(test, nodeid, place)
        result = self._result(nodeid, outcome, test, place, phase)
        if test.worker or (test.extra and isinstance(test.extra.worker, str)):
            worker = test.worker or (test.extra.worker if test.extra else "")
            result = msgspec.structs.replace(result, worker=worker)
        also = test.extra.also if test.extra else []
        return [*self._attempts(test, nodeid, place), result, *also]

    def _nodeid(self, test: Test, place: str) -> str:
        if not test.name:
            raise InvalidValueError(f"{place} has no name")
        if self._own is not None or (self._is_pytest and "::" in test.name):
            if test.is_old and (
                test.retries or self._names[test.name] > 1 or _PARAMETERS in str(test.tags)
            ):
                self._losses.add(Loss.NODEID_GUESSED, 1, test.name)  # it has no parameters
            return test.name
        path = test.file or test.old_file or ""
        suites = [test.suite] if isinstance(test.suite, str) else test.suite or []
        names = [path, *(name for name in suites if name != path), test.name]
        return "::".join(filter(None, names))

    def _outcome(self, test: Test, nodeid: str, place: str) -> tuple[str, str]:
        """Return the outcome and the phase of the final attempt."""
        if not test.status:
            raise InvalidValueError(f"{place} has no status")
        raw, status = test.raw or test.old_raw or "", test.status.lower()
        if self._own is not None and raw:
            return raw, ""
        if raw in _RAW or raw in list(TestOutcome):
            phase = raw.removesuffix("_failed") if raw in _RAW else ""
            return _RAW.get(raw, raw), phase if phase in ("setup", "teardown") else ""
        if test.is_old and status == "failed" and not raw:  # of these it names only other phases
            self._losses.add(Loss.GUESSED_STATUS, 1, nodeid)
            return "error", "setup"
        if status == "skipped" and self._is_pytest and test.is_old:
            return self._old_skip(test, nodeid), ""
        return _STATUS.get(status, status), ""

    def _old_skip(self, test: Test, nodeid: str) -> str:
        """Return the outcome of a skip of a version that does not tell expected failures."""
        tags = test.tags if isinstance(test.tags, list) else []
        marked = any(isinstance(tag, str) and tag.startswith("xfail") for tag in tags)
        if not marked or isinstance(shown(_joined(test.trace)), list):
            return "skipped"
        self._losses.add(Loss.GUESSED_STATUS, 1, nodeid)
        return "xfailed"

    def _attempts(self, test: Test, nodeid: str, place: str) -> list[TestResult]:
        """Return the results of earlier attempts.

        Some writers repeat the final attempt among them (its number is `retries` + 1).
        """
        earlier = sorted(test.attempts or (), key=lambda each: each.attempt or 0)
        retries = test.retries or 0
        if test.attempts is not None and len(earlier) == retries + 1:
            earlier = earlier[:-1] if earlier[-1].attempt in (None, retries + 1) else earlier
        found = []
        for number, each in enumerate(earlier):
            own = each.extra.own if each.extra else None
            outcome = (own and own.outcome) or "rerun"
            found.append(
                self._result(nodeid, outcome, each, f"{place}.retryAttempts[{number}]", "")
            )
        if test.is_old:  # it counts the cases of a parametrised test as retries
            self._losses.missing(Loss.NO_ATTEMPTS)
            self._losses.add(Loss.RESULTS_MERGED, max(retries, 0), nodeid)
        elif (without_text := min(retries - len(earlier), MAX_COUNTED_ATTEMPTS)) > 0:
            self._losses.add(Loss.NO_ATTEMPT_TEXT, without_text, nodeid)
            start = self._time(test, place)
            found += [TestResult(nodeid, TestOutcome.RERUN, start)] * without_text
        elif test.flaky and not earlier:
            self._losses.add(Loss.NO_ATTEMPTS, 1, nodeid)
        return found

    def _result(
        self, nodeid: str, outcome: str, found: Attempt, place: str, phase: str
    ) -> TestResult:
        own = (found.extra.own if found.extra else None) or OwnResult()
        if self._own is not None:
            reason = Reason(found.message or "", own.crash, _joined(found.trace))
        elif outcome != TestOutcome.PASSED:
            reason = _reason(found, is_expected=outcome == "xfailed" and self._is_pytest)
        else:
            reason = Reason()
        if own.start_time:
            start = iso_time(own.start_time, f"{place}.extra.start_time")
        else:
            start = self._time(found, place)
        duration = own.duration
        return TestResult(
            nodeid,
            TestOutcome(outcome),
            start,
            self._duration(found, place)
            if duration is None
            else seconds(duration, f"{place}.extra.duration"),
            own.phase or phase,  # type: ignore[arg-type]
            message=first_lines(reason.message),
            crash=below_root(reason.crash, nodeid.partition("::")[0]),
            longreprtext=without_middle(reason.text),
            capstdout=without_middle(_joined(found.stdout)),
            capstderr=without_middle(_joined(found.stderr)),
            caplog=own.caplog,
            has_warning=own.has_warning,
            worker=own.worker,
            properties=pairs(own.properties),
        )

    def _time(self, found: Attempt, place: str) -> datetime:
        if not found.start:
            self._losses.add(Loss.NO_START_TIMES)
            return self._start or later(datetime.min.replace(tzinfo=UTC), 0)
        return moment(found.start / self._unit, f"{place}.start")

    def _duration(self, found: Attempt, place: str) -> float:
        value = found.duration
        if value is not None and value < 0 and found.start and found.stop == 0:
            return 0.0  # pytest-json-ctrf computes it for a crashed worker, which has no stop
        return seconds(value, f"{place}.duration") / self._duration_unit


def _reason(found: Attempt, *, is_expected: bool) -> Reason:
    """Return why an attempt did not pass: as the tool says it, else read from the trace.

    Args:
        found: the attempt.
        is_expected: whether the message is the reason why a failure was expected.
    """
    text, message = _joined(found.trace), found.message or ""
    reason = reason_of(shown(text), message if is_expected else "")
    if message and not message.startswith(_NO_REASON) and not read_failure(message).path:
        return Reason(message, reason.crash, reason.text or message)
    return reason


def _joined(text: str | list[str] | None) -> str:
    return "\n".join(text) if isinstance(text, list) else text or ""
