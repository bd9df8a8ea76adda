"""Code written by hand for one job each, as a lower bound: it uses nothing of pytest-insight.

It does not check what it reads, takes no lock and recovers nothing.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec


class Result(msgspec.Struct, gc=False):
    """A result with all its fields."""

    nodeid: str
    outcome: str
    start_time: datetime
    duration: float = 0.0
    longreprtext: str = ""
    capstdout: str = ""
    capstderr: str = ""
    caplog: str = ""
    has_warning: bool = False
    worker: str = ""
    properties: tuple[tuple[str, Any], ...] = ()


class Session(msgspec.Struct):
    """A session with all its fields."""

    session_id: str
    sut_name: str
    session_start_time: datetime
    session_stop_time: datetime
    session_duration: float
    session_tags: dict[str, str] = {}
    testing_system: dict[str, Any] = {}
    code_state: dict[str, str] | None = None
    exit_status: int | None = None
    test_results: tuple[Result, ...] = ()


class Document(msgspec.Struct):
    """The file."""

    sessions: list[Session]


Outcome = Literal["passed", "failed", "skipped", "xfailed", "xpassed", "rerun", "error"]


class Ran(msgspec.Struct, gc=False):
    """The fields of a result that a summary needs; the time stays a text."""

    nodeid: str
    outcome: Outcome
    start_time: str
    duration: float


class Run(msgspec.Struct):
    """The SUT and the results of a session."""

    sut_name: str
    test_results: list[Ran]


_PASSED = get_args(Outcome)[0]
_MARK = b'\n{"session_id":'
_START = b'"session_start_time":"'
_SEPARATOR = b", "  # of sessions in order, as `history` writes them
_END = b"\n]}\n"

_decode_session = msgspec.json.Decoder(Session).decode
_decode_run = msgspec.json.Decoder(Run).decode
_decode_document = msgspec.json.Decoder(Document).decode
_encode = msgspec.json.Encoder().encode


def recent_failures(path: str, days: int) -> list[Result]:
    """Return the failed results of sessions of the last N days; decode only those sessions."""
    since = datetime.now(UTC) - timedelta(days=days)
    failed: list[Result] = []
    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
        begin = data.find(_MARK)
        while begin >= 0:
            following = data.find(_MARK, begin + 1)
            at = data.find(_START, begin) + len(_START)
            if datetime.fromisoformat(data[at : data.find(b'"', at)].decode()) >= since:
                end = following - len(_SEPARATOR) if following >= 0 else len(data) - len(_END)
                session = _decode_session(data[begin:end])
                failed += [r for r in session.test_results if r.outcome == "failed"]
            begin = following
    return failed


def all_sessions(path: str) -> list[Session]:
    """Return all sessions."""
    return _decode_document(Path(path).read_bytes()).sessions


def append(path: str, session: object) -> None:
    """Append a session: overwrite the closing bytes, then fsync."""
    with Path(path).open("r+b", buffering=0) as file:
        file.seek(-len(_END), os.SEEK_END)
        file.write(_SEPARATOR + b"\n" + _encode(session) + _END)
        os.fsync(file.fileno())


class Tally:
    """Adds up the results of one test: durations, first and last result, other outcomes."""

    __slots__ = ("durations", "first", "last", "nodeid", "others", "sut_name")

    def __init__(self, sut_name: str, first: Ran) -> None:
        self.nodeid = first.nodeid
        self.sut_name = sut_name
        self.durations: list[float] = []
        self.first = self.last = first
        self.others: dict[str, int] = {}

    def summary(self) -> Summary:
        """Return the summary; the mean is exact for durations in whole microseconds."""
        durations = self.durations
        durations.sort()
        count = len(durations)
        counts = dict(self.others)
        if passed := count - sum(counts.values()):
            counts[_PASSED] = passed
        return (
            self.nodeid,
            self.sut_name,
            counts,
            round(sum(durations) * 1e6) / count / 1e6,
            durations[-(-50 * count // 100) - 1],
            durations[-(-95 * count // 100) - 1],
            durations[-1],
            self.first.start_time,
            self.last.start_time,
            self.last.outcome,
        )


Summary = tuple[str, str, dict[str, int], float, float, float, float, str, str, str]


def by_test(path: str) -> list[Summary]:
    """Decode session by session and add each result to its test, which is one of a SUT.

    Relies on a history written by one machine: sessions are in the order of their start.
    """
    suts: dict[str, dict[str, Tally]] = {}
    for data in _sessions(path):
        run = _decode_run(data)
        tests = suts.setdefault(run.sut_name, {})
        for each in run.test_results:
            tally = tests.get(each.nodeid)
            if tally is None:
                tally = tests[each.nodeid] = Tally(run.sut_name, each)
            tally.durations.append(each.duration)
            tally.last = each
            if each.outcome is not _PASSED:
                tally.others[each.outcome] = tally.others.get(each.outcome, 0) + 1
    return [test.summary() for tests in suts.values() for test in tests.values()]


def _sessions(path: str) -> Iterator[bytes]:
    """Yield the bytes of each session, reading 1 MiB at a time."""
    with Path(path).open("rb", buffering=0) as file:
        rest = file.readline()[-1:]
        while data := file.read(1 << 20):
            *whole, rest = (rest + data).split(_MARK)
            for piece in whole:
                if piece:  # empty before the first mark
                    yield _MARK + piece[: -len(_SEPARATOR)]
    yield _MARK + rest[: -len(_END)]


def json_load_and_loop(path: str, days: int) -> int:
    """Count recent failures with the standard library and dictionaries, the obvious way."""
    since = datetime.now(UTC) - timedelta(days=days)
    with Path(path).open("rb") as file:
        sessions = json.load(file)["sessions"]
    return sum(
        result["outcome"] == "failed"
        for session in sessions
        if datetime.fromisoformat(session["session_start_time"]) >= since
        for result in session["test_results"]
    )
