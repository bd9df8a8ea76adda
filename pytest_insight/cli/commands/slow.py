"""`insight slow`: the tests that got slower or faster, and since when."""

from __future__ import annotations

import typer

from pytest_insight.cli.lazy_group import single_command
from pytest_insight.cli.options.common import (
    ExitCodeOption,
    LimitOption,
    ProfileOption,
    takes,
)
from pytest_insight.cli.options.fields import chosen_fields
from pytest_insight.cli.options.verdicts import (
    FieldsOption,
    JudgedSessionOptions,
    JudgedTestOptions,
    VerboseOption,
    VerdictFormatOption,
    exit_as_judge,
    judge,
    known_fields,
)
from pytest_insight.cli.render.formats import FailureFormat


@takes(selection=JudgedSessionOptions, which=JudgedTestOptions)
def slow(
    ctx: typer.Context,
    *,
    verbose: VerboseOption = False,
    limit: LimitOption = None,
    format_: VerdictFormatOption = FailureFormat.TABLE,
    fields: FieldsOption = None,
    exit_code: ExitCodeOption = False,
    profile: ProfileOption = None,
    selection: JudgedSessionOptions,
    which: JudgedTestOptions,
) -> None:
    """Show tests that got slower or faster, and since when.

    Those that lost most time come first. How fast the machine was does not count; see
    `insight docs verdicts`. For the longest tests: `insight query tests --group --sort mean`.

    Example: insight slow --window 90d
    """
    from pytest_insight.cli.render.verdicts import Asked, print_verdicts

    chosen = chosen_fields(fields, known_fields(None), format_)
    query, found, note = judge(ctx, profile, selection, which)
    timed = [(each.timing.was - each.timing.now, each) for each in found if each.timing is not None]
    rows = [each for _, each in sorted(timed, key=lambda pair: pair[0])]
    asked = Asked(query, found, rows, "test that got slower or faster", note)
    print_verdicts(asked, format_, limit, chosen, verbose=verbose, durations=True)
    exit_as_judge(query, found, matched=bool(found.slower), asked=exit_code)


app = single_command(slow)
