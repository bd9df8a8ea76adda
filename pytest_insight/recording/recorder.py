"""The recorder: pytest's hooks on one side, the journal on the other, one session at the end.

What counts as what is not decided here: it is read from the terminal's counts, which pytest's
closing line is made of, so stored outcomes agree with it, other plugins' included. Without a
terminal the hook that it counts by is asked. Nothing that goes wrong here changes the run: a hook
that fails stops recording, and the end of the run says so.

The hooks that are called for every test are written out, without helpers: a test costs some 60,000
instructions (11,000 of them pytest's, for calling us four times), and each further call of a
function one in a hundred of that. What a run can do without is not imported: msgspec and the
records would cost as much as 500 tests.
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

import pytest

from pytest_insight._util.text import cleaned
from pytest_insight.document.fast_writer import Timestamps, head_line, new_session_id
from pytest_insight.document.plain_json import plain_json
from pytest_insight.errors import InsightError
from pytest_insight.recording.attempts import Attempts
from pytest_insight.recording.destination import Destination
from pytest_insight.recording.facts.git import Code, CodeProbe
from pytest_insight.recording.facts.machine import testing_system
from pytest_insight.recording.journal.writer import JournalWriter, journals
from pytest_insight.recording.redaction import Texts, environment_secrets

P = ParamSpec("P")

MAX_LINES = 3
"""Said of journals at the end of a run."""

MAX_PHASES = 3
"""A report may be asked about when its test has had all its phases."""


class Settings:
    """Everything that was decided before the run starts.

    Attributes:
        destination: where the session is saved at the end.
        journal_folder: where it is written down until then.
        sut_name: the system under test.
        tags: the session's.
        texts: what is kept of texts.
        ours: files and folders of ours that are no code, should they lie in the working tree.
        branch: what the CI service says, empty without one.
    """

    def __init__(
        self,
        *,
        destination: Destination,
        journal_folder: Path,
        sut_name: str,
        tags: dict[str, str],
        texts: Texts,
        ours: tuple[Path, ...] = (),
        branch: str = "",
    ) -> None:
        self.destination = destination
        self.journal_folder = journal_folder
        self.sut_name = sut_name
        self.tags = tags
        self.texts = texts
        self.ours = ours
        self.branch = branch


def _harmless(hook: Callable[Concatenate[Recorder, P], None]) -> Callable[..., None]:
    """A hook whose failure ends the recording, not the run."""

    @wraps(hook)
    def run(self: Recorder, *args: P.args, **kwargs: P.kwargs) -> None:
        # A test may fork, and its child may come back from it: only the parent records. The hooks
        # of every test leave that to the journal.
        if self.failure is None and os.getpid() == self.process:
            try:
                hook(self, *args, **kwargs)
            except Exception as exc:  # noqa: BLE001 - whatever it is, the run must go on
                self._fail(exc)

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
        self._clock, self._stopwatch = time.time, time.perf_counter
        self._time_at, self._time = datetime.fromtimestamp, Timestamps().text
        self._began, self._stopwatch_began = self._clock(), self._stopwatch()
        self._attempts = Attempts(settings.texts, self._clock, self._counted_as)
        self._add, self._name_json = self._attempts.add, settings.texts.name_json
        self._journal: JournalWriter | None = None
        self._live: JournalWriter | None = None  # the same, while nothing has failed
        self._fields: dict[str, Any] = {}
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
        journal = self._live
        if journal is None:
            return
        try:
            if not self._tests_began:
                self._tests_began = True
                self._before_tests()
            journal.running(self._name_json(nodeid))
        except Exception as exc:  # noqa: BLE001 - whatever it is, the run must go on
            self._fail(exc)

    @pytest.hookimpl(trylast=True)  # when the terminal has counted it
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of one test is done."""
        journal = self._live
        if journal is None:
            return
        try:
            for line in self._add(report, self._terminal_counts):
                journal.result(line)
        except Exception as exc:  # noqa: BLE001 - whatever it is, the run must go on
            self._fail(exc)

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
            self._journal = self._live = None

    def _fail(self, exc: Exception) -> None:
        self.failure, self._live = exc, None

    # What becomes of it --------------------------------------------------------------------------

    @_harmless
    def _start(self) -> None:
        settings = self._settings
        start = self._time(self._began)
        fields = {
            "session_id": new_session_id(settings.sut_name, self._time_at(self._began, UTC)),
            "sut_name": settings.sut_name,
            "session_start_time": start,
            "session_stop_time": start,
            "session_duration": 0.0,
        }
        if settings.tags:
            fields["session_tags"] = settings.tags
        fields["testing_system"] = settings.texts.redacted(testing_system(self._config))
        self._fields = cleaned(fields)
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        self._terminal_counts = getattr(terminal, "stats", {})
        head = head_line(self._fields, settings.destination.target)
        if journals(settings.journal_folder):
            # Imported now: tests may put something else in the place of datetime, and leave it.
            from pytest_insight.recording.journal import recovery  # noqa: F401
        self._journal = JournalWriter(settings.journal_folder, self._fields["session_id"], head)
        self._live = self._journal

    def _before_tests(self) -> None:
        self._learn_secrets()
        code = self._told(self._code.look())
        if code and self._journal is not None:
            self._journal.code(plain_json(code))  # should the run die

    def _learn_secrets(self) -> None:
        """What is imported may load some (a .env file). What tests set is their own invention."""
        self._settings.texts.add_secrets(environment_secrets())

    def _told(self, code: Code | None) -> Code | None:
        if code and "branch" in code:
            return code | {"branch": self._settings.texts.hide(code["branch"])}
        return code

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
            self._journal.warned(self._settings.texts.name_json(nodeid))

    def _counted_as(self, report: pytest.TestReport) -> str:
        for outcome, reports in self._terminal_counts.items():
            if any(counted is report for counted in reports[: -MAX_PHASES - 1 : -1]):
                return outcome
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
        for line in self._attempts.unfinished():
            journal.result(line)
        if not journal.results and exit_status == pytest.ExitCode.USAGE_ERROR:
            return  # a path that does not exist: nothing was run
        ending = self._ending(exit_status)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self._save(journal, ending)
        self._problems += [str(warning.message) for warning in caught]

    def _ending(self, exit_status: int) -> dict[str, Any]:
        duration = self._stopwatch() - self._stopwatch_began
        ending = {
            "session_stop_time": self._time(self._began + duration),
            "session_duration": duration,
            "exit_status": exit_status,
        }
        code = self._told(self._code.state())
        return ending | ({"code_state": code} if code else {})

    def _save(self, journal: JournalWriter, ending: dict[str, Any]) -> None:
        destination = self._settings.destination
        try:
            count = destination.save(journal, self._fields, ending)
        except InsightError as exc:
            waits = f"it waits in {journal.path} and is brought in by the next recorded run"
            if journal.problem is not None:
                kept = f"only a part of it is in {journal.path}"
                waits = kept if journal.path.exists() else "its results are lost"
            self._problems.append(f"this run was NOT saved: {exc}; {waits}")
            return
        self._notes.append(
            f"saved {count} result{'' if count == 1 else 's'} as {self._fields['session_id']} "
            f"in {destination.location}"
        )
        journal.close(keep=False)
        self._journal = self._live = None
        self._fold()

    def _fold(self) -> None:
        """Bring in the journals of runs that died."""
        folder = self._settings.journal_folder
        if not journals(folder):
            return
        from pytest_insight.recording.journal.recovery import fold_journals

        folded = list(fold_journals(folder))
        self._notes += _few([f.message for f in folded if f.saved], "more runs that died")
        self._problems += _few([f.message for f in folded if not f.saved], "more such journals")


def _one_line(text: str) -> str:
    return " ".join(text.split("\n"))


def _few(messages: list[str], more: str) -> list[str]:
    """The first of them, and how many more there are: the end of a run is no place for a list."""
    rest = len(messages) - MAX_LINES
    return messages if rest <= 0 else [*messages[:MAX_LINES], f"... and {rest} {more}"]
