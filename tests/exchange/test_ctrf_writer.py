"""CTRF reports as they are written: valid by CTRF's own schema, all seven outcomes told."""

from __future__ import annotations

import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, FormatChecker
from msgspec.structs import replace

from pytest_insight.document.codec import checked
from pytest_insight.errors import ExchangeError
from pytest_insight.exchange.read_formats import read_bytes
from pytest_insight.exchange.writers import ctrf
from pytest_insight.models import Source, TestResult, TestSession
from tests.exchange import outcomes
from tests.exchange.outcomes import session

SCHEMA = json.loads(Path(__file__).with_name("ctrf").joinpath("ctrf-schema-0.0.json").read_text())
VALIDATOR = Draft7Validator(SCHEMA, format_checker=FormatChecker())


def written(*sessions: TestSession) -> bytes:
    file = io.BytesIO()
    assert ctrf.write(sessions, file) == 1
    return file.getvalue()


def report(given: TestSession) -> Any:
    """The report on a session, which is valid."""
    document = json.loads(written(given))
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []
    return document


def entries(*results: TestResult) -> list[dict[str, Any]]:
    tests: list[dict[str, Any]] = report(session(*results))["results"]["tests"]
    return tests


def test_the_schema_refuses_what_it_does_not_know() -> None:
    document = report(session(*outcomes.SEVEN))
    document["results"]["tests"][0]["outcome"] = "passed"
    assert not VALIDATOR.is_valid(document)


@pytest.mark.parametrize(
    "given",
    [
        session(*outcomes.EVERYTHING),
        session(),
        TestSession("bare", "shop", outcomes.START),
        session(testing_system={"pytest": 9, "platform": None, "ci": "yes"}),
        session(source=Source("allure")),
    ],
    ids=["everything", "no results", "bare", "odd facts", "imported"],
)
def test_a_report_is_valid_by_the_schema(given: TestSession) -> None:
    report(given)


def test_the_status_is_one_of_five_and_the_raw_status_our_outcome() -> None:
    everything = entries(*outcomes.SEVEN, *outcomes.INVENTED)
    assert {
        each["name"].rpartition("::")[2]: (each["status"], each["rawStatus"]) for each in everything
    } == {
        "test_passed": ("passed", "passed"),
        "b/c]": ("failed", "failed"),
        "test_skipped": ("skipped", "skipped"),
        "test_xfailed": ("skipped", "xfailed"),
        "test_xpassed": ("passed", "xpassed"),
        "test_error": ("failed", "error"),
        "test_flaky": ("passed", "passed"),
        "test_v": ("other", "quarantined"),
    }


def test_the_summary_counts_tests_by_status() -> None:
    assert report(session(*outcomes.SEVEN))["results"]["summary"] == {
        "tests": 7,
        "passed": 3,
        "failed": 2,
        "skipped": 2,
        "pending": 0,
        "other": 0,
        "flaky": 1,
        "suites": 3,
        "start": 1_793_534_400_250,
        "stop": 1_793_534_420_750,
        "duration": 20_500,
    }


def test_attempts_do_not_include_the_final_one() -> None:
    (flaky,) = entries(*outcomes.SEVEN[6:])
    assert (flaky["retries"], flaky["flaky"]) == (2, True)
    assert [each["attempt"] for each in flaky["retryAttempts"]] == [1, 2]
    first = flaky["retryAttempts"][0]
    assert first["status"] == "failed"
    assert first["stdout"] == ["first", ""]
    assert first["extra"]["pytest-insight.result"]["outcome"] == "rerun"
    (failed,) = entries(*outcomes.RERUN_AND_FAILED)
    assert (failed["retries"], failed["flaky"]) == (1, False)
    (once,) = entries(outcomes.SEVEN[0])
    assert "retries" not in once


def test_a_failure_has_message_trace_and_line() -> None:
    (failed,) = entries(*outcomes.OUTPUT)
    assert failed["message"] == outcomes.FAILURE["message"]
    assert failed["trace"] == outcomes.FAILURE["longreprtext"]
    assert "line" not in failed  # it is in another file
    assert entries(outcomes.SEVEN[1])[0]["line"] == 7
    assert failed["threadId"] == "gw1"
    assert failed["stdout"] == ["out & <out>\r", ""]
    kept = failed["extra"]["pytest-insight.result"]
    assert kept["caplog"] == outcomes.OUTPUT[0].caplog
    assert kept["properties"] == [["ticket", "A-1"], ["numbers", [1, 2.5]]]
    assert len(kept["cause"]) == 16


def test_the_exact_time_is_kept_beside_milliseconds() -> None:
    (test,) = entries(outcomes.result("t.py::test_x", "passed", 1, duration=0.0123456))
    assert (test["start"], test["stop"], test["duration"]) == (
        1_793_534_401_250,
        1_793_534_401_262,
        12,
    )
    kept = test["extra"]["pytest-insight.result"]
    assert (kept["start_time"], kept["duration"]) == ("2026-11-01T12:00:01.250500Z", 0.0123456)


def test_a_test_with_several_results_is_the_worst_with_the_others_beside_it() -> None:
    (test,) = entries(*outcomes.FAILED_AND_ERROR)
    assert test["rawStatus"] == "error"
    (other,) = test["extra"]["pytest-insight.also"]
    assert (other["outcome"], other["message"]) == ("failed", outcomes.FAILURE["message"])


def test_the_environment_and_the_run_are_those_of_the_session() -> None:
    document = report(session(*outcomes.SEVEN))
    assert document["runId"] == "77"
    assert document["results"]["environment"] == {
        "appName": "shop",
        "buildId": "77",
        "buildUrl": "https://ci/77",
        "commit": outcomes.COMMIT,
        "branchName": "main",
        "osPlatform": "Linux-6.1.0-x86_64",
        "shardId": "test",
    }
    kept = document["results"]["extra"]["pytest-insight.session"]
    assert kept["session_tags"] == {"ci": "nightly"}
    assert kept["exit_status"] == 1
    passed = report(session(exit_status=0))["results"]["extra"]["pytest-insight.session"]
    assert passed["exit_status"] == 0


def test_without_a_ci_run_the_run_is_the_session() -> None:
    assert report(session(testing_system={}))["runId"] == "shop-20261101-120000-0a1b2c3d"


def test_the_tool_is_pytest_or_the_program_of_an_imported_report() -> None:
    def tool(**fields: Any) -> Any:
        return report(session(**fields))["results"]["tool"]

    assert tool() == {"name": "pytest", "version": "9.2.0"}
    assert tool(testing_system={}) == {"name": "pytest"}
    assert tool(testing_system={}, source=Source("junit", "Gradle 8")) == {"name": "Gradle 8"}


def test_the_id_of_a_report_is_that_of_its_content() -> None:
    first = report(session(*outcomes.SEVEN))["reportId"]
    assert report(session(*outcomes.SEVEN))["reportId"] == first
    assert report(session(*outcomes.SEVEN[:3]))["reportId"] != first
    assert written(session(*outcomes.SEVEN)) == written(session(*outcomes.SEVEN))


def test_several_sessions_are_refused_before_anything_is_written() -> None:
    file = io.BytesIO()
    with pytest.raises(ExchangeError, match=r"several are selected: choose one with --session"):
        ctrf.write([session(), session(session_id="b")], file)
    with pytest.raises(ExchangeError, match="none is selected"):
        ctrf.write([], file)
    assert file.getvalue() == b""


def test_an_import_reads_back_what_was_written() -> None:
    given = checked(session(*outcomes.EVERYTHING))
    content = read_bytes(written(given), "report.ctrf.json")
    (found,) = content.sessions
    assert content.losses == {found.session_id: ()}
    changed = {"session_id": "-", "source": None, "test_results": ()}
    assert replace(found, **changed) == replace(given, **changed)

    def order(result: TestResult) -> tuple[str, datetime]:
        return result.nodeid, result.start_time

    assert sorted(found.test_results, key=order) == sorted(given.test_results, key=order)
