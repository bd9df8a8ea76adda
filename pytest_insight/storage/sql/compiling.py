"""Filters as conditions in SQL, with bound parameters; what cannot be said stays for Python.

The aliases are `s` for sessions, `r` for results, `x` for their texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from pytest_insight import filters as f
from pytest_insight.filters import Selection, SessionFilter, TestFilter
from pytest_insight.models import TestOutcome
from pytest_insight.storage.sql.dialect import (
    ALWAYS,
    NEVER,
    Condition,
    Dialect,
    both,
    is_storable,
)
from pytest_insight.storage.sql.keys import key_of, micros
from pytest_insight.storage.sql.rows import OTHER, code_of

# Where a result has no texts, no line is looked for: a comparison with NULL finds none at once.
TEXTS = (
    "LEFT JOIN insight_texts x ON x.session = CASE WHEN r.detailed = 1 THEN r.session END"
    " AND x.position = r.position"
)

_COLUMNS = {
    "longreprtext": "coalesce(x.longrepr, '')",
    "capstdout": "coalesce(x.stdout, '')",
    "capstderr": "coalesce(x.stderr, '')",
    "caplog": "coalesce(x.log, '')",
    "worker": "coalesce(r.worker, '')",
}


class Compiled(NamedTuple):
    """A selection, as far as it can be said in SQL.

    Attributes:
        sessions: what a session's own row, or its results, must be.
        rest_of_sessions: the session filters that are looked at in Python.
        results: what a result must be.
        rest_of_results: the test filters that are looked at in Python.
        limit: as in the selection.
        steps: for people: each filter, and where it runs.
    """

    sessions: Condition
    rest_of_sessions: tuple[SessionFilter, ...]
    results: Condition
    rest_of_results: tuple[TestFilter, ...]
    limit: int | None
    steps: tuple[tuple[SessionFilter | TestFilter, Condition | None], ...]

    @property
    def narrows(self) -> bool:
        """Whether single results are selected."""
        return bool(self.rest_of_results) or self.results is not ALWAYS


def compiled(selection: Selection, dialect: Dialect) -> Compiled:
    """What a resolved selection is in SQL."""
    sessions = [(each, _session(each, dialect)) for each in selection.session_filters]
    results = [(each, _test(each, dialect)) for each in selection.test_filters]
    return Compiled(
        _all(condition for _, condition in sessions),
        tuple(each for each, condition in sessions if condition is None),
        _all(condition for _, condition in results),
        tuple(each for each, condition in results if condition is None),
        selection.limit,
        (*sessions, *results),
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
    which = _of_tests(dialect.contains("nodeid", wanted.text))
    return Condition(
        f"EXISTS (SELECT 1 FROM insight_results r WHERE r.session = s.id AND {which.sql})",
        which.parameters,
    )


def _has_test(wanted: f.HasTest, dialect: Dialect) -> Condition | None:
    said = [_test(each, dialect) for each in wanted.test_filters]
    if None in said:
        return None
    which = _all(said)
    return Condition(
        f"EXISTS (SELECT 1 FROM insight_results r {TEXTS} WHERE r.session = s.id AND {which.sql})",
        which.parameters,
    )


# Results ----------------------------------------------------------------------------------------


def _test(wanted: TestFilter, dialect: Dialect) -> Condition | None:
    compile_ = _TEST_FILTERS.get(type(wanted))
    return compile_(wanted, dialect) if compile_ else None


def _of_tests(condition: Condition) -> Condition:
    """Asked once for each nodeid, not for each result."""
    return Condition(
        f"r.test IN (SELECT id FROM insight_tests WHERE {condition.sql})", condition.parameters
    )


def _outcome(wanted: f.OutcomeIn, dialect: Dialect) -> Condition:
    names = [str(outcome) for outcome in wanted.outcomes if is_storable(outcome)]
    codes = sorted({code for name in names if (code := code_of(name)) != OTHER})
    others = [name for name in names if code_of(name) == OTHER]
    known = [Condition(f"r.outcome IN ({', '.join('?' * len(codes))})", tuple(codes))]
    invented = Condition("r.outcome = ?", (OTHER,))
    return _any(
        [
            *(known if codes else ()),
            *((both(invented, dialect.any_text_of("r.other", others)),) if others else ()),
        ]
    )


def _pattern(wanted: f.PatternMatches, dialect: Dialect) -> Condition | None:
    of_tests = wanted.field_name == "nodeid"
    column = "nodeid" if of_tests else _COLUMNS.get(wanted.field_name)
    if column is None or not is_storable(wanted.pattern):
        return None
    said: Condition | None
    if wanted.use_regex:
        said = dialect.searches(column, wanted.pattern)
    else:
        said = dialect.contains(column, wanted.pattern)
        if any(wildcard in wanted.pattern for wildcard in "*?["):
            matches = dialect.matches(column, wanted.pattern)
            said = matches and both(said, matches, word="OR")
    return _of_tests(said) if said is not None and of_tests else said


def _nodeid(wanted: f.NodeidContains, dialect: Dialect) -> Condition | None:
    if not is_storable(wanted.text):
        return None
    return _of_tests(dialect.contains("nodeid", wanted.text))


def _contained(text: str, dialect: Dialect, *fields: str) -> Condition | None:
    if not is_storable(text):
        return None
    return _any(dialect.contains(_COLUMNS[field], text) for field in fields)


def _error(wanted: f.ErrorContains, dialect: Dialect) -> Condition | None:
    return _contained(wanted.text, dialect, "longreprtext")


def _output(wanted: f.OutputContains, dialect: Dialect) -> Condition | None:
    return _contained(wanted.text, dialect, "capstdout", "capstderr", "caplog")


def _duration(wanted: f.DurationBetween, _: Dialect) -> Condition:
    bounds = [(">=", wanted.shortest), ("<=", wanted.longest)]
    return _all(
        Condition(f"r.duration {sign} ?", (float(bound),))
        for sign, bound in bounds
        if bound is not None
    )


def _warning(wanted: f.TestHasWarning, _: Dialect) -> Condition:
    return Condition("r.warning = ?", (int(wanted.wanted),))


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

_TEST_FILTERS: dict[type[TestFilter], Callable[[Any, Dialect], Condition | None]] = {
    f.OutcomeIn: _outcome,
    f.PatternMatches: _pattern,
    f.NodeidContains: _nodeid,
    f.ErrorContains: _error,
    f.OutputContains: _output,
    f.DurationBetween: _duration,
    f.TestHasWarning: _warning,
}
"""How each test filter is said; `Custom` is a function of Python's."""
