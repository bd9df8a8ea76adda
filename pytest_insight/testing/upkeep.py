# ruff: noqa: D102, S101 - a rule's name is its documentation; the rules are tests
"""Rules for pruning, pinning, verifying and repairing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pytest_insight import filters as f
from pytest_insight.errors import InvalidArgumentError, StorageError
from pytest_insight.models import TestOutcome
from pytest_insight.storage import BaseStorage
from pytest_insight.testing.rules import Rules, fill, make_session

DAY = 86_400


class UpkeepRules(Rules):
    """Rules for `prune_sessions`, `pin_sessions`, `verify` and `repair`."""

    def test_pruning_keeps_the_newest_sessions(self, storage: BaseStorage) -> None:
        fill(storage, 2, 0, 3, 1)
        assert storage.prune_sessions(keep=2) == ["api-0", "api-1"]
        assert storage.session_ids() == ["api-2", "api-3"]
        assert self.reopened(storage).session_ids() == ["api-2", "api-3"]

    def test_pruning_by_age_keeps_younger_sessions(self, storage: BaseStorage) -> None:
        now = datetime.now(UTC)
        storage.save_sessions(
            make_session(session_id=f"{days}", session_start_time=now - timedelta(days=days))
            for days in (0, 1, 3, 9)
        )
        assert storage.prune_sessions(older_than=2 * DAY) == ["9", "3"]
        assert storage.session_ids() == ["1", "0"]

    def test_with_keep_and_age_a_session_is_deleted_if_either_says_so(
        self, storage: BaseStorage
    ) -> None:
        now = datetime.now(UTC)
        storage.save_sessions(
            make_session(session_id=f"{days}", session_start_time=now - timedelta(days=days))
            for days in (0, 1, 3, 9)
        )
        assert storage.prune_sessions(older_than=2 * DAY, keep=1) == ["9", "3", "1"]
        assert storage.prune_sessions(older_than=2 * DAY, keep=1) == []

    def test_a_session_dated_in_the_future_is_neither_the_last_one_nor_kept(
        self, storage: BaseStorage
    ) -> None:
        now = datetime.now(UTC)
        days = {"old": -9, "new": -1, "ahead": 0.5, "2 days": 2, "2 years": 730}
        for name in ("old", "2 years", "new", "ahead", "2 days"):
            start = now + timedelta(days=days[name])
            storage.save_session(make_session(session_id=name, session_start_time=start))
            assert storage.get_last_session() == storage.get_session_by_id(
                name if days[name] < 1 else {"2 years": "old", "2 days": "ahead"}[name]
            )
        assert storage.session_ids() == list(days)
        for limit, expected in (
            (1, ["ahead"]),
            (2, ["new", "ahead"]),
            (9, ["old", "new", "ahead"]),
        ):
            assert storage.session_ids(f.Selection(limit=limit)) == expected
            assert storage.count(f.Selection((f.SutIs("*"),), limit=limit)) == len(expected)
        assert storage.session_ids(f.Selection((f.StartedWithin(5 * DAY),))) == ["new", "ahead"]
        since = f.StartedBetween(since=now - timedelta(days=5))
        assert storage.session_ids(f.Selection((since,))) == ["new", "ahead"]
        since = f.StartedBetween(since=now + timedelta(days=5))
        assert storage.session_ids(f.Selection((since,))) == ["2 years"]
        assert set(storage.verify().future) == {"2 days", "2 years"}
        assert storage.verify().tidy
        assert storage.prune_sessions(older_than=5 * DAY, dry_run=True) == ["old"]
        assert storage.prune_sessions(keep=2) == ["2 days", "2 years", "old"]
        assert storage.session_ids() == ["new", "ahead"]

    def test_sessions_without_results_are_pruned_before_those_with_results(
        self, storage: BaseStorage
    ) -> None:
        now = datetime.now(UTC)
        days = {"old": -9, "older typo": -8, "new": -5, "typo": -1, "ahead": 2, "ahead typo": 3}
        for name, number in days.items():
            session = make_session(session_id=name, session_start_time=now + timedelta(days=number))
            storage.save_session(session.with_results(()) if "typo" in name else session)
        assert storage.prune_sessions(keep=3) == ["ahead", "ahead typo", "older typo"]
        assert storage.prune_sessions(keep=2) == ["typo"]
        assert storage.prune_sessions(keep=1) == ["old"]
        assert storage.session_ids() == ["new"]

    def test_a_store_of_sessions_dated_in_the_future_has_no_last_one(
        self, storage: BaseStorage
    ) -> None:
        storage.save_session(make_session(session_start_time=datetime(9000, 1, 1, tzinfo=UTC)))
        assert storage.get_last_session() is None
        assert storage.count() == 1

    def test_pinned_sessions_are_never_pruned_and_not_counted(self, storage: BaseStorage) -> None:
        fill(storage, 0, 1, 2, 3)
        assert storage.pin_sessions(["api-0", "api-3"]) == ["api-0", "api-3"]
        assert storage.prune_sessions(keep=1) == ["api-1"]
        assert storage.prune_sessions(older_than=0, keep=0) == ["api-2"]
        assert storage.session_ids() == ["api-0", "api-3"]

    def test_unpinning_changes_nothing_else(self, storage: BaseStorage) -> None:
        fill(storage, 0, 1)
        storage.pin_sessions(["api-0"])
        assert storage.pin_sessions(["api-0"]) == []
        assert storage.load_sessions() == [make_session(0, pinned=True), make_session(1)]
        pinned = f.Selection((f.IsPinned(),))
        assert self.reopened(storage).session_ids(pinned) == ["api-0"]
        assert storage.pin_sessions(["api-0", "api-1"], pinned=False) == ["api-0"]
        assert storage.load_sessions() == [make_session(0), make_session(1)]

    def test_an_unknown_session_cannot_be_pinned(self, storage: BaseStorage) -> None:
        fill(storage, 0)
        with pytest.raises(StorageError, match="no session 'api-9'"):
            storage.pin_sessions(["api-0", "api-9"])
        with pytest.raises(InvalidArgumentError, match="a list of session IDs"):
            storage.pin_sessions("api-0")
        assert storage.load_sessions() == [make_session(0)]

    def test_a_dry_run_prunes_nothing(self, storage: BaseStorage) -> None:
        fill(storage, 0, 1)
        assert storage.prune_sessions(keep=1, dry_run=True) == ["api-0"]
        assert storage.count() == 2

    @pytest.mark.parametrize("rule", [{}, {"keep": -1}, {"older_than": -1}, {"keep": 1.5}])
    def test_invalid_arguments_prune_nothing(
        self, storage: BaseStorage, rule: dict[str, float]
    ) -> None:
        fill(storage, 0)
        with pytest.raises(InvalidArgumentError):
            storage.prune_sessions(**rule)  # type: ignore[arg-type]  # a wrong one on purpose
        assert storage.count() == 1

    def test_session_ids_of_a_selection_are_those_of_its_sessions(
        self, storage: BaseStorage
    ) -> None:
        fill(storage, 0, 1, 2)
        failed = f.HasOutcome(frozenset((TestOutcome.FAILED,)))
        for selection in (
            f.Selection(limit=2),
            f.Selection((f.SutIs("api"),), limit=1),
            f.Selection((failed,)),
            f.Selection((), (f.NodeidContains("test_nothing"),)),
        ):
            found = [session.session_id for session in storage.iter_sessions(selection)]
            assert storage.session_ids(selection) == found

    def test_a_sound_store_is_verified_and_not_changed_by_repair(
        self, storage: BaseStorage
    ) -> None:
        assert storage.verify().sessions == storage.repair().sessions == 0
        fill(storage, 0, 1, 2)
        storage.save_session(make_session(1, sut_name="again"))
        before = storage.load_sessions()
        for look in (storage.verify, storage.repair, storage.verify):
            found = look()
            assert found.sound
            assert found.sessions == 3
            assert found.results == sum(len(session.test_results) for session in before)
        assert storage.verify().tidy
        assert storage.load_sessions() == before
