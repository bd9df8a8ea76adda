"""The page of a report: how long it takes from SQLite, and how large it is.

The history is that of the verdicts. 10,000 tests in 100 sessions always, 50,000 with
`BENCH_LARGE=1`.
"""

from __future__ import annotations

import os

from pytest_insight import analyze
from pytest_insight.query import Query
from pytest_insight.reports.html.page import html_page
from pytest_insight.reports.report import make_report
from tests.benchmarks.harness import in_child, in_turns
from tests.benchmarks.history import Shape
from tests.benchmarks.places import new_place
from tests.benchmarks.report import Row, seconds_text
from tests.benchmarks.verdicts import fill, opened

USUAL, LARGE = Shape(100, 10_000), Shape(100, 50_000)
TURNS = 3
MOST_SECONDS = 3.0
MOST_BYTES = 1_000_000
SPAN = 100.0
"""The days that are looked at: all of the history."""


def run() -> list[Row]:
    """Measure the usual shape, and a large one if it is asked for."""
    rows: list[Row] = []
    for shape in [USUAL, *([LARGE] if os.environ.get("BENCH_LARGE") else [])]:
        with new_place("sqlite", shape) as place:
            in_child(fill, place, *shape[:2])
            found = in_child(make_in_turns, place)
        seconds, size = min(found.value["seconds"]), found.value["size"]
        kept = seconds <= MOST_SECONDS if shape == USUAL else None
        rows += [
            Row(
                f"sqlite, {shape}: the page of a report, in process",
                seconds_text(seconds),
                target=f"<= {seconds_text(MOST_SECONDS)}" if shape == USUAL else "",
                kept=kept,
            ),
            Row(
                f"{shape}: the page of a report",
                f"{size / 1_000:,.0f} kB",
                target=f"<= {MOST_BYTES / 1_000:,.0f} kB" if shape == USUAL else "",
                kept=size <= MOST_BYTES if shape == USUAL else None,
            ),
        ]
    return rows


def make_in_turns(place: str) -> dict[str, object]:
    """Seconds of making the page, and its size in bytes."""
    with opened(place) as storage:
        query = Query(storage=storage).in_last_days(SPAN)

        def page() -> str:
            return html_page(make_report(storage, analyze.verdicts(query)))

        seconds = in_turns({"page": page}, TURNS)["page"]
        return {"seconds": seconds, "size": len(page().encode())}
