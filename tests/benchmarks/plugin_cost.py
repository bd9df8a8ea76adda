"""What the installed plugin costs a test run that is not recorded, in machine instructions.

Four environments are compared: pytest alone; pytest with the dependencies of this project; the same
with this project; the same with a plugin that does nothing in its place. The last one is a lower
bound for any plugin.

Most of the cost is not that of the plugin, but of the package: pytest goes through the list of
files of each distribution that has a plugin, which takes 41,000 instructions for each file. A
module is two files, as pip lists the compiled one, too.

valgrind (callgrind) counts instructions, with differences of a millionth between runs in one place.
But addresses in memory decide which names share a slot of the interpreter's attribute cache: with
some more objects at its start, a run takes 0.15 % more or fewer instructions (one standard
deviation). So each count is the mean of several runs with different objects in memory; the mean of
five still differs by 0.1 %.

Without valgrind, processor time is compared and nothing is judged: it is too imprecise.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
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
from tests.benchmarks.report import Row, compared, instructions_text

MOST = 25e6
FEW, SOME = 200, 1_000
TURNS = 40
# Short names of equal length: pytest looks at every file of a plugin, and eight more characters in
# their paths add a tenth to the cost of the plugin.
ALONE, BESIDE, WITH, NOTHING = "bare", "deps", "ours", "void"


def run() -> list[Row]:
    """Count instructions, or measure processor time without valgrind."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        print("valgrind is not installed: processor time is compared, not judged.", file=sys.stderr)
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
    few = _measure(valgrind, pythons, folder, FEW)
    some = _measure(valgrind, both, folder, SOME)
    shutil.rmtree(folder)
    unit = "instructions" if valgrind else "time"
    title = "plugin installed, not recording"
    others = len(ours - pytest_alone) - 1
    return [
        *([_extra_row(f"{title}, above pytest without it", few)] if valgrind else []),
        compared(f"{title} ({FEW:,} trivial tests)", few[WITH], few[BESIDE], unit=unit),
        compared(f"{title} ({SOME:,} trivial tests)", some[WITH], some[BESIDE], unit=unit),
        compared(
            f"for comparison: a plugin that does nothing ({FEW:,} trivial tests)",
            few[NOTHING],
            few[BESIDE],
            unit=unit,
        ),
        compared(
            f"for comparison: against pytest without the {others} dependencies",
            few[WITH],
            few[ALONE],
            unit=unit,
        ),
        compared(
            "for comparison: the dependencies without the plugin",
            few[BESIDE],
            few[ALONE],
            unit=unit,
        ),
    ]


def _extra_row(title: str, counts: dict[str, float]) -> Row:
    extra = counts[WITH] - counts[BESIDE]
    target = f"<= {instructions_text(MOST)}"
    return Row(title, instructions_text(extra), target=target, kept=extra <= MOST)


def _measure(
    valgrind: str | None, pythons: dict[str, Path], folder: Path, tests: int
) -> dict[str, float]:
    """Return the cost of trivial tests in each environment; each has a project, for the caches."""
    projects = {name: folder / f"{name}-{tests}" for name in pythons}
    lines = (f"def test_{n}():\n    assert {n} + 1 == {n + 1}\n\n\n" for n in range(tests))
    suite = "".join(lines)
    for name, python in pythons.items():
        projects[name].mkdir()
        (projects[name] / "pytest.ini").write_text("[pytest]\n")
        (projects[name] / "test_suite.py").write_text(suite)
        _check(python, projects[name], tests, loaded=name in (WITH, NOTHING))
    if valgrind is None:
        return _seconds(pythons, projects)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # other processes do not change the counts
        runs = {
            name: [pool.submit(_count, python, projects[name], objects) for objects in LAYOUTS]
            for name, python in pythons.items()
        }
        return {name: fmean(run.result() for run in each) for name, each in runs.items()}


def _environment(project: Path) -> dict[str, str]:
    return quiet_environment(PYTHONHASHSEED="0", PWD=str(project))


def _check(python: Path, project: Path, tests: int, *, loaded: bool) -> None:
    """Run twice, to fill every cache, and check whether the plugin is loaded."""
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
        raise RuntimeError(f"unexpected run:\n{done.stdout}")


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
