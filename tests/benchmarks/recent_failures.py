"""The failed tests of the last 7 days, from a large history: time in process, and peak memory."""

from __future__ import annotations

import time

from pytest_insight import query
from pytest_insight.models import TestResult
from pytest_insight.storage import JSONStorage
from tests.benchmarks import floors
from tests.benchmarks.harness import in_child, in_turns
from tests.benchmarks.history import BENCH, LARGE, history
from tests.benchmarks.report import Row, compared, megabytes_text

DAYS = 7
TURNS = 15
MOST_MEMORY = 150e6


def run() -> list[Row]:
    """Measure in a fresh interpreter; memory in two further ones, with and without a history."""
    path = str(history(LARGE))
    seconds = in_child(measure, path).value
    ours, floor = min(seconds["ours"]), min(seconds["floor"])
    naive = min(in_child(measure_naive, path).value for _ in range(3))
    with_history = in_child(count_failures, path)
    without = in_child(count_failures, str(BENCH / "no-such-history.json"))
    above = with_history.peak - without.peak
    title = f"failed tests of the last {DAYS} days ({LARGE})"
    limit = megabytes_text(MOST_MEMORY)
    return [
        compared(title, ours, floor, most=1.5),
        Row(
            "peak memory of that, above the same program on an empty store",
            megabytes_text(above),
            target=f"< {limit}",
            kept=above < MOST_MEMORY,
        ),
        compared("for comparison: json.load and a loop over dictionaries", naive, floor),
    ]


def measure(path: str) -> dict[str, list[float]]:
    """Seconds of the query and of the floor, in turns; both must find the same tests."""
    found = sorted((r.nodeid, r.start_time, r.longreprtext) for r in failures(path))
    by_hand = floors.recent_failures(path, DAYS)
    if not found or found != sorted((r.nodeid, r.start_time, r.longreprtext) for r in by_hand):
        raise RuntimeError("the query and the floor do not find the same tests")
    return in_turns(
        {
            "ours": lambda: failures(path),
            "floor": lambda: floors.recent_failures(path, DAYS),
        },
        TURNS,
    )


def measure_naive(path: str) -> float:
    """Seconds of one `json.load` with a loop."""
    begin = time.perf_counter()
    floors.json_load_and_loop(path, DAYS)
    return time.perf_counter() - begin


def count_failures(path: str) -> int:
    """How many failures the query finds, and holds until it is done."""
    return len(failures(path))


def failures(path: str) -> list[TestResult]:
    """The query as a user writes it."""
    asked = query.on_storage(JSONStorage(path)).in_last_days(DAYS)
    return asked.filter_by_test().with_outcome("failed").apply().execute().tests()
