"""Together with the plugins that change what a result is: rerunfailures and xdist."""

from __future__ import annotations

import pytest

from pytest_insight.models import TestOutcome
from tests.recording.oracle import recorded

FLAKY = """
import itertools, pytest
attempts = itertools.count()

@pytest.mark.flaky(reruns=3)
def test_flaky():
    attempt = next(attempts)
    print(f"attempt {attempt}")
    assert attempt == 2

def test_steady(): print("steady")

@pytest.mark.flaky(reruns=2)
def test_never(): assert 0

@pytest.fixture
def late():
    yield
    raise RuntimeError
def test_late(late): pass

setups = itertools.count()
@pytest.fixture
def shaky(): assert next(setups) == 1
@pytest.mark.flaky(reruns=2)
def test_setup(shaky): pass
"""


def test_each_attempt_is_a_result_and_the_last_one_stands(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=FLAKY)
    session = recorded(pytester)
    groups = {
        group.nodeid.partition("::")[2]: [str(r.outcome) for r in group.tests]
        for group in session.rerun_test_groups
    }
    assert groups == {
        "test_flaky": ["rerun", "rerun", "passed"],
        "test_never": ["rerun", "rerun", "failed"],
        "test_setup": ["rerun", "passed"],
    }


def test_an_attempt_keeps_its_own_output_only(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=FLAKY)
    pytester.makeini("[pytest]\ninsight_capture = all")
    session = recorded(pytester)
    outputs = [r.capstdout for r in session.test_results if r.nodeid.endswith("test_flaky")]
    assert outputs == ["attempt 0\n", "attempt 1\n", "attempt 2\n"]


def test_a_pass_with_a_failing_teardown_is_no_rerun(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=FLAKY)
    session = recorded(pytester, "--reruns", "0")
    late = [str(r.outcome) for r in session.test_results if r.nodeid.endswith("test_late")]
    assert late == ["passed", "error"]
    assert "test_late" not in {g.nodeid for g in session.rerun_test_groups}


@pytest.mark.parametrize("options", [["-n", "2"], ["-n", "2", "--dist", "loadfile"], ["-n", "0"]])
def test_xdist_records_one_session(pytester: pytest.Pytester, options: list[str]) -> None:
    pytester.makepyfile(test_it=FLAKY)
    session = recorded(pytester, *options)
    workers = {result.worker for result in session.test_results}
    assert workers <= ({"gw0", "gw1"} if options[1] == "2" else {""})
    if options[1] == "2":
        assert session.testing_system["workers"] == 2
    assert len(session.rerun_test_groups) == 3


def test_a_worker_that_crashes_is_a_result_that_says_so(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_it="import os\ndef test_a(): pass\ndef test_dies(): os._exit(1)\ndef test_b(): pass"
    )
    session = recorded(pytester, "-n", "1")
    (died,) = (r for r in session.test_results if r.nodeid.endswith("test_dies"))
    # pytest's closing line counts it as failed.
    assert died.outcome == TestOutcome.FAILED
    assert "crashed" in died.longreprtext
    assert died.worker == "gw0"
    assert {r.nodeid.partition("::")[2] for r in session.test_results} >= {"test_a", "test_b"}


def test_subtests_count_beside_their_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_it="""
        import pytest
        def test_it(subtests):
            for number in range(4):
                with subtests.test(msg="odd", number=number):
                    assert number % 2 == 0
        def test_fine(subtests):
            with subtests.test():
                pass
        """
    )
    if int(pytest.__version__.partition(".")[0]) < 9:
        pytest.skip("the fixture `subtests` is built into pytest 9")
    session = recorded(pytester)
    failed = [r for r in session.test_results if r.outcome == TestOutcome.FAILED]
    assert len(failed) >= 2
    assert len({r.longreprtext for r in failed}) == len(failed)
