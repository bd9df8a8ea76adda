"""One connection of one thread to a database: what the drivers do not say in the same way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from pytest_insight.storage.sql.dialect import Dialect, Statement
from pytest_insight.storage.sql.rows import Row

ROLLUP_KEYS = {
    "insight_days": "test, outcome, day",
    "insight_totals": "test, outcome",
}
"""The tables of what is summed up, and their keys."""


def added_up(table: str, dialect: Dialect) -> str:
    """What an INSERT into one of them does with a line that is there."""
    more, less = dialect.greater, dialect.less
    return (
        f"ON CONFLICT ({ROLLUP_KEYS[table]}) DO UPDATE SET"
        f" results = {table}.results + excluded.results,"
        f" total = {table}.total + excluded.total,"
        f" longest = {more}({table}.longest, excluded.longest),"
        f" first = {less}({table}.first, excluded.first),"
        f" last = {more}({table}.last, excluded.last)"
    )


class Connection(ABC):
    """Runs statements written with `?` for parameters.

    Driver errors leave as StorageError. Not for several threads at once.

    Attributes:
        prepared: whether the tables are known to be there in our version.
    """

    dialect: ClassVar[Dialect]

    def __init__(self) -> None:
        self.prepared = False
        self._depth = 0

    # What a driver does -------------------------------------------------------------------------

    @abstractmethod
    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows of an answer."""

    @abstractmethod
    def change(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Change something; returns how many rows were."""

    @abstractmethod
    def load(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Add many rows."""

    @abstractmethod
    def add_names(self, table: str, column: str, rows: Sequence[Row]) -> None:
        """Add rows of keys that are not there, with their names."""

    @abstractmethod
    def add_up(self, table: str, rows: Sequence[Row]) -> None:
        """Add rows of one of the `ROLLUP_KEYS` up with those that are there."""

    @abstractmethod
    def begin(self, *, write: bool) -> None:
        """Begin a transaction; what it reads does not change while it lasts, unless it writes."""

    @abstractmethod
    def end(self, *, keep: bool) -> None:
        """End a transaction: what it changed is on the disk when this returns, or undone."""

    @abstractmethod
    def found_version(self) -> int | None:
        """The version of the tables there; None where there are none.

        Raises:
            StorageError: there is something else.
        """

    @abstractmethod
    def note_version(self, version: int) -> None:
        """Write down the version of the tables, in the transaction that makes them."""

    @abstractmethod
    def keep_others_out(self, *, whole: bool) -> None:
        """In a transaction that writes: wait for who keeps us out, and keep out in turn.

        Args:
            whole: every other writer; else only those who keep out every other one.
        """

    @abstractmethod
    def plan(self, statement: Statement) -> list[str]:
        """How the database would answer a statement, in its own words."""

    @abstractmethod
    def damage(self) -> list[str]:
        """What the database finds wrong with itself, where it can look."""

    @property
    def keeps_out(self) -> bool:
        """Whether it keeps other writers out beyond a transaction; nobody else can then."""
        return False

    @property
    @abstractmethod
    def usable(self) -> bool:
        """Whether it is open still."""

    @abstractmethod
    def close(self) -> None:
        """Give it back."""

    # What is built on it ------------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A block that sees one state; inside another transaction, that one's."""
        with self._transaction(write=False):
            yield

    @contextmanager
    def writing(self, *, whole: bool = True) -> Iterator[None]:
        """A block whose changes are all done or none; see `keep_others_out`.

        Inside another one it is a part of that, and its failure undoes only the part.
        """
        if self._depth:
            with self._part():
                yield
            return
        with self._transaction(write=True):
            self.keep_others_out(whole=whole)
            yield

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[None]:
        if self._depth:
            yield
            return
        self.begin(write=write)
        self._depth += 1
        kept = False
        try:
            yield
            kept = True
        finally:
            self._depth -= 1
            self.end(keep=kept)

    @contextmanager
    def _part(self) -> Iterator[None]:
        name = f"insight_{self._depth}"
        self.change(f"SAVEPOINT {name}")
        self._depth += 1
        try:
            yield
        except BaseException:
            self.change(f"ROLLBACK TO SAVEPOINT {name}")
            raise
        finally:
            self._depth -= 1
            self.change(f"RELEASE SAVEPOINT {name}")
