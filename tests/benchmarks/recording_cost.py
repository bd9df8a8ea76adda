"""What recording costs a test run, compared with plain pytest and with other recording plugins.

Plain pytest has the dependencies of this project installed, but not this project; the environment
of each recorder has only that recorder in addition. Trivial tests are the worst case: other tests
take longer, and recording them does not. The tests are in a git repository, so git is asked about
the code.

valgrind (callgrind) counts the instructions of the pytest process; the mean over several layouts of
memory is judged (see `plugin_cost`). Instructions grow linearly with the number of tests, so those
of 10,000 tests are computed from those of 1 and of 1,000. Time and processor time (including git's)
are the best of several turns; fixed costs and peak memory are medians.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks.environments import OURS, build, with_dependencies
from tests.benchmarks.harness import (
    LAYOUTS,
    in_child,
    pytest_instructions,
    quiet_environment,
    run_process,
)
from tests.benchmarks.history import BENCH
from tests.benchmarks.report import Row, compared, megabytes_text, seconds_text

MOST_INSTRUCTIONS = {1_000: 1.06, 10_000: 1.03}
MOST_FIXED = 0.06
MOST_MEMORY = 10e6
MOST_BYTES = 150

ONE, SOME, MANY = 1, 1_000, 10_000
TURNS = {ONE: 21, SOME: 9, MANY: 3}
PLAIN, RECORDED, ALONE = "plain", "--insight", "pytest alone"


class Way(NamedTuple):
    """One way to run the tests.

    Attributes:
        folder: that of the environment; names of equal length, as paths cost instructions too.
        packages: installed in addition.
        options: for pytest; OUT is a file.
    """

    folder: str
    packages: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


OUT = "OUT"
WAYS = {
    PLAIN: Way("deps"),
    RECORDED: Way("ours", (), ("--insight",)),
    "--junitxml": Way("deps", (), (f"--junitxml={OUT}",)),
    "pytest-reportlog": Way("rlog", ("pytest-reportlog==1.0.0",), (f"--report-log={OUT}",)),
    "pytest-json-report": Way(
        "json", ("pytest-json-report==1.5.0",), ("--json-report", f"--json-report-file={OUT}")
    ),
    ALONE: Way("bare"),
}


def run() -> list[Row]:
    """Create the environments and measure in new processes."""
    folder = BENCH / "recording"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    commands = {name: command for name in WAYS if (command := _command(folder, name))}
    rows = list(_instruction_rows(folder, commands))
    commands.pop(ALONE)
    for tests in (SOME, MANY):
        measured = _measured(folder, commands, tests)
        for name in [name for name in measured if name != PLAIN]:
            for what in ("cpu", "wall"):
                cost, plain = _best(measured[name], what), _best(measured[PLAIN], what)
                rows.append(compared(_title(name, tests, what), cost, plain))
    few = _pick(commands, PLAIN, RECORDED)
    rows.append(_fixed_row(_measured(folder, few, ONE)))
    rows.append(_memory_row(measured))
    rows.append(_bytes_row(folder, commands[RECORDED]))
    shutil.rmtree(folder)
    return rows


def _title(name: str, tests: int, what: str) -> str:
    words = {"cpu": "processor time", "wall": "time"}.get(what, what)
    lead = "recording" if name == RECORDED else f"for comparison: {name},"
    return f"{lead} {tests:,} trivial tests, {words}"


def _command(folder: Path, name: str) -> list[str]:
    """Return the command; empty if its packages cannot be installed."""
    way = WAYS[name]
    python = folder / way.folder / "bin" / "python"
    if not python.exists():
        wanted = with_dependencies("pytest")
        if name != ALONE:
            wanted |= with_dependencies(OURS) - (set() if name == RECORDED else {OURS})
        build(folder / way.folder, wanted)
        if way.packages:
            pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
            if subprocess.run([*pip, *way.packages], check=False).returncode:
                print(f"{name} cannot be installed and is left out.", file=sys.stderr)
                return []
    options = (option.replace(OUT, str(folder / "out")) for option in way.options)
    return [str(python), "-m", "pytest", *options]


def _project(folder: Path, tests: int) -> Path:
    project = folder / f"project-{tests}"
    if not project.is_dir():
        project.mkdir()
        (project / "pytest.ini").write_text("[pytest]\n")
        (project / ".gitignore").write_text("__pycache__\n.pytest_cache\n")
        lines = (f"def test_{n}():\n    assert {n} + 1 == {n + 1}\n\n\n" for n in range(tests))
        (project / "test_trivial.py").write_text("".join(lines))
        if shutil.which("git"):
            who = ("-c", "user.name=bench", "-c", "user.email=bench@example.org")
            for arguments in (["init", "--quiet"], ["add", "."], [*who, "commit", "-qm", "tests"]):
                subprocess.run(["git", *arguments], cwd=project, check=True)
    return project


def _environment(folder: Path, project: Path) -> dict[str, str]:
    home = str(folder / "home")
    return quiet_environment(PYTEST_INSIGHT_HOME=home, PYTHONHASHSEED="0", PWD=str(project))


def _warm_up(folder: Path, command: Sequence[str], project: Path, tests: int) -> None:
    """Run twice, to fill every cache, and check what was run."""
    for _ in range(2):
        done = subprocess.run(
            command,
            cwd=project,
            env=_environment(folder, project),
            capture_output=True,
            text=True,
            check=True,
        )
    recorded = f"insight: saved {tests} result" in done.stdout
    if f"{tests} passed" not in done.stdout or recorded is not ("--insight" in command):
        raise RuntimeError(f"unexpected run:\n{done.stdout}")


def _instruction_rows(folder: Path, commands: dict[str, list[str]]) -> Iterator[Row]:
    if shutil.which("valgrind") is None:
        print("valgrind is not installed: no instructions are counted.", file=sys.stderr)
        return
    counts = {
        tests: _counts(folder, commands, tests)
        for tests, commands in ((ONE, _pick(commands, PLAIN, RECORDED)), (SOME, commands))
    }
    for name, count in counts[SOME].items():
        if name not in (PLAIN, ALONE):
            most = MOST_INSTRUCTIONS[SOME] if name == RECORDED else None
            title = _title(name, SOME, "instructions")
            yield compared(title, count, counts[SOME][PLAIN], most=most, unit="instructions")
    many = {
        name: one + (counts[SOME][name] - one) * (MANY - ONE) / (SOME - ONE)
        for name, one in counts[ONE].items()
    }
    title = _title(RECORDED, MANY, "instructions (computed)")
    most = MOST_INSTRUCTIONS[MANY]
    yield compared(title, many[RECORDED], many[PLAIN], most=most, unit="instructions")
    title = f"for comparison: recording against {ALONE}"
    yield compared(title, counts[SOME][RECORDED], counts[SOME][ALONE], unit="instructions")


def _pick(commands: dict[str, list[str]], *names: str) -> dict[str, list[str]]:
    return {name: commands[name] for name in names}


def _counts(folder: Path, commands: dict[str, list[str]], tests: int) -> dict[str, float]:
    """Return the instructions of each command."""
    project = _project(folder, tests)
    environment = _environment(folder, project)
    for command in commands.values():
        _warm_up(folder, command, project, tests)

    def mean(name: str) -> float:
        python, _, _, *options = commands[name]
        layouts = LAYOUTS if name in (PLAIN, RECORDED) else LAYOUTS[:1]
        return statistics.fmean(
            pytest_instructions(python, options, environment, project, objects)
            for objects in layouts
        )

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # other processes do not change the counts
        return dict(zip(commands, pool.map(mean, commands), strict=True))


def _measured(
    folder: Path, commands: dict[str, list[str]], tests: int
) -> dict[str, list[dict[str, float]]]:
    project = _project(folder, tests)
    for command in commands.values():
        _warm_up(folder, command, project, tests)
    measured: dict[str, list[dict[str, float]]]
    measured = in_child(measure, str(folder), str(project), commands, TURNS[tests]).value
    return measured


def measure(
    folder: str, project: str, commands: dict[str, list[str]], turns: int
) -> dict[str, list[dict[str, Any]]]:
    """Measure each command in turns; run in a small process, as peak memory is inherited."""
    os.chdir(project)
    environment = _environment(Path(folder), Path(project))
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in commands}
    for _ in range(turns):
        for name, command in commands.items():
            shutil.rmtree(environment["PYTEST_INSIGHT_HOME"], ignore_errors=True)
            found[name].append(run_process(command, environment)._asdict())
    return found


def _best(costs: list[dict[str, float]], what: str) -> float:
    return min(cost[what] for cost in costs)


def _median(costs: list[dict[str, float]], what: str) -> float:
    return statistics.median(cost[what] for cost in costs)


def _fixed_row(measured: dict[str, list[dict[str, float]]]) -> Row:
    pairs = zip(measured[RECORDED], measured[PLAIN], strict=True)
    fixed = statistics.median(ours["cpu"] - plain["cpu"] for ours, plain in pairs)
    title = "recording one test: processor time above plain pytest, with git's"
    return Row(
        title,
        seconds_text(fixed),
        target=f"<= {seconds_text(MOST_FIXED)}",
        kept=fixed <= MOST_FIXED,
    )


def _memory_row(measured: dict[str, list[dict[str, float]]]) -> Row:
    ours, plain = (_median(measured[name], "peak") for name in (RECORDED, PLAIN))
    title = f"peak memory of recording {MANY:,} tests, above plain pytest"
    return Row(
        title,
        megabytes_text(ours - plain),
        target=f"<= {megabytes_text(MOST_MEMORY)}",
        kept=ours - plain <= MOST_MEMORY,
    )


def _bytes_row(folder: Path, command: list[str]) -> Row:
    """Return the bytes that one more passing test adds to the store."""
    sizes = []
    for tests in (SOME, MANY):
        project = _project(folder, tests)
        environment = _environment(folder, project)
        home = Path(environment["PYTEST_INSIGHT_HOME"])
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run(command, cwd=project, env=environment, capture_output=True, check=True)
        sizes.append((home / "sessions.json").stat().st_size)
    each = (sizes[1] - sizes[0]) / (MANY - SOME)
    title = "stored for a passing test (test_trivial.py::test_1234)"
    return Row(title, f"{each:.0f} bytes", target=f"<= {MOST_BYTES} bytes", kept=each <= MOST_BYTES)
