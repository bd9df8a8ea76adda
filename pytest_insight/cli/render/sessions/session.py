"""One session: what did not pass, then its warnings and its facts."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_insight.analysis.causes import CauseRules, headline
from pytest_insight.analysis.failures import FailureGroup, failure_groups
from pytest_insight.cli.render.failures.failures import group_lines, run_lines
from pytest_insight.cli.render.sessions.facts import facts
from pytest_insight.cli.render.wrap import line_width, wrapped
from pytest_insight.cli.terminal.links import linked_place
from pytest_insight.cli.terminal.output import is_fancy, print_styled
from pytest_insight.cli.terminal.streams import stdout_errors_reported
from pytest_insight.cli.terminal.styled import Styled, styled
from pytest_insight.models import TestSession
from pytest_insight.models.text import plural
from pytest_insight.summaries import BAD

MAX_WARNINGS = 5
"""The warnings that are printed unless everything is asked for."""

MAX_LABEL = 24
"""The width of names of facts; the names of other writers may be longer."""

_GOOD = frozenset(
    {"passed", "xfailed", "skipped", "subtests passed", "subtests xfailed", "subtests skipped"}
)


@stdout_errors_reported()
def print_session(session: TestSession, location: str, rules: CauseRules, *, verbose: bool) -> None:
    """Print one session.

    Args:
        session: the session.
        location: the path or URL of its store.
        rules: what makes two failures one cause.
        verbose: whether to print every failure in full with its output, all warnings and all facts.
    """
    print_styled(*_lines(session, location, rules, verbose=verbose))
    if is_fancy() and not verbose:
        print_styled(styled(""), styled("full texts, captured output, plugins: -v", style="dim"))


def _lines(
    session: TestSession, location: str, rules: CauseRules, *, verbose: bool
) -> Iterator[Styled]:
    yield from run_lines([session])
    for group in (*failure_groups(session.test_results, rules), *_others(session)):
        yield from group_lines(group, session.sut_name, verbose=verbose, excerpt=True)
    yield from _warnings(session, verbose=verbose)
    yield styled("")
    found = list(facts(session, location, verbose=verbose))
    widest = min(max(len(name) for name, _ in found), MAX_LABEL)
    width = line_width()
    for name, text in found:
        label = styled(f"{name:{widest}}  ", style="dim")
        whole = str(text)
        pieces = wrapped(whole, None if width is None else max(width - widest - 2, 20))
        yield styled(label, text if len(pieces) == 1 else pieces[0])
        for piece in pieces[1:]:
            yield styled(" " * (widest + 2), piece.strip())


def _others(session: TestSession) -> list[FailureGroup]:
    """Return reruns, unexpected passes, and results with an outcome of another plugin."""
    return [
        FailureGroup("", headline(result), (result.crash,) if result.crash else (), (result,))
        for result in session.test_results
        if result.outcome not in _GOOD and result.outcome not in BAD
    ]


def _warnings(session: TestSession, *, verbose: bool) -> Iterator[Styled]:
    found = session.warnings
    if not found:
        return
    count = sum(warning.count for warning in found)
    distinct = f", {len(found):,} distinct" if len(found) != count else ""
    yield styled("")
    yield styled(f"{plural(count, 'warning')}{distinct}", style="yellow")
    shown = found if verbose else found[:MAX_WARNINGS]
    width = line_width()
    for warning in shown:
        text = " ".join(warning.text.split())
        for piece in wrapped(f"{warning.category}: {text}", width and max(width - 2, 20)):
            yield styled("  ", piece)
        where = linked_place(warning.location, session.sut_name, "dim")
        times = f"{warning.count:,} times" if warning.count > 1 else ""
        if warning.location or times:
            gap = "  " if warning.location and times else ""
            yield styled("    ", where, styled(gap, times, style="dim"))
    if len(shown) < len(found):
        yield styled(f"  and {len(found) - len(shown):,} more (-v shows them)", style="dim")
