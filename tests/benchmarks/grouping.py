"""What every test of a large history came to, counts and durations: time in process, and memory."""

from __future__ import annotations

from datetime import datetime

from pytest_insight import query
from pytest_insight.storage import JSONStorage
from pytest_insight.summaries import TestSummary
from tests.benchmarks import floors
from tests.benchmarks.harness import in_child, in_turns
from tests.benchmarks.history import BENCH, LARGE, history
from tests.benchmarks.report import Row, compared, megabytes_text

TURNS = 11
MOST_MEMORY = 50e6


def run() -> list[Row]:
    """Measure in a fresh interpreter; memory in two further ones, with and without a history."""
    path = str(history(LARGE))
    seconds = in_child(measure, path).value
    floor = min(seconds["floor"])
    without = in_child(count_tests, str(BENCH / "no-such-history.json"))
    above = in_child(count_tests, path).peak - without.peak
    title = f"all results added up by test ({LARGE})"
    return [
        compared(title, min(seconds["ours"]), floor, most=1.5),
        Row(
            "peak memory of that, above the same program on an empty store",
            megabytes_text(above),
            target=f"< {megabytes_text(MOST_MEMORY)}",
            kept=above < MOST_MEMORY,
        ),
        compared("for comparison: without percentiles", min(seconds["no percentiles"]), floor),
    ]


def measure(path: str) -> dict[str, list[float]]:
    """Seconds of the query and of the floor, in turns; both must say the same of the same tests."""
    expected = sorted(floors.by_test(path))
    if not expected or list(map(_as_by_hand, grouped(path))) != list(map(_comparable, expected)):
        raise RuntimeError("the query and the floor do not come to the same")
    return in_turns(
        {
            "ours": lambda: grouped(path),
            "no percentiles": lambda: grouped(path, percentiles=False),
            "floor": lambda: floors.by_test(path),
        },
        TURNS,
    )


def count_tests(path: str) -> int:
    """How many tests there are."""
    return len(grouped(path))


def grouped(path: str, *, percentiles: bool = True) -> list[TestSummary]:
    """The query as a user writes it."""
    return query.on_storage(JSONStorage(path)).group_by_test(percentiles=percentiles)


def _as_by_hand(summary: TestSummary) -> tuple[object, ...]:
    return (
        summary.nodeid,
        summary.sut_name,
        summary.outcomes,
        summary.mean,
        summary.p50,
        summary.p95,
        summary.maximum,
        summary.first_seen,
        summary.last_seen,
        str(summary.last_outcome),
    )


def _comparable(by_hand: floors.Summary) -> tuple[object, ...]:
    *values, first, last, outcome = by_hand
    return (*values, datetime.fromisoformat(first), datetime.fromisoformat(last), outcome)
