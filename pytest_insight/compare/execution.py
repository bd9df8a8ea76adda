"""Execute a comparison: choose the sessions of both sides, read them, and compare their tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import partial

from pytest_insight.analysis.causes import CauseRules
from pytest_insight.analysis.comparison.changes import find_changes, with_paces
from pytest_insight.analysis.comparison.environment import environment_differences
from pytest_insight.analysis.comparison.newest_runs import Newest
from pytest_insight.analysis.comparison.result import Comparison
from pytest_insight.analysis.comparison.scopes import Scopes
from pytest_insight.analysis.comparison.values import Change, Side, TestChange
from pytest_insight.analysis.comparison.windows import Counts, compare_windows, counts_of
from pytest_insight.analysis.incidents import Incident
from pytest_insight.analysis.runs import Run, environment_of
from pytest_insight.analyze.scope import has_name, project_rules
from pytest_insight.compare.checks import check_common, check_sides, check_tests
from pytest_insight.compare.chosen_sessions import Chosen, selection_of
from pytest_insight.compare.durations import read_paces, tests_to_time
from pytest_insight.compare.flakiness import known_flaky
from pytest_insight.compare.head_runs import Lanes, newest_of_head, unfinished, without_choices
from pytest_insight.compare.question import Question
from pytest_insight.compare.sides import choose
from pytest_insight.models import TestSession


def execute(question: Question) -> Comparison:
    """Compare the two sides; see `Compare.execute`."""
    rules = project_rules()
    base, head = choose(question)
    base = check_sides(question, base, head)
    new = newest_of_head(head, rules)
    timed = frozenset(tests_to_time(base, head, new, question))
    old = _newest_of_base(base, head, new, timed, rules)
    new = without_choices(head, new, old)
    check_tests(head, new)
    check_tests(base, old)
    names = question.selection.test_filters
    wanted = partial(has_name, names) if names else None
    failed = {nodeid for nodeid, run in old.runs.items() if run.is_bad}
    suspects = [
        run
        for nodeid, run in new.runs.items()
        if (run.is_bad or (nodeid in failed and run.is_good)) and (wanted is None or wanted(nodeid))
    ]
    flaky = {} if question.windows else known_flaky(base, head, suspects, rules)
    scopes = _scopes(base, old), _scopes(head, new)
    found = find_changes(old, new, *scopes, flaky, wanted)
    check_common(old, new, found.changes)
    windows = None
    if question.windows:
        rates = _counts(base, rules), _counts(head, rules)
        was, now = (each.tests for each in rates)
        windows = compare_windows(was, now, old.runs, new.runs, wanted)
        old, new = (
            each._replace(incidents=counts.incidents)
            for each, counts in zip((old, new), rates, strict=True)
        )
        kept = [each for each in found.changes if _has_no_rates(each)]
        found = found._replace(changes=[*kept, *windows.changes])
    paces = read_paces(head, old, new, timed)
    changes = with_paces(found.changes, paces, old.runs, new.runs, wanted)
    return Comparison(
        _side(base, old),
        _side(_with_doubt(head, changes), new),
        tuple(changes),
        found.tests,
        found.tests - len(changes),
        tuple(found.not_run),
        tuple(environment_differences(base.sessions, head.sessions)),
        (*new.incidents, *(old.incidents if question.windows else _counting(old))),
        paces.speed,
        windows.facts if windows else None,
        tuple(unfinished(head, new)),
    )


_WITHOUT_RATES = (Change.NEW_TEST, Change.NEW_TEST_FAILING, Change.RENAMED, Change.GONE)
"""The changes that windows have besides those of rates."""


def _has_no_rates(change: TestChange) -> bool:
    is_new = change.base is None or not change.base.is_decided  # a file that cannot be collected
    return change.change in _WITHOUT_RATES or (change.change is Change.NEW_FAILURE and is_new)


def _counts(side: Chosen, rules: CauseRules) -> Counts:
    return counts_of(side.storage.survey(side.selection, rules=rules))


def _decided(newest: Newest) -> int:
    return max((each.decided for each in newest.sessions), default=0)


def _newest_of_base(
    base: Chosen, head: Chosen, new: Newest, timed: Set[str], rules: CauseRules
) -> Newest:
    """Return the runs of the base, those of the environments of the head's runs.

    What fails in one of several jobs of the head is compared with the runs of that job.
    """
    usual = _decided(new)
    whole = base.storage.newest_runs(base.selection, usual=usual, timed=timed, rules=rules)
    runs = dict(whole.runs)

    def read_again(wanted: Iterable[Run], keys: Sequence[Mapping[str, object]]) -> None:
        """Take the runs of the sessions that have the keys of the head's sessions."""
        of_base, of_head = keys
        if len(set(of_base.values())) == 1:
            return
        groups: dict[object, list[TestSession]] = {}
        for session in base.sessions:
            groups.setdefault(of_base[session.session_id], []).append(session)
        found: dict[object, Mapping[str, Run]] = {}
        for run in wanted:
            key = of_head[run.session.session_id]
            if key in groups and key not in found:
                selection = selection_of(groups[key])
                found[key] = base.storage.newest_runs(selection, usual=usual, rules=rules).runs
            in_same = found.get(key, {}).get(run.nodeid)
            if in_same is not None:
                runs[run.nodeid] = in_same

    def keys(key: Callable[[TestSession], object]) -> list[dict[str, object]]:
        return [{s.session_id: key(s) for s in side.sessions} for side in (base, head)]

    read_again(new.runs.values(), keys(lambda each: environment_of(each.testing_system)))
    lanes = Lanes(head.sessions)
    if len(lanes.grouped(head.sessions)) > 1:
        read_again((run for run in new.runs.values() if run.is_bad), keys(lanes.lane))
    return whole._replace(runs=runs)


def _counting(old: Newest) -> list[Incident]:
    """Return the incidents of the base without which other runs would be compared."""
    newest = old.sessions[0].session_id if old.sessions else ""
    used = {run.session.session_id for run in old.covered.values()}
    return [each for each in old.incidents if each.session.session_id in {newest, *used}]


def _scopes(side: Chosen, newest: Newest) -> Scopes:
    ran = dict(zip((f.session_id for f in newest.sessions), newest.tests, strict=True))
    by_id: Mapping[str, TestSession] = {each.session_id: each for each in side.sessions}
    return Scopes([by_id[facts.session_id] for facts in newest.sessions], ran, newest.runs)


def _with_doubt(head: Chosen, changes: Sequence[TestChange]) -> Chosen:
    """Return the head with a note if tests may be missing because they were not to run."""
    is_silent = any(
        each.source is not None and each.collected is None and not each.arguments
        for each in head.sessions
    )
    if is_silent and any(each.change is Change.GONE and not each.detail for each in changes):
        doubt = "its report does not say which tests were to run; those gone may have been left out"
        return head._replace(note=f"{head.note}; {doubt}" if head.note else doubt)
    return head


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
