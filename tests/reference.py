"""The README's command reference, made from the commands themselves.

python -m tests.reference      writes it into the README (`make reference`)
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import typer.main

from pytest_insight.cli.app import app
from pytest_insight.cli.options.selection import SESSIONS, TESTS

README = Path(__file__).parents[1] / "README.md"
BEGIN = "<!-- The commands' own help, written by: make reference -->\n"
END = "<!-- End of the commands' own help -->\n"

SELECTING = {SESSIONS, TESTS}


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


_TYPERS = {"help", "install_completion", "show_completion"}


def commands() -> list[Command]:
    """Every command there is, in the order of the help."""
    return list(_commands((), typer.main.get_command(app)))


def _commands(words: tuple[str, ...], command: Any) -> Iterator[Command]:
    names = command.list_commands(None) if hasattr(command, "list_commands") else None
    if names is None:
        yield Command(words, command)
        return
    for name in names:
        yield from _commands((*words, name), command.get_command(None, name))


def reference() -> str:
    """The reference in Markdown."""
    found = commands()
    lines = []
    for command in found:
        lines += _described(command)
    selecting = next(command for command in found if command.words == ("query", "tests"))
    for panel in (SESSIONS, TESTS):
        takers = ", ".join(f"`{' '.join(c.words)}`" for c in found if _panels(c) & {panel})
        lines += [f"### {panel}", "", f"Options of {takers}; all that are given must fit.", ""]
        lines += _table([p for p in selecting.options if p.rich_help_panel == panel])
    return "\n".join(lines)


def _described(command: Command) -> list[str]:
    usage = " ".join(["insight", *command.words, *map(_placed, command.arguments)])
    lines = [f"### insight {' '.join(command.words)}", "", command.sentences, ""]
    lines += ["```text", f"{usage} [OPTION]...", command.example, "```", ""]
    own = [o for o in command.options if o.rich_help_panel not in SELECTING]
    if command.arguments or own:
        lines += _table([*command.arguments, *own])
    taken = [panel for panel in (SESSIONS, TESTS) if panel in _panels(command)]
    if taken:
        links = " and ".join(f"[{panel}](#{panel.lower().replace(' ', '-')})" for panel in taken)
        lines += [f"And the options under {links}.", ""]
    return lines


def _panels(command: Command) -> set[str]:
    return {option.rich_help_panel for option in command.options}


def _table(parameters: list[Any]) -> list[str]:
    rows = [
        f"| {_names(p)} | {' '.join(p.help.split()).replace('|', chr(92) + '|')} |"
        for p in parameters
    ]
    return ["| | |", "| --- | --- |", *rows, ""]


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{_placed(parameter)}`"
    names = ", ".join(f"`{name}`" for name in parameter.opts)
    value = parameter.metavar or _choices(parameter)
    return f"{names} `{value}`" if value and not parameter.is_flag else names


def _placed(argument: Any) -> str:
    name = argument.metavar if argument.required else f"[{argument.metavar}]"
    return f"{name}..." if argument.nargs == -1 else name


def _choices(parameter: Any) -> str:
    choices = parameter.type_descriptor.choices
    return "\\|".join(map(str, choices)) if choices else ""


def in_readme(readme: str) -> str:
    """The README with the reference as it is now."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{reference()}\n{END}{after}"


if __name__ == "__main__":
    text = README.read_text()
    if BEGIN not in text or END not in text:
        sys.exit(f"{README} has no place for the reference")
    README.write_text(in_readme(text))
