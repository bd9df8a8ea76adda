"""The base class of the SQL dialects: column types, functions, list parameters, JSON access."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from pytest_insight._util.storable import storable_text


class Condition(NamedTuple):
    """An SQL condition with `?` placeholders, and the values of its parameters."""

    sql: str
    parameters: tuple[Any, ...] = ()


Statement = Condition
"""A complete SQL statement with its parameters."""

MAX_TERMS = 100
"""Terms in one pair of parentheses: each deepens SQLite's expression tree, limited to 1,000."""

ALWAYS = Condition("1 = 1")
NEVER = Condition("1 = 0")


class Dialect(ABC):
    """The SQL of one database.

    A method that returns None cannot express the condition: the filter then runs in Python.
    """

    column_types: ClassVar[Mapping[str, str]]
    """Replacements in the schema: `{key}`, `{real}`, `{json}`, `{clustered}`, `{nodeid_index}`."""
    greatest: ClassVar[str]
    """The function that returns the greater of two values."""
    least: ClassVar[str]
    """The function that returns the lesser of two values."""
    join_in_order: ClassVar[str]
    """The inner join whose left side is read first if the database cannot know what is better."""

    @abstractmethod
    def json_text(self, column: str, field: str) -> str:
        """Return the expression for a text member of a JSON column; '' if it has no such member."""

    @abstractmethod
    def contains(self, column: str, text: str) -> Condition:
        """Test whether a column contains a literal text (case-sensitive)."""

    def contains_lower(self, column: str, text: str) -> Condition:
        """Test whether a column in Python's lower case contains a lower-case text in ASCII.

        Databases differ in the lower case of other letters. Two have an ASCII letter in it.
        """
        replaced = f"replace(replace({column}, '\u212a', 'k'), '\u0130', 'i\u0307')"
        return self.contains(self.lower(replaced), text)

    @abstractmethod
    def lower(self, value: str) -> str:
        """Return the expression for a text with its ASCII letters in lower case."""

    @abstractmethod
    def matches_glob(self, column: str, pattern: str) -> Condition | None:
        """Test whether a whole column matches shell wildcards (case-sensitive)."""

    @abstractmethod
    def matches_regex(self, column: str, pattern: str) -> Condition | None:
        """Test whether a regular expression in Python's syntax is found in a column."""

    @abstractmethod
    def code_point_order(self, column: str) -> str:
        """Return the expression that sorts a text column by code point, as Python does."""

    @abstractmethod
    def in_numbers(self, column: str, numbers: Collection[int]) -> Condition:
        """Test whether a column is one of any number of integers."""

    @abstractmethod
    def in_texts(self, column: str, texts: Collection[str]) -> Condition:
        """Test whether a column is one of any number of texts."""

    @abstractmethod
    def json_member(self, column: str, path: Sequence[str]) -> Condition | None:
        """Return the expression for a member of a JSON column as text; NULL if it is missing."""

    @abstractmethod
    def first_json_member(self, column: str, paths: Sequence[Sequence[str]]) -> Condition | None:
        """Return the expression for the first of several members that exists.

        A text is returned as it is, null as NULL, and any other value as its JSON.
        """

    # For `views` -----------------------------------------------------------------------------

    @abstractmethod
    def time_value(self, micros: str) -> str:
        """Return the expression for a time, given one for microseconds since 1970-01-01 UTC."""

    @abstractmethod
    def json_field(self, column: str, field: str, kind: str) -> str:
        """Return the expression for a member of a JSON text or column; NULL if it is missing.

        Args:
            column: the column.
            field: the name of the member.
            kind: "text", "integer", "real", "boolean" or "json".
        """

    @abstractmethod
    def text_before(self, column: str, separator: str) -> str:
        """Return the expression for the part of a text before the first separator, or all of it."""

    @abstractmethod
    def last_text(self, text: str, micros: str) -> str:
        """Return the aggregate that is the text of the row with the latest time."""


def combine(*conditions: Condition, operator: str = "AND") -> Condition:
    """Join conditions in parentheses by AND or OR."""
    if len(conditions) > MAX_TERMS:
        middle = len(conditions) // 2
        halves = conditions[:middle], conditions[middle:]
        return combine(*(combine(*half, operator=operator) for half in halves), operator=operator)
    parameters = tuple(value for condition in conditions for value in condition.parameters)
    return Condition(f"({f' {operator} '.join(each.sql for each in conditions)})", parameters)


def all_of(conditions: Iterable[Condition | None]) -> Condition:
    """Join the conditions by AND; None stands for a filter that runs in Python."""
    terms = [each for each in conditions if each is not None]
    return combine(*terms) if terms else ALWAYS


def any_of(conditions: Iterable[Condition | None]) -> Condition | None:
    """Join the conditions by OR; None if one of them is None."""
    terms: list[Condition] = []
    for each in conditions:
        if each is None:
            return None
        terms.append(each)
    return combine(*terms, operator="OR") if terms else NEVER


def is_storable(text: str) -> bool:
    """Return whether a store can contain the text; if not, it is only compared in Python."""
    return storable_text(text) == text


def is_regex(pattern: str) -> bool:
    """Return whether a regular expression is valid; the filter in Python reports invalid ones."""
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True
