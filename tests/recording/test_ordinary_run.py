"""An ordinary run, compared with what pytest printed."""

from __future__ import annotations

import sys

import pytest

from pytest_insight.models import TestResult, TestSession
from tests.recording.runs import record

SUITE = """
import logging, sys, warnings
import pytest

def test_passes(record_property):
    record_property("answer", 42)
    record_property("odd", object)
    print("not kept: it passed")

@pytest.mark.parametrize("text", ["[red]", "a::b", "two\\nlines", "é"])
def test_parameter(text):
    pass

def test_fails():
    print("to stdout")
    print("to stderr", file=sys.stderr)
    logging.getLogger().warning("to the log")
    assert 1 == 2, "because"

@pytest.mark.skip(reason="not today")
def test_skipped_by_mark():
    pass

def test_skipped_inside():
    pytest.skip(reason="not here: a skip inside a test is recorded with its reason")

@pytest.mark.xfail(reason="known: an expected failure is recorded as one")
def test_xfails():
    assert False

@pytest.mark.xfail
def test_xpasses():
    pass

@pytest.fixture
def broken():
    print("in setup")
    raise RuntimeError("no setup")

def test_setup_error(broken):
    pass

@pytest.fixture
def breaks_later():
    yield
    print("in teardown")
    raise RuntimeError("no teardown")

def test_teardown_error(breaks_later):
    print("in call")

def test_fails_twice(breaks_later):
    print("in call")
    assert False

def test_warns():
    warnings.warn("careful")
"""


@pytest.fixture
def recorded(pytester: pytest.Pytester) -> TestSession:
    pytester.makepyfile(test_suite=SUITE)
    return record(pytester, "--insight-tag", "ci=nightly")


def results(session: TestSession, name: str) -> list[TestResult]:
    return [r for r in session.test_results if r.nodeid == f"test_suite.py::{name}"]


def result(session: TestSession, name: str) -> TestResult:
    (only,) = results(session, name)
    return only


def test_every_result_is_counted_as_pytest_counts_it(recorded: TestSession) -> None:
    outcomes = {
        name: [str(r.outcome) for r in results(recorded, name)]
        for name in ("test_teardown_error", "test_fails_twice", "test_setup_error", "test_xpasses")
    }
    assert outcomes == {
        "test_teardown_error": ["passed", "error"],
        "test_fails_twice": ["failed", "error"],
        "test_setup_error": ["error"],
        "test_xpasses": ["xpassed"],
    }
    assert recorded.rerun_test_groups == []


def test_nodeids_are_pytests_own(recorded: TestSession) -> None:
    nodeids = {r.nodeid for r in recorded.test_results}
    assert "test_suite.py::test_parameter[[red]]" in nodeids
    assert "test_suite.py::test_parameter[a::b]" in nodeids
    assert r"test_suite.py::test_parameter[two\nlines]" in nodeids


def test_a_failure_has_its_text_and_its_output(recorded: TestSession) -> None:
    failed = result(recorded, "test_fails")
    assert "AssertionError: because" in failed.longreprtext
    assert failed.capstdout == "to stdout\n"
    assert failed.capstderr == "to stderr\n"
    assert "to the log" in failed.caplog


def test_a_pass_has_neither_text_nor_output(recorded: TestSession) -> None:
    passed = result(recorded, "test_passes")
    assert (passed.longreprtext, passed.capstdout) == ("", "")


def test_each_text_is_kept_once_under_its_own_result(recorded: TestSession) -> None:
    passed, error = results(recorded, "test_teardown_error")
    assert passed.capstdout == ""
    assert error.capstdout == "in call\nin teardown\n"  # the pass kept none
    failed, error = results(recorded, "test_fails_twice")
    assert failed.capstdout == "in call\n"
    assert error.capstdout == "in teardown\n"
    assert result(recorded, "test_setup_error").capstdout == "in setup\n"


def test_reasons_of_skips_and_expected_failures_are_kept(recorded: TestSession) -> None:
    assert "not today" in result(recorded, "test_skipped_by_mark").longreprtext
    assert "not here" in result(recorded, "test_skipped_inside").longreprtext
    assert "known" in result(recorded, "test_xfails").longreprtext


def test_a_warning_and_properties_are_kept(recorded: TestSession) -> None:
    assert [r.nodeid for r in recorded.test_results if r.has_warning] == [
        "test_suite.py::test_warns"
    ]
    assert result(recorded, "test_passes").properties == (
        ("answer", 42),
        ("odd", "<class 'object'>"),
    )


def test_times_lie_within_the_session(recorded: TestSession) -> None:
    for r in recorded.test_results:
        assert recorded.session_start_time <= r.start_time
        assert r.start_time <= recorded.session_stop_time
        assert 0 <= r.duration <= recorded.session_duration


def test_the_import_system_is_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys
        def test_it():
            kinds = [each if isinstance(each, type) else type(each) for each in sys.meta_path]
            assert not [kind for kind in kinds if kind.__module__.startswith("pytest_insight")]
        """
    )
    before = list(sys.meta_path)
    assert record(pytester).exit_status == 0
    assert sys.meta_path == before


def test_facts_about_the_run_are_kept(recorded: TestSession) -> None:
    assert recorded.session_tags == {"ci": "nightly"}
    assert recorded.testing_system["pytest"] == pytest.__version__
    assert "pytest-insight" in recorded.testing_system["plugins"]
    assert recorded.sut_name.startswith("recorded") or recorded.sut_name.startswith("test_")
    assert recorded.session_id.startswith(
        f"{recorded.sut_name}-{recorded.session_start_time:%Y%m%d}-"
    )
