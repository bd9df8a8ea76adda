from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.cli.conftest import Insight

ROOT = Path(__file__).parents[2]


def test_alone_it_shows_its_commands(insight: Insight) -> None:
    out = insight().out
    for name in ("profile", "sessions", "export", "import", "query"):
        assert name in out


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["profile"],
        *(["profile", name] for name in ("create", "list", "show", "switch", "delete")),
        *(["sessions", name] for name in ("list", "show", "clear")),
        ["export"],
        ["import"],
        *(["query", name] for name in ("sessions", "tests")),
    ],
)
def test_every_command_explains_itself_with_an_example(
    insight: Insight, command: list[str]
) -> None:
    out = insight(*command, "--help").out
    assert "Usage: insight" in out
    if len(command) == 2 or command in (["export"], ["import"]):
        assert "Example: insight" in out
    assert insight(*command, "-h").out == out


def test_the_version_is_that_of_the_distribution(insight: Insight) -> None:
    assert insight("--version").out == f"pytest-insight {version('pytest-insight')}\n"


def test_a_mistyped_command_is_met_with_the_one_that_is_meant(insight: Insight) -> None:
    assert "'sessions'" in insight("sesions", status=2).err


def test_python_dash_m_is_the_same_command() -> None:
    process = subprocess.run(
        [sys.executable, "-m", "pytest_insight", "--version"], capture_output=True, check=True
    )
    assert process.stdout.startswith(b"pytest-insight ")


def test_an_unexpected_error_shows_its_traceback() -> None:
    script = (
        "from unittest import mock\n"
        "from pytest_insight.cli import main\n"
        "from pytest_insight.storage.json_file import JSONStorage\n"
        "with mock.patch.object(JSONStorage, 'iter_sessions', side_effect=ZeroDivisionError):\n"
        "    main()\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", script, "sessions", "list"], capture_output=True, check=False
    )
    assert process.returncode == 1
    assert b"Traceback" in process.stderr
    assert b"ZeroDivisionError" in process.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_committed_completions_are_those_the_command_generates(
    insight: Insight, shell: str
) -> None:
    generated = insight(env={"_INSIGHT_COMPLETE": f"source_{shell}"}).out
    # zsh looks for `#compdef` in the first line; Typer begins with a blank one.
    assert (ROOT / "completions" / f"insight.{shell}").read_text() == generated.lstrip("\n")


def test_bash_completes_commands() -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    script = (
        f"source {ROOT}/completions/insight.bash; COMP_WORDS=(insight prof); COMP_CWORD=1; "
        '_insight_completion insight; echo "${COMPREPLY[@]}"'
    )
    process = subprocess.run(
        ["bash", "-c", script], capture_output=True, check=True, env={**os.environ, "PATH": path}
    )
    assert process.stdout.strip() == b"profile"
