"""Kinds of options: with an example in the help, for a choice, for a number, for several names."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Sequence
from typing import Any

import typer

from pytest_insight.cli.completion.candidates import typed
from pytest_insight.cli.near_misses import near_value
from pytest_insight.cli.terminal.usage_errors import UsageError
from pytest_insight.errors import alternatives


def option(help_: str, *names: str, example: str = "", **more: Any) -> Any:
    """Return an option whose help ends with an example.

    Args:
        help_: what it does, in one sentence.
        names: the long name first.
        example: a value as a shell takes it; none for a flag.
        more: arguments of `typer.Option`.
    """
    if example:
        help_ = f"{help_} Example: {names[0]} {example}"
    else:
        more.setdefault("metavar", "")  # a flag has no value to name
    return typer.Option(*names, help=help_, **more)


def choice_option(
    help_: str, choices: type[enum.StrEnum], *names: str, metavar: str, **more: Any
) -> Any:
    """Return an option with a closed list of values; an error suggests the nearest one.

    Args:
        help_: as for `option`; `{choices}` in it stands for the values.
        choices: the values.
        names: as for `option`.
        metavar: what stands for the value; the values are in the help.
        more: as for `option`.
    """

    def parse(value: str) -> enum.StrEnum:
        try:
            return choices(value)
        except ValueError:
            hint = f"; did you mean {near!r}?" if (near := near_value(value, list(choices))) else ""
            raise UsageError(
                f"{names[0]} must be {alternatives(choices)}, not {value!r}{hint}"
            ) from None

    def complete(incomplete: str) -> list[str]:
        return [str(value) for value in choices if value.startswith(incomplete)]

    help_ = help_.replace("{choices}", alternatives(choices))
    return option(help_, *names, metavar=metavar, parser=parse, autocompletion=complete, **more)


def names_option(
    help_: str, name: str, known: Callable[[typer.Context], Sequence[str]], *, example: str
) -> Any:
    """Return an option for names that are separated by commas; see `chosen_names`.

    Args:
        help_: as for `option`.
        name: that of the option.
        known: returns the names that there are, which may depend on other options.
        example: two of them.
    """

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        return [f"{before}{comma}{each}" for each in known(ctx) if each.startswith(last)]

    return option(help_, name, metavar="NAMES", example=example, autocompletion=complete)


def chosen_names(given: str, known: Sequence[str], what: str) -> list[str]:
    """Return the names in an option's value, which are separated by commas, each once.

    Args:
        given: the value.
        known: the names that there are.
        what: what they are names of: "verdict".

    Raises:
        UsageError: a name is not known, or no name is given.
    """
    names = list(dict.fromkeys(name.strip() for name in given.split(",") if name.strip()))
    for name in names or [given]:
        if name not in known:
            near = near_value(name, known)
            hint = f"did you mean {near!r}? There" if near else "there"
            raise UsageError(f"unknown {what} {name!r}; {hint} are {', '.join(known)}")
    return names


def number_option(help_: str, *names: str, whole: bool = False, unit: str = "", **more: Any) -> Any:
    """Return an option for a number of 0 or more.

    Args:
        help_: as for `option`.
        names: as for `option`.
        whole: whether it must be an integer.
        unit: what is counted, for the error.
        more: as for `option`.
    """

    def parse(value: str) -> float:
        try:
            number = int(value) if whole else float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            kind = f"a {'whole number' if whole else 'number'}{unit and f' of {unit}'}"
            example = f"{names[0]} {more['example']}"
            raise UsageError(f"{names[0]} takes {kind}, as in {example}, not {value!r}")
        if number < 0:
            raise UsageError(f"{names[0]} must be 0 or more, not {value}")
        return number

    more.setdefault("autocompletion", typed)
    return option(help_, *names, parser=parse, **more)


def format_option(formats: type[enum.StrEnum], example: str, note: str = "") -> Any:
    """Return the option `--format` of what a command prints.

    Args:
        formats: the formats.
        example: one of them.
        note: what is to be said of them.
    """
    help_ = f"Output format: {{choices}}{note}."
    return choice_option(help_, formats, "--format", "-f", example=example, metavar="FORMAT")
