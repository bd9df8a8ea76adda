"""Saving one session of 500 results to histories of three sizes.

After each save the file is cut back to what it was and synced, outside the measured time, so that
every save finds the history it is meant for and no writing of an earlier one. The best turn counts:
where the disk is busy the middle one waits for it, and hides what we add.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pytest_insight.document.layout import END
from pytest_insight.storage import JSONStorage
from tests.benchmarks import floors
from tests.benchmarks.harness import in_child, in_turns
from tests.benchmarks.history import BENCH, LARGE, Shape, history, one_session
from tests.benchmarks.report import Row, compared

RESULTS = 500
TURNS = 60
FEW, MANY, MOST = Shape(10, 1_000), LARGE, Shape(10_000, 20)
"""The 10,000 sessions are small ones, so that they need not be generated for minutes."""

SAME = 1.15
"""What "the same within noise" allows; two equal stores differ by up to 1.03 here."""


def run() -> list[Row]:
    """Measure in a fresh interpreter, on copies of the histories."""
    folder = BENCH / "saving"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    paths = {}
    for shape in (FEW, MANY, MOST):
        for kind in ("ours", "floor"):
            name = f"{kind} {shape}"
            paths[name] = str(shutil.copy(history(shape), folder / f"{name}.json"))
    paths["control"] = str(shutil.copy(history(FEW), folder / "control.json"))
    best = {name: min(taken) for name, taken in in_child(measure, paths).value.items()}
    shutil.rmtree(folder)

    rows = [
        compared(
            f"saving {RESULTS} results to {shape}",
            best[f"ours {shape}"],
            best[f"floor {shape}"],
            most=2,
        )
        for shape in (FEW, MANY, MOST)
    ]
    few = best[f"ours {FEW}"]
    for shape in (MANY, MOST):
        title = f"saving to {shape.sessions:,} sessions against saving to {FEW.sessions}"
        rows.append(compared(title, best[f"ours {shape}"], few, most=SAME))
    rows.append(compared("for comparison: two equal stores", best["control"], few))
    return rows


def measure(paths: dict[str, str]) -> dict[str, list[float]]:
    """Seconds of saving to each of the files, in turns."""
    session = one_session(RESULTS)
    sizes = {name: Path(path).stat().st_size for name, path in paths.items()}
    candidates: dict[str, Callable[[], object]] = {}
    for name, path in paths.items():
        if name.startswith("floor"):
            candidates[name] = partial(floors.append, path, session)
        else:
            candidates[name] = partial(JSONStorage(path).save_session, session)

    def cut_back(name: str) -> None:
        with Path(paths[name]).open("r+b", buffering=0) as file:
            if file.seek(0, os.SEEK_END) <= sizes[name]:
                raise RuntimeError(f"nothing was appended: {name}")
            file.truncate(sizes[name])
            file.seek(sizes[name] - len(END))
            file.write(END)
            os.fsync(file.fileno())

    return in_turns(candidates, TURNS, after_each=cut_back)
