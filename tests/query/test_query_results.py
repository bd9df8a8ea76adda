"""Executing queries: which storage they read, and what the result holds."""

from __future__ import annotations

import inspect
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest

import pytest_insight.query
from pytest_insight import query
from pytest_insight.errors import UnknownProfileError
from pytest_insight.models import TestResult, TestSession
from pytest_insight.query import QueryResult
from pytest_insight.storage import InMemoryStorage, create_profile, get_storage_instance
from tests.conftest import START, MakeSession


@pytest.fixture
def storage(make_session: MakeSession) -> InMemoryStorage:
    storage = InMemoryStorage()
    storage.save_sessions(make_session(number) for number in range(5))
    storage.save_session(make_session(9, sut_name="web", test_results=()))
    return storage


# The storage ------------------------------------------------------------------------------------


def test_query_is_importable_as_a_module_from_the_package() -> None:
    assert query is pytest_insight.query
    assert inspect.ismodule(query)
    script = (
        "from pytest_insight import Query, query\n"
        "import types\n"
        "assert isinstance(query, types.ModuleType), query\n"
        "assert query.Query is Query\n"
        "assert query.for_sut('a') == Query().for_sut('a')\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_execution_reads_the_profile_that_is_active_then(make_session: MakeSession) -> None:
    asked = query.for_sut("api")
    assert asked.execute().empty
    get_storage_instance().save_session(make_session())
    assert asked.execute().sessions == (make_session(),)


def test_a_query_can_name_a_profile(make_session: MakeSession) -> None:
    create_profile("other", "memory")
    get_storage_instance(profile_name="other").save_session(make_session())
    assert len(query.with_profile("other").execute()) == 1
    assert len(query.latest().execute()) == 0


def test_an_unknown_profile_is_an_error_on_execution() -> None:
    asked = query.with_profile("none")
    with pytest.raises(UnknownProfileError, match="'none'"):
        asked.execute()


def test_with_profile_replaces_the_storage(
    storage: InMemoryStorage, make_session: MakeSession
) -> None:
    assert len(query.on_storage(storage).execute()) == 6
    assert len(query.on_storage(storage).with_profile("default").execute()) == 0


# The result -------------------------------------------------------------------------------------


def test_sessions_are_ordered_by_start_time_and_whole(
    storage: InMemoryStorage, make_session: MakeSession
) -> None:
    found = query.on_storage(storage).for_sut("api").after(START + timedelta(hours=3)).execute()
    assert found.sessions == (make_session(3), make_session(4))


def test_failures_of_the_latest_runs_is_not_the_latest_runs_with_failures(
    storage: InMemoryStorage,
) -> None:
    latest = query.on_storage(storage).latest(2)
    failures = latest.filter_by_test().with_outcome("failed").apply().execute()
    assert [session.session_id for session in failures] == ["api-4"]
    with_failures = latest.with_outcome("failed").execute()
    assert [session.session_id for session in with_failures] == ["api-3", "api-4"]


def test_test_level_steps_keep_the_sessions_own_fields(
    storage: InMemoryStorage, make_session: MakeSession
) -> None:
    asked = query.on_storage(storage).filter_by_test().with_error_containing("1 == 2").apply()
    assert asked.latest(2).execute().sessions == (
        make_session(4).with_results(make_session(4).test_results[1:]),
    )


def test_a_result_can_be_iterated_and_counted(
    storage: InMemoryStorage,
) -> None:
    asked = query.on_storage(storage).for_sut("api")
    found = asked.execute()
    assert isinstance(found, QueryResult)
    assert list(found) == list(found.sessions)
    assert len(found) == 5
    assert found
    assert not found.empty
    assert found.query is asked
    none = asked.for_sut("none").execute()
    assert (len(none), bool(none), none.empty, none.sessions) == (0, False, True, ())


def test_a_result_is_a_sequence_of_sessions(storage: InMemoryStorage) -> None:
    found = query.on_storage(storage).for_sut("api").execute()
    assert found[0] is found.sessions[0]
    assert found[-1] is found.sessions[-1]
    assert found[1:3] == found.sessions[1:3]
    assert list(reversed(found)) == list(found.sessions[::-1])
    assert found.index(found[2]) == 2
    assert found.count(found[2]) == 1
    assert found[2] in found
    with pytest.raises(IndexError):
        _ = found[5]
    assert [session.session_id for session in found[-2:]] == ["api-3", "api-4"]


@pytest.mark.parametrize(
    ("starts", "shown"),
    [
        ((), "<QueryResult: no sessions>"),
        ((datetime(2026, 11, 9),), "<QueryResult: 1 session, 0 results, 9 Nov 2026>"),
        (
            (datetime(2026, 11, 9), datetime(2026, 11, 9, 23), datetime(2026, 11, 27)),
            "<QueryResult: 3 sessions, 0 results, 9-27 Nov 2026>",
        ),
        (
            (datetime(2026, 10, 9), datetime(2026, 11, 8)),
            "<QueryResult: 2 sessions, 0 results, 9 Oct - 8 Nov 2026>",
        ),
        (
            (datetime(2025, 11, 9), datetime(2026, 11, 9)),
            "<QueryResult: 2 sessions, 0 results, 9 Nov 2025 - 9 Nov 2026>",
        ),
    ],
)
def test_the_repr_of_a_result_is_one_line(
    make_session: MakeSession, starts: tuple[datetime, ...], shown: str
) -> None:
    sessions = [
        make_session(session_start_time=start.replace(tzinfo=UTC), test_results=())
        for start in starts
    ]
    assert repr(QueryResult(tuple(sessions), query.latest())) == shown


def test_the_repr_of_a_result_counts_results(storage: InMemoryStorage) -> None:
    found = query.on_storage(storage).for_sut("api").execute()
    assert f"5 sessions, {len(found.tests())} results" in repr(found)


def test_a_result_lists_tests_with_and_without_sessions(
    storage: InMemoryStorage,
) -> None:
    found = query.on_storage(storage).latest(3).execute()
    tests: list[TestResult] = found.tests()
    pairs: list[tuple[TestSession, TestResult]] = list(found.tests_with_sessions())
    assert len(tests) == 4
    assert [test for _, test in pairs] == tests
    assert [session.session_id for session, _ in pairs] == ["api-3", "api-3", "api-4", "api-4"]


def test_sessions_and_their_ids_can_be_read_without_a_result(storage: InMemoryStorage) -> None:
    asked = query.on_storage(storage).for_sut("api").latest(2)
    assert asked.session_ids() == ["api-3", "api-4"]
    assert list(asked.iter_sessions()) == list(asked.execute())
    assert list(asked.iter_sessions(newest_first=True)) == list(reversed(asked.execute()))


def test_times_are_compared_as_instants(storage: InMemoryStorage) -> None:
    east = START.astimezone(timezone(timedelta(hours=9)))
    assert len(query.on_storage(storage).before(east).execute()) == 1


def test_a_query_can_be_executed_again(storage: InMemoryStorage, make_session: MakeSession) -> None:
    asked = query.on_storage(storage).latest(1)
    first = asked.execute()
    storage.save_session(make_session(20))
    assert asked.execute().sessions == (make_session(20),)
    assert first.sessions != asked.execute().sessions
