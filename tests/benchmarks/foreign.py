"""Reading JUnit XML: 100,000 and 1,000,000 test cases; importing them.

Each 20th and each 50th case has a failure. A passed case takes 150 bytes of memory, and its nodeid
50 bytes and its length: nodeids of 58 characters, as here, leave little of the 300 MB.

Processor time, as other programs run beside. The floor is a loop over `ElementTree.iterparse` that
clears each element and keeps nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from pytest_insight.exchange.options import ReadOptions
from pytest_insight.exchange.read_formats import read_file
from pytest_insight.storage import get_storage_instance
from pytest_insight.storage.imports import import_files
from tests.benchmarks.harness import in_child
from tests.benchmarks.history import BENCH
from tests.benchmarks.report import Row, at_most_bytes, compared, seconds_text

TURNS = 5
MOST_RATIO = 3
SMALL, LARGE = 100_000, 1_000_000
FAILS = {SMALL: 20, LARGE: 50}
MOST_SMALL, MOST_LARGE = 150e6, 300e6
MOST_SECONDS = 30
MOST_STORED = {"json": 600e6, "sqlite": 1_000e6}
FAILURE = (
    '<failure message="AssertionError: assert 1 == 2">def test(): &gt; assert 1 == 2\n'
    "E  AssertionError: assert 1 == 2\n\ntests/test_a.py:7: AssertionError</failure>"
)


def run() -> list[Row]:
    """Read both files in processes of their own."""
    BENCH.mkdir(exist_ok=True)
    small, large = _write(SMALL), _write(LARGE)
    floor = in_child(bare, str(small)).value
    read = in_child(read_junit, str(small), TURNS)
    many = in_child(read_junit, str(large), 1)
    took = Row(
        f"{_title(LARGE)}, in process",
        seconds_text(many.value),
        target=f"<= {MOST_SECONDS} s",
        kept=many.value <= MOST_SECONDS,
    )
    return [
        compared(f"{_title(SMALL)} against iterparse", read.value, floor, most=MOST_RATIO),
        at_most_bytes(f"{_title(SMALL)}: peak memory", read.peak, MOST_SMALL),
        took,
        at_most_bytes(f"{_title(LARGE)}: peak memory", many.peak, MOST_LARGE),
        *(row for kind in MOST_STORED for row in _stored(large, kind)),
    ]


def _stored(path: Path, kind: str) -> Iterator[Row]:
    found = in_child(store_junit, str(path), kind)
    title = f"{kind}, import of {_title(LARGE)}"
    yield Row(f"{title}, in process", seconds_text(found.value))
    yield at_most_bytes(f"{title}: peak memory", found.peak, MOST_STORED[kind])


def bare(path: str) -> float:
    """Return the processor time of the floor."""

    def loop() -> None:
        for _, element in ET.iterparse(path):
            element.clear()

    return _best(loop, TURNS)


def read_junit(path: str, turns: int) -> float:
    """Return the processor time of reading a file into a session."""
    return _best(lambda: read_file(Path(path), "junit", ReadOptions(sut="shop")), turns)


def store_junit(path: str, kind: str) -> float:
    """Return the processor time of importing a file into a new store."""
    store = BENCH / f"junit-{kind}.store"
    for each in BENCH.glob(f"{store.name}*"):
        each.unlink()
    begin = time.process_time()
    with get_storage_instance(storage_type=kind, file_path=store) as storage:
        import_files(storage, [path], options=ReadOptions(sut="shop"))
    return time.process_time() - begin


def _best(function: Callable[[], object], turns: int) -> float:
    seconds = []
    for _ in range(turns):
        begin = time.process_time()
        function()
        seconds.append(time.process_time() - begin)
    return min(seconds)


def _title(cases: int) -> str:
    return f"JUnit XML of {cases:,} test cases"


def _write(cases: int) -> Path:
    path = BENCH / f"junit-{cases}.xml"
    with path.open("w", encoding="utf-8") as file:
        file.write(
            '<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite '
            f'name="pytest" errors="0" failures="{cases // FAILS[cases]}" skipped="0" '
            f'tests="{cases}" time="99.5" timestamp="2026-11-27T10:00:00+00:00" hostname="ci">'
        )
        for number in range(cases):
            name = f'name="test_case_{number}[a-b]" time="0.{number % 1_000:03}"'
            start = f'<testcase classname="tests.sub.test_mod{number % 500}.TestClass" {name}'
            file.write(f"{start} />" if number % FAILS[cases] else f"{start}>{FAILURE}</testcase>")
        file.write("</testsuite></testsuites>")
    return path
