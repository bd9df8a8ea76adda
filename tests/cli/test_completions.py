"""What TAB completes, in real shells at a real terminal, each where it is installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from pytest_insight.cli.completion.shells import Typed, typed
from pytest_insight.storage import JSONStorage, create_profile
from tests.cli.conftest import Insight
from tests.conftest import MakeSession
from tests.tools import tool

ROOT = Path(__file__).parents[2]
COMPLETIONS = ROOT / "completions"

BREAKS = " \t\n\"'@><=;|&(:"
"""Bash's COMP_WORDBREAKS, as it comes."""

Complete = Callable[[str], list[str]]

STARTS = {
    "bash": ["--norc", "--noprofile", "-i"],
    "zsh": ["-f", "-i"],
    "fish": ["--no-config", "-i"],
}
PREPARES = {
    "bash": "PS1='READY '; bind 'set enable-bracketed-paste off'; "
    f"source {COMPLETIONS}/insight.bash",
    "zsh": "PROMPT='READY '; unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -u -D; "
    f"source {COMPLETIONS}/insight.zsh",
}


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
    """Type a line and TAB at the shell's prompt; the words that a command would get."""
    name: str = request.param
    shell = tool(name)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = pexpect.spawn(
        shell,
        STARTS[name],
        env={**os.environ, "PATH": path, "TERM": "dumb"},
        encoding="utf-8",
        timeout=30,
        dimensions=(24, 500),
    )
    process.sendline(PREPARES[name])
    process.sendline("echo prepared: $((6 * 7))")
    process.expect("prepared: 42")
    process.expect("READY ")

    def complete(line: str) -> list[str]:
        # To the beginning of the line that TAB has completed, and to its end: the words of it are
        # printed as a command gets them.
        process.send(f"{line}\t\x01printf '<%s>\\n' \x05; echo E''ND\n")
        process.expect("END\r?\n")
        assert isinstance(process.before, str)
        words = re.findall(r"^<(.*)>\r?$", process.before, re.MULTILINE)
        process.expect("READY ")
        return words

    yield complete
    process.close(force=True)


LINES = [
    ("insight prof", "insight profile"),
    ("insight sessions sh", "insight sessions show"),
    ("insight sessions list --branc", "insight sessions list --branch"),
    ("insight sessions list --profile demo", "insight sessions list --profile demonstration"),
    ("insight --profile def", "insight --profile default"),
    ("insight sessions show pay", "insight sessions show payments-20261100"),
    ("insight sessions show la", "insight sessions show last"),
    ("insight query tests --sut pa", "insight query tests --sut payments"),
    ("insight query tests --outcome xf", "insight query tests --outcome xfailed"),
    ("insight sessions list --format c", "insight sessions list --format csv"),
    ("insight --profile demonstration query tests --sut el", "insight --profile demonstration "
     "query tests --sut elsewhere"),
    ("insight sessions pin --profile demonstration el", "insight sessions pin --profile "
     "demonstration elsewhere-1"),
]  # fmt: skip


def test_tab_completes_at_the_prompt(at_prompt: Complete, history: JSONStorage) -> None:
    wanted = {line: completed.split() for line, completed in LINES}
    assert {line: at_prompt(line) for line in wanted} == wanted


def in_fish(line: str) -> list[str]:
    """What fish offers for the line: it says so itself."""
    fish = tool("fish")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    script = f"source {COMPLETIONS}/insight.fish; complete --do-complete '{line}'"
    ran = subprocess.run(
        [fish, "--no-config", "-c", script],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stderr == ""
    return [offer.split("\t")[0] for offer in ran.stdout.splitlines()]


@pytest.mark.parametrize(("line", "completed"), LINES)
def test_fish_offers_the_same(history: JSONStorage, line: str, completed: str) -> None:
    assert in_fish(line) == [completed.rsplit(maxsplit=1)[-1]]


def test_fish_says_what_commands_do(history: JSONStorage) -> None:
    assert {"list", "show", "clear", "pin", "verify"} <= set(in_fish("insight sessions "))


def offered(insight: Insight, *words: str, **variables: str) -> list[str]:
    """What bash would be offered behind the words, the last of which is being typed."""
    environment = {
        "_INSIGHT_COMPLETE": "bash",
        "_INSIGHT_LINE": " ".join(["insight", *words]),
        "_INSIGHT_BREAKS": BREAKS,
    }
    printed = insight(env=environment | variables)
    assert printed.err == ""
    return printed.out.split()


def test_sessions_are_offered_the_newest_first(insight: Insight, history: JSONStorage) -> None:
    assert offered(insight, "sessions", "show", "s") == ["search-20261102", "shop-20261101"]


def test_many_sessions_are_not_all_offered(insight: Insight, make_session: MakeSession) -> None:
    JSONStorage().save_sessions(make_session(n) for n in range(150))
    ids = offered(insight, "sessions", "show", "a")
    assert len(ids) == 100
    assert ids[0] == "api-149"


def test_the_environment_names_the_profile(insight: Insight, history: JSONStorage) -> None:
    words = ("sessions", "show", "e")
    assert offered(insight, *words, PYTEST_INSIGHT_PROFILE="demonstration") == ["elsewhere-1"]


@pytest.mark.parametrize("words", ["sessions show x", "query tests --sut x", "--profile x"])
def test_where_something_is_wrong_nothing_is_offered_and_nothing_written(
    insight: Insight, tmp_path: Path, words: str
) -> None:
    home = tmp_path / "broken"
    home.mkdir()
    (home / "profiles.json").write_text("{")
    (home / "sessions.json").write_text("no store")
    before = sorted(home.iterdir())
    assert offered(insight, *words.split(), PYTEST_INSIGHT_HOME=str(home)) == []
    if "sessions" not in words and "sut" not in words:
        assert sorted(home.iterdir()) == before


def test_a_tab_makes_no_file(insight: Insight, tmp_path: Path) -> None:
    home = tmp_path / "fresh"
    assert offered(insight, "sessions", "show", "x", PYTEST_INSIGHT_HOME=str(home)) == []
    assert not home.exists()


def test_a_tab_imports_no_rich(store: JSONStorage) -> None:
    script = (
        "import sys, atexit\n"
        "atexit.register(lambda: print('LOADED', *sys.modules, file=sys.stderr))\n"
        "from pytest_insight.cli import main\n"
        "main()"
    )
    variables = {
        "_INSIGHT_COMPLETE": "zsh",
        "_INSIGHT_LINE": "insight sessions l",
    }
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "list" in ran.stdout
    loaded = ran.stderr.split()
    assert "pytest_insight.cli.app" in loaded
    assert not [name for name in loaded if name.startswith("rich.")]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_committed_files_are_those_the_command_generates(insight: Insight, shell: str) -> None:
    generated = insight(env={"_INSIGHT_COMPLETE": f"source_{shell}"}).out
    assert (COMPLETIONS / f"insight.{shell}").read_text() == generated
    assert insight("--show-completion", env={"SHELL": f"/usr/bin/{shell}"}).out == generated


ODD = [
    "api:v2",
    "my shop",
    "it's",
    'say "so',
    r"ev\$(touch ../harm)",
    "`touch harm`",
    "*",
    "日本 x",
]
"""Names of SUTs that a shell reads something else in; no two begin with the same letter."""


@pytest.fixture
def odd(make_session: MakeSession) -> list[str]:
    JSONStorage().save_sessions(
        make_session(n, session_id=f"{name}-1", sut_name=name) for n, name in enumerate(ODD)
    )
    return ODD


@pytest.mark.parametrize("begin", ["", "'", '"'])
def test_odd_names_reach_the_command_as_they_are(
    at_prompt: Complete, odd: list[str], tmp_path: Path, begin: str
) -> None:
    for name in odd:
        if begin and name[0] in "'\"`*":
            continue  # its first letter must be quoted otherwise
        typed_first = name[0] if name[0] not in "`*" else f"\\{name[0]}"
        words = at_prompt(f"insight query tests --sut {begin}{typed_first}")
        assert words == ["insight", "query", "tests", "--sut", name]
    assert not list(tmp_path.rglob("harm"))


def test_a_name_is_completed_behind_a_colon_a_blank_and_an_equals_sign(
    at_prompt: Complete, odd: list[str]
) -> None:
    wanted = {
        "insight sessions show api:": ["insight", "sessions", "show", "api:v2-1"],
        "insight sessions show my\\ s": ["insight", "sessions", "show", "my shop-1"],
        "insight sessions list --format=j": ["insight", "sessions", "list", "--format=json"],
        "insight export --tag 'a b' --sut=api:v": [
            "insight",
            "export",
            "--tag",
            "a b",
            "--sut=api:v2",
        ],
    }
    assert {line: at_prompt(line) for line in wanted} == wanted


def test_fish_offers_odd_names_as_they_are(odd: list[str]) -> None:
    assert sorted(in_fish("insight query tests --sut ")) == sorted(odd)
    assert in_fish("insight query tests --sut my\\\\ s") == ["my shop"]
    assert in_fish("insight sessions list --format=j") == ["--format=json"]


def test_a_name_that_is_no_line_is_not_offered(insight: Insight, make_session: MakeSession) -> None:
    for number, name in enumerate(["two\nlines", "red\x1b[31m", "tab\tbed"]):
        JSONStorage().save_session(make_session(number, session_id=f"{number}", sut_name=name))
    assert offered(insight, "query", "tests", "--sut", "") == []


@pytest.mark.parametrize(
    ("line", "breaks", "read"),
    [
        ("insight sessions sh", "", Typed(["insight", "sessions", "sh"], "", 0)),
        ("insight  show ", "", Typed(["insight", "show", ""], "", 0)),
        (r"insight a\ b:c", ":", Typed(["insight", "a b:c"], "", 4)),
        (r"insight a\:c", ":", Typed(["insight", "a:c"], "", 0)),
        ("insight 'a b' \"c:d", ":", Typed(["insight", "a b", "c:d"], '"', 0)),
        ("insight --sut='it", "=", Typed(["insight", "--sut=it"], "'", 6)),
        ("insight x\\", "", Typed(["insight", "x"], "", 0)),
        ("", "", Typed([""], "", 0)),
    ],
)
def test_a_line_is_read_as_a_shell_reads_it(line: str, breaks: str, read: Typed) -> None:
    assert typed(line, breaks) == read


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_installed_once_and_works(
    insight: Insight, tmp_path: Path, shell: str
) -> None:
    program = tool(shell)
    home = tmp_path / "somebody"
    home.mkdir()
    start = home / {"bash": ".bashrc", "zsh": ".zshrc", "fish": "none"}[shell]
    if shell != "fish":
        start.write_text("# no line break at its end")
    environment = {"HOME": str(home), "SHELL": program}
    insight("--install-completion", env=environment)
    before = {path: path.read_text() for path in home.rglob("*") if path.is_file()}
    insight("--install-completion", env=environment)
    after = {path: path.read_text() for path in home.rglob("*") if path.is_file()}
    assert before == after
    asks = {
        "bash": "complete -p insight",
        "zsh": "print -r -- $_comps[insight]",
        "fish": "complete --do-complete 'insight --vers'",
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        [program, "-i", "-c", asks[shell]],
        env={**os.environ, **environment, "PATH": path, "TERM": "dumb"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert re.search(r"_insight|--version", ran.stdout), ran


def test_a_shell_without_completion_is_told_what_there_is(insight: Insight) -> None:
    printed = insight("--install-completion", env={"SHELL": "/bin/tcsh"}, status=1)
    assert "'tcsh'" in printed.err
    assert "bash, zsh, fish" in printed.err


def test_it_is_completed_by_whatever_name_it_was_called() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pytest_insight"],
        env={**os.environ, "_INSIGHT_COMPLETE": "bash", "_INSIGHT_LINE": "insight ses"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout.split() == ["sessions"]
