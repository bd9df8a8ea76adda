"""`--fields`: which fields of its records a list prints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from pytest_insight.cli.options.kinds import chosen_names, names_option
from pytest_insight.cli.render.formats import FailureFormat, FindFormat, ListFormat
from pytest_insight.cli.terminal.usage_errors import UsageError


def fields_option(known: Callable[[typer.Context], Sequence[str]], example: str) -> Any:
    """Return the option.

    Args:
        known: returns the fields that the command has, which may depend on other options.
        example: two of them.
    """
    return names_option(
        "Only these fields, in this order, by their names in JSON; separated by commas.",
        "--fields",
        known,
        example=example,
    )


def _session_fields(_: object) -> Sequence[str]:
    from pytest_insight.cli.render.sessions.sessions import SESSION_FIELDS  # few commands need it

    return SESSION_FIELDS


SessionFieldsOption = Annotated[str | None, fields_option(_session_fields, "session_id,outcomes")]


def chosen_fields(
    given: str | None, known: Sequence[str], format_: ListFormat | FindFormat | FailureFormat
) -> list[str] | None:
    """Return the names in an option's value, each once; None if it is not given.

    Raises:
        UsageError: a field is unknown, or the format has none.
    """
    if given is None:
        return None
    if format_ not in list(ListFormat):
        formats = ", ".join(ListFormat)
        raise UsageError(f"--fields is for {formats}, not for --format {format_}: leave one out")
    return chosen_names(given, known, "field")
