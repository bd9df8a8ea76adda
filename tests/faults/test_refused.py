"""Each system call that writes fails in turn: no data is lost, and the error is raised."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from pytest_insight.document.codec import encode_session
from pytest_insight.document.layout import IN_ORDER_SEPARATOR
from pytest_insight.errors import StoreDamageWarning
from pytest_insight.storage import JSONStorage, ProfileManager
from pytest_insight.storage.undo.restore import undo_last_command
from tests.faults import refused
from tests.faults.conftest import LONG
from tests.faults.kernel import can_refuse
from tests.faults.places import KINDS, Place
from tests.faults.refused import CLEAR_TO_UNDO, OPERATIONS, Sessions, furnish
from tests.faults.victims import Start, session

FAULTS = {
    "the disk is full": ("write", errno.ENOSPC),
    "writing fails": ("write", errno.EIO),
    "syncing fails": ("sync", errno.EIO),
    "renaming fails": ("rename", errno.EIO),
    "cutting fails": ("truncate", errno.EIO),
    "nothing can be created": ("create", errno.EDQUOT),
    "permissions cannot be set": ("chmod", errno.EPERM),
}
CASES = [(kind, name) for kind in KINDS for name, each in OPERATIONS.items() if each.concerns(kind)]
LOCKING_TRUNCATES = tuple(map(int, version("filelock").split(".")[:3])) < (4, 2, 1)
"""Whether filelock empties its file when it has the lock, as it did until then."""
NEVER = {
    *(
        ("json", each, "truncate")
        for each in OPERATIONS
        if (each == "export" if LOCKING_TRUNCATES else each != "save behind a torn write")
    ),
    # Appending sessions needs no other file than the lock.
    *(
        ("json", operation, kind)
        for operation in ("save", "pin", "import")
        for kind in ("rename", "chmod")
    ),
    # A database is changed in place; only its write-ahead log is a new file.
    *(
        ("sqlite", operation, kind)
        for operation in OPERATIONS.keys() - {"export", CLEAR_TO_UNDO}
        for kind in ("rename", "chmod")
    ),
}
"""What an operation never does with that kind of storage."""
needs_filter = pytest.mark.skipif(not can_refuse(), reason="needs Linux on x86_64 or aarch64")


def attempt(start: Start, operation: str, place: Place, kind: str, error: int, chance: int) -> Any:
    victim = start(refused.attempt, operation, place, kind, error, chance)
    said = json.loads(victim.wait_for_first())
    victim.ended()
    assert victim.status == 0
    return said


@needs_filter
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize(("place", "operation"), CASES, indirect=["place"])
def test_whatever_fails_what_was_there_is_there_and_the_caller_is_told(
    place: Place,
    start: Start,
    rng: random.Random,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    fault: tuple[str, int],
) -> None:
    failed = 0
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(place.path.parent))
    before = furnish(place, operation)
    damaged = place.path.read_bytes()
    # The fast mode tries three of the calls, the first among them.
    some = [1, rng.randrange(2, 13), rng.randrange(13, 60)]
    for chance in range(1, 200) if LONG else some:
        with unchanged(place.path.parent):
            said = attempt(start, operation, place, *fault, chance)
            if said["error"] is not None:
                failed += 1
                assert_told(said, place, fault[1])
            assert_holds(place, operation, before, damaged, done=said["error"] is None)
        if not said["fired"]:
            assert said["error"] is None
            break
    else:
        assert not LONG, "it never ran out of chances"
    assert (failed == 0) is ((place.kind, operation, fault[0]) in NEVER)


@contextmanager
def unchanged(folder: Path) -> Iterator[None]:
    """Restore a folder after a block, which takes a tenth of the time of furnishing a new one."""
    kept = folder.with_name("kept")
    shutil.copytree(folder, kept)
    yield
    shutil.rmtree(folder)
    kept.rename(folder)


def assert_told(said: dict[str, Any], place: Place, error: int) -> None:
    """Fail unless the error has the right type and names the cause and the file."""
    path = place.path
    stores = (path.name, "profiles.json", "undo", "new.json", "old.json")
    names = {**dict.fromkeys(stores, "StorageError"), "export.json": "ExchangeError"}
    causes = (os.strerror(error), *KINDS[place.kind].own_words)
    assert any(cause in said["text"] for cause in causes), said
    named = [name for name in names if str(path.with_name(name)) in said["text"]]
    assert said["error"] in {names[name] for name in named}, said


def assert_holds(
    place: Place, operation: str, before: Sessions, file: bytes, *, done: bool
) -> None:
    path = place.path
    assert list(path.parent.rglob("*.tmp")) == []
    with place.open() as storage:
        damaged = operation == "repair"
        with warnings.catch_warnings():
            if damaged or operation == "save behind a torn write":
                warnings.simplefilter("ignore", StoreDamageWarning)
            found = {each.session_id: each for each in storage.load_sessions()}
        after = OPERATIONS[operation].after(before)
        if damaged:
            assert found == after
            assert file in [each.read_bytes() for each in (path, *path.parent.glob("*.bak"))]
        else:
            assert found == after if done else found in (before, after)
        if operation == "export":
            text = path.with_name("export.json").read_text()
            whole = text.startswith('{"format":"pytest-insight"') and text.endswith("]}\n]}\n")
            assert whole if done else whole or text == "an earlier export"
        if operation == CLEAR_TO_UNDO:
            undo_last_command(storage)
            found = {each.session_id: each for each in storage.load_sessions()}
            assert found == before
        assert_profiles_hold(path.with_name("profiles.json"), operation, done=done)
        # Saving works afterwards.
        storage.repair()
        storage.save_session(session("next", 1))
        assert {*found, "next"} == set(storage.session_ids())
        place.check({*found, "next"})


def assert_profiles_hold(path: Path, operation: str, *, done: bool) -> None:
    manager = ProfileManager(path)
    profiles = manager.list_profiles()
    found = (set(profiles), manager.get_active_profile().name)
    before = ({"default", "old", "other"}, "default")
    after = {
        "create": ({*before[0], "new"}, "default"),
        "switch": (before[0], "old"),
        "drop": (before[0] - {"other"}, "default"),
        "rename": ({"default", "new", "other"}, "default"),
    }.get(operation, before)
    assert found == after if done else found in (before, after)
    old = profiles.get("old") or profiles["new"]
    assert JSONStorage(old.path).session_ids() == ["of-old"]


@pytest.mark.skipif(os.name != "posix", reason="POSIX's limit of a file's size")
@pytest.mark.parametrize(("place", "operation"), CASES, indirect=["place"])
def test_a_write_that_is_cut_short_by_a_limit_is_undone(
    place: Place,
    start: Start,
    rng: random.Random,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
) -> None:
    failed = 0
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(place.path.parent))
    before = furnish(place, operation)
    file = place.path.read_bytes()
    most = len(file) + len(encode_session(session("new", 1)))
    limits = [5, *sorted(rng.sample(range(most), 50 if LONG else 2)), most * 2]
    for limit in limits:
        with unchanged(place.path.parent):
            said = attempt(start, operation, place, "limit", limit, 0)
            if said["error"] is not None:
                failed += 1
                assert_told(said, place, errno.EFBIG)
            assert_holds(place, operation, before, file, done=said["error"] is None)
    assert 0 < failed < len(limits)


@pytest.mark.skipif(os.name != "posix", reason="POSIX's limit of a file's size")
@pytest.mark.parametrize("place", ["json"], indirect=True)
def test_a_session_that_does_not_fit_leaves_the_file_as_it_was(place: Place, start: Start) -> None:
    before = furnish(place, "save")
    file = place.path.read_bytes()
    added = len(encode_session(session("new", 1)))
    separator = len(IN_ORDER_SEPARATOR)
    for room in (0, 1, 5, added // 2, added - 1, added, added + separator - 1):
        said = attempt(start, "save", place, "limit", len(file) + room, 0)
        assert said["error"] == "StorageError"
        assert place.path.read_bytes() == file, "the old ending is put back"
        assert {each.session_id: each for each in place.open().load_sessions()} == before
    said = attempt(start, "save", place, "limit", len(file) + added + separator, 0)
    assert said["error"] is None
    assert place.open().get_session_by_id("new") == session("new", 1)
