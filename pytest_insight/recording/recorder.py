"""The recorder: from pytest's hooks to a journal, and from the journal to a stored session.

The outcomes are read from the terminal's counts, from which pytest makes its closing line, so they
agree with it, with other plugins too. Without a terminal, the recorder calls the hook that the
terminal counts by. No error here changes the run: a hook that fails ends the recording, and the
summary reports it.

The hooks called for each test avoid helper functions: recording a test takes 67,000 instructions,
11,000 of them in pytest for calling four hooks, and one more function call about 1 % of that.
Modules that most runs do not need are not imported: msgspec and the records would take as many
instructions as 500 tests. Our own modules count, too: pytest imports those of a plugin through its
rewriting of assertions, which takes three times the instructions of an ordinary import.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

import pytest

from pytest_insight._util.files import os_error_text
from pytest_insight._util.storable import storable_value
from pytest_insight.document.fast_writer import (
    Timestamps,
    encode_head,
    encode_value,
    new_session_id,
)
from pytest_insight.errors import InsightError
from pytest_insight.locations import HOME_VARIABLE
from pytest_insight.recording.attempts import Attempts
from pytest_insight.recording.facts.git import Code, GitProbe
from pytest_insight.recording.facts.machine import testing_system
from pytest_insight.recording.facts.run import RunFacts
from pytest_insight.recording.journal.writer import JournalWriter, journals, target_fields
from pytest_insight.recording.messages import Messages
from pytest_insight.recording.nodeid import name_encoder
from pytest_insight.recording.outcomes import Outcomes
from pytest_insight.recording.reasons import Reasons
from pytest_insight.recording.secrets import receive_from_worker
from pytest_insight.recording.settings import OFF, Settings

if TYPE_CHECKING:
    from pathlib import Path

P = ParamSpec("P")

MAX_LINES = 3
"""Lines printed about journals at the end of a run."""


def _guarded(hook: Callable[Concatenate[Recorder, P], None]) -> Callable[..., None]:
    """Return a hook whose exceptions end the recording, not the run."""

    @wraps(hook)
    def run(self: Recorder, *args: P.args, **kwargs: P.kwargs) -> None:
        # A test may fork and its child return from the test: only the parent records. The hooks
        # called for each test leave this check to the journal.
        if self.failure is None and os.getpid() == self.process:
            try:
                hook(self, *args, **kwargs)
            except Exception as exc:  # noqa: BLE001 - an error must not end the run
                self._fail(exc)

    return run


class Recorder:
    """Records one run; registered as a plugin by `plugin.pytest_configure`.

    Attributes:
        process: the ID of the process that records.
        failure: the exception that ended the recording early, or None.
    """

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self.process = os.getpid()
        self.failure: Exception | None = None
        self._config = config
        self._settings = settings
        branch, commit = (settings.ci.get(name, "") for name in ("branch", "commit"))
        self._code = GitProbe(config.rootpath, settings.own_paths, branch, commit)
        # Bound here: tests may patch `time` and `datetime` in all modules.
        self._stopwatch = time.perf_counter
        self._time_at, self._time = datetime.fromtimestamp, Timestamps().text
        self._began, self._stopwatch_began = time.time(), self._stopwatch()
        self._encode_name = name_encoder(config, settings.texts)
        self._outcomes = Outcomes(config)
        self._facts = RunFacts(config, settings.texts)
        config.pluginmanager.register(self._facts)
        self._attempts = Attempts(
            settings.texts,
            Reasons(settings.texts, config.rootpath, config.invocation_params.dir),
            self._now,
            self._encode_name,
            self._outcomes.counted_as,
        )
        self._add = self._attempts.add
        self._journal: JournalWriter | None = None
        self._live: JournalWriter | None = None  # the same until something fails
        self._fields: dict[str, Any] = {}
        self._terminal_counts = self._outcomes.terminal_counts
        self._tests_began = False
        self._last_warned = ""
        self._messages = Messages()
        config.pluginmanager.register(self._messages)

    # Hooks ---------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Begin the journal."""
        self._start()

    @pytest.hookimpl(optionalhook=True)  # of xdist
    @_guarded
    def pytest_configure_node(self, node: Any) -> None:
        """Hide the secrets that a worker finds too."""
        receive_from_worker(node, self._settings.texts.add_secrets)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Write down that a test begins."""
        journal = self._live
        if journal is None:
            return
        try:
            if not self._tests_began:
                self._tests_began = True
                self._before_tests()
            journal.running(self._encode_name(nodeid))
        except Exception as exc:  # noqa: BLE001 - an error must not end the run
            self._fail(exc)

    @pytest.hookimpl(trylast=True)  # after the terminal has counted the report
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write down the results of a test after its last phase."""
        journal = self._live
        if journal is None:
            return
        try:
            for line in self._add(report, self._terminal_counts):
                journal.result(line)
        except Exception as exc:  # noqa: BLE001 - an error must not end the run
            self._fail(exc)

    @pytest.hookimpl(trylast=True)  # after plugins that change the text of the failure
    def pytest_exception_interact(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        """Write down the failure as other plugins changed it; called after its report."""
        self._read_text_again(report)

    @pytest.hookimpl(trylast=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Write down a file that was skipped or could not be collected; it counts like a test."""
        if not report.passed:
            self._not_collected(report)

    @_guarded
    def pytest_warning_recorded(
        self, warning_message: warnings.WarningMessage, nodeid: str
    ) -> None:
        """Write down a warning, and that a test had one; called after the test's last report."""
        self._facts.add_warning(warning_message)
        if nodeid and nodeid != self._last_warned:
            self._last_warned = nodeid
            if self._journal is not None:
                self._journal.warned(self._encode_name(nodeid))

    @pytest.hookimpl(wrapper=True, trylast=True)  # inside the terminal's, which prints the summary
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        """Save the session after all other plugins are done."""
        try:
            return (yield)
        finally:
            self._finish(int(session.exitstatus))  # which another plugin may just have changed

    def pytest_unconfigure(self) -> None:
        """Delete the journal of a run that never started."""
        if os.getpid() != self.process:
            return
        self._code.close()
        if self._journal is not None:
            self._journal.close(keep=self._journal.results > 0)
            self._journal = self._live = None

    def _now(self) -> float:
        """Return the time in seconds since 1970, whatever becomes of the clock during the run.

        Tests may set it (time-machine changes even references to `time.time`), and so may the
        machine.
        """
        return self._began + (self._stopwatch() - self._stopwatch_began)

    def _fail(self, exc: Exception) -> None:
        self.failure, self._live = exc, None

    # The start -----------------------------------------------------------------------------------

    @_guarded
    def _start(self) -> None:
        settings = self._settings
        start = self._time(self._began)
        fields = {
            "session_id": new_session_id(
                settings.sut_name, self._time_at(self._began, UTC), settings.origin
            ),
            "sut_name": settings.sut_name,
            "session_start_time": start,
            "session_stop_time": start,
            "session_duration": 0.0,
        }
        if settings.tags:
            fields["session_tags"] = settings.tags
        fields["testing_system"] = settings.texts.redact(testing_system(self._config, settings.ci))
        if arguments := self._facts.arguments():
            fields["arguments"] = arguments
        self._fields = storable_value(fields)
        self._terminal_counts = self._outcomes.find_terminal()
        head = encode_head(self._fields, target_fields(settings.profile))
        if any(map(journals, settings.journal_folders)):
            # Imported now: tests may replace `datetime` and not restore it.
            from pytest_insight.recording.journal import recovery  # noqa: F401
        folder = settings.journal_folders[0]
        self._journal = JournalWriter(folder, self._fields["session_id"], head)
        self._live = self._journal
        if self._journal.problem is not None:
            self._warn_of(self._journal, self._journal.problem)

    def _warn_of(self, journal: JournalWriter, problem: OSError) -> None:
        """Say at the start of the run what a crash would cost, or that it cannot be saved."""
        self._messages.header = "a crash of this run would lose its results"
        try:
            self._settings.destination.check_writable()
        except InsightError as exc:
            self._messages.header = f"this run will NOT be saved: {exc}"
        self._messages.header += (
            f"; cannot write its journal {journal.path}: {os_error_text(problem)}; "
            f"set {HOME_VARIABLE} to a folder that you can write to"
        )

    def _before_tests(self) -> None:
        code = self._redacted(self._code.look())
        if self._journal is None:
            return
        if code:
            self._journal.code(encode_value(code))  # for recovery, if the run dies
        if counts := self._facts.counts():
            self._journal.counts(encode_value(counts))  # likewise

    def _redacted(self, code: Code | None) -> Code | None:
        if code and "branch" in code:
            return code | {"branch": self._settings.texts.hide(code["branch"])}
        return code

    # During the run ------------------------------------------------------------------------------

    @_guarded
    def _not_collected(self, report: pytest.CollectReport) -> None:
        if self._journal is not None:
            outcome = "error" if report.failed else "skipped"
            self._journal.result(self._attempts.not_collected(report, outcome))

    @_guarded
    def _read_text_again(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if self._journal is not None:
            for line in self._attempts.read_text_again(report):
                self._journal.result(line)

    # The end -------------------------------------------------------------------------------------

    def _finish(self, exit_status: int) -> None:
        if os.getpid() != self.process:
            return
        self._end(exit_status)
        if self.failure is not None:
            journal = self._journal
            where = f"; the results so far are in {journal.path}" if journal else ""
            kind = type(self.failure).__name__
            self._messages.problems.append(f"recording failed: {kind}: {self.failure}{where}")

    @_guarded
    def _end(self, exit_status: int) -> None:
        journal = self._journal
        if journal is None:
            return
        for line in self._attempts.finish():
            journal.result(line)
        if not journal.results and exit_status == pytest.ExitCode.USAGE_ERROR:
            return  # a path that does not exist: nothing was run
        ending = self._ending(exit_status)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self._ask_history(journal, ending)
            self._save(journal, ending)
        # A damaged store is read several times, and each read warns.
        self._messages.problems += dict.fromkeys(str(warning.message) for warning in caught)

    def _ending(self, exit_status: int) -> dict[str, Any]:
        duration = self._stopwatch() - self._stopwatch_began
        ending = {
            "session_stop_time": self._time(self._began + duration),
            "session_duration": duration,
            "exit_status": exit_status,
            **self._facts.counts(),
        }
        if found := self._facts.warnings():
            ending["warnings"] = storable_value(found)
        code = self._redacted(self._code.state())
        if self._code.refusal:
            commit = "that of the CI service" if code and "commit" in code else "unknown"
            self._messages.notes.append(f"{self._code.refusal}: the commit of this run is {commit}")
        return ending | ({"code_state": code} if code else {})

    def _ask_history(self, journal: JournalWriter, ending: dict[str, Any]) -> None:
        """Find out what the history says of the failures, before this run is a part of it."""
        settings, counts = self._settings, self._terminal_counts
        if settings.verdicts == OFF or not (counts.get("failed") or counts.get("error")):
            return
        try:
            from pytest_insight.recording.verdicts.report import verdict_lines

            lines = verdict_lines(
                settings.destination.storage,
                journal.lines(),
                self._fields | ending,
                settings.verdicts,
                settings.cause_masks,
                self._config.rootpath,
                self._stopwatch,
            )
        except InsightError:
            return  # the store cannot be read: saving says so
        except Exception as exc:  # noqa: BLE001 - an error must not keep the run from being saved
            problem = f"the history could not be asked: {type(exc).__name__}: {exc}"
            self._messages.problems.append(problem)
            return
        if lines is not None:
            self._config.pluginmanager.register(lines)

    def _save(self, journal: JournalWriter, ending: dict[str, Any]) -> None:
        settings, destination = self._settings, self._settings.destination
        try:
            name, count = destination.save(journal, self._fields, ending)
        except InsightError as exc:
            rest = f"the next recorded run recovers it from {journal.path}"
            if journal.problem is not None:
                partly = f"only a part of it is in {journal.path}"
                rest = partly if journal.path.exists() else "its results are lost"
            self._messages.problems.append(f"this run was NOT saved: {exc}; {rest}")
            return
        self._messages.notes.append(
            f"saved {count} result{'' if count == 1 else 's'} as {name} in {destination.location}"
        )
        if count < journal.results:
            self._messages.problems.append(
                f"{journal.results - count} of {journal.results} results were lost: a test deleted "
                f"or changed the journal {journal.path}"
            )
        journal.close(keep=False)
        self._journal = self._live = None
        self._recover()
        if settings.step_summary is not None:
            self._append_summary(settings.step_summary, count)

    def _append_summary(self, path: Path, results: int) -> None:
        try:
            from pytest_insight.recording.github_summary import append_summary

            settings = self._settings
            append_summary(path, settings.destination.storage(), settings.sut_name, results)
        except Exception as exc:  # noqa: BLE001 - an error must not change the run
            problem = f"cannot write the summary of the GitHub job, {path}: "
            kind = "" if isinstance(exc, OSError | InsightError) else f"{type(exc).__name__}: "
            what = os_error_text(exc) if isinstance(exc, OSError) else str(exc)
            self._messages.problems.append(f"{problem}{kind}{what}")

    def _recover(self) -> None:
        """Recover the journals of crashed runs."""
        folders = [each for each in self._settings.journal_folders if each.is_dir()]
        if not any(map(journals, folders)):
            return
        from pytest_insight.recording.journal.recovery import recover_journals

        found = list(recover_journals(*folders, used=self._settings.profile))
        self._messages.notes += _first([r.message for r in found if r.saved], "more crashed runs")
        self._messages.problems += _first(
            [r.message for r in found if not r.saved], "more journals"
        )


def _first(messages: list[str], more: str) -> list[str]:
    """Return the first messages and the number of the others: the summary must stay short."""
    rest = len(messages) - MAX_LINES
    return messages if rest <= 0 else [*messages[:MAX_LINES], f"... and {rest} {more}"]
