"""Tables as HTML, for notebooks. All text is foreign: it is escaped, also what a browser obeys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from pytest_insight._util.printable import printable

_LEFT, _RIGHT = ' style="text-align: left"', ' style="text-align: right"'


def html_text(text: object) -> str:
    """Return a text with markup and control characters escaped; line breaks stay."""
    return escape(printable(str(text), keep="\n"))


def html_table(headings: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """Return a table; a column is aligned to the right if its heading ends with a space."""
    styles = [_RIGHT if heading.endswith(" ") else _LEFT for heading in headings]

    def line(tag: str, cells: Iterable[object]) -> str:
        marked = (
            f"<{tag}{style}>{html_text(cell)}</{tag}>"
            for cell, style in zip(cells, styles, strict=True)
        )
        return f"<tr>{''.join(marked)}</tr>"

    body = "\n".join(line("td", row) for row in rows)
    head = line("th", (heading.strip() for heading in headings))
    under = f"\n<p>{html_text(caption)}</p>" if caption else ""
    return f"<table>\n<thead>{head}</thead>\n<tbody>\n{body}\n</tbody>\n</table>{under}"
