"""Merging and copying storages of any backends, and undo."""

from __future__ import annotations

import json
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pytest_insight.errors import ProfileError, StorageError, StoreDamageWarning
from pytest_insight.exchange.import_report import ImportEntry
from pytest_insight.exchange.merge import MergeStrategy
from pytest_insight.filters import Selection
from pytest_insight.models import TestResult, TestSession
from pytest_insight.storage import BaseStorage, InMemoryStorage, JSONStorage, PostgreSQLStorage
from pytest_insight.storage.transfer import copy_into_new, is_same, merge, merge_all
from pytest_insight.storage.undo.operations import delete, prune
from pytest_insight.storage.undo.records import Command, load_snapshots, undoable
from pytest_insight.storage.undo.restore import undo_last_command
from tests.conftest import START, MakeSession

SKIP, REPLACE, BOTH, UPGRADE = MergeStrategy

BACKENDS: dict[str, Callable[[str], BaseStorage]] = {
    "memory": lambda name: InMemoryStorage(),
    "json": lambda name: JSONStorage(f"{name}.json"),
}


@pytest.fixture(params=BACKENDS)
def source(request: pytest.FixtureRequest, make_session: MakeSession) -> BaseStorage:
    """Has 0, 1 and 2; 1 is changed, so that it differs from `make_session(1)`."""
    storage = BACKENDS[request.param]("source")
    sessions = [make_session(0), make_session(1, sut_name="changed"), make_session(2)]
    storage.save_sessions(sessions)
    return storage


@pytest.fixture(params=BACKENDS)
def target(request: pytest.FixtureRequest) -> BaseStorage:
    storage = BACKENDS[request.param]("target")
    return storage


# Merging ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strategy", "entries"),
    [
        (
            SKIP,
            (
                ImportEntry("api-0", "identical"),
                ImportEntry("api-1", "skipped"),
                ImportEntry("api-2", "added"),
            ),
        ),
        (
            REPLACE,
            (
                ImportEntry("api-0", "identical"),
                ImportEntry("api-1", "replaced"),
                ImportEntry("api-2", "added"),
            ),
        ),
        (
            BOTH,
            (
                ImportEntry("api-0", "renamed", "api-0-2"),
                ImportEntry("api-1", "renamed", "api-1-2"),
                ImportEntry("api-2", "added"),
            ),
        ),
        (
            UPGRADE,
            (
                ImportEntry("api-0", "identical"),
                ImportEntry("api-1", "skipped"),
                ImportEntry("api-2", "added"),
            ),
        ),
    ],
)
def test_a_merge_does_what_an_import_of_an_export_does(
    source: BaseStorage,
    target: BaseStorage,
    make_session: MakeSession,
    tmp_path: Path,
    strategy: MergeStrategy,
    entries: tuple[ImportEntry, ...],
) -> None:
    other = InMemoryStorage()
    for each in (target, other):
        each.save_sessions([make_session(0), make_session(1), make_session(5)])
    source.export_sessions(tmp_path / "export.json")
    report = other.import_sessions(tmp_path / "export.json", strategy)
    expected = replace(report, source="")
    before = target.load_sessions()
    assert merge(source, target, strategy, dry_run=True) == expected
    assert target.load_sessions() == before
    assert merge(source, target, strategy) == expected
    assert expected.entries == entries
    assert target.load_sessions() == other.load_sessions()


@pytest.mark.parametrize("strategy", MergeStrategy)
def test_several_stores_are_merged_as_one_after_the_other_and_written_once(
    make_session: MakeSession, strategy: MergeStrategy
) -> None:
    sources = [JSONStorage(f"source-{number}.json") for number in range(3)]
    for number, each in enumerate(sources):
        each.save_sessions([make_session(0, sut_name=f"sut-{number}"), make_session(number)])
    target, expected = JSONStorage("target.json"), JSONStorage("expected.json")
    for each in (target, expected):
        each.save_sessions([make_session(0), make_session(2)])
    reports = [merge(each, expected, strategy) for each in sources]
    assert merge_all(sources, target, strategy, dry_run=True) == reports
    command = Command("merge")
    assert merge_all(sources, target, strategy, command) == reports
    assert target.load_sessions() == expected.load_sessions()
    assert command.can_be_undone
    assert len(load_snapshots(target)) == 1
    assert undo_last_command(target) is not None
    assert target.load_sessions() == [make_session(0), make_session(2)]


def test_a_store_is_not_merged_into_itself(source: BaseStorage) -> None:
    with pytest.raises(StorageError, match=r"cannot merge .* into itself"):
        merge(source, source, SKIP)


def test_two_paths_of_one_file_are_one_store() -> None:
    JSONStorage("a.json").save_sessions([])
    Path("link.json").symlink_to("a.json")
    assert is_same(JSONStorage("a.json"), JSONStorage("link.json"))
    assert not is_same(JSONStorage("a.json"), JSONStorage("b.json"))
    assert not is_same(InMemoryStorage(), InMemoryStorage())
    url = "postgresql://h/d?options=-csearch_path%3D"
    assert is_same(PostgreSQLStorage(f"{url}a"), PostgreSQLStorage(f"{url}a&password=x"))
    assert not is_same(PostgreSQLStorage(f"{url}a"), PostgreSQLStorage(f"{url}b"))


class Losing(InMemoryStorage):
    """A store from which another process deletes a session after the first scan."""

    looks = 0

    def iter_sessions(
        self, selection: Selection | None = None, *, newest_first: bool = False
    ) -> Iterator[TestSession]:
        self.looks += 1
        if self.looks > 1:
            self.delete_sessions(["api-1"])
        return super().iter_sessions(selection, newest_first=newest_first)


def test_if_the_source_loses_a_session_during_a_merge_nothing_is_written(
    target: BaseStorage, make_session: MakeSession
) -> None:
    target.save_session(make_session(7))
    source = Losing()
    source.save_sessions([make_session(0), make_session(1)])
    with pytest.raises(StorageError, match="api-1 was deleted"):
        merge(source, target, SKIP)
    assert target.load_sessions() == [make_session(7)]


def test_a_copy_needs_a_target_without_other_sessions(
    source: BaseStorage, target: BaseStorage, make_session: MakeSession
) -> None:
    assert copy_into_new(source, target) == 3
    assert copy_into_new(source, target) == 3  # as after a copy that was killed at its end
    assert target.load_sessions() == source.load_sessions()
    target.save_session(make_session(9))
    with pytest.raises(ProfileError, match="already has sessions"):
        copy_into_new(source, target)


def test_memory_holds_the_results_of_one_session_at_a_time() -> None:
    source, target = JSONStorage("source.json"), JSONStorage("target.json")
    text = "x" * 1_000
    for number in range(60):
        results = (TestResult(f"t.py::{n}", "passed", START, capstdout=text) for n in range(200))
        source.save_session(TestSession(f"s-{number}", "s", START, test_results=tuple(results)))
    size = source.file_path.stat().st_size
    command = Command("merge")

    def peak(work: Any, *arguments: object, **options: object) -> int:
        tracemalloc.start()
        work(*arguments, **options)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert size > 12_000_000
    for most in (
        peak(merge, source, target, SKIP, command),
        peak(delete, target, [f"s-{number}" for number in range(60)], Command("clear")),
        peak(undo_last_command, target),
    ):
        assert most < size / 2
    assert target.count() == 60


# Undo -------------------------------------------------------------------------------------------


@pytest.fixture
def store(make_session: MakeSession) -> JSONStorage:
    storage = JSONStorage()
    storage.save_sessions(make_session(number) for number in range(4))
    return storage


def test_changes_of_a_storage_in_memory_cannot_be_undone(make_session: MakeSession) -> None:
    storage = InMemoryStorage()
    storage.save_session(make_session())
    command = Command("clear")
    assert delete(storage, ["api-0"], command) == 1
    assert not command.can_be_undone
    assert undo_last_command(storage) is None


def test_deleting_unknown_sessions_keeps_no_snapshot(store: JSONStorage) -> None:
    command = Command("clear")
    assert delete(store, ["nothing"], command) == 0
    assert not command.can_be_undone
    assert undo_last_command(store) is None


@pytest.mark.skipif(sys.platform == "win32", reason="limits of the file size")
@pytest.mark.parametrize("act", ["clear", "prune", "import"])
def test_a_command_that_fails_takes_no_step_of_undo(
    store: JSONStorage, make_session: MakeSession, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    import resource

    monkeypatch.setenv("PYTEST_INSIGHT_UNDO", "1")
    assert delete(store, ["api-0"], Command("done")) == 1
    other = InMemoryStorage()
    other.save_sessions([make_session(7), make_session(8)])
    before = store.file_path.read_bytes()
    commands: dict[str, Callable[[Command], object]] = {
        "clear": lambda command: delete(store, ["api-1"], command),
        "prune": lambda command: prune(store, command, older_than=None, keep=2),
        "import": lambda command: merge(other, store, BOTH, command),
    }
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The snapshot of one session of three can be written, a store with the other two cannot.
    size = len(before) + 10 if act == "import" else len(before) // 2
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        with pytest.raises(StorageError, match=r"cannot write the store .*File too large"):
            commands[act](Command(act))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert store.file_path.read_bytes() == before
    undone = undo_last_command(store)
    assert undone is not None
    assert undone.command_name == "done"
    assert undone.restored == ("api-0",)


def test_a_command_that_fails_after_a_change_can_be_undone(store: JSONStorage) -> None:
    def change_and_fail() -> None:
        with store.exclusive(), undoable(store, Command("half"), {"api-0": None, "api-1": None}):
            store.delete_sessions(["api-0"])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_and_fail()
    undone = undo_last_command(store)
    assert undone is not None
    assert undone.restored == ("api-0",)


def test_a_command_that_was_killed_before_it_changed_anything_can_be_undone(
    store: JSONStorage, make_session: MakeSession
) -> None:
    class KilledError(BaseException):
        pass

    before = store.file_path.read_bytes()
    changed = make_session(1, sut_name="changed")
    for after in ({"api-0": None}, {"api-1": "what would be written", "api-9": "added"}):
        with pytest.raises(KilledError), store.exclusive(), undoable(store, Command("x"), after):
            raise KilledError
        undone = undo_last_command(store)
        assert undone is not None
        assert not undone.changes
        assert not undone.changed_since
        assert store.file_path.read_bytes() == before
    deleting = undoable(store, Command("x"), {"api-1": None})
    with pytest.raises(KilledError), store.exclusive(), deleting:
        raise KilledError
    store.save_session(changed)
    undone = undo_last_command(store)
    assert undone is not None
    assert undone.changed_since == ("api-1",)
    assert store.get_session_by_id("api-1") == changed


def test_undo_after_a_dry_run_does_not_undo_another_command(store: JSONStorage) -> None:
    delete(store, ["api-0"], Command("first"))
    planned = undo_last_command(store, dry_run=True)
    assert planned is not None
    prune(store, Command("second"), older_than=None, keep=1)
    with pytest.raises(StorageError, match=r"another command .* has changed"):
        undo_last_command(store, key=planned.command_key)
    assert store.session_ids() == ["api-3"]


def test_a_replaced_session_that_was_deleted_since_is_restored(
    store: JSONStorage, make_session: MakeSession
) -> None:
    source = InMemoryStorage()
    source.save_sessions([replace(make_session(1), sut_name="new"), make_session(8)])
    merge(source, store, REPLACE, Command("merge"))
    store.delete_sessions(["api-1", "api-8"])
    undone = undo_last_command(store)
    assert undone is not None
    assert undone.restored == ("api-1",)
    assert store.load_sessions() == [make_session(number) for number in range(4)]


@pytest.mark.parametrize("shape", ["damaged", "foreign"])
def test_undo_restores_what_can_be_read_of_a_store_in_another_shape(
    store: JSONStorage, shape: str
) -> None:
    data = store.file_path.read_bytes()
    if shape == "damaged":
        store.file_path.write_bytes(data.replace(b'"passed"', b'"passed', 1))
    else:
        store.file_path.write_text(json.dumps(json.loads(data)["sessions"], indent=1))
    left = store.session_ids()
    warned = pytest.warns(StoreDamageWarning) if shape == "damaged" else nullcontext()
    with warned:
        there = store.load_sessions()
        delete(store, left, Command("clear"))
    assert store.load_sessions() == []
    undo_last_command(store)
    assert store.load_sessions() == there
    assert len(there) == (3 if shape == "damaged" else 4)
