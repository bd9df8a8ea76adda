"""What pytest's summary costs that says what the history knows of 20 failing tests.

As in a run, a new process reads a store that it has not read before; imports do not count, which a
run without failures does not need. Processor time, as the time limit of a run, 0.3 s, is for a
machine that does little else.
"""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path

from msgspec.structs import replace

from pytest_insight.analysis.runs import runs_of
from pytest_insight.analyze.failed_tests import FailedTests
from pytest_insight.analyze.failure_history import look_back
from pytest_insight.storage import BaseStorage, JSONStorage, SQLiteStorage
from tests.benchmarks.harness import in_child
from tests.benchmarks.history import BENCH, LARGE, history
from tests.benchmarks.report import Row, compared

TESTS = 20
TURNS = 7
MOST_SECONDS = {"JSON": 0.2, "SQLite": 0.05}


def run() -> list[Row]:
    """Ask each store in new processes."""
    folder = BENCH / "look-back"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    json = history(LARGE)
    paths = {"JSON": json, "SQLite": folder / "history.db"}
    with SQLiteStorage(paths["SQLite"]) as storage:
        storage.save_sessions(JSONStorage(json).iter_sessions())
    time.sleep(2.1)  # an index of a file that was just written is not kept
    rows = []
    for kind, path in paths.items():
        seconds = min(in_child(_asked, str(path)).value for _ in range(TURNS))
        title = f"verdicts on {TESTS} failing tests at the end of a run, {kind}, {LARGE}"
        rows.append(compared(title, seconds, MOST_SECONDS[kind], most=1))
    shutil.rmtree(folder)
    return rows


def _asked(path: str) -> float:
    storage: BaseStorage = SQLiteStorage(path) if path.endswith(".db") else JSONStorage(path)
    newest = JSONStorage(history(LARGE)).get_last_session()
    assert newest is not None
    tests = random.Random(1).sample([result.nodeid for result in newest.test_results], TESTS)
    failed = [
        replace(result, outcome="failed", message=f"KeyError: {result.nodeid!r}")
        for result in newest.test_results
        if result.nodeid in tests
    ]
    runs = [run for run in runs_of(newest.with_results(failed)) if run.is_bad]
    session = replace(runs[0].session, decided=LARGE.results)
    begin = time.process_time()
    found = look_back(storage, FailedTests(session, runs), Path.cwd(), time.perf_counter, 60)
    took = time.process_time() - begin
    assert found is not None
    assert len(found.tests) == len(runs)
    return took
