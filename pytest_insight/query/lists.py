"""The sequences that queries return; notebooks show results and summaries as tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pytest_insight.models import TestResult, TestSession
from pytest_insight.query.records import result_record
from pytest_insight.summaries import TestSummary

if TYPE_CHECKING:
    SessionSequence = Sequence[TestSession]
else:

    class SessionSequence:
        """What a sequence has besides `__getitem__` and `__len__`.

        When it runs it is no `collections.abc.Sequence`: polars takes one for a column of objects,
        and does not ask it for Arrow data.
        """

        __contains__ = Sequence.__contains__
        __reversed__ = Sequence.__reversed__
        index = Sequence.index
        count = Sequence.count


class ResultList(list[TestResult]):
    """The results of some sessions: a list that also gives them as dictionaries."""

    def __init__(self, sessions: Iterable[TestSession] = ()) -> None:
        """Initialise the list.

        Args:
            sessions: those whose results it has, in order.
        """
        self._sessions = tuple(sessions)
        super().__init__(result for each in self._sessions for result in each.test_results)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return a dictionary for each result, with the keys of `QueryResult.to_dicts`.

        A result that was appended has no session, and raises KeyError.
        """
        # By identity: two sessions may have equal results.
        of = {id(result): each for each in self._sessions for result in each.test_results}
        return [result_record(of[id(result)], result) for result in self]

    def _repr_html_(self) -> str:
        from pytest_insight.models.html import list_html  # for notebooks

        return list_html(self)


class SummaryList(list[TestSummary]):
    """A list of summaries."""

    def _repr_html_(self) -> str:
        from pytest_insight._util.html_table import html_table  # for notebooks
        from pytest_insight.models.html import MAX_ROWS, rows_text
        from pytest_insight.models.text import counts_text, duration_text, time_text

        rows = [
            (
                each.nodeid,
                each.sut_name,
                each.results,
                "" if each.pass_rate is None else f"{each.pass_rate:.0%}",
                duration_text(each.mean),
                "" if each.p95 is None else duration_text(each.p95),
                each.last_outcome,
                time_text(each.last_seen),
                counts_text(each.outcomes),
            )
            for each in self[:MAX_ROWS]
        ]
        headings = (
            "Test",
            "SUT",
            "Results ",
            "Passed ",
            "Mean ",
            "p95 ",
            "Last",
            "Seen",
            "Outcomes",
        )
        return html_table(headings, rows, rows_text(len(rows), len(self), "test"))
