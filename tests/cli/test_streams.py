"""Standard streams that are closed, full, without a reader, or in a poor encoding."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from pytest_insight.models import TestOutcome, TestResult
from pytest_insight.storage import JSONStorage
from tests.cli.conftest import INSIGHT
from tests.conftest import START, MakeSession

FULL = Path("/dev/full")
COMMANDS = ["export", "sessions list", "sessions list --format json", "sessions show"]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a POSIX shell's redirections")


def shell(command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        capture_output=True,
        text=True,
        env={**os.environ, "INSIGHT": str(INSIGHT), **variables},
        timeout=60,
        check=False,
    )


@pytest.mark.skipif(
    not FULL.exists() or not stat.S_ISCHR(FULL.stat().st_mode), reason="there is no /dev/full"
)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_standard_output_is_one_sentence(store: JSONStorage, command: str) -> None:
    ran = shell(f"$INSIGHT {command} > /dev/full")
    assert ran.returncode == 1
    assert ran.stderr == (
        "insight: error: cannot write to standard output: No space left on device\n"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_a_closed_standard_output_is_one_sentence(store: JSONStorage, command: str) -> None:
    ran = shell(f"$INSIGHT {command} >&-")
    assert ran.returncode == 1
    assert ran.stderr == "insight: error: cannot write to standard output: Bad file descriptor\n"


def test_a_closed_standard_input_is_one_sentence(store: JSONStorage) -> None:
    ran = shell("$INSIGHT import <&-")
    assert ran.returncode == 1
    assert ran.stderr == "insight: error: standard input is empty: there is nothing to import\n"


def test_messages_never_go_into_the_data(store: JSONStorage) -> None:
    ran = shell("$INSIGHT export 2>&- > x.json && $INSIGHT --profile default import x.json")
    assert ran.returncode == 0, ran
    assert "all 3 sessions are already in the store" in ran.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_a_reader_that_goes_away_is_no_error(make_session: MakeSession, command: str) -> None:
    # More than fits into a pipe.
    result = TestResult("t", TestOutcome.FAILED, START, longreprtext="line\n" * 100_000)
    results = (result, *(TestResult(f"t{n}", TestOutcome.FAILED, START) for n in range(2000)))
    JSONStorage().save_sessions(make_session(n, test_results=results) for n in range(300))
    ran = shell(f"$INSIGHT {command} | head -c 10 > /dev/null")
    assert ran.returncode == 0
    lines = ran.stderr.splitlines()
    assert [line for line in lines if "exported" not in line and "there are more" not in line] == []


@pytest.mark.parametrize(
    "command", ["--help", "--version", "sessions list --help", "export --help"]
)
def test_a_reader_that_goes_away_from_help_is_no_error(command: str) -> None:
    # bash has closed its end before the command begins.
    ran = shell(f"exec {{out}}> >(exec true); wait $!; $INSIGHT {command} >&$out")
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("command", ["query tests", "query tests -f nodeids", "sessions list"])
def test_a_reader_that_goes_away_changes_no_exit_code(store: JSONStorage, command: str) -> None:
    ran = shell(f"exec {{out}}> >(exec true); wait $!; $INSIGHT {command} --exit-code >&$out")
    assert (ran.returncode, ran.stderr) == (3, "")


@pytest.mark.parametrize("variables", [{"COLUMNS": "80"}, {"FORCE_COLOR": "1"}])
def test_a_reader_that_goes_away_from_what_rich_prints_is_no_error(
    store: JSONStorage, variables: dict[str, str]
) -> None:
    ran = shell("exec {out}> >(exec true); wait $!; $INSIGHT sessions show >&$out", **variables)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(
    "variables", [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "cp437"}]
)
def test_an_encoding_without_a_letter_shows_it_escaped(
    make_session: MakeSession, variables: dict[str, str]
) -> None:
    result = TestResult("test_日本.py::test_x", TestOutcome.PASSED, START)
    JSONStorage().save_session(make_session(0, test_results=(result,)))
    ran = shell("$INSIGHT query tests", **variables)
    assert ran.returncode == 0, ran.stderr
    assert r"test_\u65e5\u672c.py::test_x" in ran.stdout
