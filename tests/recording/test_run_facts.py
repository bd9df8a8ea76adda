"""A session says what was run: arguments, collected and deselected tests, warnings, seeds."""

from __future__ import annotations

import pytest

from pytest_insight.models import RecordedWarning
from pytest_insight.storage import JSONStorage
from tests.recording.runs import record, run

SUITE = """
import warnings

def old():
    warnings.warn("use new()", DeprecationWarning)

def test_a(): old()
def test_b(): old()
def test_c(): pass
"""


def test_arguments_are_kept_and_secrets_in_them_hidden(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE_TOKEN", "s3cr3t-value")
    pytester.makeconftest(
        "def pytest_addoption(parser):\n"
        "    for name in ('--db-password', '--auth-token', '--url'):\n"
        "        parser.addoption(name)\n"
    )
    pytester.makepyfile(SUITE)
    given = ["-q", "--db-password=hunter2", "--auth-token", "short", "--url=x?k=s3cr3t-value"]
    assert record(pytester, *given).arguments == (
        "--insight",
        "-q",
        "--db-password=***",
        "--auth-token",
        "***",
        "--url=x?k=***",
    )


def test_collected_and_deselected_tests_are_counted(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SUITE)
    session = record(pytester, "-k", "test_a")
    assert (session.collected, session.deselected) == (3, 2)


def test_with_xdist_the_tests_that_the_workers_run_are_counted(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SUITE)
    session = record(pytester, "-n2", "-k", "test_a or test_b", in_process=False)
    assert (session.collected, session.deselected) == (2, None)


def test_each_distinct_warning_is_kept_once_with_its_count(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_suite=SUITE)
    warning = RecordedWarning("DeprecationWarning", "use new()", "test_suite.py:4", 2)
    assert record(pytester).warnings == (warning,)


def test_at_most_200_warnings_are_kept(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "import pytest, warnings\n"
        "@pytest.mark.parametrize('n', range(250))\n"
        "def test_a(n): warnings.warn(f'number {n}')\n"
    )
    found = record(pytester).warnings
    assert len(found) == 200
    assert found[0].text == "number 0"


def test_a_crashed_run_knows_how_many_tests_were_collected(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_dies=f"import os\n{SUITE}\ndef test_d(): os._exit(3)\n")
    pytester.runpytest_subprocess("--insight", "--deselect", "test_dies.py::test_c")
    run(pytester, "--insight", "-k", "nothing")  # recovers it
    (crashed,) = [s for s in JSONStorage().iter_sessions() if s.crashed]
    assert (crashed.collected, crashed.deselected) == (4, 1)
    assert crashed.arguments[-2:] == ("--deselect", "test_dies.py::test_c")


def test_the_seed_that_a_plugin_says_is_kept(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SUITE)
    seeds = record(pytester, "--hypothesis-seed=7").testing_system["random_seeds"]
    assert seeds == {"hypothesis": "7"}
    assert "random_seeds" not in record(pytester).testing_system


def test_a_file_after_an_option_without_a_value_is_no_secret(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        "def pytest_addoption(parser): parser.addoption('--no-auth', action='store_true')\n"
    )
    pytester.makepyfile(test_suite=SUITE)
    session = record(pytester, "--no-auth", "test_suite.py::test_a")
    assert session.arguments == ("--insight", "--no-auth", "test_suite.py::test_a")
    assert [result.nodeid for result in session.test_results] == ["test_suite.py::test_a"]
