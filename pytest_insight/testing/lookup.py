# ruff: noqa: D102, S101 - a rule's name is its documentation; the rules are tests
"""Rules for the order of sessions, and for finding one by its ID."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pytest_insight.document.codec import decode_session
from pytest_insight.filters import HasTest, OutcomeIn, Selection, SutIs
from pytest_insight.models import TestOutcome
from pytest_insight.storage import BaseStorage
from pytest_insight.summaries import SummaryOrder
from pytest_insight.testing.rules import (
    START,
    Rules,
    fill,
    full_session,
    ids_of,
    make_result,
    make_session,
)


class LookupRules(Rules):
    """Rules for `load_sessions`, `iter_sessions`, `session_ids`, `get_...` and `count`."""

    def test_a_new_storage_is_empty(self, storage: BaseStorage) -> None:
        assert storage.load_sessions() == []
        assert storage.session_ids() == []
        assert storage.select(Selection()) == []
        assert storage.count() == 0
        assert storage.get_last_session() is None
        assert storage.get_session_by_id("api-0") is None

    def test_sessions_can_be_summarised(self, storage: BaseStorage) -> None:
        last = make_session(2, test_results=(make_result(outcome="flaky"),))
        storage.save_sessions([full_session(), make_session(1), last])
        for selection in (
            Selection(),
            Selection((SutIs("api"),), limit=2),
            Selection((HasTest((OutcomeIn(frozenset((TestOutcome.FAILED,))),)),)),
            Selection(test_filters=(OutcomeIn(frozenset((TestOutcome.PASSED,))),)),
        ):
            assert storage.session_summaries(selection) == [
                (session.with_results(()), dict(session.outcome_counts))
                for session in storage.select(selection)
            ]

    def test_sessions_can_be_read_as_encoded_bytes(self, storage: BaseStorage) -> None:
        storage.save_sessions([full_session(), make_session(1), make_session(2)])
        wanted = {full_session().session_id, "api-2", "nothing"}
        found = [decode_session(data) for data in storage.encoded_sessions(wanted)]
        kept = [each for each in storage.load_sessions() if each.session_id in wanted]
        assert sorted(found, key=repr) == sorted(kept, key=repr)
        assert len(found) == 2

    def test_sessions_are_sorted_by_start_time_in_whatever_order_they_were_saved(
        self, storage: BaseStorage
    ) -> None:
        for number in (2, 0, 10, 1):
            storage.save_session(make_session(number))
        assert ids_of(storage.load_sessions()) == ["api-0", "api-1", "api-2", "api-10"]

    def test_sessions_with_the_same_start_time_are_sorted_by_id(self, storage: BaseStorage) -> None:
        names = ["b", "a", "a-10", "a-2", "B", "\u00e9", "\U0001f9ea", "\ufb00"]
        storage.save_sessions(make_session(session_id=name) for name in names)
        assert storage.session_ids() == sorted(names)

    def test_start_times_are_compared_as_instants(self, storage: BaseStorage) -> None:
        east = timezone(timedelta(hours=14))
        whole = datetime(2026, 11, 1, 12, 0, 1, tzinfo=east)
        storage.save_sessions(
            [
                make_session(1, session_start_time=START),
                make_session(
                    2, session_start_time=whole
                ),  # earlier, though its wall clock shows a later time
                make_session(3, session_start_time=whole + timedelta(microseconds=1)),
                make_session(4, session_start_time=whole - timedelta(microseconds=1)),
            ]
        )
        assert storage.session_ids() == ["api-4", "api-2", "api-3", "api-1"]

    def test_newest_first_reverses_the_order(self, storage: BaseStorage) -> None:
        fill(storage, 1, 0, 2)
        storage.save_session(make_session(1, session_id="another"))
        forwards = list(storage.iter_sessions())
        assert list(storage.iter_sessions(newest_first=True)) == forwards[::-1]

    def test_newest_first_returns_every_session_of_a_long_history(
        self, storage: BaseStorage
    ) -> None:
        # Three have the same start time, so that a page may end between two of them.
        storage.save_sessions(
            make_session(number // 3, session_id=f"{number % 7}-{number:03}", test_results=())
            for number in range(250)
        )
        backwards = [each.session_id for each in storage.iter_sessions(newest_first=True)]
        assert len(backwards) == 250
        assert backwards == storage.session_ids()[::-1]

    def test_of_many_equal_summaries_a_limit_keeps_the_first_ones_by_nodeid(
        self, storage: BaseStorage
    ) -> None:
        results = tuple(make_result(f"test_{number:03}", "failed") for number in range(150))
        storage.save_session(make_session(test_results=results[::-1]))
        found = storage.group_by_test(sort=SummaryOrder.FAILURES, limit=3, percentiles=False)
        assert [each.nodeid for each in found] == [each.nodeid for each in results[:3]]

    def test_a_limit_of_flaky_tests_sorted_by_p95_applies_after_sorting(
        self, storage: BaseStorage
    ) -> None:
        results = tuple(
            make_result(f"test_{number}", outcome, duration=number / 10)
            for number in range(5)
            for outcome in ("passed", "failed")
        )
        storage.save_session(make_session(test_results=results))
        found = storage.group_by_test(sort=SummaryOrder.P95, limit=2, flaky=True)
        assert [(each.nodeid, each.p95) for each in found] == [
            ("tests/test_a.py::test_4", 0.4),
            ("tests/test_a.py::test_3", 0.3),
        ]

    def test_a_nodeid_that_two_suts_have_is_two_tests(self, storage: BaseStorage) -> None:
        for number, (sut, outcome) in enumerate([("web", "failed"), ("api", "passed")] * 2):
            result = make_result(outcome=outcome, duration=number + 1)
            storage.save_session(make_session(number, sut_name=sut, test_results=(result,)))
        for selection in (None, Selection((SutIs("*"),))):
            for percentiles in (True, False):
                found = storage.group_by_test(selection, percentiles=percentiles)
                assert [(each.sut_name, each.outcomes, each.mean) for each in found] == [
                    ("api", {"passed": 2}, 3.0),
                    ("web", {"failed": 2}, 2.0),
                ]
                assert storage.group_by_test(selection, percentiles=percentiles, flaky=True) == []
            for sort, first in (
                (SummaryOrder.MEAN, "api"),
                (SummaryOrder.P95, "api"),
                (SummaryOrder.FAILURES, "web"),
                (SummaryOrder.LAST, "api"),
            ):
                (found_first,) = storage.group_by_test(selection, sort=sort, limit=1)
                assert (found_first.sut_name, found_first.results) == (first, 2)

    def test_tests_are_sorted_by_their_last_run_in_the_far_future_too(
        self, storage: BaseStorage
    ) -> None:
        late = datetime(2300, 1, 1, tzinfo=UTC)
        results = tuple(
            make_result(f"test_{number}", start_time=late + timedelta(microseconds=number))
            for number in range(9)
        )
        storage.save_session(make_session(session_start_time=late, test_results=results))
        for selection in (None, Selection((SutIs("*"),))):
            found = storage.group_by_test(selection, sort=SummaryOrder.LAST, limit=1)
            assert [each.nodeid for each in found] == ["tests/test_a.py::test_8"]

    def test_session_ids_are_in_the_order_of_the_sessions(self, storage: BaseStorage) -> None:
        fill(storage, 3, 1, 2)
        assert storage.session_ids() == ids_of(storage.load_sessions())

    def test_sut_names_are_sorted_and_unique(self, storage: BaseStorage) -> None:
        assert storage.sut_names() == []
        for number, name in enumerate(["web", "api", "web", "Z"]):
            storage.save_session(make_session(number, sut_name=name))
        assert storage.sut_names() == ["Z", "api", "web"]
        storage.save_session(make_session(3, sut_name="api"))  # replaces the only one of Z
        assert storage.sut_names() == ["api", "web"]

    def test_the_last_session_is_the_one_that_started_last(self, storage: BaseStorage) -> None:
        fill(storage, 1, 3, 2)
        assert storage.get_last_session() == make_session(3)

    def test_a_session_without_results_is_kept_but_is_not_the_last(
        self, storage: BaseStorage
    ) -> None:
        storage.save_session(make_session(0, test_results=()))
        assert storage.get_last_session() is None
        fill(storage, 1, 2)
        storage.save_sessions(make_session(number, test_results=()) for number in (3, 4))
        assert storage.get_last_session() == make_session(2)
        assert ids_of(storage.load_sessions()) == [f"api-{number}" for number in range(5)]
        with_results = Selection((HasTest(()),), limit=2)
        assert storage.session_ids(with_results) == ["api-1", "api-2"]

    def test_of_sessions_with_the_same_start_time_the_last_has_the_highest_id(
        self, storage: BaseStorage
    ) -> None:
        storage.save_sessions(make_session(session_id=name) for name in ("b", "c", "a"))
        last = storage.get_last_session()
        assert last is not None
        assert last.session_id == "c"

    def test_a_session_is_found_by_its_id(self, storage: BaseStorage) -> None:
        fill(storage, 0, 1, 2)
        assert storage.get_session_by_id("api-1") == make_session(1)

    @pytest.mark.parametrize("unknown", ["api", "api-", "API-1", "api-*", "%", "", "api-1 "])
    def test_an_id_must_match_exactly(self, storage: BaseStorage, unknown: str) -> None:
        fill(storage, 1)
        assert storage.get_session_by_id(unknown) is None

    @pytest.mark.parametrize(
        "name", ["api [1]*?", "50%_off", "it's", '"', "\\", "a\nb", "a\0", "\ud800"]
    )
    def test_a_session_is_found_by_the_id_it_was_saved_with(
        self, storage: BaseStorage, name: str
    ) -> None:
        storage.save_sessions([make_session(0), make_session(1, session_id=name)])
        found = storage.get_session_by_id(name)
        assert found is not None
        assert found.sut_name == "api"
        assert storage.get_session_by_id(found.session_id) == found

    def test_count_counts_what_is_selected(self, storage: BaseStorage) -> None:
        fill(storage, 0, 1)
        storage.save_session(make_session(2, sut_name="web"))
        assert storage.count() == 3
        assert storage.count(Selection()) == 3
        assert storage.count(Selection((SutIs("api"),))) == 2
        assert storage.count(Selection((SutIs("none"),))) == 0

    def test_the_first_page_has_the_newest_and_the_number_of_all(
        self, storage: BaseStorage
    ) -> None:
        page = storage.first_page(Selection(), 2)
        assert (page.sessions, page.total, page.all_ids()) == ([], 0, [])
        fill(storage, 0, 1, 2)
        storage.save_session(make_session(3, sut_name="web"))
        page = storage.first_page(Selection((SutIs("api"),)), 2)
        assert page.sessions == [make_session(2), make_session(1)]
        assert page.total == 3
        assert set(page.all_ids()) == set(storage.session_ids())
        assert storage.first_page(Selection((SutIs("api"),)), 3).total == 3
        assert storage.first_page(Selection(), 9).sessions == storage.load_sessions()[::-1]
        failed = Selection(test_filters=(OutcomeIn(frozenset((TestOutcome.FAILED,))),))
        # A number that takes long to find may be missing, and is never wrong.
        assert storage.first_page(failed, 1).total in (4, None)
        assert storage.count_results(failed) in (4, None)

    def test_each_iteration_starts_from_the_beginning(self, storage: BaseStorage) -> None:
        fill(storage, 0, 1)
        first, second = storage.iter_sessions(), storage.iter_sessions()
        assert next(first) == next(second) == make_session(0)
        assert list(first) == list(second) == [make_session(1)]

    def test_an_iteration_may_be_abandoned(self, storage: BaseStorage) -> None:
        fill(storage, 0, 1, 2)
        iterator = storage.iter_sessions()
        next(iterator)
        del iterator
        storage.save_session(make_session(3))
        assert storage.count() == 4

    def test_the_store_may_be_changed_during_an_iteration(self, storage: BaseStorage) -> None:
        fill(storage, 0, 1, 2)
        seen = []
        for session in storage.iter_sessions():
            seen.append(session)
            storage.delete_sessions([session.session_id])
            storage.save_session(make_session(-1 - len(seen)))
        assert seen[0] == make_session(0)
        assert all(session in map(make_session, range(-4, 3)) for session in seen)
        assert ids_of(seen) == list(dict.fromkeys(ids_of(seen)))
