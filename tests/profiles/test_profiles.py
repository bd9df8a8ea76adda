"""Profiles are created, switched and deleted, and stored in a file that is never lost."""

from __future__ import annotations

import dataclasses
import inspect
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_insight import locations
from pytest_insight.errors import (
    InvalidArgumentError,
    NewerFormatError,
    ProfileError,
    StorageError,
    UnknownChoiceError,
    UnknownProfileError,
)
from pytest_insight.profiles.exchange_settings import ExchangeSettings
from pytest_insight.storage import (
    ProfileManager,
    StorageProfile,
    create_profile,
    get_active_profile,
    get_storage_instance,
    list_profiles,
    switch_profile,
)
from tests.conftest import MakeSession


@pytest.fixture
def home() -> Path:
    return locations.home()


# The class --------------------------------------------------------------------------------------


def test_a_profile_is_a_frozen_dataclass() -> None:
    profile = StorageProfile("demo", "json", "/x.json")
    assert profile == StorageProfile(name="demo", file_path="/x.json")
    assert not isinstance(profile, tuple)
    assert repr(profile) == "StorageProfile(name='demo', file_path='/x.json')"
    parameters = list(inspect.signature(StorageProfile).parameters)
    assert parameters[:3] == ["name", "storage_type", "file_path"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        profile.name = "other"  # type: ignore[misc]


# Creating -----------------------------------------------------------------------------------------


def test_the_default_profile_always_exists_and_creates_no_file(home: Path) -> None:
    assert list_profiles() == {"default": StorageProfile("default")}
    assert get_active_profile() == StorageProfile("default")
    assert get_active_profile().path == home / "sessions.json"
    assert not home.exists()


def test_a_created_profile_is_listed_and_stored_in_the_file(home: Path) -> None:
    created = create_profile("demo")
    assert created == StorageProfile("demo", "json")
    assert created.path == home / "demo.json"
    assert list_profiles() == {"default": StorageProfile("default"), "demo": created}
    assert {path.name for path in home.iterdir()} == {"profiles.json", "profiles.json.lock"}


def test_every_form_of_a_path_is_stored_absolute(tmp_path: Path) -> None:
    cases: dict[str, tuple[str | Path, Path]] = {
        "relative": ("data/x.json", tmp_path / "work" / "data" / "x.json"),
        "tilde": ("~/x.json", tmp_path / "home" / "x.json"),
        "dots": (Path("..", "x.json"), tmp_path / "x.json"),
        "absolute": (tmp_path / "x.json", tmp_path / "x.json"),
    }
    for name, (given, expected) in cases.items():
        assert create_profile(name, "json", given).file_path == str(expected)
        assert list_profiles()[name].path == expected


def test_the_exchange_settings_of_a_profile_are_stored() -> None:
    created = create_profile("ci", merge_strategy="keep_both", export_format="csv", export_days=7.5)
    assert list_profiles()["ci"] == created
    assert created.exchange == ExchangeSettings("keep_both", "csv", 7.5)
    assert get_storage_instance(profile_name="ci").exchange == created.exchange


@pytest.mark.parametrize("name", ["a", "A1", "_", "9", "ci-3.12_x", "x" * 100])
def test_names_of_letters_digits_dots_underscores_and_hyphens_are_allowed(name: str) -> None:
    create_profile(name)
    assert name in list_profiles()


@pytest.mark.parametrize(
    "name",
    ["", " ", ".", "..", ".hidden", "-x", "a b", "a/b", "a\\b", "a\n", "a:b", "é", "a*", "../x", 5],
)
def test_names_with_other_characters_are_refused(name: Any, home: Path) -> None:
    with pytest.raises(ProfileError, match="cannot be the name of a profile") as caught:
        create_profile(name)
    assert caught.value.name == name
    assert not home.exists()


@pytest.mark.parametrize("name", ["profiles", "sessions", "Profiles", "SESSIONS"])
def test_a_reserved_name_needs_a_path(name: str, tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="needs a path, because"):
        create_profile(name)
    assert create_profile(name, "json", tmp_path / "x.json").name == name


@pytest.mark.parametrize(("first", "second"), [("demo", "demo"), ("demo", "Demo"), ("a", "A")])
def test_a_name_that_exists_is_refused_in_any_case(first: str, second: str) -> None:
    create_profile(first)
    with pytest.raises(ProfileError, match=f"exists already.*insight profile delete {first}"):
        create_profile(second, "memory")
    assert list_profiles()[first].storage_type == "json"


@pytest.mark.parametrize("name", ["default", "Default"])
def test_the_default_profile_cannot_be_created(name: str) -> None:
    with pytest.raises(ProfileError, match="exists already"):
        create_profile(name)


def test_invalid_settings_are_refused(home: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownChoiceError, match=r"unknown storage type 'jsn'.*mean 'json'"):
        create_profile("x", "jsn")
    with pytest.raises(UnknownChoiceError, match="merge strategy"):
        create_profile("x", merge_strategy="skip")
    with pytest.raises(UnknownChoiceError, match="format"):
        create_profile("x", export_format="xml")
    with pytest.raises(InvalidArgumentError, match="export_days"):
        create_profile("x", export_days=-1)
    with pytest.raises(ProfileError, match="keeps no file"):
        create_profile("x", "memory", tmp_path / "x.json")
    assert not home.exists()


# Switching and deleting -------------------------------------------------------------------------


def test_the_active_profile_is_the_last_one_switched_to() -> None:
    demo = create_profile("demo")
    assert get_active_profile().name == "default"
    assert switch_profile("demo") == demo
    assert get_active_profile() == demo
    assert ProfileManager().get_active_profile() == demo
    assert switch_profile("default").name == get_active_profile().name == "default"


def test_an_unknown_profile_is_an_error_that_suggests_similar_names() -> None:
    create_profile("production")
    for ask in (switch_profile, ProfileManager().get_profile, ProfileManager().delete_profile):
        with pytest.raises(UnknownProfileError, match="mean 'production'") as caught:
            ask("prodution")
        assert caught.value.given == "prodution"
        assert caught.value.near == ["production"]
        assert "insight profile create prodution" in str(caught.value)
    assert get_active_profile().name == "default"


def test_a_profile_is_not_found_by_its_name_in_another_case() -> None:
    create_profile("demo")
    with pytest.raises(UnknownProfileError):
        switch_profile("Demo")


def test_deleting_a_profile_keeps_its_store(make_session: MakeSession) -> None:
    demo = create_profile("demo")
    get_storage_instance(profile_name="demo").save_session(make_session())
    assert ProfileManager().delete_profile("demo") == demo
    assert list(list_profiles()) == ["default"]
    create_profile("demo")
    assert get_storage_instance(profile_name="demo").load_sessions() == [make_session()]


def test_the_default_profile_is_active_after_the_active_one_is_deleted() -> None:
    for name in ("one", "two"):
        create_profile(name)
    switch_profile("one")
    ProfileManager().delete_profile("two")
    assert get_active_profile().name == "one"
    ProfileManager().delete_profile("one")
    assert get_active_profile().name == "default"


def test_the_default_profile_cannot_be_deleted() -> None:
    with pytest.raises(ProfileError, match="cannot be deleted"):
        ProfileManager().delete_profile("default")


# The file ---------------------------------------------------------------------------------------


def test_the_file_has_a_version_the_active_profile_and_the_profiles(
    home: Path, tmp_path: Path
) -> None:
    create_profile("demo", "json", tmp_path / "x.json", export_days=7)
    create_profile("notes", "memory")
    switch_profile("demo")
    assert json.loads((home / "profiles.json").read_bytes()) == {
        "version": 1,
        "active": "demo",
        "profiles": {
            "demo": {"file_path": str(tmp_path / "x.json"), "export_days": 7},
            "notes": {"storage_type": "memory"},
        },
    }


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has permission bits")
def test_the_file_is_private(home: Path) -> None:
    create_profile("demo")
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()} == {0o600}
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


BROKEN = {
    "cut short": b'{"version": 1, "active": "default", "profi',
    "empty": b"",
    "blank": b"\0\0\0",
    "a list": b"[]",
    "a wrong type": b'{"version": 1, "active": 7}',
    "a profile that is a string": b'{"version": 1, "profiles": {"demo": "json"}}',
    "invalid UTF-8": b'{"active": "\xff"}',
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_an_invalid_file_is_an_error_and_never_replaced(home: Path, content: bytes) -> None:
    home.mkdir()
    (home / "profiles.json").write_bytes(content)
    manager = ProfileManager()
    for ask in (
        list_profiles,
        get_active_profile,
        get_storage_instance,
        lambda: create_profile("demo"),
        lambda: switch_profile("default"),
        lambda: manager.delete_profile("demo"),
    ):
        with pytest.raises(ProfileError, match=r"profiles\.json cannot be read: .*correct it"):
            ask()
    assert (home / "profiles.json").read_bytes() == content


def test_a_newer_version_is_refused_and_never_replaced(home: Path) -> None:
    home.mkdir()
    content = b'{"version": 2, "active": "default", "profiles": {}, "new": true}'
    (home / "profiles.json").write_bytes(content)
    for ask in (list_profiles, lambda: create_profile("demo")):
        with pytest.raises(NewerFormatError, match="format 2; this one reads 1"):
            ask()
    assert (home / "profiles.json").read_bytes() == content


def test_a_file_that_cannot_be_read_is_an_error_with_its_path(home: Path) -> None:
    (home / "profiles.json").mkdir(parents=True)
    for ask in (list_profiles, lambda: create_profile("demo")):
        with pytest.raises(StorageError, match=r"profiles\.json: Is a directory"):
            ask()


def test_an_active_profile_that_does_not_exist_is_an_error(home: Path) -> None:
    home.mkdir()
    (home / "profiles.json").write_text('{"version": 1, "active": "gone"}')
    with pytest.raises(UnknownProfileError, match=r"profiles\.json: unknown profile 'gone'"):
        get_active_profile()
    switch_profile("default")
    assert get_active_profile().name == "default"


def test_a_symbolic_link_to_the_file_stays_one(home: Path, tmp_path: Path) -> None:
    home.mkdir()
    (home / "profiles.json").symlink_to(tmp_path / "kept.json")
    create_profile("demo")
    assert (home / "profiles.json").is_symlink()
    assert "demo" in (tmp_path / "kept.json").read_text()


def test_a_manager_of_another_file_has_other_profiles(tmp_path: Path) -> None:
    manager = ProfileManager(tmp_path / "team.json")
    manager.create_profile("team")
    assert list(manager.list_profiles()) == ["default", "team"]
    assert list(list_profiles()) == ["default"]
    assert manager.path == tmp_path / "team.json"


def test_a_failed_change_leaves_the_file_unchanged(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_profile("demo")
    before = (home / "profiles.json").read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left on device"):
        create_profile("other")
    assert (home / "profiles.json").read_bytes() == before
    assert {path.name for path in home.iterdir()} == {"profiles.json", "profiles.json.lock"}


def test_processes_that_create_profiles_at_the_same_time_lose_none(home: Path) -> None:
    script = (
        "import sys\n"
        "from pytest_insight.storage import create_profile\n"
        "for number in range(10):\n"
        "    create_profile(f'{sys.argv[1]}-{number}')\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", script, name]) for name in ("a", "b")]
    assert [process.wait(60) for process in processes] == [0, 0]
    expected = {f"{name}-{number}" for name in ("a", "b") for number in range(10)}
    assert set(list_profiles()) == expected | {"default"}


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b'{"a":1}',
        b'{"format":"pytest-insight","version":1,"sessions":[]}',
        b'{"version":1,"profils":{"a":{}}}',
        b'{"version":1,"profiles":{"a":{"file_pth":"x.json"}}}',
        rb'{"version":1,"active":"\ud800"}',
    ],
)
def test_a_file_with_other_contents_is_an_error_and_never_replaced(
    content: bytes,
) -> None:
    manager = ProfileManager()
    manager.path.parent.mkdir(parents=True, exist_ok=True)
    manager.path.write_bytes(content)
    with pytest.raises(ProfileError, match="cannot be read"):
        manager.list_profiles()
    with pytest.raises(ProfileError, match="cannot be read"):
        manager.create_profile("a")
    assert manager.path.read_bytes() == content


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("folder", "it is a folder"),
        ("a\udcff.json", "unprintable"),
        ("a\n.json", "unprintable"),
        ("a\0.json", "unprintable"),
        ("~/.pytest_insight/profiles.json", "the profiles are kept"),
    ],
)
def test_a_path_that_cannot_be_a_store_is_refused(path: str, why: str) -> None:
    manager = ProfileManager()
    Path("folder").mkdir()
    with pytest.raises(ProfileError, match=why):
        manager.create_profile("a", file_path=path)
    assert "a" not in manager.list_profiles()
