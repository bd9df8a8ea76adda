"""Standard streams that are closed, full, without a reader, or in a poor encoding."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

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
def test_a_full_standard_output_is_one_sentence(store: JSONStorage) -> None:
    said = "insight: error: cannot write to standard output: No space left on device\n"
    for command in COMMANDS:
        ran = shell(f"$INSIGHT {command} > /dev/full")
        assert (ran.returncode, ran.stderr) == (1, said), command


def test_a_closed_standard_output_is_one_sentence(store: JSONStorage) -> None:
    said = "insight: error: cannot write to standard output: Bad file descriptor\n"
    for command in COMMANDS:
        ran = shell(f"$INSIGHT {command} >&-")
        assert (ran.returncode, ran.stderr) == (1, said), command


def test_a_closed_standard_input_is_one_sentence(store: JSONStorage) -> None:
    ran = shell("$INSIGHT import <&-")
    assert ran.returncode == 1
    assert ran.stderr == "insight: error: standard input is empty: there is nothing to import\n"


def test_messages_never_go_into_the_data(store: JSONStorage) -> None:
    ran = shell("$INSIGHT export 2>&- > x.json && $INSIGHT --profile default import x.json")
    assert ran.returncode == 0, ran
    assert "all 3 sessions are already in the store" in ran.stderr


def test_a_reader_that_goes_away_is_no_error(make_session: MakeSession) -> None:
    # More than fits into a pipe (64 KiB): of sessions, of results, of the last session.
    result = TestResult("t" * 200, TestOutcome.FAILED, START)
    sessions = [
        make_session(n, session_id=f"api-{'x' * 200}-{n}", test_results=(result,))
        for n in range(500)
    ]
    long = replace(result, longreprtext="line\n" * 20_000)
    sessions[-1] = replace(sessions[-1], test_results=(long,))
    JSONStorage().save_sessions(sessions)
    for command in (*COMMANDS, "query tests --limit 0", "query tests --limit 0 --format json"):
        ran = shell(f"$INSIGHT {command} | head -c 10")
        lines = ran.stderr.splitlines()
        errors = [n for n in lines if "exported" not in n and "for all" not in n]
        assert (ran.returncode, len(ran.stdout), errors) == (0, 10, []), command


NO_READER = "exec {{out}}> >(exec true); wait $!; $INSIGHT {} >&$out"
"""bash has closed its end of the pipe before the command begins."""


def test_a_reader_that_goes_away_from_help_is_no_error() -> None:
    for command in ("--help", "--version", "sessions list --help"):
        ran = shell(NO_READER.format(command))
        assert (ran.returncode, ran.stderr) == (0, ""), command


def test_a_reader_that_goes_away_changes_no_exit_code(store: JSONStorage) -> None:
    for command in ("query tests", "query tests -f nodeids", "sessions list"):
        ran = shell(NO_READER.format(f"{command} --exit-code"))
        assert (ran.returncode, ran.stderr) == (3, ""), command


def test_a_reader_that_goes_away_from_what_rich_prints_is_no_error(store: JSONStorage) -> None:
    ran = shell(NO_READER.format("sessions show"), FORCE_COLOR="1")
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


@pytest.mark.skipif(
    not FULL.exists() or not stat.S_ISCHR(FULL.stat().st_mode), reason="there is no /dev/full"
)
@pytest.mark.parametrize(
    ("command", "status"),
    [
        *(("export out.json", 0), ("sessions list", 0), ("sessions show nope", 1)),
        *(("nonsense", 2), ("sessions clear", 2)),
    ],
)
def test_messages_that_cannot_be_written_change_nothing_else(
    store: JSONStorage, command: str, status: int
) -> None:
    for target in ("/dev/full", ">(true)"):
        ran = shell(f"$INSIGHT {command} 2> {target}")
        assert ran.returncode == status, (target, ran)


def test_a_relative_path_without_a_current_folder_is_one_sentence() -> None:
    ran = shell(
        "mkdir gone && cd gone && rmdir ../gone && $INSIGHT sessions list",
        PYTEST_INSIGHT_DB_PATH="store.json",
    )
    assert ran.returncode == 1
    assert ran.stderr == (
        "insight: error: cannot find store.json: the current folder was deleted; use an absolute "
        "path, or change to another folder\n"
    )
