"""Code as users write it: it runs, and passes type checking by mypy and pyright in strict mode."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pytest_insight import (
    BaseStorage,
    InsightError,
    Query,
    QueryResult,
    TestOutcome,
    TestResult,
    TestSession,
    __version__,
    analyze,
    compare,
    get_storage_instance,
    query,
)
from pytest_insight.errors import InvalidArgumentError, ProfileError
from pytest_insight.filters import Selection, SutIs
from pytest_insight.models import CodeState
from pytest_insight.query import for_sut
from pytest_insight.storage import (
    InMemoryStorage,
    ProfileManager,
    create_profile,
    get_active_profile,
    list_profiles,
    switch_profile,
)
from pytest_insight.testing import StorageContract

START = datetime(2026, 11, 9, 12, tzinfo=UTC)


class TestContract(StorageContract):
    """A backend's own test of the contract."""

    __test__ = False


def make_sessions() -> list[TestSession]:
    result = TestResult("tests/test_shop.py::test_pay", "passed", START, 0.5)
    failed = TestResult(
        nodeid="tests/test_shop.py::test_ship",
        outcome=TestOutcome.FAILED,
        start_time=START,
        properties=[("ticket", 7)],
    )
    return [
        TestSession("shop-1", "shop", START, START + timedelta(seconds=2)),
        TestSession("shop-2", "shop", START, None, 2.5, test_results=[result, failed]),
        TestSession("shop-3", "shop", START, session_tags={"ci": "1"}, code_state=CodeState("ab")),
    ]


def find_failures(storage: BaseStorage) -> QueryResult:
    asked: Query = query.on_storage(storage).for_sut("shop").in_last_days(36_500).latest(3)
    return asked.filter_by_test().with_outcome("failed", TestOutcome.ERROR).apply().execute()


def use_profiles() -> BaseStorage:
    create_profile("production", "json", "production.json")
    create_profile("tutorial", "memory")
    switch_profile("tutorial")
    names: list[str] = sorted(list_profiles())
    assert names == ["default", "production", "tutorial"]
    assert get_active_profile().name == "tutorial"
    ProfileManager().delete_profile("production")
    return get_storage_instance(profile_name="tutorial")


def use_storage(storage: BaseStorage) -> None:
    for session in make_sessions():
        storage.save_session(session)
    found: Sequence[TestSession] = find_failures(storage)
    first: TestSession = found[0]
    some: Sequence[TestSession] = found[:1]
    outcome: TestOutcome = first.test_results[0].outcome
    stop: datetime = first.session_stop_time
    assert (len(some), outcome, stop) == (1, TestOutcome.FAILED, START + timedelta(seconds=2.5))
    read_answers(storage)
    read_verdicts(storage)
    read_comparison(storage)
    storage.clear_sessions(sessions_to_clear=[first])
    assert len(storage.load_sessions()) == 2


def read_answers(storage: BaseStorage) -> None:
    asked = query.on_storage(storage).for_sut("shop")
    failed: list[TestResult] = asked.failures(days=36_500)
    slow: list[TestResult] = asked.tests(outcome=["passed", TestOutcome.FAILED], nodeid="pay")
    oldest: TestSession | None = asked.execute().first()
    names: set[str] = {row["nodeid"] for row in asked.execute().to_dicts()}
    assert [row["nodeid"] for row in asked.failures().to_dicts()] == [
        result.nodeid for result in asked.failures()
    ]
    newest: TestSession | None = asked.latest().first()
    assert newest is not None
    written: int = asked.to_parquet("results.parquet")
    assert (written, asked.to_arrow().num_rows, len(asked.execute().to_frame())) == (3, 2, 2)
    rates: list[float | None] = [test.pass_rate for test in asked.group_by_test()]
    assert (len(failed), len(slow), len(names), len(rates)) == (1, 1, 2, 2)
    assert oldest is not None


def read_verdicts(storage: BaseStorage) -> None:
    asked = query.on_storage(storage).in_last_days(36_500)
    verdicts: analyze.Verdicts = asked.analyze()
    some: tuple[analyze.Verdict, ...] = verdicts.flaky + verdicts.broken + verdicts.slower
    one: analyze.Verdict = verdicts["tests/test_shop.py::test_ship"]
    names: list[str] = [each.nodeid for each in verdicts]
    since: analyze.Since | None = one.since
    history: analyze.History = analyze.history(one.nodeid, asked)
    outcomes: list[TestOutcome] = [run.outcome for run in history.runs]
    assert (some, since, len(names), len(outcomes)) == ((), None, 2, 1)
    assert (one.verdict, one.bad, analyze.verdicts(asked, durations=False)) == (
        "too-few",
        1,
        verdicts,
    )


def read_comparison(storage: BaseStorage) -> None:
    asked: compare.Compare = compare.on_storage(storage).against("shop-2").of("shop-2")
    message = ""
    try:
        asked.for_sut("shop").execute()
    except InvalidArgumentError as exc:
        message = str(exc)
    assert message.startswith("both sides are")
    later = make_sessions()[1]
    start = START + timedelta(hours=1)
    storage.save_session(TestSession("x", "shop", start, test_results=later.test_results[1:]))
    newest = query.on_storage(storage)
    found: compare.Comparison = newest.latest().compare_to(newest.with_session_id_pattern("shop-2"))
    changes: list[compare.Change] = [each.change for each in found]
    some: tuple[compare.TestChange, ...] = found.new_failures + found.added + found.slower
    runs = [each.base.session.session_id for each in found.gone if each.base is not None]
    groups: tuple[compare.ChangeGroup, ...] = found.causes
    data: dict[str, object] = found.to_dict()
    text: str = found.to_markdown() + found.base.title
    assert (changes, some, runs) == ([compare.Change.STILL_FAILING, "gone"], (), ["shop-2"])
    assert (found.ok, len(groups), "base" in data, bool(text)) == (True, 2, True, True)
    storage.clear_sessions(sessions_to_clear=["x"])


def save_filters() -> None:
    selection = for_sut("shop").selection
    data: dict[str, object] = selection.to_dict()
    assert Selection.from_dict(data) == Selection((SutIs("shop"),))


def handle_errors() -> str:
    message = ""
    try:
        for_sut("")
    except InvalidArgumentError as exc:
        message = str(exc)
    try:
        return get_storage_instance(profile_name="no-such-profile").location
    except (ProfileError, ValueError) as error:
        known: InsightError | ValueError = error
        return f"{message}, {known}"


if __name__ == "__main__":
    assert __version__
    use_storage(InMemoryStorage())
    use_storage(use_profiles())
    save_filters()
    assert "'no-such-profile'" in handle_errors()
    sys.exit(0)
