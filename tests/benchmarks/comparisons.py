"""Comparisons: two sessions in a long history, and a composite base of 20 sessions.

Each of the 20 leaves out 5 % of the tests, other ones each time, so that no session is enough.
Processor time, as other programs run beside. The floor of SQLite is one statement with a window
over the same results, as rows; it compares nothing.
"""

from __future__ import annotations

import gc
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec.structs import replace

from pytest_insight import compare
from pytest_insight.models import CodeState, TestOutcome, TestSession
from tests.benchmarks.harness import in_child
from tests.benchmarks.history import LARGE, Shape
from tests.benchmarks.places import new_place
from tests.benchmarks.report import Row, seconds_text
from tests.benchmarks.verdicts import opened, sessions

TURNS = 5
COMPOSITE = Shape(21, 10_000, days=10)
MOST_SECONDS = {
    ("json", "two"): 0.1,
    ("sqlite", "two"): 0.03,
    ("json", "composite"): 0.5,
    ("sqlite", "composite"): 0.15,
}
WINDOW = """
    SELECT nodeid, session_id, outcome, duration FROM (
        SELECT r.test, s.session_id, r.outcome, r.duration, row_number() OVER (
            PARTITION BY r.test ORDER BY s.started DESC
        ) AS age
        FROM insight_sessions s JOIN insight_results r ON r.session = s.id
        WHERE s.branch = 'main' AND r.outcome IN (0, 1, 4, 6)
    ) n JOIN insight_tests t ON t.id = n.test WHERE age = 1
"""


def run() -> list[Row]:
    """Measure both on each backend."""
    rows: list[Row] = []
    for kind in ("json", "sqlite", "postgresql"):
        with new_place(kind, LARGE) as place:
            in_child(fill, place)
            title = f"{kind}, {LARGE}: the last two sessions compared, in process"
            rows.append(_row(title, in_child(compare_two, place).value, (kind, "two")))
        with new_place(kind, COMPOSITE) as place:
            in_child(fill_composite, place)
            title = f"{kind}, 20 sessions x 10,000 results as the base of one, in process"
            rows.append(_row(title, in_child(compare_composite, place).value, (kind, "composite")))
    return rows


def _row(title: str, found: dict[str, float], key: tuple[str, str]) -> Row:
    ours, hand, most = found["ours"], found.get("hand"), MOST_SECONDS.get(key)
    row = Row(f"{title}, processor", seconds_text(ours))
    if hand is not None:
        row = row._replace(floor=seconds_text(hand), ratio=ours / hand)
    if most is not None:
        row = row._replace(target=f"<= {seconds_text(most)}", kept=ours <= most)
    return row


def fill(place: str) -> None:
    """Save a long history of one branch; in its last session ten more tests fail."""
    with opened(place) as storage:
        piece: list[TestSession] = []
        for number, session in enumerate(sessions(LARGE), 1):
            piece.append(_failing(session) if number == LARGE.sessions else session)
            if len(piece) == 100:
                storage.save_sessions(piece)
                piece.clear()


def _failing(session: TestSession) -> TestSession:
    results = session.test_results
    return session.with_results(
        replace(result, outcome=TestOutcome.FAILED, message=f"KeyError: {n % 3}")
        if n % 100 == 50
        else result
        for n, result in enumerate(results)
    )


def fill_composite(place: str) -> None:
    """Save 20 sessions of the default branch, and a newer one of another branch."""
    with opened(place) as storage:
        storage.save_sessions(_composite())


def _composite() -> Iterator[TestSession]:
    *base, head = sessions(COMPOSITE)
    for number, session in enumerate(base):
        results = session.test_results
        yield session.with_results(
            result for n, result in enumerate(results) if n % len(base) != number
        )
    code = CodeState(commit="f" * 40, branch="feature")
    yield replace(_failing(head), code_state=code)


def compare_two(place: str) -> dict[str, float]:
    """Seconds of comparing the last session with the one before it."""
    with opened(place) as storage:
        asked = compare.on_storage(storage).against("last~1")
        found = asked.execute()
        if not found.new_failures:
            raise RuntimeError(f"nothing was compared: {found}")
        return {"ours": _least(asked.execute)}


def compare_composite(place: str) -> dict[str, float]:
    """Seconds of comparing with a composite base, and of the statement by hand."""
    with TemporaryDirectory() as folder:
        os.chdir(folder)  # git knows nothing here
        with opened(str(Path(place)) if "://" not in place else place) as storage:
            asked = compare.on_storage(storage).against("main")
            found = asked.execute()
            if len(found.base.sessions) != 20 or found.added or not found.new_failures:
                raise RuntimeError(f"the base is not composite: {found}")
            seconds = {"ours": _least(asked.execute)}
        if place.endswith(".db"):
            with closing(sqlite3.connect(place)) as file:
                seconds["hand"] = _least(lambda: file.execute(WINDOW).fetchall())
        return seconds


def _least(function: Callable[[], object]) -> float:
    """The processor time of the best turn, in seconds."""
    seconds = []
    for _ in range(TURNS):
        gc.collect()
        begin = time.process_time()
        function()
        seconds.append(time.process_time() - begin)
    return min(seconds)
