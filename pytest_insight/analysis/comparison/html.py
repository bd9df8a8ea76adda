"""A comparison as an HTML table, for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_insight._util.html_table import html_table
from pytest_insight.models.html import MAX_ROWS, rows_text

if TYPE_CHECKING:
    from pytest_insight.analysis.comparison.result import Comparison


def comparison_html(comparison: Comparison) -> str:
    """Return a row for each change."""
    rows = [
        (
            each.nodeid,
            each.change,
            each.detail,
            each.base.outcome if each.base else "",
            each.head.outcome if each.head else "",
            each.head.message if each.head else "",
        )
        for each in comparison.changes[:MAX_ROWS]
    ]
    headings = ("Test", "Change", "Detail", "Base", "Head", "Message")
    cut = rows_text(len(rows), len(comparison.changes), "change") + "; "
    cut = cut if len(rows) < len(comparison.changes) else ""
    sides = f"{comparison.head.title} against {comparison.base.title}"
    return html_table(headings, rows, f"{cut}{sides}; {comparison.alike:,} tests alike")
