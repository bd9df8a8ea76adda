"""Errors of the recorder never change the run, and are reported in one line."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_insight import locations
from pytest_insight.recording.destination import Destination
from pytest_insight.recording.journal.writer import JournalWriter, journals
from pytest_insight.storage import JSONStorage
from pytest_insight.storage.json.append import JSONStoreFile
from tests.recording.runs import insight_lines, run
from tests.recording.test_journal import another_process_holding, died, gives, recover

MIXED = "def test_passes(): pass\ndef test_fails(): assert 0\n"


def assert_same_as_without(pytester: pytest.Pytester, ran: pytest.RunResult) -> None:
    """Fail unless the run is the same as a run without recording, except for our lines."""
    without = run(pytester, "--no-insight")
    assert ran.ret == without.ret == 1
    assert ran.parseoutcomes() == without.parseoutcomes()
    assert ran.stderr.str() == without.stderr.str() == ""
    assert len(ran.outlines) - len(insight_lines(ran)) <= len(without.outlines) + 1  # an empty line


# The lines at the end ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "lines"),
    [([], 1), (["-v"], 1), (["-q"], 0), (["-qq"], 0)],
    ids=str,
)
def test_one_line_at_the_end_and_none_when_quiet(
    pytester: pytest.Pytester, options: list[str], lines: int
) -> None:
    pytester.makepyfile(MIXED)
    ran = run(pytester, "--insight", *options)
    assert len(insight_lines(ran)) == lines
    (session,) = JSONStorage().load_sessions()
    if lines:
        path = locations.display_path(JSONStorage().file_path)
        saved = f"insight: saved 2 results as {session.session_id} in {path}"
        assert insight_lines(ran) == [saved]


@pytest.mark.parametrize("profile", ["default", "ci"])
def test_a_store_of_which_nothing_can_be_read_is_kept_and_the_run_is_saved_in_a_new_one(
    pytester: pytest.Pytester, profile: str
) -> None:
    pytester.makepyfile(MIXED)
    path = locations.store_path(profile)
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes(3000))  # what some file systems leave after a power failure
    ran = run(pytester, "--insight", "--insight-profile", profile)
    saved, lost = insight_lines(ran)
    assert saved.startswith("insight: saved 2 results as ")
    [backup] = path.parent.glob("*.bak")
    assert f"nothing in the store {locations.display_path(path)} can be read" in lost
    assert locations.display_path(backup) in lost
    assert backup.read_bytes() == bytes(3000)
    assert JSONStorage(path).count() == 1
    assert_same_as_without(pytester, ran)


def test_without_a_terminal_nothing_is_printed_and_all_is_saved(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(MIXED)
    ran = run(pytester, "--insight", "-p", "no:terminal")
    assert (ran.ret, ran.stdout.str(), ran.stderr.str()) == (1, "", "")
    assert JSONStorage().count() == 1


@pytest.mark.parametrize(("options", "lines"), [([], 2), (["-q"], 0)], ids=str)
def test_recovered_journals_are_reported_unless_quiet(
    pytester: pytest.Pytester, options: list[str], lines: int
) -> None:
    died(gives("a"))
    pytester.makepyfile(MIXED)
    assert len(insight_lines(run(pytester, "--insight", *options))) == lines
    assert JSONStorage().count() == 2


def test_of_many_recovered_journals_three_are_listed(pytester: pytest.Pytester) -> None:
    for number in range(5):
        died(gives("a"), session_id=f"a-{number}")
    pytester.makepyfile(MIXED)
    lines = insight_lines(run(pytester, "--insight"))
    assert len(lines) == 5
    assert lines[-1] == "insight: ... and 2 more crashed runs"
    assert JSONStorage().count() == 6


# A store that cannot be written ------------------------------------------------------------------


def test_a_store_that_another_process_has_locked_keeps_the_run_in_its_journal(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(MIXED)
    with another_process_holding(JSONStorage().file_path):
        # Commands wait for a minute; a run does not.
        ran = run(pytester, "--insight")
    (line,) = insight_lines(ran)
    (journal,) = journals(locations.journal_folder())
    assert "this run was NOT saved" in line
    assert f"{locations.display_path(JSONStorage().file_path)}.lock" in line
    assert f"the next recorded run recovers it from {locations.display_path(journal)}" in line
    assert_same_as_without(pytester, ran)
    (recovery,) = recover()
    assert recovery.saved
    (session,) = JSONStorage().load_sessions()
    assert (session.crashed, session.exit_status, len(session.test_results)) == (False, 1, 2)


def test_a_home_that_is_a_file_is_reported(pytester: pytest.Pytester) -> None:
    locations.home().write_text("a file")
    pytester.makepyfile(MIXED)
    ran = run(pytester, "--insight")
    at_start, at_end = insight_lines(ran)
    assert at_start == at_end
    assert "NOT" in at_end
    assert locations.display_path(locations.home()) in at_end
    assert_same_as_without(pytester, ran)


def fail(*args: object, **kwargs: object) -> None:
    raise RuntimeError("first line\nsecond line")


def test_an_exception_in_the_storage_becomes_a_line_with_the_journal(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(MIXED)
    with monkeypatch.context() as broken:
        broken.setattr(JSONStoreFile, "add", fail)
        ran = run(pytester, "--insight")
        (line,) = insight_lines(ran)
        (journal,) = journals(locations.journal_folder())
        assert line == (
            "insight: recording failed: RuntimeError: first line second line; "
            f"the results so far are in {locations.display_path(journal)}"
        )
        assert_same_as_without(pytester, ran)
        # The next run fails too, and recovers nothing; the one after it recovers both.
        run(pytester, "--insight")
    assert len(insight_lines(run(pytester, "--insight"))) == 3
    assert [s.exit_status for s in JSONStorage().load_sessions()] == [1, 1, 1]


def test_an_exception_before_the_run_becomes_a_line(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Destination, "__init__", fail)
    pytester.makepyfile(MIXED)
    ran = run(pytester, "--insight")
    line = "insight: this run is NOT recorded: RuntimeError: first line second line"
    assert insight_lines(ran) == [line, line]
    assert_same_as_without(pytester, ran)


def test_an_exception_in_a_hook_becomes_a_line(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JournalWriter, "result", fail)
    pytester.makepyfile(MIXED)
    ran = run(pytester, "--insight")
    (line,) = insight_lines(ran)
    assert line.startswith("insight: recording failed: RuntimeError: first line second line; ")
    assert_same_as_without(pytester, ran)


PATCHED = """
import datetime, time

class Fake(datetime.datetime):
    pass

def test_it(record_property):
    datetime.datetime = Fake  # and never put back
    record_property("plain", "text")
    record_property("other", {"of": [1, 2.5, None]})
"""


def test_rarely_needed_modules_are_imported_before_tests_replace_datetime(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(test_it=PATCHED)
    pytester.runpytest_subprocess("--insight", "test_it.py")
    (session,) = JSONStorage().load_sessions()
    assert session.test_results[0].properties == (
        ("plain", "text"),
        ("other", {"of": [1, 2.5, None]}),
    )
    # With the journal of a crashed run, and a store in another layout.
    died(gives("a"))
    JSONStorage().file_path.write_bytes(
        JSONStorage().file_path.read_bytes().replace(b"[\n", b"[ \n", 1)
    )
    lines = insight_lines(pytester.runpytest_subprocess("--insight", "test_it.py"))
    assert ["saved" in line or "recovered" in line for line in lines] == [True, True]
    assert JSONStorage().count() == 3


@pytest.mark.parametrize(
    ("exits", "options"),
    [(True, []), (False, ["--no-summary"]), (False, ["-p", "no:terminal"])],
    ids=["pytest.exit", "no summary", "no terminal"],
)
def test_that_a_run_was_not_saved_is_said_even_without_a_summary(
    pytester: pytest.Pytester, exits: bool, options: list[str]
) -> None:
    last = "import pytest\ndef test_z(): pytest.exit('enough', returncode=7)\n" if exits else ""
    pytester.makepyfile(test_it=f"def test_a(): pass\n{last}")
    with another_process_holding(JSONStorage().file_path):
        ran = pytester.runpytest_subprocess("--insight", *options)
    said = [line for line in ran.outlines + ran.errlines if "this run was NOT saved" in line]
    assert len(said) == 1, ran.outlines


# Places that cannot be written -------------------------------------------------------------------


def bound_by_modes() -> list[str]:
    """Return a command prefix that makes file modes apply to root; empty for other users."""
    if os.geteuid() != 0:
        return []
    setpriv = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
    if (
        shutil.which("setpriv") is None
        or subprocess.run([*setpriv, "true"], check=False).returncode
    ):
        pytest.skip("root cannot give up its privileges here")
    return setpriv


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
@pytest.mark.parametrize("options", [[], ["--insight-profile", "ci"]], ids=str)
def test_a_read_only_home_is_reported_and_changes_nothing(
    pytester: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    home = tmp_path / "read-only"
    home.mkdir(mode=0o555)
    monkeypatch.setenv("HOME", str(home))
    pytester.makepyfile(MIXED)
    command = [sys.executable, "-m", "pytest", "--insight", *options]
    ran = pytester.run(*bound_by_modes(), *command)
    at_start, at_end = insight_lines(ran)
    assert "NOT" in at_start
    assert "Permission denied" in at_start or "is write-protected" in at_start
    assert "NOT" in at_end
    assert ran.outlines.index(at_start) < 4  # before any test
    assert_same_as_without(pytester, ran)
    assert list(home.iterdir()) == []


def test_without_a_home_there_is_a_line_and_a_run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(MIXED)
    monkeypatch.setenv("HOME", "/dev/null/home")  # as in containers: HOME=/nonexistent
    ran = run(pytester, "--insight")
    lines = insight_lines(ran)
    assert ["NOT" in line for line in lines] == [True, True], lines
    assert_same_as_without(pytester, ran)


# A disk that is full -----------------------------------------------------------------------------

FULL = """
import resource, signal

def pytest_runtest_setup(item):
    if item.name == "test_it[{first}]":
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
"""
MANY = "import pytest\n@pytest.mark.parametrize('n', range(100))\ndef test_it(n): pass"


def test_a_disk_that_stays_full_is_reported(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeconftest(FULL.format(first=0))
    pytester.makepyfile(MANY)
    ran = pytester.runpytest_subprocess("--insight", "-p", "no:cacheprovider")
    assert ran.ret == 0
    (line,) = insight_lines(ran)
    (journal,) = journals(locations.journal_folder())
    assert "this run was NOT saved" in line
    assert f"only a part of it is in {locations.display_path(journal)}" in line
    (recovery,) = recover()
    assert recovery.saved
    (session,) = JSONStorage().load_sessions()
    assert session.crashed
    assert 3 < len(session.test_results) < 100


def test_a_disk_that_is_full_from_the_beginning_loses_nothing_when_there_is_room_at_the_end(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeconftest(
        """
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, resource.RLIM_INFINITY))
        def pytest_sessionfinish():
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        """
    )
    pytester.makepyfile(MANY)
    long = "x" * 5000  # so that not even the first line fits
    options = ["-p", "no:cacheprovider", "--insight-tag", f"long={long}"]
    ran = pytester.runpytest_subprocess("--insight", *options)
    assert ran.ret == 0
    (session,) = JSONStorage().load_sessions()
    assert len(session.test_results) == 100
    assert journals(locations.journal_folder()) == []


# xdist -------------------------------------------------------------------------------------------

WAITS = """
import os, pathlib, time
import pytest

@pytest.mark.parametrize("n", range(2))
def test_waits(n):
    pathlib.Path(f"started-{n}").write_text(str(os.getpid()))
    while not pathlib.Path("go").exists():
        time.sleep(0.02)
"""


@contextlib.contextmanager
def two_waiting_workers(pytester: pytest.Pytester) -> Iterator[subprocess.Popen[bytes]]:
    pytester.makepyfile(test_it=WAITS)
    running = subprocess.Popen(
        [sys.executable, "-m", "pytest", "--insight", "-n", "2", "--max-worker-restart=0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=pytester.path,
    )
    try:
        # A journal names a test before the test begins.
        wait_until(lambda: journal_text().count('"running"') == 2)
        wait_until(lambda: all(process_of(pytester, n) for n in range(2)))
        yield running
    finally:
        (pytester.path / "go").touch()
        running.wait(timeout=60)


def process_of(pytester: pytest.Pytester, n: int) -> int | None:
    """The process that runs `test_waits[n]`; None if it has not begun."""
    path = pytester.path / f"started-{n}"
    return int(text) if path.exists() and (text := path.read_text()) else None


def journal_text() -> str:
    return "".join(path.read_text() for path in journals(locations.journal_folder()))


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, f"not within a minute; the journals: {journal_text()}"
        time.sleep(0.02)


def test_a_controller_that_is_killed_names_what_each_worker_was_running(
    pytester: pytest.Pytester,
) -> None:
    with two_waiting_workers(pytester) as running:
        os.kill(running.pid, signal.SIGKILL)
        running.wait(timeout=60)
        (recovery,) = recover()
    assert recovery.message.endswith("were running")
    (session,) = JSONStorage().load_sessions()
    assert session.crashed
    assert sorted(r.nodeid for r in session.test_results) == [
        "test_it.py::test_waits[0]",
        "test_it.py::test_waits[1]",
    ]


def test_a_worker_that_is_killed_costs_its_test_only(pytester: pytest.Pytester) -> None:
    with two_waiting_workers(pytester) as running:
        process = process_of(pytester, 0)
        assert process
        os.kill(process, signal.SIGKILL)
        wait_until(lambda: '"nodeid"' in journal_text())
        (pytester.path / "go").touch()
        assert running.wait(timeout=60) == 1
    (session,) = JSONStorage().load_sessions()
    assert not session.crashed
    assert {r.nodeid[-2]: str(r.outcome) for r in session.test_results} == {
        "0": "failed",
        "1": "passed",
    }
