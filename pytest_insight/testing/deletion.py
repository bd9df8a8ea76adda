# ruff: noqa: D102, S101 - a rule's name is its documentation; the rules are tests
"""Rules for deleting sessions."""

from __future__ import annotations

from pytest_insight.storage import BaseStorage
from pytest_insight.testing.rules import Rules, fill, make_session


class DeletionRules(Rules):
    """Rules for `clear_sessions` and `delete_sessions`."""

    def test_clear_sessions_deletes_every_session_and_returns_their_number(
        self, storage: BaseStorage
    ) -> None:
        fill(storage, 0, 1, 2)
        assert storage.clear_sessions() == 3
        assert storage.load_sessions() == []
        assert self.reopened(storage).load_sessions() == []

    def test_an_empty_store_can_be_cleared(self, storage: BaseStorage) -> None:
        assert storage.clear_sessions() == 0
        assert storage.load_sessions() == []

    def test_a_cleared_store_can_be_used_again(self, storage: BaseStorage) -> None:
        fill(storage, 0, 1)
        storage.clear_sessions()
        storage.save_session(make_session(1))
        assert storage.load_sessions() == [make_session(1)]

    def test_sessions_can_be_cleared_by_object_or_by_id(self, storage: BaseStorage) -> None:
        fill(storage, 0, 1, 2, 3)
        assert storage.clear_sessions([make_session(1), "api-3"]) == 2
        assert storage.load_sessions() == [make_session(0), make_session(2)]

    def test_clearing_an_empty_list_deletes_nothing(self, storage: BaseStorage) -> None:
        fill(storage, 0)
        assert storage.clear_sessions([]) == 0
        assert storage.load_sessions() == [make_session(0)]

    def test_sessions_to_clear_may_be_read_from_the_same_store(self, storage: BaseStorage) -> None:
        fill(storage, 0, 1)
        assert storage.clear_sessions(storage.iter_sessions()) == 2
        assert storage.load_sessions() == []

    def test_unknown_ids_are_ignored_and_not_counted(self, storage: BaseStorage) -> None:
        fill(storage, 0, 1)
        assert storage.clear_sessions(["api-1", "api-9", make_session(7)]) == 1
        assert storage.delete_sessions(["api-9"]) == 0
        assert storage.load_sessions() == [make_session(0)]

    def test_an_id_given_twice_is_counted_once(self, storage: BaseStorage) -> None:
        fill(storage, 0, 1)
        assert storage.clear_sessions(["api-0", "api-0", make_session(0)]) == 1
        assert storage.delete_sessions(["api-1", "api-1"]) == 1

    def test_ids_to_delete_are_not_patterns(self, storage: BaseStorage) -> None:
        fill(storage, 0, 1)
        assert storage.delete_sessions(["api-*", "API-0", "%", "api-"]) == 0
        assert storage.count() == 2

    def test_delete_sessions_returns_the_number_of_deleted_sessions(
        self, storage: BaseStorage
    ) -> None:
        fill(storage, 0, 1, 2)
        assert storage.delete_sessions(["api-0", "api-2", "api-9"]) == 2
        assert storage.session_ids() == ["api-1"]
        assert self.reopened(storage).session_ids() == ["api-1"]

    def test_no_older_copy_of_a_deleted_session_comes_back(self, storage: BaseStorage) -> None:
        storage.save_session(make_session(0, sut_name="old"))
        fill(storage, 0, 1)
        assert storage.delete_sessions(["api-0"]) == 1
        assert storage.load_sessions() == [make_session(1)]

    def test_a_deleted_session_can_be_saved_again(self, storage: BaseStorage) -> None:
        fill(storage, 0, 1)
        storage.delete_sessions(["api-0"])
        storage.save_session(make_session(0, sut_name="again"))
        assert storage.load_sessions() == [make_session(0, sut_name="again"), make_session(1)]

    def test_a_session_with_escapes_in_its_id_is_cleared_by_the_object_that_was_saved(
        self, storage: BaseStorage
    ) -> None:
        session = make_session(session_id="caf\udce9 \0")  # kept with escapes in its ID
        storage.save_sessions([session, make_session(1)])
        assert storage.clear_sessions([session]) == 1
        assert storage.session_ids() == ["api-1"]
