"""What one would write by hand for one job, knowing the file: nothing of ours is used here.

The floors do not check what they read, take no lock and recover nothing.
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
    """One result, every field typed."""

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
    """One session, every field typed."""

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
    """Of one result only what a summary of its test needs; times stay texts."""

    nodeid: str
    outcome: Outcome
    start_time: str
    duration: float


class Run(msgspec.Struct):
    """Of one session only the results."""

    test_results: list[Ran]


_PASSED = get_args(Outcome)[0]
_MARK = b'\n{"session_id":'
_START = b'"session_start_time":"'
_END = b"\n]}\n"

_decode_session = msgspec.json.Decoder(Session).decode
_decode_run = msgspec.json.Decoder(Run).decode
_decode_document = msgspec.json.Decoder(Document).decode
_encode = msgspec.json.Encoder().encode


def recent_failures(path: str, days: int) -> list[Result]:
    """Find the sessions by a byte scan, decode those that are new enough, keep what failed."""
    since = datetime.now(UTC) - timedelta(days=days)
    failed: list[Result] = []
    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
        begin = data.find(_MARK)
        while begin >= 0:
            following = data.find(_MARK, begin + 1)
            at = data.find(_START, begin) + len(_START)
            if datetime.fromisoformat(data[at : data.find(b'"', at)].decode()) >= since:
                end = following - len(b",") if following >= 0 else len(data) - len(_END)
                session = _decode_session(data[begin:end])
                failed += [r for r in session.test_results if r.outcome == "failed"]
            begin = following
    return failed


def all_sessions(path: str) -> list[Session]:
    """Read the file and decode it."""
    return _decode_document(Path(path).read_bytes()).sessions


def append(path: str, session: object) -> None:
    """Encode, write over the closing bytes, fsync."""
    with Path(path).open("r+b", buffering=0) as file:
        file.seek(-len(_END), os.SEEK_END)
        file.write(b",\n" + _encode(session) + _END)
        os.fsync(file.fileno())


class Tally:
    """What is noted of one test: durations, the first and the last result, what did not pass."""

    __slots__ = ("durations", "first", "following", "last", "nodeid", "others")

    def __init__(self, first: Ran) -> None:
        self.nodeid = first.nodeid
        self.durations: list[float] = []
        self.first = self.last = first
        self.others: dict[str, int] = {}
        self.following = self

    def summary(self) -> Summary:
        """What they come to; the mean is exact where durations are of whole microseconds."""
        durations = self.durations
        durations.sort()
        count = len(durations)
        counts = dict(self.others)
        if passed := count - sum(counts.values()):
            counts[_PASSED] = passed
        return (
            self.nodeid,
            counts,
            round(sum(durations) * 1e6) / count / 1e6,
            durations[-(-50 * count // 100) - 1],
            durations[-(-95 * count // 100) - 1],
            durations[-1],
            self.first.start_time,
            self.last.start_time,
            self.last.outcome,
        )


Summary = tuple[str, dict[str, int], float, float, float, float, str, str, str]


def by_test(path: str) -> list[Summary]:
    """Decode session by session, and note each result with its test.

    Counts on what a history written by one machine is like: whatever stands later in the file began
    later. A test is looked for where it came last time, behind the one before; that is faster than
    the hash of its name, and faster than patterns over the bytes (1.2 times this).
    """
    tests: dict[str, Tally] = {}
    tally = Tally(Ran("", _PASSED, "", 0.0))
    for data in _sessions(path):
        for each in _decode_run(data).test_results:
            found = tally.following
            if found.nodeid != each.nodeid:
                try:
                    found = tests[each.nodeid]
                except KeyError:
                    found = tests[each.nodeid] = Tally(each)
                tally.following = found
            tally = found
            tally.durations.append(each.duration)
            tally.last = each
            if each.outcome is not _PASSED:
                tally.others[each.outcome] = tally.others.get(each.outcome, 0) + 1
    return [test.summary() for test in tests.values()]


def _sessions(path: str) -> Iterator[bytes]:
    """The bytes of each session, from pieces of the file of 1 MiB."""
    with Path(path).open("rb", buffering=0) as file:
        rest = file.readline()[-1:]
        while data := file.read(1 << 20):
            *whole, rest = (rest + data).split(_MARK)
            for piece in whole:
                if piece:  # all but what stands before the first mark
                    yield _MARK + piece[: -len(b",")]
    yield _MARK + rest[: -len(_END)]


def json_load_and_loop(path: str, days: int) -> int:
    """What most people would write first: the standard library, and dictionaries."""
    since = datetime.now(UTC) - timedelta(days=days)
    with Path(path).open("rb") as file:
        sessions = json.load(file)["sessions"]
    return sum(
        result["outcome"] == "failed"
        for session in sessions
        if datetime.fromisoformat(session["session_start_time"]) >= since
        for result in session["test_results"]
    )
