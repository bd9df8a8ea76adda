"""Virtual environments in `build/` with this project and given versions of other projects."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet")


def environment(folder: Path, python: Path, wanted: Sequence[str]) -> Path:
    """Make a virtual environment with the working tree's project, and return its interpreter.

    An existing one is used if it was made from the same arguments and the same pyproject.toml.

    Args:
        folder: the folder of the environment.
        python: the interpreter to make it with.
        wanted: arguments of `pip install`.

    Raises:
        subprocess.CalledProcessError: the environment cannot be made.
    """
    inside = folder / "bin" / "python"
    made_of = folder / "made-of.txt"
    recipe = "\n".join([str(python), *wanted, (ROOT / "pyproject.toml").read_text()])
    if not (made_of.is_file() and made_of.read_text() == recipe):
        print(f"Making {folder.relative_to(ROOT)}.", file=sys.stderr, flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        run([python, "-m", "venv", folder])
        run([inside, *PIP, "install", *wanted, "--editable", ROOT])
        made_of.write_text(recipe)
    return inside


def versions(python: Path, names: Sequence[str]) -> dict[str, str]:
    """Return the installed version of each of these distributions, by name."""
    code = (
        "import sys, importlib.metadata as m\n"
        "for d in m.distributions(): print(d.name.lower(), d.version)"
    )
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    installed = dict(line.split() for line in done.stdout.splitlines())
    return {name: installed[name] for name in names if name in installed}


def interpreter(version: str) -> Path | None:
    """Return an interpreter of a version like "3.12", from the PATH or pyenv, or None."""
    name = f"python{version}"
    on_path = shutil.which(name)
    # pyenv's shim on the PATH fails unless that version is activated.
    of_pyenv = (Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/{name}")
    for found in [on_path, *sorted(map(str, of_pyenv), key=_numbers, reverse=True)]:
        if found and python_version(Path(found)).startswith(f"{version}."):
            return Path(found)
    return None


def python_version(python: Path) -> str:
    """Return the version of an interpreter; "" if it does not start."""
    code = "import platform; print(platform.python_version())"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _numbers(path: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", path)]


def run(command: Sequence[str | Path]) -> None:
    """Run a command; its output is not captured."""
    subprocess.run(command, check=True)


def run_suite(
    command: Sequence[str | Path], folder: Path, home: Path, seconds: float, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a recorded suite in its folder; the output has standard error too.

    Args:
        command: its first word is the Python, beside which other programs of it are found.
        folder: the working directory.
        home: the home folder of pytest-insight.
        seconds: after these, `subprocess.TimeoutExpired` is raised.
        variables: further ones.
    """
    return subprocess.run(
        command,
        cwd=folder,
        env=clean_variables(
            PYTEST_INSIGHT_HOME=str(home),
            PATH=f"{Path(command[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            **variables,
        ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=seconds,
        check=False,
    )


def clean_variables(**more: str) -> dict[str, str]:
    """Return the environment variables without those that change how pytest runs."""
    hindering = ("PYTEST", "PYTHON", "COLUMNS", "FORCE_COLOR", "COVERAGE", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(hindering)}
    return kept | more


def table(lines: Sequence[Sequence[str]]) -> str:
    """Return lines of cells as a text table; the first line has the headings."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    ruled = [lines[0], ["-" * width for width in widths], *lines[1:]]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in ruled
    )
