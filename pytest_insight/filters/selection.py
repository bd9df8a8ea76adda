"""A selection: filters of sessions, filters of their results, and a limit."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from pytest_insight.errors import InvalidArgumentError
from pytest_insight.filters.results import AnyTestFilter, TestFilter, matching
from pytest_insight.filters.sessions import (
    AnySessionFilter,
    SessionFilter,
    StartedBetween,
    latest_start,
)
from pytest_insight.models import TestSession


class Selection(msgspec.Struct, frozen=True):
    """Selects sessions, and results within them.

    Attributes:
        session_filters: a session is selected if all of them match.
        test_filters: a selected session keeps the results that all of them match, and is dropped if
            no result is left. Without test filters, all results are kept.
        limit: only the newest N of the sessions that `session_filters` select, without those that
            are dated in the future (`MAX_AHEAD`). They are counted before the test filters apply.
            None means all.
    """

    session_filters: tuple[SessionFilter, ...] = ()
    test_filters: tuple[TestFilter, ...] = ()
    limit: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the selection as plain data that JSON, TOML or YAML can store.

        UTC offsets are saved to the minute.

        Raises:
            InvalidArgumentError: it has a `Custom` filter, whose function cannot be saved, or a
                text with a lone surrogate.
        """
        try:
            text = msgspec.json.encode(self, order="deterministic", enc_hook=_refuse_function)
        except UnicodeEncodeError as exc:
            raise InvalidArgumentError(f"this selection cannot be saved: {exc}") from exc
        data: dict[str, Any] = msgspec.json.decode(text)
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Selection:
        """Return the selection that `to_dict` saved, equal to the original.

        Raises:
            InvalidArgumentError: the data is not a selection; the message says where.
        """
        try:
            saved = msgspec.convert(data, _Saved)
        except (msgspec.ValidationError, UnicodeEncodeError) as exc:
            raise InvalidArgumentError(f"this is not a saved selection: {exc}") from exc
        return cls(saved.session_filters, saved.test_filters, saved.limit)

    def resolved(self, now: datetime | None = None) -> Selection:
        """Return an equivalent selection with absolute times, for use during one execution."""
        moment = now or datetime.now(UTC)
        filters = tuple(f.resolved(moment) for f in self.session_filters)
        if self.limit is not None:
            filters += (StartedBetween(until=latest_start(moment)),)
        return replace(self, session_filters=filters)

    @property
    def latest_only(self) -> datetime | None:
        """The latest start time that is selected, if nothing else is asked of sessions."""
        ends = [
            each.until
            for each in self.session_filters
            if isinstance(each, StartedBetween) and each.since is None and each.until is not None
        ]
        return min(ends) if ends and len(ends) == len(self.session_filters) else None

    @property
    def since(self) -> datetime | None:
        """The start time before which no session is selected, or None."""
        starts = [
            each.since
            for each in self.session_filters
            if isinstance(each, StartedBetween) and each.since is not None
        ]
        return max(starts, default=None)

    @property
    def header_filters(self) -> tuple[SessionFilter, ...]:
        """The session filters that do not read results."""
        return tuple(f for f in self.session_filters if not f.needs_results)

    @property
    def result_filters(self) -> tuple[SessionFilter, ...]:
        """The session filters that read results."""
        return tuple(f for f in self.session_filters if f.needs_results)

    @property
    def required_text(self) -> str:
        """A text that a text field of every kept result contains, or an empty text."""
        return max((each.required_text for each in self.test_filters), key=len, default="")

    def described(self) -> list[str]:
        """Return a line for each filter, in the order in which Python code applies them."""
        from pytest_insight.filters.descriptions import describe

        filters: list[tuple[str, SessionFilter | TestFilter]] = [
            *(("session", each) for each in self.header_filters),
            *(("session with its results", each) for each in self.result_filters),
            *(("result", each) for each in self.test_filters),
        ]
        return [f"in Python, per {what}: {describe(each)}" for what, each in filters]

    def narrowed(self, session: TestSession) -> TestSession | None:
        """Return a session with only the results that the test filters keep; None if none is."""
        if not self.test_filters:
            return session
        kept = matching(self.test_filters, session.test_results)
        return session.with_results(kept) if kept else None


EVERYTHING = Selection()


class _Saved(msgspec.Struct, forbid_unknown_fields=True):
    """A selection whose types say how to decode each filter."""

    session_filters: tuple[AnySessionFilter, ...] = ()
    test_filters: tuple[AnyTestFilter, ...] = ()
    limit: int | None = None


def _refuse_function(value: object) -> None:
    raise InvalidArgumentError(
        f"a selection with the custom filter {value!r} cannot be saved: a function is not data"
    )
