"""A comparison as Markdown, for a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_insight.analysis.comparison.result import Comparison


def comparison_markdown(comparison: Comparison) -> str:
    """Return a line that sums up, and a list by cause."""
    lines = [f"**{comparison.head.title}** against **{comparison.base.title}**", ""]
    for group in comparison.causes:
        lines += [f"- {group.change}: `{each.nodeid}`" for each in group.changes]
    return "\n".join(lines) + "\n"
