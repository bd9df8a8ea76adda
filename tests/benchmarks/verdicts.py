"""Verdicts of a whole history by each backend, and what got slower, beside SQL written by hand.

In the history of these benchmarks, as in most, few tests ever fail: 1 % of the tests are skipped,
0.5 % fail by chance, 0.5 % were broken for some time, and in two sessions 2.5 % fail for one cause.
So 3.5 % of the tests are judged: time grows with their number. The floor reads what tells their
runs by statements over our tables, as rows, and judges nothing. 1,000,000 results always,
10,000,000 too with `BENCH_LARGE=1`.
"""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from pytest_insight.analysis.durations import Durations
from pytest_insight.analysis.verdicts import Analysis, analyze
from pytest_insight.models import CodeState, TestOutcome, TestResult, TestSession
from pytest_insight.storage import BaseStorage, JSONStorage, PostgreSQLStorage, SQLiteStorage
from tests.benchmarks.harness import in_child, in_turns
from tests.benchmarks.history import BENCH, LARGE, SEED, Shape
from tests.benchmarks.places import new_place
from tests.benchmarks.report import Row, at_most_bytes, compared, seconds_text

HUGE = Shape(1_000, 10_000)
TURNS = 5
MOST_MEMORY = 150e6
FOR_DURATIONS = 30
"""How many runs of a test tell whether it got slower."""

MOST_SECONDS = {
    ("json", LARGE): 0.5,
    ("sqlite", LARGE): 0.05,
    ("sqlite", HUGE): 0.15,
    ("postgresql", HUGE): 0.3,
}
MOST_SECONDS_SLOW = {("sqlite", HUGE): 2.0}


def run() -> list[Row]:
    """Measure every shape on every backend."""
    rows: list[Row] = []
    for shape in [LARGE, *([HUGE] if os.environ.get("BENCH_LARGE") else [])]:
        for kind in ("json", "sqlite", "postgresql"):
            if kind != "json" or shape == LARGE:
                with new_place(kind, shape) as place:
                    rows += _measured(kind, shape, place)
    return rows


def opened(place: str) -> BaseStorage:
    """The storage at a URL or a path."""
    if "://" in place:
        return PostgreSQLStorage(place)
    return JSONStorage(place) if place.endswith(".json") else SQLiteStorage(place)


def _measured(kind: str, shape: Shape, place: str) -> list[Row]:
    in_child(fill, place, *shape[:2])
    found = in_child(judge_in_turns, place).value
    title = f"{kind}, {shape}: verdicts, in process"
    rows = [_within(title, found, "ours", MOST_SECONDS.get((kind, shape)))]
    empty, full = in_child(judge, str(BENCH / "none.json")), in_child(judge, place)
    title = f"{kind}, {shape}: peak memory of verdicts, above an empty store"
    rows.append(at_most_bytes(title, full.peak - empty.peak, MOST_MEMORY))
    found = in_child(time_in_turns, place).value
    title = f"{kind}, {shape}: what got slower, in process"
    return [*rows, _within(title, found, "ours", MOST_SECONDS_SLOW.get((kind, shape)))]


def _within(title: str, found: dict[str, list[float]], name: str, most: float | None) -> Row:
    seconds = min(found[name])
    row = compared(title, seconds, min(found["hand"])) if "hand" in found else None
    row = row or Row(title, seconds_text(seconds))
    if most is None:
        return row
    return row._replace(target=f"<= {seconds_text(most)}", kept=seconds <= most)


def fill(place: str, count: int, results: int) -> None:
    """Save the history."""
    piece: list[TestSession] = []
    with opened(place) as storage:
        for session in sessions(Shape(count, results)):
            piece.append(session)
            if len(piece) == 100:
                storage.save_sessions(piece)
                piece.clear()


def judge(place: str) -> int:
    """How many tests are not stable."""
    with opened(place) as storage:
        found = verdicts(storage)
    return sum(each.verdict != "stable" for each in found.verdicts)


def verdicts(storage: BaseStorage) -> Analysis:
    """What `insight verdicts` computes, without durations."""
    return analyze(storage.survey(), datetime.now(UTC))


def judge_in_turns(place: str) -> dict[str, list[float]]:
    """Seconds of the verdicts, and of the SQL by hand."""
    with opened(place) as storage, _by_hand(place) as hand:
        if not any(each.verdict == "flaky" for each in verdicts(storage).verdicts):
            raise RuntimeError("the history has no flaky test")
        return in_turns({"ours": lambda: verdicts(storage)} | hand, TURNS)


def time_in_turns(place: str) -> dict[str, list[float]]:
    """Seconds of finding what got slower."""
    with opened(place) as storage:
        return in_turns({"ours": lambda: slower(storage)}, 2)


def slower(storage: BaseStorage) -> dict[tuple[str, str], Any]:
    """What `insight slow` computes."""
    counts = storage.survey().counts
    return dict(Durations(storage.durations(None, counts, last=FOR_DURATIONS)).timings())


@contextmanager
def _by_hand(place: str) -> Iterator[dict[str, Callable[[], object]]]:
    """The statements that read what verdicts depend on, with a bare driver."""
    if place.endswith(".json"):
        yield {}
        return
    statements = (
        "SELECT session_id, started, branch, commit_id, header, suite FROM insight_sessions",
        "SELECT session, test, outcome, attempts, duration, reason FROM insight_runs"
        " WHERE outcome IN (1, 4, 6) OR attempts > 1",
        "SELECT test, count(*) FROM insight_runs WHERE outcome NOT IN (0, 1, 3, 6) GROUP BY test",
        "SELECT id, phase, message, crash, cause, shape FROM insight_reasons",
        "SELECT id, tests FROM insight_suites",
        "SELECT id, nodeid FROM insight_tests",
    )
    if "://" in place:
        import psycopg

        with psycopg.connect(place, autocommit=True) as driver:
            yield {"hand": lambda: [driver.execute(each).fetchall() for each in statements]}
        return
    with closing(sqlite3.connect(place)) as file:
        yield {"hand": lambda: [file.execute(each).fetchall() for each in statements]}


def sessions(shape: Shape) -> Iterator[TestSession]:
    """The sessions of one SUT, the oldest first, the last one just over."""
    rng = random.Random(SEED)
    nodeids = [
        f"tests/unit/test_{n % 40}.py::TestArea::test_case_{n}" for n in range(shape.results)
    ]
    kinds = rng.sample(range(shape.results), shape.results // 50)
    quarter = len(kinds) // 4
    skipped, flaky = set(kinds[: 2 * quarter]), set(kinds[2 * quarter : 3 * quarter])
    broken = {n: 2 * rng.randrange(shape.sessions // 2) for n in kinds[3 * quarter :]}
    usual = [rng.lognormvariate(-4, 1) for _ in nodeids]
    now = datetime.now(UTC)
    step = timedelta(days=shape.days) / shape.sessions
    for number in range(shape.sessions):
        start = now - step * (shape.sessions - number)
        outage = number in (shape.sessions // 3, shape.sessions - 20)
        speed = rng.lognormvariate(0, 0.1)
        results = []
        for n, nodeid in enumerate(nodeids):
            duration = round(usual[n] * speed * (0.9 + 0.2 * rng.random()), 6)
            if n in skipped:
                result = TestResult(
                    nodeid, TestOutcome.SKIPPED, start, 0.0, message="needs a database"
                )
            elif n in flaky and rng.random() < 0.05:
                result = _failed(nodeid, start, duration, f"TimeoutError: {rng.random():.3f}s")
            elif broken.get(n, number + 1) <= number < broken.get(n, 0) + 40:
                result = _failed(nodeid, start, duration, f"assert {n} == {n + 1}")
            elif outage and n % 40 == 7:
                result = _failed(nodeid, start, duration, "ConnectionRefusedError: broker")
            else:
                result = TestResult(nodeid, TestOutcome.PASSED, start, duration)
            results.append(result)
        yield TestSession(
            session_id=f"shop-{start:%Y%m%d-%H%M%S}-{number:08x}",
            sut_name="shop",
            session_start_time=start,
            session_stop_time=start + timedelta(minutes=5),
            testing_system={
                "host": f"runner-{number % 40:02}",
                "platform": "Linux-6.8.0-x86_64-with-glibc2.39",
                "python": "3.12.7",
                "pytest": "9.2.0",
            },
            code_state=CodeState(commit=f"{number // 2:040x}", branch="main"),
            exit_status=1,
            test_results=tuple(results),
        )


def _failed(nodeid: str, start: datetime, duration: float, message: str) -> TestResult:
    text = f"    def test():\n>       check()\nE       {message}\n\ntests/unit/test_1.py:7: Error"
    return TestResult(
        nodeid,
        TestOutcome.FAILED,
        start,
        duration,
        message=message,
        crash="tests/unit/test_1.py:7",
        longreprtext=text,
    )
