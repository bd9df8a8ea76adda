"""Parse journals, complete or cut off anywhere.

    {"journal":2,"session":{...fields known at the start...},"target":{...a profile...}}
    {"code":{...commit and branch, as soon as they are known...}}
    {"counts":{"collected":12,"deselected":3}}
    {"running":"tests/test_a.py::test_x"}
    {"nodeid":"tests/test_a.py::test_x","outcome":"passed",...}
    {"warned":"tests/test_a.py::test_x"}
    {"ended":{...fields known only at the end...}}

`document.fast_writer` writes the lines, and has their version.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from itertools import zip_longest

import msgspec
from msgspec.structs import replace

from pytest_insight._util.report_text import DIED
from pytest_insight.document.codec import UNDECODABLE
from pytest_insight.document.fast_writer import JOURNAL_VERSION, RESULT_MARK
from pytest_insight.models import CodeState, RecordedWarning, TestOutcome, TestResult, TestSession
from pytest_insight.profiles.profile import StorageProfile


class Journal(msgspec.Struct, frozen=True):
    """The content of a journal.

    Attributes:
        profile: the storage that the session belongs in; a URL has no password.
        session: the session with its finished tests.
        running: the tests that were running when the process died, once for each xdist worker that
            ran it.
        damaged: the number of unreadable lines, without those cut off by a crash or a full disk.
    """

    profile: StorageProfile
    session: TestSession
    running: tuple[str, ...] = ()
    damaged: int = 0


class _Target(msgspec.Struct):
    storage_type: str
    file_path: str | None = None
    profile: str = ""


class _Head(msgspec.Struct):
    """The first line."""

    session: TestSession
    target: _Target


class _Version(msgspec.Struct):
    """The part of the first line that is the same in every version."""

    journal: int


class _Counts(msgspec.Struct):
    collected: int | None = None
    deselected: int | None = None


class _Ending(_Counts, kw_only=True):
    exit_status: int
    session_duration: float
    code_state: CodeState | None = None
    session_stop_time: datetime | None = None
    warnings: tuple[RecordedWarning, ...] = ()


class _Event(msgspec.Struct):
    """A line that is neither the first nor a result."""

    running: str | None = None
    warned: str | None = None
    code: CodeState | None = None
    counts: _Counts | None = None
    ended: _Ending | None = None


_VERSION = msgspec.json.Decoder(_Version)
_HEAD = msgspec.json.Decoder(_Head)
_EVENT = msgspec.json.Decoder(_Event)
_RESULT = msgspec.json.Decoder(TestResult)


def parse(data: bytes) -> Journal:
    """Parse a journal.

    Raises:
        ValueError: its first line is incomplete, or of a later version.
    """
    head, lines = _parse_head(data.split(b"\n"))
    found = _Lines()
    for line, next_line in zip_longest(lines, lines[1:]):
        try:
            if line.startswith(RESULT_MARK):
                found.add_result(_RESULT.decode(line))
            elif line:
                found.add_event(_EVENT.decode(line))
        except UNDECODABLE:
            # A crash cuts off the last line. A full disk cuts off a line in the middle, and the
            # whole line follows.
            found.damaged += next_line is not None and not next_line.startswith(line)
    target = head.target
    return Journal(
        StorageProfile(target.profile, target.storage_type, target.file_path),
        found.session(head.session),
        () if found.ending else tuple(found.running.elements()),
        found.damaged,
    )


def _parse_head(lines: list[bytes]) -> tuple[_Head, list[bytes]]:
    """Return the first line and the others."""
    first, *others = lines
    if others and others[0].startswith(first):
        first, *others = others  # cut off by a full disk and written again
    try:
        version = _VERSION.decode(first).journal
        if version > JOURNAL_VERSION:  # before decoding the rest, which may have changed
            raise ValueError(
                f"a newer pytest-insight wrote it (version {version}, this one reads "
                f"{JOURNAL_VERSION}); upgrade with: pip install --upgrade pytest-insight"
            )
        return _HEAD.decode(first), others
    except UNDECODABLE as exc:
        raise ValueError(f"its first line is not that of a journal: {exc}") from exc


class _Lines:
    """What the lines after the first say."""

    def __init__(self) -> None:
        self.results: list[TestResult] = []
        self.running: Counter[str] = Counter()
        self.warned: set[str] = set()
        self.code: CodeState | None = None
        self.counts = _Counts()
        self.ending: _Ending | None = None
        self.damaged = 0
        self._finished: tuple[str, str] | None = None

    def add_event(self, event: _Event) -> None:
        if event.running:
            self.running[event.running] += 1
            self._finished = None
        if event.warned:
            self.warned.add(event.warned)
        self.code = event.code or self.code
        self.counts = event.counts or self.counts
        self.ending = event.ended or self.ending

    def add_result(self, result: TestResult) -> None:
        """Add a result; it ends one run of its test.

        All results of one run of a test are written together. After a `rerun` the test runs again.
        Several workers may run one nodeid.
        """
        self.results.append(result)
        this = (result.nodeid, result.worker)
        if result.outcome is TestOutcome.RERUN:
            if this == self._finished:  # by the results of subtests of the same attempt
                self.running[result.nodeid] += 1
            self._finished = None
        elif this != self._finished:
            self._finished = this
            name = result.nodeid
            if name not in self.running and "::" in name and len(self.running) == 1:
                (name,) = self.running  # a conftest has renamed the report
            if self.running[name] <= 1:
                del self.running[name]
            else:
                self.running[name] -= 1

    def session(self, session: TestSession) -> TestSession:
        """Return the session of the first line with everything that the other lines add."""
        results = self.results
        if self.warned:
            results = [
                replace(r, has_warning=True) if r.nodeid in self.warned else r for r in results
            ]
        if self.ending is not None:
            return replace(
                session,
                exit_status=self.ending.exit_status,
                session_duration=self.ending.session_duration,
                session_stop_time=self.ending.session_stop_time,
                code_state=self.ending.code_state,
                collected=self.ending.collected,
                deselected=self.ending.deselected,
                warnings=self.ending.warnings,
                test_results=tuple(results),
            )
        stop = max([session.session_start_time, *(result.stop_time for result in results)])
        died = [
            TestResult(
                nodeid,
                TestOutcome.ERROR,
                stop,
                longreprtext=DIED,
            )
            for nodeid in self.running.elements()
        ]
        return replace(
            session,
            crashed=True,
            code_state=self.code,
            collected=self.counts.collected,
            deselected=self.counts.deselected,
            session_stop_time=stop,
            session_duration=(stop - session.session_start_time).total_seconds(),
            test_results=(*results, *died),
        )
