"""How listings look: on terminals of some widths, in a pipe, with and without colour."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import termios

import pytest

from pytest_insight.models import TestOutcome, TestResult
from pytest_insight.storage import JSONStorage
from tests.cli.conftest import INSIGHT, Insight
from tests.conftest import START, MakeSession

LONG = "tests/test_a.py::test_" + "x" * 300
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(columns: int, *arguments: str, **variables: str) -> str:
    """What the command prints on a terminal of that width."""
    main, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (50, columns))
    environment = {"TERM": "xterm-256color", **os.environ, **variables}
    process = subprocess.Popen(
        [str(INSIGHT), *arguments],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=environment,
    )
    os.close(terminal)
    printed = b""
    try:
        while data := os.read(main, 65536):
            printed += data
    except OSError:
        pass  # Linux says so that the other end is closed
    os.close(main)
    assert process.wait(60) == 0
    return printed.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [40, 80, 120, 200])
@pytest.mark.parametrize(
    ("command", "first"), [("sessions list", "api-" + "0123456789" * 5), ("query tests", LONG)]
)
def test_no_line_is_wider_than_the_terminal_and_nothing_is_cut_off(
    make_session: MakeSession, columns: int, command: str, first: str
) -> None:
    result = TestResult(LONG, TestOutcome.FAILED, START, 0.1)
    session = make_session(0, session_id="api-" + "0123456789" * 5, test_results=(result,))
    JSONStorage().save_session(session)
    lines = COLOURS.sub("", on_terminal(columns, *command.split())).splitlines()
    assert max(map(len, lines)) <= columns
    _header, _rule, *table = lines
    pieces = [line.split(" ")[0] for line in table]  # of the first column; "" where it has ended
    assert "".join(pieces).startswith(first)


def test_a_terminal_gets_colours_unless_told_otherwise(store: JSONStorage) -> None:
    assert COLOURS.search(on_terminal(80, "sessions", "list"))
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", on_terminal(80, "sessions", "list", NO_COLOR="1"))


def test_a_pipe_gets_aligned_lines_without_colours(
    insight: Insight, make_session: MakeSession
) -> None:
    results = (
        TestResult(LONG, TestOutcome.FAILED, START, 12.0),
        TestResult("tests/test_a.py::test_日本", TestOutcome.PASSED, START, 0.25),
    )
    JSONStorage().save_session(make_session(0, test_results=results))
    header, *lines = insight("query", "tests").out.splitlines()
    assert header.split() == ["Test", "Outcome", "Took", "Started", "Session"]
    assert [line.split()[0] for line in lines] == [LONG, "tests/test_a.py::test_日本"]
    at = header.index("Outcome")
    assert lines[0][at:].startswith("failed ")
    assert lines[1][at - 2 :].startswith("passed ")  # two characters that take two columns each
    assert "\x1b" not in "".join(lines)


def test_colour_can_be_forced_into_a_pipe(insight: Insight, store: JSONStorage) -> None:
    assert COLOURS.search(insight("sessions", "list", env={"FORCE_COLOR": "1"}).out)


def test_a_pipe_costs_no_import_of_rich(store: JSONStorage) -> None:
    script = (
        "import sys; sys.argv = ['insight', 'sessions', 'list']\n"
        "from pytest_insight.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([name for name in sys.modules if name in ('rich.table', 'rich.console')])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.splitlines()[-1] == "[]"


def test_a_session_whose_process_died_says_so(insight: Insight, make_session: MakeSession) -> None:
    JSONStorage().save_session(make_session(0, crashed=True))
    assert "crashed, 1 failed, 1 passed" in insight("sessions", "list").out
    assert "crashed, 1 failed, 1 passed" in insight("sessions", "show").out
