"""A command scans a JSON store at most once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_insight.storage import JSONStorage
from pytest_insight.storage.json import index, reader, verification
from tests.cli.conftest import Insight

COMMANDS = {
    "": 1,
    "sessions list --sut api": 1,
    "sessions list --limit 1": 1,  # the number of all, and short IDs
    "sessions list --failed --limit 1": 1,
    "query tests --limit 1": 1,
    "query sessions --failed --limit 1": 1,
    "sessions show": 0,
    "sessions show last": 0,
    "sessions show last~1": 1,
    "failures": 0,
    "sessions show api-1": 1,
    "query tests --session last": 1,
    "query tests --run last": 1,
    "query tests --run last~1": 1,
    "query tests --run api-1": 1,
    "query tests --outcome failed": 1,
    "query tests --group": 1,
    "query sessions --session last": 1,
    "history test_y": 1,
    "sessions pin last": 1,
    "sessions pin api-0 api-1": 1,
    "sessions clear --session api-1 --yes": 1,
    "sessions undo": 2,  # the store and the snapshot
    "sessions unpin *": 1,
    "sessions prune --keep 2 --yes": 1,
    "sessions undo --yes": 2,
    "export out.json": 1,
    "import out.json": 1,
    "sessions verify": 1,
}


def test_a_command_scans_a_store_at_most_once(
    insight: Insight, store: JSONStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In a folder of another project it is looked for any session of that project: one scan.
    Path("pytest.ini").write_text("[pytest]\ninsight_sut = api\n")
    scans = 0
    build_index = index.build_index

    def counted(*args: Any, **kwargs: Any) -> index.Index:
        nonlocal scans
        scans += 1
        return build_index(*args, **kwargs)

    monkeypatch.setattr(index, "build_index", counted)
    monkeypatch.setattr(reader, "build_index", counted)
    monkeypatch.setattr(verification, "build_index", counted)
    monkeypatch.setattr(index, "SETTLED_NS", -(10**12))  # as if the file had not just changed
    found = {}
    for command in COMMANDS:
        index._recent.clear()  # a new process
        scans = 0
        insight(*command.split(), env={"FORCE_COLOR": "1"})  # a table for people
        found[command] = scans
    assert found == COMMANDS
