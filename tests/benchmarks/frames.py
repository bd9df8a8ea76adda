"""Results to Parquet, to an Arrow table and to JUnit XML: time, and memory that stays flat."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from pytest_insight import query
from pytest_insight.storage import JSONStorage
from tests.benchmarks.harness import in_child
from tests.benchmarks.history import BENCH, LARGE, Shape, history
from tests.benchmarks.report import Row, at_most_bytes, megabytes_text, seconds_text

SMALL = Shape(100, 1_000, days=LARGE.days)
MOST_MEMORY = 250e6
MOST_GROWTH = 1.25


def run() -> list[Row]:
    """Export ten times the results: the peak of memory hardly grows."""
    rows = []
    for title, function in (("Parquet", to_parquet), ("JUnit XML", to_junit)):
        small = in_child(function, str(history(SMALL)))
        large = in_child(function, str(history(LARGE)))
        rows += [
            Row(f"{LARGE} to {title}, processor", seconds_text(large.value)),
            at_most_bytes(f"peak memory of that, {title}", large.peak, MOST_MEMORY),
            _growth(large.peak, small.peak),
        ]
    table = in_child(to_table, str(history(LARGE)))
    rows.append(
        Row(f"for comparison: {LARGE} as one Arrow table, processor", seconds_text(table.value))
    )
    return rows


def _growth(large: float, small: float) -> Row:
    ratio = large / small
    return Row(
        f"peak memory of that against {SMALL}",
        megabytes_text(large),
        megabytes_text(small),
        ratio,
        f"<= {MOST_GROWTH:g}x",
        ratio <= MOST_GROWTH,
    )


def to_parquet(store: str) -> float:
    """Write all results of a store as Parquet; returns seconds of processor time."""
    return _timed(lambda: query.on_storage(JSONStorage(store)).to_parquet(BENCH / "out.parquet"))


def to_junit(store: str) -> float:
    """Write all results of a store as JUnit XML; returns seconds of processor time."""
    return _timed(lambda: JSONStorage(store).export_sessions(BENCH / "out.xml"))


def to_table(store: str) -> float:
    """Make a table of all results of a store; returns seconds of processor time."""
    return _timed(query.on_storage(JSONStorage(store)).to_arrow)


def _timed(function: Callable[[], object]) -> float:
    begin = time.process_time()
    function()
    took = time.process_time() - begin
    for path in BENCH.glob("out.*"):
        Path(path).unlink()
    return took
