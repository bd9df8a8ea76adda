"""IDs of recorded sessions: no two runs share one, and no session replaces another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from pytest_insight import locations
from pytest_insight.document.fast_writer import encode_head, result_lines
from pytest_insight.models import TestOutcome, TestSession
from pytest_insight.profiles.profile import StorageProfile
from pytest_insight.recording.destination import Destination
from pytest_insight.recording.journal.writer import JournalWriter, journals, target_fields
from pytest_insight.storage import InMemoryStorage, JSONStorage
from pytest_insight.storage.recorded import save_recorded
from tests.conftest import MakeSession
from tests.recording.test_journal import START, begin, died, ending, gives, recover, result

_SEEDED = """
import os, random, time, uuid
os.urandom = lambda length: bytes(length)
os.getpid = lambda: 1
time.time = lambda: 1.8e9
time.time_ns = lambda: 1_800_000_000 * 10**9
random.seed(0)
"""


def test_a_conftest_that_patches_randomness_and_clocks_does_not_make_runs_share_an_id() -> None:
    Path("conftest.py").write_text(_SEEDED)
    Path("test_it.py").write_text("def test_it(): pass\n")
    for _ in range(3):
        command = [sys.executable, "-m", "pytest", "--insight", "-p", "no:cacheprovider"]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    sessions = JSONStorage().load_sessions()
    assert len({each.session_id for each in sessions}) == len(sessions) == 3
    # They started in the same second, so only the last part differs.
    assert len({each.session_id.rpartition("-")[0] for each in sessions}) == 1


def save(number: int) -> tuple[str, int]:
    """Save a run of its own with the ID of all others, as the end of a run does."""
    fields = {
        **msgspec.to_builtins(TestSession("api-1", "api", START)),
        "testing_system": {"number": number},
    }
    profile = StorageProfile("")
    head = encode_head(fields, target_fields(profile))
    journal = JournalWriter(locations.journal_folder(), "api-1", head)
    journal.result(result(f"test_{number}"))
    end = msgspec.json.decode(ending())
    saved = Destination(profile, "default").save(journal, fields, end)
    journal.close(keep=False)
    return saved


def test_a_recorded_session_never_replaces_another_with_its_id(make_session: MakeSession) -> None:
    storage = JSONStorage()
    storage.save_session(make_session(-1, session_id="before"))
    assert [save(number)[0] for number in range(3)] == ["api-1", "api-1-2", "api-1-3"]
    # Also if sessions that started later were saved in between.
    storage.save_sessions(make_session(number, session_id=f"later-{number}") for number in (1, 2))
    assert save(3) == ("api-1-4", 1)
    numbers = {s.session_id: s.testing_system.get("number") for s in storage.iter_sessions()}
    assert [numbers[f"api-1{suffix}"] for suffix in ("", "-2", "-3", "-4")] == [0, 1, 2, 3]


def test_a_session_that_was_saved_before_its_journal_was_deleted_is_not_saved_again() -> None:
    storage = InMemoryStorage()
    session = TestSession("api-1", "api", START, testing_system={"host": "h"})
    assert [save_recorded(storage, session) for _ in range(2)] == ["api-1"] * 2
    storage.pin_sessions(["api-1"])
    assert save_recorded(storage, session) == "api-1"
    assert [each.pinned for each in storage.load_sessions()] == [True]


def test_a_run_that_looked_dead_replaces_what_was_recovered_of_it(
    make_session: MakeSession,
) -> None:
    storage = InMemoryStorage()
    whole = make_session()
    first, last = whole.test_results
    died_in_last = replace(last, outcome=TestOutcome.ERROR)
    recovered = replace(whole, crashed=True, test_results=(first, died_in_last))
    storage.save_session(recovered)
    assert save_recorded(storage, whole) == whole.session_id
    assert storage.load_sessions() == [whole]
    # Not if it has results that the other one lacks.
    storage.save_session(recovered)
    less = replace(whole, test_results=(last,))
    assert save_recorded(storage, less) == f"{whole.session_id}-2"
    assert storage.count() == 2


def test_journals_of_one_id_are_two_files() -> None:
    dead = died(gives("a"))
    living = [begin(), begin()]
    paths = [dead, *(each.path for each in living)]
    assert [path.name for path in paths] == ["api-1.jsonl", "api-1-2.jsonl", "api-1-3.jsonl"]
    (recovery,) = recover()
    assert recovery.path == dead
    for each in living:
        each.close(keep=False)
    assert journals(dead.parent) == []


@pytest.mark.skipif(sys.platform == "win32", reason="links")
def test_a_journal_is_not_written_through_a_link(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"a file of the user")
    folder = locations.journal_folder()
    folder.mkdir(parents=True, mode=0o700)
    (folder / "api-1.jsonl").symlink_to(target)
    (folder / "api-1-2.jsonl").symlink_to(tmp_path / "nothing")
    writer = begin()
    writer.result(result("a"))
    assert writer.path.name == "api-1-3.jsonl"
    assert len(result_lines(writer.end(ending()))) == 1
    writer.close(keep=False)
    assert target.read_bytes() == b"a file of the user"
    assert not (tmp_path / "nothing").exists()
