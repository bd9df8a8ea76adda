"""Renamed tests: one vanished and one appeared, with nearly the same name in the same file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from pytest_insight.analysis.comparison.nodeids import NodeName, is_file, split_nodeid

LEAST_SIMILARITY = 0.8
"""Of `file.py::TestClass::test_name`, by `difflib`."""
LEAST_OF_NAMES = 0.7
"""Without the file: else any two short names in a file with a long one would do."""
MAX_COMPARED = 100
"""Names in one file, with one set of parameters; if there are more, none is looked at."""


def find_renames(vanished: Iterable[str], appeared: Iterable[str]) -> dict[str, str]:
    """Return the old name of each test that was renamed, by its new one.

    Only tests of the same file with the same parameters can be one test. The most similar pairs
    come first; each test is in one pair at most.
    """
    old, new = _by_place(vanished), _by_place(appeared)
    found: dict[str, str] = {}
    for place, names in new.items():
        if place in old and max(len(names), len(old[place])) <= MAX_COMPARED:
            found.update(_pairs(old[place], names))
    return found


def _by_place(nodeids: Iterable[str]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for nodeid in sorted(nodeids):
        if not is_file(nodeid):
            name = split_nodeid(nodeid)
            found.setdefault((name.file, name.parameters), []).append(nodeid)
    return found


def _pairs(old: list[str], new: list[str]) -> dict[str, str]:
    ranked = [
        (-ratio, before, after)
        for after in new
        for before in old
        if (ratio := _similarity(split_nodeid(before), split_nodeid(after)))
    ]
    found: dict[str, str] = {}
    taken: set[str] = set()
    for _, before, after in sorted(ranked):
        if after not in found and before not in taken:
            found[after] = before
            taken.add(before)
    return found


def _similarity(before: NodeName, after: NodeName) -> float:
    """Return how similar two names in one file are; 0.0 if not enough."""
    from difflib import SequenceMatcher  # few comparisons need it

    names = SequenceMatcher(None, before.names, after.names, autojunk=False)
    if names.quick_ratio() < LEAST_OF_NAMES or names.ratio() < LEAST_OF_NAMES:
        return 0.0
    file = PurePosixPath(before.file).name
    one, other = (f"{file}::{name.names}" for name in (before, after))
    ratio = SequenceMatcher(None, one, other, autojunk=False).ratio()
    return ratio if ratio >= LEAST_SIMILARITY else 0.0
