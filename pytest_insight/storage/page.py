"""The first page of a list: the newest sessions of a selection, and how many there are.

A number that would take long to find is None: the list says that there are more.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from pytest_insight.filters import Selection
from pytest_insight.models import TestSession

if TYPE_CHECKING:
    from pytest_insight.storage.reader import SessionReader

MAX_COUNTED = 200_000
"""The results that are looked at to count those that match: 0.1 s in SQLite."""
MAX_COUNTED_BYTES = 16 << 20
"""The size of a JSON store whose results are decoded to count those that match: 50 ms."""


class Page(NamedTuple):
    """The newest sessions of a selection.

    Attributes:
        sessions: by descending start time.
        total: how many sessions are selected; None if it would take long to find out.
        all_ids: returns the IDs of all sessions of the store, in no particular order.
    """

    sessions: list[TestSession]
    total: int | None
    all_ids: Callable[[], list[str]]


def first_page(
    storage: SessionReader,
    selection: Selection,
    limit: int,
    count: Callable[[Selection], int | None],
) -> Page:
    """Return the newest sessions; `count` is called if there are more than the limit."""
    found = list(islice(storage.iter_sessions(selection, newest_first=True), limit + 1))
    total = count(selection) if len(found) > limit else len(found)
    return Page(found[:limit], total, storage.session_ids)


def depends_on_results(selection: Selection) -> bool:
    """Return whether the results of a session decide if it is selected."""
    return bool(selection.result_filters or selection.test_filters)
