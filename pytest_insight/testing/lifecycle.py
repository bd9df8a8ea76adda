# ruff: noqa: D102, S101 - a rule's name is its documentation; the rules are tests
"""Rules for opening, closing, and exclusive access."""

from __future__ import annotations

from threading import Thread

import pytest

from pytest_insight.profiles.exchange_settings import ExchangeSettings
from pytest_insight.storage import BaseStorage
from pytest_insight.testing.rules import Rules, fill, make_session

WAIT_SECONDS = 0.2


class LifecycleRules(Rules):
    """Rules for `exclusive`, `close`, `with`, and the attributes of a storage."""

    def test_a_storage_has_a_type_and_a_location(self, storage: BaseStorage) -> None:
        assert isinstance(storage, BaseStorage)
        assert storage.storage_type
        assert isinstance(storage.location, str)
        assert storage.location

    def test_the_settings_for_exchange_are_the_defaults_at_first(
        self, storage: BaseStorage
    ) -> None:
        assert storage.exchange == ExchangeSettings()

    def test_a_with_block_returns_the_storage_itself(self, storage: BaseStorage) -> None:
        with storage as inside:
            assert inside is storage
            inside.save_session(make_session())
        assert storage.load_sessions() == [make_session()]

    def test_a_closed_storage_can_be_closed_again_and_used_again(
        self, storage: BaseStorage
    ) -> None:
        fill(storage, 0)
        storage.close()
        storage.close()
        storage.save_session(make_session(1))
        assert storage.session_ids() == ["api-0", "api-1"]

    def test_an_exclusive_block_may_read_and_write_and_be_nested(
        self, storage: BaseStorage
    ) -> None:
        with storage.exclusive():
            fill(storage, 0, 1)
            with storage.exclusive():
                storage.delete_sessions(["api-0"])
                assert storage.session_ids() == ["api-1"]
            storage.save_session(make_session(2))
            assert storage.session_ids() == ["api-1", "api-2"]
        storage.save_session(make_session(3))
        assert storage.session_ids() == ["api-1", "api-2", "api-3"]

    def test_an_exclusive_block_that_raises_releases_the_lock(self, storage: BaseStorage) -> None:
        with pytest.raises(ZeroDivisionError), storage.exclusive():
            _ = 1 / 0
        writer = Thread(target=fill, args=(self.reopened(storage), 0), daemon=True)
        writer.start()
        writer.join(10)
        assert storage.session_ids() == ["api-0"]

    def test_another_writer_waits_until_an_exclusive_block_ends(self, storage: BaseStorage) -> None:
        writer = Thread(target=fill, args=(self.reopened(storage), 5), daemon=True)
        with storage.exclusive():
            before = storage.session_ids()
            writer.start()
            writer.join(WAIT_SECONDS)
            assert writer.is_alive()
            fill(storage, 1)
            assert storage.session_ids() == [*before, "api-1"]
        writer.join(10)
        assert storage.session_ids() == ["api-1", "api-5"]

    def test_several_threads_may_save_at_the_same_time(self, storage: BaseStorage) -> None:
        def save(first: int) -> None:
            mine = self.reopened(storage)
            for number in range(first, first + 5):
                mine.save_session(make_session(number))

        writers = [Thread(target=save, args=(first,), daemon=True) for first in (0, 5, 10)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join(30)
        assert storage.load_sessions() == [make_session(number) for number in range(15)]
