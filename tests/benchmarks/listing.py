"""`insight sessions list` on a small store, as a whole process, against a hello-world of Typer."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from pytest_insight.storage import JSONStorage
from tests.benchmarks.harness import Cost, quiet_environment, run_process
from tests.benchmarks.history import BENCH, Shape, sessions
from tests.benchmarks.report import Row, compared

SMALL = Shape(20, 100, days=20)
TURNS = 40

_MODULE = '''\
import typer

app = typer.Typer()


@app.command()
def hello(name: str = "world") -> None:
    """Say hello."""
    print(f"Hello, {name}.")
'''
_SCRIPT = """\
import sys
from hello_typer import app
if __name__ == "__main__":
    sys.exit(app())
"""


def run() -> list[Row]:
    """Start both scripts in turns, each with the same interpreter and no terminal."""
    script = Path(sys.executable).with_name("insight")
    if not script.exists():
        raise RuntimeError(f"there is no {script}: install the project first")
    folder = BENCH / "listing"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    JSONStorage(folder / "home" / "sessions.json").save_sessions(sessions(SMALL))
    (folder / "hello_typer.py").write_text(_MODULE)
    (folder / "hello").write_text(_SCRIPT)
    environment = quiet_environment(PYTEST_INSIGHT_HOME=str(folder / "home"))
    commands: dict[str, list[str | Path]] = {
        "ours": [sys.executable, script, "sessions", "list"],
        "floor": [sys.executable, folder / "hello"],
    }
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for turn in range(TURNS + 2):
        for name, command in commands.items():
            cost = run_process(command, environment)
            if turn > 1:  # the first fill the caches
                costs[name].append(cost)
    shutil.rmtree(folder)
    title = f"insight sessions list ({SMALL.sessions} sessions)"
    wall = {name: min(cost.wall for cost in taken) for name, taken in costs.items()}
    cpu = {name: min(cost.cpu for cost in taken) for name, taken in costs.items()}
    return [
        compared(f"{title}, wall clock", wall["ours"], wall["floor"], most=1.3),
        compared(f"{title}, processor", cpu["ours"], cpu["floor"], most=1.3),
    ]
