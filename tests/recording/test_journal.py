"""What a journal says, whatever became of it, and how it is recovered."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pytest_insight import locations
from pytest_insight.document.codec import encode_clean
from pytest_insight.document.fast_writer import encode_head, encode_text, encode_value, result_lines
from pytest_insight.models import CodeState, TestOutcome, TestResult, TestSession
from pytest_insight.profiles.manager import ProfileManager
from pytest_insight.profiles.profile import StorageProfile
from pytest_insight.recording.journal.backoff import BackOff
from pytest_insight.recording.journal.parser import Journal, parse
from pytest_insight.recording.journal.recovery import Recovery, recover_journals
from pytest_insight.recording.journal.writer import JournalWriter, journals, target_fields
from pytest_insight.storage import JSONStorage, create_profile

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
Write = Callable[[JournalWriter], None]


def result(name: str, outcome: str = "passed", worker: str = "") -> bytes:
    return encode_clean(TestResult(name, TestOutcome(outcome), START, 0.5, worker=worker)) + b"\n"


def recover() -> list[Recovery]:
    return list(recover_journals(locations.journal_folder()))


def begin(session_id: str = "api-1", profile: StorageProfile | None = None) -> JournalWriter:
    session = msgspec.to_builtins(TestSession(session_id, "api", START))
    target = target_fields(profile or StorageProfile("", "json", str(JSONStorage().file_path)))
    head = encode_head(session, target)
    return JournalWriter(locations.journal_folder(), session_id, head)


def died(*writes: Write, session_id: str = "api-1", profile: StorageProfile | None = None) -> Path:
    """The journal of a process that wrote this and died; made by giving its lock up."""
    writer = begin(session_id, profile)
    for write in writes:
        write(writer)
    assert writer.problem is None
    writer.close(keep=True)
    return writer.path


def starts(name: str) -> Write:
    return lambda writer: writer.running(encode_text(name))


def gives(name: str, outcome: str = "passed", worker: str = "") -> Write:
    return lambda writer: writer.result(result(name, outcome, worker))


def ending(code: CodeState | None = None) -> bytes:
    fields: dict[str, Any] = {"exit_status": 0, "session_duration": 1.0}
    return encode_value(fields | ({"code_state": msgspec.to_builtins(code)} if code else {}))


def end(writer: JournalWriter, code: CodeState | None = None) -> None:
    writer.end(ending(code))


def ends(writer: JournalWriter) -> None:
    end(writer)


def read(path: Path) -> Journal:
    return parse(path.read_bytes())


# Which tests were running ------------------------------------------------------------------------

RUNNING: dict[str, tuple[list[Write], list[str]]] = {
    "none": ([starts("a"), gives("a")], []),
    "one": ([starts("a"), gives("a"), starts("b")], ["b"]),
    "one that is run a second time": ([starts("a"), gives("a"), starts("a")], ["a"]),
    "none after a second run": ([starts("a"), gives("a"), starts("a"), gives("a")], []),
    "a test with subtests that is being run again": (
        [starts("a"), gives("a", "failed"), gives("a", "failed"), gives("a", "rerun")],
        ["a"],
    ),
    "none after a test with subtests that was run again": (
        [starts("a"), gives("a", "failed"), gives("a", "rerun"), gives("a"), gives("a")],
        [],
    ),
    "none after a pass with an error": ([starts("a"), gives("a"), gives("a", "error")], []),
    "a test that is being run again": ([starts("a"), gives("a", "rerun")], ["a"]),
    "none after a test that was run again": (
        [starts("a"), gives("a", "rerun"), gives("a", "rerun"), gives("a")],
        [],
    ),
    "one of two workers": (
        [starts("a"), starts("a"), gives("a", worker="gw0")],
        ["a"],
    ),
    "one of two workers, the other with an error": (
        [starts("a"), starts("a"), gives("a", worker="gw0"), gives("a", "error", worker="gw0")],
        ["a"],
    ),
    "none of two workers": (
        [starts("a"), starts("a"), gives("a", worker="gw0"), gives("a", worker="gw1")],
        [],
    ),
    "both of two workers": ([starts("a"), starts("a")], ["a", "a"]),
    "none after a test that a conftest has renamed": (
        [starts("f::a"), gives("f::a (new)"), gives("f::a", "error")],
        [],
    ),
    "one after a test that a conftest has renamed": (
        [starts("f::a"), gives("f::a (new)"), starts("f::b")],
        ["f::b"],
    ),
    "another test's file": ([starts("a"), gives("b.py", "error")], ["a"]),
    "none at the end": ([starts("a"), ends], []),
}


@pytest.mark.parametrize(("writes", "running"), RUNNING.values(), ids=RUNNING)
def test_what_was_running_is_what_began_and_did_not_end(
    writes: list[Write], running: list[str]
) -> None:
    journal = read(died(*writes))
    assert list(journal.running) == running
    assert [r.nodeid for r in journal.session.test_results if "died" in r.longreprtext] == running


def test_several_tests_that_were_running_are_all_named() -> None:
    died(starts("a"), starts("b"), starts("b"))
    (recovery,) = recover()
    assert recovery.message.endswith("while a, b were running")
    (session,) = JSONStorage().load_sessions()
    assert [(r.nodeid, str(r.outcome)) for r in session.test_results] == [
        ("a", "error"),
        ("b", "error"),
        ("b", "error"),
    ]


def test_of_many_tests_that_were_running_a_few_are_named() -> None:
    died(*(starts(name) for name in "abcde"))
    (recovery,) = recover()
    assert recovery.message.endswith("while a, b, c and 2 more were running")
    (session,) = JSONStorage().load_sessions()
    assert [r.nodeid for r in session.test_results] == list("abcde")


def test_a_run_that_died_between_two_tests_names_none() -> None:
    died(starts("a"), gives("a"))
    (recovery,) = recover()
    assert recovery.message.endswith("its process died")
    (session,) = JSONStorage().load_sessions()
    assert session.crashed
    assert session.session_stop_time == START + timedelta(seconds=0.5)


def test_the_code_is_known_of_a_run_that_died_too() -> None:
    early, late = CodeState("c", "main", "unknown"), CodeState("c", "main", "d")
    path = died(lambda writer: writer.code(encode_clean(early)), starts("a"), gives("a"))
    assert read(path).session.code_state == early
    path = died(lambda writer: writer.code(encode_clean(early)), lambda writer: end(writer, late))
    assert read(path).session.code_state == late


# Damage ------------------------------------------------------------------------------------------


def test_a_damaged_line_costs_that_line_and_the_journal_is_kept() -> None:
    path = died(*(gives(name) for name in "abc"), starts("d"))
    lines = path.read_bytes().split(b"\n")
    lines[2] = lines[2].replace(b"passed", b"pas\0ed")
    damaged = b"\n".join(lines)
    path.write_bytes(damaged)
    (recovery,) = recover()
    assert recovery.saved
    (session,) = JSONStorage().load_sessions()
    assert [r.nodeid for r in session.test_results] == ["a", "c", "d"]
    (kept,) = path.parent.iterdir()
    assert kept.read_bytes() == damaged
    assert recovery.message.endswith(
        f"could not read 1 damaged line, the journal is kept as {kept}"
    )
    assert recover() == []


FIRST_LINES = {
    "cut off": b'{"journal":1,"sess',
    "not JSON": b"hello\n" + b'{"running":"a"}\n',
    "another document": b'{"sessions":[]}\n',
    "no UTF-8": b'{"journal":1,"session":{"session_id":"\xff"}}\n',
    "a later version": b'{"journal":3,"session":{"something":"else"}}\n{"running":"a"}\n',
}


@pytest.mark.parametrize("content", FIRST_LINES.values(), ids=FIRST_LINES)
def test_a_journal_that_cannot_be_read_stays_and_is_named_each_time(content: bytes) -> None:
    path = died(gives("a"), session_id="unreadable")
    path.write_bytes(content)
    other = died(gives("a"), session_id="z-readable")
    first, second = recover()
    assert (first.path, first.saved) == (path, False)
    assert str(path) in first.message
    assert ("upgrade with: pip" in first.message) == (b'"journal":3' in content)
    assert "\n" not in first.message
    assert (second.path, second.saved) == (other, True)
    assert recover() == [first]
    assert path.read_bytes() == content


def test_a_first_line_that_a_full_disk_cut_off_and_comes_again_is_read() -> None:
    path = died(starts("a"), gives("a"))
    whole = path.read_bytes()
    for cut in (0, 1, 20):
        journal = parse(whole[:cut] + b"\n" + whole)
        assert len(journal.session.test_results) == 1
        assert journal.damaged == 0


def test_a_line_that_a_full_disk_cut_off_and_comes_again_is_no_damage() -> None:
    path = died(starts("a"), gives("a"), gives("b"))
    whole = path.read_bytes()
    last = whole.rindex(b'{"nodeid":"b"')
    for cut in range(last, len(whole) - 1):
        journal = parse(whole[:cut] + b"\n" + whole[last:])
        assert [r.nodeid for r in journal.session.test_results] == ["a", "b"]
        assert journal.damaged == 0


def test_an_empty_journal_is_removed_and_reported() -> None:
    path = died(session_id="empty")
    path.write_bytes(b"")
    (recovery,) = recover()
    assert recovery.message == f"removed an empty journal: {path}"
    assert list(path.parent.iterdir()) == []


def test_a_journal_that_may_not_be_read_is_named_and_does_not_stop_the_others() -> None:
    path = locations.journal_folder() / "a-folder.jsonl"
    path.mkdir(parents=True)
    died(gives("a"))
    refused, recovery = recover()
    assert refused.message == f"cannot read the journal {path}: Is a directory"
    assert recovery.saved


# Where it goes -----------------------------------------------------------------------------------


def test_a_profile_that_was_deleted_still_has_its_store() -> None:
    path = create_profile("gone").path
    died(gives("a"), profile=StorageProfile("gone", "json", str(path)))
    ProfileManager().delete_profile("gone")
    (recovery,) = recover()
    assert recovery.saved
    assert JSONStorage(path).count() == 1
    assert JSONStorage().count() == 0


def test_a_journal_with_an_unknown_storage_type_is_kept_and_reported() -> None:
    path = died(gives("a"), profile=StorageProfile("", "carrier-pigeon"))
    (recovery,) = recover()
    assert not recovery.saved
    assert "carrier-pigeon" in recovery.message
    assert str(path) in recovery.message
    assert path.exists()


def test_any_exception_of_a_storage_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("first\nsecond")

    path = died(gives("a"))
    with monkeypatch.context() as broken:
        broken.setattr(JSONStorage, "save_sessions", breaks)
        (recovery,) = recover()
    assert recovery.message.endswith(f"from {path}: RuntimeError: first second")
    assert recover() == []  # not tried again so soon
    forget_failures()
    assert recover()[0].saved


def forget_failures() -> None:
    """Let the time pass after which a store is tried again."""
    for path in locations.journal_folder().glob("*.retry"):
        os.utime(path, (0, 0))


def test_a_store_that_cannot_be_opened_is_tried_and_reported_once_and_then_not_for_a_while(
    tmp_path: Path,
) -> None:
    silent = StorageProfile("", "json", str(tmp_path / "a-file" / "store.json"))
    (tmp_path / "a-file").write_text("not a folder")
    for number in range(3):
        died(gives("a"), session_id=f"a-{number}", profile=silent)
    (failure,) = recover()
    assert failure.message.startswith("cannot recover the session a-0 from ")
    assert failure.message.endswith("; 2 more sessions wait for it")
    assert recover() == []
    # Other stores are not concerned, nor is the one that a command or a run uses.
    died(gives("a"), session_id="b")
    assert [each.session_id for each in recover()] == ["b"]
    (tmp_path / "a-file").unlink()
    assert len(list(recover_journals(locations.journal_folder(), used=silent))) == 3
    assert list(locations.journal_folder().iterdir()) == []


def test_the_time_until_a_store_is_tried_again_grows_and_ends(tmp_path: Path) -> None:
    tried = []
    folder = tmp_path / "journal"
    folder.mkdir()
    back_off = BackOff(folder, "postgresql postgresql://db/tests")
    for _ in range(20):
        back_off.note_failure()
        (path,) = folder.iterdir()
        ages = [30, 90, 180, 400, 1_000]
        now = path.stat().st_mtime
        waiting = []
        for age in ages:
            os.utime(path, (now - age, now - age))
            waiting.append(back_off.is_waiting())
        tried.append(waiting.index(False))
        os.utime(path, (now + 60, now + 60))  # by a clock that was ahead
        assert not back_off.is_waiting()
    assert tried[:4] == [1, 2, 3, 4]
    assert set(tried[4:]) == {4}
    back_off.note_success()
    assert list(folder.iterdir()) == []


def test_a_journal_of_a_run_recorded_in_memory_is_removed_and_reported() -> None:
    died(gives("a"), profile=StorageProfile("", "memory"))
    (recovery,) = recover()
    assert "in memory" in recovery.message
    assert recover() == []


def test_a_locked_store_is_waited_for_once_and_keeps_no_other_from_its_journals(
    tmp_path: Path,
) -> None:
    locked, free = tmp_path / "locked.json", tmp_path / "free.json"
    for number in range(20):
        died(gives("a"), session_id=f"a-{number}", profile=StorageProfile("", "json", str(locked)))
    died(gives("a"), session_id="b", profile=StorageProfile("", "json", str(free)))
    with another_process_holding(locked):
        recovery = recover()
    assert [f.saved for f in recovery] == [True, False]
    assert f"{locked}.lock" in recovery[1].message
    assert recovery[1].message.endswith("; 19 more sessions wait for it")
    assert JSONStorage(free).count() == 1
    assert all(f.saved for f in recover())
    assert JSONStorage(locked).count() == 20


class another_process_holding:  # noqa: N801 - reads as a sentence
    """A real process that has locked a store, as one that imports a large file has."""

    def __init__(self, store: Path) -> None:
        script = (
            "import sys; from filelock import FileLock\n"
            "with FileLock(sys.argv[1]): print('held', flush=True); sys.stdin.read()"
        )
        store.parent.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-c", script, f"{store}.lock"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"held\n"

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)


# The writer --------------------------------------------------------------------------------------


def test_a_journal_that_a_test_deletes_is_not_lost() -> None:
    writer = begin()
    writer.result(result("a"))
    for file in writer.path.parent.iterdir():
        file.unlink()
    writer.path.parent.rmdir()
    writer.result(result("b"))
    lines = writer.end(ending())
    writer.close(keep=False)
    assert writer.is_whole(result_lines(lines))
    assert [r.nodeid for r in parse(lines).session.test_results] == ["a", "b"]


def test_two_runs_of_one_name_have_a_journal_each() -> None:
    names = [f"{'x' * 300}-20261101-120000-{number:08x}" for number in range(2)]
    paths = {died(gives("a"), session_id=name) for name in names}
    assert len(paths) == 2
    assert {f.session_id for f in recover()} == set(names)


def test_an_odd_name_stays_in_the_folder() -> None:
    path = died(gives("a"), session_id="../../a b/\u00fc:*-1")
    assert path.parent == locations.journal_folder()
    assert recover()[0].saved


def test_only_the_owner_can_read_it() -> None:
    path = died(gives("a"))
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_files_of_others_in_the_folder_are_left_alone() -> None:
    path = died(gives("a"))
    other = path.with_name("notes.txt")
    other.write_text("mine")
    assert [f.path for f in recover()] == [path]
    assert os.listdir(path.parent) == ["notes.txt"]  # noqa: PTH208
    assert journals(path.parent / "missing") == []


def test_a_journal_of_the_first_version_is_recovered(tmp_path: Path) -> None:
    """Its text, so that a change of the format cannot pass with a change of the writer."""
    store = tmp_path / "store.json"
    path = locations.journal_folder() / "api-1.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text(
        '{"journal":1,"session":{"session_id":"api-1","sut_name":"api",'
        '"session_start_time":"2026-11-01T12:00:00.000000Z",'
        '"session_stop_time":"2026-11-01T12:00:00.000000Z","session_duration":0.0,'
        '"testing_system":{"host":"h"}},'
        f'"target":{{"storage_type":"json","profile":"gone","file_path":"{store}"}}}}\n'
        '{"code":{"commit":"c","branch":"main","digest":"d"}}\n'
        '{"running":"test_a.py::test_x"}\n'
        '{"nodeid":"test_a.py::test_x","outcome":"passed",'
        '"start_time":"2026-11-01T12:00:01.000000Z","duration":0.500000}\n'
        '{"warned":"test_a.py::test_x"}\n'
        '{"running":"test_a.py::test_y"}\n'
    )
    (recovery,) = recover()
    assert recovery.saved, recovery.message
    (session,) = JSONStorage(store).load_sessions()
    assert session.crashed
    assert session.code_state == CodeState("c", "main", "d")
    assert [(r.nodeid, str(r.outcome), r.has_warning) for r in session.test_results] == [
        ("test_a.py::test_x", "passed", True),
        ("test_a.py::test_y", "error", False),
    ]
