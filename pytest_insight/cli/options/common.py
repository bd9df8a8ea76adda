"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

from pytest_insight.cli.completion.candidates import profiles
from pytest_insight.cli.options.kinds import format_option, number_option, option
from pytest_insight.cli.render.formats import FindFormat, ListFormat, ShowFormat

PROFILE_HELP = "The profile to use, instead of the active one. Also accepted after the command."

ProfileOption = Annotated[
    str | None,
    option(
        "The profile to use.",
        "--profile",
        example="demo",
        metavar="NAME",
        autocompletion=profiles,
    ),
]
FormatOption = Annotated[
    ListFormat,
    format_option(ListFormat, "json"),
]
FindFormatOption = Annotated[
    FindFormat,
    format_option(FindFormat, "nodeids", " (each nodeid once, for pytest)"),
]
ShowFormatOption = Annotated[
    ShowFormat,
    format_option(ShowFormat, "json"),
]
LimitOption = Annotated[
    int | None,
    number_option(
        "Show at most N rows (0 = all). Default: one screen in a table, else all.",
        "--limit",
        "-n",
        whole=True,
        example="50",
        metavar="N",
    ),
]
YesOption = Annotated[bool, option("Do not ask for confirmation.", "--yes", "-y")]
DryRunOption = Annotated[bool, option("Print what would be done, and do nothing.", "--dry-run")]
ExitCodeOption = Annotated[
    bool,
    option(
        "Exit with status 3 if anything matched, with 1 if no session is selected.", "--exit-code"
    ),
]
