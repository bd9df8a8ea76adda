"""Execute a comparison: choose the sessions of both sides, read them, and compare their tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from functools import partial

from pytest_insight.analysis.causes import CauseRules
from pytest_insight.analysis.comparison.changes import find_changes, with_paces
from pytest_insight.analysis.comparison.environment import environment_differences
from pytest_insight.analysis.comparison.newest_runs import Newest, worst_of
from pytest_insight.analysis.comparison.result import Comparison
from pytest_insight.analysis.comparison.scopes import Scopes
from pytest_insight.analysis.comparison.values import Change, Side
from pytest_insight.analysis.comparison.windows import Counts, compare_windows, counts_of
from pytest_insight.analysis.incidents import Incident
from pytest_insight.analysis.runs import Run, environment_of
from pytest_insight.analyze.scope import has_name, project_rules
from pytest_insight.compare.checks import check_common, check_sides, check_tests
from pytest_insight.compare.chosen_sessions import Chosen, selection_of
from pytest_insight.compare.durations import read_paces, tests_to_time
from pytest_insight.compare.flakiness import known_flaky
from pytest_insight.compare.question import Question
from pytest_insight.compare.sides import choose
from pytest_insight.models import TestSession


def execute(question: Question) -> Comparison:
    """Compare the two sides; see `Compare.execute`."""
    rules = project_rules()
    base, head = choose(question)
    base = check_sides(question, base, head)
    new = _newest_of_head(head, rules)
    timed = frozenset(tests_to_time(base, head, new, question))
    old = _newest_of_base(base, new, timed, rules)
    check_tests(head, new)
    check_tests(base, old)
    names = question.selection.test_filters
    wanted = partial(has_name, names) if names else None
    suspects = [
        run
        for run in new.runs.values()
        if _may_be_flaky(run, old) and (wanted is None or wanted(run.nodeid))
    ]
    flaky = {} if question.windows else known_flaky(base, head, suspects, rules)
    scopes = _scopes(base, old), _scopes(head, new)
    found = find_changes(old, new, *scopes, flaky, wanted)
    check_common(old, new, found.changes)
    windows = None
    if question.windows:
        rates = _counts(base, rules), _counts(head, rules)
        windows = compare_windows(*rates, old.runs, new.runs, wanted)
        kept = [each for each in found.changes if each.change in _WITHOUT_RATES]
        found = found._replace(changes=[*kept, *windows.changes])
    paces = read_paces(head, old, new, timed)
    changes = with_paces(found.changes, paces, old.runs, new.runs, wanted)
    return Comparison(
        _side(base, old),
        _side(head, new),
        tuple(changes),
        found.tests,
        found.tests - len(changes),
        tuple(found.not_run),
        tuple(environment_differences(base.sessions, head.sessions)),
        (*new.incidents, *(old.incidents if question.windows else _counting(old))),
        paces.speed,
        windows.facts if windows else None,
    )


_WITHOUT_RATES = (Change.NEW_TEST, Change.NEW_TEST_FAILING, Change.RENAMED, Change.GONE)
"""The changes that windows have besides those of rates."""


def _counts(side: Chosen, rules: CauseRules) -> Counts:
    return counts_of(side.storage.survey(side.selection, rules=rules))


def _may_be_flaky(run: Run, old: Newest) -> bool:
    base = old.runs.get(run.nodeid)
    return run.is_bad or (base is not None and base.is_bad and run.is_good)


def _decided(newest: Newest) -> int:
    return max((each.decided for each in newest.sessions), default=0)


def _newest_of_head(head: Chosen, rules: CauseRules) -> Newest:
    """Return the runs of the head; of a test with several, the worst.

    A test that was run again in the same job of its CI run counts by its last run. Other jobs are
    other environments, or shards.
    """
    lanes: dict[tuple[str, str], list[TestSession]] = {}
    for session in head.sessions:
        ci = session.testing_system.get("ci")
        job = str(ci.get("job", "")) if isinstance(ci, dict) else ""
        lanes.setdefault((environment_of(session.testing_system), job), []).append(session)
    return worst_of([_read(head, sessions, 0, rules) for sessions in lanes.values()])


def _newest_of_base(base: Chosen, new: Newest, timed: Set[str], rules: CauseRules) -> Newest:
    """Return the runs of the base; if there are several environments, those of each head's run."""
    groups: dict[str, list[TestSession]] = {}
    for session in base.sessions:
        groups.setdefault(environment_of(session.testing_system), []).append(session)
    usual = _decided(new)
    whole = base.storage.newest_runs(base.selection, usual=usual, timed=timed, rules=rules)
    if len(groups) == 1:
        return whole
    wanted = {run.session.environment for run in new.runs.values()} & groups.keys()
    found = {name: _read(base, groups[name], usual, rules).runs for name in wanted}
    runs = dict(whole.runs)
    for nodeid, run in new.runs.items():
        in_same = found.get(run.session.environment, {}).get(nodeid)
        if in_same is not None:
            runs[nodeid] = in_same
    return whole._replace(runs=runs)


def _read(side: Chosen, sessions: Iterable[TestSession], usual: int, rules: CauseRules) -> Newest:
    return side.storage.newest_runs(selection_of(sessions), usual=usual, rules=rules)


def _counting(old: Newest) -> list[Incident]:
    """Return the incidents of the base without which other runs would be compared."""
    newest = old.sessions[0].session_id if old.sessions else ""
    used = {run.session.session_id for run in old.covered.values()}
    return [each for each in old.incidents if each.session.session_id in {newest, *used}]


def _scopes(side: Chosen, newest: Newest) -> Scopes:
    ran = dict(zip((f.session_id for f in newest.sessions), newest.tests, strict=True))
    by_id: Mapping[str, TestSession] = {each.session_id: each for each in side.sessions}
    return Scopes([by_id[facts.session_id] for facts in newest.sessions], ran, newest.runs)


def _side(chosen: Chosen, newest: Newest) -> Side:
    code = chosen.newest.code_state
    return Side(
        chosen.name,
        chosen.kind,
        chosen.newest.sut_name,
        tuple(sorted(newest.sessions, key=lambda facts: (facts.start, facts.session_id))),
        _branch(chosen.sessions),
        (code and code.commit) or "",
        code is not None and code.digest is not None,
        len(newest.runs),
        chosen.note,
    )


def _branch(sessions: Sequence[TestSession]) -> str:
    branches = {(each.code_state and each.code_state.branch) or "" for each in sessions}
    return branches.pop() if len(branches) == 1 else ""
