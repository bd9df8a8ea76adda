"""Usage errors: what they quote is harmless, and a name that is nearly right is offered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from pytest_insight.cli.render.text import printable

_USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]
"""Click's `UsageError`, wherever this version of Typer has it from."""

_NOT_ONE_OF = re.compile(r"(?:Value error, )?'(?P<given>.*)' is not one of (?P<choices>'.*')\.")
"""How Typer says that a value is none of the choices."""


@contextmanager
def usage_errors_told() -> Iterator[None]:
    """Usage errors leave the block as people should see them."""
    try:
        yield
    except _USAGE_ERROR as exc:
        for name, value in vars(exc).items():
            if isinstance(value, str):
                # A terminal shows what an error quotes of the command line; it does not obey it.
                setattr(exc, name, printable(_with_near_misses(value), keep="\n"))
        raise


def _with_near_misses(message: str) -> str:
    found = _NOT_ONE_OF.fullmatch(message)
    if found is None:
        return message
    import difflib  # only for an error

    choices = found["choices"].replace("'", "").split(", ")
    near = difflib.get_close_matches(found["given"].lower(), choices, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"{found['given']!r} is not one of {', '.join(choices)}.{hint}"
