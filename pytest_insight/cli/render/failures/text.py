"""The text of a failure as pytest prints it: indented, in colour, folded between words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_insight.cli.render.wrap import line_width, wrapped
from pytest_insight.cli.terminal.links import linked_place
from pytest_insight.cli.terminal.output import mark
from pytest_insight.cli.terminal.styled import Styled, styled
from pytest_insight.models import TestResult
from pytest_insight.models.text import plural

LAST_LINES = 12
"""The lines of an excerpt: the last ones say what went wrong."""

_OUTPUT = (("captured stdout", "capstdout"), ("captured stderr", "capstderr"), ("log", "caplog"))
_SOURCE = re.compile(r"@|(async )?def |class ")
_RULE = re.compile(r"(_ )+_?")
"""Between the frames of a traceback, as wide as the terminal was."""
_CARETS = re.compile(r"E?[ ~]*\^[ ~^]*")
"""Under a line of source, what in it has failed."""
_LOCATION = re.compile(r"\S.*?:\d+(?=: )")


def failure_lines(
    result: TestResult, sut_name: str, indent: str, *, whole: bool
) -> Iterator[Styled]:
    """Yield the lines of a result's text.

    Args:
        result: the result.
        sut_name: its SUT, for links to files.
        indent: what every line begins with.
        whole: whether to yield all lines, and the captured output; else an excerpt.
    """
    lines = _indented(result.longreprtext)
    hidden = 0 if whole else max(len(lines) - LAST_LINES, 0)
    width = line_width()
    room = None if width is None else max(width - len(indent), 20)
    if hidden:
        note = f"{mark()} {plural(hidden, 'line')} above hidden (-v shows them)"
        yield styled(indent, note, style="dim")
    pieces: list[str] = []
    for line in lines[hidden:]:
        if _CARETS.fullmatch(line) and (len(pieces) > 1 or len(wrapped(line, room)) > 1):
            continue  # they would point at nothing in a folded line
        pieces = [line[:room]] if _RULE.fullmatch(line) else wrapped(line, room)
        for piece in pieces:
            yield styled(indent, _coloured(piece, sut_name, is_error=line[:2] in ("E ", "E")))
    for title, field in _OUTPUT if whole else ():
        text = getattr(result, field)
        if text:
            yield styled(indent, f"{title}:", style="dim")
            for line in text.expandtabs().splitlines():
                yield styled(indent, "  ", line)


def _coloured(line: str, sut_name: str, *, is_error: bool) -> Styled:
    if is_error:
        return styled(line, style="red")
    location = _LOCATION.match(line)
    if location is None:
        return styled(line)
    return styled(linked_place(location[0], sut_name, "bold"), line[location.end() :])


def _indented(text: str) -> list[str]:
    """Return the lines of a text, the first one indented as the others are.

    pytest removes the indentation of the first line from `longreprtext`; source code is indented by
    four spaces (`FormattedExcinfo` in its `_code`).
    """
    lines = text.expandtabs().splitlines()
    if lines and _SOURCE.match(lines[0]):
        lines[0] = f"    {lines[0]}"
    return lines
