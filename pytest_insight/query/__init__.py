"""Find sessions and tests: `from pytest_insight import query`.

    query.for_sut("service").in_last_days(7).execute()
    query.filter_by_test().with_outcome("failed").apply().execute()
    query.failures(days=7)

Each function is equivalent to the method of `Query` with the same name. `tests`, `failures` and
`first` run a query; the others start one. It is about the storage of the profile that is active
when it runs.
"""

from __future__ import annotations

from pytest_insight.filters import arguments
from pytest_insight.query.lists import ResultList
from pytest_insight.query.query import Query, QueryResult, QueryTestFilter
from pytest_insight.storage.base import BaseStorage

__all__ = [
    "Query",
    "QueryResult",
    "QueryTestFilter",
    "ResultList",
    "after",
    "before",
    "between",
    "date_range",
    "failures",
    "filter_by_test",
    "first",
    "for_sut",
    "in_last_days",
    "in_last_hours",
    "in_last_minutes",
    "in_last_seconds",
    "latest",
    "on_storage",
    "test_nodeid_contains",
    "tests",
    "with_branch",
    "with_commit",
    "with_outcome",
    "with_profile",
    "with_reruns",
    "with_run",
    "with_session_filters",
    "with_session_id_pattern",
    "with_session_tag",
    "with_test_filters",
    "with_testing_system",
    "with_warning",
]


def __dir__() -> list[str]:
    return __all__


def on_storage(storage: BaseStorage) -> Query:
    """Start a query of this storage instead of a profile's.

    Raises:
        InvalidArgumentError: it is not a storage.
    """
    from pytest_insight.storage.base import BaseStorage  # loaded already if it is a storage

    arguments.instances("storage", BaseStorage, [storage])
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
with_run = _all.with_run
with_outcome = _all.with_outcome
with_warning = _all.with_warning
with_reruns = _all.with_reruns
test_nodeid_contains = _all.test_nodeid_contains
latest = _all.latest
with_session_filters = _all.with_session_filters
filter_by_test = _all.filter_by_test
with_test_filters = _all.with_test_filters
with_profile = _all.with_profile
tests = _all.tests
failures = _all.failures
first = _all.first
