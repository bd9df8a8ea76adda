"""Texts from outside in Markdown, as GitHub and GitLab read it."""

from __future__ import annotations

import re

from pytest_insight._util.printable import printable

MOST_NAME = 1_000
"""The characters of a name or message."""

_MARKUP = (  # compiled when used: few commands print Markdown
    r"[&<>|`@#*\[\]\\~$]"
    r"|(?<![^\W_])_|_(?![^\W_])"  # emphasis; one between letters is not
    r"|:(?=//)|(?<=www)\."  # links
)
"""What may be markup, a mention, an issue or a link in Markdown, outside of `<code>` at least."""


def code(text: str) -> str:
    """Return a text from outside as code on one line, which nothing in it can end.

    GitHub looks for markup in an element `<code>`, but not for mentions, issues and emoji. What may
    be markup is a character reference, which is text (CommonMark 0.31, section 2.5).
    """
    short = text if len(text) <= MOST_NAME else f"{text[:MOST_NAME]}..."
    return f"<code>{plain(short)}</code>"


def plain(text: str) -> str:
    """Return a text from outside as text in Markdown, without any markup."""
    return re.sub(_MARKUP, lambda found: f"&#{ord(found[0])};", printable(text))


def code_span(text: str) -> str:
    """Return a text as a code span of Markdown, which no text in it can end.

    Source: CommonMark 0.31, section 6.1.
    """
    line = printable(text)
    fence = "`"
    while fence in line:
        fence += "`"
    space = " " if line[:1] == "`" or line[-1:] == "`" else ""
    return f"{fence}{space}{line}{space}{fence}"


def code_cell(text: str) -> str:
    """Return a text as a code span for a cell of a table."""
    return code_span(text).replace("|", r"\|")
