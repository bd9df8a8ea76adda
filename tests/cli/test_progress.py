"""Long work: what a terminal shows of it, and Ctrl-C."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import pytest

from pytest_insight.models import TestOutcome, TestResult, TestSession
from pytest_insight.storage import JSONStorage
from tests.cli.conftest import INSIGHT, Insight
from tests.conftest import START
from tests.tools import on_terminal

INTERRUPTED = "insight: interrupted\n"
SESSIONS = 150


@pytest.fixture(scope="module")
def big_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that takes about a second to export."""
    results = tuple(
        TestResult(
            f"tests/test_{n}.py::test_{n}", TestOutcome.PASSED, START, properties=(("n", n),)
        )
        for n in range(1_000)
    )
    path = tmp_path_factory.mktemp("big") / "sessions.json"
    JSONStorage(path).save_sessions(
        TestSession(f"api-{n}", "api", START, session_duration=2.5, test_results=results)
        for n in range(SESSIONS)
    )
    return path


@pytest.fixture
def big(big_file: Path) -> JSONStorage:
    """A copy of it as the default store."""
    storage = JSONStorage()
    storage.file_path.parent.mkdir()
    shutil.copy(big_file, storage.file_path)
    return storage


def started(*command: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [str(INSIGHT), *command],
        stdin=stdin,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={"TERM": "xterm-256color", **os.environ},
    )


def shown_on_a_terminal(*command: str) -> str:
    environment = {"TERM": "xterm-256color", **os.environ}
    shown = on_terminal([INSIGHT, *command], environment, streams=["stderr"])
    assert shown.status == 0
    return shown.text


@pytest.mark.parametrize(
    ("command", "work", "total"),
    [
        ("export out.csv.gz", "writing", " of 150 sessions"),
        ("import out.csv.gz", "reading out.csv.gz", " of 100 sessions"),
    ],
)
def test_long_work_is_shown_with_counts_and_taken_off_the_screen(
    big: JSONStorage, command: str, work: str, total: str
) -> None:
    if command.startswith("import"):
        with JSONStorage("smaller.json") as smaller:  # reading CSV takes longer than writing JSON
            smaller.save_sessions(islice(big.iter_sessions(), 100))
            smaller.export_sessions("out.csv.gz")
        big.clear_sessions()
    shown = shown_on_a_terminal(*command.split())
    counts = re.findall(rf"{re.escape(work)}[^\r\n]*?(\d+){total}", shown)  # not of later work
    assert counts == sorted(counts, key=int)
    assert len(set(counts)) > 1
    last = shown.rpartition("\x1b[2K")[2]
    assert last.startswith("insight: ")  # behind the line that was taken off


def test_short_work_shows_nothing(store: JSONStorage) -> None:
    assert "\x1b" not in shown_on_a_terminal("export", "out.json")


def test_nothing_is_shown_where_nobody_looks(insight: Insight, big: JSONStorage) -> None:
    assert insight("export", "out.csv").err.count("\n") == 1


def test_ctrl_c_while_it_starts_is_one_line() -> None:
    script = (
        "import os, signal, sys\n"
        "from pytest_insight.cli import main\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'typer':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "sys.argv = ['insight', 'sessions', 'list']\n"
        "main()\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    assert (ran.returncode, ran.stderr) == (130, INTERRUPTED)
    assert ran.stdout == ""


def interrupted(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Press Ctrl-C; the command's exit status and what it says."""
    process.send_signal(signal.SIGINT)
    assert process.stderr
    said = process.stderr.read().decode()
    return process.wait(60), said


def waited_for(process: subprocess.Popen[bytes], folder: Path, pattern: str) -> bool:
    """Whether a file appears before the process ends."""
    while process.poll() is None:
        if list(folder.glob(pattern)):
            return True
        time.sleep(0.001)
    return False


def test_ctrl_c_while_an_import_waits_for_its_input(store: JSONStorage) -> None:
    before = Path(store.location).read_bytes()
    with started("import", stdin=subprocess.PIPE) as process:
        assert process.stdin
        process.stdin.write(b"{" * 1_000_000)  # more than a pipe holds: so it reads
        time.sleep(0.5)  # until it waits for more; Python misses what comes just before it waits
        assert interrupted(process) == (130, INTERRUPTED)
    assert Path(store.location).read_bytes() == before


def test_ctrl_c_while_an_export_writes(big: JSONStorage) -> None:
    Path("out.json.gz").write_text("the old one")
    with started("export", "out.json.gz") as process:
        assert waited_for(process, Path(), ".out.json.gz.*.tmp")
        assert interrupted(process) == (130, INTERRUPTED)
    assert Path("out.json.gz").read_text() == "the old one"
    assert [path.name for path in Path().iterdir()] == ["out.json.gz"]


def test_ctrl_c_while_sessions_are_deleted(big: JSONStorage) -> None:
    folder = Path(big.location).parent
    stopped = 0
    for number in range(20):  # the command may be done before the signal arrives
        before = Path(big.location).read_bytes()
        with started("sessions", "clear", "--yes", "--session", f"api-{number}") as process:
            assert waited_for(process, folder, ".sessions.json.*.tmp")
            status, said = interrupted(process)
        if status == 130:
            stopped += 1
            assert said == INTERRUPTED
            if big.get_session_by_id(f"api-{number}"):  # else the new file was in place already
                assert Path(big.location).read_bytes() == before
        else:
            assert status == 0
            assert "deleted 1 session" in said
            assert big.get_session_by_id(f"api-{number}") is None
        assert not list(folder.glob(".*.tmp"))
        if stopped == 3:
            return
    assert stopped


def test_ctrl_c_is_ignored_where_the_shell_ignores_it(big: JSONStorage) -> None:
    command = ["sh", "-c", f"trap '' INT; exec {INSIGHT} export out.json.gz"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        assert waited_for(process, Path(), ".out.json.gz.*.tmp")
        status, said = interrupted(process)
    assert status == 0
    assert "exported 150 sessions" in said
