"""Read the reports of pytest-json-report.

`created` is the time at the end of the run. Of a test that was run again only the last attempt is
in the report, and nothing but the outcome `rerun` (which it has if it passed) tells of the others.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec

from pytest_insight._util.report_text import Sections
from pytest_insight._util.times import earlier
from pytest_insight.exchange.draft import SessionDraft
from pytest_insight.exchange.input import Input
from pytest_insight.exchange.losses import Loss, Losses
from pytest_insight.exchange.options import ReadOptions
from pytest_insight.exchange.readers.shared.failure_repr import crash_of, reason_of, shown
from pytest_insight.exchange.readers.shared.json_values import (
    InvalidValueError,
    decode,
    decoder_for,
    located,
    moment,
    pairs,
    seconds,
)
from pytest_insight.exchange.readers.shared.phases import Phase, Reason, counted_as, results_of
from pytest_insight.exchange.readers.shared.warning_counts import WarningCounts
from pytest_insight.models import TestResult

_WIDE = re.compile(r"%[^%a-zA-Z]*?(?:\*|\d{4})")
"""A log message that could be formatted to any length."""
TITLE = "a report of pytest-json-report"


class _Place(msgspec.Struct):
    path: str = ""
    lineno: int | None = None
    message: str = ""


class _Stage(msgspec.Struct):
    outcome: str = ""
    duration: float | None = None
    crash: _Place | None = None
    traceback: list[_Place] | None = None
    stdout: str | None = None
    stderr: str | None = None
    log: list[dict[str, Any]] | None = None
    longrepr: str | None = None


class _Test(msgspec.Struct):
    nodeid: str
    outcome: str
    setup: _Stage | None = None
    call: _Stage | None = None
    teardown: _Stage | None = None
    crashed: _Stage | None = msgspec.field(default=None, name="???")
    metadata: dict[str, Any] | None = None
    user_properties: Any = None


class _Collector(msgspec.Struct):
    nodeid: str
    outcome: str
    longrepr: str | None = None


class _Summary(msgspec.Struct, frozen=True):
    collected: int | None = None
    deselected: int | None = None


class _Warning(msgspec.Struct):
    message: str = ""
    category: str = ""
    filename: str = ""
    lineno: int | None = None


class _Report(msgspec.Struct):
    created: float
    exitcode: int
    duration: float = 0.0
    root: str = ""
    environment: dict[str, Any] | None = None
    summary: _Summary = _Summary()
    collectors: list[_Collector] | None = None
    tests: list[_Test] | None = None
    warnings: list[_Warning] | None = None


_DECODER = decoder_for(_Report)


def read(file: Input, options: ReadOptions) -> list[SessionDraft]:  # noqa: ARG001
    """Read the session of a report.

    Raises:
        ExchangeError: not such a report; it names the place.
    """
    with located(file.source, TITLE):
        report = decode(file.read(), _DECODER)
        if report.tests is None:
            raise InvalidValueError("it has no 'tests', as with --json-report-summary")
        return [_session(report)]


def _session(report: _Report) -> SessionDraft:
    duration = seconds(report.duration, "duration")
    stop = moment(report.created, "created")
    start = earlier(stop, duration)
    losses = Losses()
    losses.missing(Loss.NO_START_TIMES, Loss.NO_ATTEMPTS, Loss.NO_CODE_STATE, Loss.SUBTESTS_MERGED)
    losses.missing(Loss.NO_REASONS, Loss.NO_TEST_WARNINGS, Loss.NO_WORKERS)
    root = report.root and report.root + ("\\" if "\\" in report.root else "/")
    results = _not_collected(report, root, start)
    for number, test in enumerate(report.tests or ()):
        results += _results(test, f"tests[{number}]", root, start, losses)
    if report.collectors is None:
        losses.missing(Loss.NO_COLLECTION_ERRORS)
    system = _system(report.environment or {})
    if not system:
        losses.missing(Loss.NO_ENVIRONMENT)
    warnings = WarningCounts()
    for each in report.warnings or ():
        warnings.add(each.category, each.message, each.filename, each.lineno)
    counts = report.summary
    return SessionDraft(
        results,
        start,
        stop,
        duration,
        tool=f"pytest {system['pytest']}" if "pytest" in system else "pytest",
        losses=losses,
        testing_system=system,
        warnings=warnings.records(root),
        exit_status=report.exitcode,
        collected=counts.collected if (counts.collected or 0) >= 0 else None,
        deselected=counts.deselected if (counts.deselected or 0) >= 0 else None,
    )


def _not_collected(report: _Report, root: str, start: datetime) -> list[TestResult]:
    found = []
    for collector in report.collectors or ():
        if collector.outcome in ("failed", "skipped"):
            outcome = "error" if collector.outcome == "failed" else collector.outcome
            reason = _below(root, reason_of(shown(collector.longrepr)))
            name = collector.nodeid or "(collection)"
            found += results_of(name, [Phase("", outcome, start, reason=reason)])
    return found


def _results(
    test: _Test, place: str, root: str, start: datetime, losses: Losses
) -> list[TestResult]:
    stages = {name: getattr(test, name) for name in ("setup", "call", "teardown", "crashed")}
    phases = [
        _phase(test, "???" if name == "crashed" else name, stage, f"{place}.{name}", root, start)
        for name, stage in stages.items()
        if stage is not None
    ]
    if not phases:
        phases = [Phase("call", "" if test.outcome == "rerun" else test.outcome, start)]
        losses.add(Loss.NO_PHASES, 1, test.nodeid)
    if not test.nodeid:
        raise InvalidValueError(f"{place}.nodeid must not be empty")
    found = results_of(test.nodeid, phases)
    if test.outcome == "rerun":  # the final attempt passed
        losses.add(Loss.NO_ATTEMPT_TEXT, 1, test.nodeid)
        found = [*results_of(test.nodeid, [Phase("call", "rerun", start)]), *found]
    return found


def _phase(test: _Test, when: str, stage: _Stage, place: str, root: str, start: datetime) -> Phase:
    is_xfail = test.outcome == "xfailed" and stage.outcome == "skipped"
    is_xpass = test.outcome == "xpassed" and when == "call"
    outcome = counted_as(stage.outcome, when, expected_to_fail=is_xfail or is_xpass)
    reason = Reason()
    if stage.outcome != "passed":
        reason = reason_of(shown(stage.longrepr))
        if stage.crash is not None:
            at, frames = stage.crash, [(each.path, each.lineno) for each in stage.traceback or ()]
            message = at.message.removeprefix("_pytest.outcomes.XFailed: ")
            reason = Reason(message, crash_of(at.path, at.lineno, frames), reason.text)
        reason = _below(root, reason)
    return Phase(
        when,
        outcome,
        start,
        seconds(stage.duration, f"{place}.duration"),
        reason,
        _sections(stage),
        pairs(test.user_properties) + pairs(test.metadata) if outcome else (),
    )


def _below(root: str, reason: Reason) -> Reason:
    """Return a reason whose place is relative to the root folder if it is in it."""
    return msgspec.structs.replace(reason, crash=reason.crash.removeprefix(root))


def _sections(stage: _Stage) -> Sections:
    log = "\n".join(map(_log_line, stage.log or ()))
    texts = (("log", log), ("stdout", stage.stdout), ("stderr", stage.stderr))
    return [(f"Captured {kind} call", text) for kind, text in texts if text]


def _log_line(record: dict[str, Any]) -> str:
    """Return a log record as pytest's default format shows it."""
    place = f"{record.get('name', '')}:{record.get('filename', '')}:{record.get('lineno', '')}"
    message, values = str(record.get("msg", "")), record.get("args")
    # Arguments that were not JSON are texts, which may not fit the message.
    with suppress(TypeError, ValueError, KeyError, OverflowError):
        if not _WIDE.search(message):
            message = message % (tuple(values) if isinstance(values, list) else values or ())
    details = filter(None, (record.get("exc_text"), record.get("stack_info")))
    return "\n".join([f"{record.get('levelname', '')!s:<8} {place} {message}", *map(str, details)])


def _system(environment: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of pytest-metadata under the names of the recorder."""
    found: dict[str, Any] = {}
    for name, ours in (("Python", "python"), ("Platform", "platform")):
        if isinstance(environment.get(name), str):
            found[ours] = environment[name]
    packages = environment.get("Packages")
    if isinstance(packages, dict) and isinstance(packages.get("pytest"), str):
        found["pytest"] = packages["pytest"]
    if isinstance(environment.get("Plugins"), dict):
        found["plugins"] = environment["Plugins"]
    return found
