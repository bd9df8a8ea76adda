r"""Keyword expressions, as `pytest -k` takes them: `login and not (slow or admin)`.

The grammar is pytest's, without the calls of `-m` (https://docs.pytest.org, "Using -k expr"):

    expression: and_terms ("or" and_terms)*
    and_terms:  operand ("and" operand)*
    operand:    "not" operand | "(" expression ")" | name
    name:       (\w|:|\+|-|\.|\[|\]|\\|/)+

pytest's own parser is private, its errors differ between versions, and it compiles an expression to
Python code, from which no SQL can be made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from pytest_insight._util.printable import quoted
from pytest_insight.errors import InvalidArgumentError

MAX_DEPTH = 100
"""How deep parentheses and negations may be nested; databases limit it, too."""

_WORD = r"[ \t]*(?:(?P<name>(?::?[\w:+\-.\[\]\\/])+)|(?P<bracket>[()])|$)"


class Name(NamedTuple):
    """A text, in lower case, that the name of a test, class, file or folder contains."""

    text: str

    @property
    def is_plain(self) -> bool:
        """Whether a name contains it exactly if the nodeid in lower case does.

        The names in a nodeid are separated by `/` and `::`. Beyond ASCII, the lower case of a
        letter may depend on its neighbours.
        """
        return self.text.isascii() and not set(self.text) & {"/", ":"}


class Not(NamedTuple):
    """A negation."""

    operand: Term


class Both(NamedTuple):
    """Terms that must all hold."""

    operands: tuple[Term, ...]


class Either(NamedTuple):
    """Terms of which one must hold."""

    operands: tuple[Term, ...]


Term = Name | Not | Both | Either


@lru_cache(maxsize=64)
def parse(expression: str) -> Term:
    """Return the parts of an expression.

    Raises:
        InvalidArgumentError: it is wrong; the message says where.
    """
    return _Parser(expression).parse()


@lru_cache(maxsize=1 << 16)  # a history has the same nodeids over and over: five times as fast
def holds(expression: str, nodeid: str) -> bool:
    """Return whether an expression holds for the names in a nodeid.

    Raises:
        InvalidArgumentError: the expression is wrong.
    """
    lower = nodeid.lower()

    def contains(name: Name) -> bool:
        if name.is_plain:
            return name.text in lower
        return any(name.text in each.lower() for each in node_names(nodeid))

    return _is_true(parse(expression), contains)


def _is_true(term: Term, contains: Callable[[Name], bool]) -> bool:
    match term:
        case Name():
            return contains(term)
        case Not(operand):
            return not _is_true(operand, contains)
        case Both(operands):
            return all(_is_true(each, contains) for each in operands)
        case Either(operands):
            return any(_is_true(each, contains) for each in operands)


def node_names(nodeid: str) -> list[str]:
    """Return the names of a test and of what it is in: folders, the file and classes."""
    path, _, names = nodeid.partition("::")
    names, bracket, parameters = names.partition("[")  # which may contain anything
    last = [*path.split("/"), *(names.split("::") if names else ())]
    last[-1] += bracket + parameters
    return last


class _Parser:
    """Parses one expression by recursive descent."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._tokens = list(self._split())
        self._next = 0
        self._depth = 0

    def parse(self) -> Term:
        """Return the whole expression."""
        found = self._either()
        if self._token:
            raise self._error(f"'and' or 'or' is missing before {quoted(self._token)}")
        return found

    def _either(self) -> Term:
        found = [self._both()]
        while self._accept("or"):
            found.append(self._both())
        return found[0] if len(found) == 1 else Either(tuple(found))

    def _both(self) -> Term:
        found = [self._operand()]
        while self._accept("and"):
            found.append(self._operand())
        return found[0] if len(found) == 1 else Both(tuple(found))

    def _operand(self) -> Term:
        if self._accept("not"):
            with_not = self._nested(self._operand)
            return Not(with_not)
        if self._accept("("):
            inner = self._nested(self._either)
            if not self._accept(")"):
                raise self._error("')' is missing")
            return inner
        name = self._token
        if name in ("", "and", "or", ")"):
            raise self._error(f"a name is missing{f' before {quoted(name)}' if name else ''}")
        self._next += 1
        return Name(name.lower())

    def _nested(self, parse: Callable[[], Term]) -> Term:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(f"it is nested deeper than {MAX_DEPTH} levels")
        found = parse()
        self._depth -= 1
        return found

    @property
    def _token(self) -> str:
        return self._tokens[self._next][0]

    def _accept(self, token: str) -> bool:
        found = self._token == token
        self._next += found
        return found

    def _split(self) -> Iterator[tuple[str, int]]:
        """Yield each token with its position; the last one is empty."""
        position = 0
        while True:
            found = re.compile(_WORD).match(self._expression, position)
            if found is None:
                left = self._expression[position:]
                position += len(left) - len(left.lstrip(" \t"))
                raise self._error(f"{self._expression[position]!r} cannot be in a name", position)
            token = found["name"] or found["bracket"] or ""
            yield token, found.end() - len(token)
            if not token:
                return
            position = found.end()

    def _error(self, why: str, position: int | None = None) -> InvalidArgumentError:
        if position is None:
            position = self._tokens[self._next][1]
        at_end = position >= len(self._expression.rstrip())
        where = "at its end" if at_end else f"at character {position + 1}"
        return InvalidArgumentError(
            f"{quoted(self._expression)} is not an expression of names: {why} {where}; write it as "
            "'login and not (slow or admin)'"
        )
