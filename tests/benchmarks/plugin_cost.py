"""What the installed plugin costs a test run that does not switch it on, in machine instructions.

Three environments are compared: pytest alone; pytest with what this project depends on, but without
this project; and the same with it. The last two differ in the plugin alone. The first is there
because pytest looks into every installed distribution, so that ours bringing others costs too.
Instructions are counted by valgrind (callgrind), the same to a millionth each time in one place;
in folders of other names either environment may take 0.15 % more or less, as hash tables and
memory fall out differently. Without valgrind processor time is compared and nothing judged: it
cannot show differences of half a percent.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.environments import OURS, build, with_dependencies
from tests.benchmarks.harness import quiet_environment, run_process
from tests.benchmarks.history import BENCH
from tests.benchmarks.report import Row, compared

MOST = 1.005
FEW, SOME, MANY = 200, 1_000, 2_000
TURNS = 40
# Of one length, and short as those of people are: pytest looks at every file of a plugin, and
# eight characters more in their paths cost a tenth of what the plugin does.
ALONE, BESIDE, WITH = "bare", "deps", "ours"


def run() -> list[Row]:
    """Count, or where valgrind is missing take processor time."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        print("There is no valgrind here: processor time is compared, not judged.", file=sys.stderr)
    unit = "instructions" if valgrind else "time"
    folder = BENCH / "plugin"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pytest_alone = with_dependencies("pytest")
    ours = with_dependencies(OURS) | pytest_alone
    pythons = {
        ALONE: build(folder / ALONE, pytest_alone),
        BESIDE: build(folder / BESIDE, ours - {OURS}),
        WITH: build(folder / WITH, ours),
    }
    costs: dict[tuple[int, str], float] = {}
    for tests, names in (
        (FEW, [ALONE, BESIDE, WITH]),
        (SOME, [BESIDE, WITH]),
        (MANY, [BESIDE, WITH]),
    ):
        project = _make_project(folder / f"project-{tests}", tests)
        taken = _measure(valgrind, {name: pythons[name] for name in names}, project, tests)
        costs |= {(tests, name): cost for name, cost in taken.items()}
    shutil.rmtree(folder)
    rows = [
        compared(
            f"plugin installed, not switched on ({tests:,} trivial tests)",
            costs[tests, WITH],
            costs[tests, BESIDE],
            most=MOST if valgrind else None,
            unit=unit,
        )
        for tests in (FEW, SOME, MANY)
    ]
    others = len(ours - pytest_alone) - 1
    alone = costs[FEW, ALONE]
    title = f"for comparison: against pytest without the {others} distributions we bring"
    rows.append(compared(title, costs[FEW, WITH], alone, unit=unit))
    title = "for comparison: those distributions without the plugin"
    rows.append(compared(title, costs[FEW, BESIDE], alone, unit=unit))
    return rows


def _make_project(folder: Path, tests: int) -> Path:
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n")
    lines = (f"def test_{n}():\n    assert {n} + 1 == {n + 1}\n\n\n" for n in range(tests))
    (folder / "test_trivial.py").write_text("".join(lines))
    return folder


def _measure(
    valgrind: str | None, pythons: dict[str, Path], project: Path, tests: int
) -> dict[str, float]:
    environment = quiet_environment(PYTHONHASHSEED="0", PWD=str(project))
    for name, python in pythons.items():
        _check(python, project, environment, tests, loaded=name == WITH)
    if valgrind is None:
        return _seconds(pythons, project, environment)
    return {
        name: _instructions(valgrind, python, project, environment)
        for name, python in pythons.items()
    }


def _check(
    python: Path, project: Path, environment: dict[str, str], tests: int, *, loaded: bool
) -> None:
    """Run twice, so that every cache is warm, and see that the plugin is there where it should."""
    for _ in range(2):
        done = subprocess.run(
            [python, "-m", "pytest"],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    if f"{tests} passed" not in done.stdout or ("insight-" in done.stdout) is not loaded:
        raise RuntimeError(f"not the run that was to be measured:\n{done.stdout}")


def _instructions(valgrind: str, python: Path, project: Path, environment: dict[str, str]) -> float:
    output = project.parent / "callgrind.out"
    done = subprocess.run(
        [valgrind, "--tool=callgrind", f"--callgrind-out-file={output}", python, "-m", "pytest"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if found is None:
        raise RuntimeError(f"callgrind counted nothing:\n{done.stderr}")
    return float(found[1])


def _seconds(
    pythons: dict[str, Path], project: Path, environment: dict[str, str]
) -> dict[str, float]:
    costs: dict[str, list[float]] = {name: [] for name in pythons}
    before = Path.cwd()
    os.chdir(project)
    try:
        for _ in range(TURNS):
            for name, python in pythons.items():
                costs[name].append(run_process([python, "-m", "pytest"], environment).cpu)
    finally:
        os.chdir(before)
    return {name: min(taken) for name, taken in costs.items()}
