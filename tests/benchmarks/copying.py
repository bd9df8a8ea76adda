"""`insight profile copy` and `merge` of 1,000,000 results from each kind of storage to the next.

As a person has them: whole commands, with their progress on a terminal.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from pytest_insight.models import TestOutcome, TestResult
from pytest_insight.storage import JSONStorage, SQLiteStorage
from tests.benchmarks.harness import command_peak, in_child, quiet_environment
from tests.benchmarks.history import BENCH, LARGE, history
from tests.benchmarks.report import Row, at_most_bytes
from tests.postgresql import server

MOST_MEMORY = 200e6


def run() -> list[Row]:
    """Each command once: how much memory it takes does not depend on what else runs."""
    home = BENCH / "copying"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    environment = quiet_environment(PYTEST_INSIGHT_HOME=str(home), TERM="xterm-256color")
    source = history(LARGE)
    with server() as running:
        steps = [
            ("", f"create json --path {source}"),
            ("copy of JSON to SQLite", "copy json sqlite --type sqlite"),
            ("copy of SQLite to PostgreSQL", f"copy sqlite server --url {running.database()}"),
            ("copy of PostgreSQL to JSON", "copy server back --type json"),
            ("", "create all --type sqlite"),
            ("merge of JSON, PostgreSQL and SQLite into SQLite", "merge json server sqlite all"),
            ("merge of as many others into JSON", "merge others back --merge replace_existing"),
        ]
        rows = []
        for title, command in steps:
            if "others" in command:
                in_child(make_others, str(home / "all.db"), str(home / "others.json"))
                command_peak(("profile", "create", "others"), environment)
            peak = command_peak(("profile", *command.split()), environment)
            if title:
                rows.append(at_most_bytes(f"{title}, {LARGE}: peak memory", peak, MOST_MEMORY))
    shutil.rmtree(home)
    return rows


def make_others(old: str, new: str) -> None:
    """Sessions with the IDs of those of an SQLite store, each with one result more."""
    with SQLiteStorage(old) as there:
        JSONStorage(Path(new)).save_sessions(
            each.with_results(
                (
                    *each.test_results,
                    TestResult("t.py::test_more", TestOutcome.PASSED, each.session_start_time),
                )
            )
            for each in there.iter_sessions()
        )
