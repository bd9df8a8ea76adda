"""Reports of pytest-json-report: what they tell of a test, and what they do not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from pytest_insight.errors import ExchangeError
from pytest_insight.exchange.losses import FoundLoss, Loss
from pytest_insight.exchange.options import ReadOptions
from pytest_insight.exchange.read_formats import read_bytes
from pytest_insight.models import TestResult, TestSession

NESTED = b"[" * 200_000 + b"]" * 200_000
END = 1_795_813_249.0


def stage(outcome: str = "passed", /, **fields: Any) -> dict[str, Any]:
    return {"duration": 0.25, "outcome": outcome, **fields}


def a_test(outcome: str = "passed", /, **stages: Any) -> dict[str, Any]:
    whole = {"setup": stage(), "call": stage(), "teardown": stage(), **stages}
    return {"nodeid": "t.py::test_a", "lineno": 3, "keywords": ["x"], "outcome": outcome, **whole}


def report(*tests: dict[str, Any], **fields: Any) -> bytes:
    head = {"created": END, "duration": 10.0, "exitcode": 1, "root": "/ci/shop"}
    return json.dumps({**head, "summary": {"total": 1}, "tests": tests, **fields}).encode()


def read(data: bytes) -> tuple[TestSession, dict[Loss, FoundLoss]]:
    content = read_bytes(data, "report.json", None, ReadOptions(sut="shop"))
    (session,) = content.sessions
    return session, {loss.kind: loss for loss in content.losses[session.session_id]}


def results(*tests: dict[str, Any]) -> tuple[TestResult, ...]:
    return read(report(*tests))[0].test_results


def test_created_is_the_end_of_the_run() -> None:
    session, losses = read(report(a_test()))
    assert session.session_stop_time == datetime.fromtimestamp(END, UTC)
    assert session.session_start_time == datetime.fromtimestamp(END - 10, UTC)
    assert session.test_results[0].start_time == session.session_start_time
    assert losses[Loss.NO_START_TIMES].count is None
    assert session.test_results[0].duration == 0.75


def test_the_outcome_rerun_is_a_pass_after_attempts_of_which_nothing_is_known() -> None:
    session, losses = read(report(a_test("rerun")))
    assert [str(each.outcome) for each in session.test_results] == ["rerun", "passed"]
    assert losses[Loss.NO_ATTEMPT_TEXT] == FoundLoss(Loss.NO_ATTEMPT_TEXT, 1, "t.py::test_a")
    assert losses[Loss.NO_ATTEMPTS].count is None


def test_a_call_that_fails_and_a_teardown_that_fails_are_two_results() -> None:
    crash = {"path": "/ci/shop/t.py", "lineno": 7, "message": "assert 0"}
    both = a_test("error", call=stage("failed", crash=crash), teardown=stage("failed"))
    call, teardown = results(both)
    assert (call.outcome, call.message, call.crash) == ("failed", "assert 0", "t.py:7")
    assert (teardown.outcome, teardown.phase) == ("error", "teardown")
    passed, error = results(a_test("error", teardown=stage("failed")))
    assert (passed.outcome, error.outcome) == ("passed", "error")


def test_skips_and_expected_failures_are_told_apart_by_the_test() -> None:
    skip = "('/ci/shop/t.py', 5, \"Skipped: it's late\")"
    (skipped,) = results(a_test("skipped", call=stage("skipped", longrepr=skip)))
    assert (skipped.outcome, skipped.message) == ("skipped", "it's late")
    assert skipped.crash == "t.py:5"
    (xfailed,) = results(a_test("xfailed", call=stage("skipped", longrepr="E   assert 0")))
    assert (xfailed.outcome, xfailed.message) == ("xfailed", "assert 0")
    assert [str(each.outcome) for each in results(a_test("xpassed"))] == ["xpassed"]


def test_a_crashed_worker_is_a_stage_without_a_name() -> None:
    line = "[gw1] linux -- Python 3.11.7 /usr/bin/python\n"
    crash = stage("failed", duration=0, longrepr=f"{line}worker 'gw1' crashed while running 'x'")
    dead = {"nodeid": "t.py::test_a", "outcome": "failed", "???": crash}
    (result,) = results(dead)
    assert (result.outcome, result.phase) == ("failed", "")
    assert result.message == "worker 'gw1' crashed while running 'x'"


def test_files_that_were_not_collected_are_among_the_collectors() -> None:
    collectors = [
        {"nodeid": "", "outcome": "passed", "result": []},
        {"nodeid": "b.py", "outcome": "failed", "longrepr": "E   ImportError: no"},
        {"nodeid": "s.py", "outcome": "skipped", "longrepr": "('/ci/shop/s.py', 2, 'Skipped: no')"},
    ]
    session, losses = read(report(collectors=collectors))
    found = [(each.nodeid, each.outcome, each.message) for each in session.test_results]
    assert found == [("b.py", "error", "ImportError: no"), ("s.py", "skipped", "no")]
    assert Loss.NO_COLLECTION_ERRORS not in losses
    assert Loss.NO_COLLECTION_ERRORS in read(report(a_test()))[1]


def test_output_and_log_records_are_texts_of_their_result() -> None:
    record = {"levelname": "WARNING", "name": "shop", "filename": "t.py", "lineno": 4}
    log = [{**record, "msg": "sold %s of %s", "args": [1, 2]}, {**record, "msg": "50% off"}]
    call = stage("failed", stdout="in call\n", log=log)
    (result,) = results(a_test("failed", setup=stage(stdout="in setup\n"), call=call))
    assert result.capstdout == "in setup\nin call\n"
    assert result.caplog == "WARNING  shop:t.py:4 sold 1 of 2\nWARNING  shop:t.py:4 50% off"


def test_a_log_record_that_cannot_be_formatted_is_kept_as_it_is() -> None:
    log = [
        {"msg": "%999999999d", "args": [1], "levelname": ["x"], "exc_text": 7},
        {"msg": "%*d", "args": [999999999, 1]},
        {"msg": "%s and %s", "args": ["one"]},
    ]
    (result,) = results(a_test("failed", call=stage("failed", log=log)))
    lines = result.caplog.splitlines()
    assert [line.rpartition(":: ")[2] for line in lines if line != "7"] == [
        *("%999999999d", "%*d", "%s and %s"),
    ]


def test_a_report_is_recognised_whatever_the_order_of_its_fields() -> None:
    value = json.loads(report(a_test()))
    for data in (json.dumps(value, sort_keys=True), json.dumps(value, indent=4)):
        assert read(data.encode())[0].exit_status == 1


def test_the_environment_is_that_of_pytest_metadata_if_it_has_any() -> None:
    environment = {"Python": "3.12.1", "Platform": "Linux", "Packages": {"pytest": "8.0"}}
    session, losses = read(report(a_test(), environment=environment))
    assert session.testing_system == {"python": "3.12.1", "platform": "Linux", "pytest": "8.0"}
    assert Loss.NO_ENVIRONMENT not in losses
    assert Loss.NO_ENVIRONMENT in read(report(a_test(), environment={}))[1]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (report(a_test(call=stage(duration=-1))), "tests[0].call.duration must be zero or more"),
        (report(a_test(call=stage(duration="x"))), "tests[0].call.duration must be a number, not"),
        (report(a_test(call=[])), "tests[0].call must be an object, not a list"),
        (report({"outcome": "passed"}), "tests[0] has no 'nodeid'"),
        (report(a_test(), duration=float("nan")), "duration must be zero or more, not nan"),
        (
            report(a_test(), created=1e99),
            "created must be a time in seconds since 1970, not 1e+99",
        ),
        (report(a_test())[:-30], "it is not JSON: "),
        (report(a_test()).replace(b"test_a", b"\xff"), "it is not in UTF-8 (byte "),
        (report(a_test(), tests=None), "it has no 'tests', as with --json-report-summary"),
        (
            report(a_test(metadata={"x": "deep"})).replace(b'"deep"', NESTED),
            "it is nested too deeply",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(data: bytes, said: str) -> None:
    with pytest.raises(ExchangeError) as caught:
        read(data)
    assert str(caught.value).startswith("report.json cannot be read as a report of pytest-json")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
