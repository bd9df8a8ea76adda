"""Read the sessions of the upstream pytest-insight, whose times are naive and local.

Its results are those of pytest's terminal, with the time of one phase and captured output that
repeats that of earlier attempts. pytest-recap, of the same origin, is read by `readers.recap`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from pytest_insight._util.report_text import first_lines, without_middle
from pytest_insight.exchange.draft import SessionDraft
from pytest_insight.exchange.input import Input
from pytest_insight.exchange.losses import Loss, Losses
from pytest_insight.exchange.options import ReadOptions
from pytest_insight.exchange.readers.shared.failure_repr import reason_of, shown
from pytest_insight.exchange.readers.shared.json_values import (
    InvalidValueError,
    decode,
    decoder_for,
    iso_time,
    located,
    seconds,
)
from pytest_insight.exchange.readers.shared.phases import below_root
from pytest_insight.models import TestOutcome, TestResult

TITLE = "sessions of the upstream pytest-insight"


class Result(msgspec.Struct):
    """A result."""

    nodeid: str
    outcome: str | None = None
    start_time: str | None = None
    stop_time: str | None = None
    duration: float | None = None
    caplog: str | None = None
    capstderr: str | None = None
    capstdout: str | None = None
    longreprtext: str | None = None
    has_warning: bool | None = None


class Session(msgspec.Struct):
    """A session."""

    session_start_time: str
    sut_name: str | None = None
    session_stop_time: str | None = None
    session_duration: float | None = None
    session_tags: dict[str, str] | None = None
    testing_system: dict[str, Any] | None = None
    test_results: list[Result] | None = None


class _Store(msgspec.Struct):
    sessions: list[Session]


_STORE = decoder_for(_Store)
_LIST = decoder_for(list[Session])


def read(file: Input, options: ReadOptions) -> list[SessionDraft]:
    """Read the sessions of a store or of a list.

    Raises:
        ExchangeError: not such JSON; it names the place.
    """
    with located(file.source, TITLE):
        data = file.read()
        is_list = data.lstrip().startswith(b"[")
        found = decode(data, _LIST) if is_list else decode(data, _STORE).sessions
        places = "[{}]" if is_list else "sessions[{}]"
        drafts = []
        for number, session in enumerate(found):
            draft = draft_of(session, places.format(number), options)
            draft.sut_name = session.sut_name or ""
            drafts.append(draft)
        return drafts


def draft_of(session: Session, place: str, options: ReadOptions) -> SessionDraft:
    """Return a session without its SUT and tool.

    Raises:
        InvalidValueError: a number or time in it cannot be.
    """
    losses = Losses()
    losses.missing(Loss.NO_PHASES, Loss.NO_CODE_STATE)
    if not session.testing_system:
        losses.missing(Loss.NO_ENVIRONMENT)

    def time_at(value: str, where: str) -> datetime:
        time = iso_time(value, f"{place}.{where}")
        try:
            return options.in_utc(time, losses)
        except OverflowError:
            raise InvalidValueError(f"{place}.{where} is outside the calendar in UTC") from None

    start = time_at(session.session_start_time, "session_start_time")
    results = []
    for number, result in enumerate(session.test_results or ()):
        results.append(_result(result, f"test_results[{number}]", place, start, time_at))
        losses.add(Loss.NO_START_TIMES, int(result.start_time is None), result.nodeid)
    results = _with_own_output(results)
    stop = session.session_stop_time and time_at(session.session_stop_time, "session_stop_time")
    duration = session.session_duration
    last = max((start, *(each.stop_time for each in results)))
    tags = session.session_tags or {}
    return SessionDraft(
        results,
        start,
        (stop and max(stop, start)) or (last if duration is None else None),
        None if duration is None else seconds(duration, f"{place}.session_duration"),
        losses=losses,
        run=f"{start:%Y%m%d%H%M%S} {sorted(tags.items())}",  # each worker wrote a session
        tags=tags,
        testing_system=session.testing_system or {},
    )


def _result(
    result: Result,
    where: str,
    place: str,
    session_start: datetime,
    time_at: Callable[[str, str], datetime],
) -> TestResult:
    if not result.nodeid:
        raise InvalidValueError(f"{place}.{where}.nodeid must not be empty")
    outcome = (result.outcome or "").strip()
    if not outcome:
        raise InvalidValueError(f"{place}.{where} has no outcome")
    if outcome.lower() in list(TestOutcome):
        outcome = outcome.lower()
    given = result.start_time
    start = time_at(given, f"{where}.start_time") if given else session_start
    duration = result.duration
    if duration is None and result.stop_time:
        stop = time_at(result.stop_time, f"{where}.stop_time")
        duration = (stop - start).total_seconds()
    reason = reason_of(shown(result.longreprtext))
    return TestResult(
        result.nodeid,
        TestOutcome(outcome),
        start,
        seconds(duration, f"{place}.{where}.duration"),
        message=first_lines(reason.message),
        crash=below_root(reason.crash, result.nodeid.partition("::")[0]),
        longreprtext=without_middle(reason.text),
        capstdout=result.capstdout or "",
        capstderr=result.capstderr or "",
        caplog=result.caplog or "",
        has_warning=bool(result.has_warning),
    )


def _with_own_output(results: Iterable[TestResult]) -> list[TestResult]:
    """Return the results in time order, each without the output of earlier ones of its test."""
    ordered = sorted(results, key=lambda result: result.start_time)  # stable
    before: dict[tuple[str, str], str] = {}
    found = []
    for result in ordered:
        texts = {}
        for field in ("capstdout", "capstderr", "caplog"):
            text = getattr(result, field)
            new = text.removeprefix(before.get((result.nodeid, field), ""))
            texts[field] = without_middle(new.lstrip("\n") if field == "caplog" else new)
            before[result.nodeid, field] = text
        found.append(replace(result, **texts))
    return found
