"""Run tests with other versions of pytest and Python: `python -m tests.outside.matrix [TESTS]`.

With `--lowest`, run them with the lowest version that pyproject.toml allows of each dependency.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.outside.environments import (
    BUILD,
    ROOT,
    clean_variables,
    environment,
    interpreter,
    python_version,
    table,
)

PYTHONS = ("3.11", "3.12", "3.13")
"""Versions that are used if they are found, beside the running Python."""
ALWAYS = ("pytest-xdist==3.8.0", "hypothesis==6.170.15", "psycopg[binary]==3.3.9")
RERUNS = "pytest-rerunfailures==16.7"
PYTESTS = {
    "8.0": ("pytest==8.0.2", "pytest-subtests==0.15.0", "pytest-rerunfailures==15.1", *ALWAYS),
    "8.4": ("pytest==8.4.2", "pytest-subtests==0.15.0", RERUNS, *ALWAYS),
    "9": ("pytest==9.2.0", RERUNS, *ALWAYS),
}
LIGHT = ["tests/recording"]
"""Tests that need nothing besides; for others all tools of the extra `dev` are installed."""
HEADINGS = ("Python", "with", "pytest's closing line", "seconds", "")
_CLOSING = re.compile(r"^=* ?(\d+ .* in [0-9.]+s).*$", re.MULTILINE)


def main() -> int:
    """Run the tests in each environment and print a table. Returns 1 if a run failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.outside.matrix", description=__doc__)
    parser.add_argument("tests", nargs="*", default=LIGHT, help="tests to run")
    parser.add_argument("--lowest", action="store_true", help="use the lowest allowed versions")
    for option, versions in (("--python", PYTHONS), ("--pytest", tuple(PYTESTS))):
        parser.add_argument(option, choices=versions, help="only this version (default: all)")
    arguments = parser.parse_args()
    if arguments.lowest and (arguments.python or arguments.pytest):
        parser.error("--lowest is for the running Python and the lowest pytest")
    pythons = _this_python() if arguments.lowest else _pythons(arguments.python)
    requirements = {"lowest": lowest_requirements()} if arguments.lowest else PYTESTS
    if arguments.pytest:
        requirements = {arguments.pytest: PYTESTS[arguments.pytest]}
    if arguments.tests != LIGHT and not arguments.lowest:
        requirements = {f"{name}-dev": (*r, *_extra("dev")) for name, r in requirements.items()}
    lines: list[tuple[str, ...]] = []
    all_passed = True
    for version, python in pythons.items():
        for name, wanted in requirements.items():
            begin = time.monotonic()
            folder = BUILD / "matrix" / f"python{version}-pytest{name}"
            passed, closing = _run(folder, python, wanted, arguments.tests)
            took = f"{time.monotonic() - begin:.0f}"
            verdict = "ok" if passed else "FAILED"
            lines.append((version, ", ".join(_plugins(wanted)), closing, took, verdict))
            all_passed = all_passed and passed
    print(f"\n{table([HEADINGS, *lines])}")
    return 0 if all_passed and lines else 1


def lowest_requirements() -> tuple[str, ...]:
    """Return the dependencies of pyproject.toml, each pinned to its lowest allowed version.

    What tests need besides is installed in today's versions.
    """
    needed = [*_project()["dependencies"], *_extra("postgresql"), *_extra("arrow")]
    names = {re.split(r"[\[>]", requirement)[0] for requirement in needed}
    for_tests = [
        requirement
        for requirement in _extra("dev")
        if re.split(r"[\[>]", requirement)[0] not in names
    ]
    return (*(requirement.replace(">=", "==") for requirement in needed), *for_tests)


def _extra(name: str) -> list[str]:
    requirements: list[str] = _project()["optional-dependencies"][name]
    return requirements


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project


def _this_python() -> dict[str, Path]:
    return {python_version(Path(sys.executable)): Path(sys.executable)}


def _pythons(only: str | None) -> dict[str, Path]:
    """Return the running Python and those of `PYTHONS` that are found, or one version of them."""
    running = "{}.{}".format(*sys.version_info)
    pythons = _this_python() if only in (None, running) else {}
    for version in (only,) if only else PYTHONS:
        if version == running:
            continue
        found = interpreter(version)
        if found is None:
            print(f"Python {version} was not found and is left out.", file=sys.stderr)
        else:
            pythons[python_version(found)] = found
    return pythons


def _run(
    folder: Path, python: Path, wanted: Sequence[str], tests: Sequence[str]
) -> tuple[bool, str]:
    """Return whether all tests passed, and pytest's closing line."""
    try:
        inside = environment(folder, python, wanted)
    except subprocess.CalledProcessError as exc:
        return False, f"pip could not make the environment (exit status {exc.returncode})"
    print(f"Running in {folder.relative_to(ROOT)}.", file=sys.stderr, flush=True)
    # The tests start the `insight` and `pytest` that are in the interpreter's folder.
    path = f"{inside.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    command: list[str | Path] = [inside, "-m", "pytest", "--numprocesses", "auto"]
    command += ["-p", "no:cacheprovider", *tests]
    lines = []
    with subprocess.Popen(
        command, cwd=ROOT, env=clean_variables(PATH=path), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:  # as it comes: all tests take many minutes
            print(line, end="", flush=True)
            lines.append(line)
    found = _CLOSING.findall("".join(lines))
    closing = found[-1] if found else f"none; exit status {process.returncode}"
    return process.returncode == 0 and bool(found), closing


def _plugins(wanted: Sequence[str]) -> list[str]:
    return [
        re.sub("[=>]=", " ", requirement)
        for requirement in wanted
        if requirement.startswith("pytest") and "==" in requirement
    ]


if __name__ == "__main__":
    sys.exit(main())
