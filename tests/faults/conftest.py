from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path

import pytest

from pytest_insight.storage import JSONStorage
from tests.faults.places import KINDS, Place
from tests.faults.victims import Start, Victim

LONG = os.environ.get("FAULTS") == "long"
SEED = int(os.environ.get("FAULTS_SEED", "20261101"))

Rounds = Callable[[int, int], range]


@pytest.fixture
def rounds() -> Rounds:
    """How often to do it: `rounds(fast, long)`."""

    def chosen(fast: int, long: int) -> range:
        return range(long if LONG else fast)

    return chosen


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """Random numbers that are the same for the same `FAULTS_SEED` and test."""
    print(f"FAULTS_SEED={SEED}")
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where there is no storage yet, of each kind in turn."""
    return Place(request.param, tmp_path / "store" / "sessions.json")


@pytest.fixture
def store(tmp_path: Path) -> JSONStorage:
    return JSONStorage(tmp_path / "store" / "sessions.json")


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a function of `tests.faults.victims` in a process of its own."""
    # Forked off a server that has everything imported: a round costs 10 ms, not 200.
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.refused"])
    running: list[Victim] = []

    def begin(work: Callable[..., None], *arguments: object) -> Victim:
        victim = Victim(context, work, arguments)
        running.append(victim)
        return victim

    yield begin
    for victim in running:
        victim.kill()
