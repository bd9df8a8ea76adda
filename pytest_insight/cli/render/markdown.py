"""Foreign text in Markdown."""

from __future__ import annotations

from pytest_insight.cli.terminal.styled import styled


def code_span(text: str) -> str:
    """Return a text as a code span of Markdown, which no text in it can end.

    Source: CommonMark 0.31, section 6.1.
    """
    line = str(styled(text))  # control characters are escaped
    fence = "`"
    while fence in line:
        fence += "`"
    space = " " if line[:1] == "`" or line[-1:] == "`" else ""
    return f"{fence}{space}{line}{space}{fence}"


def code_cell(text: str) -> str:
    """Return a text as a code span for a cell of a table."""
    return code_span(text).replace("|", r"\|")
