"""`insight slow`: the tests that got slower or faster, and since when."""

from __future__ import annotations

import typer

from pytest_insight.cli.lazy_group import single_command
from pytest_insight.cli.options.common import ProfileOption
from pytest_insight.cli.options.groups import takes
from pytest_insight.cli.options.verdicts import (
    JudgedSessionOptions,
    JudgedTestOptions,
    VerdictOutputOptions,
    judge,
)


@takes(output=VerdictOutputOptions, selection=JudgedSessionOptions, which=JudgedTestOptions)
def slow(
    ctx: typer.Context,
    *,
    profile: ProfileOption = None,
    output: VerdictOutputOptions,
    selection: JudgedSessionOptions,
    which: JudgedTestOptions,
) -> None:
    """Show tests that got slower or faster, and since when.

    Those that lost most time come first. How fast the machine was does not count; see
    `insight docs verdicts`. For the longest tests: `insight query tests --group --sort mean`.

    Example: insight slow --window 90d
    """
    from pytest_insight.cli.render.verdicts.verdicts import Answer

    query, found, note = judge(ctx, profile, selection, which)
    timed = [(each.timing.was - each.timing.now, each) for each in found if each.timing is not None]
    rows = [each for _, each in sorted(timed, key=lambda pair: pair[0])]
    answer = Answer(query, found, rows, "test that got slower or faster", note)
    output.print(answer, matched=bool(found.slower), durations=True)


app = single_command(slow)
