"""`insight`, `insight failures` and `insight history TEST`, as whole processes, on 1M results.

Start-up is the same command on a store of one small session. It is compared with hello-world of
Typer, which every command written with it costs at least, in instructions, which other programs do
not change. The other lines are processor time.
"""

from __future__ import annotations

import shutil
import sys
from math import inf
from pathlib import Path

from pytest_insight.storage import BaseStorage, JSONStorage, SQLiteStorage
from tests.benchmarks.harness import instructions, quiet_environment, run_process
from tests.benchmarks.history import BENCH, LARGE, Shape, a_nodeid, history, sessions
from tests.benchmarks.listing import write_hello
from tests.benchmarks.report import Row, compared

SMALL = Shape(1, 10, days=1)
TURNS = 15
MOST_START = 1.3
MOST_JSON = 0.6
"""Seconds of a command on a JSON store."""
MOST_SQLITE = 0.06
"""Seconds of a command on an SQLite store, above its start-up."""


def run() -> list[Row]:
    """Run each command on all stores in turns, without a terminal."""
    script = Path(sys.executable).with_name("insight")
    folder = BENCH / "questions"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    large = JSONStorage(history(LARGE))
    stores: dict[str, BaseStorage] = {
        "small JSON": JSONStorage(folder / "small.json"),
        "small SQLite": SQLiteStorage(folder / "small.db"),
        "JSON": large,
        "SQLite": SQLiteStorage(folder / "large.db"),
    }
    for name, storage in stores.items():
        if storage is not large:
            storage.save_sessions(
                sessions(SMALL) if name.startswith("small") else large.iter_sessions()
            )
        storage.close()
    hello = instructions([sys.executable, write_hello(folder)], quiet_environment(), folder)
    questions: dict[str, list[str]] = {
        "insight": [],
        "insight failures": ["failures"],
        "insight history": ["history", a_nodeid()],
    }
    rows = []
    for title, arguments in questions.items():
        command: list[str | Path] = [sys.executable, script, *arguments]
        environments = {
            name: quiet_environment(
                PYTEST_INSIGHT_HOME=str(folder / "home"),
                PYTEST_INSIGHT_DB_PATH=str(storage.file_path),
            )
            for name, storage in stores.items()
        }
        cpu = dict.fromkeys(stores, inf)
        for _ in range(TURNS):  # in turns; the first fills the caches
            for name, environment in environments.items():
                cpu[name] = min(cpu[name], run_process(command, environment).cpu)
        start = instructions(command, environments["small JSON"], folder)
        rows += [
            compared(f"{title}: start-up", start, hello, most=MOST_START, unit="instructions"),
            compared(f"{title} on JSON, {LARGE}", cpu["JSON"], MOST_JSON, most=1),
            compared(
                f"{title} on SQLite, {LARGE}, against start-up + {MOST_SQLITE * 1_000:.0f} ms",
                cpu["SQLite"],
                cpu["small SQLite"] + MOST_SQLITE,
                most=1,
            ),
        ]
    shutil.rmtree(folder)
    return rows
