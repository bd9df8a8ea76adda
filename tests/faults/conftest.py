from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_insight.storage import JSONStorage
from tests.faults.places import KINDS, Place
from tests.faults.victims import Start, Victim, forking

LONG = os.environ.get("FAULTS") == "long"
SEED = int(os.environ.get("FAULTS_SEED", "20261101"))

MOMENT = 0.05
"""Seconds within which a process is killed at first: time for about ten saves."""

Rounds = Callable[[int, int], range]


@pytest.fixture
def rounds() -> Rounds:
    """The number of repetitions: `rounds(fast, long)`."""

    def chosen(fast: int, long: int) -> range:
        return range(long if LONG else fast)

    return chosen


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """A random generator, seeded by `FAULTS_SEED` and the name of the test."""
    print(f"FAULTS_SEED={SEED}")
    return random.Random(f"{SEED} {request.node.name}")


class Moments:
    """The time to kill a process: adjusted so that about half of them finish first."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._within = MOMENT
        self._done: list[bool] = []

    def kill(self, victim: Victim) -> bool:
        """Kill the process at a random moment. Returns whether it had finished before."""
        victim.wait_for_first()
        time.sleep(self._rng.uniform(0, self._within))
        done = "done" in victim.kill()
        self._done.append(done)
        self._within *= 0.8 if done else 1.25
        return done

    def assert_both(self) -> None:
        """Fail unless some processes finished and some did not."""
        print(f"{self._done.count(True)} of {len(self._done)} were done when they were killed")
        assert len(set(self._done)) == 2 or not LONG


@pytest.fixture
def moments(rng: random.Random) -> Moments:
    return Moments(rng)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A place without a store, for each kind of storage."""
    return Place(request.param, tmp_path / "store" / KINDS[request.param].file)


@pytest.fixture
def store(tmp_path: Path) -> JSONStorage:
    return JSONStorage(tmp_path / "store" / "sessions.json")


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a function of `tests.faults.victims` in a new process."""
    context = forking()
    running: list[Victim] = []

    def begin(work: Callable[..., None], *arguments: object) -> Victim:
        victim = Victim(context, work, arguments)
        running.append(victim)
        return victim

    yield begin
    for victim in running:
        victim.kill()
