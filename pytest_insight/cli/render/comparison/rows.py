"""The changes of a comparison for programs: one row per test, or one per cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_insight.analysis.comparison.records import change_record

if TYPE_CHECKING:
    from pytest_insight.analysis.comparison.values import TestChange

_RUN = (
    *("outcome", "message", "crash", "cause", "phase", "duration"),
    *("session_id", "time", "commit", "branch"),
)
FIELDS = (
    *("nodeid", "change", "renamed_from", "detail"),
    *(f"{side}.{name}" for side in ("head", "base") for name in _RUN),
    *("pace.was", "pace.now", "pace.ratio", "rate.value"),
)
"""The fields that can be chosen: keys of a change in JSON, with a dot before those in an object."""

CSV_FIELDS = (
    *("nodeid", "change", "base.outcome", "head.outcome", "head.message", "head.crash"),
    *("head.cause", "base.message", "renamed_from", "detail"),
)
"""The columns of CSV."""

CAUSE_FIELDS = ("cause", "message", "crash", "tests", "changes", "nodeids")
"""The keys of a cause in JSON, and the columns of CSV."""


def change_value(change: TestChange, field: str) -> Any:
    """Return one of the `FIELDS` of a change; None if it has none."""
    value: Any = change_record(change)
    for name in field.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


class CauseGroup(NamedTuple):
    """The tests that fail in the head for one cause.

    Attributes:
        cause: its key.
        message: of the first test.
        crash: where that failed.
        changes: of the tests.
    """

    cause: str
    message: str
    crash: str
    changes: list[TestChange]

    @property
    def counts(self) -> dict[str, int]:
        """How many of the tests have each change."""
        return dict(Counter(str(each.change) for each in self.changes))

    def record(self) -> dict[str, Any]:
        """Return it as plain data."""
        nodeids = [each.nodeid for each in self.changes]
        values = (self.cause, self.message, self.crash, len(nodeids), self.counts, nodeids)
        return dict(zip(CAUSE_FIELDS, values, strict=True))


def causes_of(changes: Iterable[TestChange]) -> list[CauseGroup]:
    """Return why tests fail in the head, in the order of their first tests."""
    found: dict[str, CauseGroup] = {}
    for each in changes:
        if each.head is not None and each.head.is_bad:
            empty = CauseGroup(each.head.cause, each.head.message, each.head.crash, [])
            found.setdefault(each.head.cause, empty).changes.append(each)
    return list(found.values())
