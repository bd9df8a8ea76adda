"""Every command and option explains itself, with an example that works."""

from __future__ import annotations

import os
import re
import shlex
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

GROUPS = [("sessions",), ("profile",), ("query",)]


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
        if not option.is_flag and not option.metavar:
            yield f"{name} {option.opts[0]}: no word for its value"


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


def test_help_names_values_in_a_word_and_no_python_types(insight: Insight) -> None:
    for words in [(), *GROUPS, *(command.words for command in commands())]:
        out = insight(*words, "--help", env={"COLUMNS": "200"}).out
        assert max(map(len, out.splitlines())) <= 80, words
        assert not re.search(r"<\w+(\[\w+\])?>|\|", out.partition("Options:")[2]), words
        options = re.findall(r"^  (?:-\w,|   ) --[][\w-]+(.*)$", out, re.MULTILINE)
        assert options, words
        assert all(re.match(r"( [A-Z,]+(\[?=[A-Z]+\]?)?)?(  |$)", text) for text in options), words


def test_the_help_of_insight_lists_questions_first_and_upkeep_last(insight: Insight) -> None:
    out = insight("--help").out
    headings = ["Ask:", "Exchange:", "Keep:", "Options:"]
    assert re.findall(r"^\w+:$", out, re.MULTILINE) == headings
    names = re.findall(r"^  (\w+)  ", out.partition("Options:")[0], re.MULTILINE)
    assert names[:5] == ["insight", "failures", "flaky", "slow", "compare"]
    assert names[-2:] == ["profile", "docs"]


def test_a_commands_own_options_are_before_those_that_select(insight: Insight) -> None:
    out = insight("query", "tests", "--help").out
    assert out.index("Options:") < out.index("    --sort") < out.index("Which sessions:")
    assert out.index("    --days") < out.index("Which tests:") < out.index("    --outcome")


def test_help_is_readable_on_a_narrow_terminal(insight: Insight) -> None:
    out = insight("query", "tests", "--help", env={"COLUMNS": "40", "FORCE_COLOR": "1"}).out
    out = re.sub("\x1b.*?m", "", out)
    assert "      --days N\n        Only sessions from the last N\n" in out


def test_help_is_in_colour_on_a_terminal_only(insight: Insight) -> None:
    assert "\x1b[1mOptions:\x1b[0m" in insight("docs", "-h", env={"FORCE_COLOR": "1"}).out
    assert "\x1b" not in insight("docs", "-h").out


def test_help_can_be_asked_for_as_a_command(insight: Insight) -> None:
    assert insight("help").out == insight("--help").out
    assert insight("help", "failures").out == insight("failures", "--help").out
    assert insight("help", "sessions", "list").out == insight("sessions", "list", "--help").out
    assert insight("sessions", "help").out == insight("sessions", "--help").out
    assert "unknown command 'fial'" in insight("help", "fial", status=2).err


def test_a_group_without_a_command_prints_its_help(insight: Insight) -> None:
    for group in GROUPS:
        assert insight(*group, status=2).out == insight(*group, "--help").out


@pytest.mark.parametrize("command", commands(), ids=lambda command: " ".join(command.words))
def test_the_example_works(insight: Insight, make_session: MakeSession, command: Command) -> None:
    code = CodeState("1a2b3c4" * 5, "main")
    JSONStorage().save_sessions(make_session(n, code_state=code) for n in range(3))
    Path("results").mkdir()
    JSONStorage().export_sessions("results/junit.xml", session_ids=["api-0"])
    names = ["linux", "windows", "all"]
    if command.words != ("profile", "create"):
        names.append("demo")
    for name in names:
        create_profile(name)
    program, *arguments = shlex.split(command.example)
    if program == "insight" and not re.search(r"[|&;<>$`~*?]", command.example):  # needs no shell
        assert "error" not in insight(*arguments).err
        return
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
