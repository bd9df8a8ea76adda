"""The part of the database backends that reads headers and runs, from narrow rows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Set
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TypeVar

from pytest_insight import analysis
from pytest_insight._util.override import override
from pytest_insight._util.user_warnings import warn_user
from pytest_insight.analysis.causes import DEFAULT_RULES, CauseRules
from pytest_insight.analysis.comparison.newest_runs import Newest
from pytest_insight.analysis.line import ALL_RUNS, Line
from pytest_insight.analysis.matrix import Matrix
from pytest_insight.analysis.runs import LAST_RUNS, Run
from pytest_insight.analysis.survey import Survey
from pytest_insight.analysis.wanted import TestKey
from pytest_insight.errors import StoreDamageWarning
from pytest_insight.filters import Selection
from pytest_insight.models import TestSession
from pytest_insight.models.text import plural
from pytest_insight.storage.base import BaseStorage
from pytest_insight.storage.sql.connection import Connection, DamagedStoreError
from pytest_insight.storage.sql.headers import iter_headers
from pytest_insight.storage.sql.reader import Reader
from pytest_insight.storage.sql.runs.durations import DurationsReader
from pytest_insight.storage.sql.runs.newest import NewestReader
from pytest_insight.storage.sql.runs.reader import NotPreparedError, RunReader
from pytest_insight.storage.sql.runs.survey import SurveyReader

R = TypeVar("R", bound=RunReader)


class RunStorage(BaseStorage):
    """Reads headers and runs; see `SQLStorage`."""

    @abstractmethod
    def _connection(self, *, create: bool = False) -> Connection | None:
        """Return this thread's connection; None if there are no tables and `create` is False."""

    @contextmanager
    def _damage_told(self) -> Iterator[Callable[[str], None]]:
        """Give a block the function that notes damage, and warn once when it ends."""
        problems: list[str] = []
        try:
            yield problems.append
        finally:
            if problems:
                more = len(problems) - 1
                others = f"; and {plural(more, 'more session')}" if more else ""
                warn_user(
                    StoreDamageWarning(
                        f"part of the store {self.location} cannot be read: {problems[0]}{others}. "
                        "The other sessions can; insight sessions verify names all that is damaged."
                    )
                )

    @override
    def iter_headers(
        self, selection: Selection | None = None, *, newest_first: bool = False
    ) -> Iterator[TestSession]:
        resolved = (selection or Selection()).resolved()
        connection = self._connection()
        if connection is None:
            return
        if resolved.test_filters:
            yield from super().iter_headers(selection, newest_first=newest_first)
            return
        with self._damage_told() as report:
            reader = Reader(connection, resolved, report)
            yield from iter_headers(connection, reader, newest_first=newest_first)

    @override
    def survey(
        self,
        selection: Selection | None = None,
        *,
        line: Line = ALL_RUNS,
        rules: CauseRules = DEFAULT_RULES,
    ) -> Survey:
        with suppress(DamagedStoreError, NotPreparedError), self._damage_told() as report:
            reader = self._run_reader(SurveyReader, selection, rules, report)
            if reader is not None:
                return reader.survey(line.counted(datetime.now(UTC)))
        return super().survey(selection, line=line, rules=rules)

    @override
    def matrix(self, selection: Selection | None = None) -> Matrix:
        with suppress(DamagedStoreError, NotPreparedError), self._damage_told() as report:
            reader = self._run_reader(SurveyReader, selection, DEFAULT_RULES, report)
            if reader is not None:
                return reader.matrix()
        return super().matrix(selection)

    @override
    def runs(
        self,
        selection: Selection | None = None,
        nodeids: Collection[str] | None = None,
        *,
        last: int | None = LAST_RUNS,
        candidates: Mapping[TestKey, int] | None = None,
        rules: CauseRules = DEFAULT_RULES,
    ) -> Iterator[Run]:
        with self._damage_told() as report:
            reader = self._run_reader(RunReader, selection, rules, report)
            if reader is not None:
                yield from reader.runs(nodeids, last, candidates)
                return
        yield from super().runs(selection, nodeids, last=last, candidates=candidates, rules=rules)

    @override
    def durations(
        self, selection: Selection | None, counts: Mapping[TestKey, int] | None, *, last: int
    ) -> Iterator[analysis.TimedSession]:
        with self._damage_told() as report:
            reader = self._run_reader(DurationsReader, selection, DEFAULT_RULES, report)
            if reader is not None:
                yield from reader.durations(counts, last)
                return
        yield from super().durations(selection, counts, last=last)

    @override
    def newest_runs(
        self,
        selection: Selection | None = None,
        *,
        usual: int = 0,
        timed: Set[str] = frozenset(),
        rules: CauseRules = DEFAULT_RULES,
    ) -> Newest:
        with suppress(DamagedStoreError, NotPreparedError), self._damage_told() as report:
            reader = self._run_reader(NewestReader, selection, rules, report)
            if reader is not None:
                return reader.newest(usual, timed)
        return super().newest_runs(selection, usual=usual, timed=timed, rules=rules)

    def _run_reader(
        self,
        kind: type[R],
        selection: Selection | None,
        rules: CauseRules,
        report: Callable[[str], None],
    ) -> R | None:
        """Return what reads from narrow rows; None if the results are to be read."""
        connection = self._connection()
        if connection is None or not connection.has_runs:
            return None
        reader = Reader(connection, (selection or Selection()).resolved(), report)
        return None if reader.sql.results.narrows else kind(connection, reader, rules)
