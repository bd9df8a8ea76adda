"""Translate filters into SQL conditions; filters that SQL cannot express run in Python.

Table aliases: `s` is a session, `r` a result, `x` the details of a result.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec

from pytest_insight import filters as f
from pytest_insight._util.times import EPOCH
from pytest_insight.filters import Selection, SessionFilter, TestFilter
from pytest_insight.models import TestOutcome, TestResult
from pytest_insight.storage.sql.dialect import (
    ALWAYS,
    NEVER,
    Condition,
    Dialect,
    all_of,
    any_of,
    combine,
    is_storable,
)
from pytest_insight.storage.sql.rows import (
    DETAILED,
    RUN_AGAIN,
    WARNING,
    hash_key,
    outcome_code,
    to_micros,
)
from pytest_insight.storage.sql.texts import (
    equals_or_matches,
    is_on_nodeid,
    nodeid_condition,
    pattern_condition,
)

ALL_RESULTS = (
    "insight_results r LEFT JOIN insight_details x"
    # NULL for results without details, which spares the lookup.
    f" ON x.session = CASE WHEN r.flags >= {DETAILED} THEN r.session END"
    " AND x.outcome = r.outcome AND x.position = r.position"
)
"""FROM clause: every result, joined with its details; their JSON is `x.result`."""
DETAILED_RESULTS = "insight_details r"
"""FROM clause: only the results that have details; their JSON is `r.result`."""

ERROR_FIELDS = ("longreprtext", "message")
OUTPUT_FIELDS = ("capstdout", "capstderr", "caplog")
TEXT_FIELDS = ("crash", *ERROR_FIELDS, *OUTPUT_FIELDS)
_PLAIN = TestResult("-", TestOutcome.PASSED, EPOCH)
"""Has the outcome and texts of every result without details."""


class ResultConditions(NamedTuple):
    """The test filters of a selection in SQL.

    Attributes:
        condition: what SQL tests of each result, in terms of `source`.
        source: the FROM clause.
        nodeid: the part of `condition` that concerns the nodeid, in terms of `insight_tests`.
        test_count: the number of tests that match `nodeid`, if they are few; else None.
        python_filters: the filters that run in Python.
    """

    condition: Condition
    source: str
    nodeid: Condition
    test_count: int | None
    python_filters: tuple[TestFilter, ...]

    @property
    def narrows(self) -> bool:
        """Whether some results may be left out."""
        return bool(self.python_filters) or self.condition is not ALWAYS


class SelectionConditions(NamedTuple):
    """A selection in SQL.

    Attributes:
        sessions: what SQL tests of each session.
        python_filters: the session filters that run in Python.
        results: the test filters.
        limit: the selection's limit.
        steps: each filter with its condition, None if it runs in Python; for `explain`.
    """

    sessions: Condition
    python_filters: tuple[SessionFilter, ...]
    results: ResultConditions
    limit: int | None
    steps: tuple[tuple[SessionFilter | TestFilter, Condition | None], ...]


FindFewTests = Callable[[Condition], Collection[int] | None]
"""Returns the keys of the tests that match a nodeid condition; None if they are many."""


def compile_selection(
    selection: Selection, dialect: Dialect, find_few_tests: FindFewTests
) -> SelectionConditions:
    """Translate a resolved selection; calls `find_few_tests` at most once."""
    sessions = [(each, _session(each, dialect)) for each in selection.session_filters]
    results, steps = _results(selection.test_filters, dialect, find_few_tests)
    return SelectionConditions(
        all_of(condition for _, condition in sessions),
        tuple(each for each, condition in sessions if condition is None),
        results,
        selection.limit,
        (*sessions, *steps),
    )


def _in_tests(column: str, nodeid: Condition) -> Condition:
    """Test whether a column is the key of a test that matches a nodeid condition."""
    return Condition(
        f"{column} IN (SELECT id FROM insight_tests WHERE {nodeid.sql})", nodeid.parameters
    )


def _between(column: str, lower: Any, upper: Any, convert: Callable[[Any], float]) -> Condition:
    """Test whether a column is within bounds, inclusive; None is no bound."""
    bounds = [(">=", lower), ("<=", upper)]
    return all_of(
        Condition(f"{column} {operator} ?", (convert(bound),))
        for operator, bound in bounds
        if bound is not None
    )


# Sessions ---------------------------------------------------------------------------------------


def _session(filter_: SessionFilter, dialect: Dialect) -> Condition | None:
    translate = _SESSION_FILTERS.get(type(filter_))
    return translate(filter_, dialect) if translate else None


def _commit(filter_: f.CommitIs, _: Dialect) -> Condition | None:
    prefix = filter_.prefix.lower()
    if not is_storable(prefix):
        return None
    return Condition("substr(s.commit_id, 1, ?) = ?", (len(prefix), prefix))


def _id_in(filter_: f.SessionIdIn, dialect: Dialect) -> Condition:
    ids = [each for each in filter_.ids if is_storable(each)]
    return combine(
        dialect.in_numbers("s.id", [hash_key(each) for each in ids]),
        dialect.in_texts("s.session_id", ids),  # two IDs may have the same key
    )


def _tag(filter_: f.HasTag, dialect: Dialect) -> Condition | None:
    if not is_storable(filter_.key) or not is_storable(filter_.value or ""):
        return None
    member = dialect.json_member("s.header", ("session_tags", filter_.key))
    if member is None:
        return None
    if filter_.value is None:
        return Condition(f"{member.sql} IS NOT NULL", member.parameters)
    return Condition(f"{member.sql} = ?", (*member.parameters, filter_.value))


def _testing_system(filter_: f.TestingSystemIs, dialect: Dialect) -> Condition | None:
    if not is_storable(filter_.key):
        return None
    member = dialect.first_json_member("s.header", _paths(filter_.key, "testing_system"))
    matches = equals_or_matches("{}", filter_.pattern, dialect)
    if member is None or matches is None:
        return None
    # Placeholders are positional: the parameters of each "{}" precede the pattern it is tested on.
    parameters = tuple(v for value in matches.parameters for v in (*member.parameters, value))
    return Condition(matches.sql.replace("{}", member.sql), parameters)


def _run(filter_: f.InRun, dialect: Dialect) -> Condition | None:
    member = dialect.first_json_member("s.header", _paths("ci.run_id", "testing_system"))
    if member is None or not is_storable(filter_.run_id or ""):
        return None
    if filter_.run_id is None:
        return Condition(f"{member.sql} IS NULL", member.parameters)
    return Condition(f"{member.sql} = ?", (*member.parameters, filter_.run_id))


def _paths(key: str, *above: str) -> list[tuple[str, ...]]:
    """Return the paths that a dotted key may mean, by precedence: "a.b" itself, then "b" in "a"."""
    first, dot, rest = key.partition(".")
    return [(*above, key), *(_paths(rest, *above, first) if dot else ())]


def _occurs(outcome: str, dialect: Dialect) -> Condition | None:
    member = dialect.json_member("s.outcomes", (outcome,))
    return member and Condition(f"{member.sql} IS NOT NULL", member.parameters)


def _has_reruns(filter_: f.HasReruns, dialect: Dialect) -> Condition | None:
    rerun = _occurs(TestOutcome.RERUN, dialect)
    occurs = rerun and any_of([rerun, Condition(RUN_AGAIN)])
    if occurs is None or filter_.wanted:
        return occurs
    return Condition(f"NOT ({occurs.sql})", occurs.parameters)


def _has_nodeid(filter_: f.HasNodeidContaining, dialect: Dialect) -> Condition | None:
    if not is_storable(filter_.text):
        return None
    return _exists(
        "insight_results r", _in_tests("r.test", dialect.contains("nodeid", filter_.text))
    )


def _has_test(filter_: f.HasTest, dialect: Dialect) -> Condition | None:
    results, _ = _results(filter_.test_filters, dialect, lambda _: None)
    return None if results.python_filters else _exists(results.source, results.condition)


def _exists(source: str, condition: Condition) -> Condition:
    """Test whether a session has a result that meets a condition."""
    return Condition(
        f"EXISTS (SELECT 1 FROM {source} WHERE r.session = s.id AND {condition.sql})",
        condition.parameters,
    )


# Results ----------------------------------------------------------------------------------------

Steps = list[tuple[TestFilter, Condition | None]]


def _results(
    filters: Sequence[TestFilter], dialect: Dialect, find_few_tests: FindFewTests
) -> tuple[ResultConditions, Steps]:
    on_nodeid = [(each, nodeid_condition(each, dialect)) for each in filters if is_on_nodeid(each)]
    nodeid = all_of(condition for _, condition in on_nodeid)
    tests = None if nodeid is ALWAYS else find_few_tests(nodeid)
    # Few tests are found by key in insight_results; otherwise, if plain results cannot match, the
    # smaller insight_details is enough.
    details_only = tests is None and not all(_may_match_plain(each) for each in filters)
    json_column = "r.result" if details_only else "x.result"
    others = [
        (each, _result(each, dialect, json_column)) for each in filters if not is_on_nodeid(each)
    ]
    conditions = [condition for _, condition in others]
    if tests is not None:
        conditions.append(dialect.in_numbers("r.test", tests))
    elif nodeid is not ALWAYS:
        # The unary plus keeps SQLite from looking up each of the many keys in each session
        # (https://www.sqlite.org/optoverview.html, section 4).
        conditions.append(_in_tests("+r.test", nodeid))
    results = ResultConditions(
        all_of(conditions),
        DETAILED_RESULTS if details_only else ALL_RESULTS,
        nodeid,
        None if tests is None else len(tests),
        tuple(each for each, condition in (*on_nodeid, *others) if condition is None),
    )
    return results, [*on_nodeid, *others]


def _may_match_plain(filter_: TestFilter) -> bool:
    """Return whether results without details may match; all have the same outcome and texts."""
    if isinstance(filter_, f.PatternMatches):
        return filter_.field_name not in TEXT_FIELDS or filter_.matches(_PLAIN)
    if isinstance(filter_, f.OutcomeIn | f.ErrorContains | f.OutputContains | f.PhaseIs):
        return filter_.matches(_PLAIN)
    return True


def _result(filter_: TestFilter, dialect: Dialect, json_column: str) -> Condition | None:
    """Translate a test filter that is not on the nodeid.

    Args:
        filter_: the filter.
        dialect: the dialect.
        json_column: the column with the complete result.
    """
    match filter_:
        case f.OutcomeIn():
            return _outcome(filter_)
        case f.DurationBetween():
            return _between("r.duration", filter_.shortest, filter_.longest, float)
        case f.PhaseIs(phase=phase):
            stored = dialect.json_text(json_column, "phase")
            return Condition(f"{stored} = ?", ("" if phase == "call" else phase,))
        case f.TestHasWarning():
            return Condition(f"(r.flags & {WARNING}) = ?", (WARNING * filter_.wanted,))
        case f.PatternMatches(field_name="worker"):
            column = "coalesce(r.worker, '')"
            return pattern_condition(filter_, dialect, column, partial(dialect.contains, column))
        case f.PatternMatches():
            column = dialect.json_text(json_column, filter_.field_name)
            contains = partial(_member_contains, dialect, json_column, column)
            return pattern_condition(filter_, dialect, column, contains)
        case f.ErrorContains():
            return _text_contains(filter_.text, dialect, json_column, ERROR_FIELDS)
        case f.OutputContains():
            return _text_contains(filter_.text, dialect, json_column, OUTPUT_FIELDS)
    return None  # `Custom` calls a Python function


def _outcome(filter_: f.OutcomeIn) -> Condition:
    codes = sorted(outcome_code(str(each)) for each in filter_.outcomes if is_storable(each))
    if not codes:
        return NEVER
    return Condition(f"r.outcome IN ({', '.join('?' * len(codes))})", tuple(codes))


def _text_contains(
    text: str, dialect: Dialect, json_column: str, fields: Sequence[str]
) -> Condition | None:
    if not is_storable(text):
        return None
    return any_of(
        _member_contains(dialect, json_column, dialect.json_text(json_column, each), text)
        for each in fields
    )


def _member_contains(dialect: Dialect, json_column: str, member: str, text: str) -> Condition:
    """Test whether a member of a JSON column contains a text.

    The whole JSON is searched first, so that it is only parsed if the text occurs in it.
    """
    encoded = msgspec.json.encode(text)[1:-1].decode()
    if not encoded:
        return ALWAYS
    return combine(dialect.contains(json_column, encoded), dialect.contains(member, text))


_SESSION_FILTERS: dict[type[SessionFilter], Callable[[Any, Dialect], Condition | None]] = {
    f.SutIs: lambda each, dialect: equals_or_matches("s.sut", each.pattern, dialect),
    f.StartedBetween: lambda each, _: _between("s.started", each.since, each.until, to_micros),
    f.HasTag: _tag,
    f.SessionIdMatches: lambda each, dialect: any_of(
        equals_or_matches("s.session_id", pattern, dialect) for pattern in each.patterns
    ),
    f.SessionIdIn: _id_in,
    f.IsPinned: lambda each, _: Condition("s.pinned = ?", (int(each.wanted),)),
    f.TestingSystemIs: _testing_system,
    f.BranchIs: lambda each, dialect: equals_or_matches("s.branch", each.pattern, dialect),
    f.CommitIs: _commit,
    f.InRun: _run,
    f.HasOutcome: lambda each, dialect: any_of(
        _occurs(outcome, dialect) for outcome in each.outcomes if is_storable(outcome)
    ),
    f.HasWarning: lambda each, _: Condition(f"s.warnings {'>' if each.wanted else '='} 0"),
    f.HasReruns: _has_reruns,
    f.HasNodeidContaining: _has_nodeid,
    f.HasTest: _has_test,
}
"""The translation of each session filter; relative times are resolved before."""
