"""What the installed plugin costs a test run that does not switch it on, in machine instructions.

Four environments are compared: pytest alone; pytest with what this project depends on, but without
this project; the same with it; and the same with a plugin that does nothing in its place. Ours and
the one without it differ in the plugin alone. The first is there because pytest looks into every
installed distribution, so that ours bringing others costs too; the last says what no plugin can
go below.

Instructions are counted by valgrind (callgrind), the same to a millionth each time in one place.
But where things happen to lie in memory decides which names share a place in the interpreter's
cache of attributes, and that costs every test: for a few objects more at its start a run takes
0.15 % more or less (one standard deviation; 0.5 % between extremes), which looks like a cost of the
plugin that grows with the tests. So each count is the mean of several runs, each with other things
before it in memory; the mean of five differs by 0.1 % still.

Without valgrind processor time is compared and nothing judged: it cannot show differences of half
a percent.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import fmean

from tests.benchmarks.environments import EMPTY, OURS, build, with_dependencies
from tests.benchmarks.harness import (
    LAYOUTS,
    pytest_instructions,
    quiet_environment,
    run_process,
)
from tests.benchmarks.history import BENCH
from tests.benchmarks.report import Row, compared

MOST = 1.005
FEW, SOME, MANY = 200, 1_000, 2_000
TURNS = 40
# Of one length, and short as those of people are: pytest looks at every file of a plugin, and
# eight characters more in their paths cost a tenth of what the plugin does.
ALONE, BESIDE, WITH, NOTHING = "bare", "deps", "ours", "void"

_IMPORTS = "import json\n\nimport pytest\n\n\n"
_AT_WORK = """@pytest.fixture
def orders(tmp_path):
    file = tmp_path / "orders.json"
    file.write_text(json.dumps([{"number": n, "pieces": n % 7} for n in range(100)]))
    return file


@pytest.mark.parametrize("pieces", range(TESTS))
def test_orders(orders, pieces):
    found = [each["number"] for each in json.loads(orders.read_text()) if each["pieces"] == pieces]
    assert found == sorted(found)
"""


def run() -> list[Row]:
    """Count, or where valgrind is missing take processor time."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        print("There is no valgrind here: processor time is compared, not judged.", file=sys.stderr)
    folder = BENCH / "plugin"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pytest_alone = with_dependencies("pytest")
    ours = with_dependencies(OURS) | pytest_alone
    pythons = {
        ALONE: build(folder / ALONE, pytest_alone),
        BESIDE: build(folder / BESIDE, ours - {OURS}),
        WITH: build(folder / WITH, ours),
        NOTHING: build(folder / NOTHING, ours - {OURS} | {EMPTY}),
    }
    both = {name: pythons[name] for name in (BESIDE, WITH)}
    few = _measure(valgrind, pythons, folder, FEW, _trivial)
    rows = [
        _row(f"{FEW:,} trivial tests", few, valgrind),
        *(
            _row(
                f"{tests:,} trivial tests",
                _measure(valgrind, both, folder, tests, _trivial),
                valgrind,
            )
            for tests in (SOME, MANY)
        ),
        _row(
            f"{FEW:,} tests that write and read a file",
            _measure(valgrind, both, folder, FEW, _at_work),
            valgrind,
        ),
    ]
    shutil.rmtree(folder)
    unit = _unit(valgrind)
    title = f"for comparison: a plugin that does nothing ({FEW:,} trivial tests)"
    rows.append(compared(title, few[NOTHING], few[BESIDE], unit=unit))
    others = len(ours - pytest_alone) - 1
    title = f"for comparison: against pytest without the {others} distributions we bring"
    rows.append(compared(title, few[WITH], few[ALONE], unit=unit))
    title = "for comparison: those distributions without the plugin"
    rows.append(compared(title, few[BESIDE], few[ALONE], unit=unit))
    return rows


def _unit(valgrind: str | None) -> str:
    return "instructions" if valgrind else "time"


def _row(suite: str, costs: dict[str, float], valgrind: str | None) -> Row:
    row = compared(
        f"plugin installed, not switched on ({suite})",
        costs[WITH],
        costs[BESIDE],
        most=MOST if valgrind else None,
        unit=_unit(valgrind),
    )
    print(*row, file=sys.stderr, flush=True)  # the whole takes a quarter of an hour
    return row


def _trivial(tests: int) -> str:
    return "".join(f"def test_{n}():\n    assert {n} + 1 == {n + 1}\n\n\n" for n in range(tests))


def _at_work(tests: int) -> str:
    return f"{_IMPORTS}TESTS = {tests}\n\n\n{_AT_WORK}"


def _measure(
    valgrind: str | None,
    pythons: dict[str, Path],
    folder: Path,
    tests: int,
    suite: Callable[[int], str],
) -> dict[str, float]:
    """The cost of a suite in each environment, in a project of its own in each: pytest's cache."""
    projects = {name: folder / f"{name}-{suite.__name__}-{tests}" for name in pythons}
    for name, python in pythons.items():
        projects[name].mkdir()
        (projects[name] / "pytest.ini").write_text("[pytest]\n")
        (projects[name] / "test_suite.py").write_text(suite(tests))
        _check(python, projects[name], tests, loaded=name in (WITH, NOTHING))
    if valgrind is None:
        return _seconds(pythons, projects)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # counts are the same whatever else runs
        runs = {
            name: [pool.submit(_count, python, projects[name], objects) for objects in LAYOUTS]
            for name, python in pythons.items()
        }
        return {name: fmean(run.result() for run in each) for name, each in runs.items()}


def _environment(project: Path) -> dict[str, str]:
    return quiet_environment(PYTHONHASHSEED="0", PWD=str(project))


def _check(python: Path, project: Path, tests: int, *, loaded: bool) -> None:
    """Run twice, so that every cache is warm, and see that the plugin is there where it should."""
    for _ in range(2):
        done = subprocess.run(
            [python, "-m", "pytest"],
            cwd=project,
            env=_environment(project),
            capture_output=True,
            text=True,
            check=True,
        )
    if f"{tests} passed" not in done.stdout or ("insight-" in done.stdout) is not loaded:
        raise RuntimeError(f"not the run that was to be measured:\n{done.stdout}")


def _count(python: Path, project: Path, objects: int) -> float:
    return pytest_instructions(python, (), _environment(project), project, objects)


def _seconds(pythons: dict[str, Path], projects: dict[str, Path]) -> dict[str, float]:
    costs: dict[str, list[float]] = {name: [] for name in pythons}
    before = Path.cwd()
    try:
        for _ in range(TURNS):
            for name, python in pythons.items():
                os.chdir(projects[name])
                command: list[str | Path] = [python, "-m", "pytest"]
                costs[name].append(run_process(command, _environment(projects[name])).cpu)
    finally:
        os.chdir(before)
    return {name: min(taken) for name, taken in costs.items()}
