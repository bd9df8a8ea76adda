"""The sample project with its git repository, and two weeks of recorded runs of it.

`python -m tests.demo.history FOLDER` makes the home folder of a developer who has recorded the
project: `FOLDER/shop` and `FOLDER/.pytest_insight`. The runs are real; they are made within seconds
and dated back afterwards, so that there is a history to ask about.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec

from pytest_insight.models import TestResult, TestSession
from pytest_insight.recording.facts.ci import SERVICES
from pytest_insight.storage import JSONStorage

HERE = Path(__file__).parent
PROJECT = HERE / "shop"
PATCHES = sorted((HERE / "commits").glob("*.patch"))
"""The commits after the first; the last one is made on a branch."""

BRANCH = "feature/coupons"
PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
STORE = Path(".pytest_insight", "sessions.json")
_DROPPED = (
    *("PYTEST_", "GIT_", "XDG_", "NO_COLOR", "FORCE_COLOR", "COLUMNS"),
    *(service.sign for service in SERVICES),  # a run in CI would have the branch of that
)
"""Beginnings of the environment variables that would change what is recorded."""


class Run(NamedTuple):
    """One recorded run.

    Attributes:
        days_ago: the age that it is given, in days.
        seed: what the project's random numbers come from; some of them make a test fail.
        tag: what is given as `--insight-tag`.
    """

    days_ago: float
    seed: int
    tag: str = "ci=push"


RUNS: tuple[tuple[Run, ...], ...] = (
    (
        *(Run(13.2, seed=2), Run(12.9, seed=12), Run(12.6, seed=3, tag="ci=nightly")),
        *(Run(12.2, seed=13), Run(11.6, seed=14, tag="ci=nightly")),
    ),
    (
        *(Run(10.4, seed=4), Run(10.1, seed=15), Run(9.6, seed=5, tag="ci=nightly")),
        Run(8.6, seed=16, tag="ci=nightly"),
    ),
    (Run(7.3, seed=6), Run(6.6, seed=9, tag="ci=nightly")),
    (Run(4.2, seed=7), Run(2.6, seed=18, tag="ci=nightly"), Run(1.6, seed=8, tag="ci=nightly")),
    (Run(0.2, seed=11),),
)
"""The runs after each commit."""


def make_history(home: Path) -> None:
    """Make a home folder, which must not exist, with the project and its history."""
    project, stores = home / "shop", home / "recorded"
    home.mkdir(parents=True)
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("__pycache__"))
    now = datetime.now(UTC)
    environment = demo_environment(home)
    _git(project, environment, "init", "-q", "-b", "main")
    sessions = []
    for number, runs in enumerate(RUNS):
        if number:
            patch = PATCHES[number - 1]
            if patch == PATCHES[-1]:
                _git(project, environment, "checkout", "-q", "-b", BRANCH)
            _git(project, environment, "apply", str(patch))
        dated = environment | _commit_dates(now - timedelta(days=runs[0].days_ago, minutes=5))
        _git(project, dated, "add", ".")
        _git(project, dated, "commit", "-q", "-m", _subject(number))
        recorded = _record(project, environment, runs, stores)
        sessions += [
            _dated_back(session, now - timedelta(days=run.days_ago))
            for session, run in zip(recorded, runs, strict=True)
        ]
    JSONStorage(home / STORE).save_sessions(sessions)
    shutil.rmtree(stores)


def demo_environment(home: Path) -> dict[str, str]:
    """Return the environment variables of a developer with that home folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_DROPPED)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return kept | {
        "HOME": str(home),
        "PATH": path,
        "PYTHONDONTWRITEBYTECODE": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.com",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.com",
        "SHOP_SEED": "11",  # no flaky failure in the runs of a reader
    }


def _commit_dates(when: datetime) -> dict[str, str]:
    return dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), when.isoformat())


def _subject(number: int) -> str:
    if number == 0:
        return "Prices, a basket, orders, search and deliveries"
    lines = PATCHES[number - 1].read_text("utf-8").splitlines()
    return next(line for line in lines if line.startswith("Subject:")).partition("] ")[2]


def _git(project: Path, environment: Mapping[str, str], *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=project, env=environment, check=True)


def _record(
    project: Path, environment: Mapping[str, str], runs: Sequence[Run], folder: Path
) -> list[TestSession]:
    """Run pytest once for each run, all at the same time, each with a store to itself."""
    stores = [folder / f"{run.seed}.json" for run in runs]
    started = [
        subprocess.Popen(
            [*PYTEST, "--insight", "--insight-tag", run.tag],
            cwd=project,
            env={**environment, "SHOP_SEED": str(run.seed), "PYTEST_INSIGHT_DB_PATH": str(store)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for run, store in zip(runs, stores, strict=True)
    ]
    for process in started:
        printed, _ = process.communicate()
        if process.returncode > 1:  # 1 is a failed test, which is what the history is about
            raise RuntimeError(f"pytest ended with status {process.returncode}:\n{printed}")
    return [JSONStorage(store).load_sessions()[0] for store in stores]


def _dated_back(session: TestSession, start: datetime) -> TestSession:
    by = session.session_start_time - start
    random_part = session.session_id.rpartition("-")[2]
    return msgspec.structs.replace(
        session,
        session_id=f"{session.sut_name}-{start:%Y%m%d-%H%M%S}-{random_part}",
        session_start_time=start,
        session_stop_time=session.session_stop_time - by,
        test_results=tuple(
            msgspec.structs.replace(
                result, start_time=result.start_time - by, duration=_without_load(result)
            )
            for result in session.test_results
        ),
    )


def _without_load(result: TestResult) -> float:
    """Return a duration without what a busy machine adds to tests that take no time.

    The runs of a commit are made at the same time; some tests would seem to have got slower.
    """
    return result.duration if "test_search" in result.nodeid else min(result.duration, 0.001)


if __name__ == "__main__":
    make_history(Path(sys.argv[1]).resolve())
