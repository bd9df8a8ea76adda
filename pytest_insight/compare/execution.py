"""Execute a comparison: choose the sessions of both sides, read them, and compare their tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_insight.analysis.comparison.changes import find_changes
from pytest_insight.analysis.comparison.environment import environment_differences
from pytest_insight.analysis.comparison.newest import Newest
from pytest_insight.analysis.comparison.result import Comparison
from pytest_insight.analysis.comparison.scopes import Scopes
from pytest_insight.analysis.comparison.values import Side
from pytest_insight.analyze.scope import has_name, project_rules
from pytest_insight.compare.sides import Chosen, choose_base, choose_head

if TYPE_CHECKING:
    from pytest_insight.compare.question import Question
    from pytest_insight.models import TestSession


def execute(asked: Question) -> Comparison:
    """Compare the two sides; see `Compare.execute`."""
    rules = project_rules()
    head = choose_head(asked)
    base = choose_base(asked)
    new = head.newest(0, rules)
    old = base.newest(max((each.decided for each in new.sessions), default=0), rules)
    names = asked.selection.test_filters
    found = find_changes(
        old, new, _scopes(base, old), _scopes(head, new), {}, lambda name: has_name(names, name)
    )
    failing = len(found.changes)
    return Comparison(
        _side(base, old),
        _side(head, new),
        tuple(found.changes),
        found.tests,
        found.tests - failing,
        tuple(found.not_run),
        tuple(environment_differences(base.sessions, head.sessions)),
        (*new.incidents, *old.incidents),
    )


def _scopes(side: Chosen, newest: Newest) -> Scopes:
    ran = {
        facts.session_id: count for facts, count in zip(newest.sessions, newest.tests, strict=True)
    }
    by_id = {session.session_id: session for session in side.sessions}
    sessions = [by_id[facts.session_id] for facts in newest.sessions]
    return Scopes(sessions, ran, newest.runs)


def _side(chosen: Chosen, newest: Newest) -> Side:
    code = chosen.sessions[0].code_state
    return Side(
        chosen.name,
        chosen.kind,
        chosen.sessions[0].sut_name,
        tuple(reversed(newest.sessions)),
        _branch(chosen.sessions),
        (code and code.commit) or "",
        code is not None and code.digest is not None,
        len(newest.runs),
        chosen.note,
    )


def _branch(sessions: Sequence[TestSession]) -> str:
    branches = {(each.code_state and each.code_state.branch) or "" for each in sessions}
    return branches.pop() if len(branches) == 1 else ""
