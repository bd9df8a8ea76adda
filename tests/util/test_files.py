"""Writing whole files, and where files live."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_insight import locations
from pytest_insight._util.files import SHARED_FILE, make_private_folder, sync_folder, write_whole
from pytest_insight.errors import InsightError

posix_only = pytest.mark.skipif(os.name != "posix", reason="only POSIX has permission bits")


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    before = os.umask(0)
    os.umask(before)
    yield os.umask
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a longer text")
    write_whole(path, [b"new", b" text"])
    assert path.read_bytes() == b"new text"
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["file"]


@pytest.mark.parametrize("failure", [OSError("disk"), KeyboardInterrupt(), ValueError("caller")])
def test_on_an_exception_the_old_file_stays_and_nothing_else(
    tmp_path: Path, failure: BaseException
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def chunks() -> Iterator[bytes]:
        yield b"new"
        raise failure

    with pytest.raises(type(failure)):
        write_whole(path, chunks())
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["file"]


@posix_only
@pytest.mark.parametrize("mask", [0o000, 0o077, 0o277, 0o777], ids=oct)
def test_a_new_file_and_folder_are_private_whatever_the_umask(
    tmp_path: Path, umask: Callable[[int], int], mask: int
) -> None:
    umask(mask)
    write_whole(tmp_path / "file", [b""])
    make_private_folder(tmp_path / "one" / "two")
    assert mode(tmp_path / "file") == 0o600
    assert mode(tmp_path / "one") == mode(tmp_path / "one" / "two") == 0o700


@posix_only
def test_a_shared_file_obeys_the_umask(tmp_path: Path, umask: Callable[[int], int]) -> None:
    umask(0o027)
    write_whole(tmp_path / "file", [b""], SHARED_FILE)
    assert mode(tmp_path / "file") == 0o640


@posix_only
def test_existing_files_and_folders_keep_their_permissions(tmp_path: Path) -> None:
    (tmp_path / "file").touch(0o604)
    (tmp_path / "file").chmod(0o604)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder").chmod(0o755)
    write_whole(tmp_path / "file", [b"new"])
    make_private_folder(tmp_path / "folder")
    assert (mode(tmp_path / "file"), mode(tmp_path / "folder")) == (0o604, 0o755)


def test_home_is_a_function_of_the_environment_at_the_time_of_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert locations.home() == tmp_path / "home" / ".pytest_insight"
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", "moved")
    assert locations.home() == tmp_path / "work" / "moved"
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", "~/moved")
    assert locations.home() == tmp_path / "home" / "moved"
    assert locations.journal_folder() == tmp_path / "home" / "moved" / "journal"
    assert locations.store_path() == tmp_path / "home" / "moved" / "sessions.json"
    assert locations.store_path("ci") == tmp_path / "home" / "moved" / "ci.json"
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", "")
    assert locations.home() == tmp_path / "home" / ".pytest_insight"
    assert not any((tmp_path / "home").iterdir())


def test_journals_live_in_the_state_folder(tmp_path: Path) -> None:
    folder = locations.journal_folder()
    assert folder.parts[-2:] == ("pytest-insight", "journal") or os.name == "nt"
    assert folder.is_relative_to(tmp_path / "home") or os.name == "nt"
    assert not folder.exists()


def test_an_unknown_users_home_is_an_error() -> None:
    with pytest.raises(InsightError, match="~no-such-user-at-all/x"):
        locations.absolute("~no-such-user-at-all/x")


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that refuses fsync")
def test_a_folder_that_cannot_be_synced_is_no_error() -> None:
    descriptor = os.open("/proc", os.O_RDONLY)
    with pytest.raises(OSError, match="Invalid argument"):
        os.fsync(descriptor)
    os.close(descriptor)
    sync_folder(Path("/proc"))
