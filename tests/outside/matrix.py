"""Runs tests with other versions of pytest and of Python: `python -m tests.outside.matrix`."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.outside.environments import (
    BUILD,
    ROOT,
    clean_variables,
    environment,
    interpreter,
    python_version,
    table,
)

PYTHONS = ("3.12", "3.13")
"""Used where they are found, beside the Python that runs this."""
ALWAYS = (
    *("pytest-xdist==3.8.0", "pytest-rerunfailures==16.7", "hypothesis==6.170.15"),
    "psycopg[binary]==3.3.9",
)
PYTESTS = {
    "8": ("pytest==8.4.2", "pytest-subtests==0.15.0", *ALWAYS),
    "9": ("pytest==9.2.0", *ALWAYS),
}
HEADINGS = ("Python", "with", "pytest's closing line", "seconds", "")
_CLOSING = re.compile(r"^=* ?(\d+ .* in [0-9.]+s).*$", re.MULTILINE)


def main() -> int:
    """Run them all, print the table; 1 where one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.outside.matrix", description=__doc__)
    parser.add_argument("tests", nargs="*", default=["tests/recording"], help="what is run")
    tests = parser.parse_args().tests
    pythons = {python_version(Path(sys.executable)): Path(sys.executable)}
    for version in PYTHONS:
        found = interpreter(version)
        if found is None:
            print(f"There is no Python {version} here: it is left out.", file=sys.stderr)
        else:
            pythons.setdefault(python_version(found), found)
    lines: list[tuple[str, ...]] = []
    good = True
    for version, python in pythons.items():
        for pytest_version, wanted in PYTESTS.items():
            begin = time.monotonic()
            passed, closing = _run(version, python, pytest_version, tests)
            took = f"{time.monotonic() - begin:.0f}"
            verdict = "ok" if passed else "FAILED"
            lines.append((version, ", ".join(_plugins(wanted)), closing, took, verdict))
            good = good and passed
    print(f"\n{table([HEADINGS, *lines])}")
    return 0 if good else 1


def _run(version: str, python: Path, pytest_version: str, tests: list[str]) -> tuple[bool, str]:
    """Whether all passed, and pytest's closing line."""
    folder = BUILD / "matrix" / f"python{version}-pytest{pytest_version}"
    try:
        inside = environment(folder, python, PYTESTS[pytest_version])
    except subprocess.CalledProcessError as exc:
        return False, f"no environment: {exc}"
    print(f"Python {version}, {PYTESTS[pytest_version][0]}", file=sys.stderr, flush=True)
    # The tests start what stands beside the interpreter: `insight`, `pytest`.
    path = f"{inside.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    command: list[str | Path] = [inside, "-m", "pytest"]
    command += ["--numprocesses", "auto", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=clean_variables(PATH=path),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    print(done.stdout, flush=True)
    found = _CLOSING.findall(done.stdout)
    closing = found[-1] if found else f"none; exit status {done.returncode}"
    return done.returncode == 0 and bool(found), closing


def _plugins(wanted: tuple[str, ...]) -> list[str]:
    return [name.replace("==", " ") for name in wanted if name.startswith("pytest")]


if __name__ == "__main__":
    sys.exit(main())
