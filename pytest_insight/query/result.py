"""`QueryResult`: the answer to a query."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from pytest_insight.models import TestResult, TestSession

if TYPE_CHECKING:
    from pytest_insight.query.query import Query


class QueryResult(msgspec.Struct, frozen=True):
    """The sessions that a query found, by start time, the oldest first.

    Iterating gives the sessions, `len()` counts them, and as a truth value it says whether there
    are any.

    Attributes:
        sessions: with test-level steps, each holds only the matching tests.
        query: what was asked.
    """

    sessions: tuple[TestSession, ...]
    query: Query

    def __iter__(self) -> Iterator[TestSession]:
        return iter(self.sessions)

    def __len__(self) -> int:
        return len(self.sessions)

    @property
    def empty(self) -> bool:
        """Whether nothing was found."""
        return not self.sessions

    def tests(self) -> list[TestResult]:
        """The tests of all sessions, in order."""
        return [result for session in self.sessions for result in session.test_results]

    def tests_with_sessions(self) -> Iterator[tuple[TestSession, TestResult]]:
        """Each test together with the session it ran in."""
        for session in self.sessions:
            for result in session.test_results:
                yield session, result
