"""Commands on stores of unusual shapes: how long they take, cold, and how much memory.

A session of 200,000 results, a store of 50,000 small sessions; with `BENCH_LARGE=1` also a store of
2 GB. What is promised is the memory: that of the process, imports included.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from pytest_insight.storage import JSONStorage
from tests.benchmarks.harness import in_child, quiet_environment, run_process
from tests.benchmarks.history import BENCH, ROOT, Shape, a_nodeid, history, one_session
from tests.benchmarks.report import Row, megabytes_text, seconds_text

MOST_MEMORY = 500e6
TURNS = 3
SHAPES = (Shape(1, 200_000), Shape(50_000, 10))
LARGER = Shape(11_500, 1_000)
SAVE = "SAVE"
"""Not a command: what `pytest --insight` does at its end, with as large a session as the others."""
COMMANDS = {
    "list": "sessions list",
    "last": "sessions show last",
    "failures of the last 7 days": "query tests --outcome failed --days 7",
    "one test's history": "query tests --nodeid NODEID --limit 0",
    "save": SAVE,
    "pin the last": "sessions pin last",
    "export": "export OUT",
    "verify": "sessions verify",
}


def run() -> list[Row]:
    """Run each command in fresh processes, on a copy of each history."""
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
    """Generate the history of this shape, in a new process."""
    return str(history(Shape(sessions, results, days)))


def save(path: str, results: str) -> None:
    """Save one more session, in a new process."""
    JSONStorage(path).save_session(one_session(int(results)))


def _command(shape: Shape, title: str, home: Path) -> list[str | Path]:
    if COMMANDS[title] == SAVE:
        code = "import sys; from tests.benchmarks.extremes import save; save(*sys.argv[1:])"
        return [sys.executable, "-c", code, home / "sessions.json", str(shape.results)]
    names = {"OUT": str(home / "out.json"), "NODEID": a_nodeid()}
    words = COMMANDS[title].split()
    return [Path(sys.executable).with_name("insight"), *(names.get(word, word) for word in words)]


def _row(shape: Shape, title: str, home: Path) -> Row:
    environment = quiet_environment(PYTEST_INSIGHT_HOME=str(home), PYTHONPATH=str(ROOT))
    costs = [run_process(_command(shape, title, home), environment) for _ in range(TURNS)]
    seconds, peak = min(cost.wall for cost in costs), max(cost.peak for cost in costs)
    return Row(
        f"{title} ({shape})",
        f"{seconds_text(seconds)}, {megabytes_text(peak)}",
        target=f"<= {megabytes_text(MOST_MEMORY)}",
        kept=peak <= MOST_MEMORY,
    )
