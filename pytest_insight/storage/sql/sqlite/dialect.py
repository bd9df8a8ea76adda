"""SQLite's SQL dialect; patterns that SQLite lacks are Python functions."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from pytest_insight._util.override import override
from pytest_insight.storage.sql.dialect import Condition, Dialect

_MAX_GLOB = 10_000
"""Characters of a GLOB pattern; SQLite's limit is 50,000 bytes."""
_HAS_ARROW = sqlite3.sqlite_version_info >= (3, 38)  # the operator ->


class SQLiteDialect(Dialect):
    """SQLite's SQL."""

    column_types: ClassVar[Mapping[str, str]] = {
        "key": "INTEGER",
        "real": "REAL",
        "json": "TEXT",
        "bytes": "BLOB",
        "clustered": " WITHOUT ROWID",
        # Unique, so that SQLite, which has no statistics, expects one row.
        "nodeid_index": "CREATE UNIQUE INDEX insight_tests_by_nodeid ON insight_tests (nodeid)",
    }
    greatest: ClassVar[str] = "max"
    least: ClassVar[str] = "min"
    join_in_order: ClassVar[str] = "CROSS JOIN"  # https://www.sqlite.org/lang_select.html#crossjoin

    @override
    def json_text(self, column: str, field: str) -> str:
        return f"coalesce(json_extract({column}, '$.{field}'), '')"

    @override
    def contains(self, column: str, text: str) -> Condition:
        return Condition(f"instr({column}, ?) > 0", (text,))  # LIKE ignores the case

    @override
    def lower(self, value: str) -> str:
        return f"lower({value})"  # only ASCII letters

    @override
    def matches_glob(self, column: str, pattern: str) -> Condition:
        if "[" in pattern or len(pattern) > _MAX_GLOB:  # GLOB's character sets differ from fnmatch
            return _call("insight_matches_glob", column, pattern)
        return Condition(f"{column} GLOB ?", (pattern,))

    @override
    def matches_regex(self, column: str, pattern: str) -> Condition:
        return _call("insight_matches_regex", column, pattern)

    @override
    def code_point_order(self, column: str) -> str:
        return column  # the default collation compares UTF-8 bytes

    @override
    def in_numbers(self, column: str, numbers: Collection[int]) -> Condition:
        return _in_json(column, list(numbers))

    @override
    def in_texts(self, column: str, texts: Collection[str]) -> Condition:
        return _in_json(column, list(texts))

    @override
    def json_member(self, column: str, path: Sequence[str]) -> Condition | None:
        json_path = _json_path(path)
        return None if json_path is None else Condition(f"json_extract({column}, ?)", (json_path,))

    @override
    def first_json_member(self, column: str, paths: Sequence[Sequence[str]]) -> Condition | None:
        json_paths = [_json_path(path) for path in paths]
        if None in json_paths or not _HAS_ARROW:
            return None
        json_type = f"json_type({column}, ?)"  # NULL if the member is missing
        case = (
            f"WHEN {json_type} IS NOT NULL THEN CASE {json_type}"
            f" WHEN 'text' THEN json_extract({column}, ?)"
            f" WHEN 'null' THEN NULL ELSE {column} -> ? END"
        )
        parameters = tuple(path for path in json_paths for _ in range(case.count("?")))
        return Condition(f"CASE {' '.join([case] * len(json_paths))} END", parameters)

    @override
    def time_value(self, micros: str) -> str:
        """Return the expression for an ISO 8601 text, as in `2026-11-27T08:33:41.690000+00:00`."""
        below = f"(({micros}) % 1000000 + 1000000) % 1000000"  # before 1970, too
        return (
            f"strftime('%Y-%m-%dT%H:%M:%S', (({micros}) - {below}) / 1000000, 'unixepoch')"
            f" || printf('.%06d+00:00', {below})"
        )

    @override
    def json_field(self, column: str, field: str, kind: str) -> str:
        return f"json_extract({column}, '$.{field}')"

    @override
    def text_before(self, column: str, separator: str) -> str:
        return (
            f"CASE instr({column}, '{separator}') WHEN 0 THEN {column}"
            f" ELSE substr({column}, 1, instr({column}, '{separator}') - 1) END"
        )

    @override
    def last_text(self, text: str, micros: str) -> str:
        # The time as 20 digits, moved so that it is positive in all years of the calendar.
        return f"substr(max(printf('%020d', {micros} + 100000000000000000) || {text}), 21)"


def _in_json(column: str, values: list[Any]) -> Condition:
    """Test a column against one JSON parameter: the number of parameters is limited."""
    text = msgspec.json.encode(values).decode()
    return Condition(f"{column} IN (SELECT value FROM json_each(?))", (text,))


def _json_path(path: Sequence[str]) -> str | None:
    """Return a JSON path; None if a name is empty or needs escapes, which SQLite may not read."""
    if any(not name or msgspec.json.encode(name) != f'"{name}"'.encode() for name in path):
        return None
    return "$" + "".join(f'."{name}"' for name in path)


def _call(function: str, column: str, pattern: str) -> Condition:
    """Call one of `FUNCTIONS`; as bytes, because sqlite3 fails on a text that is not UTF-8."""
    return Condition(f"{function}(CAST({column} AS BLOB), ?)", (pattern,))


def _matches_glob(text: bytes | None, pattern: str) -> bool:
    from fnmatch import fnmatchcase

    return text is not None and fnmatchcase(text.decode(errors="replace"), pattern)


def _matches_regex(text: bytes | None, pattern: str) -> bool:
    import re

    return text is not None and re.search(pattern, text.decode(errors="replace")) is not None


FUNCTIONS: dict[str, Callable[[bytes | None, str], bool]] = {
    "insight_matches_glob": _matches_glob,
    "insight_matches_regex": _matches_regex,
}
"""The SQL functions that each connection defines."""
