"""`insight flaky`: the tests that fail now and then, with evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pytest_insight.analysis.flaky_definitions import Definition, flaky_evidence
from pytest_insight.cli.lazy_group import single_command
from pytest_insight.cli.options.common import ProfileOption
from pytest_insight.cli.options.groups import takes
from pytest_insight.cli.options.kinds import choice_option
from pytest_insight.cli.options.verdicts import (
    JudgedSessionOptions,
    JudgedTestOptions,
    VerdictOutputOptions,
    judge,
)

if TYPE_CHECKING:
    from pytest_insight.analysis.results import Verdicts
    from pytest_insight.analysis.values import Verdict


DefinitionOption = Annotated[
    Definition | None,
    choice_option(
        "The tests that are flaky by one rule alone: {choices}.",
        Definition,
        "--definition",
        metavar="RULE",
        example="rerun",
    ),
]


@takes(output=VerdictOutputOptions, selection=JudgedSessionOptions, which=JudgedTestOptions)
def flaky(
    ctx: typer.Context,
    *,
    definition: DefinitionOption = None,
    profile: ProfileOption = None,
    output: VerdictOutputOptions,
    selection: JudgedSessionOptions,
    which: JudgedTestOptions,
) -> None:
    """Show flaky tests, with the evidence.

    They were both good and bad on the same code, or good only when run again. Regressions and
    incidents are not flaky; see `insight docs verdicts`.

    Example: insight flaky -v
    """
    from pytest_insight.analysis.output.description import rank
    from pytest_insight.cli.render.verdicts.verdicts import Answer

    query, found, note = judge(ctx, profile, selection, which, durations=False)
    rows = list(found.flaky) if definition is None else _by_rule(found, definition)
    what = "flaky test" if definition is None else f"test that is flaky by the rule {definition}"
    answer = Answer(query, found, sorted(rows, key=rank), what, note)
    output.print(answer, matched=bool(rows))


def _by_rule(found: Verdicts, rule: Definition) -> list[Verdict]:
    """Return the verdicts on the tests that are flaky by a rule, with the evidence of that rule."""
    from msgspec.structs import replace

    judged = {each.sut: {s.session_id for s in each.sessions} for each in found.judged}
    rows = []
    for each in found:
        left_out = {excluded.session_id for excluded in each.excluded}
        runs = found.runs(each)
        evidence = flaky_evidence(rule, runs, judged[each.sut], left_out)
        if evidence:
            ids = tuple(run.session.session_id for run in evidence)
            detail = f"{each.bad + each.recovered} of {each.runs}, {rule}"
            rows.append(replace(each, evidence=ids, detail=detail))
    return rows


app = single_command(flaky)
