"""Verdicts and histories as HTML tables, for notebooks; nothing else imports this."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_insight._util.html_table import html_table
from pytest_insight.analysis.runs import Run
from pytest_insight.analysis.values import Verdict
from pytest_insight.models.html import MAX_ROWS, rows_text
from pytest_insight.models.text import duration_text, time_text


def verdicts_html(verdicts: Sequence[Verdict], total: int) -> str:
    """Return a row for each verdict.

    Args:
        verdicts: in the order in which they are shown.
        total: of how many tests.
    """
    rows = [
        (
            each.nodeid,
            each.verdict,
            each.detail,
            each.runs,
            f"{each.rate.value:.0%} ({each.rate.low:.0%} to {each.rate.high:.0%})",
            "" if each.since is None else each.since.commit[:7] or time_text(each.since.time),
            ""
            if each.timing is None
            else f"{duration_text(each.timing.was)}, now {duration_text(each.timing.now)}",
            each.causes[0].message if each.causes else "",
        )
        for each in verdicts[:MAX_ROWS]
    ]
    headings = ("Test", "Verdict", "Evidence", "Runs ", "Rate", "Since", "Took", "Message")
    cut = f"{rows_text(len(rows), len(verdicts), 'test')}; " if len(rows) < len(verdicts) else ""
    return html_table(headings, rows, f"{cut}{total:,} tests in all; the others are stable")


def runs_html(runs: Sequence[Run]) -> str:
    """Return a row for each run, the newest first."""
    rows = [
        (
            run.session.session_id,
            time_text(run.session.start),
            run.session.branch,
            run.session.commit[:7],
            run.outcome,
            duration_text(run.duration),
            run.message,
        )
        for run in runs[::-1][:MAX_ROWS]
    ]
    headings = ("Session", "Started", "Branch", "Commit", "Outcome", "Took ", "Message")
    return html_table(headings, rows, rows_text(len(rows), len(runs), "run"))
