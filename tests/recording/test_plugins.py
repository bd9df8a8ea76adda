"""Together with the plugins that change what a result is: rerunfailures and xdist."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from pytest_insight.analysis.failures import failure_groups, subtest_of
from pytest_insight.models import TestOutcome
from tests.recording.runs import record

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
    session = record(pytester)
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
    session = record(pytester)
    outputs = [r.capstdout for r in session.test_results if r.nodeid.endswith("test_flaky")]
    assert outputs == ["attempt 0\n", "attempt 1\n", "attempt 2\n"]


def test_a_pass_with_a_failing_teardown_is_no_rerun(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=FLAKY)
    session = record(pytester, "--reruns", "0")
    late = [str(r.outcome) for r in session.test_results if r.nodeid.endswith("test_late")]
    assert late == ["passed", "error"]
    assert "test_late" not in {g.nodeid for g in session.rerun_test_groups}


@pytest.mark.parametrize("options", [["-n", "2"], ["-n", "2", "--dist", "loadfile"], ["-n", "0"]])
def test_xdist_records_one_session(pytester: pytest.Pytester, options: list[str]) -> None:
    pytester.makepyfile(test_it=FLAKY)
    session = record(pytester, *options, in_process=options[1] == "0")
    workers = {result.worker for result in session.test_results}
    assert workers <= ({"gw0", "gw1"} if options[1] == "2" else {""})
    if options[1] == "2":
        assert session.testing_system["workers"] == 2
    assert len(session.rerun_test_groups) == 3


def test_a_worker_that_crashes_is_a_result_that_says_so(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_it="import os\ndef test_a(): pass\ndef test_dies(): os._exit(1)\ndef test_b(): pass"
    )
    session = record(pytester, "-n", "1", in_process=False)
    (died,) = (r for r in session.test_results if r.nodeid.endswith("test_dies"))
    # pytest's closing line counts it as failed.
    assert died.outcome == TestOutcome.FAILED
    assert "crashed" in died.longreprtext
    assert died.worker == "gw0"
    assert {r.nodeid.partition("::")[2] for r in session.test_results} >= {"test_a", "test_b"}


SUBTESTS = """
import itertools, pytest
attempts = itertools.count()

def test_it(subtests):
    for number in range(4):
        with subtests.test(msg="odd", number=number):
            assert number % 2 == 0

def test_fine(subtests):
    with subtests.test():
        pass

def test_skips(subtests):
    with subtests.test(): pytest.skip(reason="a skipped subtest counts")
    with subtests.test(): pytest.xfail(reason="an expected failure in a subtest counts")

@pytest.mark.xfail
def test_expected(subtests):
    with subtests.test(): assert 0

@pytest.fixture
def late():
    yield
    raise RuntimeError
def test_late(subtests, late):
    with subtests.test("last"): assert 0
"""
# Built into pytest 9; the plugin pytest-subtests brings it to pytest 8.
with_subtests = pytest.mark.skipif(
    pytest.version_tuple < (9,) and find_spec("pytest_subtests") is None,
    reason="pytest 8 without the plugin pytest-subtests has no subtests",
)


@with_subtests
@pytest.mark.parametrize("options", [[], ["-v"], ["-n", "2"], ["-x"]], ids=" ".join)
def test_subtests_count_beside_their_test(pytester: pytest.Pytester, options: list[str]) -> None:
    pytester.makepyfile(test_it=SUBTESTS)
    session = record(pytester, *options, in_process="-n" not in options)
    failed = [r for r in session.test_results if r.outcome == TestOutcome.FAILED]
    assert len(failed) >= (1 if options == ["-x"] else 3)
    assert len({r.longreprtext for r in failed}) == len(failed)


@with_subtests
def test_a_failing_subtest_says_which_one_it_is(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=SUBTESTS)
    session = record(pytester, "test_it.py::test_it")
    first_lines = [
        r.longreprtext.partition("\n")[0]
        for r in session.test_results
        if "subtest [" in r.longreprtext
    ]
    assert first_lines == ["subtest [odd] (number=1)", "subtest [odd] (number=3)"]
    shown = [result for group in failure_groups(session.test_results) for result in group.results]
    assert [subtest_of(result) for result in shown] == first_lines  # not the test once more


@with_subtests
def test_the_time_of_a_subtest_is_not_counted_twice(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_it="""
        import time
        def test_it(subtests):
            for _ in range(3):
                with subtests.test():
                    time.sleep(0.2)
        """
    )
    session = record(pytester)
    assert sum(r.duration for r in session.test_results if r.outcome == "passed") < 1.0


@with_subtests
@pytest.mark.parametrize("options", [[], ["-v"], ["-n", "2"]], ids=" ".join)
def test_what_subtests_counted_in_an_attempt_that_is_repeated(
    pytester: pytest.Pytester, options: list[str]
) -> None:
    """pytest-rerunfailures takes it back, where it knows of subtests."""
    pytester.makepyfile(
        test_it="""
        import itertools, pytest
        attempts = itertools.count()

        @pytest.mark.flaky(reruns=2)
        def test_it(subtests):
            attempt = next(attempts)
            with subtests.test("fine"): pass
            with subtests.test("flaky"): assert attempt == 1

        @pytest.mark.flaky(reruns=1)
        def test_never(subtests):
            with subtests.test("bad"): assert 0
        """
    )
    record(pytester, *options, in_process="-n" not in options)
