from __future__ import annotations

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
