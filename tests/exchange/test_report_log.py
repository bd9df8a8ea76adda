"""Logs of pytest-reportlog: what their lines say, in runs that went well and in others."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pytest_insight._util.report_text import DIED
from pytest_insight.errors import ExchangeError
from pytest_insight.exchange.losses import Loss
from pytest_insight.exchange.options import ReadOptions
from pytest_insight.exchange.read_formats import read_bytes, read_file
from pytest_insight.models import TestResult, TestSession
from tests.exchange.recorded_runs import FOREIGN

START = {"pytest_version": "9.2.0", "$report_type": "SessionStart"}
FINISH = {"exitstatus": 1, "$report_type": "SessionFinish"}
T0 = 1_795_813_248.0
SHOP = ReadOptions(sut="shop")


def report(nodeid: str = "t.py::test_a", when: str = "call", /, **fields: Any) -> dict[str, Any]:
    return {
        "nodeid": nodeid,
        "location": [nodeid.partition("::")[0], 1, "test"],
        "outcome": "passed",
        "longrepr": None,
        "when": when,
        "user_properties": [],
        "sections": [],
        "duration": 0.5,
        "start": T0 + ("setup", "call", "teardown", "???").index(when),
        "$report_type": "TestReport",
        **fields,
    }


def phases(nodeid: str = "t.py::test_a", /, **call: Any) -> list[dict[str, Any]]:
    return [report(nodeid, "setup"), report(nodeid, "call", **call), report(nodeid, "teardown")]


def log(*lines: Any) -> bytes:
    return "".join(f"{json.dumps(line)}\n" for line in lines).encode()


def session_of(data: bytes, options: ReadOptions = SHOP) -> TestSession:
    (session,) = read_bytes(data, "log.jsonl", None, options).sessions
    return session


def outcomes(results: Iterable[TestResult]) -> list[tuple[str, str]]:
    return [(each.nodeid, str(each.outcome)) for each in results]


def test_output_is_that_of_each_attempt_and_phase_although_reports_repeat_it() -> None:
    out = [["Captured stdout call", "one\n"], ["Captured stdout call", "two\n"]]
    lines = [
        report(when := "t.py::test_a", "setup"),
        report(when, "call", outcome="rerun", longrepr="E   first", sections=out[:1], rerun=0),
        report(when, "teardown", sections=out[:1], rerun=0),
        report(when, "setup", sections=out[:1], rerun=1),
        report(when, "call", outcome="failed", longrepr="E   second", sections=out, rerun=1),
        report(when, "teardown", sections=[*out, ["Captured stdout teardown", "end\n"]], rerun=1),
    ]
    first, second = session_of(log(START, *lines, FINISH)).test_results
    assert (first.outcome, first.message, first.capstdout) == ("rerun", "first", "one\n")
    assert (second.outcome, second.message, second.capstdout) == ("failed", "second", "two\nend\n")


def test_workers_that_interleave_run_one_nodeid_twice() -> None:
    lines = [
        report("t.py::test_a", when, worker_id=worker, outcome=outcome)
        for when, outcome in (("setup", "passed"), ("call", "failed"), ("teardown", "passed"))
        for worker in ("gw0", "gw1")
    ]
    found = session_of(log(START, *lines, FINISH)).test_results
    assert [(each.outcome, each.worker) for each in found] == [("failed", "gw0"), ("failed", "gw1")]


def test_a_crashed_worker_fails_its_test_at_the_time_that_is_known() -> None:
    crashed = report(
        *("t.py::test_dies", "???"),
        outcome="failed",
        longrepr="worker 'gw1' crashed while running 't.py::test_dies'",
        **{"start": 0, "stop": 0, "duration": 0, "node": "<WorkerController gw1>"},
    )
    session = session_of(log(START, *phases(), crashed, FINISH))
    died = session.test_results[-1]
    assert (died.outcome, died.worker, died.phase) == ("failed", "gw1", "")
    assert died.message == "worker 'gw1' crashed while running 't.py::test_dies'"
    assert session.session_start_time == datetime.fromtimestamp(T0, UTC)
    assert died.start_time >= session.session_start_time


@pytest.mark.parametrize("end", ["", '{"nodeid": "t.py::test_b", "wh', '{"$report_type": "Sess'])
def test_a_log_without_its_end_is_that_of_a_killed_run(end: str) -> None:
    running = report("t.py::test_b", "setup", sections=[["Captured stdout setup", "ready\n"]])
    session = session_of(log(START, *phases(), running) + end.encode())
    assert session.crashed
    assert session.exit_status is None
    assert outcomes(session.test_results) == [("t.py::test_a", "passed"), ("t.py::test_b", "error")]
    assert session.test_results[-1].longreprtext == DIED
    assert session.test_results[-1].capstdout == "ready\n"


def test_any_other_broken_line_is_refused_with_its_number() -> None:
    data = log(START, *phases()).replace(b'"when": "call"', b'"when": "call')
    with pytest.raises(ExchangeError, match=r"log\.jsonl cannot be read as .*: line 3: it is not"):
        session_of(data)
    finished = log(START, *phases(), FINISH)[:-2] + b"\n"
    with pytest.raises(ExchangeError, match=r"line 5: it is not JSON"):
        session_of(finished)


def test_subtests_do_not_take_the_place_of_their_test() -> None:
    subtest = report(
        *("t.py::test_a", "call"),
        outcome="failed",
        longrepr="E   inside",
        **{"$report_type": "SubTestReport", "_subtest.context": {"msg": "x", "kwargs": {"n": 1}}},
    )
    passed = {**subtest, "outcome": "passed", "longrepr": None}
    setup, call, teardown = phases(outcome="failed", longrepr="contains 1 failed subtest")
    found = session_of(log(START, setup, subtest, passed, call, teardown, FINISH)).test_results
    assert [each.message for each in found] == ["inside", "contains 1 failed subtest"]
    assert found[0].longreprtext == "subtest [x] (n=1)\nE   inside"
    assert found[1].duration == 1.5  # without that of the subtest


def test_a_warning_belongs_to_the_test_before_it_unless_there_are_workers() -> None:
    warning = {
        **{"$report_type": "WarningMessage", "category": "UserWarning", "message": "careful"},
        **{"filename": "t.py", "lineno": 3, "when": "runtest"},
    }
    session = session_of(log(START, *phases(), warning, *phases("t.py::test_b"), warning, FINISH))
    assert [each.has_warning for each in session.test_results] == [True, True]
    assert [(each.location, each.count) for each in session.warnings] == [("t.py:3", 2)]
    in_workers = [{**line, "worker_id": "gw0"} for line in phases()]
    session = session_of(log(START, *in_workers, warning, FINISH))
    assert [each.has_warning for each in session.test_results] == [False]


def test_without_start_times_a_run_started_before_the_file_was_written(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    lines = [{k: v for k, v in line.items() if k != "start"} for line in phases()]
    path.write_bytes(log(START, *lines, FINISH))
    content = read_file(path, None, SHOP)
    (session,) = content.sessions
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    assert (written - session.session_start_time).total_seconds() == pytest.approx(1.5)
    assert session.test_results[0].start_time == session.session_start_time
    (losses,) = content.losses.values()
    assert {loss.kind: loss.count for loss in losses}[Loss.NO_START_TIMES] == 3
    given = ReadOptions(sut="shop", started=datetime(2026, 1, 2, tzinfo=UTC))
    assert read_file(path, None, given).sessions[0].session_start_time == given.started


def test_a_log_of_two_runs_is_two_sessions() -> None:
    runs = [START, *phases(), FINISH, START, *phases("t.py::test_b"), FINISH]
    found = read_bytes(log(*runs), "log.jsonl", None, SHOP).sessions
    assert [outcomes(each.test_results) for each in found] == [
        [("t.py::test_a", "passed")],
        [("t.py::test_b", "passed")],
    ]
    assert len({each.session_id for each in found}) == 2


def test_nan_surrogates_and_the_fields_of_other_plugins_do_not_matter() -> None:
    line = report(user_properties=[["ratio", float("nan")], ["odd", "\udc80"], "alone"], other={})
    line["_json_report_extra"] = {"deep": [[[]]]}
    (result,) = session_of(log(START, line, FINISH)).test_results
    assert result.properties == (("ratio", None), ("odd", "\\udc80"), ("", "alone"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"duration": -1}, "line 2: duration must be zero or more, not -1.0"),
        ({"duration": float("nan")}, "line 2: duration must be zero or more, not nan"),
        ({"duration": "long"}, "line 2: duration must be a number, not a text"),
        ({"start": 1e300}, "line 2: start must be a time in seconds since 1970, not 1e+300"),
        ({"start": -5}, "line 2: start must be a time in seconds since 1970, not -5.0"),
        ({"nodeid": ["a"]}, "line 2: nodeid must be a text, not a list"),
        ({"nodeid": ""}, "line 2: a report has no 'nodeid'"),
        ({"sections": [["title"]]}, "line 2: sections[0]"),
    ],
)
def test_a_wrong_value_is_refused_with_its_line(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ExchangeError) as caught:
        session_of(log(START, report(**change), FINISH))
    assert str(caught.value).startswith("log.jsonl cannot be read as a log of pytest-reportlog: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_importing_a_log_again_gives_an_equal_session() -> None:
    data = log(START, *phases(), FINISH)
    assert session_of(data) == session_of(data)
    assert session_of(data).session_id != session_of(data + b"\n").session_id
    assert session_of(gzip.compress(data)).test_results == session_of(data).test_results


def test_a_log_is_not_kept_in_memory(tmp_path: Path) -> None:
    fat = [["Captured stdout call", "x" * 20_000]]
    path = tmp_path / "log.jsonl"
    same = [report("t.py::test_a", "call", outcome="", sections=fat) for _ in range(300)]
    path.write_bytes(log(START, *phases(), *(dict(line, when="setup") for line in same), FINISH))
    assert path.stat().st_size > 6_000_000
    tracemalloc.start()
    read_file(path, None, SHOP)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


def test_the_place_of_a_failure_is_relative_to_the_root_folder() -> None:
    content = read_file(FOREIGN / "plain" / "reportlog.jsonl", None, SHOP)
    places = {each.crash for each in content.sessions[0].test_results if each.outcome == "failed"}
    assert "tests/test_outcomes.py:41" in places
    assert not any(place.startswith("/home/ci/shop") for place in places)
