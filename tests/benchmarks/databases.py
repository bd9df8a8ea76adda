"""SQLite and PostgreSQL: five questions, ingest, size, and saving, against SQL written by hand.

1,000,000 results always, 10,000,000 too with `BENCH_LARGE=1`. "Cold" is the command as one types
it, in a new process, which prints a screenful; it is compared with the same command on an empty
store, plus 1.5 times what the SQL by hand takes for the whole answer in a process that runs.
"In process" is the whole answer by the library, as objects. Where DuckDB is installed (the extra
`bench`), it gives answers of the same content over a file of its own.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pytest_insight import query
from pytest_insight.query import Query
from pytest_insight.storage import BaseStorage, PostgreSQLStorage, SQLiteStorage
from tests.benchmarks import by_hand
from tests.benchmarks.harness import in_child, in_turns, quiet_environment, run_process
from tests.benchmarks.history import BENCH, LARGE, Shape, one_session, sessions
from tests.benchmarks.places import new_place
from tests.benchmarks.report import Row, at_most_bytes, compared

HUGE = Shape(10_000, 1_000)
INSIGHT = Path(sys.executable).with_name("insight")
TURNS = 5
COLD_TURNS = 15
MOST_BYTES = 90
MOST_MEMORY = 200e6
SAVED = 500

QUESTIONS = {
    "failures": "failures of the last 7 days",
    "history": "one test's history",
    "slowest": "the 20 slowest tests by mean",
    "flaky": "tests both passed and failed",
    "last": "the last session",
}
COMMANDS = {
    "failures": ["query", "tests", "--outcome", "failed", "--days", str(by_hand.DAYS)],
    "history": ["query", "tests", "--nodeid", "{nodeid}"],
    "slowest": ["query", "tests", "--group", "--sort", "mean", "--no-percentiles"],
    "flaky": ["query", "tests", "--flaky", "--no-percentiles"],
    "last": ["sessions", "show", "last"],
}


def run() -> list[Row]:
    """Measure every shape on every database."""
    rows: list[Row] = []
    for shape in [LARGE, *([HUGE] if os.environ.get("BENCH_LARGE") else [])]:
        for kind in ("sqlite", "postgresql"):
            with new_place(kind, shape) as place:
                rows += _measured(kind, shape, place)
    return rows


def opened(place: str) -> BaseStorage:
    """The storage at a URL or a path."""
    return PostgreSQLStorage(place) if "://" in place else SQLiteStorage(place)


def _measured(kind: str, shape: Shape, place: str) -> list[Row]:
    title = f"{kind}, {shape}"
    filled = in_child(fill, place, *shape[:2])
    ours, floor = filled.value
    rows = [
        compared(f"{title}: ingest, against executemany or COPY", ours, floor, most=2),
        at_most_bytes(f"{title}: peak memory of ingest and reading all", filled.peak, MOST_MEMORY),
    ]
    if kind == "sqlite":
        size = Path(place).stat().st_size / (shape.sessions * shape.results)
        measured = f"{size:.1f} bytes"
        target = f"<= {MOST_BYTES} bytes"
        rows.append(Row(f"{title}: a result", measured, target=target, kept=size <= MOST_BYTES))
    seconds = in_child(ask_in_turns, place).value
    for name, words in QUESTIONS.items():
        mine, hand = min(seconds[f"ours {name}"]), min(seconds[f"hand {name}"])
        rows.append(compared(f"{title}: {words}, in process", mine, hand))
    with _profiles(place) as environment:
        for name, words in QUESTIONS.items():
            bare, full = _cold(place, name, environment)
            allowed = bare + 1.5 * min(seconds[f"hand {name}"])
            rows.append(compared(f"{title}: {words}, cold", full, allowed, most=1))
    if kind == "sqlite" and find_spec("duckdb"):
        rows += _against_duckdb(title, place, seconds)
    return [*rows, _saving(title, place)]


def fill(place: str, count: int, results: int) -> tuple[float, float]:
    """Seconds of our ingest and of that by hand, of the same sessions; each in pieces."""
    ours = hand = 0.0
    piece: list[Any] = []
    with opened(place) as storage, by_hand.loading(place) as load:
        for session in sessions(Shape(count, results)):
            piece.append(session)
            if len(piece) == 100:
                begin = time.perf_counter()
                storage.save_sessions(piece)
                middle = time.perf_counter()
                load(piece)
                ours += middle - begin
                hand += time.perf_counter() - middle
                piece.clear()
        for _ in storage.iter_sessions():
            pass
    return ours, hand


def questions(storage: BaseStorage, nodeid: str) -> dict[str, Callable[[], object]]:
    """Each question as a user asks it."""
    asked: Query = query.on_storage(storage)
    tests = asked.filter_by_test()
    return {
        "failures": lambda: (
            asked.in_last_days(7).filter_by_test().with_outcome("failed").apply().execute().tests()
        ),
        "history": lambda: tests.with_nodeid_containing(nodeid).apply().execute().tests(),
        "slowest": lambda: asked.group_by_test(sort="mean", limit=20, percentiles=False),
        "flaky": lambda: asked.group_by_test(flaky=True, percentiles=False),
        "last": storage.get_last_session,
    }


def ask_in_turns(place: str) -> dict[str, list[float]]:
    """Seconds of each question by the library and by hand, in one process."""
    with opened(place) as storage, by_hand.asking(place) as hand:
        nodeid = some_nodeid(storage)
        candidates: dict[str, Callable[[], object]] = {}
        ours = questions(storage, nodeid)
        for name in QUESTIONS:
            mine, theirs = ours[name](), hand(name, nodeid)
            if name in ("failures", "history", "slowest", "flaky") and len(mine) != len(theirs):  # type: ignore[arg-type]  # lists
                raise RuntimeError(f"{name}: the library and the SQL by hand do not agree")
            candidates[f"ours {name}"] = ours[name]
            candidates[f"hand {name}"] = partial(hand, name, nodeid)
        return in_turns(candidates, TURNS)


def some_nodeid(storage: BaseStorage) -> str:
    """A test of the history."""
    last = storage.get_last_session()
    assert last is not None
    return last.test_results[7].nodeid


@contextmanager
def _profiles(place: str) -> Iterator[dict[str, str]]:
    """The environment of commands that know this store as `full`, and as `empty` one without tests.

    It has a session, which the last of the questions takes for granted.
    """
    with tempfile.TemporaryDirectory() as home:
        environment = quiet_environment(PYTEST_INSIGHT_HOME=home)
        places = {"full": place, "empty": _beside(place)}
        with opened(places["empty"]) as empty:
            empty.save_session(one_session(1))
        for name, where in places.items():
            option = ["--url", where, "--store-password"] if "://" in where else ["--path", where]
            kind = "postgresql" if "://" in where else "sqlite"
            run_process([INSIGHT, "profile", "create", name, "--type", kind, *option], environment)
        yield environment


def _cold(place: str, name: str, environment: dict[str, str]) -> tuple[float, float]:
    """Seconds of a command on an empty store and on the full one, in turns."""
    with opened(place) as storage:
        nodeid = some_nodeid(storage)
    command = [part.format(nodeid=nodeid) for part in COMMANDS[name]]
    seconds: dict[str, list[float]] = {"empty": [], "full": []}
    for _ in range(COLD_TURNS):
        for profile, taken in seconds.items():
            taken.append(run_process([INSIGHT, "--profile", profile, *command], environment).wall)
    return min(seconds["empty"]), min(seconds["full"])


def _against_duckdb(title: str, place: str, seconds: dict[str, list[float]]) -> list[Row]:
    path = BENCH / "bench.duckdb"
    path.unlink(missing_ok=True)
    theirs = in_child(by_hand.ask_duckdb, place, str(path), TURNS).value
    return [
        compared(
            f"{title}: {words}, in process, against DuckDB",
            min(seconds[f"ours {name}"]),
            min(theirs[name]),
            most=1,
        )
        for name, words in QUESTIONS.items()
    ]


def _saving(title: str, place: str) -> Row:
    few, many = in_child(save_in_turns, place).value
    most = 2
    return compared(f"{title}: saving {SAVED} results, against 10 sessions", many, few, most=most)


def save_in_turns(place: str) -> tuple[float, float]:
    """Seconds of saving a session to a store of 10 sessions, and to this one."""
    session = one_session(SAVED)
    with opened(_beside(place)) as small, opened(place) as large:
        small.save_sessions(sessions(Shape(10, 1_000)))
        stores = {"few": small, "many": large}
        seconds = in_turns(
            {name: partial(store.save_session, session) for name, store in stores.items()},
            20,
            after_each=lambda name: stores[name].delete_sessions([session.session_id]),
        )
    return min(seconds["few"]), min(seconds["many"])


def _beside(place: str) -> str:
    """The place of a new store, beside the given one."""
    if "://" in place:
        return by_hand.schema_beside(place)
    path = Path(f"{place}.small")
    for old in path.parent.glob(f"{path.name}*"):
        old.unlink()
    return str(path)
