"""Every session of a large history as objects."""

from __future__ import annotations

from pytest_insight.storage import JSONStorage
from tests.benchmarks import floors
from tests.benchmarks.harness import in_child, in_turns
from tests.benchmarks.history import LARGE, history
from tests.benchmarks.report import Row, compared

TURNS = 7


def run() -> list[Row]:
    """Measure in a fresh interpreter."""
    seconds = in_child(measure, str(history(LARGE))).value
    ours, floor = min(seconds["ours"]), min(seconds["floor"])
    return [compared(f"all sessions as objects ({LARGE})", ours, floor, most=1.5)]


def measure(path: str) -> dict[str, list[float]]:
    """Seconds of loading and of the floor, in turns; both must give as many results."""
    loaded = sum(len(session.test_results) for session in JSONStorage(path).load_sessions())
    if loaded != sum(len(session.test_results) for session in floors.all_sessions(path)):
        raise RuntimeError("loading and the floor do not give the same results")
    return in_turns(
        {
            "ours": lambda: JSONStorage(path).load_sessions(),
            "floor": lambda: floors.all_sessions(path),
        },
        TURNS,
    )
