"""Export and import as a storage offers them, on every backend of ours."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pytest_insight.errors import ExchangeError, NewerFormatError
from pytest_insight.exchange.formats import FORMATS
from pytest_insight.exchange.report import ImportReport
from pytest_insight.exchange.settings import ExchangeSettings
from pytest_insight.storage.access import create_profile, get_storage_instance
from pytest_insight.storage.base import BaseStorage
from pytest_insight.storage.json.storage import JSONStorage
from pytest_insight.storage.memory import InMemoryStorage
from pytest_insight.testing.rules import numbers
from tests.conftest import MakeSession
from tests.exchange.helpers import read, written


def exported(storage: BaseStorage, **selected: Any) -> list[str]:
    file = io.BytesIO()
    count = storage.export_sessions(file, **selected)
    ids = [session.session_id for session in read(file.getvalue()).sessions]
    assert len(ids) == count
    return ids


@pytest.fixture
def filled(storage: BaseStorage, make_session: MakeSession) -> BaseStorage:
    now = datetime.now(UTC)
    ages = {"new": 0.5, "week": 6.5, "old": 8.0}
    for number, (name, age) in enumerate(ages.items()):
        storage.save_session(
            make_session(
                number,
                session_id=name,
                session_start_time=now - timedelta(days=age),
                sut_name="web" if name == "week" else "api",
                session_tags={"ci": "yes", "n": str(number)} if name != "old" else {},
            )
        )
    return storage


@pytest.mark.parametrize(
    ("selected", "expected"),
    [
        ({}, ["old", "week", "new"]),
        ({"days": 7}, ["week", "new"]),
        ({"days": 0.75}, ["new"]),
        ({"days": 0}, []),
        ({"sut": "api"}, ["old", "new"]),
        ({"sut": "w*"}, ["week"]),
        ({"tags": {"ci": "yes"}}, ["week", "new"]),
        ({"tags": {"ci": "yes", "n": "0"}}, ["new"]),
        ({"session_ids": ["old", "new"]}, ["old", "new"]),
        ({"session_ids": []}, []),
        ({"days": 7, "sut": "api", "tags": {"ci": "yes"}, "session_ids": ["new", "old"]}, ["new"]),
    ],
)
def test_days_sut_tags_and_ids_select_what_is_exported(
    filled: BaseStorage, selected: dict[str, Any], expected: list[str]
) -> None:
    assert exported(filled, **selected) == expected


def test_a_profiles_settings_are_used_where_a_call_says_nothing(filled: BaseStorage) -> None:
    filled.exchange = ExchangeSettings(
        merge_strategy="keep_both", export_format="csv", export_days=7.0
    )
    assert filled.export_sessions("a") == 2
    assert Path("a").read_bytes().startswith(b"session_id,")
    assert filled.export_sessions("a.json", days=100) == 3
    assert Path("a.json").read_bytes().startswith(b"{")
    assert filled.import_sessions("a").renamed == 2
    assert filled.import_sessions("a", "skip_existing").skipped == 2


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_an_export_comes_back_equal_in_every_backend(
    storage: BaseStorage, make_session: MakeSession, name: str, suffix: str
) -> None:
    sessions = [make_session(number, session_tags={"n": str(number)}) for number in range(3)]
    source = InMemoryStorage()
    source.save_sessions(sessions)
    assert source.export_sessions(f"a.{name}{suffix}") == 3
    report = storage.import_sessions(f"a.{name}{suffix}")
    assert numbers(report) == ImportReport(total=3, imported=3)
    assert storage.load_sessions() == sessions


def test_the_three_strategies_and_their_reports(
    storage: BaseStorage, make_session: MakeSession
) -> None:
    storage.save_session(make_session(0))
    changed = make_session(0, sut_name="changed")
    Path("a.json").write_bytes(written([changed, make_session(1)], "json"))

    report = storage.import_sessions("a.json")
    assert numbers(report) == ImportReport(total=2, imported=1, skipped=1)
    assert storage.load_sessions() == [make_session(0), make_session(1)]

    report = storage.import_sessions("a.json", "keep_both")
    new_ids = (("api-0", "api-0-2"), ("api-1", "api-1-2"))
    assert numbers(report) == ImportReport(total=2, renamed=2, new_ids=new_ids)
    assert storage.session_ids() == ["api-0", "api-0-2", "api-1", "api-1-2"]

    report = storage.import_sessions("a.json", "replace_existing")
    assert numbers(report) == ImportReport(total=2, replaced=2, identical=1)
    assert storage.get_session_by_id("api-0") == changed
    assert storage.count() == 4


def test_a_dry_run_reports_the_same_and_writes_nothing(
    storage: BaseStorage, make_session: MakeSession
) -> None:
    Path("a.json").write_bytes(written([make_session(0), make_session(1)], "json"))
    for strategy in ("skip_existing", "replace_existing", "keep_both"):
        before = storage.load_sessions()
        report = storage.import_sessions("a.json", strategy, dry_run=True)
        assert storage.load_sessions() == before
        assert storage.import_sessions("a.json", strategy) == report


def test_a_dry_run_creates_no_store(make_session: MakeSession) -> None:
    Path("a.json").write_bytes(written([make_session()], "json"))
    JSONStorage("folder/store.json").import_sessions("a.json", dry_run=True)
    assert not Path("folder").exists()


def test_an_open_file_is_read_and_written_and_stays_open(
    storage: BaseStorage, make_session: MakeSession
) -> None:
    source = InMemoryStorage()
    source.save_session(make_session())
    for name in FORMATS:
        with io.BytesIO() as file:
            source.export_sessions(file, output_format=name)
            file.seek(0)
            storage.import_sessions(file, "replace_existing")
            assert not file.closed
    assert storage.load_sessions() == [make_session()]


def test_a_problem_in_an_open_file_names_it(storage: BaseStorage) -> None:
    with pytest.raises(ExchangeError, match="the input is empty"):
        storage.import_sessions(io.BytesIO())
    Path("a.json").write_bytes(b"x")
    with Path("a.json").open("rb") as file, pytest.raises(ExchangeError, match=r"a\.json cannot"):
        storage.import_sessions(file)


@pytest.mark.parametrize(
    "name", ["store/sessions.json", "link.json", "store/../store/sessions.json"]
)
def test_an_export_never_overwrites_the_store_it_reads(
    make_session: MakeSession, name: str
) -> None:
    storage = JSONStorage("store/sessions.json")
    storage.save_session(make_session())
    Path("link.json").symlink_to("store/sessions.json")
    with pytest.raises(ExchangeError, match="is a store, and an export would overwrite"):
        storage.export_sessions(name)
    assert storage.load_sessions() == [make_session()]


def test_an_impossible_path_is_an_error_on_every_backend(filled: BaseStorage) -> None:
    for path in ("x" * 300, "missing/a.json"):
        with pytest.raises(ExchangeError, match="cannot write"):
            filled.export_sessions(path)


def test_a_path_with_a_nul_is_an_error_too(make_session: MakeSession) -> None:
    storage = JSONStorage("store.json")
    storage.save_session(make_session())
    with pytest.raises(ExchangeError, match="cannot write"):
        storage.export_sessions("a\0b.json")


def test_a_store_file_can_be_imported_as_it_is(
    storage: BaseStorage, make_session: MakeSession
) -> None:
    other = JSONStorage("other.json")
    other.save_session(make_session(0, sut_name="old"))
    other.save_session(make_session(0))
    report = storage.import_sessions("other.json")
    assert numbers(report) == ImportReport(total=1, imported=1)
    assert storage.load_sessions() == [make_session(0)]


def test_an_export_overwrites_no_other_store_and_no_profiles(make_session: MakeSession) -> None:
    create_profile("other")
    other = get_storage_instance(profile_name="other")
    other.save_session(make_session())
    storage = get_storage_instance()
    assert isinstance(other, JSONStorage)
    for path in (other.file_path, other.file_path.with_name("profiles.json")):
        before = path.read_bytes()
        with pytest.raises(ExchangeError, match="is a store"):
            storage.export_sessions(path)
        assert path.read_bytes() == before
    storage.export_sessions("export.json")
    storage.export_sessions("export.json")  # an earlier export may be


def test_sessions_that_are_named_are_exported_whatever_days_the_profile_says(
    make_session: MakeSession,
) -> None:
    create_profile("few", export_days=0.5)
    storage = get_storage_instance(profile_name="few")
    storage.save_session(make_session())
    assert storage.export_sessions("a.json") == 0
    assert storage.export_sessions("a.json", session_ids=["api-0"]) == 1


@pytest.mark.parametrize("output_format", ["json", "csv"])
def test_a_store_that_cannot_be_read_leaves_no_half_document_behind(output_format: str) -> None:
    Path("newer.json").write_text('{"format":"pytest-insight","version":2,"sessions":[]}')
    file = io.BytesIO()
    with pytest.raises(NewerFormatError):
        JSONStorage("newer.json").export_sessions(file, output_format=output_format)
    assert file.getvalue() == b""
