"""How recording is switched on and off, and where it goes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_insight.locations import profiles_path
from pytest_insight.storage import JSONStorage, create_profile, list_profiles


@pytest.fixture(autouse=True)
def suite(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(): pass")


def recorded(path: Path | None = None) -> int:
    return JSONStorage(path).count()


def test_nothing_is_recorded_unless_asked_for(pytester: pytest.Pytester) -> None:
    ran = pytester.runpytest_subprocess()
    assert not [line for line in ran.outlines if line.startswith("insight")]
    assert not JSONStorage().file_path.parent.exists()


def test_the_option_the_ini_key_and_the_environment_switch_it_on(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.runpytest_subprocess("--insight")
    assert recorded() == 1
    monkeypatch.setenv("PYTEST_INSIGHT", "1")
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # by which an inner pytest knows that it is one
    pytester.runpytest_subprocess()
    assert recorded() == 2
    monkeypatch.delenv("PYTEST_INSIGHT")
    pytester.makeini("[pytest]\ninsight = true")
    pytester.runpytest_subprocess()
    assert recorded() == 3


def test_a_pytest_inside_a_test_is_no_run_of_its_own(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(
        """
        pytest_plugins = "pytester"
        def test_inner(pytester):
            pytester.makepyfile("def test_innermost(): pass")
            assert pytester.runpytest_subprocess().ret == 0
        """
    )
    monkeypatch.setenv("PYTEST_INSIGHT", "1")
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(pytester.path / "home"))
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    assert pytester.runpytest_subprocess().ret == 0
    assert recorded() == 1


def test_no_insight_comes_before_everything(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_INSIGHT", "1")
    pytester.makeini("[pytest]\ninsight = true")
    pytester.runpytest_subprocess("--no-insight")
    assert recorded() == 0


def test_collecting_only_records_nothing(pytester: pytest.Pytester) -> None:
    pytester.runpytest_subprocess("--insight", "--collect-only")
    assert recorded() == 0


def test_one_line_says_what_was_saved_and_where(pytester: pytest.Pytester) -> None:
    ran = pytester.runpytest_subprocess("--insight")
    lines = [line for line in ran.outlines if line.startswith("insight")]
    assert len(lines) == 1
    assert "saved 1 result as" in lines[0]
    assert str(JSONStorage().file_path) in lines[0]


def test_a_profile_that_is_named_is_created(pytester: pytest.Pytester) -> None:
    ran = pytester.runpytest_subprocess("--insight", "--insight-profile", "ci")
    assert ran.ret == 0
    assert "ci" in list_profiles()
    assert recorded(list_profiles()["ci"].path) == 1
    assert recorded() == 0


def test_the_profile_of_the_environment_is_used_and_never_created(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_profile("there")
    monkeypatch.setenv("PYTEST_INSIGHT_PROFILE", "there")
    assert pytester.runpytest_subprocess("--insight").ret == 0
    assert recorded(list_profiles()["there"].path) == 1
    monkeypatch.setenv("PYTEST_INSIGHT_PROFILE", "nowhere")
    ran = pytester.runpytest_subprocess("--insight")
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    assert "PYTEST_INSIGHT_PROFILE" in ran.stderr.str()


def test_the_name_of_the_system_is_an_option_an_ini_key_or_the_folder(
    pytester: pytest.Pytester,
) -> None:
    pytester.runpytest_subprocess("--insight")
    pytester.makeini("[pytest]\ninsight_sut = shop")
    pytester.runpytest_subprocess("--insight")
    pytester.runpytest_subprocess("--insight", "--insight-sut", "api")
    names = [session.sut_name for session in JSONStorage().iter_sessions()]
    assert names == [pytester.path.name, "shop", "api"]


@pytest.mark.parametrize(
    "options",
    [
        ["--insight-tag", "without-a-value"],
        ["--insight-tag", "=x"],
        ["--insight-profile", "a/b"],
        ["--insight-sut", " "],
    ],
)
def test_a_mistake_in_an_option_is_said_before_the_run_starts(
    pytester: pytest.Pytester, options: list[str]
) -> None:
    ran = pytester.runpytest_subprocess("--insight", *options)
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    assert "pytest-insight" in ran.stderr.str()
    assert "INTERNALERROR" not in ran.stderr.str()
    assert recorded() == 0


def test_a_store_that_cannot_be_written_does_not_change_the_exit_status(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = pytester.path / "blocked"
    blocked.mkdir()
    monkeypatch.setenv("PYTEST_INSIGHT_DB_PATH", str(blocked))
    ran = pytester.runpytest_subprocess("--insight")
    assert ran.ret == 0
    ran.stdout.fnmatch_lines(["insight: this run was NOT saved: *"])


def test_xdist_records_one_session_with_the_workers(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "import pytest\n@pytest.mark.parametrize('n', range(6))\ndef test_it(n): pass"
    )
    pytester.runpytest_subprocess("--insight", "-n", "2").assert_outcomes(passed=6)
    (session,) = JSONStorage().load_sessions()
    assert len(session.test_results) == 6
    assert {result.worker for result in session.test_results} <= {"gw0", "gw1"}


def test_the_commit_and_the_branch_are_recorded(pytester: pytest.Pytester) -> None:
    for command in (
        ["git", "init", "-q", "-b", "feature/x", "."],
        [
            "git",
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b",
            "commit",
            "-q",
            "--allow-empty",
            "-m",
            "x",
        ],
    ):
        assert pytester.run(*command).ret == 0
    head = pytester.run("git", "rev-parse", "HEAD").outlines[0]
    pytester.runpytest_subprocess("--insight")
    session = JSONStorage().get_last_session()
    assert session is not None
    assert session.code_state is not None
    assert (session.code_state.commit, session.code_state.branch) == (head, "feature/x")


def test_without_git_a_run_is_recorded_all_the_same(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    pytester.runpytest_subprocess("--insight")
    session = JSONStorage().get_last_session()
    assert session is not None
    assert session.code_state is None


@pytest.mark.parametrize("value", ["0", "off", "no", "FALSE"])
def test_the_variable_switches_off_what_the_ini_file_switches_on(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    pytester.makepyfile("def test_it(): pass")
    pytester.makeini("[pytest]\ninsight = true")
    monkeypatch.setenv("PYTEST_INSIGHT", value)
    assert pytester.runpytest_subprocess().ret == 0
    assert JSONStorage().count() == 0
    assert pytester.runpytest_subprocess("--insight").ret == 0
    assert JSONStorage().count() == 1


@pytest.mark.parametrize(
    "content",
    [
        '{"version":1,"active":"gone","profiles":{}}',
        '{"version":1,"active":"p","profiles":{"p":{"storage_type":"no-such-type"}}}',
    ],
)
def test_what_is_wrong_with_the_stored_profiles_stops_no_run(
    pytester: pytest.Pytester, content: str
) -> None:
    pytester.makepyfile("def test_it(): pass")
    profiles_path().parent.mkdir(parents=True)
    profiles_path().write_text(content)
    ran = pytester.runpytest_subprocess("--insight")
    assert ran.ret == 0
    ran.stdout.fnmatch_lines(["insight: this run is NOT recorded: *"])
