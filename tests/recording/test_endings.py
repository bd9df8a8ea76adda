"""Runs that end early: the history has what was finished."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_insight import locations
from pytest_insight.models import TestOutcome, TestSession
from pytest_insight.profiles.profile import StorageProfile
from pytest_insight.recording.facts.git import UNKNOWN
from pytest_insight.recording.journal.recovery import Recovery, recover_journals
from pytest_insight.recording.journal.writer import journals
from pytest_insight.storage import JSONStorage
from tests.recording.runs import run
from tests.recording.test_git_facts import git, repository

DEATHS = {
    "sigkill": "os.kill(os.getpid(), signal.SIGKILL)",
    "sigterm": "os.kill(os.getpid(), signal.SIGTERM)",
    "segfault": "os.kill(os.getpid(), signal.SIGSEGV)",
    "exit": "os._exit(3)",
}


def suite(death: str) -> str:
    return f"""
import os, signal

def test_before(): pass
def test_fails(): assert False, "kept"
def test_dies(): {death}
def test_after(): pass
"""


def recover() -> list[Recovery]:
    return list(recover_journals(locations.journal_folder()))


def only_session() -> TestSession:
    (session,) = JSONStorage().load_sessions()
    return session


@pytest.mark.parametrize("death", DEATHS.values(), ids=DEATHS)
def test_a_run_that_dies_is_recovered_with_the_test_that_was_running(
    pytester: pytest.Pytester, death: str
) -> None:
    pytester.makepyfile(test_it=suite(death))
    pytester.runpytest_subprocess("--insight", "-p", "no:faulthandler")
    assert JSONStorage().count() == 0
    (recovery,) = recover()
    assert recovery.saved
    assert "while test_it.py::test_dies was running" in recovery.message
    session = only_session()
    assert session.crashed
    assert session.exit_status is None
    assert [(r.nodeid.partition("::")[2], str(r.outcome)) for r in session.test_results] == [
        ("test_before", "passed"),
        ("test_fails", "failed"),
        ("test_dies", "error"),
    ]
    assert "kept" in session.test_results[1].longreprtext
    assert "died while it was running" in session.test_results[2].longreprtext
    assert journals(locations.journal_folder()) == []
    assert list(locations.journal_folder().iterdir()) == []


def test_a_run_that_dies_has_the_code_that_it_tested(pytester: pytest.Pytester) -> None:
    repository(pytester.path)
    pytester.makeconftest(
        "def pytest_collection_finish(session):\n"
        "    recorder = session.config.pluginmanager.get_plugin('insight-recorder')\n"
        "    for process, _ in recorder._code._asked.values(): process.wait(60)\n"
    )
    pytester.makepyfile(test_it=suite(DEATHS["sigkill"]))
    pytester.runpytest_subprocess("--insight")
    recover()
    code = only_session().code_state
    assert code is not None
    assert (code.commit, code.branch) == (git(pytester.path, "rev-parse", "HEAD"), "main")
    assert code.digest not in (None, UNKNOWN)


def test_the_next_recorded_run_recovers_it_and_says_so(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=suite(DEATHS["sigkill"]))
    pytester.runpytest_subprocess("--insight")
    ran = run(pytester, "--insight", "-k", "before")
    ran.stdout.fnmatch_lines(["insight: saved 1 result as *", "insight: recovered * died while *"])
    assert [session.crashed for session in JSONStorage().load_sessions()] == [True, False]


def test_a_command_recovers_it_and_says_so(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=suite(DEATHS["exit"]))
    pytester.runpytest_subprocess("--insight")
    command = [str(Path(sys.executable).with_name("insight")), "sessions", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "recovered" in listed.stderr
    assert "1 failed, 1 error, 1 passed" in listed.stdout
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert again.stderr == ""
    assert again.stdout == listed.stdout


def test_the_journal_of_a_living_run_is_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_it="""
        import pathlib, time
        def test_first(): pass
        def test_waits():
            while not pathlib.Path("go").exists():
                time.sleep(0.05)
        """
    )
    running = subprocess.Popen(
        [sys.executable, "-m", "pytest", "--insight"], stdout=subprocess.DEVNULL, cwd=pytester.path
    )
    try:
        journal = _wait_for_line(b"test_waits")
        assert recover() == []
        assert journal.exists()
    finally:
        (pytester.path / "go").touch()
        running.wait(timeout=60)
    assert running.returncode == 0
    assert not only_session().crashed


def test_two_that_find_the_same_journal_recover_it_once(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=suite(DEATHS["exit"]))
    for _ in range(2):
        pytester.runpytest_subprocess("--insight")
    script = (
        "from pytest_insight import locations\n"
        "from pytest_insight.recording.journal.recovery import recover_journals\n"
        "print(sum(f.saved for f in recover_journals(locations.journal_folder())))"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) for _ in range(3)
    ]
    counts = [int(process.communicate(timeout=60)[0]) for process in processes]
    assert sum(counts) == 2
    assert len({session.session_id for session in JSONStorage().iter_sessions()}) == 2


def test_a_journal_cut_off_anywhere_gives_what_is_complete(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=suite(DEATHS["exit"]))
    pytester.runpytest_subprocess("--insight")
    (journal,) = journals(locations.journal_folder())
    data = journal.read_bytes()
    first = data.index(b"\n")
    for cut in (*range(first, len(data), 37), len(data) - 1):
        journal.write_bytes(data[:cut])
        (recovery,) = recover()
        assert recovery.saved
        complete = data[: cut + 1].count(b"\n" + b'{"nodeid"') - (
            0 if data[cut : cut + 1] == b"\n" else _open_result(data, cut)
        )
        results = only_session().test_results
        assert sum(r.outcome != TestOutcome.ERROR for r in results) == complete
        JSONStorage().clear_sessions()


def _open_result(data: bytes, cut: int) -> int:
    """Return 1 if the cut is inside the line of a result."""
    line = data[data.rindex(b"\n", 0, cut) + 1 if b"\n" in data[:cut] else 0 :]
    return int(line.startswith(b'{"nodeid"'))


def test_a_store_that_cannot_be_opened_keeps_the_run_in_its_journal(
    pytester: pytest.Pytester,
) -> None:
    blocked = JSONStorage().file_path
    blocked.mkdir(parents=True)
    pytester.makepyfile("def test_it(): pass")
    ran = run(pytester, "--insight")
    assert ran.ret == 0
    ran.stdout.fnmatch_lines(["insight: this run was NOT saved: *; *recovers it from *"])
    (recovery,) = recover()
    assert not recovery.saved
    assert "cannot recover" in recovery.message
    blocked.rmdir()
    assert recover() == []  # not tried again so soon, except by those who use that store
    used = StorageProfile("default")
    (recovery,) = recover_journals(locations.journal_folder(), used=used)
    assert recovery.saved
    session = only_session()
    assert not session.crashed
    assert session.exit_status == 0


def test_a_folder_that_takes_no_journal_does_not_prevent_saving(
    pytester: pytest.Pytester,
) -> None:
    folder = locations.journal_folder()
    folder.parent.mkdir(parents=True)
    folder.write_text("a file where the folder should be")
    pytester.makepyfile("def test_it(): pass")
    assert run(pytester, "--insight").ret == 0
    assert len(only_session().test_results) == 1


def test_a_full_disk_keeps_what_could_not_be_written_in_memory(
    pytester: pytest.Pytester,
) -> None:
    """A limit on the size of files makes writes fail as a full disk does, from some point on."""
    pytester.makeconftest(
        """
        import resource, signal
        def pytest_runtest_setup(item):
            if item.name == "test_it[50]":
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        def pytest_sessionfinish():
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        """
    )
    pytester.makepyfile(
        "import pytest\n@pytest.mark.parametrize('n', range(100))\ndef test_it(n): pass"
    )
    ran = pytester.runpytest_subprocess("--insight", "-p", "no:cacheprovider")
    ran.assert_outcomes(passed=100)
    session = only_session()
    assert [r.nodeid.rpartition("[")[2] for r in session.test_results] == [
        f"{n}]" for n in range(100)
    ]


def test_an_interrupted_run_is_saved_as_far_as_it_got(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "import os, signal\n"
        "def test_before(): pass\n"
        "def test_interrupted(): os.kill(os.getpid(), signal.SIGINT)\n"
        "def test_after(): pass\n"
    )
    ran = pytester.runpytest_subprocess("--insight", "--capture=no")
    assert ran.ret == pytest.ExitCode.INTERRUPTED
    session = only_session()
    assert session.exit_status == 2
    assert not session.crashed
    assert [str(r.outcome) for r in session.test_results] == ["passed"]


def test_a_child_that_comes_back_from_a_fork_records_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "import os\n"
        "def test_forks():\n"
        "    pid = os.fork()\n"
        "    if pid:\n"
        "        os.waitpid(pid, 0)\n"
        "def test_after(): pass\n"
    )
    pytester.runpytest_subprocess("--insight", "-p", "no:cacheprovider")
    session = only_session()
    assert [r.nodeid.partition("::")[2] for r in session.test_results] == [
        "test_forks",
        "test_after",
    ]


def _wait_for_line(text: bytes) -> Path:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for journal in journals(locations.journal_folder()):
            if text in journal.read_bytes():
                return journal
        time.sleep(0.05)
    raise AssertionError(f"no journal with {text!r}")
