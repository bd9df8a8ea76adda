"""The contract of every backend, on the two that are built in."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_insight.models import TestOutcome, TestResult, TestSession
from pytest_insight.storage import BaseStorage, InMemoryStorage, JSONStorage
from pytest_insight.testing import StorageContract
from pytest_insight.testing.rules import START, full_session


class TestInMemoryStorage(StorageContract):
    @pytest.fixture
    def storage(self) -> BaseStorage:
        return InMemoryStorage()


class TestJSONStorage(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> BaseStorage:
        return JSONStorage(tmp_path / "store" / "sessions.json")

    def reopened(self, storage: BaseStorage) -> BaseStorage:
        assert isinstance(storage, JSONStorage)
        return JSONStorage(storage.file_path)


def test_the_session_for_every_field_has_a_value_in_every_field() -> None:
    session = full_session()
    least = TestSession("a", "b", START)
    least_result = TestResult("a", TestOutcome.PASSED, START)
    for record, other in ((session, least), (session.test_results[0], least_result)):
        for name in record.__struct_fields__:
            assert getattr(record, name) != getattr(other, name), name


def test_the_contract_says_which_fixture_it_needs(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "from pytest_insight.testing import StorageContract\n"
        "class TestNothing(StorageContract): pass\n"
    )
    result = pytester.runpytest_subprocess("-k", "saved_in_one_call", "-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*NotImplementedError: define the fixture `storage`*"])


def test_a_broken_rule_shows_what_was_expected(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from pytest_insight.storage import InMemoryStorage
        from pytest_insight.testing import StorageContract

        class Forgetful(InMemoryStorage):
            def save_sessions(self, sessions):
                pass

        class TestForgetful(StorageContract):
            @pytest.fixture
            def storage(self):
                return Forgetful()
        """
    )
    result = pytester.runpytest_subprocess("-k", "read_back_as_it_was", "-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert [[]] == [[]TestSession(*"])
