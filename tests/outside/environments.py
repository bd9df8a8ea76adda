"""Virtual environments with this project and exactly named versions of others, kept in `build/`."""

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
    """An environment with what is wanted, and this project as it is in the working tree.

    Made anew when something else is wanted than it was made of, or the project wants other things.

    Args:
        folder: where it is.
        python: the interpreter it is made with.
        wanted: arguments of `pip install`.

    Returns:
        its interpreter.

    Raises:
        subprocess.CalledProcessError: it cannot be made.
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
    """The versions of distributions that an environment has of these."""
    code = (
        "import sys, importlib.metadata as m\n"
        "for d in m.distributions(): print(d.name.lower(), d.version)"
    )
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    installed = dict(line.split() for line in done.stdout.splitlines())
    return {name: installed[name] for name in names if name in installed}


def interpreter(version: str) -> Path | None:
    """An interpreter of this version, "3.12", that starts; on the PATH, or one of pyenv's."""
    name = f"python{version}"
    on_path = shutil.which(name)
    # What pyenv puts on the PATH starts only where that version is switched on.
    of_pyenv = (Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/{name}")
    for found in [on_path, *sorted(map(str, of_pyenv), key=_numbers, reverse=True)]:
        if found and python_version(Path(found)).startswith(f"{version}."):
            return Path(found)
    return None


def python_version(python: Path) -> str:
    """The version that an interpreter says it is; empty where it does not start."""
    code = "import platform; print(platform.python_version())"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _numbers(path: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", path)]


def run(command: Sequence[str | Path]) -> None:
    """Run to the end; what it prints goes where ours goes."""
    subprocess.run(command, check=True)


def clean_variables(**more: str) -> dict[str, str]:
    """Our environment variables without what would change how pytest runs."""
    hindering = ("PYTEST", "PYTHON", "COLUMNS", "FORCE_COLOR", "COVERAGE", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(hindering)}
    return kept | more


def table(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells, the first one the headings, in columns."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    ruled = [lines[0], ["-" * width for width in widths], *lines[1:]]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in ruled
    )
