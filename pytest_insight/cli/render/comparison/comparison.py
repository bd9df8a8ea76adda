"""A comparison for people and programs: what changed, why, and what was not compared."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_insight.analysis.comparison.description import (
    changed_text,
    counts,
    environment_text,
    notes,
    runs_text,
)
from pytest_insight.analysis.comparison.records import comparison_record
from pytest_insight.analysis.comparison.values import Change, SideKind
from pytest_insight.cli.render.comparison.lines import LABELS, ChangeLines
from pytest_insight.cli.render.comparison.rows import (
    CAUSE_FIELDS,
    CSV_FIELDS,
    causes_of,
    change_value,
)
from pytest_insight.cli.render.formats import FailureFormat
from pytest_insight.cli.render.pictures import pictures_shown
from pytest_insight.cli.render.records import ChosenFields, print_csv
from pytest_insight.cli.render.tests import print_nodeids
from pytest_insight.cli.render.verdicts.names import arrow
from pytest_insight.cli.render.wrap import flow, line_width, wrapped
from pytest_insight.cli.terminal.output import (
    UNLIMITED,
    console,
    is_fancy,
    print_json,
    print_styled,
    say,
)
from pytest_insight.cli.terminal.pager import paged
from pytest_insight.cli.terminal.streams import stdout_errors_reported
from pytest_insight.cli.terminal.styled import Styled, styled, text_width
from pytest_insight.models.text import plural

if TYPE_CHECKING:
    from pytest_insight.analysis.comparison.result import Comparison
    from pytest_insight.analysis.comparison.values import ChangeGroup, Side, TestChange


MOST_FACTS = 4
"""How many facts about the machines that differ are named on a terminal."""
_ELSEWHERE = (SideKind.FILE, SideKind.PROFILE)
"""Sides whose sessions are not in the store, so that no other command shows them."""


class Shown(NamedTuple):
    """What is printed of a comparison.

    Attributes:
        comparison: the comparison.
        only: the changes that are printed; None for all.
        by_cause: whether to print one entry per cause of the failures in the head.
        verbose: whether to name every test, with the runs that were compared.
        note: which SUT was looked at, if the project in the current folder decided.
    """

    comparison: Comparison
    only: Collection[Change] | None
    by_cause: bool
    verbose: bool
    note: str

    @property
    def changes(self) -> list[TestChange]:
        """The changes that are printed."""
        found = self.comparison.changes
        return [each for each in found if self.only is None or each.change in self.only]

    @property
    def groups(self) -> list[ChangeGroup]:
        """They, those with one cause together."""
        found = self.comparison.causes
        return [each for each in found if self.only is None or each.change in self.only]


@stdout_errors_reported()
@paged()
def print_comparison(
    shown: Shown, format_: FailureFormat, fields: Sequence[str] | None, failing: Collection[Change]
) -> None:
    """Print a comparison.

    Args:
        shown: what is printed of it.
        format_: the format.
        fields: those of `change_rows.FIELDS` that are printed, one row per test; None for the
            usual output.
        failing: the changes of the tests whose nodeids are printed if none are chosen.
    """
    comparison = shown.comparison
    if format_ is FailureFormat.TABLE and fields is None:
        print_styled(*_lines(shown))
        return
    if format_ is FailureFormat.MARKDOWN:
        print(replace(comparison, changes=tuple(shown.changes)).to_markdown(), end="")
        return
    if not is_fancy():
        say(f"{_sides(comparison)}: {', '.join(text for _, text in counts(comparison))}")
        for note in notes(comparison):
            say(note)
    if format_ is FailureFormat.NODEIDS:
        chosen = failing if shown.only is None else shown.only
        changes = [each for each in shown.changes if each.change in chosen]
        by_cause = (each for cause in causes_of(changes) for each in cause.changes)
        print_nodeids(by_cause if shown.by_cause else changes)
    elif fields is not None:
        ChosenFields(fields, change_value).print(
            shown.changes, format_, lambda: _nothing(comparison)
        )
    elif format_ is FailureFormat.JSON:
        print_json(_record(shown))
    elif shown.by_cause:
        print_csv(CAUSE_FIELDS, (each.record() for each in causes_of(shown.changes)))
    else:
        rows = ({name: change_value(each, name) for name in CSV_FIELDS} for each in shown.changes)
        print_csv(CSV_FIELDS, rows)


def _record(shown: Shown) -> dict[str, Any]:
    record = comparison_record(shown.comparison)
    if shown.only is not None:
        record["changes"] = [each for each in record["changes"] if each["change"] in shown.only]
    if shown.by_cause:
        record["causes"] = [each.record() for each in causes_of(shown.changes)]
    return record


# Lines ------------------------------------------------------------------------------------------


def _lines(shown: Shown) -> Iterator[Styled]:
    comparison = shown.comparison
    yield from _head_lines(comparison)
    yield from _incident_lines(comparison)
    groups = shown.groups
    writer = ChangeLines(comparison, verbose=shown.verbose)
    yield styled("")
    if not groups:
        yield styled(_nothing(comparison) if shown.only is None else _none_chosen(shown))
    elif shown.by_cause:
        yield from _cause_lines(shown, writer)
    else:
        yield from writer.lines(groups)
    yield from _note_lines(shown)


def _head_lines(comparison: Comparison) -> Iterator[Styled]:
    """Yield the two sides, in one line if there is room, and how many tests have each change."""
    base, head = comparison.base, comparison.head
    width = console().width if is_fancy() else UNLIMITED
    mark = styled("✓", style="green") if comparison.ok else styled("✗", style="red")
    marked = (mark, " ") if pictures_shown() else ()
    runs = f" ({runs_text(head)})" if len(head.sessions) > 1 else ""
    sut = styled(head.sut, style="bold")
    left = styled(*marked, sut, "  ", _side_text(head), styled(runs, style="dim"))
    right = styled("against ", _side_text(base), styled(f" ({runs_text(base)})", style="dim"))
    if text_width(f"{left}  {right}") <= width:
        yield styled(left, "  ", right)
    else:
        yield from (left, styled("  ", right))
    texts = list(counts(comparison))
    parts = [
        styled(text, style=LABELS[change][1].removeprefix("bold") if change else "")
        for change, text in texts
    ]
    parts = [
        styled(part, "," if number < len(texts) else "") for number, part in enumerate(parts, 1)
    ]
    tests = styled(f"{plural(comparison.tests, 'test')}:" if parts else "no test was compared")
    lines = flow([tests, *parts], line_width() and width - 2, " ")
    yield from (styled("  ", line) for line in lines)


def _side_text(side: Side) -> Styled:
    return styled(styled(side.title, style="bold"), changed_text(side))


def _sides(comparison: Comparison) -> str:
    """Return what is compared, in one line without styles."""
    base, head = comparison.base, comparison.head
    return f"{head.sut}  {_side_text(head)}  against {_side_text(base)} ({runs_text(base)})"


def _incident_lines(comparison: Comparison) -> Iterator[Styled]:
    """Yield a banner for each session in which too much failed at once."""
    heads = {session.session_id for session in comparison.head.sessions}
    for incident in comparison.incidents:
        session = incident.session.session_id
        where = "this run" if session in heads else "the base"
        yield styled("")
        yield styled(styled("INCIDENT", style="bold red"), f"   {where}: {incident.why}")
        fate = "not compared" if session in heads else "left out of the base"
        side = comparison.head if session in heads else comparison.base
        see = "" if side.kind in _ELSEWHERE else f"; see: insight failures {session}"
        yield styled(styled(f"           {fate}{see}", style="dim"))
    for why in comparison.unfinished:
        yield styled("")
        yield styled(styled("UNFINISHED", style="bold red"), f" {why}")


def _nothing(comparison: Comparison) -> str:
    """Return the sentence for no changes."""
    has_notes = comparison.incidents or comparison.unfinished or not comparison.tests
    return "nothing else changed" if has_notes else "nothing changed"


def _none_chosen(shown: Shown) -> str:
    names = " or ".join(change for change in Change if change in (shown.only or ()))
    return f"no test is {names}"


def _cause_lines(shown: Shown, writer: ChangeLines) -> Iterator[Styled]:
    """Yield each cause of the failures in the head, and its tests."""
    causes = causes_of(shown.changes)
    if not causes:
        yield styled("no test fails")
    for number, cause in enumerate(causes):
        if number:
            yield styled("")
        yield from writer.cause(cause)


def _note_lines(shown: Shown) -> Iterator[Styled]:
    """Yield what was not compared, how machines differ, and, on a terminal, what to do next."""
    comparison = shown.comparison
    texts = list(notes(comparison))
    most = MOST_FACTS if is_fancy() and not shown.verbose else None
    environment = environment_text(comparison, arrow(), most)
    texts += [f"environment: {environment}"] if environment else []
    width = line_width()
    lines = [styled(line, style="dim") for note in texts for line in wrapped(note, width)]
    if is_fancy():
        lines += flow((styled(hint, style="dim") for hint in _hints(shown)), width)
    if lines:
        yield from (styled(""), *lines)


def _hints(shown: Shown) -> Iterator[str]:
    head = shown.comparison.head
    if {head.kind, shown.comparison.base.kind} <= set(_ELSEWHERE):
        return
    failing = any(each.head and each.head.is_bad for each in shown.comparison.changes)
    if failing and head.kind not in _ELSEWHERE:
        last = not head.name or head.name == "last"
        run = "--run last " if last and len(head.sessions) > 1 else ""
        named = run if last else f"{head.sessions[-1].session_id} "
        yield f"tracebacks: insight failures {named}-v"
        if last:
            yield "run them again: pytest --insight-select failed"
    if shown.comparison.changes:
        yield "one test: insight history TEST"
    if shown.note:
        yield shown.note
