"""On GitHub, a recorded run appends what the history says to the summary of its job."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_insight.reports.markdown import MOST_BYTES
from pytest_insight.storage import JSONStorage
from tests.recording import runs
from tests.recording.runs import insight_lines


@pytest.fixture
def summary(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file of the summary, for a suite with a failure."""
    pytester.makepyfile("def test_good(): pass\ndef test_bad(): assert 4.59 == 4.6")
    path = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    return path


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    """Run pytest as if no test had started it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTEST_CURRENT_TEST")
        return runs.run(pytester, *options)


def test_a_recorded_run_appends_to_the_summary(pytester: pytest.Pytester, summary: Path) -> None:
    summary.write_text("# Mine\n")
    ran = run(pytester, "--insight")
    text = summary.read_text("utf-8")
    assert text.startswith("# Mine\n\n### ❌ <code>")
    assert "1 of 2 tests failed in the last run" in text
    assert "assert 4.59 == 4.6" in text
    assert [line for line in insight_lines(ran) if "GitHub" in line] == []
    run(pytester, "--insight", "-k", "good")
    assert summary.read_text("utf-8").startswith(text)
    assert "### ✅" in summary.read_text("utf-8").removeprefix(text)


def test_the_ini_key_switches_it_off(pytester: pytest.Pytester, summary: Path) -> None:
    pytester.makeini("[pytest]\ninsight_github_summary = false")
    run(pytester, "--insight")
    assert not summary.exists()
    assert JSONStorage().count() == 1


def test_a_run_that_is_not_recorded_writes_no_summary(
    pytester: pytest.Pytester, summary: Path
) -> None:
    run(pytester)
    assert not summary.exists()


def test_a_run_that_a_test_starts_writes_no_summary(
    pytester: pytest.Pytester, summary: Path
) -> None:
    runs.run(pytester, "--insight")
    assert not summary.exists()


def test_a_summary_that_cannot_be_written_is_one_line_and_changes_nothing(
    pytester: pytest.Pytester, summary: Path
) -> None:
    summary.mkdir()
    ran = run(pytester, "--insight")
    assert ran.ret == pytest.ExitCode.TESTS_FAILED
    ran.assert_outcomes(passed=1, failed=1)
    (line,) = (line for line in insight_lines(ran) if "GitHub" in line)
    assert line == (
        f"insight: cannot write the summary of the GitHub job, {summary}: Is a directory"
    )
    assert JSONStorage().count() == 1


def test_all_parts_of_a_summary_together_stay_below_the_limit(
    pytester: pytest.Pytester, summary: Path
) -> None:
    summary.write_text("x" * (MOST_BYTES - 1_000))
    run(pytester, "--insight")
    assert summary.stat().st_size <= MOST_BYTES
    assert "1 more in report.html" in summary.read_text("utf-8")


def test_a_wrong_value_of_the_ini_key_is_a_usage_error(
    pytester: pytest.Pytester, summary: Path
) -> None:
    pytester.makeini("[pytest]\ninsight_github_summary = maybe")
    ran = run(pytester, "--insight")
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    assert "insight_github_summary" in ran.stderr.str()
