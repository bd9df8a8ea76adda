"""The demo's history, made once for all tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from filelock import FileLock

from tests.demo.history import demo_environment, make_history


@pytest.fixture(scope="session")
def demo_history(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The home folder with the sample project in it; do not change anything there."""
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent  # of all workers of pytest-xdist
    made = shared / "demo"
    with FileLock(shared / "demo.lock"):
        if not made.exists():
            make_history(shared / "demo.part")
            (shared / "demo.part").rename(made)
    return made


@pytest.fixture
def shop(demo_history: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The sample project in a home with two weeks of history; the working directory."""
    # The path of `tmp_path` is long enough to wrap tables that do not wrap for a reader.
    with TemporaryDirectory(prefix="i") as name:
        home = Path(name)
        shutil.copytree(demo_history, home, dirs_exist_ok=True)
        for variable, value in demo_environment(home).items():
            monkeypatch.setenv(variable, value)
        with monkeypatch.context() as inside:
            inside.chdir(home / "shop")
            yield home / "shop"
