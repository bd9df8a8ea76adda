"""What the history says of each test: verdicts with their evidence, and the histories of tests.

    from pytest_insight import analyze, query

    found = analyze.verdicts(query.for_sut("shop").with_branch("main").in_last_days(30))
    found.flaky, found.broken, found["tests/test_queue.py::test_order"].evidence

The rules are in the topic `verdicts` of the manual.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = [
    "Breakage",
    "CauseCount",
    "Excluded",
    "History",
    "Incident",
    "Judged",
    "Line",
    "Rate",
    "Run",
    "Segment",
    "SessionFacts",
    "Since",
    "Timing",
    "Verdict",
    "Verdicts",
    "history",
    "verdicts",
]

if TYPE_CHECKING:
    from pytest_insight.analysis.history import History
    from pytest_insight.analysis.incidents import Incident
    from pytest_insight.analysis.line import Line
    from pytest_insight.analysis.rates import Rate
    from pytest_insight.analysis.results import Judged, Verdicts
    from pytest_insight.analysis.runs import Run, SessionFacts
    from pytest_insight.analysis.segments import Segment
    from pytest_insight.analysis.values import CauseCount, Excluded, Since, Timing, Verdict
    from pytest_insight.analysis.verdicts import Breakage
    from pytest_insight.analyze.functions import history, verdicts
else:  # hidden from type checkers, to which it would mean that any name exists
    from pytest_insight._util.lazy_names import on_first_use

    # A command needs few of them.
    __getattr__ = on_first_use(
        __name__,
        {
            "Breakage": "analysis.verdicts",
            "CauseCount": "analysis.values",
            "Excluded": "analysis.values",
            "History": "analysis.history",
            "Incident": "analysis.incidents",
            "Judged": "analysis.results",
            "Line": "analysis.line",
            "Rate": "analysis.rates",
            "Run": "analysis.runs",
            "Segment": "analysis.segments",
            "SessionFacts": "analysis.runs",
            "Since": "analysis.values",
            "Timing": "analysis.values",
            "Verdict": "analysis.values",
            "Verdicts": "analysis.results",
            "history": "analyze.functions",
            "verdicts": "analyze.functions",
        },
    )


def __dir__() -> list[str]:
    return list(__all__)
