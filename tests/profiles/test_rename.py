"""Profiles get other settings, and other names together with their stores."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_insight import locations
from pytest_insight._util.files import lock_path
from pytest_insight.errors import ProfileError, UnknownChoiceError
from pytest_insight.storage import (
    JSONStorage,
    ProfileManager,
    StorageProfile,
    get_storage_instance,
)
from tests.conftest import MakeSession


@pytest.fixture
def manager() -> ProfileManager:
    return ProfileManager()


@pytest.fixture
def old(manager: ProfileManager, make_session: MakeSession) -> JSONStorage:
    """The store of the profile `old`, with two sessions."""
    storage = JSONStorage(manager.create_profile("old").path)
    storage.save_sessions([make_session(0), make_session(1)])
    return storage


# Settings ---------------------------------------------------------------------------------------


def test_settings_that_are_not_given_stay(manager: ProfileManager) -> None:
    manager.create_profile("p", "json", "p.json", merge_strategy="keep_both", export_days=3)
    changed = manager.update_profile("p", export_format="csv", export_days=None)
    path = str(Path.cwd() / "p.json")
    assert changed == StorageProfile("p", "json", path, "keep_both", "csv")
    assert manager.list_profiles()["p"] == changed


def test_the_default_profile_can_be_changed_and_reset(manager: ProfileManager) -> None:
    assert manager.update_profile("default", file_path="~/x.json").path == Path.home() / "x.json"
    assert manager.update_profile("default", file_path=None) == StorageProfile("default")
    assert manager.update_profile("default", storage_type="memory").path is None
    assert manager.update_profile("default", storage_type=None) == StorageProfile("default")


def test_invalid_settings_are_refused(manager: ProfileManager) -> None:
    before = manager.create_profile("p", "json", "p.json")
    with pytest.raises(ProfileError, match="keeps no file"):
        manager.update_profile("p", storage_type="memory")
    with pytest.raises(UnknownChoiceError, match="merge strategy"):
        manager.update_profile("p", merge_strategy="keep")
    with pytest.raises(UnknownChoiceError, match="unknown profile setting 'filepath'; did you"):
        manager.update_profile("p", filepath="x.json")  # type: ignore[call-arg]
    assert manager.list_profiles()["p"] == before


# Names ------------------------------------------------------------------------------------------


def test_a_store_whose_path_follows_from_the_name_is_renamed(
    manager: ProfileManager, old: JSONStorage
) -> None:
    sessions = old.load_sessions()
    manager.switch_profile("old")
    assert manager.rename_profile("old", "new") == StorageProfile("new")
    assert set(manager.list_profiles()) == {"default", "new"}
    assert manager.get_active_profile().name == "new"
    new = locations.store_path("new")
    assert not new.is_symlink()
    assert not os.path.lexists(old.file_path)
    assert get_storage_instance(profile_name="new").load_sessions() == sessions


def test_a_store_with_another_path_is_not_renamed(
    manager: ProfileManager, make_session: MakeSession
) -> None:
    manager.create_profile("old", "json", "x.json")
    JSONStorage("x.json").save_session(make_session())
    assert manager.rename_profile("old", "new").file_path == str(Path.cwd() / "x.json")
    assert get_storage_instance(profile_name="new").count() == 1


def test_a_profile_without_sessions_or_file_can_be_renamed(manager: ProfileManager) -> None:
    for name, kind in (("empty", "json"), ("mem", "memory")):
        manager.create_profile(name, kind)
        assert manager.rename_profile(name, f"{name}2").storage_type == kind
    assert set(manager.list_profiles()) == {"default", "empty2", "mem2"}
    assert not os.path.lexists(locations.store_path("empty2"))


def test_the_undo_records_follow_the_store(
    manager: ProfileManager, old: JSONStorage, make_session: MakeSession
) -> None:
    from pytest_insight.storage.undo.operations import delete
    from pytest_insight.storage.undo.records import Command
    from pytest_insight.storage.undo.restore import undo_last_command

    delete(old, ["api-0"], Command("sessions clear"))
    manager.rename_profile("old", "new")
    storage = get_storage_instance(profile_name="new")
    undone = undo_last_command(storage)
    assert undone is not None
    assert undone.restored == ("api-0",)
    assert storage.load_sessions() == [make_session(0), make_session(1)]


@pytest.mark.parametrize("kind", ["a store", "a link to another", "a link to nowhere"])
def test_an_existing_file_at_the_new_path_is_not_touched(
    manager: ProfileManager, old: JSONStorage, make_session: MakeSession, kind: str
) -> None:
    target = locations.store_path("new")
    JSONStorage("x.json").save_session(make_session(9))
    if kind == "a store":
        Path("x.json").rename(target)
    else:
        target.symlink_to(Path.cwd() / ("x.json" if "another" in kind else "nothing"))
    with pytest.raises(ProfileError, match="exists already; move it"):
        manager.rename_profile("old", "new")
    assert old.count() == 2
    assert "old" in manager.list_profiles()
    assert os.path.lexists(target)


def test_a_store_that_is_a_link_to_the_new_path_is_not_lost(
    manager: ProfileManager, old: JSONStorage
) -> None:
    target = locations.store_path("new")
    old.file_path.rename(target)
    old.file_path.symlink_to(target)
    with pytest.raises(ProfileError, match="exists already; move it"):
        manager.rename_profile("old", "new")
    assert get_storage_instance(profile_name="old").count() == 2


def test_a_store_that_is_a_link_stays_one(manager: ProfileManager, old: JSONStorage) -> None:
    real = Path.cwd() / "real.json"
    old.file_path.rename(real)
    old.file_path.symlink_to(real)
    manager.rename_profile("old", "new")
    assert locations.store_path("new").readlink() == real
    assert get_storage_instance(profile_name="new").count() == 2


@pytest.mark.parametrize("then", ["old.json", "renamed-later.json"])
def test_a_rename_that_was_killed_after_its_first_step_can_be_repeated(
    manager: ProfileManager, old: JSONStorage, then: str
) -> None:
    locations.store_path("new").symlink_to(then)
    manager.rename_profile("old", "new")
    assert not locations.store_path("new").is_symlink()
    assert get_storage_instance(profile_name="new").count() == 2


def test_both_names_have_one_lock_if_a_rename_was_killed_before_its_last_step(
    manager: ProfileManager, old: JSONStorage, make_session: MakeSession
) -> None:
    link = locations.store_path("new")
    link.symlink_to("old.json")
    manager.create_profile("new")
    storage = get_storage_instance(profile_name="new")
    storage.save_session(make_session(5))
    storage.delete_sessions(["api-0"])
    assert link.is_symlink()
    assert old.session_ids() == ["api-1", "api-5"]
    assert not lock_path(link).exists()
    manager.rename_profile("new", "newer")
    assert get_storage_instance(profile_name="newer").session_ids() == ["api-1", "api-5"]
