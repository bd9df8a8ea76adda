"""Where a profile keeps its sessions: the options that say it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from pytest_insight.cli.completion import candidates
from pytest_insight.cli.options.common import option


class PlaceOptions(msgspec.Struct, frozen=True):
    """The kind of storage, and its file or database."""

    type_: Annotated[
        str | None,
        option(
            "json, sqlite, postgresql or memory.",
            "--type",
            "-t",
            example="sqlite",
            metavar="TYPE",
            autocompletion=candidates.storage_types,
        ),
    ] = None
    path: Annotated[
        Path | None,
        option(
            "Its file; without, one in our folder.",
            "--path",
            "-p",
            example="./ci.json",
            metavar="FILE",
            readable=False,  # it may be another's; the library says what is wrong
        ),
    ] = None
    url: Annotated[
        str | None,
        option(
            "Its database; the password is taken from PGPASSWORD or ~/.pgpass.",
            "--url",
            example="postgresql://me@db.example.org/tests",
            metavar="URL",
        ),
    ] = None
    store_password: Annotated[
        bool, option("Write the password in --url down with the profile.", "--store-password")
    ] = False

    @property
    def named_type(self) -> str | None:
        """The type that is named, else that of a database; None where neither is."""
        return self.type_ or ("postgresql" if self.url else None)

    @property
    def storage_type(self) -> str:
        """The type that is named, else the one that the place is of."""
        return self.named_type or "json"

    @property
    def place(self) -> str | Path | None:
        """The URL or the path.

        Raises:
            typer.BadParameter: both, or no URL. What was given for one is not repeated: it may hold
                a password.
        """
        from pytest_insight.locations import is_url

        if self.url and self.path:
            raise typer.BadParameter("--path is for a file, --url for a database: leave one out")
        if self.url and not is_url(self.url):
            raise typer.BadParameter("--url begins with postgresql://")
        return self.url or self.path
