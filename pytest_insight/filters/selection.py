"""A selection: filters of sessions, filters of their results, a limit."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

from pytest_insight.filters.sessions import SessionFilter
from pytest_insight.filters.tests import TestFilter, matching
from pytest_insight.models import TestSession


class Selection(msgspec.Struct, frozen=True):
    """Which sessions, and which of their results.

    Attributes:
        session_filters: a session is kept where all of them match.
        test_filters: of a kept session only the results that all of them match; a session of which
            nothing is left drops out. Empty: results are not looked at.
        limit: of the sessions that `session_filters` keep, only the newest so many, counted before
            the test filters.
    """

    session_filters: tuple[SessionFilter, ...] = ()
    test_filters: tuple[TestFilter, ...] = ()
    limit: int | None = None

    def resolved(self, now: datetime | None = None) -> Selection:
        """The same with relative times made absolute: one moment for the whole run."""
        moment = now or datetime.now(UTC)
        return replace(
            self, session_filters=tuple(f.resolved(moment) for f in self.session_filters)
        )

    @property
    def header_filters(self) -> tuple[SessionFilter, ...]:
        """The session filters that can be answered without results."""
        return tuple(f for f in self.session_filters if not f.needs_results)

    @property
    def result_filters(self) -> tuple[SessionFilter, ...]:
        """The session filters that need the results."""
        return tuple(f for f in self.session_filters if f.needs_results)

    def described(self) -> list[str]:
        """What is looked at in what order where no database does it, a line for each filter."""
        filters: list[tuple[str, object]] = [
            *(("on each session's own fields", each) for each in self.header_filters),
            *(("on each session's results", each) for each in self.result_filters),
            *(("on each result", each) for each in self.test_filters),
        ]
        return [f"in Python, {where}: {each}" for where, each in filters]

    def narrowed(self, session: TestSession) -> TestSession | None:
        """A kept session with only the results the test filters keep; None where none is left."""
        if not self.test_filters:
            return session
        kept = matching(self.test_filters, session.test_results)
        return session.with_results(kept) if kept else None
