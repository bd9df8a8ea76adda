"""How often a JSON store is scanned, and how its newest session is found without a scan."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pytest_insight.document.layout import IN_ORDER_SEPARATOR, SEPARATOR, start_time_in
from pytest_insight.errors import StoreDamageWarning
from pytest_insight.filters import Selection, StartedBetween, SutIs
from pytest_insight.storage import BaseStorage, JSONStorage
from pytest_insight.storage.json import index
from pytest_insight.storage.json.scan import full_scans
from tests.conftest import START, MakeSession


@pytest.fixture
def store(make_session: MakeSession, monkeypatch: pytest.MonkeyPatch) -> JSONStorage:
    """The default profile's store with five sessions, as if it had not been written just now."""
    monkeypatch.setattr(index, "SETTLED_NS", -(10**18))
    storage = JSONStorage()
    storage.save_sessions(make_session(number) for number in range(5))
    full_scans.clear()
    return storage


def test_a_changed_file_is_scanned_again(store: JSONStorage, make_session: MakeSession) -> None:
    assert store.session_ids() == store.session_ids()
    assert full_scans[store.file_path] == 1
    JSONStorage().save_session(make_session(5))
    assert store.count() == 6
    data = store.file_path.read_bytes()
    store.file_path.write_bytes(data.replace(b'"api-1"', b'"ipa-1"'))
    assert "ipa-1" in store.session_ids()
    assert full_scans[store.file_path] == 3


def test_a_kept_index_answers_selections_by_headers(store: JSONStorage) -> None:
    store.save_session(store.load_sessions()[2].with_results(()))
    store.session_ids()
    full_scans.clear()
    assert store.session_ids(Selection((SutIs("api"),), limit=2)) == ["api-3", "api-4"]
    assert store.session_ids(Selection((SutIs("web"),))) == []
    assert store.sut_names() == ["api"]
    assert not full_scans


@pytest.mark.parametrize(
    ("changed", "after_ms", "is_settled"),
    [
        (1_700_000_000_123_456_789, 50, False),
        (1_700_000_000_123_456_789, 150, True),
        (1_700_000_000_000_000_000, 1_950, False),  # FAT: a change a second later may not show
        (1_700_000_000_000_000_000, 2_050, True),
    ],
)
def test_a_file_has_settled_when_a_later_change_would_show_in_its_times(
    changed: int, after_ms: int, is_settled: bool
) -> None:
    assert index.is_settled(changed, changed + after_ms * 1_000_000) is is_settled


def test_a_file_that_was_just_written_is_not_remembered(
    tmp_path: Path, make_session: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "SETTLED_NS", 60 * 10**9)  # as if the next lines took no time
    storage = JSONStorage(tmp_path / "sessions.json")
    storage.save_session(make_session())
    full_scans.clear()
    storage.session_ids()
    storage.session_ids()
    assert full_scans[storage.file_path] == 2


# The newest session -----------------------------------------------------------------------------


@pytest.mark.parametrize("order", [*itertools.permutations(range(4))])
@pytest.mark.parametrize("one_by_one", [True, False], ids=["one by one", "at once"])
def test_the_newest_session_is_found_without_a_scan_in_whatever_order_they_were_saved(
    tmp_path: Path, make_session: MakeSession, order: tuple[int, ...], one_by_one: bool
) -> None:
    storage = JSONStorage(tmp_path / "sessions.json")
    # Two of them start at the same time: then the ID decides.
    starts = [START + timedelta(hours=number // 2) for number in range(4)]
    sessions = [make_session(n, session_start_time=starts[n]) for n in order]
    for batch in [[each] for each in sessions] if one_by_one else [sessions]:
        storage.save_sessions(batch)
    full_scans.clear()
    assert storage.get_last_session() == make_session(3, session_start_time=starts[3])
    assert storage.session_ids(Selection(limit=1)) == ["api-3"]
    assert not full_scans


CHANGES: dict[str, Callable[[BaseStorage], object]] = {
    "pinned": lambda storage: storage.pin_sessions(["api-0", "api-1"]),
    "deleted": lambda storage: storage.delete_sessions(["api-4"]),
    "renamed": lambda storage: storage.import_sessions("out.json", "keep_both"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_newest_session_is_the_last_one_of_all_after_every_change(
    store: JSONStorage, make_session: MakeSession, change: Callable[[BaseStorage], object]
) -> None:
    store.export_sessions("out.json")
    change(store)
    assert store.get_last_session() == store.load_sessions()[-1]
    store.save_session(make_session(9))
    assert store.get_last_session() == make_session(9)


def test_a_newest_session_that_was_replaced_by_an_older_one_counts_no_more(
    store: JSONStorage, make_session: MakeSession
) -> None:
    store.save_session(make_session(4, session_start_time=START - timedelta(days=1)))
    assert store.get_last_session() == make_session(3)
    assert SEPARATOR + b'{"session_id":"api-4"' in store.file_path.read_bytes()


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))], ids=str)
def test_the_newest_session_is_found_in_a_file_that_says_nothing_about_the_order(
    tmp_path: Path, make_session: MakeSession, order: tuple[int, ...]
) -> None:
    storage = JSONStorage(tmp_path / "sessions.json")
    storage.save_sessions(make_session(number) for number in order)
    data = storage.file_path.read_bytes()
    storage.file_path.write_bytes(data.replace(IN_ORDER_SEPARATOR, SEPARATOR))
    assert storage.get_last_session() == make_session(2)
    storage.save_session(make_session(1, session_id="later"))
    assert storage.get_last_session() == make_session(2)
    storage.save_session(make_session(5))
    assert storage.get_last_session() == make_session(5)
    assert IN_ORDER_SEPARATOR + b'{"session_id":"api-5"' in storage.file_path.read_bytes()


# The sessions since a time -----------------------------------------------------------------------


@pytest.mark.parametrize("order", [*itertools.permutations(range(4))], ids=str)
def test_the_sessions_since_a_time_are_found_without_a_scan_in_whatever_order_they_were_saved(
    tmp_path: Path, make_session: MakeSession, order: tuple[int, ...]
) -> None:
    storage = JSONStorage(tmp_path / "sessions.json")
    storage.save_sessions(make_session(number) for number in order)
    storage.save_session(make_session(0, session_start_time=START + timedelta(hours=9)))
    storage.save_session(make_session(3, session_start_time=START - timedelta(hours=9)))
    in_order = ["api-3", "api-1", "api-2", "api-0"]
    full_scans.clear()
    for number, start in enumerate([-9, 1, 2, 9]):
        for since in (start, start - 0.5):
            selection = Selection((StartedBetween(START + timedelta(hours=since)),))
            assert storage.session_ids(selection) == in_order[number:]
    assert storage.session_ids(Selection((StartedBetween(START + timedelta(hours=10)),))) == []
    assert not full_scans


def test_only_the_end_of_a_file_is_read_for_the_sessions_since_a_time(
    store: JSONStorage, make_session: MakeSession
) -> None:
    data = store.file_path.read_bytes()
    store.file_path.write_bytes(data.replace(b'"session_id":"api-0"', b'"session_id":"api-0!'))
    late = Selection((StartedBetween(START + timedelta(hours=3)),))
    assert list(store.iter_sessions(late, newest_first=True)) == [make_session(4), make_session(3)]
    early = Selection((StartedBetween(START - timedelta(hours=3)),))
    with pytest.warns(StoreDamageWarning):
        assert store.session_ids(early) == ["api-1", "api-2", "api-3", "api-4"]


def test_the_newest_session_is_found_in_a_torn_file_too(
    store: JSONStorage, make_session: MakeSession
) -> None:
    store.file_path.write_bytes(store.file_path.read_bytes()[:-30])
    with pytest.warns(StoreDamageWarning, match="interrupted"):
        assert store.get_last_session() == make_session(3)


@pytest.mark.parametrize(
    ("session", "expected"),
    [
        (b'{"session_id":"a","sut_name":"b","session_start_time":"2026-11-01T12:00:00Z"', START),
        (
            b'{"session_id":"\\"","sut_name":"","session_start_time":"2026-11-01T12:00:00.0Z"',
            START,
        ),
        (b'{"session_id":"a","x":{"b":1,"session_start_time":"2026-11-01T12:00:00Z"}', None),
        (b'{"session_id":"a","sut_name":"b","session_start_time":"2026-11-01T12:00:00"', None),
        (b'{"session_id":"a","sut_name":"b","session_start_time":"yesterday"', None),
        (b'{"session_id":"a","sut_name":"b", "session_start_time":"2026-11-01T12:00:00Z"', None),
    ],
)
def test_a_start_time_is_read_only_from_a_session_as_we_write_it(
    session: bytes, expected: datetime | None
) -> None:
    assert start_time_in(session) == expected
