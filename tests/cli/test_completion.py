"""Completion: the candidates, and what TAB does in real shells on a real terminal."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pexpect
import pytest

from pytest_insight.models import CodeState, TestOutcome, TestResult
from pytest_insight.storage import JSONStorage, create_profile
from tests.cli.conftest import Insight
from tests.conftest import START, MakeSession
from tests.tools import tool

COMPLETIONS = Path(__file__).parents[2] / "completions"
SHELLS = ["bash", "zsh", "fish"]

every_shell = pytest.mark.parametrize("shell", SHELLS)

# The words that a command would get after TAB was pressed behind the line.
Complete = Callable[[str], list[str]]

STARTS = {
    "bash": ["--norc", "--noprofile", "-i"],
    "zsh": ["-f", "-i"],
}
PREPARATIONS = {
    "bash": "PS1='READY '; bind 'set enable-bracketed-paste off'; "
    f"source {COMPLETIONS}/insight.bash",
    "zsh": "PROMPT='READY '; unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -u -D; "
    f"source {COMPLETIONS}/insight.zsh",
}


def variables() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "TERM": "dumb"}


@pytest.fixture
def history(make_session: MakeSession) -> JSONStorage:
    storage = JSONStorage()
    storage.save_sessions(
        make_session(n, session_id=f"{name}-2026110{n}", sut_name=name)
        for n, name in enumerate(["payments", "shop", "search"])
    )
    create_profile("demonstration")
    JSONStorage(storage.file_path.with_name("demonstration.json")).save_session(
        make_session(0, session_id="elsewhere-1", sut_name="elsewhere")
    )
    return storage


@pytest.fixture(params=["bash", "zsh"])
def at_prompt(request: pytest.FixtureRequest) -> Iterator[Complete]:
    name: str = request.param
    process = pexpect.spawn(
        tool(name),
        STARTS[name],
        env=variables(),
        encoding="utf-8",
        timeout=30,
        dimensions=(24, 500),
    )
    process.sendline(PREPARATIONS[name])
    process.sendline("echo prepared: $((6 * 7))")
    process.expect("prepared: 42")
    process.expect("READY ")

    def complete(line: str) -> list[str]:
        # Ctrl-A and Ctrl-E put a command around the completed line that prints its words.
        process.send(f"{line}\t\x01printf '<%s>\\n' \x05; echo E''ND\n")
        process.expect("END\r?\n")
        assert isinstance(process.before, str)
        words = re.findall(r"^<(.*)>\r?$", process.before, re.MULTILINE)
        process.expect("READY ")
        return words

    yield complete
    process.close(force=True)


def in_fish(line: str) -> list[str]:
    """What fish offers for the line: fish can print it."""
    script = f"source {COMPLETIONS}/insight.fish; complete --do-complete '{line}'"
    ran = subprocess.run(
        [tool("fish"), "--no-config", "-c", script],
        env=variables(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stderr == ""
    return [candidate.split("\t")[0] for candidate in ran.stdout.splitlines()]


LINES = {
    "insight prof": "insight profile",
    "insight sessions list --branc": "insight sessions list --branch",
    "insight sessions show pay": "insight sessions show payments-20261100",
    "insight --profile demonstration query tests --sut el": "insight --profile demonstration "
    "query tests --sut elsewhere",
}
"""A command, an option, an argument and an option's value."""

OFFERED = {
    "insight sessions sh": "show",
    "insight query tests --outc": "--outcome",
    "insight sessions list --profile demo": "demonstration",
    "insight --profile def": "default",
    "insight sessions show la": "last",
    "insight query tests --sut pa": "payments",
    "insight query tests --outcome xf": "xfailed",
    "insight sessions list --format c": "csv",
    "insight sessions pin --profile demonstration el": "elsewhere-1",
}
"""What the shells have from the command in the same way: they need not be asked for each."""


def test_tab_completes_at_the_prompt(at_prompt: Complete, history: JSONStorage) -> None:
    expected = {line: completed.split() for line, completed in LINES.items()}
    assert {line: at_prompt(line) for line in expected} == expected


def test_fish_offers_the_same(history: JSONStorage) -> None:
    expected = {line: completed.split()[-1] for line, completed in LINES.items()}
    assert {line: in_fish(line)[0] for line in expected} == expected


@pytest.mark.parametrize("line", OFFERED)
def test_commands_options_and_values_are_offered(
    insight: Insight, history: JSONStorage, line: str
) -> None:
    assert candidates(insight, line)[0] == OFFERED[line]


def test_fish_offers_commands_with_their_help(history: JSONStorage) -> None:
    assert {"list", "show", "clear", "pin", "verify"} <= set(in_fish("insight sessions "))


HOSTILE = [
    "$(touch x)",
    "`touch x`",
    "a;touch x",
    "b|touch x",
    "c&touch${IFS}x",
    "d\ntouch x",
    "e\x1b[31m",
    "f'$(touch x)'",
    'g"$(touch x)"',
    "h x",
    "i*",
    "[j]",
    "k\\",
    "~root",
    "-x",
    "!!",
    "{l,m}",
    "<(touch x)",
]
"""Names that a shell could run or expand, or that are more than one word."""

HARMLESS = ["team/api", "u-1.2_3", "v@w+x", "日本"]


@pytest.fixture
def hostile(make_session: MakeSession) -> None:
    JSONStorage().save_sessions(
        make_session(n, session_id=f"{name}", sut_name=name)
        for n, name in enumerate([*HOSTILE, *HARMLESS])
    )


def test_a_name_that_a_shell_could_run_is_not_offered_and_not_run(
    at_prompt: Complete, hostile: None, tmp_path: Path
) -> None:
    command = ["insight", "query", "tests", "--sut"]
    for name in ("v@w+x", "日本"):
        assert at_prompt(f"{' '.join(command)} {name[0]}") == [*command, name]
    for typed in ("", r"\$", r"\`", "a", "d", r"\!"):
        at_prompt(f"{' '.join(command)} {typed}")
    at_prompt("insight sessions show ")
    assert [path for path in tmp_path.rglob("x") if path.is_file()] == []


def test_fish_offers_harmless_names_only(hostile: None, tmp_path: Path) -> None:
    assert sorted(in_fish("insight query tests --sut ")) == sorted(HARMLESS)
    assert [path for path in tmp_path.rglob("x") if path.is_file()] == []


def candidates(insight: Insight, line: str, **env: str) -> list[str]:
    """What Typer prints for fish, which reads one candidate per line."""
    asked = {
        "_INSIGHT_COMPLETE": "complete_fish",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_ARGS": line,
    }
    printed = insight(env=asked | env)
    assert printed.err == ""
    return [candidate.split("\t")[0] for candidate in printed.out.splitlines() if candidate]


def test_commands_are_offered_after_help(insight: Insight) -> None:
    assert candidates(insight, "insight help fa") == ["failures"]
    assert candidates(insight, "insight help sessions pr") == ["prune"]
    assert candidates(insight, "insight version x") == []


def test_branches_commits_and_tags_of_the_store_are_candidates(
    insight: Insight, make_session: MakeSession
) -> None:
    for number, branch in enumerate(["main", "release/1", "it's", "main"]):
        code = CodeState(f"{number}a2b3c4d" * 5, branch)
        tags = {"ci": "nightly", "os": f"v{number}"}
        session = make_session(number, code_state=code, session_tags=tags)
        JSONStorage().save_session(session)
    JSONStorage().save_session(make_session(9))
    assert candidates(insight, "insight query tests --branch ") == ["main", "release/1"]
    assert candidates(insight, "insight export --branch re") == ["release/1"]
    found = candidates(insight, "insight query tests --commit ")
    assert found == ["3a2b3c4d3a2b", "2a2b3c4d2a2b", "1a2b3c4d1a2b", "0a2b3c4d0a2b"]
    assert candidates(insight, "insight sessions list --commit 2a2b") == ["2a2b3c4d2a2b"]
    found = candidates(insight, "insight query tests --tag ")
    assert found == ["ci=nightly", "os=v3", "os=v2", "os=v1", "os=v0"]
    assert candidates(insight, "insight query tests --tag os=v1") == ["os=v1"]


def test_harmless_names_are_candidates_and_hostile_ones_are_not(
    insight: Insight, hostile: None
) -> None:
    assert sorted(candidates(insight, "insight query tests --sut ")) == sorted(HARMLESS)
    for name in HOSTILE:
        assert name not in candidates(insight, f"insight query tests --sut '{name[0]}")
    found = candidates(insight, "insight sessions show ")
    assert sorted(found) == sorted(["last", "last~1", *HARMLESS])


def test_sessions_are_offered_newest_first(insight: Insight, history: JSONStorage) -> None:
    found = candidates(insight, "insight sessions show s")
    assert found == ["search-20261102", "shop-20261101"]


def test_sessions_dated_in_the_future_are_offered_last(
    insight: Insight, history: JSONStorage, make_session: MakeSession
) -> None:
    ahead = datetime.now(UTC) + timedelta(days=900)
    history.save_session(make_session(session_id="soon", session_start_time=ahead))
    found = candidates(insight, "insight sessions show s")
    assert found == ["search-20261102", "shop-20261101", "soon"]


def test_runs_are_offered_by_their_ci_id_or_else_by_session_newest_first(
    insight: Insight, make_session: MakeSession
) -> None:
    in_ci: list[dict[str, Any]] = [{}, {"ci": {"run_id": "11"}}, {"ci": {"run_id": "22"}}]
    facts = [in_ci[0], in_ci[1], in_ci[1], in_ci[2]]
    sessions = [make_session(n, testing_system=each) for n, each in enumerate(facts)]
    JSONStorage().save_sessions(sessions)
    line = "insight query tests --run "
    assert candidates(insight, line) == ["last", "last~1", "22", "11", "api-0"]


def test_of_many_sessions_only_the_newest_are_offered(
    insight: Insight, make_session: MakeSession
) -> None:
    JSONStorage().save_sessions(make_session(n) for n in range(150))
    ids = candidates(insight, "insight sessions show a")
    assert len(ids) == 100
    assert ids[0] == "api-149"


def test_the_environment_names_the_profile(insight: Insight, history: JSONStorage) -> None:
    line = "insight sessions show e"
    assert candidates(insight, line, PYTEST_INSIGHT_PROFILE="demonstration") == ["elsewhere-1"]


@pytest.mark.parametrize("line", ["sessions show x", "query tests --sut x", "--profile x"])
def test_a_damaged_store_offers_nothing(insight: Insight, tmp_path: Path, line: str) -> None:
    home = tmp_path / "broken"
    home.mkdir()
    (home / "profiles.json").write_text("{")
    (home / "sessions.json").write_text("no store")
    assert candidates(insight, f"insight {line}", PYTEST_INSIGHT_HOME=str(home)) == []


TESTS = (
    "tests/test_a.py::TestX::test_one",
    "tests/test_a.py::test_two[1]",
    "tests/test_a.py::test_two[$(touch x)]",
    "tests/unit/test_b.py::test_three",
)


@pytest.fixture
def suite(make_session: MakeSession) -> None:
    """Tests that all failed, and a file in the current folder."""
    results = [
        TestResult(name, TestOutcome.FAILED, START, 1, message="KeyError: 'x'") for name in TESTS
    ]
    session = make_session(
        test_results=results,
        session_tags={"ci": "nightly"},
        code_state=CodeState("ab" * 20, "main"),
    )
    JSONStorage().save_session(session)
    Path("errors.txt").touch()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("compare ma", ["main"]),
        ("compare main la", ["last", "last~1"]),
        ("compare abab", ["ab" * 6]),
        ("compare api", ["api-0"]),
        ("compare def", ["default"]),
        ("compare main --only new-failure,fi", ["new-failure,fixed"]),
        ("compare err", []),  # so that shells offer the names of files
    ],
)
def test_what_can_be_compared_is_offered(
    insight: Insight, suite: None, line: str, offered: list[str]
) -> None:
    assert candidates(insight, f"insight {line}") == offered


def test_a_nodeid_is_completed_at_the_prompt_and_a_text_is_not_a_file(
    suite: None, at_prompt: Complete
) -> None:
    lines = {
        "insight query tests tests/test_a.py tests/unit/test_b.py::": TESTS[3],
        "insight query tests --error e": "e",  # not the file
    }
    assert {line: at_prompt(line)[-1] for line in lines} == lines


@pytest.mark.parametrize(
    ("line", "inserted"),
    [
        ("history tests/test_a.py :: TestX :: te", "test_one"),
        ("history tests/test_a.py ::", "test_two"),
        ("query tests tests/u", "tests/unit/test_b.py"),
        ("query tests --nodeid tests/test_a.py :: T", "TestX::test_one"),
        ("query tests --tag ci = n", "nightly"),
        ("query tests --tag = ci = n", "nightly"),
        ("query tests --branch = m", "main"),
    ],
)
def test_words_that_bash_has_split_are_joined(
    insight: Insight, suite: None, line: str, inserted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["insight", *line.split()]
    monkeypatch.setenv("COMP_WORDS", "\n".join(words))
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    assert inserted in insight(env={"_INSIGHT_COMPLETE": "complete_bash"}).out.splitlines()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("sessions list -k t", ["test_one", "test_two", "test_three", "test_a.py", "test_b.py"]),
        ("query tests -k T", ["TestX"]),
        ("query tests --error K", ["KeyError"]),
        ("query tests --error e", ["e"]),
        ("query tests --captured e", ["e"]),
        ("query tests --captured $", []),
        ("query tests --limit 1", ["1"]),
        ("query tests --since mo", ["monday"]),
        ("query tests --fields nodeid,out", ["nodeid,outcome"]),
        ("query tests --group --fields nodeid,p9", ["nodeid,p95"]),
        ("failures --fields crash,m", ["crash,message"]),
    ],
)
def test_every_option_that_takes_a_text_has_candidates(
    insight: Insight, suite: None, line: str, offered: list[str]
) -> None:
    assert candidates(insight, f"insight {line}") == offered


def test_files_are_offered_before_the_tests_in_one_of_them(insight: Insight, suite: None) -> None:
    files = ["tests/test_a.py", "tests/unit/test_b.py"]
    assert candidates(insight, "insight query tests t") == files
    tests = ["tests/unit/test_b.py", "tests/unit/test_b.py::test_three"]
    assert candidates(insight, "insight query tests tests/unit") == tests


def test_a_tab_makes_no_file(insight: Insight, tmp_path: Path) -> None:
    home = tmp_path / "fresh"
    assert candidates(insight, "insight sessions show x", PYTEST_INSIGHT_HOME=str(home)) == []
    assert not home.exists()


def test_a_tab_does_not_import_rich(store: JSONStorage) -> None:
    script = (
        "import sys, atexit\n"
        "atexit.register(lambda: print('LOADED', *sys.modules, file=sys.stderr))\n"
        "from pytest_insight.cli import main\n"
        "sys.argv = ['insight']\n"
        "main()"
    )
    asked = {"_INSIGHT_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "insight sessions l"}
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "list" in ran.stdout
    loaded = ran.stderr.split()
    assert "pytest_insight.cli.app" in loaded
    assert [name for name in loaded if name.startswith("rich.")] == []


@every_shell
def test_the_committed_scripts_are_those_of_typer(insight: Insight, shell: str) -> None:
    generated = insight(env={"_INSIGHT_COMPLETE": f"source_{shell}"}).out
    assert (COMPLETIONS / f"insight.{shell}").read_text().strip() == generated.strip()


@pytest.mark.parametrize(
    ("shell", "variable", "files"),
    [
        ("zsh", "ZDOTDIR", {".zfunc/_insight", ".zshrc"}),
        ("fish", "XDG_CONFIG_HOME", {"fish/completions/insight.fish"}),
    ],
)
def test_completion_is_installed_in_the_folder_that_the_shell_reads(
    tmp_path: Path, shell: str, variable: str, files: set[str]
) -> None:
    program = tool(shell)
    home, folder = tmp_path / "user", tmp_path / "my settings"
    home.mkdir()
    folder.mkdir()
    if shell == "zsh":
        (folder / ".zshrc").write_text("# mine")
    environment = {**variables(), "HOME": str(home), variable: str(folder), "SHELL": program}
    for number in (1, 2):
        subprocess.run(
            [program, "-c", "insight --install-completion; true"],
            env=environment,
            check=True,
            capture_output=True,
            timeout=60,
        )
        if shell == "zsh":
            lines = (folder / ".zshrc").read_text().splitlines()
            assert (number, lines[0], len(lines)) == (number, "# mine", 2)
    ours = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files <= ours
    assert list(home.rglob("*insight*")) == []
    assert not (home / ".zshrc").exists()
    asked = {"zsh": "print -r -- $_comps[insight]", "fish": "complete --do-complete 'insight --v'"}
    ran = subprocess.run(
        [program, "-i", "-c", asked[shell]],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert re.search(r"_insight|--version", ran.stdout), ran


@every_shell
def test_an_installed_completion_works(tmp_path: Path, shell: str) -> None:
    program = tool(shell)
    home = tmp_path / "user"
    home.mkdir()
    asks = {
        "bash": "complete -p insight",
        "zsh": "print -r -- $_comps[insight]",
        "fish": "complete --do-complete 'insight --vers'",
    }
    # The shell runs the command that installs: Typer looks at the parent process.
    scripts = ["insight --install-completion; true", asks[shell]]
    for script in scripts:
        ran = subprocess.run(
            [program, "-i", "-c", script],
            env={**variables(), "HOME": str(home), "SHELL": program},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert re.search(r"_insight|--version", ran.stdout), ran
