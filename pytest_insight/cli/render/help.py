"""The help of a command as text: usage, arguments and options, or a group's commands.

Replaces what Typer draws, which differs between its versions, names Python types, and leaves little
room for descriptions at 80 columns. Reads what Click documents of commands and parameters.
"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator
from typing import Any, NamedTuple

from pytest_insight.cli.terminal.output import is_fancy
from pytest_insight.cli.terminal.styled import Styled, styled

WIDTH = 80
"""The longest line if stdout is no terminal."""
MAX_WIDTH = 100
"""The longest line on a wide terminal, in columns."""
MAX_TERM = 26
"""The widest name of an option or command beside its description; below a longer one it starts."""
MIN_DESCRIPTION = 30
"""On a terminal too narrow for such a description, each starts below the name."""

_GLUE = "\0"
"""Stands for a space at which no line ends."""

HEADING = "bold"
NAME = "bold cyan"
VALUE = "cyan"


class Entry(NamedTuple):
    """An option, an argument or a command in the help.

    Attributes:
        term: what is typed.
        text: what it does.
    """

    term: Styled
    text: str


Sections = dict[str, list[Entry]]
"""The entries by heading."""


def help_lines(command: Any, ctx: Any) -> Iterator[Styled]:
    """Yield the lines of a command's help, as wide as the terminal.

    Args:
        command: a Click command or group.
        ctx: its context.
    """
    width = min(shutil.get_terminal_size().columns, MAX_WIDTH) if is_fancy() else WIDTH
    for number, paragraph in enumerate((command.help or "").split("\n\n")):
        is_example = paragraph.startswith("Example: ")
        if is_example:
            yield styled(styled("Example: ", style=HEADING), paragraph.removeprefix("Example: "))
        else:
            yield from map(styled, _wrap(paragraph, width))
        yield styled("")
        if number == 0:
            yield styled(styled("Usage: ", style=HEADING), usage(command, ctx.command_path))
            yield styled("")
    yield from _section_lines(_command_sections(command, ctx), width)
    yield from _section_lines(_parameter_sections(command, ctx), width)


def usage(command: Any, path: str) -> str:
    """Return how a command is called.

    Args:
        command: a Click command or group.
        path: the words that call it.
    """
    if hasattr(command, "panels"):
        return f"{path} [OPTION]... [COMMAND] ..." if command.alone else f"{path} COMMAND ..."
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    return " ".join([path, *map(placeholder, arguments), "[OPTION]..."])


def placeholder(argument: Any) -> str:
    """Return what stands for an argument: `TEST`, `[ID]` if it may be left out, `[FILE]...`."""
    name = argument.metavar if argument.required else f"[{argument.metavar}]"
    return f"{name}..." if argument.nargs == -1 else str(name)


def short_help(command: Any) -> str:
    """Return the first sentence of a command's help."""
    first = " ".join((command.help or "").partition("\n\n")[0].split())
    sentence, stop, _ = first.partition(". ")
    return sentence + stop.strip()


def _command_sections(command: Any, ctx: Any) -> Sections:
    """Return the commands of a group, by panel; nothing of a command."""
    sections: Sections = {}
    for panel, names in getattr(command, "panels", {}).items():
        alone = "" if sections else command.alone
        sections[panel] = [Entry(styled(command.name, style=NAME), alone)] if alone else []
        for name in names:
            text = short_help(command.get_command(ctx, name))
            sections[panel].append(Entry(styled(name, style=NAME), text))
    return sections


def _parameter_sections(command: Any, ctx: Any) -> Sections:
    """Return the arguments, the command's own options, and the other options by panel."""
    sections: Sections = {"Arguments": [], "Options": []}
    for parameter in command.get_params(ctx):
        if parameter.param_type_name == "argument":
            term = styled(placeholder(parameter), style=VALUE)
            sections["Arguments"].append(Entry(term, parameter.help or ""))
        elif not parameter.hidden:
            panel = getattr(parameter, "rich_help_panel", None) or "Options"
            sections.setdefault(panel, []).append(_option_entry(parameter))
    return sections


def _section_lines(sections: Sections, width: int) -> Iterator[Styled]:
    widest = max((len(str(e.term)) for entries in sections.values() for e in entries), default=0)
    column = min(widest, MAX_TERM) + 4
    if width - column < MIN_DESCRIPTION:
        column = 8
    for heading, entries in sections.items():
        if entries:
            yield styled(f"{heading}:", style=HEADING)
            for entry in entries:
                yield from _entry_lines(entry, column, width)
            yield styled("")


def _option_entry(option: Any) -> Entry:
    names = sorted(option.opts, key=len)
    long = names.pop()
    if f"--no-{long[2:]}" in option.secondary_opts:
        long = f"--[no-]{long[2:]}"
    short = f"{names[0]}, " if names else "    " * long.startswith("--")
    term = [styled(short, long, style=NAME)]
    if option.metavar and not option.is_flag:
        term += [styled(" "), styled(option.metavar, style=VALUE)]
    extra = [f"[env var: {option.envvar}]"] if option.envvar else []
    if isinstance(option.default, str):
        extra.append(f"[default: {option.default}]")
    return Entry(styled(*term), " ".join([option.help or "", *extra]))


def _entry_lines(entry: Entry, column: int, width: int) -> Iterator[Styled]:
    text = list(map(_with_dim_example, _wrap(entry.text, width - column)))
    used = len(str(entry.term)) + 2
    if used + 2 <= column and text:
        yield styled("  ", entry.term, " " * (column - used), text.pop(0))
    else:
        yield styled("  ", entry.term)
    for line in text:
        yield styled(" " * column, line)


def _with_dim_example(line: str) -> Styled:
    before, example, after = line.partition("Example: ")
    return styled(before, styled(example + after, style="dim"))


def _wrap(text: str, width: int) -> list[str]:
    """Return the lines of a text; an example, which may hold spaces, is not broken."""
    text, example, after = " ".join(text.split()).partition("Example: ")
    words, bracket, extra = after.partition(" [")
    glued = (example + words).replace(" ", _GLUE) + bracket + extra.replace(" ", _GLUE)
    lines = textwrap.wrap(
        text + glued,
        max(width, 10),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_GLUE, " ") for line in lines]
