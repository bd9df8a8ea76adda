"""Read the recaps of pytest-recap: one session, a list of them, or an object with such a list.

Its results are grouped by outcome, those that were run again last. `errors` has the phase of each
error, and the files that could not be collected.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from pytest_insight._util.report_text import first_lines
from pytest_insight.exchange.draft import SessionDraft
from pytest_insight.exchange.input import Input
from pytest_insight.exchange.options import ReadOptions
from pytest_insight.exchange.readers.shared.failure_repr import reason_of
from pytest_insight.exchange.readers.shared.json_values import (
    InvalidValueError,
    decode,
    decoder_for,
    located,
)
from pytest_insight.exchange.readers.shared.warning_counts import WarningCounts
from pytest_insight.exchange.readers.upstream import Session, draft_of
from pytest_insight.models import TestOutcome, TestResult

TITLE = "a recap of pytest-recap"
_NO_NAME = "pytest-recap"
"""The name of the system under test if none was configured."""


class _Event(msgspec.Struct):
    nodeid: str | None = None
    when: str | None = None
    message: Any = None
    category: str | None = None
    filename: str | None = None
    lineno: int | None = None
    longrepr: Any = None


class _System(msgspec.Struct):
    name: str | None = None


class _Recap(Session):
    system_under_test: _System | None = None
    warnings: list[_Event] | None = None
    errors: list[_Event] | None = None


class _Store(msgspec.Struct):
    sessions: list[_Recap] | None = None


_ONE = decoder_for(_Recap)
_LIST = decoder_for(list[_Recap])
_STORE = decoder_for(_Store)


def read(file: Input, options: ReadOptions) -> list[SessionDraft]:
    """Read the sessions of a file.

    Raises:
        ExchangeError: not such JSON; it names the place.
    """
    with located(file.source, TITLE):
        data = file.read()
        if data.lstrip().startswith(b"["):
            found, places = decode(data, _LIST), "[{}]"
        elif (sessions := decode(data, _STORE).sessions) is not None:
            found, places = sessions, "sessions[{}]"
        else:
            found, places = [decode(data, _ONE)], "the session"
        return [
            _draft(session, places.format(number), options) for number, session in enumerate(found)
        ]


def _draft(session: _Recap, place: str, options: ReadOptions) -> SessionDraft:
    draft = draft_of(session, place, options)
    name = session.system_under_test.name if session.system_under_test else None
    draft.sut_name = session.sut_name or (name if name and name != _NO_NAME else "")
    phases: dict[str, str] = {}
    not_collected = []
    for number, event in enumerate(session.errors or ()):
        if event.when == "collect":
            not_collected.append(_not_collected(event, draft, f"{place}.errors[{number}]"))
        elif event.nodeid and event.when in ("setup", "teardown"):
            phases[event.nodeid] = event.when
    warned = {event.nodeid for event in session.warnings or ()}
    known = {result.nodeid for result in draft.results}
    draft.results = [each for each in not_collected if each.nodeid not in known] + [
        replace(
            result,
            phase=phases.get(result.nodeid, "") if result.outcome == "error" else "",
            has_warning=result.nodeid in warned,
        )
        for result in draft.results
    ]
    counts = WarningCounts()
    for event in session.warnings or ():
        counts.add(event.category, event.message, event.filename, event.lineno)
    draft.warnings = counts.records()
    return draft


def _not_collected(event: _Event, draft: SessionDraft, place: str) -> TestResult:
    if event.longrepr is not None and not isinstance(event.longrepr, str):
        raise InvalidValueError(f"{place}.longrepr must be a text")
    reason = reason_of(event.longrepr)
    return TestResult(
        event.nodeid or "(collection)",
        TestOutcome.ERROR,
        draft.start,
        message=first_lines(reason.message),
        crash=reason.crash,
        longreprtext=reason.text,
    )
