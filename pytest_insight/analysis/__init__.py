"""What the history says: pure functions over sessions and results, without input or output.

Storages read what they need (`SessionReader.survey` and `runs`). `pytest_insight.analyze` and
`pytest_insight.compare`, which are public, choose the sessions, have them read, and call these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["Comparison", "Matrix", "Newest", "TimedSession", "Verdicts"]

if TYPE_CHECKING:
    from pytest_insight.analysis.comparison.newest_runs import Newest
    from pytest_insight.analysis.comparison.result import Comparison
    from pytest_insight.analysis.matrix import Matrix
    from pytest_insight.analysis.results import Verdicts
    from pytest_insight.analysis.timed_sessions import TimedSession
else:  # hidden from type checkers, to which it would mean that any name exists
    from pytest_insight._util.lazy_names import on_first_use

    # Signatures of queries and storages name them; most commands ask for none.
    __getattr__ = on_first_use(
        __name__,
        {
            "Comparison": "analysis.comparison.result",
            "Matrix": "analysis.matrix",
            "Newest": "analysis.comparison.newest_runs",
            "TimedSession": "analysis.timed_sessions",
            "Verdicts": "analysis.results",
        },
    )
