"""Options, ini keys and environment variables: their precedence, and invalid values."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_insight import locations
from pytest_insight.storage import JSONStorage, create_profile, list_profiles
from tests.recording.runs import insight_lines, last_session, run


@pytest.fixture(autouse=True)
def suite(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(): pass")


def count(profile: str = "default") -> int:
    profiles = list_profiles()
    return JSONStorage(profiles[profile].path).count() if profile in profiles else 0


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
        ("true", " off ", [], False),
        ("true", "FALSE", [], False),
        ("true", "no", [], False),
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
    assert run(pytester, *options).ret == 0
    assert count() == int(recorded)


@pytest.mark.parametrize(
    "option",
    [
        *("--collect-only", "--fixtures", "--fixtures-per-test", "--markers", "--cache-show"),
        *("--setup-only", "--setup-plan", "--version", "--help"),
    ],
)
def test_a_question_to_pytest_is_no_run(pytester: pytest.Pytester, option: str) -> None:
    ran = run(pytester, "--insight", "--insight-profile", "new", option)
    assert ran.ret == 0
    assert "insight: " not in ran.stdout.str()
    assert not locations.home().exists()


def test_nothing_is_recorded_unless_asked_for(pytester: pytest.Pytester) -> None:
    ran = run(pytester)
    assert insight_lines(ran) == []
    assert not locations.home().exists()


def test_a_pytest_that_a_test_starts_is_not_recorded(
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
    assert run(pytester).ret == 0
    assert count() == 1


def test_a_pytest_that_a_test_starts_is_not_recorded_by_options_in_the_environment(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = "subprocess.run([sys.executable, '-m', 'pytest', *{}, 'inner.py'], check=True)"
    pytester.makepyfile(
        inner="def test_innermost(): pass",
        test_outer=f"import subprocess, sys\ndef test_a(): {inner.format([])}\n"
        f"def test_b(): {inner.format(['--insight'])}",
    )
    monkeypatch.setenv("PYTEST_ADDOPTS", "--insight -p no:cacheprovider")
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    assert pytester.runpytest_subprocess("test_outer.py").ret == 0
    # The outer run, and the one that was given the option itself.
    nodeids = {r.nodeid for s in JSONStorage().load_sessions() for r in s.test_results}
    assert nodeids == {"test_outer.py::test_a", "test_outer.py::test_b", "inner.py::test_innermost"}
    assert count() == 2


# Where to ----------------------------------------------------------------------------------------


def test_the_profile_of_the_option_comes_before_the_variable_and_that_before_the_ini_key(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("variable", "option"):
        create_profile(name)
    pytester.makeini("[pytest]\ninsight = true\ninsight_profile = ini")
    run(
        pytester,
    )
    assert count("ini") == 1  # which was created
    monkeypatch.setenv("PYTEST_INSIGHT_PROFILE", "variable")
    run(
        pytester,
    )
    run(pytester, "--insight-profile", "option")
    assert [count(name) for name in ("ini", "variable", "option", "default")] == [1, 1, 1, 0]


def test_the_path_of_the_variable_comes_before_the_profile_of_the_ini_key(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makeini("[pytest]\ninsight = true\ninsight_profile = ini")
    path = pytester.path / "elsewhere.json"
    monkeypatch.setenv("PYTEST_INSIGHT_DB_PATH", str(path))
    run(
        pytester,
    )
    assert JSONStorage(path).count() == 1
    assert "ini" not in list_profiles()


def test_runs_that_create_the_same_profile_at_once_all_record(pytester: pytest.Pytester) -> None:
    command = [sys.executable, "-m", "pytest", "--insight", "--insight-profile", "ci", "-q"]
    command += ["-p", "no:cacheprovider"]
    running = [
        subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.PIPE) for _ in range(3)
    ]
    for process in running:
        said = process.communicate(timeout=300)[0]
        assert process.returncode == 0, said
    assert count("ci") == 3


# Names -------------------------------------------------------------------------------------------


def test_the_name_of_the_option_comes_before_that_of_the_ini_key(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeini("[pytest]\ninsight = true\ninsight_sut =")
    run(
        pytester,
    )
    assert last_session().sut_name == pytester.path.name
    pytester.makeini("[pytest]\ninsight = true\ninsight_sut = from ini")
    run(
        pytester,
    )
    assert last_session().sut_name == "from ini"
    run(pytester, "--insight-sut", "from option")
    assert last_session().sut_name == "from option"


def test_tags_are_repeated_and_a_value_may_be_anything(pytester: pytest.Pytester) -> None:
    tags = ["a=1", " b =x=y", "c=", "a=2", "d=two\nlines \u00fc [red]"]
    options = [part for tag in tags for part in ("--insight-tag", tag)]
    run(pytester, "--insight", *options)
    assert last_session().session_tags == {
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
        (["-n", "3", "--maxprocesses", "1"], 1),
        (["--dist", "load", "--tx", "1*popen", "--tx", "popen"], 2),
    ],
    ids=str,
)
def test_the_number_of_workers_is_a_fact(
    pytester: pytest.Pytester, options: list[str], workers: int | None
) -> None:
    run(pytester, "--insight", *options)
    assert last_session().testing_system.get("workers") == workers


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
    """Fail unless pytest printed one usage error and nothing was run or written."""
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
    assert_refused(run(pytester, "--insight", *options), sentence)
    assert run(pytester, "--no-insight", *options).ret == 0


@pytest.mark.parametrize("table", ["tool.pytest", "tool.pytest.ini_options"])
@pytest.mark.parametrize("key", ["profile", "sut", "capture", "max_output"])
def test_a_list_for_an_ini_key_is_a_usage_error(
    pytester: pytest.Pytester, key: str, table: str
) -> None:
    if table == "tool.pytest" and pytest.version_tuple < (9,):
        pytest.skip("this pytest does not read it")
    pytester.makepyprojecttoml(f"[{table}]\ninsight_{key} = [1, 2]\n")
    ran = run(pytester, "--insight")
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = (line for line in ran.errlines if line)
    assert f"insight_{key}" in line
    assert "[1, 2]" in line
    assert not locations.home().exists()


@pytest.mark.parametrize(("line", "sentence"), INI.values(), ids=INI)
def test_a_mistake_in_an_ini_key_is_a_usage_error(
    pytester: pytest.Pytester, line: str, sentence: str
) -> None:
    switch = "" if line.startswith("insight =") else "insight = true\n"
    pytester.makeini(f"[pytest]\n{switch}{line}\n")
    assert_refused(
        run(
            pytester,
        ),
        sentence,
    )
    assert run(pytester, "--no-insight").ret == 0


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
    assert_refused(run(pytester, *options), sentence)
    assert run(pytester, "--no-insight").ret == 0


def test_a_profile_that_differs_in_case_only_is_a_usage_error(pytester: pytest.Pytester) -> None:
    create_profile("CI")
    ran = run(pytester, "--insight", "--insight-profile", "ci")
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
    assert "case makes no difference" in ran.stderr.str()


@pytest.mark.parametrize(
    "content",
    [
        '{"version":1,"active":"gone","profiles":{}}',
        '{"version":1,"active":"p","profiles":{"p":{"storage_type":"no-such-type"}}}',
    ],
)
def test_a_wrong_profiles_file_stops_no_run(pytester: pytest.Pytester, content: str) -> None:
    locations.profiles_path().parent.mkdir(parents=True)
    locations.profiles_path().write_text(content)
    ran = run(pytester, "--insight")
    assert ran.ret == 0
    ran.stdout.fnmatch_lines(["insight: this run is NOT recorded: *"])


def test_a_broken_file_of_profiles_is_no_mistake_in_an_option(pytester: pytest.Pytester) -> None:
    create_profile("ci")
    locations.profiles_path().write_text("{")
    ran = run(pytester, "--insight")
    ran.assert_outcomes(passed=1)
    assert ran.ret == 0
    ran.stdout.fnmatch_lines(["insight: this run is NOT recorded: the profiles in * cannot be*"])
    assert locations.profiles_path().read_text() == "{"
