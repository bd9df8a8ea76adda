"""Truncated or changed stores: intact sessions are read, and every loss is reported."""

from __future__ import annotations

import random
import re
import warnings
from pathlib import Path

import pytest

from pytest_insight.errors import StoreDamageWarning
from pytest_insight.models import TestSession
from pytest_insight.storage import JSONStorage
from tests.faults.conftest import Rounds
from tests.faults.victims import session

SESSIONS = {f"s{number}": session(f"s{number}", 3) for number in range(12)}
LAST_BYTES = 2_048


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    storage = JSONStorage(tmp_path_factory.mktemp("healthy") / "sessions.json")
    for each in SESSIONS.values():  # one write per session, as runs do
        storage.save_session(each)
    return storage.file_path.read_bytes()


def spans(data: bytes) -> dict[str, tuple[int, int]]:
    """Return the byte range of each session in the file."""
    found = list(re.finditer(rb'\n\{"session_id":"(s\d+)"', data))
    starts = [match.start() + 1 for match in found]
    ends = [*starts[1:], len(data)]
    return {
        match[1].decode(): (start, end)
        for match, start, end in zip(found, starts, ends, strict=True)
    }


def read(storage: JSONStorage) -> tuple[dict[str, TestSession], list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = {each.session_id: each for each in storage.load_sessions()}
    assert all(issubclass(warning.category, StoreDamageWarning) for warning in caught)
    return found, [str(warning.message) for warning in caught]


def test_a_store_that_is_cut_anywhere_loses_only_what_the_cut_touched(
    store: JSONStorage, healthy: bytes, rounds: Rounds, rng: random.Random
) -> None:
    places = spans(healthy)
    last = range(len(healthy) - LAST_BYTES, len(healthy))
    cuts = [
        *(last if len(rounds(1, 2)) > 1 else rng.sample(last, 100)),
        *(rng.randrange(len(healthy)) for _ in rounds(50, 1000)),
        *range(0, 60, 4),  # in the first line
    ]
    store.file_path.parent.mkdir()
    for cut in cuts:
        store.file_path.write_bytes(healthy[:cut])
        found, said = read(store)
        whole = {name for name, (_, end) in places.items() if end <= cut}
        assert whole <= set(found), cut
        assert all(SESSIONS[name] == each for name, each in found.items()), cut
        # The session at the cut may be complete, only its closing bytes are missing.
        assert len(found) <= len(whole) + 1, cut
        if cut > places["s0"][0]:
            assert ["interrupted" in each for each in said] == [True], cut
        # Saving works afterwards.
        with warnings.catch_warnings():
            if said:  # the file is rewritten, and the loss is reported
                warnings.simplefilter("ignore", StoreDamageWarning)
            store.save_session(session("next", 3))
        assert set(store.session_ids()) == {*found, "next"}, cut


def test_a_changed_byte_costs_at_most_its_session_and_is_named_and_kept(
    tmp_path: Path, healthy: bytes, rounds: Rounds, rng: random.Random
) -> None:
    places = spans(healthy)
    for number in rounds(60, 1000):
        place = rng.randrange(len(healthy))
        byte = (healthy[place] + rng.randrange(1, 256)) % 256
        damaged = healthy[:place] + bytes([byte]) + healthy[place + 1 :]
        storage = JSONStorage(tmp_path / str(number) / "sessions.json")
        storage.file_path.parent.mkdir()
        storage.file_path.write_bytes(damaged)
        touched = {name for name, (start, end) in places.items() if start - 2 <= place < end}
        found, said = read(storage)
        for name in set(SESSIONS) - touched:
            assert found[name] == SESSIONS[name], (place, byte)
        backups = list(storage.file_path.parent.glob("*.bak"))
        if said:
            assert [backup.read_bytes() for backup in backups] == [damaged], (place, byte)
            assert str(backups[0]) in said[0]
            lost = set(SESSIONS) - set(found)
            # The message names the session, unless its name was changed.
            assert all(name in said[0] or "names no session" in said[0] for name in lost) or any(
                f'"{name}"'.encode() not in damaged for name in lost
            ), (place, byte, said)
        else:
            # A letter of a text, a digit of a number: it is another session now, or the tail is
            # what a torn write would have left.
            kept = len(found) == len(SESSIONS)
            assert kept or touched == {"s11"} or set(found) - set(SESSIONS), (place, byte)
