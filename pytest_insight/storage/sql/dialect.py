"""What differs between the languages of the databases: types, functions, lists, JSON."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from pytest_insight._util.text import clean_text


class Condition(NamedTuple):
    """A condition in SQL, with `?` for each of its parameters."""

    sql: str
    parameters: tuple[Any, ...] = ()


Statement = Condition
"""A whole statement, said in the same way."""

MOST_SIDE_BY_SIDE = 100
"""Conditions in one pair of brackets: each is a step down in SQLite's tree, which has 1,000."""

ALWAYS = Condition("1 = 1")
NEVER = Condition("1 = 0")


class Dialect(ABC):
    """One language. A method that returns None cannot say it: it is then looked at in Python."""

    types: ClassVar[Mapping[str, str]]
    """What stands in the schema for `{key}`, `{real}`, `{json}` and `{clustered}`."""
    greater: ClassVar[str]
    less: ClassVar[str]
    """The functions that give the greater and the lesser of two values."""

    @abstractmethod
    def text_in(self, column: str, field: str) -> str:
        """The text that a JSON object has as a member; empty where there is none, or no object."""

    @abstractmethod
    def contains(self, column: str, text: str) -> Condition:
        """The text stands in the column: literally, and by its case."""

    @abstractmethod
    def matches(self, column: str, pattern: str) -> Condition | None:
        """The whole column matches a shell wildcard, by its case."""

    @abstractmethod
    def searches(self, column: str, pattern: str) -> Condition | None:
        """Python's regular expression is found in the column."""

    @abstractmethod
    def by_code_point(self, column: str) -> str:
        """A text column to order by as Python orders texts."""

    @abstractmethod
    def any_of(self, column: str, numbers: Collection[int]) -> Condition:
        """The column is one of the numbers, however many they are."""

    @abstractmethod
    def any_text_of(self, column: str, texts: Collection[str]) -> Condition:
        """The column is one of the texts, however many they are."""

    @abstractmethod
    def member(self, column: str, path: Sequence[str]) -> Condition | None:
        """The member of a JSON object, as text where it is one; NULL where it is not there."""

    @abstractmethod
    def fact(self, column: str, paths: Sequence[Sequence[str]]) -> Condition | None:
        """The first of the members that is there: text as it is, else its JSON; null is NULL."""


def both(*conditions: Condition, word: str = "AND") -> Condition:
    """All of the conditions in brackets; any of them with `word="OR"`."""
    if len(conditions) > MOST_SIDE_BY_SIDE:
        half = len(conditions) // 2
        halves = both(*conditions[:half], word=word), both(*conditions[half:], word=word)
        return both(*halves, word=word)
    parameters = tuple(value for condition in conditions for value in condition.parameters)
    return Condition(f"({f' {word} '.join(each.sql for each in conditions)})", parameters)


def is_storable(text: str) -> bool:
    """Whether a text could be in a store; one that could not is looked for in Python."""
    return clean_text(text) == text


def is_regex(pattern: str) -> bool:
    """Whether it is a regular expression: who looks in Python says what is wrong with another."""
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True
