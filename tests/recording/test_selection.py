"""`--insight-select` and `--insight-deselect`: which tests run, and what is said of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pytest_insight.locations import store_path
from pytest_insight.models import CodeState, TestResult, TestSession
from pytest_insight.recording.verdicts.chosen import find_tests
from pytest_insight.storage import JSONStorage
from pytest_insight.storage.memory import InMemoryStorage
from tests.recording.runs import last_session, run

PLAIN = "-p no:cacheprovider -p no:hypothesispytest"
OUTCOMES = {".": "passed", "F": "failed", "s": "skipped"}


def save(pictures: dict[str, str], sut: str = "shop", *, same_code: bool = False) -> list[str]:
    """Save a session for each character of the pictures, the last one an hour ago."""
    now = datetime.now(UTC).replace(microsecond=0)
    length = max(map(len, pictures.values()))
    sessions = []
    for number in range(length):
        at = now - timedelta(hours=length - number)
        results = [
            TestResult(nodeid, OUTCOMES[picture[number]], at, 0.1)
            for nodeid, picture in pictures.items()
            if picture[number] != " "
        ]
        code = CodeState(commit="c" * 40 if same_code else f"{number:040x}")
        sessions.append(
            TestSession(
                f"{sut}-{number}",
                sut,
                at,
                code_state=code,
                session_duration=1.0,
                test_results=results,
            )
        )
    JSONStorage().save_sessions(sessions)
    return list(pictures)


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Tests of every kind, and a history in which some of each failed last."""
    monkeypatch.setenv("PYTEST_ADDOPTS", f"{PLAIN} --insight-sut shop --doctest-modules")
    pytester.makepyfile(
        test_it='''
        """
        >>> 1 + 1
        2
        """
        import unittest
        import pytest

        def test_a(): pass

        @pytest.mark.parametrize("text", ["a::b [c]", "d@e", "two\\nlines"])
        def test_text(text): pass

        class TestCase(unittest.TestCase):
            def test_x(self): pass
            def test_y(self): pass
        '''
    )
    save(
        {
            "test_it.py::test_a": "FF.",
            "test_it.py::test_text[a::b [c]]": "..F",
            "test_it.py::test_text[d@e]": ".F ",
            r"test_it.py::test_text[two\nlines]": "..s",
            "test_it.py::TestCase::test_x": "  F",
            "test_it.py::test_it": "..F",
            "test_it.py::test_gone": "..F",
            "test_gone.py::test_a": "..F",
        }
    )
    return pytester


FAILED = ["test_it", "test_text[a::b [c]]", "test_text[d@e]", "test_x"]


def ran(result: pytest.RunResult) -> list[str]:
    """Return the tests that passed."""
    found = re.findall(
        r"^(?:\[gw\d\] .*? PASSED )?\S+?::(.+?) ?(?:PASSED.*)?$", result.stdout.str(), re.M
    )
    return sorted(name.rpartition("TestCase::")[2] for name in found)


def said(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if line.startswith("insight: ") and "lected" in line]


def test_the_tests_whose_last_run_failed_are_selected(suite: pytest.Pytester) -> None:
    result = run(suite, "-v", "--insight-select", "failed")
    assert ran(result) == FAILED
    assert said(result) == ["insight: selected 4 of 7 tests: failed"]
    assert result.parseoutcomes() == {"passed": 4, "deselected": 3}


def test_they_can_be_left_out(suite: pytest.Pytester) -> None:
    result = run(suite, "-v", "--insight-deselect", "failed")
    assert ran(result) == ["test_a", "test_text[two\\nlines]", "test_y"]
    assert said(result) == ["insight: deselected 4 of 7 tests: failed"]


def test_a_recorded_run_selects_too_and_becomes_the_last_one(suite: pytest.Pytester) -> None:
    run(suite, "--insight", "--insight-select=failed")
    assert (last_session().collected, last_session().deselected) == (7, 3)
    result = run(suite, "--insight-select=failed")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert said(result) == [
        "insight: selected 0 of 7 tests: failed; the 2 that the history has are not among them"
    ]


def test_it_combines_with_k_and_last_failed(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(suite, "-v", "--insight-select", "failed", "-k", "text or test_y")
    assert ran(result) == FAILED[1:3]
    assert said(result) == ["insight: selected 2 of 4 tests: failed"]
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest --insight-sut shop")
    suite.makepyfile(test_b="def test_b(): assert 0")
    run(suite, "test_b.py")
    result = run(suite, "-v", "--lf", "--insight-select", "failed", "test_it.py")
    assert ran(result) == FAILED[1:]


def test_all_workers_of_xdist_select_the_same_tests(suite: pytest.Pytester) -> None:
    with suite.path.joinpath("test_it.py").open("a") as file:
        file.write("\ntest_text = pytest.mark.xdist_group('one')(test_text)\n")
    options = ("-n2", "--dist=loadgroup", "--insight-select=failed", "--insight")
    result = suite.runpytest_subprocess(*options)  # workers would share the modules of this process
    assert result.parseoutcomes()["passed"] == 4
    assert said(result) == ["insight: selected 4 of 7 tests: failed"]
    stored = {each.nodeid.partition("::")[2] for each in last_session().test_results}
    assert stored == {*FAILED[:3], "TestCase::test_x"}


# What can go wrong -------------------------------------------------------------------------------


def test_without_a_history_no_test_is_selected_and_the_line_says_why(
    suite: pytest.Pytester,
) -> None:
    result = run(suite, "-q", "--insight-select", "failed,flaky", "--insight-sut", "shop2")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    (line,) = said(result)
    assert line.startswith("insight: selected 0 of 7 tests: failed, flaky; ")
    assert line.endswith(
        "sessions.json has no run of shop2, only of shop (name one with --insight-sut)"
    )
    assert run(suite, "--insight-deselect", "failed", "--insight-sut", "shop2").ret == 0


def test_if_nothing_is_flaky_no_test_runs(suite: pytest.Pytester) -> None:
    result = run(suite, "--insight-select", "flaky")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert said(result) == ["insight: selected 0 of 7 tests: flaky; the history has no such test"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--insight-select", "failed,flakey"],
            "--insight-select must be one or more of failed, flaky, broken, new-failure, slow, "
            "not 'flakey'",
        ),
        (["--insight-deselect", ""], "--insight-deselect must be one or more of *, not ''"),
        (["--insight-select", "slow", "--insight-profile", "x"], "*unknown profile 'x'*"),
    ],
)
def test_a_mistake_is_an_error_of_usage(
    suite: pytest.Pytester, options: list[str], message: str
) -> None:
    result = run(suite, *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: pytest-insight: {message}"])


def test_a_store_that_cannot_be_read_is_an_error_of_usage(suite: pytest.Pytester) -> None:
    store_path().unlink()
    store_path().mkdir()
    result = run(suite, "--insight-select", "failed")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: pytest-insight: --insight-select and --insight-deselect: *"]
    )


# What is found -----------------------------------------------------------------------------------


def find(*words: str) -> dict[str, set[str]] | None:
    return find_tests(JSONStorage(), "shop", words, Path("/"))


def test_verdicts_are_found_in_the_runs_of_30_days() -> None:
    save({"flaky": "..F...", "broken": "...FFF", "new": ".....F", "first": "     F"})
    assert find("failed", "broken", "new-failure", "flaky") == {
        "failed": {"broken", "new", "first"},
        "broken": {"broken"},
        "new-failure": {"new", "first"},
        "flaky": set(),
    }
    save({"flaky": "..F..."}, same_code=True)
    assert find("flaky") == {"flaky": {"flaky"}}


def test_slow_tests_are_those_that_got_slower() -> None:
    now = datetime.now(UTC)
    storage = InMemoryStorage()
    storage.save_sessions(
        TestSession(
            f"shop-{number}",
            "shop",
            at := now - timedelta(hours=30 - number),
            session_duration=1.0,
            test_results=[
                TestResult("slower", "passed", at, 0.1 if number < 20 else 0.5),
                TestResult("faster", "passed", at, 0.5 if number < 20 else 0.1),
                TestResult("steady", "passed", at, 5.0),
            ],
        )
        for number in range(30)
    )
    assert find_tests(storage, "shop", ["slow"], Path("/")) == {"slow": {"slower"}}
