"""The recorder: pytest's hooks on one side, the journal on the other, one session at the end.

What counts as what is not decided here: it is read from the terminal's counts, which pytest's
closing line is made of, so stored outcomes agree with it, other plugins' included. Without a
terminal the hook that it counts by is asked. Nothing that goes wrong here changes the run: a hook
that fails stops recording, and the end of the run says so.

The hooks that are called for every test are written out, without helpers: a test costs some 40,000
instructions here, and each further call of a function one in a hundred of that.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

import msgspec
import pytest
from msgspec.structs import replace

from pytest_insight.errors import InsightError
from pytest_insight.models import CodeState, TestSession, new_session_id
from pytest_insight.recording.code import CodeProbe
from pytest_insight.recording.entries import VERSION, Ending, Head, Journal, Target
from pytest_insight.recording.environment import testing_system
from pytest_insight.recording.journal import JournalWriter
from pytest_insight.recording.reports import Attempts
from pytest_insight.recording.texts import Texts, environment_secrets
from pytest_insight.storage.base import BaseStorage

P = ParamSpec("P")

MAX_LINES = 3
"""Said of journals at the end of a run."""


class Settings(msgspec.Struct, frozen=True):
    """Everything that was decided before the run starts.

    Attributes:
        storage: where the session is saved at the end.
        target: the same for another process, should this one die.
        journal_folder: where it is written down until then.
        sut_name: the system under test.
        tags: the session's.
        texts: what is kept of texts.
        ours: files and folders of ours that are no code, should they lie in the working tree.
        branch: what the CI service says, empty without one.
    """

    storage: BaseStorage
    target: Target
    journal_folder: Path
    sut_name: str
    tags: dict[str, str]
    texts: Texts
    ours: tuple[Path, ...] = ()
    branch: str = ""


def _harmless(hook: Callable[Concatenate[Recorder, P], None]) -> Callable[..., None]:
    """A hook whose failure ends the recording, not the run."""

    @wraps(hook)
    def run(self: Recorder, *args: P.args, **kwargs: P.kwargs) -> None:
        # A test may fork, and its child may come back from it: only the parent records.
        if self.failure is None and os.getpid() == self.process:
            try:
                hook(self, *args, **kwargs)
            except Exception as exc:  # noqa: BLE001 - whatever it is, the run must go on
                self.failure = exc

    return run


class Recorder:
    """Records one run; registered as a plugin by `plugin.pytest_configure`.

    Attributes:
        process: the ID of the process that records.
        failure: the exception that ended the recording before its time; None while all is well.
    """

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self.process = os.getpid()
        self.failure: Exception | None = None
        self._config = config
        self._settings = settings
        self._code = CodeProbe(config.rootpath, settings.ours, settings.branch)
        # Bound here: a test may patch `time` and `datetime` in every module there is.
        self._clock, self._stopwatch, self._time_at = (
            time.time,
            time.perf_counter,
            datetime.fromtimestamp,
        )
        self._began, self._stopwatch_began = self._clock(), self._stopwatch()
        self._attempts = Attempts(settings.texts, self._clock)
        self._journal: JournalWriter | None = None
        self._getpid = os.getpid
        self._terminal_counts: dict[str, list[Any]] = {}
        self._tests_began = False
        self._last_warned = ""
        self._notes: list[str] = []
        self._problems: list[str] = []

    # What pytest tells ---------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """The run begins."""
        self._start()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins."""
        journal = self._journal
        if journal is None or self.failure is not None or self._getpid() != self.process:
            return
        try:
            if not self._tests_began:
                self._tests_began = True
                self._before_tests()
            journal.running(self._settings.texts.hide_name(nodeid))
        except Exception as exc:  # noqa: BLE001 - whatever it is, the run must go on
            self.failure = exc

    @pytest.hookimpl(trylast=True)  # when the terminal has counted it
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of one test is done."""
        journal = self._journal
        if journal is None or self.failure is not None or self._getpid() != self.process:
            return
        try:
            for result in self._attempts.add(report, self._counted_as(report)):
                journal.result(result)
        except Exception as exc:  # noqa: BLE001 - whatever it is, the run must go on
            self.failure = exc

    @pytest.hookimpl(trylast=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file was collected; errors and skips of whole files count like tests."""
        if not report.passed:
            self._not_collected(report)

    def pytest_warning_recorded(self, nodeid: str) -> None:
        """A warning was recorded; it comes after the test's last report."""
        if nodeid and nodeid != self._last_warned:
            self._warned(nodeid)

    @pytest.hookimpl(wrapper=True, trylast=True)  # inside the terminal's, which prints the summary
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        """The run is over: save the session once every other plugin is done."""
        try:
            return (yield)
        finally:
            self._finish(int(session.exitstatus))  # which other plugins may just have changed

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """One line that says what was saved and where, and one for each problem."""
        if self._config.get_verbosity() >= 0:
            for line in self._notes:
                terminalreporter.write_line(f"insight: {_one_line(line)}")
        for line in self._problems:
            terminalreporter.write_line(f"insight: {_one_line(line)}", yellow=True)

    def pytest_unconfigure(self) -> None:
        """A run that never started leaves nothing behind."""
        if os.getpid() != self.process:
            return
        self._code.close()
        if self._journal is not None:
            self._journal.close(keep=self._journal.results > 0)
            self._journal = None

    # What becomes of it --------------------------------------------------------------------------

    @_harmless
    def _start(self) -> None:
        start = self._time_at(self._began, UTC)
        settings = self._settings
        session = TestSession(
            session_id=new_session_id(settings.sut_name, start),
            sut_name=settings.sut_name,
            session_start_time=start,
            session_tags=settings.tags,
            testing_system=settings.texts.redacted(testing_system(self._config)),
        )
        head = Head(VERSION, session, settings.target)
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        self._terminal_counts = getattr(terminal, "stats", {})
        self._journal = JournalWriter(settings.journal_folder, head)

    def _before_tests(self) -> None:
        self._learn_secrets()
        code = self._hidden(self._code.look())
        if code is not None and self._journal is not None:
            self._journal.code(code)  # should the run die

    def _learn_secrets(self) -> None:
        """What is imported may load some (a .env file). What tests set is their own invention."""
        self._settings.texts.add_secrets(environment_secrets())

    def _hidden(self, code: CodeState | None) -> CodeState | None:
        if code is None or not code.branch:
            return code
        return replace(code, branch=self._settings.texts.hide(code.branch))

    @_harmless
    def _not_collected(self, report: pytest.CollectReport) -> None:
        if self._journal is not None:
            self._learn_secrets()
            outcome = "error" if report.failed else "skipped"
            self._journal.result(self._attempts.not_collected(report, outcome))

    @_harmless
    def _warned(self, nodeid: str) -> None:
        self._last_warned = nodeid
        if self._journal is not None:
            self._journal.warned(self._settings.texts.hide_name(nodeid))

    def _counted_as(self, report: pytest.TestReport) -> str:
        for category, reports in self._terminal_counts.items():
            if reports and reports[-1] is report:
                return category
        # There is no terminal, or none that counts.
        status = self._config.hook.pytest_report_teststatus(report=report, config=self._config)
        # With `-p no:terminal` its default answer is not there either.
        default = report.outcome if report.when == "call" else ""
        return str(status[0] if status else default)

    def _finish(self, exit_status: int) -> None:
        if os.getpid() != self.process:
            return
        self._end(exit_status)
        if self.failure is not None:
            where = f"; what it had is in {self._journal.path}" if self._journal else ""
            kind = type(self.failure).__name__
            self._problems.append(f"recording failed: {kind}: {self.failure}{where}")

    @_harmless
    def _end(self, exit_status: int) -> None:
        journal = self._journal
        if journal is None:
            return
        for result in self._attempts.unfinished():
            journal.result(result)
        if not journal.results and exit_status == pytest.ExitCode.USAGE_ERROR:
            return  # a path that does not exist: nothing was run
        duration = self._stopwatch() - self._stopwatch_began
        ending = Ending(exit_status, duration, self._hidden(self._code.state()))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self._save(journal, journal.end(ending))
        self._problems += [str(warning.message) for warning in caught]

    def _save(self, writer: JournalWriter, journal: Journal) -> None:
        session, storage = journal.session, self._settings.storage
        try:
            with storage:
                storage.save_session(session)
        except InsightError as exc:
            waits = f"it waits in {writer.path} and is brought in by the next recorded run"
            if writer.problem is not None:
                kept = f"only a part of it is in {writer.path}"
                waits = kept if writer.path.exists() else "its results are lost"
            self._problems.append(f"this run was NOT saved: {exc}; {waits}")
            return
        count = len(session.test_results)
        self._notes.append(
            f"saved {count} result{'' if count == 1 else 's'} as {session.session_id} "
            f"in {storage.location}"
        )
        writer.close(keep=False)
        self._journal = None
        self._fold()

    def _fold(self) -> None:
        """Bring in the journals of runs that died."""
        from pytest_insight.recording.folding import fold_journals

        folded = list(fold_journals(self._settings.journal_folder))
        self._notes += _few([f.message for f in folded if f.saved], "more runs that died")
        self._problems += _few([f.message for f in folded if not f.saved], "more such journals")


def _one_line(text: str) -> str:
    return " ".join(text.split("\n"))


def _few(messages: list[str], more: str) -> list[str]:
    """The first of them, and how many more there are: the end of a run is no place for a list."""
    rest = len(messages) - MAX_LINES
    return messages if rest <= 0 else [*messages[:MAX_LINES], f"... and {rest} {more}"]
