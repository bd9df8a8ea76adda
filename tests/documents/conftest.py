"""The demo's history, made once for all tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from tests.demo.history import demo_environment, make_history


@pytest.fixture(scope="session")
def demo_history(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder with `shop` and `home`; do not change anything in it."""
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
def shop(demo_history: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample project in a home with two weeks of history; the working directory."""
    home = tmp_path / "home"
    shutil.copytree(demo_history / "home", home, dirs_exist_ok=True)
    shutil.copytree(demo_history / "shop", tmp_path / "shop")
    for name, value in demo_environment(home).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path / "shop")
    return tmp_path / "shop"
