"""The recorder: pytest's hooks on one side, `TestResult`s on the other, one session at the end.

What counts as what is not decided here: each report is put to `pytest_report_teststatus`, the hook
that pytest's closing line counts by, so stored outcomes agree with it, other plugins' included.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from pytest_insight.errors import InsightError
from pytest_insight.models import TestResult, TestSession, new_session_id
from pytest_insight.recording.environment import CodeProbe, testing_system
from pytest_insight.recording.reports import Attempts, collection_result
from pytest_insight.storage.base import BaseStorage

Report = pytest.TestReport | pytest.CollectReport


class Recorder:
    """Records one run; registered as a plugin by `plugin.pytest_configure`."""

    def __init__(
        self,
        config: pytest.Config,
        *,
        storage: BaseStorage,
        sut_name: str,
        tags: dict[str, str],
        code: CodeProbe,
    ) -> None:
        self._config = config
        self._storage = storage
        self._sut_name = sut_name
        self._tags = tags
        self._code = code
        # Bound now: tests patch time.time and datetime.
        self._stopwatch = time.perf_counter
        self._started_at = datetime.now(UTC)
        self._stopwatch_start = self._stopwatch()
        self._results: list[TestResult] = []
        self._attempts = Attempts()
        self._warned: set[str] = set()
        self._summary: list[str] = []

    # What pytest tells ---------------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of one test is done."""
        outcome = self._counted_as(report)
        self._results += self._attempts.add(report, outcome)

    @pytest.hookimpl(trylast=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file was collected; errors and skips of whole files count like tests."""
        if not report.passed:
            outcome = "error" if report.failed else "skipped"
            self._results.append(collection_result(report, outcome, datetime.now(UTC)))

    def pytest_warning_recorded(self, nodeid: str) -> None:
        """A warning was recorded; it comes after the test's last report."""
        if nodeid:
            self._warned.add(nodeid)

    @pytest.hookimpl(wrapper=True, trylast=True)  # inside the terminal's, which prints the summary
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        """The run is over: save the session once every other plugin is done."""
        try:
            return (yield)
        finally:
            self._finish(int(session.exitstatus))  # which other plugins may just have changed

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say what was saved and where."""
        for line in self._summary:
            terminalreporter.write_line(line)

    # What becomes of it --------------------------------------------------------------------------

    def _counted_as(self, report: pytest.TestReport) -> str:
        status = self._config.hook.pytest_report_teststatus(report=report, config=self._config)
        return str(status[0]) if status else ""

    def _finish(self, exit_status: int) -> None:
        self._results += self._attempts.unfinished()
        if not self._results and exit_status == pytest.ExitCode.USAGE_ERROR:
            return
        session = self._session(exit_status)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                self._storage.save_session(session)
            except InsightError as exc:
                self._summary.append(f"insight: this run was NOT saved: {exc}")
            else:
                count = len(session.test_results)
                self._summary.append(
                    f"insight: saved {count} result{'' if count == 1 else 's'} as "
                    f"{session.session_id} in {self._storage.location}"
                )
        self._summary += [f"insight: {warning.message}" for warning in caught]

    def _session(self, exit_status: int) -> TestSession:
        return TestSession(
            session_id=new_session_id(self._sut_name, self._started_at),
            sut_name=self._sut_name,
            session_start_time=self._started_at,
            session_duration=self._stopwatch() - self._stopwatch_start,
            session_tags=self._tags,
            testing_system=testing_system(self._config),
            code_state=self._code.state(),
            exit_status=exit_status,
            test_results=tuple(self._with_warnings()),
        )

    def _with_warnings(self) -> Iterator[TestResult]:
        from msgspec.structs import replace

        for result in self._results:
            warned = result.nodeid in self._warned
            yield replace(result, has_warning=True) if warned else result
