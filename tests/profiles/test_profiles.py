"""Profiles: made, switched, deleted, and kept in a file that nobody loses."""

from __future__ import annotations

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
    InsightError,
    InvalidArgumentError,
    NewerFormatError,
    ProfileError,
    StorageError,
    UnknownChoiceError,
    UnknownProfileError,
)
from pytest_insight.exchange.settings import ExchangeSettings
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


# Making -----------------------------------------------------------------------------------------


def test_the_default_profile_is_always_there_and_makes_no_file(home: Path) -> None:
    assert list_profiles() == {"default": StorageProfile("default")}
    assert get_active_profile() == StorageProfile("default")
    assert get_active_profile().path == home / "sessions.json"
    assert not home.exists()


def test_a_profile_is_there_once_it_is_created(home: Path) -> None:
    created = create_profile("demo")
    assert created == StorageProfile("demo", "json")
    assert created.path == home / "demo.json"
    assert list_profiles() == {"default": StorageProfile("default"), "demo": created}
    assert {path.name for path in home.iterdir()} == {"profiles.json", "profiles.json.lock"}


def test_a_path_is_kept_absolute_whatever_it_was_given_as(tmp_path: Path) -> None:
    cases: dict[str, tuple[str | Path, Path]] = {
        "relative": ("data/x.json", tmp_path / "work" / "data" / "x.json"),
        "tilde": ("~/x.json", tmp_path / "home" / "x.json"),
        "dots": (Path("..", "x.json"), tmp_path / "x.json"),
        "absolute": (tmp_path / "x.json", tmp_path / "x.json"),
    }
    for name, (given, expected) in cases.items():
        assert create_profile(name, "json", given).file_path == str(expected)
        assert list_profiles()[name].path == expected


def test_a_profile_keeps_its_settings_for_exchange() -> None:
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
def test_other_names_are_refused(name: Any, home: Path) -> None:
    with pytest.raises(ProfileError, match="cannot be the name of a profile") as caught:
        create_profile(name)
    assert caught.value.name == name
    assert not home.exists()


@pytest.mark.parametrize("name", ["profiles", "sessions", "Profiles", "SESSIONS"])
def test_a_reserved_name_needs_a_path_of_its_own(name: str, tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="needs a path of its own"):
        create_profile(name)
    assert create_profile(name, "json", tmp_path / "x.json").name == name


@pytest.mark.parametrize(("first", "second"), [("demo", "demo"), ("demo", "Demo"), ("a", "A")])
def test_a_name_that_is_taken_is_refused_also_in_another_case(first: str, second: str) -> None:
    create_profile(first)
    with pytest.raises(ProfileError, match=f"exists already.*insight profile delete {first}"):
        create_profile(second, "memory")
    assert list_profiles()[first].storage_type == "json"


@pytest.mark.parametrize("name", ["default", "Default"])
def test_the_default_profile_cannot_be_created(name: str) -> None:
    with pytest.raises(ProfileError, match="exists already"):
        create_profile(name)


def test_settings_that_cannot_be_are_refused(home: Path, tmp_path: Path) -> None:
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


def test_the_active_profile_is_the_one_last_switched_to() -> None:
    demo = create_profile("demo")
    assert get_active_profile().name == "default"
    assert switch_profile("demo") == demo
    assert get_active_profile() == demo
    assert ProfileManager().get_active_profile() == demo
    assert switch_profile("default").name == get_active_profile().name == "default"


def test_an_unknown_profile_is_an_error_that_names_those_alike() -> None:
    create_profile("production")
    for ask in (switch_profile, ProfileManager().get_profile, ProfileManager().delete_profile):
        with pytest.raises(UnknownProfileError, match="mean 'production'") as caught:
            ask("prodution")
        assert caught.value.given == "prodution"
        assert caught.value.near == ["production"]
        assert "insight profile create prodution" in str(caught.value)
    assert get_active_profile().name == "default"


def test_names_are_told_apart_exactly_when_they_are_asked_for() -> None:
    create_profile("demo")
    with pytest.raises(UnknownProfileError):
        switch_profile("Demo")


def test_deleting_forgets_the_profile_and_keeps_its_data(make_session: MakeSession) -> None:
    demo = create_profile("demo")
    get_storage_instance(profile_name="demo").save_session(make_session())
    assert ProfileManager().delete_profile("demo") == demo
    assert list(list_profiles()) == ["default"]
    create_profile("demo")
    assert get_storage_instance(profile_name="demo").load_sessions() == [make_session()]


def test_deleting_the_active_profile_makes_the_default_one_active() -> None:
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


def test_the_file_says_version_active_profile_and_profiles(home: Path, tmp_path: Path) -> None:
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
    "a profile that is none": b'{"version": 1, "profiles": {"demo": "json"}}',
    "no UTF-8": b'{"active": "\xff"}',
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_reported_and_never_replaced(home: Path, content: bytes) -> None:
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


def test_a_newer_version_is_refused_and_left_alone(home: Path) -> None:
    home.mkdir()
    content = b'{"version": 2, "active": "default", "profiles": {}, "new": true}'
    (home / "profiles.json").write_bytes(content)
    for ask in (list_profiles, lambda: create_profile("demo")):
        with pytest.raises(NewerFormatError, match="format 2; this one reads 1"):
            ask()
    assert (home / "profiles.json").read_bytes() == content


def test_a_file_that_cannot_be_read_is_an_error_that_names_it(home: Path) -> None:
    (home / "profiles.json").mkdir(parents=True)
    for ask in (list_profiles, lambda: create_profile("demo")):
        with pytest.raises(StorageError, match=r"profiles\.json: Is a directory"):
            ask()


def test_an_active_profile_that_is_no_longer_there_is_an_error(home: Path) -> None:
    home.mkdir()
    (home / "profiles.json").write_text('{"version": 1, "active": "gone"}')
    with pytest.raises(UnknownProfileError, match=r"profiles\.json: unknown profile 'gone'"):
        get_active_profile()
    switch_profile("default")
    assert get_active_profile().name == "default"


def test_a_link_to_the_file_stays_a_link(home: Path, tmp_path: Path) -> None:
    home.mkdir()
    (home / "profiles.json").symlink_to(tmp_path / "kept.json")
    create_profile("demo")
    assert (home / "profiles.json").is_symlink()
    assert "demo" in (tmp_path / "kept.json").read_text()


def test_a_manager_of_another_file_is_apart(tmp_path: Path) -> None:
    manager = ProfileManager(tmp_path / "team.json")
    manager.create_profile("team")
    assert list(manager.list_profiles()) == ["default", "team"]
    assert list(list_profiles()) == ["default"]
    assert manager.path == tmp_path / "team.json"


def test_a_change_that_fails_leaves_the_file_as_it_was(
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


def test_processes_that_create_profiles_at_once_lose_none(home: Path) -> None:
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


def test_every_error_is_one_that_the_command_line_can_show() -> None:
    for kind in (ProfileError, UnknownProfileError, NewerFormatError, StorageError):
        assert issubclass(kind, InsightError)


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
def test_a_file_of_another_shape_is_reported_and_never_replaced(
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
def test_a_path_that_can_be_no_store_is_refused(path: str, why: str) -> None:
    manager = ProfileManager()
    Path("folder").mkdir()
    with pytest.raises(ProfileError, match=why):
        manager.create_profile("a", file_path=path)
    assert "a" not in manager.list_profiles()
