"""Surveys and runs decode only the results of tests that did not simply pass, or were asked for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_insight.analysis.runs import last_runs
from pytest_insight.analysis.survey import survey
from pytest_insight.errors import StoreDamageWarning
from pytest_insight.models import TestSession
from pytest_insight.storage import JSONStorage
from pytest_insight.testing.rules import make_result
from tests.conftest import MakeSession

RESULTS = (
    make_result("test_ünï[\U0001f600]", capstdout='"outcome":"failed"'),
    make_result("tests\\b.py::test_back[\\u0041]", "failed", message="C:\\users"),
    make_result("test_again", "rerun", message='say "why"'),
    make_result("test_plain"),
    make_result("test_again", properties=[("outcome", "failed"), ("nodeid", "x")]),
    make_result("test_twice"),
    make_result("test_twice", "error", phase="teardown"),
)
PLAIN = RESULTS[3].nodeid


def agree(storage: JSONStorage, sessions: list[TestSession]) -> None:
    """Fail if a survey or runs are not those of decoded sessions."""
    assert storage.survey() == survey(sessions)
    names = {result.nodeid for result in RESULTS}
    for nodeids in ([PLAIN], names, ["no such test"]):
        assert list(storage.runs(nodeids=nodeids)) == list(last_runs(sessions[::-1], nodeids))
    some = storage.survey().candidates
    assert list(storage.runs(candidates=some)) == list(last_runs(sessions[::-1], None, 200, some))


@pytest.mark.parametrize("writer", ["ours", "with escapes"])
def test_what_is_read_of_lines_is_what_decoded_sessions_say(
    tmp_path: Path, make_session: MakeSession, writer: str
) -> None:
    storage = JSONStorage(tmp_path / "sessions.json")
    others = [make_session(2, test_results=RESULTS[3:4]), make_session(3, test_results=[])]
    storage.save_sessions([make_session(1, test_results=RESULTS), *others])
    if writer == "with escapes":
        text = storage.file_path.read_text("utf-8")
        text = re.sub(r"[üï]", lambda found: f"\\u{ord(found[0]):04x}", text)
        text = text.replace('"failed"', '"\\u0066ailed"').replace("test_twice", "test\\u005ftwice")
        storage.file_path.write_text(text, "utf-8")
    agree(storage, storage.load_sessions())


def test_results_that_simply_passed_are_not_decoded(
    tmp_path: Path, make_session: MakeSession
) -> None:
    storage = JSONStorage(tmp_path / "sessions.json")
    storage.save_session(make_session(test_results=RESULTS))
    expected = storage.survey()
    data = storage.file_path.read_bytes()
    line = next(line for line in data.splitlines() if b"test_plain" in line)
    changed = line.replace(b'"start_time":"20', b'"start_time":"xx')
    storage.file_path.write_bytes(data.replace(line, changed))
    assert storage.survey() == expected
    assert len(list(storage.runs(nodeids=[RESULTS[5].nodeid]))) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"outcome":"passed"', b'"outcome":"passed'),
        (b"C:", b"\0\0"),
        (b'\n {"nodeid":"tests/test_a.py::test_plain', b'\n {"nodei\n":"tests/c.py::test_plain'),
        (b'"outcome":"failed","start_time":"20', b'"outcome":"failed","start_time":"xx'),
    ],
)
def test_damage_that_is_found_is_reported_and_the_other_sessions_are_read(
    tmp_path: Path, make_session: MakeSession, old: bytes, new: bytes
) -> None:
    storage = JSONStorage(tmp_path / "sessions.json")
    storage.save_sessions([make_session(1), make_session(2, test_results=RESULTS)])
    data = storage.file_path.read_bytes()
    at = data.rindex(old)
    storage.file_path.write_bytes(data[:at] + new + data[at + len(old) :])
    with pytest.warns(StoreDamageWarning):
        found = storage.survey()
    with pytest.warns(StoreDamageWarning):
        sessions = storage.load_sessions()
    assert found == survey(sessions)
