"""Filters as conditions in SQL, with bound parameters; what cannot be said stays for Python.

The aliases are `s` for sessions, `r` for results, and `x` for what else a result has to say.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

import msgspec

from pytest_insight import filters as f
from pytest_insight.filters import Selection, SessionFilter, TestFilter
from pytest_insight.models import TestOutcome, TestResult
from pytest_insight.storage.sql.dialect import (
    ALWAYS,
    NEVER,
    Condition,
    Dialect,
    both,
    is_regex,
    is_storable,
)
from pytest_insight.storage.sql.keys import EPOCH, key_of, micros
from pytest_insight.storage.sql.rows import DETAILED, WARNING, code_of

# Where a result has no details, no line is looked for: a comparison with NULL finds none at once.
WITH_DETAILS = (
    "insight_results r LEFT JOIN insight_details x"
    f" ON x.session = CASE WHEN r.flags >= {DETAILED} THEN r.session END"
    " AND x.outcome = r.outcome AND x.position = r.position"
)
"""Every result, with its details where it has any."""
DETAILS_ALONE = "insight_details r"
"""The results that have details; `r.result` is what `x.result` is of the others."""

TEXT_FIELDS = ("longreprtext", "capstdout", "capstderr", "caplog")
_PLAIN = TestResult("-", TestOutcome.PASSED, EPOCH)
"""What every result is like that has no details, as far as outcome and texts go."""


class Results(NamedTuple):
    """Which results are wanted, as far as it can be said in SQL.

    Attributes:
        condition: what a result must be; of `source`.
        source: where to look for them: all results, or only those with details.
        nodeid: what the nodeid must be, of `insight_tests`; a part of the condition.
        tests: how many tests they are of, where those are few.
        rest: the filters that are looked at in Python.
    """

    condition: Condition
    source: str
    nodeid: Condition
    tests: int | None
    rest: tuple[TestFilter, ...]

    @property
    def narrows(self) -> bool:
        """Whether single results are selected."""
        return bool(self.rest) or self.condition is not ALWAYS

    @property
    def bounded(self) -> bool:
        """Whether it is known beforehand how many of a session there are at most."""
        return self.tests is not None or self.source == DETAILS_ALONE


class Compiled(NamedTuple):
    """A selection, as far as it can be said in SQL.

    Attributes:
        sessions: what a session's own row, or its results, must be.
        rest_of_sessions: the session filters that are looked at in Python.
        results: which results.
        limit: as in the selection.
        steps: for people: each filter, and where it runs.
    """

    sessions: Condition
    rest_of_sessions: tuple[SessionFilter, ...]
    results: Results
    limit: int | None
    steps: tuple[tuple[SessionFilter | TestFilter, Condition | None], ...]


FewTests = Callable[[Condition], Collection[int] | None]
"""The keys of the tests whose nodeid is as said, where they are few; None where they are many."""


def compiled(selection: Selection, dialect: Dialect, few_tests: FewTests) -> Compiled:
    """What a resolved selection is in SQL; `few_tests` is asked at most once."""
    sessions = [(each, _session(each, dialect)) for each in selection.session_filters]
    results, steps = _results(selection.test_filters, dialect, few_tests)
    return Compiled(
        _all(condition for _, condition in sessions),
        tuple(each for each, condition in sessions if condition is None),
        results,
        selection.limit,
        (*sessions, *steps),
    )


def of_tests(column: str, condition: Condition) -> Condition:
    """A column is the key of a test whose nodeid is as said."""
    return Condition(
        f"{column} IN (SELECT id FROM insight_tests WHERE {condition.sql})", condition.parameters
    )


def _all(conditions: Iterable[Condition | None]) -> Condition:
    said = [each for each in conditions if each is not None]
    return both(*said) if said else ALWAYS


def _any(conditions: Iterable[Condition]) -> Condition:
    said = list(conditions)
    return both(*said, word="OR") if said else NEVER


# Sessions ---------------------------------------------------------------------------------------


def _session(wanted: SessionFilter, dialect: Dialect) -> Condition | None:
    compile_ = _SESSION_FILTERS.get(type(wanted))
    return compile_(wanted, dialect) if compile_ else None


def _is_or_matches(column: str, pattern: str, dialect: Dialect) -> Condition | None:
    if not is_storable(pattern):
        return None
    exactly = Condition(f"{column} = ?", (pattern,))
    if not any(wildcard in pattern for wildcard in "*?["):
        return exactly
    matches = dialect.matches(column, pattern)
    return matches and both(exactly, matches, word="OR")


def _sut(wanted: f.SutIs, dialect: Dialect) -> Condition | None:
    return _is_or_matches("s.sut", wanted.pattern, dialect)


def _branch(wanted: f.BranchIs, dialect: Dialect) -> Condition | None:
    return _is_or_matches("s.branch", wanted.pattern, dialect)


def _commit(wanted: f.CommitIs, _: Dialect) -> Condition | None:
    prefix = wanted.prefix.lower()
    if not is_storable(prefix):
        return None
    return Condition("substr(s.commit_id, 1, ?) = ?", (len(prefix), prefix))


def _id_matches(wanted: f.SessionIdMatches, dialect: Dialect) -> Condition | None:
    said = [_is_or_matches("s.session_id", each, dialect) for each in wanted.patterns]
    return None if None in said else _any(each for each in said if each is not None)


def _id_in(wanted: f.SessionIdIn, dialect: Dialect) -> Condition:
    ids = [name for name in wanted.ids if is_storable(name)]
    return both(
        dialect.any_of("s.id", [key_of(name) for name in ids]),
        dialect.any_text_of("s.session_id", ids),  # one key may be that of two
    )


def _started(wanted: f.StartedBetween, _: Dialect) -> Condition:
    bounds: list[tuple[str, datetime | None]] = [(">=", wanted.since), ("<=", wanted.until)]
    return _all(
        Condition(f"s.started {sign} ?", (micros(bound),))
        for sign, bound in bounds
        if bound is not None
    )


def _pinned(wanted: f.IsPinned, _: Dialect) -> Condition:
    return Condition("s.pinned = ?", (int(wanted.wanted),))


def _tag(wanted: f.HasTag, dialect: Dialect) -> Condition | None:
    if not is_storable(wanted.key) or not is_storable(wanted.value or ""):
        return None
    member = dialect.member("s.header", ("session_tags", wanted.key))
    if member is None:
        return None
    if wanted.value is None:
        return Condition(f"{member.sql} IS NOT NULL", member.parameters)
    return Condition(f"{member.sql} = ?", (*member.parameters, wanted.value))


def _fact(wanted: f.TestingSystemIs, dialect: Dialect) -> Condition | None:
    if not is_storable(wanted.key):
        return None
    paths = [("testing_system", *path) for path in _paths(wanted.key)]
    fact = dialect.fact("s.header", paths)
    matches = _is_or_matches("{}", wanted.pattern, dialect)
    if fact is None or matches is None:
        return None
    times = matches.sql.count("{}")
    # In the order in which they stand: the pattern follows each mention of the fact.
    parameters = tuple(v for value in matches.parameters for v in (*fact.parameters, value))
    return Condition(matches.sql.replace("{}", fact.sql), parameters) if times else None


def _paths(key: str) -> list[tuple[str, ...]]:
    """Where a fact may be, the first that is there counts: "a.b" as one name, then "b" in "a"."""
    found: list[tuple[str, ...]] = [(key,)]
    first, dot, rest = key.partition(".")
    if dot:
        found += [(first, *path) for path in _paths(rest)]
    return found


def _has_outcome(wanted: f.HasOutcome, dialect: Dialect) -> Condition | None:
    said = [_counts(outcome, dialect) for outcome in wanted.outcomes if is_storable(outcome)]
    return None if None in said else _any(each for each in said if each is not None)


def _counts(outcome: str, dialect: Dialect) -> Condition | None:
    member = dialect.member("s.outcomes", (outcome,))
    return member and Condition(f"{member.sql} IS NOT NULL", member.parameters)


def _has_reruns(wanted: f.HasReruns, dialect: Dialect) -> Condition | None:
    counts = _counts(TestOutcome.RERUN, dialect)
    if counts is None or wanted.wanted:
        return counts
    return Condition(f"NOT {counts.sql}", counts.parameters)


def _has_warning(wanted: f.HasWarning, _: Dialect) -> Condition:
    return Condition("s.warnings > 0" if wanted.wanted else "s.warnings = 0")


def _has_nodeid(wanted: f.HasNodeidContaining, dialect: Dialect) -> Condition | None:
    if not is_storable(wanted.text):
        return None
    which = of_tests("r.test", dialect.contains("nodeid", wanted.text))
    return Condition(
        f"EXISTS (SELECT 1 FROM insight_results r WHERE r.session = s.id AND {which.sql})",
        which.parameters,
    )


def _has_test(wanted: f.HasTest, dialect: Dialect) -> Condition | None:
    results, _ = _results(wanted.test_filters, dialect, lambda _: None)
    if results.rest:
        return None
    which = results.condition
    return Condition(
        f"EXISTS (SELECT 1 FROM {results.source} WHERE r.session = s.id AND {which.sql})",
        which.parameters,
    )


# Results ----------------------------------------------------------------------------------------

Steps = list[tuple[TestFilter, Condition | None]]


def _results(
    filters: Sequence[TestFilter], dialect: Dialect, few_tests: FewTests
) -> tuple[Results, Steps]:
    """Which results filters keep, and how each is said."""
    nodeids = [(each, _nodeid(each, dialect)) for each in filters if _is_of_nodeid(each)]
    said = _all(condition for _, condition in nodeids)
    tests = None if said is ALWAYS else few_tests(said)
    # Those of few tests are found by their keys; with many tests, the few that have details are.
    has_details = tests is None and not all(_keeps_plain(each) for each in filters)
    text = "r.result" if has_details else "x.result"
    own = [(each, _own(each, dialect, text)) for each in filters if not _is_of_nodeid(each)]
    conditions = [condition for _, condition in own]
    if tests is not None:
        conditions.append(dialect.any_of("r.test", tests))
    elif said is not ALWAYS:
        # A set to look into, by the sign before the column: so many keys are not to be found one
        # by one in each session.
        conditions.append(of_tests("+r.test", said))
    found = Results(
        _all(conditions),
        DETAILS_ALONE if has_details else WITH_DETAILS,
        said,
        None if tests is None else len(tests),
        tuple(each for each, condition in (*nodeids, *own) if condition is None),
    )
    return found, [*nodeids, *own]


def _keeps_plain(wanted: TestFilter) -> bool:
    """Whether results without details may match; they are alike in outcome and texts."""
    if isinstance(wanted, f.PatternMatches):
        return wanted.field_name not in TEXT_FIELDS or wanted.matches(_PLAIN)
    if isinstance(wanted, f.OutcomeIn | f.ErrorContains | f.OutputContains):
        return wanted.matches(_PLAIN)
    return True


def _is_of_nodeid(wanted: TestFilter) -> bool:
    return isinstance(wanted, f.NodeidContains) or (
        isinstance(wanted, f.PatternMatches) and wanted.field_name == "nodeid"
    )


def _nodeid(wanted: TestFilter, dialect: Dialect) -> Condition | None:
    if isinstance(wanted, f.PatternMatches):
        return _pattern(wanted, dialect, "nodeid", partial(dialect.contains, "nodeid"))
    assert isinstance(wanted, f.NodeidContains)  # noqa: S101 - for the type checker
    return dialect.contains("nodeid", wanted.text) if is_storable(wanted.text) else None


def _own(wanted: TestFilter, dialect: Dialect, text: str) -> Condition | None:
    """How a filter is said whose details are in the column `text`."""
    match wanted:
        case f.OutcomeIn():
            return _outcome(wanted)
        case f.DurationBetween():
            return _duration(wanted)
        case f.TestHasWarning():
            return Condition(f"(r.flags & {WARNING}) = ?", (WARNING * wanted.wanted,))
        case f.PatternMatches(field_name="worker"):
            column = "coalesce(r.worker, '')"
            return _pattern(wanted, dialect, column, partial(dialect.contains, column))
        case f.PatternMatches():
            column = dialect.text_in(text, wanted.field_name)
            return _pattern(wanted, dialect, column, partial(_holds, dialect, text, column))
        case f.ErrorContains():
            return _contained(wanted.text, dialect, text, TEXT_FIELDS[:1])
        case f.OutputContains():
            return _contained(wanted.text, dialect, text, TEXT_FIELDS[1:])
    return None  # `Custom` is a function of Python's


def _outcome(wanted: f.OutcomeIn) -> Condition:
    codes = sorted(code_of(str(outcome)) for outcome in wanted.outcomes if is_storable(outcome))
    if not codes:
        return NEVER
    return Condition(f"r.outcome IN ({', '.join('?' * len(codes))})", tuple(codes))


def _pattern(
    wanted: f.PatternMatches, dialect: Dialect, column: str, contains: Callable[[str], Condition]
) -> Condition | None:
    if not is_storable(wanted.pattern):
        return None
    if wanted.use_regex:
        return dialect.searches(column, wanted.pattern) if is_regex(wanted.pattern) else None
    said = contains(wanted.pattern)
    if not any(wildcard in wanted.pattern for wildcard in "*?["):
        return said
    matches = dialect.matches(column, wanted.pattern)
    return matches and both(said, matches, word="OR")


def _contained(text: str, dialect: Dialect, column: str, fields: Sequence[str]) -> Condition | None:
    if not is_storable(text):
        return None
    return _any(_holds(dialect, column, dialect.text_in(column, each), text) for each in fields)


def _holds(dialect: Dialect, column: str, member: str, text: str) -> Condition:
    """A member of an object contains a text; where the whole does not, it is not taken apart."""
    written = msgspec.json.encode(text)[1:-1].decode()
    if not written:
        return ALWAYS
    return both(dialect.contains(column, written), dialect.contains(member, text))


def _duration(wanted: f.DurationBetween) -> Condition:
    bounds = [(">=", wanted.shortest), ("<=", wanted.longest)]
    return _all(
        Condition(f"r.duration {sign} ?", (float(bound),))
        for sign, bound in bounds
        if bound is not None
    )


_SESSION_FILTERS: dict[type[SessionFilter], Callable[[Any, Dialect], Condition | None]] = {
    f.SutIs: _sut,
    f.StartedBetween: _started,
    f.HasTag: _tag,
    f.SessionIdMatches: _id_matches,
    f.SessionIdIn: _id_in,
    f.IsPinned: _pinned,
    f.TestingSystemIs: _fact,
    f.BranchIs: _branch,
    f.CommitIs: _commit,
    f.HasOutcome: _has_outcome,
    f.HasWarning: _has_warning,
    f.HasReruns: _has_reruns,
    f.HasNodeidContaining: _has_nodeid,
    f.HasTest: _has_test,
}
"""How each session filter is said; relative ones are resolved before."""
