"""Measuring fairly on a machine that also does other things: in turns, and in fresh processes."""

from __future__ import annotations

import gc
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks.history import ROOT
from tests.tools import on_terminal

_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1_024


class Cost(NamedTuple):
    """What one run of a process took.

    Attributes:
        wall: seconds.
        cpu: seconds of processor time, with that of processes it has waited for.
        peak: the most memory it held resident, in bytes; at least what this process held.
    """

    wall: float
    cpu: float
    peak: int


def in_turns(
    candidates: Mapping[str, Callable[[], object]],
    turns: int,
    *,
    after_each: Callable[[str], object] = lambda _: None,
) -> dict[str, list[float]]:
    """Seconds of each candidate, measured A, B, A, B, ... after one turn that does not count.

    Take the best turn: it was disturbed least.
    """
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for turn in range(turns + 1):
        for name, function in candidates.items():
            gc.collect()
            begin = time.perf_counter()
            result = function()
            took = time.perf_counter() - begin
            del result
            after_each(name)
            if turn:
                seconds[name].append(took)
    return seconds


class Child(NamedTuple):
    """What a function returned in a fresh interpreter, and that process's peak memory in bytes."""

    value: Any
    peak: int


def in_child(function: Callable[..., object], *arguments: object) -> Child:
    """Run a module's function in a fresh interpreter; arguments and result pass as JSON."""
    code = "import sys; from tests.benchmarks import harness; harness.child_main(*sys.argv[1:])"
    name = f"{function.__module__}:{function.__name__}"
    command = [sys.executable, "-c", code, name, json.dumps(arguments)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return Child(*json.loads(done.stdout))


def child_main(name: str, arguments: str) -> None:
    """What `in_child` runs on the other side."""
    from importlib import import_module

    module, _, function = name.partition(":")
    value = getattr(import_module(module), function)(*json.loads(arguments))
    print(json.dumps([value, peak_memory()]))


def peak_memory() -> int:
    """The most memory this process ever held resident, in bytes.

    Linux: `VmHWM`, because `ru_maxrss` of a child begins with what its parent had. Elsewhere
    `ru_maxrss`.
    """
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1_024
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT


def run_process(command: Sequence[str | Path], environment: Mapping[str, str]) -> Cost:
    """Run a process to its end, output thrown away; it must end with status 0."""
    arguments = [str(part) for part in command]
    with Path(os.devnull).open("wb") as nothing:
        actions = [
            (os.POSIX_SPAWN_DUP2, nothing.fileno(), 1),
            (os.POSIX_SPAWN_DUP2, nothing.fileno(), 2),
        ]
        begin = time.perf_counter()
        process = os.posix_spawn(arguments[0], arguments, environment, file_actions=actions)
        _, status, usage = os.wait4(process, 0)
        wall = time.perf_counter() - begin
    if status:
        raise RuntimeError(f"{' '.join(arguments)} ended with {os.waitstatus_to_exitcode(status)}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _MAXRSS_UNIT)


_INSIGHT = """
import atexit, sys
from pathlib import Path
from pytest_insight.cli import main
from tests.benchmarks.harness import peak_memory
peak = Path(sys.argv.pop(1))
atexit.register(lambda: peak.write_text(str(peak_memory())))
main()
"""
"""The command, and at its end its own peak of memory: the parent's count would hide it."""


def command_peak(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """The most memory that `insight` held, in bytes, with standard error on a terminal.

    Raises:
        RuntimeError: it did not end with status 0.
    """
    with tempfile.NamedTemporaryFile() as peak:
        command = [sys.executable, "-c", _INSIGHT, peak.name, *arguments]
        shown = on_terminal(command, environment, streams=["stderr"], folder=ROOT)
        if shown.status:
            raise RuntimeError(f"insight {' '.join(arguments)}: {shown.text}")
        return int(peak.read())


def instructions(
    command: Sequence[str | Path], environment: Mapping[str, str], folder: Path
) -> float:
    """Machine instructions of a process, without those of processes that it starts.

    valgrind (callgrind) counts them, the same to a millionth each time.
    """
    with tempfile.TemporaryDirectory() as temporary:
        counter = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={temporary}/out"]
        done = subprocess.run(
            [*counter, *command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if found is None:
        raise RuntimeError(f"callgrind counted nothing:\n{done.stderr}")
    return float(found[1])


LAYOUTS = (0, 200, 400, 600, 800)
"""How many objects are made before pytest is imported, for each run that a mean is taken of."""


def pytest_instructions(
    python: str | Path,
    options: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    objects: int,
) -> float:
    """Return the instructions of a pytest run that starts with a number of objects in memory."""
    made_before = f"before = [bytes(16 * (n % 30)) for n in range({objects})]"
    code = f"{made_before}; import pytest, sys; raise SystemExit(pytest.main(sys.argv[1:]))"
    return instructions([python, "-c", code, *options], environment, folder)


def quiet_environment(**more: str) -> dict[str, str]:
    """Our environment without what would change how pytest or pytest-insight runs."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST", "PYTHON", "COLUMNS", "FORCE_COLOR", "COVERAGE"))
    }
    return kept | more
