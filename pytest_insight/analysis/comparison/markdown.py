"""A comparison as Markdown, for a pull request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_insight._util.markdown import code, plain
from pytest_insight.analysis.comparison.description import (
    changed_text,
    counted,
    counts,
    environment_text,
    notes,
    pace_text,
    runs_text,
)
from pytest_insight.analysis.comparison.values import Change
from pytest_insight.models.text import plural

if TYPE_CHECKING:
    from pytest_insight.analysis.comparison.result import Comparison
    from pytest_insight.analysis.comparison.values import ChangeGroup, Side, TestChange

MOST_TESTS = 20
"""The tests that are listed of one group."""
MOST_GROUPS = 50
"""The groups that are listed: GitHub refuses a comment of more than 65,536 characters."""

_OPEN = (
    *(Change.NEW_FAILURE, Change.NEW_TEST_FAILING, Change.FAILING_DIFFERENTLY),
    *(Change.WORSE, Change.FLAKY),
)
"""The changes whose tests are shown; those of others are folded."""


def comparison_markdown(comparison: Comparison) -> str:
    """Return the sides and the counts, then the changes by cause, the worst first."""
    pieces = [*_head(comparison)]
    groups = comparison.causes
    pieces += [_group(group) for group in groups[:MOST_GROUPS]]
    if len(groups) > MOST_GROUPS:
        rest = sum(len(group.changes) for group in groups[MOST_GROUPS:])
        pieces.append(f"and {plural(rest, 'test')} more: `insight compare` lists all")
    environment = environment_text(comparison)
    said = [*notes(comparison), *([f"environment: {environment}"] if environment else [])]
    if said:
        pieces.append("\n".join(f"- {plain(line)}" for line in said))
    return "\n\n".join(pieces) + "\n"


def _head(comparison: Comparison) -> Iterator[str]:
    mark = "✅" if comparison.ok else "❌"
    base, head = _title(comparison.base), _title(comparison.head)
    yield f"### {mark} {head} against {base} ({plain(runs_text(comparison.base))})"
    found = ", ".join(text for _, text in counts(comparison))
    yield f"{plural(comparison.tests, 'test')}: {found or 'nothing to compare'}"
    for incident in comparison.incidents:
        session = code(incident.session.session_id)
        yield f"**Incident** in {session}: {plain(incident.why)}"
    for why in comparison.unfinished:
        yield f"**Unfinished**: {plain(why)}"


def _title(side: Side) -> str:
    return code(side.title) + changed_text(side)


def _group(group: ChangeGroup) -> str:
    title = f"<b>{counted(group.change, len(group.changes))}</b>"
    if group.message:
        title += f": {code(group.message)}"
    if group.crash and group.change is not Change.FIXED:
        title += f" at {code(group.crash)}"
    tests = [f"<li>{_test(each)}</li>" for each in group.changes[:MOST_TESTS]]
    if len(group.changes) > MOST_TESTS:
        tests.append(f"<li>and {len(group.changes) - MOST_TESTS:,} more</li>")
    state = " open" if group.change in _OPEN else ""
    return "\n".join(
        [f"<details{state}><summary>{title}</summary>", "<ul>", *tests, "</ul>", "</details>"]
    )


def _test(change: TestChange) -> str:
    parts = [code(change.nodeid)]
    if change.renamed_from:
        parts.append(f"was {code(change.renamed_from)}")
    if change.pace is not None:
        parts.append(plain(pace_text(change.pace)))
    elif change.change is Change.FAILING_DIFFERENTLY and change.base is not None:
        parts.append(f"was {code(change.base.message)}")
    elif change.detail:
        parts.append(plain(change.detail))
    return ", ".join(parts)
