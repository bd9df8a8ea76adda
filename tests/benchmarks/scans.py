"""How often commands scan a JSON store, and the newest session in stores of three sizes."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from pytest_insight.storage import JSONStorage
from tests.benchmarks.harness import in_child, in_turns
from tests.benchmarks.history import BENCH, Shape, history, sessions
from tests.benchmarks.report import Row, seconds_text

SMALL = Shape(20, 100, days=20)
SIZES = (Shape(30, 200), Shape(250, 1_000), Shape(750, 1_000))
"""About 1, 40 and 118 MB."""
TURNS = 40
MOST_SECONDS = 0.002

COMMANDS = (
    "sessions show last",
    "sessions list",
    "sessions pin last",
    "sessions clear --session last~3 --yes",
    "sessions undo --yes",
    "sessions prune --keep 10 --yes",
    "query tests --group",
)


def run() -> list[Row]:
    """Run each command in a fresh interpreter, one after the other on the same small store."""
    folder = BENCH / "scans"
    shutil.rmtree(folder, ignore_errors=True)
    path = folder / "sessions.json"
    JSONStorage(path).save_sessions(sessions(SMALL))
    rows = []
    for command in COMMANDS:
        time.sleep(2.1)  # an index of a file that was just written is not kept
        count = in_child(_scans, str(folder), command).value
        rows.append(Row(f"{command}: scans of the store", str(count), "", None, "<= 1", count <= 1))
    for shape in SIZES:
        path = history(shape)
        seconds = in_child(_newest, str(path)).value
        title = f"the newest session of {path.stat().st_size / 1e6:.0f} MB, in process"
        most = f"<= {MOST_SECONDS * 1_000:g} ms"
        rows.append(Row(title, seconds_text(seconds), "", None, most, seconds <= MOST_SECONDS))
    return rows


def _scans(home: str, command: str) -> int:
    from typer.testing import CliRunner

    from pytest_insight.cli.app import app
    from pytest_insight.storage.json.scan import full_scans

    os.environ["PYTEST_INSIGHT_HOME"] = home
    done = CliRunner().invoke(app, command.split())
    if done.exit_code:
        raise RuntimeError(f"insight {command}: {done.output}")
    return full_scans[Path(home) / "sessions.json"]


def _newest(path: str) -> float:
    turns = in_turns({"newest": lambda: JSONStorage(path).get_last_session()}, TURNS)
    return min(turns["newest"])
