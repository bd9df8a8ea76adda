"""PostgreSQL's SQL dialect."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from pytest_insight._util.override import override
from pytest_insight.storage.sql.dialect import Condition, Dialect


class PostgreSQLDialect(Dialect):
    """PostgreSQL's SQL."""

    column_types: ClassVar[Mapping[str, str]] = {
        "key": "BIGINT",
        "real": "DOUBLE PRECISION",
        "json": "JSON",  # jsonb loses the order of keys and the spelling of numbers
        "bytes": "BYTEA",
        "clustered": "",
        # A nodeid may be too long for a B-tree, and not every server has hash indexes. The server
        # reads all nodeids instead, each once.
        "nodeid_index": "",
    }
    greatest: ClassVar[str] = "greatest"
    least: ClassVar[str] = "least"
    join_in_order: ClassVar[str] = "JOIN"  # the server has statistics

    @override
    def json_text(self, column: str, field: str) -> str:
        return f"coalesce(CAST({column} AS JSON) ->> '{field}', '')"

    @override
    def contains(self, column: str, text: str) -> Condition:
        return Condition(f"strpos({column}, ?) > 0", (text,))

    @override
    def lower(self, value: str) -> str:
        return f'lower({value} COLLATE "C")'

    @override
    def matches_glob(self, column: str, pattern: str) -> Condition | None:
        if "[" in pattern:  # LIKE has no character sets
            return None
        like = re.sub(r"[\\%_]", r"\\\g<0>", pattern).replace("*", "%").replace("?", "_")
        return Condition(f"{column} LIKE ?", (like,))

    @override
    def matches_regex(self, column: str, pattern: str) -> None:
        return None  # PostgreSQL's regular expressions differ from Python's

    @override
    def code_point_order(self, column: str) -> str:
        return f'{column} COLLATE "C"'

    @override
    def in_numbers(self, column: str, numbers: Collection[int]) -> Condition:
        return Condition(f"{column} = ANY(?::bigint[])", (list(numbers),))

    @override
    def in_texts(self, column: str, texts: Collection[str]) -> Condition:
        return Condition(f"{column} = ANY(?::text[])", (list(texts),))

    @override
    def json_member(self, column: str, path: Sequence[str]) -> Condition:
        # Not #>>, which would also use a name as a list index.
        return Condition(f"({_descend(column, path[:-1])} ->> ?::text)", tuple(path))

    @override
    def first_json_member(self, column: str, paths: Sequence[Sequence[str]]) -> Condition:
        cases = [
            f"WHEN {_descend(column, path)} IS NOT NULL"
            f" THEN ({_descend(column, path[:-1])} ->> ?::text)"
            for path in paths
        ]
        parameters = tuple(name for path in paths for _ in range(2) for name in path)
        return Condition(f"CASE {' '.join(cases)} END", parameters)

    @override
    def time_value(self, micros: str) -> str:
        moment = f"timestamp '1970-01-01' + ({micros}) * interval '1 microsecond'"
        return f"({moment}) AT TIME ZONE 'UTC'"  # timestamptz

    @override
    def json_field(self, column: str, field: str, kind: str) -> str:
        if kind == "json":
            return f"(CAST({column} AS JSON) -> '{field}')"
        text = f"(CAST({column} AS JSON) ->> '{field}')"
        return f"CAST({text} AS {_TYPES[kind]})"

    @override
    def text_before(self, column: str, separator: str) -> str:
        return f"split_part({column}, '{separator}', 1)"

    @override
    def last_text(self, text: str, micros: str) -> str:
        return f"(array_agg({text} ORDER BY {micros} DESC, {text} DESC))[1]"


_TYPES = {"text": "TEXT", "integer": "BIGINT", "real": "DOUBLE PRECISION", "boolean": "BOOLEAN"}


def _descend(column: str, path: Sequence[str]) -> str:
    """Return the expression for a JSON member, with a placeholder for each name of the path."""
    return f"({column}{' -> ?::text' * len(path)})"
