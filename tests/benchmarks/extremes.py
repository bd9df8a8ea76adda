"""Commands on stores of unusual shapes: how long they take, cold, and how much memory.

A session of 200,000 results, a store of 50,000 small sessions; with `BENCH_LARGE=1` also a store of
2 GB. What is promised is the memory: that of the process, imports included.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from tests.benchmarks.harness import in_child, quiet_environment, run_process
from tests.benchmarks.history import BENCH, Shape, a_nodeid, history
from tests.benchmarks.report import Row, megabytes_text, seconds_text

MOST_MEMORY = 500e6
SHAPES = (Shape(1, 200_000), Shape(50_000, 10))
LARGER = Shape(11_500, 1_000)
COMMANDS = {
    "list": "sessions list",
    "last": "sessions show last",
    "failures of the last 7 days": "query tests --outcome failed --days 7",
    "one test's history": "query tests --nodeid NODEID --limit 0",
    "save": "sessions pin last",
    "export": "export OUT",
    "verify": "sessions verify",
}


def run() -> list[Row]:
    """Run each command once, in a fresh process, on a copy of each history."""
    shapes = (*SHAPES, LARGER) if os.environ.get("BENCH_LARGE") else SHAPES
    folder = BENCH / "extremes"
    rows = []
    for shape in shapes:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        # In a child: what we have held ourselves would count as held by what we start.
        shutil.copy(in_child(made, *shape).value, folder / "sessions.json")
        rows += [_row(shape, title, folder) for title in COMMANDS]
    shutil.rmtree(folder)
    return rows


def made(sessions: int, results: int, days: int) -> str:
    """The history of this shape; runs in a process of its own."""
    return str(history(Shape(sessions, results, days)))


def _row(shape: Shape, title: str, home: Path) -> Row:
    insight = Path(sys.executable).with_name("insight")
    names = {"OUT": str(home / "out.json"), "NODEID": a_nodeid()}
    arguments = [names.get(word, word) for word in COMMANDS[title].split()]
    cost = run_process([insight, *arguments], quiet_environment(PYTEST_INSIGHT_HOME=str(home)))
    return Row(
        f"{title} ({shape})",
        f"{seconds_text(cost.wall)}, {megabytes_text(cost.peak)}",
        target=f"<= {megabytes_text(MOST_MEMORY)}",
        kept=cost.peak <= MOST_MEMORY,
    )
