"""Queries for a text decode only the results whose lines may contain it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_insight import query
from pytest_insight.errors import StoreDamageWarning
from pytest_insight.filters import (
    ErrorContains,
    NodeidContains,
    NodeidUnder,
    OutputContains,
    PatternMatches,
    Selection,
    TestFilter,
)
from pytest_insight.models import TestResult
from pytest_insight.storage import JSONStorage
from pytest_insight.testing.rules import make_result
from tests.conftest import MakeSession

TEXTS = (
    make_result("test_one[x/y]", longreprtext='E  no "quotes" here\n\x1b[31mred'),
    make_result("test_ünï[\U0001f600]", capstdout="tests/a.py::test_one"),
    make_result("tests\\b.py::test_back[\\u0041]", message="C:\\users", caplog="ünï"),
    make_result("c::test_a[*]", capstderr="test_ünï"),
)


@pytest.mark.parametrize(
    "wanted",
    [
        NodeidContains("test_one"),
        NodeidUnder(("tests/test_a.py::test_one",)),
        NodeidUnder(("tests/test_a.py::test_ünï", "tests/test_a.py::c")),
        NodeidContains("x/y"),
        NodeidContains("ünï"),
        NodeidContains("\U0001f600"),
        NodeidContains("\\u0041"),
        NodeidContains("tests\\b"),
        NodeidContains("nothing"),
        NodeidContains(""),
        NodeidContains("\udc80"),
        ErrorContains('no "quotes"'),
        ErrorContains("here\n"),
        ErrorContains("[31mred"),
        OutputContains("ünï"),
        PatternMatches("test_a[*]"),
        PatternMatches("*test_a*"),
        PatternMatches("C:", "message"),
        PatternMatches("test_(one|back)", use_regex=True),
    ],
    ids=str,
)
@pytest.mark.parametrize("writer", ["ours", "with escapes"])
def test_a_text_is_found_as_in_decoded_results(
    tmp_path: Path, make_session: MakeSession, wanted: TestFilter, writer: str
) -> None:
    storage = JSONStorage(tmp_path / "sessions.json")
    session = make_session(test_results=TEXTS)
    storage.save_sessions([session, make_session(1)])
    if writer == "with escapes":
        text = storage.file_path.read_text("utf-8")
        text = re.sub(r"[üï]", lambda found: f"\\u{ord(found[0]):04x}", text)
        text = text.replace("x/y", "x\\/y").replace("test_one", "\\u0074est_one")
        storage.file_path.write_text(text, "utf-8")
    expected = [result for result in TEXTS if wanted.matches(result)]
    found = list(storage.iter_sessions(Selection(test_filters=(wanted,))))
    by_id = {each.session_id: list(each.test_results) for each in found}
    assert by_id.get(session.session_id, []) == expected


def test_the_other_results_are_not_decoded(tmp_path: Path, make_session: MakeSession) -> None:
    storage = JSONStorage(tmp_path / "sessions.json")
    storage.save_session(make_session(test_results=TEXTS))
    data = storage.file_path.read_bytes()
    storage.file_path.write_bytes(data.replace(b"::c::", b"::\xff::"))
    tests = query.on_storage(storage).filter_by_test()
    (found,) = tests.with_nodeid_containing("test_one").apply().execute().tests()
    assert found == TEXTS[0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"outcome":"passed"', b'"outcome":"passed'),
        (b"x/y", b"\0\0\0"),
        (b'\n {"nodeid":"tests/test_a.py::c', b'\n {"nodei\n":"tests/c.py::test_one'),
    ],
)
def test_damage_of_a_line_that_is_looked_at_is_reported_and_the_others_are_found(
    tmp_path: Path, make_session: MakeSession, old: bytes, new: bytes
) -> None:
    storage = JSONStorage(tmp_path / "sessions.json")
    other = TestResult("tests/d.py::test_one", "passed", TEXTS[0].start_time)
    storage.save_sessions([make_session(test_results=TEXTS), make_session(1, test_results=[other])])
    data = storage.file_path.read_bytes()
    assert old in data
    storage.file_path.write_bytes(data.replace(old, new, 1))
    tests = query.on_storage(storage).filter_by_test()
    with pytest.warns(StoreDamageWarning):
        found = tests.with_nodeid_containing("test_one").apply().execute().tests()
    assert other in found
