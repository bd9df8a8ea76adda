"""`insight verdicts`: what the history says of each test that is not stable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from pytest_insight.cli.lazy_group import single_command
from pytest_insight.cli.options.common import ProfileOption
from pytest_insight.cli.options.groups import takes
from pytest_insight.cli.options.kinds import chosen_names, names_option
from pytest_insight.cli.options.verdicts import (
    JudgedSessionOptions,
    JudgedTestOptions,
    VerdictOutputOptions,
    judge,
)


def _known_verdicts(_: object) -> Sequence[str]:
    from pytest_insight.analysis.values import VERDICTS

    return VERDICTS


OnlyOption = Annotated[
    str | None,
    names_option(
        "Only these verdicts, separated by commas. Default: all but stable and too-few.",
        "--only",
        _known_verdicts,
        example="broken,flaky",
    ),
]


def _chosen_verdicts(given: str | None) -> list[str]:
    """Return the names in the option's value.

    Raises:
        UsageError: there is no such verdict.
    """
    from pytest_insight.analysis.values import STABLE, TOO_FEW, VERDICTS

    if given is None:
        return [name for name in VERDICTS if name not in (STABLE, TOO_FEW)]
    return chosen_names(given, VERDICTS, "verdict")


@takes(output=VerdictOutputOptions, selection=JudgedSessionOptions, which=JudgedTestOptions)
def verdicts(
    ctx: typer.Context,
    *,
    only: OnlyOption = None,
    profile: ProfileOption = None,
    output: VerdictOutputOptions,
    selection: JudgedSessionOptions,
    which: JudgedTestOptions,
) -> None:
    """Show every unstable test, the worst first.

    Broken, newly failing, flaky, suspect, fixed, slower and others: `insight docs verdicts`
    explains each.

    Example: insight verdicts --only broken,flaky
    """
    from pytest_insight.analysis.output.description import rank
    from pytest_insight.cli.render.verdicts.verdicts import Answer

    names = _chosen_verdicts(only)
    query, found, note = judge(ctx, profile, selection, which)
    rows = sorted(found.with_verdict(*names), key=rank)
    what = f"{' or '.join(names)} test" if only else "unstable test"
    answer = Answer(query, found, rows, what, note)
    output.print(answer, matched=bool(rows))


app = single_command(verdicts)
