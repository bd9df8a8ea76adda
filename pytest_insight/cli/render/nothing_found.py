"""Why a query has found nothing: the filter after which nothing is left, and what there is instead.

Filters are tried one after the other, in the order of the query. Only a query that finds nothing
pays for this.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pytest_insight import filters as f
from pytest_insight.cli.render.store import has_sessions
from pytest_insight.errors import alternatives, near_names
from pytest_insight.filters import Selection, SessionFilter, TestFilter
from pytest_insight.filters.keywords import node_names
from pytest_insight.locations import display_path
from pytest_insight.models import TestOutcome
from pytest_insight.models.text import duration_text, outcome_rank, plural, time_text

if TYPE_CHECKING:
    from pytest_insight.models import TestSession
    from pytest_insight.query import Query
    from pytest_insight.storage.base import BaseStorage

MOST_SESSIONS = 100
"""The sessions whose branches, commits and tags are listed, the newest ones."""
MOST_NAMES = 12
"""The names that are listed."""
MOST_COMPARED = 5_000
"""The names that are compared with an unknown one; this takes a second."""

COMMIT_DIGITS = 7


def nothing_found(query: Query, note: str = "", *, flaky: bool = False) -> str:
    """Return the sentence for a query that has found nothing.

    Args:
        query: the query.
        note: which SUT it looks at, if the project in the current folder decided. Then this is the
            first filter.
        flaky: only flaky tests were asked for.
    """
    storage = query.open_storage()
    where = f"in {display_path(storage.location)}"
    if not has_sessions(storage):
        return f"no sessions yet {where}: record a run with pytest --insight"
    before = Selection()
    phrases: list[str] = []
    for each in _steps(query.selection):
        after = _narrowed(before, each)
        if next(storage.iter_sessions(after, newest_first=True), None) is None:
            instead = _instead(storage, before, each)
            return _sentence(f"no {_noun(each, phrases)} {where}", instead, note)
        if not note or before.session_filters:
            phrases.append(_phrase(each))
        before = after
    what = "flaky test" if flaky else "test" if before.test_filters else "session"
    return _sentence(" ".join([f"no {what}", *phrases, where]), "", note)


def _sentence(nothing: str, instead: str, note: str) -> str:
    sentence = f"{nothing}; {instead}" if instead else nothing
    looked = f"looked at {note}" if note else ""
    if sentence.endswith("?"):
        return f"{sentence} {looked[:1].upper()}{looked[1:]}".rstrip()
    return f"{sentence}; {looked}" if looked else sentence


def _steps(selection: Selection) -> Iterator[SessionFilter | TestFilter]:
    """Yield filters of sessions, then those of tests, also if whole sessions are asked for."""
    on_tests: list[TestFilter] = []
    for each in selection.session_filters:
        if isinstance(each, f.HasTest):
            on_tests += each.test_filters
        else:
            yield each
    yield from (*on_tests, *selection.test_filters)


def _narrowed(selection: Selection, step: SessionFilter | TestFilter) -> Selection:
    if isinstance(step, SessionFilter):
        return replace(selection, session_filters=(*selection.session_filters, step))
    return replace(selection, test_filters=(*selection.test_filters, step))


def _noun(step: SessionFilter | TestFilter, phrases: Sequence[str]) -> str:
    """Return the missing thing, to be put behind "no".

    Args:
        step: the filter after which nothing is left.
        phrases: those of the filters before it.
    """
    match step:
        case f.SutIs(pattern=pattern):
            return " ".join([f"SUT {pattern!r}", *phrases])
        case f.BranchIs(pattern=pattern):
            return " ".join([f"branch {pattern!r}", *phrases])
        case f.HasTag():
            return " ".join([_tag(step), *phrases])
    kind = "session" if isinstance(step, SessionFilter) else "test"
    return " ".join([kind, *phrases, _phrase(step)])


def _tag(step: f.HasTag) -> str:
    return f"tag {step.key if step.value is None else f'{step.key}={step.value}'!r}"


def _phrase(step: SessionFilter | TestFilter) -> str:
    """Return what a filter asks, to be put behind "session" or "test"."""
    match step:
        case f.SutIs(pattern=pattern):
            return f"of SUT {pattern!r}"
        case f.BranchIs(pattern=pattern):
            return f"on branch {pattern!r}"
        case f.CommitIs(prefix=prefix):
            return f"on commit {prefix[:COMMIT_DIGITS]}"
        case f.HasTag():
            return f"with the {_tag(step)}"
        case f.StartedWithin(seconds=seconds):
            return f"in the last {seconds / f.SECONDS_PER_DAY:g} days"
        case f.StartedBetween(since=since, until=until):
            start = f"since {time_text(since)}" if since else ""
            end = f"until {time_text(until)}" if until else ""
            return " ".join(filter(None, (start, end)))
        case f.SessionIdMatches(patterns=patterns):
            return f"with the ID {alternatives(patterns)}"
        case f.InRun():
            return "of this CI run"
        case f.HasReruns():
            return "with a test that was run again"
    return _test_phrase(step)


def _test_phrase(step: SessionFilter | TestFilter) -> str:
    match step:
        case f.OutcomeIn(outcomes=outcomes):
            ranked = sorted(outcomes, key=outcome_rank)
            return f"with the outcome {alternatives(ranked)}"
        case f.NodeidUnder(places=places):
            return f"at {alternatives([repr(place) for place in places])}"
        case f.KeywordsMatch(expression=expression):
            return f"with a name that matches -k {expression!r}"
        case f.NodeidContains(text=text) | f.PatternMatches(pattern=text, field_name="nodeid"):
            return f"with {text!r} in its nodeid"
        case f.ErrorContains(text=text):
            return f"with {text!r} in its failure"
        case f.OutputContains(text=text):
            return f"with {text!r} in its output"
        case f.PhaseIs(phase=phase):
            return f"with a result of the {phase}"
        case f.DurationBetween(shortest=shortest, longest=longest):
            least = f"at least {shortest:g} s" if shortest is not None else ""
            most = f"at most {longest:g} s" if longest is not None else ""
            return f"that took {' and '.join(filter(None, (least, most)))}"
        case f.TestHasWarning():
            return "with a warning"
    return f"that matches {step!r}"  # no option adds it


# What there is instead --------------------------------------------------------------------------


def _instead(storage: BaseStorage, before: Selection, step: SessionFilter | TestFilter) -> str:
    """Return what the filters before select; "" if that would not help."""
    if not isinstance(step, SessionFilter):
        return _other_tests(storage, before, step)
    if isinstance(step, f.SutIs) and not before.session_filters:
        return _names(storage.sut_names(), step.pattern)
    newest = storage.iter_sessions(before, newest_first=True)
    sessions = list(islice(newest, MOST_SESSIONS + 1))
    if not sessions:
        return ""  # they are damaged
    match step:
        case f.StartedWithin() | f.StartedBetween():
            oldest = next(iter(storage.iter_sessions(before)))
            first, last = (time_text(s.session_start_time) for s in (oldest, sessions[0]))
            return f"they are from {first} to {last}"
        case f.SutIs(pattern=given) | f.BranchIs(pattern=given):
            found = [_value(step, session) for session in sessions]
        case f.CommitIs():
            given = ""
            found = [_value(step, session) for session in sessions]
        case f.HasTag(key=key, value=value):
            given = f"{key}={value}" if value else key
            found = [f"{k}={v}" if v else k for s in sessions for k, v in s.session_tags.items()]
        case _:
            return ""
    return _names(found, given, all_=len(sessions) <= MOST_SESSIONS)


def _value(step: SessionFilter, session: TestSession) -> str:
    if isinstance(step, f.SutIs):
        return session.sut_name
    code = session.code_state
    if isinstance(step, f.BranchIs):
        return (code and code.branch) or ""
    return ((code and code.commit) or "")[:COMMIT_DIGITS]


def _other_tests(storage: BaseStorage, before: Selection, step: TestFilter) -> str:
    tests = storage.group_by_test(before, percentiles=False)
    match step:
        case f.OutcomeIn():
            found = {TestOutcome(outcome) for test in tests for outcome in test.outcomes}
            ranked = sorted(found, key=outcome_rank)
            return _names(ranked)
        case f.DurationBetween(shortest=shortest) if shortest is not None and tests:
            return f"the longest took {duration_text(max(test.maximum for test in tests))}"
        case f.KeywordsMatch(expression=text) if "/" in text or "::" in text:
            return "-k looks at each name alone; give nodeids and files as arguments"
        case f.KeywordsMatch(expression=text) | f.NodeidContains(text=text):
            known = {name.partition("[")[0] for test in tests for name in node_names(test.nodeid)}
            near = _near(text, known)
            if near:
                return f"did you mean {near!r}?"
    return f"there {'is' if len(tests) == 1 else 'are'} {plural(len(tests), 'other test')}"


def _names(found: Iterable[str], given: str = "", *, all_: bool = True) -> str:
    """Return the names that there are, or the one that is meant."""
    known = list(dict.fromkeys(filter(None, found)))
    near = _near(given, known) if given else ""
    if near:
        return f"did you mean {near!r}?"
    if not known:
        return "the sessions have none"
    more = f" and {len(known) - MOST_NAMES:,} more" if len(known) > MOST_NAMES else ""
    listed = f"{', '.join(known[:MOST_NAMES])}{more}"
    if not all_:
        return f"the newest sessions have {listed}"
    return f"there {'is' if len(known) == 1 else 'are'} {listed}"


def _near(given: str, known: Iterable[str]) -> str:
    return next(iter(near_names(given, islice(known, MOST_COMPARED), most=1)), "")
