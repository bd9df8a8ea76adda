"""A query that finds nothing names the filter after which nothing is left."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from pytest_insight.models import CodeState, TestOutcome, TestResult
from pytest_insight.models.text import time_text
from pytest_insight.storage import JSONStorage, get_storage_instance
from tests.cli.conftest import Insight
from tests.conftest import START, MakeSession


@pytest.fixture
def history(insight: Insight, make_session: MakeSession) -> None:
    """Two sessions of `shop`, on `main` and `fix`, and one of `jobs`; in JSON and in SQLite."""
    passed = TestResult("tests/a.py::test_search[1]", TestOutcome.PASSED, START, 1.5)
    failed = TestResult("tests/a.py::test_cart", TestOutcome.FAILED, START, 0.5)
    main, fix = CodeState("a1" * 20, "main"), CodeState("b2" * 20, "fix")
    tags = {"ci": "nightly"}
    sessions = [
        make_session(0, sut_name="shop", code_state=main, test_results=(passed, failed)),
        make_session(48, sut_name="shop", code_state=fix, test_results=(passed,)),
        make_session(72, sut_name="jobs", test_results=(passed,), session_tags=tags),
    ]
    insight("profile", "create", "big", "--type", "sqlite")
    for storage in (JSONStorage(), get_storage_instance(profile_name="big")):
        storage.save_sessions(sessions)


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("options", "nothing", "instead"),
    [
        ("--sut nosuch", "no SUT 'nosuch'", "; there are jobs, shop"),
        ("--sut shpo", "no SUT 'shpo'", "; did you mean 'shop'?"),
        ("--branch nosuch", "no branch 'nosuch'", "; there are fix, main"),
        ("--branch mian --sut shop", "no branch 'mian' of SUT 'shop'", "; did you mean 'main'?"),
        ("--branch main --sut jobs", "no branch 'main' of SUT 'jobs'", "; the sessions have none"),
        ("--commit abcdef", "no session on commit abcdef", "; there are b2b2b2b, a1a1a1a"),
        ("--tag ci=pr", "no tag 'ci=pr'", "; there is ci=nightly"),
        ("--sut shop --tag ci", "no tag 'ci' of SUT 'shop'", "; the sessions have none"),
        ("--sut shop --reruns", "no session of SUT 'shop' with a test that was run again", ""),
        ("--tag ci --branch main", "no branch 'main' with the tag 'ci'",
         "; the sessions have none"),
        ("--outcome skipped", "no test with the outcome skipped", "; there are failed, passed"),
        ("--failed --branch fix", "no test on branch 'fix' with the outcome failed or error",
         "; there is passed"),
        ("-k serach", "no test with a name that matches -k 'serach'", "; there are 3 other tests"),
        ("-k test_serach", "no test with a name that matches -k 'test_serach'",
         "; did you mean 'test_search'?"),
        ("-k a.py::test", "no test with a name that matches -k 'a.py::test'",
         "; -k looks at each name alone; give nodeids and files as arguments"),
        ("--nodeid x --sut jobs", "no test of SUT 'jobs' with 'x' in its nodeid",
         "; there is 1 other test"),
        ("--failed --phase setup", "no test with the outcome failed or error with a result of the "
         "setup", "; there is 1 other test"),
        ("--min-duration 7", "no test that took at least 7 s", "; the longest took 1.50 s"),
    ],
)  # fmt: skip
def test_the_filter_after_which_nothing_is_left_is_named(
    insight: Insight, options: str, nothing: str, instead: str
) -> None:
    for command in ("query tests", "sessions list", "query sessions --profile big"):
        where = "big.db" if "big" in command else "sessions.json"
        said = insight(*command.split(), *options.split()).err
        expected = f"insight: {nothing} in ~/.pytest_insight/{where}{instead}\n"
        assert said == expected, command


@pytest.mark.usefixtures("history")
def test_of_times_it_says_which_there_are(insight: Insight) -> None:
    said = insight("query", "tests", "--until", "2020-01-01").err
    assert "no session until 2020-01-01 23:59 in" in said
    first, last = (time_text(START + timedelta(hours=hours)) for hours in (0, 72))
    assert said.endswith(f"; they are from {first} to {last}\n")


@pytest.mark.usefixtures("history")
def test_the_project_that_was_looked_at_is_named(insight: Insight) -> None:
    Path("pytest.ini").write_text("[pytest]\ninsight_sut = jobs\n")
    looked = "ooked at jobs, the project in this folder (-A for all)\n"
    said = insight("query", "tests", "--branch", "main").err
    assert said.startswith("insight: no branch 'main' in")
    assert said.endswith(f"; the sessions have none; l{looked}")
    assert insight("query", "tests", "-k", "test_serach").err.endswith(
        f"did you mean 'test_search'? L{looked}"
    )
    assert insight("query", "tests", "--flaky").err.endswith(f"sessions.json; l{looked}")
    assert insight("history", "nosuch", status=1).err.endswith(f"there is 1 other test; l{looked}")


@pytest.mark.usefixtures("history")
def test_commands_that_do_something_with_sessions_say_it_too(insight: Insight) -> None:
    assert "; there are jobs, shop\n" in insight("export", "--sut", "nosuch").err
    said = insight("sessions", "clear", "--sut", "nosuch").err
    assert said.startswith("insight: nothing to delete: no SUT 'nosuch' in")
    for last in ("--session", "--run"):
        said = insight("query", "tests", "--branch", "mian", last, "last", status=1).err
        assert said.endswith("did you mean 'main'?\n")
