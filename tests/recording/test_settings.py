"""Options, ini keys and variables: which comes first, and what is no valid one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_insight import locations
from pytest_insight.models import TestSession
from pytest_insight.storage import JSONStorage, create_profile, list_profiles


@pytest.fixture(autouse=True)
def suite(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(): pass")


def count(profile: str = "default") -> int:
    profiles = list_profiles()
    return JSONStorage(profiles[profile].path).count() if profile in profiles else 0


def last() -> TestSession:
    session = JSONStorage().get_last_session()
    assert session is not None
    return session


# On and off --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ini", "variable", "options", "recorded"),
    [
        ("true", None, [], True),
        ("true", "", [], True),
        ("true", "0", [], False),
        ("true", None, ["--no-insight"], False),
        ("true", "1", ["--no-insight"], False),
        ("true", "1", ["--no-insight", "--insight"], True),
        ("true", "1", ["--insight", "--no-insight"], False),
        ("false", "1", [], True),
        ("false", " TRUE ", [], True),
        ("false", "yes", [], True),
        ("false", "0", [], False),
        ("false", None, [], False),
        ("false", None, ["--insight"], True),
        ("false", "0", ["--insight"], True),
    ],
)
def test_the_option_comes_first_then_the_variable_then_the_ini_key(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    ini: str,
    variable: str | None,
    options: list[str],
    recorded: bool,
) -> None:
    pytester.makeini(f"[pytest]\ninsight = {ini}")
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # by which an inner pytest knows that it is one
    if variable is not None:
        monkeypatch.setenv("PYTEST_INSIGHT", variable)
    assert pytester.runpytest_subprocess(*options).ret == 0
    assert count() == int(recorded)


@pytest.mark.parametrize(
    "option",
    [
        *("--collect-only", "--fixtures", "--fixtures-per-test", "--markers", "--cache-show"),
        *("--setup-plan", "--version", "--help"),
    ],
)
def test_a_question_to_pytest_is_no_run(pytester: pytest.Pytester, option: str) -> None:
    ran = pytester.runpytest_subprocess("--insight", "--insight-profile", "new", option)
    assert ran.ret == 0
    assert "insight: " not in ran.stdout.str()
    assert not locations.home().exists()


# Where to ----------------------------------------------------------------------------------------


def test_the_profile_of_the_option_comes_before_the_variable_and_that_before_the_ini_key(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("variable", "option"):
        create_profile(name)
    pytester.makeini("[pytest]\ninsight = true\ninsight_profile = ini")
    pytester.runpytest_subprocess()
    assert count("ini") == 1  # which was created
    monkeypatch.setenv("PYTEST_INSIGHT_PROFILE", "variable")
    pytester.runpytest_subprocess()
    pytester.runpytest_subprocess("--insight-profile", "option")
    assert [count(name) for name in ("ini", "variable", "option", "default")] == [1, 1, 1, 0]


def test_the_path_of_the_variable_comes_before_the_profile_of_the_ini_key(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makeini("[pytest]\ninsight = true\ninsight_profile = ini")
    path = pytester.path / "elsewhere.json"
    monkeypatch.setenv("PYTEST_INSIGHT_DB_PATH", str(path))
    pytester.runpytest_subprocess()
    assert JSONStorage(path).count() == 1
    assert "ini" not in list_profiles()


def test_runs_that_create_the_same_profile_at_once_all_record(pytester: pytest.Pytester) -> None:
    command = [sys.executable, "-m", "pytest", "--insight", "--insight-profile", "ci", "-q"]
    command += ["-p", "no:cacheprovider"]
    running = [
        subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.PIPE) for _ in range(6)
    ]
    for process in running:
        said = process.communicate(timeout=300)[0]
        assert process.returncode == 0, said
    assert count("ci") == 6


# Names -------------------------------------------------------------------------------------------


def test_the_name_of_the_option_comes_before_that_of_the_ini_key(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeini("[pytest]\ninsight = true\ninsight_sut =")
    pytester.runpytest_subprocess()
    assert last().sut_name == pytester.path.name
    pytester.makeini("[pytest]\ninsight = true\ninsight_sut = from ini")
    pytester.runpytest_subprocess()
    assert last().sut_name == "from ini"
    pytester.runpytest_subprocess("--insight-sut", "from option")
    assert last().sut_name == "from option"


def test_tags_are_repeated_and_a_value_may_be_anything(pytester: pytest.Pytester) -> None:
    tags = ["a=1", " b =x=y", "c=", "a=2", "d=two\nlines \u00fc [red]"]
    options = [part for tag in tags for part in ("--insight-tag", tag)]
    pytester.runpytest_subprocess("--insight", *options)
    assert last().session_tags == {
        "a": "2",
        "b": "x=y",
        "c": "",
        "d": "two\nlines \u00fc [red]",
    }


@pytest.mark.parametrize(
    ("options", "workers"),
    [
        ([], None),
        (["-n", "0"], None),
        (["-n", "3"], 3),
        (["-n", "5", "--maxprocesses", "2"], 2),
        (["--dist", "load", "--tx", "2*popen", "--tx", "popen"], 3),
    ],
    ids=str,
)
def test_the_number_of_workers_is_a_fact(
    pytester: pytest.Pytester, options: list[str], workers: int | None
) -> None:
    pytester.runpytest_subprocess("--insight", *options)
    assert last().testing_system.get("workers") == workers


# Mistakes ----------------------------------------------------------------------------------------

OPTIONS = {
    "a tag without a value": (["--insight-tag", "nightly"], "--insight-tag must be KEY=VALUE"),
    "a tag without a key": (["--insight-tag", " =x"], "--insight-tag must be KEY=VALUE"),
    "an empty tag": (["--insight-tag", ""], "--insight-tag must be KEY=VALUE"),
    "a profile with a slash": (["--insight-profile", "a/b"], "'a/b' cannot be the name"),
    "an empty profile": (["--insight-profile", ""], "'' cannot be the name"),
    "a reserved profile": (["--insight-profile", "sessions"], "'sessions' needs a path"),
    "a blank system": (["--insight-sut", " "], "--insight-sut must not be blank"),
    "an empty system": (["--insight-sut", ""], "--insight-sut must not be blank"),
}
INI = {
    "insight": ("insight = maybe", "ini key insight: invalid truth value 'maybe'"),
    "profile": ("insight_profile = a b", "'a b' cannot be the name"),
    "capture": ("insight_capture = some", "insight_capture must be failed, all or none"),
    "no number": (
        "insight_max_output = 64KiB",
        "insight_max_output must be a number of characters",
    ),
    "negative": ("insight_max_output = -1", "insight_max_output must be a number of characters"),
    "pattern": ("insight_redact =\n  fine\n  [", "'[' is not a regular expression"),
}
VARIABLES = {
    "switch": ("PYTEST_INSIGHT", "maybe", "PYTEST_INSIGHT must be 1 or 0"),
    "profile": ("PYTEST_INSIGHT_PROFILE", "missing", "unknown profile 'missing'"),
    "type": ("PYTEST_INSIGHT_STORAGE_TYPE", "clay", "unknown storage type 'clay'"),
}


def assert_refused(ran: pytest.RunResult, sentence: str) -> None:
    """A usage error with one sentence, and nothing else: no run, no session, no file."""
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    assert ran.stdout.str() == ""
    (line,) = (line for line in ran.errlines if line)
    assert line.startswith("ERROR: pytest-insight: ")
    assert sentence in line
    assert not locations.home().exists()


@pytest.mark.parametrize(("options", "sentence"), OPTIONS.values(), ids=OPTIONS)
def test_a_mistake_in_an_option_is_a_usage_error(
    pytester: pytest.Pytester, options: list[str], sentence: str
) -> None:
    assert_refused(pytester.runpytest_subprocess("--insight", *options), sentence)
    assert pytester.runpytest_subprocess("--no-insight", *options).ret == 0


@pytest.mark.parametrize(("line", "sentence"), INI.values(), ids=INI)
def test_a_mistake_in_an_ini_key_is_a_usage_error(
    pytester: pytest.Pytester, line: str, sentence: str
) -> None:
    switch = "" if line.startswith("insight =") else "insight = true\n"
    pytester.makeini(f"[pytest]\n{switch}{line}\n")
    assert_refused(pytester.runpytest_subprocess(), sentence)
    assert pytester.runpytest_subprocess("--no-insight").ret == 0


@pytest.mark.parametrize(("name", "value", "sentence"), VARIABLES.values(), ids=VARIABLES)
def test_a_mistake_in_a_variable_is_a_usage_error(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    sentence: str,
) -> None:
    monkeypatch.setenv(name, value)
    options = [] if name == "PYTEST_INSIGHT" else ["--insight"]
    assert_refused(pytester.runpytest_subprocess(*options), sentence)
    assert pytester.runpytest_subprocess("--no-insight").ret == 0


def test_a_profile_that_differs_in_case_only_is_a_usage_error(pytester: pytest.Pytester) -> None:
    create_profile("CI")
    ran = pytester.runpytest_subprocess("--insight", "--insight-profile", "ci")
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    assert "case does not tell them apart" in ran.stderr.str()


def test_a_broken_file_of_profiles_is_no_mistake_in_an_option(pytester: pytest.Pytester) -> None:
    create_profile("ci")
    locations.profiles_path().write_text("{")
    ran = pytester.runpytest_subprocess("--insight")
    ran.assert_outcomes(passed=1)
    assert ran.ret == 0
    ran.stdout.fnmatch_lines(["insight: this run is NOT recorded: the profiles in * cannot be*"])
    assert locations.profiles_path().read_text() == "{"
