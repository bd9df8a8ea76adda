"""Exports of a storage to files; that they hold what was selected is in the contract."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest

from pytest_insight.errors import (
    ExchangeError,
    InvalidArgumentError,
    NewerFormatError,
    UnknownChoiceError,
)
from pytest_insight.storage import InMemoryStorage, JSONStorage, SQLiteStorage
from pytest_insight.storage.functions import create_profile, get_storage_instance
from tests.conftest import MakeSession


@pytest.mark.parametrize(
    "name", ["store/sessions.json", "link.json", "hard.json", "store/../store/sessions.json"]
)
def test_an_export_never_overwrites_its_own_store(make_session: MakeSession, name: str) -> None:
    storage = JSONStorage("store/sessions.json")
    storage.save_session(make_session())
    Path("link.json").symlink_to("store/sessions.json")
    Path("hard.json").hardlink_to("store/sessions.json")
    for force in (False, True):
        with pytest.raises(ExchangeError, match="is the store itself, and an export"):
            storage.export_sessions(name, days=1, force=force)
    assert storage.load_sessions() == [make_session()]


@pytest.mark.parametrize("kind", [JSONStorage, SQLiteStorage])
def test_an_export_overwrites_no_copy_of_a_store_unless_it_is_forced(
    make_session: MakeSession, kind: type[JSONStorage | SQLiteStorage]
) -> None:
    with kind("original") as original:
        original.save_sessions([make_session(0), make_session(1)])
    shutil.copy("original", "copy")
    storage = JSONStorage("sessions.json")
    storage.save_sessions([make_session(1), make_session(2)])
    before = Path("copy").read_bytes()
    lost = r"has sessions \(1\) that .*sessions\.json does not have; .* with --force"
    if kind is SQLiteStorage:
        lost = "is an SQLite database"
    with pytest.raises(ExchangeError, match=lost):
        storage.export_sessions("copy")
    assert Path("copy").read_bytes() == before
    assert storage.export_sessions("copy", force=True) == 2
    assert JSONStorage("copy").load_sessions() == storage.load_sessions()


def test_an_export_that_has_nothing_else_is_overwritten(make_session: MakeSession) -> None:
    storage = JSONStorage("sessions.json")
    storage.save_sessions(make_session(number) for number in range(3))
    storage.export_sessions("export.json")
    assert storage.export_sessions("export.json", session_ids=["api-1"]) == 1


def test_an_export_overwrites_neither_other_stores_nor_the_profiles(
    make_session: MakeSession,
) -> None:
    create_profile("other")
    other = get_storage_instance(profile_name="other")
    other.save_session(make_session())
    storage = get_storage_instance()
    assert isinstance(other, JSONStorage)
    for path in (other.file_path, other.file_path.with_name("profiles.json")):
        before = path.read_bytes()
        with pytest.raises(ExchangeError, match=r"is a store|has the profiles"):
            storage.export_sessions(path)
        assert path.read_bytes() == before
    storage.export_sessions("export.json")
    storage.export_sessions("export.json")  # an earlier export may be overwritten


@pytest.mark.parametrize("path", ["x" * 300, "missing/a.json", "a\0b.json"])
def test_an_impossible_path_is_an_exchange_error(path: str) -> None:
    with pytest.raises(ExchangeError, match="cannot write"):
        JSONStorage("store.json").export_sessions(path)


@pytest.mark.parametrize("days", [-1, -0.001, float("nan"), float("inf"), "7", True])
def test_invalid_days_are_refused(days: float) -> None:
    with pytest.raises(InvalidArgumentError, match="days"):
        InMemoryStorage().export_sessions("out.json", days=days)
    assert not Path("out.json").exists()


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(UnknownChoiceError, match="unknown format 'xml'"):
        InMemoryStorage().export_sessions("out.xml", output_format="xml")
    assert not Path("out.xml").exists()


def test_the_days_of_the_profile_do_not_apply_to_sessions_given_by_id(
    make_session: MakeSession,
) -> None:
    create_profile("few", export_days=0.5)
    storage = get_storage_instance(profile_name="few")
    storage.save_session(make_session())
    assert storage.export_sessions("a.json") == 0
    assert storage.export_sessions("a.json", session_ids=["api-0"]) == 1


@pytest.mark.parametrize("output_format", ["json", "csv"])
def test_if_the_store_cannot_be_read_no_output_is_begun(output_format: str) -> None:
    Path("newer.json").write_text('{"format":"pytest-insight","version":3,"sessions":[]}')
    file = io.BytesIO()
    with pytest.raises(NewerFormatError):
        JSONStorage("newer.json").export_sessions(file, output_format=output_format)
    assert file.getvalue() == b""
