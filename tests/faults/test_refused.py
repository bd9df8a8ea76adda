"""Every system call that writes fails in turn: what was there is there, and the caller is told."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from pytest_insight.document import encode_session
from pytest_insight.models import TestSession
from pytest_insight.storage import JSONStorage, ProfileManager, undo
from tests.faults import refused
from tests.faults.conftest import LONG
from tests.faults.kernel import can_refuse
from tests.faults.refused import DEEDS, furnish
from tests.faults.victims import Start, session

FAULTS = {
    "the disk is full": ("write", errno.ENOSPC),
    "writing fails": ("write", errno.EIO),
    "syncing fails": ("sync", errno.EIO),
    "renaming fails": ("rename", errno.EIO),
    "cutting fails": ("truncate", errno.EIO),
}
needs_filter = pytest.mark.skipif(not can_refuse(), reason="needs Linux on x86_64 or aarch64")


def attempt(start: Start, deed: str, path: Path, kind: str, error: int, chance: int) -> Any:
    shutil.rmtree(path.parent / "warm", ignore_errors=True)
    victim = start(refused.attempt, deed, path, kind, error, chance)
    said = json.loads(victim.wait_for_first())
    victim.ended()
    assert victim.status == 0
    return said


@needs_filter
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("deed", DEEDS)
def test_whatever_fails_what_was_there_is_there_and_the_caller_is_told(
    tmp_path: Path,
    start: Start,
    rng: random.Random,
    monkeypatch: pytest.MonkeyPatch,
    deed: str,
    fault: tuple[str, int],
) -> None:
    failed = 0
    # The fast part tries some of the chances, and so many that each kind of fault is met.
    for chance in range(1, 200) if LONG else range(rng.randrange(1, 4), 200, 3):
        path = tmp_path / str(chance) / "sessions.json"
        path.parent.mkdir()
        monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(path.parent))
        furnish(path)
        before = JSONStorage(path).load_sessions()
        said = attempt(start, deed, path, *fault, chance)
        if said["error"] is not None:
            failed += 1
            told(said, path, fault[1])
        holds(path, deed, before, done=said["error"] is None)
        shutil.rmtree(path.parent)
        if not said["fired"]:
            assert said["error"] is None
            break
    else:
        pytest.fail("it never ran out of chances")
    # Nothing is cut when all is well, and a save that appends renames nothing.
    nothing_to_refuse = fault[0] == "truncate" or (deed, fault[0]) == ("save", "rename")
    assert (failed == 0) is nothing_to_refuse


def told(said: dict[str, Any], path: Path, error: int) -> None:
    stores = ("sessions.json", "profiles.json", "undo", "new.json", "old.json")
    expected = dict.fromkeys(stores, "StorageError")
    names = {**expected, "export.json": "ExchangeError"}
    assert said["error"] in set(names.values()), said
    assert os.strerror(error) in said["text"]
    assert any(str(path.with_name(name)) in said["text"] for name in names), said


def holds(path: Path, deed: str, before: list[TestSession], *, done: bool) -> None:
    storage = JSONStorage(path)
    assert [p for p in path.parent.iterdir() if p.suffix == ".tmp"] == []
    found = {each.session_id: each for each in storage.load_sessions()}
    new = {
        "save": {"new": session("new", 1)},
        "import": {name: session(name, 1) for name in ("imported-0", "imported-1")},
    }.get(deed, {})
    old = {each.session_id: each for each in before}
    after = {**old, **new}
    if deed in ("delete", "clear"):
        del after["old-1"]
    assert found == after if done else found in (old, after)
    if deed == "export":
        text = path.with_name("export.json").read_text()
        whole = text.startswith('{"format":"pytest-insight"') and text.endswith("]}\n]}\n")
        assert whole if done else whole or text == "an earlier export"
    if deed == "clear":
        undo.take_back(storage)
        assert storage.load_sessions() == before
        found = old
    profiles = ProfileManager(path.with_name("profiles.json")).list_profiles()
    if deed == "rename":
        (name,) = profiles.keys() - {"default"}
        assert name == "new" or not done
        assert JSONStorage(profiles[name].path).session_ids() == ["of-old"]
    else:
        assert "old" in profiles
        assert ("new" in profiles) is (deed == "create") or not done
    # And life goes on.
    storage.save_session(session("next", 1))
    json.loads(path.read_bytes())
    assert {*found, "next"} == set(storage.session_ids())


@pytest.mark.skipif(os.name != "posix", reason="POSIX's limit of a file's size")
def test_a_write_that_is_cut_short_by_a_limit_is_undone(tmp_path: Path, start: Start) -> None:
    path = tmp_path / "store" / "sessions.json"
    furnish_in(path)
    before, size = JSONStorage(path).load_sessions(), path.stat().st_size
    added = len(session_bytes())
    for room in (0, 1, 5, added // 2, added - 1, added, added + 10):
        said = attempt(start, "save", path, "limit", size + room, 0)
        storage = JSONStorage(path)
        if said["error"] is None:
            assert storage.get_session_by_id("new") == session("new", 1)
            assert room >= added
            storage.delete_sessions(["new"])
        else:
            assert said["error"] == "StorageError"
            assert "File too large" in said["text"]
            assert str(path) in said["text"]
            assert path.stat().st_size == size, "the old ending is put back"
            assert room < added + 10
        assert storage.load_sessions() == before


def furnish_in(path: Path) -> None:
    path.parent.mkdir()
    furnish(path)


def session_bytes() -> bytes:
    return encode_session(session("new", 1))
