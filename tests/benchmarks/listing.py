"""`insight sessions list` and a TAB on a small store, as whole processes, against hello-world.

That is one of Typer's, which every command written with it costs at least.
"""

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


TABS = {
    "a command": "insight ses",
    "an option": "insight query tests --out",
    "a session": "insight sessions show ",
}


def write_hello(folder: Path) -> Path:
    """Write a hello-world command of Typer into a folder and return its script."""
    (folder / "hello_typer.py").write_text(_MODULE)
    script = folder / "hello"
    script.write_text(_SCRIPT)
    return script


def run() -> list[Row]:
    """Start all in turns, each with the same interpreter and no terminal."""
    script = Path(sys.executable).with_name("insight")
    if not script.exists():
        raise RuntimeError(f"there is no {script}: install the project first")
    folder = BENCH / "listing"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    JSONStorage(folder / "home" / "sessions.json").save_sessions(sessions(SMALL))
    hello = write_hello(folder)
    environment = quiet_environment(PYTEST_INSIGHT_HOME=str(folder / "home"))
    ours: list[str | Path] = [sys.executable, script]
    listing = f"insight sessions list ({SMALL.sessions} sessions)"
    commands: dict[str, tuple[list[str | Path], dict[str, str]]] = {
        "floor": ([sys.executable, hello], environment),
        listing: ([*ours, "sessions", "list"], environment),
    }
    for shell in ("bash", "zsh", "fish"):
        for what, line in TABS.items():
            asked = {
                "_INSIGHT_COMPLETE": f"complete_{shell}",
                "COMP_WORDS": line,
                "COMP_CWORD": str(len(line.split(" ")) - 1),
                "_TYPER_COMPLETE_ARGS": line,
                "_TYPER_COMPLETE_FISH_ACTION": "get-args",
            }
            commands[f"TAB for {what} in {shell}"] = (ours, environment | asked)
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for turn in range(TURNS + 2):
        for name, (command, variables) in commands.items():
            cost = run_process(command, variables)
            if turn > 1:  # the first fill the caches
                costs[name].append(cost)
    shutil.rmtree(folder)
    wall = {name: min(cost.wall for cost in taken) for name, taken in costs.items()}
    cpu = {name: min(cost.cpu for cost in taken) for name, taken in costs.items()}
    rows = []
    for name in commands:
        if name != "floor":
            rows.append(compared(f"{name}, wall clock", wall[name], wall["floor"], most=1.3))
            rows.append(compared(f"{name}, processor", cpu[name], cpu["floor"], most=1.3))
    return rows
