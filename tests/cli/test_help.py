"""Every command and option explains itself, with an example that works."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_insight.models import CodeState
from pytest_insight.storage import JSONStorage, create_profile
from tests.cli.conftest import Insight
from tests.conftest import MakeSession
from tests.reference import Command, commands

every_command = pytest.mark.parametrize(
    "command", commands(), ids=lambda command: " ".join(command.words)
)


@every_command
def test_a_command_has_a_sentence_and_each_option_one_with_an_example(command: Command) -> None:
    assert command.sentences.endswith(".")
    assert f"insight {' '.join(command.words)}" in command.example
    for parameter in (*command.arguments, *command.options):
        assert parameter.help, parameter.name
        assert parameter.help[0].isupper() or parameter.help.startswith(("json", "`")), parameter
    for option in command.options:
        if not option.is_flag:
            name = option.opts[0]
            assert f"Example: {name} " in option.help, f"{' '.join(command.words)} {name}"


@every_command
def test_the_help_is_shown_at_80_columns(insight: Insight, command: Command) -> None:
    out = insight(*command.words, "--help", env={"COLUMNS": "80"}).out
    assert "Usage: insight " + " ".join(command.words) in out
    assert "Example: " in out
    assert max(map(len, out.splitlines())) <= 80
    assert insight(*command.words, "-h", env={"COLUMNS": "80"}).out == out


@every_command
def test_the_example_works(make_session: MakeSession, command: Command) -> None:
    code = CodeState("1a2b3c4" * 5, "main")
    JSONStorage().save_sessions(make_session(n, code_state=code) for n in range(3))
    names = ["linux", "windows", "all"]
    if command.words != ("profile", "create"):
        names.append("demo")
    for name in names:
        create_profile(name)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command.example],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran
    assert "error" not in ran.stderr
