"""Compare the tables of an SQLite file with those that we create.

A database file is a program: a view in the place of a table, a trigger or an expression index runs
whenever the table is used. So nothing is read from or written to tables that are not exactly ours.
Other tables are not used, and not looked at.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from functools import lru_cache
from typing import NamedTuple

from pytest_insight.limits import MAX_TEXT_SHOWN
from pytest_insight.storage.sql import schema
from pytest_insight.storage.sql.dialect import Dialect
from pytest_insight.storage.sql.rows import Row

READ_OBJECTS = "SELECT type, name, tbl_name, sql FROM sqlite_master"
_PREFIX = "insight_"


class _Object(NamedTuple):
    """A table, an index, a view or a trigger.

    Attributes:
        kind: "table", "index", "view" or "trigger".
        name: its name.
        table: the name of its table; its own name if it is a table or view.
        sql: the statement that created it, with single spaces; None for an automatic index.
    """

    kind: str
    name: str
    table: str
    sql: str | None


def find_foreign_object(rows: Iterable[Row], version: int, dialect: Dialect) -> str | None:
    """Return a sentence about one object that is not as our statements create it, or is missing.

    Args:
        rows: what `READ_OBJECTS` returns.
        version: the version of the tables.
        dialect: SQLite's dialect.

    Returns:
        None if all of our tables are as they should be.
    """
    expected = _created_by(tuple(schema.migration_statements(0, dialect, version)))
    found = _objects(rows)
    for each in sorted(found - expected, key=str):
        name = each.name[:MAX_TEXT_SHOWN]
        return f"the {each.kind} {name!r} in it is not one that pytest-insight creates"
    for each in sorted(expected - found, key=str):
        return f"the {each.kind} {each.name} is missing in it"
    return None


@lru_cache
def _created_by(statements: tuple[str, ...]) -> frozenset[_Object]:
    with closing(sqlite3.connect(":memory:")) as database:
        for statement in statements:
            database.execute(statement)
        return _objects(database.execute(READ_OBJECTS).fetchall())


def _objects(rows: Iterable[Row]) -> frozenset[_Object]:
    """Return the objects that have the name of one of our tables or belong to one."""
    return frozenset(
        _Object(str(kind), str(name), str(table), sql and " ".join(str(sql).split()))
        for kind, name, table, sql in rows
        if str(table).lower().startswith(_PREFIX) or str(name).lower().startswith(_PREFIX)
    )
