"""Asking for sessions and tests: `from pytest_insight import query`.

    query.for_sut("service").in_last_days(7).execute()
    query.filter_by_test().with_outcome("failed").apply().execute()

Each function starts a query on the active profile's storage (chosen when it is executed) and is
equivalent to the method of `Query` with the same name.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from pytest_insight.query.query import Query

if TYPE_CHECKING:
    from pytest_insight.query.result import QueryResult
    from pytest_insight.query.tests import QueryTestFilter
    from pytest_insight.storage.base import BaseStorage

__all__ = [
    "Query",
    "QueryResult",
    "QueryTestFilter",
    "after",
    "before",
    "between",
    "date_range",
    "filter_by_test",
    "for_sut",
    "in_last_days",
    "in_last_hours",
    "in_last_minutes",
    "in_last_seconds",
    "latest",
    "on_storage",
    "test_nodeid_contains",
    "with_branch",
    "with_commit",
    "with_outcome",
    "with_profile",
    "with_reruns",
    "with_session_id_pattern",
    "with_session_tag",
    "with_testing_system",
    "with_warning",
]


def on_storage(storage: BaseStorage) -> Query:
    """A query on a storage at hand instead of a profile's."""
    return Query(storage=storage)


_all = Query()

for_sut = _all.for_sut
in_last_days = _all.in_last_days
in_last_hours = _all.in_last_hours
in_last_minutes = _all.in_last_minutes
in_last_seconds = _all.in_last_seconds
after = _all.after
before = _all.before
between = _all.between
date_range = _all.date_range
with_session_tag = _all.with_session_tag
with_session_id_pattern = _all.with_session_id_pattern
with_testing_system = _all.with_testing_system
with_branch = _all.with_branch
with_commit = _all.with_commit
with_outcome = _all.with_outcome
with_warning = _all.with_warning
with_reruns = _all.with_reruns
test_nodeid_contains = _all.test_nodeid_contains
with_profile = _all.with_profile
latest = _all.latest
filter_by_test = _all.filter_by_test


_HOMES = {"QueryResult": "result", "QueryTestFilter": "tests"}


def __getattr__(name: str) -> object:
    if name in _HOMES:  # found on first use: a command that lists sessions needs neither
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
