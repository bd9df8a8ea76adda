"""The changes of a comparison as lines: by kind, tests that fail for one cause together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from pytest_insight.analysis.comparison.description import (
    as_in_base,
    base_name,
    counted,
    pace_text,
    rates_text,
)
from pytest_insight.analysis.comparison.nodeids import split_nodeid
from pytest_insight.analysis.comparison.values import Change
from pytest_insight.cli.render.fit import cut_end
from pytest_insight.cli.render.nodeids import nodeid_lines
from pytest_insight.cli.render.pictures import outcome_mark
from pytest_insight.cli.render.verdicts.evidence import run_line
from pytest_insight.cli.render.verdicts.names import arrow
from pytest_insight.cli.terminal.links import linked_place
from pytest_insight.cli.terminal.output import UNLIMITED, console, is_fancy, mark
from pytest_insight.cli.terminal.styled import Styled, shown, styled, text_width
from pytest_insight.models import TestOutcome
from pytest_insight.models.text import plural

if TYPE_CHECKING:
    from pytest_insight.analysis.comparison.result import Comparison
    from pytest_insight.analysis.comparison.values import ChangeGroup, TestChange
    from pytest_insight.cli.render.comparison.rows import CauseGroup

LABELS = {
    Change.NEW_FAILURE: ("NEW", "bold red"),
    Change.NEW_TEST_FAILING: ("NEW TEST", "bold red"),
    Change.FAILING_DIFFERENTLY: ("DIFFERENT", "bold red"),
    Change.WORSE: ("WORSE", "bold red"),
    Change.FLAKY: ("FLAKY", "magenta"),
    Change.STILL_FAILING: ("STILL", "dim"),
    Change.FIXED: ("FIXED", "green"),
    Change.BETTER: ("BETTER", "green"),
    Change.UNEXPECTED_PASS: ("XPASS", "yellow"),
    Change.EXPECTED_FAILURE_AGAIN: ("XFAIL", "yellow"),
    Change.SLOWER: ("SLOWER", "yellow"),
    Change.FASTER: ("FASTER", "green"),
    Change.NEW_TEST: ("ADDED", "bold"),
    Change.RENAMED: ("RENAMED", "bold"),
    Change.GONE: ("GONE", "yellow"),
}
"""The label of each change, and its style."""
INDENT = max(len(text) for text, _ in LABELS.values()) + 2
"""The width of the column of labels."""
MOST_TESTS = 5
"""The tests of a group that are listed on a terminal."""
LEAST_MESSAGE = 40
"""The width below which the place of a failure is on a separate line."""

_BY_CAUSE = (Change.NEW_FAILURE, Change.NEW_TEST_FAILING, Change.FLAKY)

Line = Callable[[Styled], Styled]
"""Returns a line behind a prefix, which is as wide as the column of labels."""


class ChangeLines:
    """Writes the changes of one comparison.

    Args:
        comparison: the comparison.
        verbose: whether to name every test, with the runs that were compared.
    """

    def __init__(self, comparison: Comparison, *, verbose: bool) -> None:
        self._sut = comparison.head.sut
        self._base = base_name(comparison)
        self._as_in_base = as_in_base(comparison)
        self._verbose = verbose
        # A program, or a log, gets all.
        self._most = MOST_TESTS if is_fancy() and not verbose else None

    def lines(self, groups: Iterable[ChangeGroup]) -> Iterator[Styled]:
        """Yield the lines of groups, which are in the order of `Change`."""
        by_change: dict[Change, list[ChangeGroup]] = {}
        for group in groups:
            by_change.setdefault(group.change, []).append(group)
        for change, of_change in by_change.items():
            blocks: Iterable[Iterator[Styled]]
            if change in _BY_CAUSE or (change is Change.STILL_FAILING and self._verbose):
                blocks = map(self._failing, of_change)
            elif change is Change.FAILING_DIFFERENTLY:
                blocks = map(self._different, of_change)
            elif change is Change.STILL_FAILING:
                blocks = (self._still_failing(of_change),)
            else:
                changes = [each for group in of_change for each in group.changes]
                blocks = self._others(change, changes)
            for block in blocks:
                yield from block

    def cause(self, cause: CauseGroup) -> Iterator[Styled]:
        """Yield why some tests fail in the head, how many are new, and which they are."""
        message = cut(cause.message or "no message", self._room + INDENT - 2)
        yield styled(outcome_mark(TestOutcome.FAILED), " ", styled(message, style="bold"))
        counts = ", ".join(counted(Change(name), count) for name, count in cause.counts.items())
        place = linked_place(cause.crash, self._sut, "dim") if cause.crash else ""
        yield styled("  ", place, "  " if cause.crash else "", counts)
        yield from (line(styled("  ")) for line in self._tests(cause.changes))

    def _failing(self, group: ChangeGroup) -> Iterator[Styled]:
        lines = [*self._message(group), *self._tests(group.changes)]
        return _block(group.change, len(group.changes), lines)

    def _different(self, group: ChangeGroup) -> Iterator[Styled]:
        """Yield the tests, why they fail now, and why they failed before."""
        messages = dict.fromkeys(each.base.message for each in group.changes if each.base)
        names = ("now:", *(f"{self._base}:" for _ in messages))
        width = max(map(text_width, names)) + 1
        reasons = [
            _text(cut(f"{name:<{width}}{message or 'no message'}", self._room))
            for name, message in zip(names, (group.message, *messages), strict=True)
        ]
        lines = [*self._tests(group.changes), *reasons[: MOST_TESTS + 1]]
        return _block(group.change, len(group.changes), lines)

    def _still_failing(self, groups: Sequence[ChangeGroup]) -> Iterator[Styled]:
        count = sum(len(group.changes) for group in groups)
        verb = "test fails" if count == 1 else "tests fail"
        causes = plural(len(groups), "cause")
        text = f"{count:,} {verb} {self._as_in_base}, {causes} (-v lists them)"
        return _block(Change.STILL_FAILING, 1, [_text(text, "dim")])

    def _others(self, change: Change, changes: Sequence[TestChange]) -> Iterator[Iterator[Styled]]:
        if change is Change.RENAMED:
            by_name: dict[tuple[str, ...], list[TestChange]] = {}
            for each in changes:
                new, old = split_nodeid(each.nodeid), split_nodeid(each.renamed_from)
                by_name.setdefault((new.file, new.names, old.names), []).append(each)
            for (file, names, _), of_name in by_name.items():
                one = len(of_name) == 1 or self._verbose
                shown_as = None if one else f"{file}::{names}"
                yield _block(change, len(of_name), self._tests(of_name, shown_as))
        elif change is Change.NEW_TEST and not self._verbose:
            files: dict[str, int] = {}
            for each in changes:
                file = split_nodeid(each.nodeid).file
                files[file] = files.get(file, 0) + 1
            lines = [_text(f"{plural(count, 'test')} in {file}") for file, count in files.items()]
            yield _block(change, 1, self._cut(lines, "file"))
        else:
            by_detail: dict[str, list[TestChange]] = {}
            for each in changes:
                by_detail.setdefault("" if each.pace or each.rates else each.detail, []).append(
                    each
                )
            for detail, of_detail in by_detail.items():
                why = [_text(cut(detail, self._room), "dim")] if detail else []
                yield _block(change, len(of_detail), [*self._tests(of_detail), *why])

    # Lines --------------------------------------------------------------------------------------

    @property
    def _room(self) -> int:
        return (console().width if is_fancy() else UNLIMITED) - INDENT

    def _message(self, group: ChangeGroup) -> Iterator[Line]:
        """Yield the message and the place of a failure, in one line if there is room."""
        message = shown(group.message or "no message")
        place = linked_place(group.crash, self._sut, "dim") if group.crash else styled("")
        left = self._room - text_width(str(place)) - 2
        if group.crash and (text_width(message) <= left or not is_fancy()):
            yield _text(styled(styled(message, style="bold"), "  ", place))
            return
        yield _text(styled(cut(message, self._room), style="bold"))
        if group.crash:
            yield _text(place)

    def _tests(self, changes: Sequence[TestChange], name: str | None = None) -> Iterator[Line]:
        """Yield the names of tests, and what is special about each.

        Args:
            changes: of the tests.
            name: what is shown in place of their nodeids.
        """
        lines: list[Line] = []
        for each in changes[: 1 if name else self._most]:
            nodeid = name or each.nodeid
            old = split_nodeid(each.renamed_from)
            was = old.names + ("" if name else old.parameters)
            extras = [f"was {was}"] if was else []
            extras += [pace_text(each.pace, arrow())] if each.pace else []
            extras += [rates_text(each.rates)] if each.rates else []
            if each.change is Change.FLAKY and each.detail:
                extras.append(each.detail)
            extra = ", ".join(extras)
            fits = not is_fancy() or text_width(shown(nodeid + extra)) + 2 <= self._room
            if fits and not name:
                lines.append(partial(_nodeid, nodeid, extra))
            else:
                lines.append(partial(_nodeid, nodeid, ""))
                lines += [_text(cut(extra, self._room), "dim")] if extra else []
            if self._verbose:
                now = datetime.now(UTC)
                runs = (run_line(run, now) for run in (each.base, each.head) if run)
                lines += [_text(styled("  ", run)) for run in runs]
        yield from lines
        if not name and self._most and len(changes) > self._most:
            yield _text(f"and {len(changes) - self._most:,} more (-v)", "dim")

    def _cut(self, lines: Sequence[Line], noun: str) -> Iterator[Line]:
        yield from lines[: self._most]
        if self._most and len(lines) > self._most:
            rest = plural(len(lines) - self._most, f"other {noun}")
            yield _text(f"and {rest} (-v)", "dim")


def _block(change: Change, count: int, lines: Iterable[Line]) -> Iterator[Styled]:
    """Yield lines behind the label of a change, and below it the number of tests."""
    for number, line in enumerate(lines):
        prefix = styled("")
        if number == 0:
            text, style = LABELS[change]
            prefix = styled(text, style=style)
        elif number == 1 and count > 1:
            text = f"{plural(count, 'test'):>{INDENT - 2}}"
            prefix = styled(text if len(text) < INDENT else f"{count:>{INDENT - 2},}", style="dim")
        yield line(styled(prefix, " " * (INDENT - len(str(prefix)))))


def _nodeid(nodeid: str, extra: str, prefix: Styled) -> Styled:
    name = nodeid_lines(nodeid, prefix=prefix)
    return styled(name, styled(f"  {extra}", style="dim")) if extra else name


def _text(text: str | Styled, style: str = "") -> Line:
    return lambda prefix: styled(prefix, styled(text, style=style))


def cut(text: str, width: int) -> str:
    """Return a text without its end if a terminal has no room for it."""
    return cut_end(shown(text), width, mark()) if is_fancy() else text
