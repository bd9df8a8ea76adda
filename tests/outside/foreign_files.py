"""Write `tests/exchange/foreign`: one suite, recorded by all recorders at once in several ways.

`python -m tests.outside.foreign_files` makes a virtual environment with the recorders, and runs
the suite of `foreign_suite` in each way. Each folder then has the file of each recorder, and
`recorded.json`, what pytest-insight recorded in the same run. Paths and names of this machine are
replaced. Tests read the files; they need none of the recorders.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.outside.environments import BUILD, ROOT, clean_variables, environment, run
from tests.outside.foreign_suite import CRASH, FLAKY, SUBTESTS, SUITE

FILES = ROOT / "tests" / "exchange" / "foreign"
REQUIREMENTS = (
    "pytest==9.2.0",
    "pytest-xdist==3.8.0",
    "pytest-rerunfailures==16.7",
    "pytest-reportlog==1.0.0",
    "pytest-json-report==1.5.0",
    "pytest-metadata==3.1.1",
    "pytest-json-ctrf==0.6.1",
    "allure-pytest==2.16.2",
)
RECORDERS = (
    "--junitxml={out}/junit.xml",
    "--report-log={out}/reportlog.jsonl",
    "--json-report",
    "--json-report-file={out}/json-report.json",
    "--ctrf={out}/ctrf.json",
    "--alluredir={out}/allure",
)
ALWAYS = ("--insight", "--insight-sut=shop", "-p", "no:cacheprovider", "--color=no")
BROKEN = "--continue-on-collection-errors"


class Way(NamedTuple):
    """One way to run the suite.

    Attributes:
        options: of pytest.
        more: files besides the common ones.
        recorders: the options of the recorders.
    """

    options: tuple[str, ...] = ()
    more: Mapping[str, str] = {}
    recorders: tuple[str, ...] = RECORDERS


WAYS = {
    "plain": Way((BROKEN, "--doctest-glob=*.txt")),
    "output": Way((BROKEN, "-o", "junit_logging=all"), recorders=RECORDERS[:1]),
    "xunit1": Way((BROKEN, "-o", "junit_family=xunit1"), recorders=RECORDERS[:1]),
    "prefix": Way((BROKEN, "--junitprefix=nightly.linux"), recorders=RECORDERS[:1]),
    "reruns": Way(("--reruns=2", "tests/test_flaky.py"), {"tests/test_flaky.py": FLAKY}),
    "xdist": Way((BROKEN, "-n2", "-o", "junit_logging=all")),
    "subtests": Way(("tests/test_subtests.py",), {"tests/test_subtests.py": SUBTESTS}),
    "crash": Way(("-n2", BROKEN), {"tests/test_crash.py": CRASH}, RECORDERS[:-1]),
    "stopped": Way(("-x", "tests/test_outcomes.py"), recorders=RECORDERS[:-1]),
}


def main() -> int:
    """Run the suite in each way and replace the files."""
    python = environment(BUILD / "foreign", Path(sys.executable), REQUIREMENTS)
    for name, way in WAYS.items():
        print(f"Recording {name}.", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            _record(python, way, folder)
            target = FILES / name
            shutil.rmtree(target, ignore_errors=True)
            _copy(folder / "out", target, _replacements(python, folder))
    return 0


def _record(python: Path, way: Way, folder: Path) -> None:
    """Run the suite once; the files of the recorders are in `out` then."""
    suite, out, attempts = folder / "shop", folder / "out", folder / "attempts"
    for created in (out, attempts):
        created.mkdir()
    for name, text in {**SUITE, **way.more}.items():
        path = suite / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    who = ("-c", "user.name=Shop", "-c", "user.email=shop@example.com")
    for arguments in (("init", "-q", "-b", "main"), ("add", "."), ("commit", "-q", "-m", "Shop")):
        run(["git", "-C", str(suite), *who, *arguments])
    options = [option.format(out=out) for option in way.recorders]
    done = subprocess.run(
        [python, "-m", "pytest", *ALWAYS, *options, *way.options],
        cwd=suite,
        env=clean_variables(
            PYTEST_INSIGHT_HOME=str(folder / "home"),
            XDG_STATE_HOME=str(folder / "home"),
            ATTEMPTS=str(attempts),
            PYTHONDONTWRITEBYTECODE="1",
        ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 1:  # some tests fail, and nothing else goes wrong
        raise RuntimeError(f"pytest exited with {done.returncode}:\n{done.stdout}{done.stderr}")
    shutil.copy(folder / "home" / "sessions.json", out / "recorded.json")


def _replacements(python: Path, folder: Path) -> dict[bytes, bytes]:
    """Return what is replaced in each file: longer texts first."""
    names = {
        str(folder / "shop"): "/home/ci/shop",
        str(folder): "/home/ci",
        str(python.parent.parent): "/home/ci/env",
        str(ROOT): "/home/ci/pytest-insight",
        sys.base_prefix: "/usr",
        platform.release(): "6.1.0",
        f'"{socket.getfqdn()}"': '"ci-host"',
        f'"{socket.gethostname()}"': '"ci-host"',
    }
    return {old.encode(): new.encode() for old, new in names.items()}


def _copy(source: Path, target: Path, replacements: Mapping[bytes, bytes]) -> None:
    for path in sorted(source.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            for old, new in replacements.items():
                data = data.replace(old, new)
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(data)


if __name__ == "__main__":
    if os.name != "posix":
        sys.exit("this needs POSIX")
    sys.exit(main())
