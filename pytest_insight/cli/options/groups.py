"""Groups of options: the fields of a struct, which several commands take."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, get_type_hints

import msgspec


def takes(**groups: type[msgspec.Struct]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of structs: `@takes(selection=SessionOptions)`.

    The command receives one object for each group; its help shows every field as an option.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(command, include_extras=True)
        parameters = []
        for parameter in inspect.signature(command).parameters.values():
            if parameter.name not in groups:
                parameters.append(parameter.replace(annotation=hints[parameter.name]))
        for group in groups.values():
            group_hints = get_type_hints(group, include_extras=True)
            # Every field has a default, so that the two correspond.
            for name, default in zip(
                group.__struct_fields__, group.__struct_defaults__, strict=True
            ):
                kind = inspect.Parameter.KEYWORD_ONLY
                parameters.append(
                    inspect.Parameter(name, kind, default=default, annotation=group_hints[name])
                )
        parameters.sort(key=lambda parameter: parameter.name == "profile")  # last in the help

        @wraps(command)
        def run(*args: Any, **given: Any) -> None:
            for name, group in groups.items():
                fields = {field: given.pop(field) for field in group.__struct_fields__}
                given[name] = group(**fields)
            command(*args, **given)

        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # for Typer
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        return run

    return decorate
