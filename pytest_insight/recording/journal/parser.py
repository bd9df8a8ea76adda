"""The lines of a journal: what they are, and what they say together; `lines.py` writes them.

    {"journal":1,"session":{...the session's own fields...},"target":...}
    {"code":{...the commit and the branch, as soon as they are known...}}
    {"running":"tests/test_a.py::test_x"}
    {"nodeid":"tests/test_a.py::test_x","outcome":"passed",...}
    {"warned":"tests/test_a.py::test_x"}
    {"ended":{...what is only known at the end...}}

Versions: 1, the first.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from itertools import zip_longest

import msgspec
from msgspec.structs import replace

from pytest_insight.document.codec import UNDECODABLE
from pytest_insight.document.fast_writer import RESULT_MARK, VERSION
from pytest_insight.models import CodeState, TestOutcome, TestResult, TestSession


class Target(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the session is to be saved; enough to do so in another process.

    Attributes:
        storage_type: the type of storage.
        file_path: its file, absolute, or its URL without a password; None for one without either.
        profile: the profile that was chosen, empty where variables described the storage.
    """

    storage_type: str
    file_path: str | None = None
    profile: str = ""


class Ending(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is only known when the run is over."""

    exit_status: int
    session_duration: float
    code_state: CodeState | None = None
    session_stop_time: datetime | None = None


class Head(msgspec.Struct, frozen=True):
    """The first line."""

    journal: int
    session: TestSession
    target: Target


class _Version(msgspec.Struct):
    """As much of the first line as every version has."""

    journal: int


class _Event(msgspec.Struct):
    """Any line that is neither the first nor a result."""

    running: str | None = None
    warned: str | None = None
    code: CodeState | None = None
    ended: Ending | None = None


class Journal(msgspec.Struct, frozen=True):
    """The content of a journal file.

    Attributes:
        target: where its session belongs.
        session: the session with what was finished.
        running: the tests that were running when the process ended, for one that died; one that
            several workers were running is there as often.
        damaged: how many lines are unreadable, other than what a crash or a full disk has cut off.
    """

    target: Target
    session: TestSession
    running: tuple[str, ...] = ()
    damaged: int = 0


_VERSION = msgspec.json.Decoder(_Version)
_HEAD = msgspec.json.Decoder(Head)
_EVENT = msgspec.json.Decoder(_Event)
_RESULT = msgspec.json.Decoder(TestResult)


def parse(data: bytes) -> Journal:
    """Read a journal, complete or cut off anywhere.

    Raises:
        ValueError: not even its first line is complete, or it is of a later version.
    """
    head, lines = _head(data.split(b"\n"))
    found = _Found()
    for line, following in zip_longest(lines, lines[1:]):
        try:
            if line.startswith(RESULT_MARK):
                found.result(_RESULT.decode(line))
            elif line:
                found.event(_EVENT.decode(line))
        except UNDECODABLE:
            # A crash cuts off the last line. A full disk does so in the middle; then the whole line
            # comes next.
            found.damaged += following is not None and not following.startswith(line)
    session = _session(head.session, found)
    running = () if found.ending else tuple(found.running.elements())
    return Journal(head.target, session, running, found.damaged)


def _head(lines: list[bytes]) -> tuple[Head, list[bytes]]:
    """The first line, and the others."""
    first, *others = lines
    if others and others[0].startswith(first):
        first, *others = others  # a full disk cut it off, and it was written once more
    try:
        version = _VERSION.decode(first).journal
        if version > VERSION:  # asked alone, for the rest of the line may have changed
            raise ValueError(
                f"a later pytest-insight wrote it (version {version}; this one reads {VERSION}); "
                "upgrade with pip install --upgrade pytest-insight"
            )
        return _HEAD.decode(first), others
    except UNDECODABLE as exc:
        raise ValueError(f"its first line is not that of a journal: {exc}") from exc


class _Found:
    """What the lines of a journal say."""

    def __init__(self) -> None:
        self.results: list[TestResult] = []
        self.running: Counter[str] = Counter()
        self.warned: set[str] = set()
        self.code: CodeState | None = None
        self.ending: Ending | None = None
        self.damaged = 0
        self._finished: tuple[str, str] | None = None

    def event(self, event: _Event) -> None:
        if event.running:
            self.running[event.running] += 1
            self._finished = None
        if event.warned:
            self.warned.add(event.warned)
        self.code = event.code or self.code
        self.ending = event.ended or self.ending

    def result(self, result: TestResult) -> None:
        """A test's results come together, when it is done: all of them end one run of it.

        After a `rerun`, it runs on. Several workers may be running one nodeid.
        """
        self.results.append(result)
        this = (result.nodeid, result.worker)
        if result.outcome is TestOutcome.RERUN:
            if this == self._finished:  # subtests of that attempt
                self.running[result.nodeid] += 1
            self._finished = None
        elif this != self._finished:
            self._finished = this
            if self.running[result.nodeid] <= 1:
                del self.running[result.nodeid]
            else:
                self.running[result.nodeid] -= 1


def _session(session: TestSession, found: _Found) -> TestSession:
    results, warned, ending = found.results, found.warned, found.ending
    if warned:
        results = [replace(r, has_warning=True) if r.nodeid in warned else r for r in results]
    if ending is not None:
        return replace(
            session,
            exit_status=ending.exit_status,
            session_duration=ending.session_duration,
            session_stop_time=ending.session_stop_time,
            code_state=ending.code_state,
            test_results=tuple(results),
        )
    stop = max([session.session_start_time, *(result.stop_time for result in results)])
    died = [
        TestResult(
            nodeid,
            TestOutcome.ERROR,
            stop,
            longreprtext="the process that ran this test died while it was running",
        )
        for nodeid in found.running.elements()
    ]
    return replace(
        session,
        crashed=True,
        code_state=found.code,
        session_stop_time=stop,
        session_duration=(stop - session.session_start_time).total_seconds(),
        test_results=(*results, *died),
    )
