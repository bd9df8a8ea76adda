"""Record the test suites of other projects: `python -m tests.outside.real [NAME ...]`.

Each is downloaded as a source distribution and run in an environment of its own, and what is stored
is compared with pytest's closing line. Whether its tests pass is not our matter.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import NamedTuple

from pytest_insight.models import TestSession
from pytest_insight.storage import JSONStorage
from tests.outside.environments import (
    BUILD,
    PIP,
    environment,
    run,
    run_suite,
    table,
    versions,
)
from tests.recording.runs import closing_counts, stored_counts

ALWAYS = ("pytest==9.2.0", "pytest-xdist==3.8.0")
WORKERS = ("-n", "2")
SECONDS = 1_200


class Suite(NamedTuple):
    """A project's tests.

    Attributes:
        name: on PyPI.
        version: exactly this one.
        wanted: what its tests need, exactly these; pytest and pytest-xdist are there anyway.
        ways: with which options it is run, one time each.
    """

    name: str
    version: str
    wanted: tuple[str, ...] = ()
    ways: tuple[tuple[str, ...], ...] = ((),)


SUITES = (
    Suite(
        "attrs",
        "26.1.0",
        ("cloudpickle==3.1.2", "hypothesis==6.170.15", "pympler==1.1"),
        ((), WORKERS),
    ),
    Suite("click", "8.5.1", (), ((), WORKERS)),
    Suite("itsdangerous", "2.2.0", ("freezegun==1.5.5",)),
    Suite("more-itertools", "11.2.1"),  # unittest.TestCase with subTest
    Suite(
        "packaging",
        "26.3",
        ("hypothesis==6.170.15", "pretend==1.0.9", "tomli_w==1.2.0", "coverage==7.17.3"),
    ),
    Suite("pluggy", "1.7.0", ("pytest-benchmark==5.3.1",)),  # the library that pytest stands on
    # Patches the clock, shuffles its tests.
    Suite(
        "structlog",
        "26.1.0",
        (
            *("pytest-asyncio==1.5.0", "pytest-randomly==5.1.0", "simplejson==4.3.0"),
            *("time-machine==3.6.0", "rich==15.0.0"),
        ),
        ((), WORKERS),
    ),
)
HEADINGS = ("suite", "version", "options", "stored", "exit", "pytest's closing line", "")


def main() -> int:
    """Record the suites and print a table. Returns 1 if anything stored differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.outside.real", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="suites (default: all)")
    names = parser.parse_args().names
    unknown = set(names) - {suite.name for suite in SUITES}
    if unknown:
        parser.error(f"unknown suite {', '.join(sorted(unknown))}")
    lines: list[tuple[str, ...]] = []
    for suite in SUITES:
        if names and suite.name not in names:
            continue
        try:
            source = _source(suite)
            wanted = (*ALWAYS, *suite.wanted, str(source))
            python = environment(_folder(suite) / "env", Path(sys.executable), wanted)
            has = versions(python, [suite.name])
        except (OSError, subprocess.CalledProcessError) as exc:
            lines.append((suite.name, suite.version, "", "", "", f"not made: {exc}", "FAILED"))
            continue
        for options in suite.ways:
            print(f"{suite.name} {' '.join(options)}", file=sys.stderr, flush=True)
            *told, equal = _record(suite, python, source, options)
            verdict = "equal" if equal else "DIFFERENT"
            lines.append((suite.name, has.get(suite.name, "?"), " ".join(options), *told, verdict))
    same = sum(line[-1] == "equal" for line in lines)
    print(f"\n{table([HEADINGS, *lines])}\n\n{same} of {len(lines)} runs are stored as counted.")
    return 0 if same == len(lines) else 1


def _folder(suite: Suite) -> Path:
    return BUILD / "real" / f"{suite.name}-{suite.version}"


def _source(suite: Suite) -> Path:
    """Return the folder of the unpacked source distribution; download it if need be."""
    folder = _folder(suite) / "source"
    if not folder.is_dir():
        downloads = _folder(suite) / "download"
        shutil.rmtree(downloads, ignore_errors=True)
        which = ("--no-deps", "--no-binary", suite.name, f"{suite.name}=={suite.version}")
        run([sys.executable, *PIP, "download", *which, "--dest", downloads])
        (archive,) = downloads.glob("*.tar.gz")
        with tarfile.open(archive) as packed:
            packed.extractall(downloads, filter="data")
        (unpacked,) = (path for path in downloads.iterdir() if path.is_dir())
        unpacked.rename(folder)
    return folder


def _record(
    suite: Suite, python: Path, source: Path, options: tuple[str, ...]
) -> tuple[str, str, str, bool]:
    """Return the number of stored results, the exit status, the closing line, and if all agree."""
    home = _folder(suite) / "home"
    shutil.rmtree(home, ignore_errors=True)
    command: list[str | Path] = [
        python,
        "-m",
        "pytest",
        "--insight",
        "--color=no",
        "-p",
        "no:cacheprovider",
    ]
    done = run_suite((*command, *options), source, home, SECONDS)
    (_folder(suite) / f"output{'-'.join(options)}.txt").write_text(done.stdout, "utf-8")
    sessions = JSONStorage(home / "sessions.json").load_sessions()
    told = [line for line in done.stdout.splitlines() if " in " in line and line.endswith("=")]
    closing = told[-1].strip("= ") if told else "none"
    stored = ", ".join(str(len(session.test_results)) for session in sessions) or "none"
    equal = len(sessions) == 1 and _agrees(sessions[0], done.stdout, done.returncode)
    if not equal:
        print(done.stdout[-3_000:], file=sys.stderr)
    return stored, str(done.returncode), closing, equal


def _agrees(session: TestSession, printed: str, exit_status: int) -> bool:
    try:
        counts = closing_counts(printed.splitlines())
    except AssertionError:
        return False
    if stored_counts(session) != counts:
        print(f"stored: {stored_counts(session)}; pytest says: {counts}", file=sys.stderr)
        return False
    return session.exit_status == exit_status and not session.crashed


if __name__ == "__main__":
    sys.exit(main())
