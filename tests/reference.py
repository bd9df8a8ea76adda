"""The command reference and the man page, made from the commands' own help.

`python -m tests.reference` writes both (`make reference`). The man page takes files, environment
variables and exit statuses from the manual's reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import typer.main

from pytest_insight.cli.app import app
from pytest_insight.cli.options.selection import SESSIONS
from pytest_insight.cli.options.tests import TESTS
from pytest_insight.cli.render.help import placeholder, usage

MANUAL = Path(__file__).parents[1] / "pytest_insight" / "docs"
COMMANDS = MANUAL / "commands.md"
MAN_PAGE = MANUAL / "insight.1"

SELECTING = (SESSIONS, TESTS)
"""The help panels of the options that several commands share."""

_TYPERS = {"help", "install_completion", "show_completion"}


class Command(NamedTuple):
    """One command.

    Attributes:
        words: how it is called, after `insight`.
        command: as Click has it.
    """

    words: tuple[str, ...]
    command: Any

    @property
    def options(self) -> list[Any]:
        """Its options, those of Typer left out."""
        return [
            parameter
            for parameter in self.command.params
            if parameter.param_type_name == "option" and parameter.name not in _TYPERS
        ]

    @property
    def arguments(self) -> list[Any]:
        """Its arguments."""
        return [p for p in self.command.params if p.param_type_name == "argument"]

    @property
    def sentences(self) -> str:
        """Its help without the example."""
        return " ".join(self.command.help.partition("Example:")[0].split())

    @property
    def example(self) -> str:
        """The command line that its help shows."""
        return str(self.command.help.partition("Example:")[2]).strip()

    @property
    def usage(self) -> str:
        """How it is called."""
        return usage(self.command, " ".join(["insight", *self.words]))

    @property
    def panels(self) -> list[str]:
        """The shared panels of which it has options."""
        found = {option.rich_help_panel for option in self.options}
        return [panel for panel in SELECTING if panel in found]

    @property
    def parameters(self) -> list[Any]:
        """Its arguments, and the options that are in no shared panel, or mean something else."""
        shared = {(o.name, o.help) for panel in SELECTING for o in shared_options(panel)[1]}
        own = [
            option
            for option in self.options
            if option.rich_help_panel not in SELECTING or (option.name, option.help) not in shared
        ]
        return [*self.arguments, *own]


def commands() -> list[Command]:
    """Return every command in the order of the help."""
    return list(_commands((), typer.main.get_command(app)))


def _commands(words: tuple[str, ...], command: Any) -> Iterator[Command]:
    names = command.list_commands(None) if hasattr(command, "list_commands") else None
    if names is None:
        yield Command(words, command)
        return
    for name in names:
        yield from _commands((*words, name), command.get_command(None, name))


@cache
def shared_options(panel: str) -> tuple[list[Command], list[Any]]:
    """Return the commands that have a shared panel, and the options in it."""
    users = [command for command in commands() if panel in command.panels]
    return users, [o for o in users[-1].options if o.rich_help_panel == panel]


# Markdown ---------------------------------------------------------------------------------------


def markdown() -> str:
    """Return the command reference in Markdown."""
    lines = [
        "# Commands: every command with its options",
        "",
        "<!-- Written by `make reference` from the commands' own help. -->",
        "",
    ]
    root: Any = typer.main.get_command(app)
    lines += ["## insight", "", root.alone, "", "```text", usage(root, "insight"), "```", ""]
    lines += _table(Command((), root).options)
    for command in commands():
        lines += [f"## insight {' '.join(command.words)}", "", command.sentences, ""]
        lines += ["```text", command.usage, command.example, "```", ""]
        lines += _table(command.parameters)
        if command.panels:
            links = [f"[{panel}](#{panel.lower().replace(' ', '-')})" for panel in command.panels]
            lines += [f"And the options under {' and '.join(links)}.", ""]
    for panel in SELECTING:
        users, options = shared_options(panel)
        names = ", ".join(f"`{' '.join(user.words)}`" for user in users)
        lines += [f"## {panel}", "", f"Options of {names}. Given together, all must match.", ""]
        lines += _table(options)
    return "\n".join(lines).rstrip() + "\n"


def _table(parameters: list[Any]) -> list[str]:
    if not parameters:
        return []
    rows = [f"| {_code(p)} | {_help(p)} |".replace("\x00", r"\|") for p in parameters]
    return ["| | |", "| --- | --- |", *rows, ""]


def _code(parameter: Any) -> str:
    names, value = _names(parameter)
    code = ", ".join(f"`{name}`" for name in names)
    return (f"{code} `{value}`" if value else code).replace("|", "\x00")


def _help(parameter: Any) -> str:
    return " ".join(parameter.help.split()).replace("|", "\x00")


def _names(parameter: Any) -> tuple[list[str], str]:
    """Return what is typed for a parameter, and the placeholder of its value."""
    if parameter.param_type_name == "argument":
        return [placeholder(parameter)], ""
    return parameter.opts, "" if parameter.is_flag else parameter.metavar


# The man page -----------------------------------------------------------------------------------


def man_page() -> str:
    """Return the man page in roff (man-pages(7))."""
    lines = [
        r".\" Written by: make reference",
        '.TH INSIGHT 1 "" "pytest\\-insight" "User Commands"',
        ".SH NAME",
        r"insight \- ask what pytest runs have recorded",
        ".SH SYNOPSIS",
        r"\fBinsight\fR [\fB\-\-profile\fR \fINAME\fR] [\fICOMMAND\fR ...]",
        ".SH DESCRIPTION",
        _roff("Ask what runs of pytest have recorded. A run is recorded with `pytest --insight`."),
        ".PP",
        _roff("Without a command: show the project in this folder at a glance."),
        ".SH OPTIONS",
        *_roff_list(Command((), typer.main.get_command(app)).options),
        ".SH COMMANDS",
    ]
    for command in commands():
        lines += [f".SS {_roff(command.usage)}", _roff(command.sentences)]
        lines += [".PP", rf"Example: \fB{_roff(command.example)}\fR"]
        lines += _roff_list(command.parameters)
        if command.panels:
            names = " and ".join(f'"{panel}"' for panel in command.panels)
            lines += [".PP", _roff(f"And the options under {names}.")]
    for panel in SELECTING:
        lines += [f".SH {panel.upper()}", *_roff_list(shared_options(panel)[1])]
    for heading, name in (
        ("Files", "FILES"),
        ("Environment variables", "ENVIRONMENT"),
        ("Exit statuses", "EXIT STATUS"),
    ):
        lines.append(f".SH {name}")
        for term, meaning in _manual_table(heading):
            lines += [".TP", rf"\fB{_roff(term)}\fR", _roff(meaning)]
    lines += [".SH SEE ALSO", _roff("The manual: `insight docs`.")]
    return "\n".join(lines) + "\n"


def _roff_list(parameters: list[Any]) -> list[str]:
    lines = []
    for parameter in parameters:
        names, value = _names(parameter)
        term = ", ".join(rf"\fB{_roff(name)}\fR" for name in names)
        lines += [".TP", rf"{term} \fI{_roff(value)}\fR" if value else term]
        lines.append(_roff(" ".join(parameter.help.split())))
    return lines


def _manual_table(heading: str) -> list[tuple[str, str]]:
    text = (MANUAL / "reference.md").read_text("utf-8")
    section = text.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", section, re.MULTILINE)
    return [row for row in rows if row != ("---", "---")]


def _roff(text: str) -> str:
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text).replace("`", "")
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{text}" if text.startswith((".", "'")) else text


if __name__ == "__main__":
    COMMANDS.write_text(markdown(), "utf-8")
    MAN_PAGE.write_text(man_page(), "utf-8")
