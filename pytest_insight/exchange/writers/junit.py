r"""Write sessions as JUnit XML, as pytest writes it with `junit_family=xunit2`, and more.

A suite is one file of one session, a test case is one test with at most one result: programs look
at the first one only. Attempts before the last one are the elements of Maven Surefire, which
Jenkins reads: `flakyFailure` if the test passed in the end, else `rerunFailure`. What JUnit XML has
no place for is in properties, which begin with `insight.`; an import reads them back.

Characters that XML 1.0 cannot hold are written as escapes (`\x1b`). Nothing is kept in memory but
one session and one suite.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple

import msgspec

from pytest_insight.exchange.writers.cases import BAD, Case, cases_of, line_in, status_of
from pytest_insight.models import TestOutcome, TestResult, TestSession

FILE_BYTES = 30_000_000
"""The most that GitLab reads of one file: https://docs.gitlab.com/ci/testing/unit_test_reports/."""

_BEGIN = b'<?xml version="1.0" encoding="utf-8"?>\n<testsuites name="pytest-insight">\n'
_END = b"</testsuites>\n"
_MARGIN = 10_000
"""Bytes that the beginning and the end of a file and of a suite take at most."""
_LEGAL = "\\x20!#-%'-;=?-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff"
"""What XML 1.0 can hold and needs no escape, as a part of a class of a regular expression."""
_IN_ATTRIBUTE = re.compile(f"[^{_LEGAL}]")
_IN_TEXT = re.compile(f'[^\t\n"{_LEGAL}]')
_ENTITIES = {
    **{"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"},
    # as they are, a parser would make spaces of them, and "\n" of "\r"
    **{"\t": "&#9;", "\n": "&#10;", "\r": "&#13;"},
}
_EXCEPTION = re.compile(r"([A-Za-z_][\w.]*)(?::|$)")
_XFAILED = ("xfailed", "subtests xfailed")
_WIDTH = 80


def write(sessions: Iterable[TestSession], file: BinaryIO) -> int:
    """Write a document; returns the number of sessions."""
    count = 0
    file.write(_BEGIN)
    for session in sessions:
        count += 1
        for suite in _suites(session):
            file.writelines(suite.pieces)
    file.write(_END)
    return count


def write_split(sessions: Iterable[TestSession], next_file: Callable[[], BinaryIO]) -> int:
    """Write documents of at most `FILE_BYTES` bytes, unless a single test case is larger.

    A suite that does not fit is divided, so that each document is complete by itself.

    Args:
        sessions: the sessions.
        next_file: opens the next file; called at least once.

    Returns:
        The number of sessions.
    """
    count = size = 0
    file = None
    for session in sessions:
        count += 1
        for suite in _suites(session):
            if file is None or size + suite.size > FILE_BYTES - _MARGIN:
                if file is not None:
                    file.write(_END)
                file, size = next_file(), 0
                file.write(_BEGIN)
            file.writelines(suite.pieces)
            size += suite.size
    if file is None:
        file = next_file()
        file.write(_BEGIN)
    file.write(_END)
    return count


# Suites -----------------------------------------------------------------------------------------


class _Suite(NamedTuple):
    """A `testsuite` element.

    Attributes:
        pieces: its bytes.
        size: their number.
    """

    pieces: list[bytes]
    size: int


def _suites(session: TestSession) -> Iterator[_Suite]:
    """Yield a suite for each file; several if its tests take more than `FILE_BYTES`."""
    files: dict[str, list[Case]] = {}
    for case in cases_of(session):
        files.setdefault(case.file, []).append(case)
    if not files:
        yield _suite(session, session.session_id, [], [])
    for file, cases in files.items():
        begin = size = 0
        pieces: list[bytes] = []
        for position, case in enumerate(cases):
            piece = _element(case)
            if pieces and size + len(piece) > FILE_BYTES - 2 * _MARGIN:
                yield _suite(session, file, cases[begin:position], pieces)
                begin, size, pieces = position, 0, []
            pieces.append(piece)
            size += len(piece)
        yield _suite(session, file, cases[begin:], pieces)


def _suite(session: TestSession, name: str, cases: list[Case], pieces: list[bytes]) -> _Suite:
    statuses = [case.status for case in cases]
    starts = [result.start_time for case in cases for result in (*case.attempts, *case.results)]
    attributes = {
        "name": name,
        "tests": len(cases),
        "errors": statuses.count("error"),
        "failures": statuses.count("failed"),
        "skipped": statuses.count("skipped") + statuses.count("other"),
        "time": _seconds(sum(case.duration for case in cases)),
        "timestamp": min(starts, default=session.session_start_time).isoformat(),
        "hostname": session.testing_system.get("host"),
    }
    code = session.code_state
    facts = {
        "insight.session": session.session_id,
        "insight.sut": session.sut_name,
        "insight.branch": code and code.branch,
        "insight.commit": code and code.commit,
    }
    known = [(name, value) for name, value in facts.items() if value]
    begin = f"<testsuite{_attributes(attributes)}>\n{_properties(known)}\n".encode()
    whole = [begin, *pieces, b"</testsuite>\n"]
    return _Suite(whole, sum(map(len, whole)))


# Test cases -------------------------------------------------------------------------------------


def _element(case: Case) -> bytes:
    worst = case.results[0]
    classname, name = _address(case.nodeid)
    attributes = {
        "classname": classname,
        "name": name,
        "file": case.file,
        "line": line_in(worst, case.file),
        "time": _seconds(case.duration),
    }
    properties: list[tuple[str, object]] = [("insight.nodeid", case.nodeid)]
    properties += [("insight.outcome", str(result.outcome)) for result in case.results]
    properties += [(_own_name(name), value) for r in case.results for name, value in r.properties]
    parts = [_properties(properties), _result(case)]
    again = "rerun" if case.status in BAD else "flaky"
    parts += [_attempt(again, result) for result in case.attempts]
    parts += _output(case.results)
    inside = "\n".join(part for part in parts if part)
    return f"<testcase{_attributes(attributes)}>\n{inside}\n</testcase>\n".encode()


def _address(nodeid: str) -> tuple[str, str]:
    """Return class name and name as pytest writes them; of a file that was not collected its path.

    Dots stand for slashes: programs take a class name for the path of a package.
    """
    path, bracket, parameters = nodeid.partition("[")
    file, *names = path.split("::")
    module = file.removesuffix(".py").replace("/", ".")
    if not names:
        return module, nodeid
    return ".".join([module, *names[:-1]]), names[-1] + bracket + parameters


def _result(case: Case) -> str:
    """Return the one child that says what is wrong; empty if nothing is."""
    notable = [result for result in case.results if status_of(result) != "passed"]
    if not notable:
        return ""
    worst = notable[0]
    if len(notable) == 1:
        text = _text(worst)
    else:
        titles = (f" {result.outcome} in {result.phase or 'call'} " for result in notable)
        text = "\n".join(
            f"{title.center(_WIDTH, '-')}\n{_text(result)}"
            for title, result in zip(titles, notable, strict=True)
        )
    tag = {"error": "error", "failed": "failure"}.get(case.status, "skipped")
    return _tag(tag, _escaped(text), message=_message(worst), type=_type(worst))


def _message(result: TestResult) -> str:
    if result.outcome == TestOutcome.ERROR and result.phase:
        return f'failed on {result.phase} with "{result.message}"'  # as pytest says it
    if status_of(result) == "other":
        return f"{result.outcome}: {result.message}" if result.message else str(result.outcome)
    return result.message


def _text(result: TestResult) -> str:
    text = result.longreprtext or result.message
    place = f"{result.crash}: "
    if status_of(result) == "skipped" and result.crash and place not in text.partition("\n")[0]:
        return place + text  # likewise
    return text


def _type(result: TestResult) -> str:
    status = status_of(result)
    if status in BAD:
        found = _EXCEPTION.match(result.message)
        return found[1] if found else str(result.outcome)
    if result.outcome in _XFAILED:
        return "pytest.xfail"
    return "pytest.skip" if status == "skipped" else f"pytest.{result.outcome}"


def _attempt(again: str, result: TestResult) -> str:
    kind = "Error" if result.phase else "Failure"
    parts = [_tag("stackTrace", _escaped(_text(result))), *_output([result])]
    return _tag(f"{again}{kind}", "".join(parts), message=result.message, type=_type(result))


def _output(results: Iterable[TestResult]) -> Iterator[str]:
    out = err = ""
    for result in results:
        out += _section("Captured Log", result.caplog) + _section("Captured Out", result.capstdout)
        err += _section("Captured Err", result.capstderr)
    if out:
        yield _tag("system-out", _escaped(out))
    if err:
        yield _tag("system-err", _escaped(err))


def _section(title: str, text: str) -> str:
    """Return captured output under the heading that pytest gives it."""
    return f"{f' {title} '.center(_WIDTH, '-')}\n{text}\n" if text else ""


# XML --------------------------------------------------------------------------------------------


def _properties(pairs: Iterable[tuple[str, object]]) -> str:
    inside = "".join(
        f"<property{_attributes({'name': name, 'value': _plain(value)})}/>" for name, value in pairs
    )
    return f"<properties>{inside}</properties>"


def _own_name(name: str) -> str:
    """Return the name of a test's own property: an import would take `insight.` for ours.

    `insight.verdict` is ours, which an export adds to the properties of a result.
    """
    is_kept = not name.startswith("insight.") or name == "insight.verdict"
    return name if is_kept else f"test.{name}"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _tag(name: str, inside: str, **attributes: str) -> str:
    return f"<{name}{_attributes(attributes)}>{inside}</{name}>"


def _attributes(values: dict[str, Any]) -> str:
    return "".join(
        [
            f' {name}="{_IN_ATTRIBUTE.sub(_escape, str(value))}"'
            for name, value in values.items()
            if value is not None
        ]
    )


def _escaped(text: str) -> str:
    return _IN_TEXT.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    """Return the entity for a character, or text in place of one that XML cannot hold."""
    character = found[0]
    code = ord(character)
    return _ENTITIES.get(character) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")


def _seconds(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")
