"""CTRF reports: of old and new pytest-json-ctrf, of other test runners, and of `insight export`."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from pytest_insight.document.codec import checked
from pytest_insight.errors import ExchangeError
from pytest_insight.exchange.losses import Loss
from pytest_insight.exchange.options import ReadOptions
from pytest_insight.exchange.read_formats import read_bytes
from pytest_insight.exchange.writers import ctrf
from pytest_insight.models import TestResult, TestSession
from tests.exchange import outcomes

T0 = 1_795_813_248_000
NESTED = b"[" * 200_000 + b"]" * 200_000
NODEID = "t.py::test_a"


def case(name: str = NODEID, status: str = "passed", /, **fields: Any) -> dict[str, Any]:
    return {"name": name, "status": status, "duration": 1500, "start": T0 + 500, **fields}


def report(*tests: dict[str, Any], tool: str = "pytest", **fields: Any) -> bytes:
    summary = {"tests": len(tests), "start": T0, "stop": T0 + 4000}
    results = {"tool": {"name": tool}, "summary": summary, "tests": tests, **fields}
    return json.dumps({"reportFormat": "CTRF", "specVersion": "1.0.0", "results": results}).encode()


def read(data: bytes) -> tuple[TestSession, dict[Loss, int | None]]:
    content = read_bytes(data, "ctrf.json", None, ReadOptions(sut="shop"))
    (session,) = content.sessions
    losses = content.losses[session.session_id]
    return session, {loss.kind: loss.count for loss in losses}


def results(*tests: dict[str, Any]) -> list[TestResult]:
    return list(read(report(*tests))[0].test_results)


@pytest.mark.parametrize(
    ("status", "raw", "outcome", "phase"),
    [
        ("passed", None, "passed", ""),
        ("failed", "call_failed", "failed", ""),
        ("failed", "setup_failed", "error", "setup"),
        ("failed", "teardown_failed", "error", "teardown"),
        ("skipped", "xfailed", "xfailed", ""),
        ("pending", None, "skipped", ""),
        ("other", None, "unknown", ""),
        ("failed", "timedOut", "failed", ""),
        ("passed", "xpassed", "xpassed", ""),
    ],
)
def test_the_raw_status_says_more_than_the_status(
    status: str, raw: str | None, outcome: str, phase: str
) -> None:
    (result,) = results(case(NODEID, status, **({"rawStatus": raw} if raw else {})))
    assert (result.outcome, result.phase) == (outcome, phase)


def test_times_are_milliseconds() -> None:
    session, _ = read(report(case()))
    assert session.session_start_time == datetime.fromtimestamp(T0 / 1000, UTC)
    assert session.session_duration == 4
    assert session.test_results[0].duration == 1.5
    assert (session.test_results[0].start_time - session.session_start_time).total_seconds() == 0.5


@pytest.mark.parametrize("duration", [1.5, 1500])
def test_starts_in_seconds_are_recognised_whatever_the_durations_are_in(duration: float) -> None:
    start = T0 / 1000
    test = case(duration=duration, start=start, stop=start + 1.5, file_path="t.py")
    session, _ = read(report(test, summary={"start": start, "stop": start + 2}))
    assert session.session_start_time == datetime.fromtimestamp(start, UTC)
    assert session.test_results[0].duration == pytest.approx(1.5)


def test_earlier_attempts_are_reruns_and_the_final_one_is_not_repeated() -> None:
    attempts: list[dict[str, Any]] = [
        {"attempt": 2, "status": "failed", "duration": 20, "message": "second"},
        {"attempt": 1, "status": "failed", "duration": 10, "message": "first"},
    ]
    told = case(retries=2, retryAttempts=attempts)
    found = [(str(each.outcome), each.message) for each in results(told)]
    assert found == [("rerun", "first"), ("rerun", "second"), ("passed", "")]
    final = {"attempt": 3, "status": "passed", "duration": 5}
    told = case(retries=2, retryAttempts=[*attempts, final])
    assert [(str(each.outcome), each.message) for each in results(told)] == found


def test_retries_without_attempts_are_reruns_without_a_text() -> None:
    session, losses = read(report(case(retries=2)))
    assert [str(each.outcome) for each in session.test_results] == ["rerun", "rerun", "passed"]
    assert losses[Loss.NO_ATTEMPT_TEXT] == 2
    assert len(results(case(retries=10**9))) < 1000


def test_old_versions_have_no_parameters_and_count_cases_as_retries() -> None:
    cases = case(retries=4, file_path="t.py", tags=["parametrize::n::[1, 2, 3, 4, 5]"])
    alone = case("t.py::test_b", file_path="t.py", retries=0)
    session, losses = read(report(cases, alone))
    assert [str(each.outcome) for each in session.test_results] == ["passed", "passed"]
    assert losses[Loss.NODEID_GUESSED] == 1
    assert losses[Loss.RESULTS_MERGED] == 4


def test_old_versions_do_not_name_the_phase_of_a_setup_or_an_expected_failure() -> None:
    broken = case(NODEID, "failed", file_path="t.py", trace="E   no setup")
    skip = case(NODEID, "skipped", file_path="t.py", trace="('/ci/t.py', 8, 'Skipped: later')")
    known = case(NODEID, "skipped", file_path="t.py", trace="E   assert 0", tags=["xfail::x"])
    vague = "The test failed in the call phase"
    failed = case(NODEID, "failed", file_path="t.py", raw_status="call_failed", message=vague)
    session, losses = read(report(broken, skip, known, {**failed, "trace": "E   assert 1 == 2"}))
    found = [(str(each.outcome), each.phase, each.message) for each in session.test_results]
    assert found == [
        ("error", "setup", "no setup"),
        ("skipped", "", "later"),
        ("xfailed", "", "assert 0"),
        ("failed", "", "assert 1 == 2"),
    ]
    assert losses[Loss.GUESSED_STATUS] == 2


def test_a_crashed_worker_has_a_negative_duration_that_is_not_meant() -> None:
    dead = case(NODEID, "failed", rawStatus="???_failed", duration=-T0, start=T0, stop=0)
    (result,) = results({**dead, "extra": {"worker": "gw1"}})
    assert (result.outcome, result.duration, result.worker) == ("failed", 0.0, "gw1")


@pytest.mark.parametrize(
    ("fields", "nodeid"),
    [
        ({"filePath": "a.spec.ts", "suite": ["cart", "empty"]}, "a.spec.ts::cart::empty::adds"),
        ({"filePath": "a.spec.ts", "suite": ["a.spec.ts", "cart"]}, "a.spec.ts::cart::adds"),
        ({"suite": "cart"}, "cart::adds"),
        ({}, "adds"),
    ],
)
def test_tests_of_other_tools_are_named_by_file_and_suites(
    fields: dict[str, Any], nodeid: str
) -> None:
    session, losses = read(report(case("adds", **fields), tool="playwright"))
    assert session.test_results[0].nodeid == nodeid
    assert Loss.XPASS_LOST not in losses
    assert Loss.NODEID_GUESSED not in losses


def test_attachments_and_steps_are_left_and_counted() -> None:
    test = case(attachments=[{"name": "video"}], steps=[{"name": "open"}, {"name": "buy"}])
    _, losses = read(report(test))
    assert (losses[Loss.ATTACHMENTS_LEFT], losses[Loss.STEPS_LEFT]) == (1, 2)


def test_the_environment_is_that_of_the_build() -> None:
    build = {
        "commit": "f" * 40,
        "branchName": "main",
        "osPlatform": "linux",
        "buildUrl": "https://x",
    }
    session, losses = read(report(case(), environment={**build, "buildNumber": 7}))
    assert session.code_state is not None
    assert (session.code_state.commit, session.code_state.branch) == ("f" * 40, "main")
    assert session.testing_system["ci"] == {"run_id": "7", "url": "https://x"}
    assert not {Loss.NO_CODE_STATE, Loss.NO_ENVIRONMENT} & set(losses)


def by_name(results: Iterable[TestResult]) -> list[TestResult]:
    return sorted(results, key=lambda result: (result.nodeid, result.start_time, result.phase))


@pytest.mark.parametrize("given", [outcomes.EVERYTHING, outcomes.SEVEN])
def test_what_insight_export_wrote_comes_back(given: Sequence[TestResult]) -> None:
    ours = checked(outcomes.session(*given))
    file = io.BytesIO()
    ctrf.write([ours], file)
    found, losses = read(file.getvalue())
    assert by_name(found.test_results) == by_name(ours.test_results)
    assert losses == {}
    for name in TestSession.__struct_fields__:
        if name not in ("session_id", "source", "sut_name", "pinned", "test_results"):
            assert getattr(found, name) == getattr(ours, name), name


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (report(case(duration=-5)), "results.tests[0].duration must be zero or more, not -5.0"),
        (report(case(duration="soon")), "results.tests[0].duration must be a number, not a text"),
        (report(case(duration=float("nan"))), "results.tests[0].duration must be zero or more"),
        (report(case(start=-1)), "results.tests[0].start must be a time in seconds since 1970"),
        (report({"status": "passed"}), "results.tests[0] has no name"),
        (report({"name": "x"}), "results.tests[0] has no status"),
        (report(case(suite={})), "results.tests[0].suite must be a text or a list, not an object"),
        (report(case(), tests={}), "results.tests must be a list, not an object"),
        (report(case())[:-9], "it is not JSON: "),
        (report(case(tags=["deep"])).replace(b'"deep"', NESTED), "it is nested too deeply"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(data: bytes, said: str) -> None:
    with pytest.raises(ExchangeError) as caught:
        read(data)
    assert str(caught.value).startswith("ctrf.json cannot be read as a CTRF report: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
