"""Whatever is done to a store in memory and to one of another kind, they answer the same."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule
from msgspec.structs import replace

from pytest_insight import query
from pytest_insight.analysis.line import Line
from pytest_insight.analysis.verdicts import Analysis, analyze
from pytest_insight.compare import Compare
from pytest_insight.document.codec import checked, encode_session
from pytest_insight.errors import InsightError
from pytest_insight.exchange.merge import MergeStrategy
from pytest_insight.filters import Selection
from pytest_insight.models import TestSession
from pytest_insight.storage import (
    BaseStorage,
    InMemoryStorage,
    JSONStorage,
    PostgreSQLStorage,
    SQLiteStorage,
)
from pytest_insight.summaries import SummaryOrder
from pytest_insight.testing.runs import by_session, durations_of
from tests.postgresql import Server
from tests.strategies import examples, histories, selections, session_ids, sessions

Answer = TypeVar("Answer")

# Several objects on one file, as several processes would have; each step takes one of them.
OBJECTS = 3
X = "tests/test_a.py::test_x"
NOW = datetime(2026, 11, 2, tzinfo=UTC)
which = st.integers(0, OBJECTS - 1)
strategies = st.sampled_from([None, *MergeStrategy])
file_names = st.sampled_from(["x.json", "x.csv", "x.json.gz", "x.csv.gz", "x"])


class Agreement(RuleBasedStateMachine):
    known = Bundle("known")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.memory = InMemoryStorage()
        self.files = self.opened(Path(self.folder.name))
        self.transfers = 0

    def opened(self, folder: Path) -> Sequence[BaseStorage]:
        """Several objects on one new store."""
        raise NotImplementedError

    def teardown(self) -> None:
        for storage in self.files:
            storage.close()
        self.folder.cleanup()

    def both(self, number: int, ask: Callable[[BaseStorage], Answer]) -> Answer:
        expected = ask(self.memory)
        assert ask(self.files[number]) == expected
        return expected

    def file(self, name: str) -> Path:
        """A file that was not there before, so that nothing is left over in it."""
        self.transfers += 1
        folder = Path(self.folder.name) / str(self.transfers)
        folder.mkdir()
        return folder / name

    @rule(target=known, session=sessions(), number=which)
    def save(self, session: TestSession, number: int) -> TestSession:
        self.both(number, lambda storage: storage.save_session(session))
        kept = self.files[number].get_session_by_id(session.session_id)
        assert kept == checked(session)
        return session

    @rule(target=known, session=known, sut=st.sampled_from(["api", "web"]), number=which)
    def save_again(self, session: TestSession, sut: str, number: int) -> TestSession:
        changed = replace(session, sut_name=sut, test_results=session.test_results[:1])
        self.both(number, lambda storage: storage.save_session(changed))
        return changed

    @rule(target=known, several=st.lists(sessions(max_results=2), max_size=3), number=which)
    def save_several(self, several: list[TestSession], number: int) -> object:
        self.both(number, lambda storage: storage.save_sessions(several))
        return multiple(*several)

    @rule(ids=st.sets(session_ids(), max_size=3), number=which)
    def delete(self, ids: set[str], number: int) -> None:
        self.both(number, lambda storage: storage.delete_sessions(ids))

    @rule(session=known, number=which)
    def clear_one(self, session: TestSession, number: int) -> None:
        self.both(number, lambda storage: storage.clear_sessions([session]))
        assert self.files[0].get_session_by_id(session.session_id) is None

    @rule(number=which)
    def clear_all(self, number: int) -> None:
        self.both(number, lambda storage: storage.clear_sessions())

    @rule(
        incoming=st.lists(sessions(max_results=2), max_size=3),
        strategy=strategies,
        name=file_names,
        number=which,
    )
    def import_from_another(
        self, incoming: list[TestSession], strategy: str | None, name: str, number: int
    ) -> None:
        another, path = InMemoryStorage(), self.file(name)
        another.save_sessions(incoming)
        another.export_sessions(path)
        copy = InMemoryStorage()
        copy.import_sessions(path)
        assert copy.load_sessions() == another.load_sessions()
        self.both(number, lambda storage: storage.import_sessions(path, strategy, dry_run=True))
        report = self.both(number, lambda storage: storage.import_sessions(path, strategy))
        assert report.total == another.count()

    @rule(strategy=strategies, name=file_names, selection=selections(), number=which)
    def import_its_own_export(
        self, strategy: str | None, name: str, selection: Selection, number: int
    ) -> None:
        from_memory, from_file = self.file(name), self.file(name)
        count = self.memory.export_selection(from_memory, selection)
        assert self.files[number].export_selection(from_file, selection) == count
        assert from_file.read_bytes() == from_memory.read_bytes()
        report = self.both(number, lambda storage: storage.import_sessions(from_file, strategy))
        assert report.total == count
        assert report.imported == 0

    @rule(selection=selections(), number=which)
    def select(self, selection: Selection, number: int) -> None:
        found = self.both(number, lambda storage: storage.select(selection))
        assert self.both(number, lambda storage: storage.count(selection)) == len(found)
        backwards = self.both(
            number, lambda storage: list(storage.iter_sessions(selection, newest_first=True))
        )
        assert backwards == found[::-1]
        page = self.both(number, lambda storage: storage.first_page(selection, 2)[:2])
        assert page == (backwards[:2], len(found))
        results = self.both(number, lambda storage: storage.count_results(selection))
        assert results == sum(len(session.test_results) for session in found)

    @rule(selection=selections(), number=which)
    def analyse(self, selection: Selection, number: int) -> None:
        line = Line("main", "feature/[x]", datetime(2026, 11, 1, 13, tzinfo=UTC))
        found = self.both(number, lambda storage: storage.survey(selection, line=line))
        for nodeids, candidates in ((None, None), ([X], None), (None, found.candidates)):
            self.both(
                number,
                lambda storage, nodeids=nodeids, candidates=candidates: by_session(  # type: ignore[misc]  # defaults bind now
                    storage.runs(selection, nodeids, last=2, candidates=candidates)
                ),
            )

    @rule(name=session_ids(), number=which)
    def find(self, name: str, number: int) -> None:
        self.both(number, lambda storage: storage.get_session_by_id(name))
        self.both(number, lambda storage: storage.get_last_session())

    @invariant()
    def they_add_up_to_the_same(self) -> None:
        expected = self.memory.group_by_test(percentiles=False)
        assert self.files[0].group_by_test(percentiles=False) == expected
        flaky = self.files[0].group_by_test(percentiles=False, flaky=True)
        assert flaky == [each for each in expected if each.flaky]

    @invariant()
    def they_come_to_the_same_verdicts(self) -> None:
        expected = verdicts(self.memory)
        assert verdicts(self.files[0]) == expected

    @invariant()
    def they_hold_the_same(self) -> None:
        expected = self.memory.load_sessions()
        for storage in self.files:
            assert storage.session_ids() == [session.session_id for session in expected]
            # As bytes: 1 and True and 1.0 are equal, but not the same.
            assert list(map(encode_session, storage.load_sessions())) == list(
                map(encode_session, expected)
            )


def verdicts(storage: BaseStorage) -> Analysis:
    """What the whole history says."""
    return analyze(storage.survey(), NOW)


def comparisons(storage: BaseStorage) -> list[object]:
    """What pairs of sides give: a comparison, or why they cannot be compared."""
    every = query.on_storage(storage)
    pairs: list[tuple[object, object]] = [
        ("last~1", "last"),
        (every.with_branch("main"), every.with_branch("feature")),
    ]
    found: list[object] = []
    for base, head in pairs:
        asked = Compare(base, head, storage=storage)  # type: ignore[arg-type]  # texts or queries
        for each in (asked, asked.by_windows()):
            try:
                found.append(each.execute())
            except InsightError as exc:
                found.append(type(exc))
    return found


class JSONAgreement(Agreement):
    def opened(self, folder: Path) -> Sequence[BaseStorage]:
        self.path = folder / "sessions.json"
        return [JSONStorage(self.path) for _ in range(OBJECTS)]

    @invariant()
    def the_file_is_valid_json(self) -> None:
        if self.path.exists():
            json.loads(self.path.read_bytes())


class SQLiteAgreement(Agreement):
    def opened(self, folder: Path) -> Sequence[BaseStorage]:
        return [SQLiteStorage(folder / "sessions.db") for _ in range(OBJECTS)]


class PostgreSQLAgreement(Agreement):
    server: Server

    def opened(self, folder: Path) -> Sequence[BaseStorage]:
        url = self.server.schema()
        return [PostgreSQLStorage(url) for _ in range(OBJECTS)]


often = settings(
    max_examples=examples(12),
    stateful_step_count=20,
    deadline=None,  # another process may take the processor
    suppress_health_check=[HealthCheck.too_slow],  # sessions have many fields
)


TestJSON = JSONAgreement.TestCase
TestJSON.settings = often
TestSQLite = SQLiteAgreement.TestCase
TestSQLite.settings = often
TestPostgreSQL = PostgreSQLAgreement.TestCase
TestPostgreSQL.settings = settings(often, max_examples=examples(5))


@pytest.fixture(autouse=True, scope="module")
def _on_a_server(postgresql_server: Server) -> None:
    PostgreSQLAgreement.server = postgresql_server


# Selections alone: many of them on one history, on every backend at once.


@pytest.fixture(scope="module")
def stores(
    tmp_path_factory: pytest.TempPathFactory, postgresql_server: Server
) -> Iterator[list[BaseStorage]]:
    folder = tmp_path_factory.mktemp("stores")
    with (
        JSONStorage(folder / "a.json") as file,
        SQLiteStorage(folder / "a.db") as sqlite,
        PostgreSQLStorage(postgresql_server.schema()) as postgresql,
    ):
        yield [file, sqlite, postgresql]


@settings(often, max_examples=examples(13))
@given(
    history=st.lists(sessions(), max_size=5),
    asked=st.lists(selections(), min_size=1, max_size=10),
)
def test_all_backends_answer_the_same_in_the_same_order(
    stores: list[BaseStorage], history: list[TestSession], asked: list[Selection]
) -> None:
    memory = InMemoryStorage()
    memory.save_sessions(history)
    for storage in stores:
        storage.clear_sessions()
        storage.save_sessions(history)
    assert all(verdicts(storage) == verdicts(memory) for storage in stores)
    for selection in asked:
        for storage in stores:
            assert storage.survey(selection) == memory.survey(selection)
            runs = by_session(storage.runs(selection, last=2))
            assert runs == by_session(memory.runs(selection, last=2))
        expected = list(map(encode_session, memory.select(selection)))
        for storage in stores:
            assert list(map(encode_session, storage.select(selection))) == expected
            assert storage.session_ids(selection) == memory.session_ids(selection)
            newest = storage.iter_sessions(selection, newest_first=True)
            assert list(map(encode_session, newest)) == expected[::-1]
            for sort, limit in ((None, None), *((order, 2) for order in SummaryOrder)):
                for percentiles, flaky in ((True, False), (False, False), (False, True)):
                    found, known = (
                        each.group_by_test(
                            selection, sort=sort, limit=limit, percentiles=percentiles, flaky=flaky
                        )
                        for each in (storage, memory)
                    )
                    assert found == known


@settings(often, max_examples=examples(13))
@given(history=histories(), branch=st.sampled_from([None, "main"]))
def test_all_backends_give_equal_verdicts_of_any_history(
    stores: list[BaseStorage], history: list[TestSession], branch: str | None
) -> None:
    memory = InMemoryStorage()
    memory.save_sessions(history)
    line = Line(branch)
    expected = memory.survey(line=line)
    for storage in stores:
        storage.clear_sessions()
        storage.save_sessions(history)
        assert storage.survey(line=line) == expected
        assert verdicts(storage) == verdicts(memory)
        assert list(storage.iter_headers(newest_first=True)) == list(
            memory.iter_headers(newest_first=True)
        )
        assert comparisons(storage) == comparisons(memory)
        for usual in (0, 10):
            found_runs, known_runs = (
                each.newest_runs(usual=usual, timed={"t.py::test_x"}) for each in (storage, memory)
            )
            assert found_runs == known_runs
        for last, nodeids in ((None, None), (1, None), (2, ["t.py::test_x"])):
            for candidates in (None, expected.candidates, expected.counts):
                found, known = (
                    by_session(each.runs(None, nodeids, last=last, candidates=candidates))
                    for each in (storage, memory)
                )
                assert found == known
        for counts in (None, expected.counts):
            timed, known_timed = (
                durations_of(each.durations(None, counts, last=2)) for each in (storage, memory)
            )
            assert timed == known_timed
