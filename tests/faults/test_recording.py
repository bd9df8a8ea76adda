"""Recorded runs whose tests close descriptors, fill the disk or stop the clocks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_insight import locations
from pytest_insight.recording.journal.writer import journals
from pytest_insight.storage import JSONStorage
from tests.faults.mounts import can_mount, run_with

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

_ALONE = ("-s", "-p", "no:faulthandler", "-p", "no:logging", "-p", "no:cacheprovider")
"""Options without which pytest, too, would use descriptors that were closed."""

# What tests do to descriptors that they did not open: by range, and to just one of ours.
_CLOSES_A_RANGE = "os.closerange(3, 64)"
_CLOSES_OURS = """
    for number in map(int, os.listdir("/proc/self/fd")):
        try:
            name = os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            continue
        if JOURNALS in name or "(deleted)" in name:
            os.close(number)
"""
_CLOSING = """
import os, subprocess, sys

JOURNALS = {journals!r}
kept = []

def test_before():
    pass

def test_closes():
    {closes}
    kept.extend(open(f"mine-{{number}}", "w+b", buffering=0) for number in range(60))

def test_after():
    assert 0

def test_is_not_called_dead():
    subprocess.run([{insight!r}, "sessions", "list"], check=True)
    assert os.listdir(JOURNALS)
"""
_STILL_OPEN = """
import pytest

@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    import test_it
    for number, file in enumerate(test_it.kept):
        file.write(b"mine")
        with open(f"mine-{number}", "rb") as written:
            assert written.read() == b"mine"
    print("ALL OPEN", len(test_it.kept))
"""


@pytest.mark.parametrize("closes", [_CLOSES_A_RANGE, _CLOSES_OURS], ids=["a range", "ours"])
def test_a_test_that_closes_our_descriptors_gets_no_byte_of_ours_and_loses_no_result(
    closes: str,
) -> None:
    Path("test_it.py").write_text(
        _CLOSING.format(
            closes=closes,
            journals=str(locations.journal_folder()),
            insight=str(Path(sys.executable).with_name("insight")),
        )
    )
    Path("conftest.py").write_text(_STILL_OPEN)
    for command in (["git", "init", "-q"], ["git", "add", "test_it.py"]):
        subprocess.run(command, check=True)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "--insight", *_ALONE],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ALL OPEN 60" in ran.stdout, ran.stdout + ran.stderr
    assert "insight: saved 4 results" in ran.stdout, ran.stdout
    (session,) = JSONStorage().load_sessions()
    assert not session.crashed
    assert [str(each.outcome) for each in session.test_results] == [
        *("passed", "passed", "failed", "passed")
    ]
    assert journals(locations.journal_folder()) == []
    assert os.listdir(locations.journal_folder()) == []  # noqa: PTH208


def test_results_that_a_test_takes_away_with_the_journal_are_counted() -> None:
    deletes = (
        f"{_CLOSES_OURS}    for name in os.listdir(JOURNALS): os.unlink(JOURNALS + '/' + name)"
    )
    Path("test_it.py").write_text(
        f"import os\nJOURNALS = {str(locations.journal_folder())!r}\n"
        f"def test_before(): pass\ndef test_deletes():\n{deletes}\ndef test_after(): pass\n"
    )
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "--insight", *_ALONE],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "insight: saved 2 results" in ran.stdout, ran.stdout + ran.stderr
    assert "insight: 1 of 3 results were lost: a test deleted or changed the journal" in ran.stdout
    (session,) = JSONStorage().load_sessions()
    assert [each.nodeid for each in session.test_results] == [
        "test_it.py::test_deletes",
        "test_it.py::test_after",
    ]


@pytest.mark.skipif(not can_mount(), reason="needs the right to mount a file system")
def test_a_disk_that_is_full_for_a_moment_costs_nothing_even_if_the_run_is_killed_later(
    tmp_path: Path,
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    (message,), (outcomes,) = json.loads(run_with("300k", small, "tests.faults.full_run", small))
    assert message.endswith("its process died while test_full.py::test_dies was running")
    assert len(outcomes) == 55
    assert dict(outcomes)["test_full.py::test_while_it_is_full[49]"] == "passed"
    assert outcomes[-2:] == [
        ["test_full.py::test_after", "failed"],
        ["test_full.py::test_dies", "error"],
    ]
