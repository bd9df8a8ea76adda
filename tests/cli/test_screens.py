"""What people see on terminals, compared with the files in `screens/`."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import pytest

from pytest_insight.storage import JSONStorage
from tests.cli.screens import COMMANDS, FOLDER, VARIANTS, screen, sessions_of

WIDER = {"compare-verbose", "failures-verbose", "sessions-list-wide", "sessions-show-verbose"}
"""Screens whose names are whole, however long they are."""
STYLES = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.skipif(
    int(version("rich").partition(".")[0]) < 15, reason="Rich before 15 styles spaces differently"
)
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("command", COMMANDS)
def test_the_screen_is_the_one_that_was_looked_at(
    tmp_path: Path, command: str, variant: str
) -> None:
    JSONStorage(tmp_path / ".pytest_insight" / "sessions.json").save_sessions(sessions_of(command))
    expected = (FOLDER / f"{command}-{variant}.txt").read_text("utf-8")
    assert screen(command, variant, tmp_path) == expected


@pytest.mark.parametrize("variant", ["80", "120"])
@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - WIDER))
def test_no_line_of_a_screen_is_wider_than_the_terminal(command: str, variant: str) -> None:
    text = STYLES.sub("", (FOLDER / f"{command}-{variant}.txt").read_text("utf-8"))
    assert [line for line in text.splitlines() if len(line) > VARIANTS[variant][0]] == []
