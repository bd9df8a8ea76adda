"""Fit nodeids into a width: the directory is cut first, then parameters; `::` stays whole.

A nodeid is `folder/test_file.py::TestClass::test_name[parameters]`. What tells tests apart is at
its end, so that the beginning goes first. All widths are columns of a terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from pytest_insight.cli.render.fit import cut_middle
from pytest_insight.cli.terminal.output import console, is_fancy, mark
from pytest_insight.cli.terminal.styled import LINE_BREAK, Styled, joined, styled, text_width

LEAST_PARAMETERS = 12
"""The columns of parameters, brackets included, below which a nodeid is wrapped instead."""

MOST_PARAMETERS = 16
"""The characters of parameters, brackets included, for which columns of a table make room: one
generated parameter of a hundred characters should not cost a whole table its columns."""

INDENT = "  "
"""The beginning of a line that continues a nodeid."""


class _Parts(NamedTuple):
    """The parts of a nodeid, which give it again if they are concatenated.

    Attributes:
        directory: the folders, with the slash at their end.
        file: the name of the file.
        names: `::` and the name of each class and of the function.
        parameters: in their brackets; they may contain anything.
    """

    directory: str
    file: str
    names: tuple[str, ...]
    parameters: str


def _split(nodeid: str) -> _Parts:
    path, separator, rest = nodeid.partition("::")
    directory, slash, file = path.rpartition("/")
    names, bracket, parameters = rest.partition("[")
    parts = tuple(f"::{name}" for name in names.split("::")) if separator else ()
    return _Parts(directory + slash, file, parts, bracket + parameters)


def common_directory(nodeids: Sequence[str]) -> str:
    """Return the folders that all nodeids have in common, with the slash at their end, or ""."""
    folders = [_split(nodeid).directory.split("/")[:-1] for nodeid in nodeids]
    same = takewhile(lambda names: len(set(names)) == 1, zip(*folders, strict=False))
    return "".join(f"{names[0]}/" for names in same)


def without_most_parameters(nodeid: str) -> str:
    """Return a nodeid with as many of its parameters as columns of a table make room for."""
    directory, file, names, parameters = _split(nodeid)
    return "".join((directory, file, *names, parameters[:MOST_PARAMETERS]))


def nodeid_lines(
    nodeid: str, *, prefix: str | Styled = "", suffix: str = "", style: str = ""
) -> Styled:
    """Return a nodeid for stdout: as lines that fit the terminal; whole in a pipe.

    Args:
        nodeid: the nodeid.
        prefix: what comes before the nodeid; further lines are indented by its width.
        suffix: what comes after the nodeid.
        style: the style of the nodeid.
    """
    name = str(styled(nodeid))  # control characters are escaped
    lines = [name]
    indent = text_width(str(styled(prefix)))
    if is_fancy():
        lines = fit_nodeid(name, console().width - indent - text_width(suffix), mark())
    between = styled(LINE_BREAK, " " * indent)
    return styled(prefix, joined([styled(line, style=style) for line in lines], between), suffix)


def fit_nodeid(nodeid: str, width: int, cut: str) -> list[str]:
    """Return a nodeid as lines that fit; one line if its file and names fit into one."""
    if text_width(nodeid) <= width:
        return [nodeid]
    directory, file, names, parameters = _split(nodeid)
    base = f"{file}{''.join(names)}"
    for shorter in _shorter_directories(directory, cut):
        if text_width(line := f"{shorter}{base}{parameters}") <= width:
            return [line]
    beginning = f"{cut}/" if directory else ""
    if _takes(f"{beginning}{base}", parameters, width):
        return [_with_parameters(f"{beginning}{base}", parameters, width, cut)]
    lines = [_fit_path(directory, file, width, cut)]
    for name in names:
        if text_width(lines[-1] + name) <= width:
            lines[-1] += name
        else:
            lines.append(cut_middle(INDENT + name, width, cut))
    if _takes(lines[-1], parameters, width):
        lines[-1] = _with_parameters(lines[-1], parameters, width, cut)
    elif parameters:
        lines.append(_with_parameters(INDENT, parameters, width, cut))
    return lines


def _takes(line: str, parameters: str, width: int) -> bool:
    """Return whether a line has room for parameters, or for enough of them."""
    least = min(text_width(parameters), LEAST_PARAMETERS)
    return text_width(line) + least <= width


def _with_parameters(line: str, parameters: str, width: int, cut: str) -> str:
    return line + cut_middle(parameters, width - text_width(line), cut)


def _fit_path(directory: str, file: str, width: int, cut: str) -> str:
    if text_width(directory + file) <= width:
        return directory + file
    for shorter in _shorter_directories(directory, cut):
        if text_width(shorter + file) <= width:
            return shorter + file
    return cut_middle(f"{cut}/{file}" if directory else file, width, cut)


def _shorter_directories(directory: str, cut: str) -> list[str]:
    """Return a directory without its first folder, without its first two, ..., none of them."""
    folders = directory.split("/")[:-1]
    return ["/".join((cut, *folders[start:], "")) for start in range(1, len(folders) + 1)]
