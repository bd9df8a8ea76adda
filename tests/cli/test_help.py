"""Every command and option explains itself, with an example that works."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_insight.models import CodeState
from pytest_insight.storage import JSONStorage, create_profile
from tests.cli.conftest import Insight
from tests.conftest import MakeSession
from tests.reference import Command, commands


def help_problems(command: Command) -> Iterator[str]:
    name = " ".join(command.words)
    if not command.sentences.endswith("."):
        yield f"{name}: no sentence"
    if f"insight {name}" not in command.example:
        yield f"{name}: no example"
    for parameter in (*command.arguments, *command.options):
        text = parameter.help or ""
        if not (text[:1].isupper() or text.startswith(("json", "`"))):
            yield f"{name} {parameter.name}: no sentence"
    for option in command.options:
        if not option.is_flag and f"Example: {option.opts[0]} " not in option.help:
            yield f"{name} {option.opts[0]}: no example"


def test_each_command_and_option_has_a_sentence_and_an_example() -> None:
    assert [problem for command in commands() for problem in help_problems(command)] == []


def test_help_fits_80_columns(insight: Insight) -> None:
    problems = []
    for command in commands():
        out = insight(*command.words, "--help", env={"COLUMNS": "80"}).out
        if "Usage: insight " + " ".join(command.words) not in out or "Example: " not in out:
            problems.append(f"{command.words}: incomplete")
        if max(map(len, out.splitlines())) > 80:
            problems.append(f"{command.words}: too wide")
        if insight(*command.words, "-h", env={"COLUMNS": "80"}).out != out:
            problems.append(f"{command.words}: -h differs")
    assert problems == []


def test_a_group_without_a_command_prints_its_help(insight: Insight) -> None:
    for group in ("sessions", "profile", "query"):
        assert insight(group, status=2).out == insight(group, "--help").out


@pytest.mark.parametrize("command", commands(), ids=lambda command: " ".join(command.words))
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
