"""Translate filters of texts into SQL conditions: patterns, and what is asked of nodeids."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pytest_insight import filters as f
from pytest_insight.filters import TestFilter
from pytest_insight.filters.keywords import Both, Either, Name, Not, Term, parse
from pytest_insight.filters.results import beginnings
from pytest_insight.storage.sql.dialect import (
    Condition,
    Dialect,
    all_of,
    any_of,
    combine,
    is_regex,
    is_storable,
)


def equals_or_matches(column: str, pattern: str, dialect: Dialect) -> Condition | None:
    """Test whether a column is equal to a pattern, or matches it as a shell wildcard."""
    if not is_storable(pattern):
        return None
    equals = Condition(f"{column} = ?", (pattern,))
    return any_of([equals, dialect.matches_glob(column, pattern)]) if _has_glob(pattern) else equals


def _has_glob(pattern: str) -> bool:
    return any(wildcard in pattern for wildcard in "*?[")


def pattern_condition(
    filter_: f.PatternMatches, dialect: Dialect, column: str, contains: Callable[[str], Condition]
) -> Condition | None:
    """Test whether a column contains a pattern, or matches it; see `PatternMatches`."""
    pattern = filter_.pattern
    if not is_storable(pattern):
        return None
    if filter_.use_regex:
        return dialect.matches_regex(column, pattern) if is_regex(pattern) else None
    if not _has_glob(pattern):
        return contains(pattern)
    return any_of([contains(pattern), dialect.matches_glob(column, pattern)])


def is_on_nodeid(filter_: TestFilter) -> bool:
    """Return whether a filter reads nothing but the nodeid."""
    return isinstance(filter_, f.NodeidContains | f.NodeidUnder | f.KeywordsMatch) or (
        isinstance(filter_, f.PatternMatches) and filter_.field_name == "nodeid"
    )


def nodeid_condition(filter_: TestFilter, dialect: Dialect) -> Condition | None:
    """Translate a test filter on the nodeid, in terms of `insight_tests`."""
    match filter_:
        case f.PatternMatches():
            return pattern_condition(
                filter_, dialect, "nodeid", partial(dialect.contains, "nodeid")
            )
        case f.NodeidContains(text=text) if is_storable(text):
            return dialect.contains("nodeid", text)
        case f.NodeidUnder(places=places) if all(map(is_storable, places)):
            return _under(places, dialect)
        case f.KeywordsMatch(expression=expression):
            return _keywords(parse(expression), dialect)
    return None


def _under(places: tuple[str, ...], dialect: Dialect) -> Condition:
    by_length: dict[int, list[str]] = {}
    for beginning in beginnings(places):
        by_length.setdefault(len(beginning), []).append(beginning)
    begins = [
        dialect.in_texts(f"substr(nodeid, 1, {length})", texts)
        for length, texts in by_length.items()
    ]
    return combine(dialect.in_texts("nodeid", places), *begins, operator="OR")


def _keywords(term: Term, dialect: Dialect) -> Condition | None:
    match term:
        case Name(text):
            return dialect.contains_lower("nodeid", text) if term.is_plain else None
        case Not(operand):
            inner = _keywords(operand, dialect)
            return inner and Condition(f"NOT ({inner.sql})", inner.parameters)
        case Either(operands):
            return any_of(_keywords(each, dialect) for each in operands)
        case Both(operands):
            terms = [_keywords(each, dialect) for each in operands]
            return None if None in terms else all_of(terms)
