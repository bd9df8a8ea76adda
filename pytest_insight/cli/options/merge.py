"""Options of the commands that merge sessions into a store: `import` and `profile merge`."""

from __future__ import annotations

from typing import Annotated

from pytest_insight.cli.completion.candidates import strategies
from pytest_insight.cli.options.kinds import choice_option, option
from pytest_insight.cli.render.formats import ListFormat

ReportOption = Annotated[
    ListFormat | None,
    choice_option(
        "List what happens to each session, as {choices}.",
        ListFormat,
        "--report",
        example="json",
        metavar="FORMAT",
    ),
]
MergeOption = Annotated[
    str | None,
    option(
        "For IDs in the store: skip_existing (default), replace_existing, keep_both or upgrade.",
        "--merge",
        "-m",
        example="keep_both",
        metavar="STRATEGY",
        autocompletion=strategies,
    ),
]
