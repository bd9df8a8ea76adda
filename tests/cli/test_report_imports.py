"""`insight import` of other programs' reports: what is printed, and the options."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pytest_insight.storage import JSONStorage
from tests.cli.conftest import Insight
from tests.exchange.recorded_runs import FOREIGN

JUNIT = FOREIGN / "plain" / "junit.xml"


@pytest.fixture
def junit() -> str:
    shutil.copy(JUNIT, "junit.xml")
    return "junit.xml"


def test_an_import_says_what_the_file_does_not_tell(insight: Insight, junit: str) -> None:
    printed = insight("import", junit, "--sut", "shop")
    assert printed.out == ""
    assert printed.err.splitlines()[:3] == [
        "insight: junit.xml  1 session, 35 tests (JUnit XML by pytest)",
        "insight:   not in this format: start of each test, attempts, captured output, phases, "
        "xpassed (counted as passed), text of expected failures (3), which tests warned, workers, "
        "commit and branch, versions, arguments and warnings",
        "insight:   guessed: 36 nodeids (tests/test_collection_error.py ...: give --root)",
    ]
    assert "1 session; 1 imported" in printed.err
    again = insight("import", junit, "--sut", "shop").err
    assert "nothing changed: the session is already in the store" in again
    shown = insight("sessions", "show").out
    assert "junit file of pytest; it cannot tell start of each test, attempts" in shown
    insight("sessions", "undo", "--yes")
    assert JSONStorage().session_ids() == []


def test_a_report_lists_every_loss(insight: Insight, junit: str) -> None:
    printed = insight("import", junit, "--sut", "shop", "--report", "json")
    (entry,) = json.loads(printed.out)
    (session,) = JSONStorage().load_sessions()
    losses = entry.pop("losses")
    assert entry == {
        **{"source": junit, "session_id": session.session_id, "became": "added"},
        "new_id": None,
    }
    assert {"kind": "nodeid-guessed", "count": 36} in losses
    assert {"kind": "xpass-lost", "count": None} in losses
    assert session.source is not None
    assert [loss["kind"] for loss in losses] == list(session.source.losses)


def test_the_project_in_this_folder_gives_the_sut_if_it_has_the_tests(
    insight: Insight, junit: str
) -> None:
    Path("pytest.ini").write_text("[pytest]\naddopts = --insight-sut shop-api\n")
    said = insight("import", junit, status=1).err
    assert "junit.xml does not say of which system under test it is, and none of its" in said
    assert said.endswith("name it with --sut\n")
    Path("tests").mkdir()
    Path("tests/test_outcomes.py").touch()
    insight("import", junit)
    assert JSONStorage().sut_names() == ["shop-api"]


def test_options_say_what_a_report_does_not(insight: Insight) -> None:
    text = '<testsuite name="x"><testcase classname="C" name="a" time="1"/></testsuite>'
    Path("x.xml").write_text(text)
    assert "give it with --started\n" in insight("import", "x.xml", "--sut", "s", status=1).err
    options = ("--started", "2026-11-01T10:00:00Z", "--tag", "ci=a=b", "--tag", "os=")
    insight("import", "x.xml", "--sut", "s", *options)
    (session,) = JSONStorage().load_sessions()
    assert f"{session.session_start_time:%Y-%m-%d %H:%M}" == "2026-11-01 10:00"
    assert session.session_tags == {"ci": "a=b", "os": ""}
    for started, hour in (("2026-07-01T12:00", 10), ("2026-07-01", 22), ("2026-07-01 12:00Z", 12)):
        options = ("--sut", f"s{hour}", "--timezone", "Europe/Berlin", "--started", started)
        insight("import", "x.xml", *options)
        (found,) = [each for each in JSONStorage().iter_sessions() if each.sut_name == f"s{hour}"]
        assert found.session_start_time.hour == hour
    stamped = text.replace('name="x"', 'name="x" timestamp="2026-07-01T12:00:00"')
    for zone, hour in (("Europe/Berlin", 10), ("+02:00", 10), ("-0330", 15), ("UTC", 12)):
        Path("y.xml").write_text(stamped + f"<!-- {zone} -->")
        insight("import", "y.xml", "--sut", zone, "--timezone", zone)
        (found,) = [each for each in JSONStorage().iter_sessions() if each.sut_name == zone]
        assert found.session_start_time.hour == hour


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--timezone", "Nowhere/City"), "--timezone must be a name like Europe/Berlin"),
        (("--timezone", "../etc/passwd"), "--timezone must be a name like Europe/Berlin"),
        (("--timezone", "+25:00"), "--timezone must be a name like Europe/Berlin"),
        (("--started", "soon"), "--started must be an age"),
        (("--tag", "x"), "--tag must be KEY=VALUE, not 'x'"),
        (("--root", "nowhere"), "--root must be a folder, not nowhere"),
        (("--sut", ""), "--sut is empty"),
    ],
)
def test_an_option_without_a_meaning_is_refused(
    insight: Insight, junit: str, options: tuple[str, ...], said: str
) -> None:
    printed = insight("import", junit, "--sut", "shop", *options, status=2)
    assert said in printed.err
    assert JSONStorage().session_ids() == []


def test_of_many_files_the_sums_are_printed(insight: Insight) -> None:
    Path("in").mkdir()
    for number in range(7):
        text = JUNIT.read_text().replace("18:5", f"1{number}:5")
        Path("in", f"{number}.xml").write_text(f"{text}<!-- {number} -->")
    Path("in", "notes.txt").touch()
    lines = insight("import", "in", "--sut", "shop").err.splitlines()
    assert lines[0] == "insight: 7 files  7 sessions, 245 tests (JUnit XML by pytest)"
    assert lines[3].startswith("insight: 7 files to ")
    assert lines[3].endswith("7 sessions; 7 imported")
    assert lines[4] == "insight: passed over 1 file without sessions"


def test_a_report_comes_from_standard_input(insight: Insight) -> None:
    said = insight("import", "--sut", "shop", stdin=JUNIT.read_bytes()).err
    assert " input  1 session, 35 tests (JUnit XML by pytest)" in said
    (session,) = JSONStorage().load_sessions()
    assert insight("import", "--sut", "shop", "--dry-run", JUNIT).out == ""
    assert session.session_id.startswith("shop-20261127-")


def test_files_that_cannot_be_read_are_left_out_if_that_is_asked_for(
    insight: Insight, junit: str
) -> None:
    Path("bad.xml").write_text("<testsuite>")
    refused = insight("import", junit, "bad.xml", "--sut", "shop", status=1).err
    assert "bad.xml cannot be read as XML" in refused
    assert JSONStorage().session_ids() == []
    said = insight("import", junit, "bad.xml", "--sut", "shop", "--keep-going", status=1).err
    assert "left out: bad.xml cannot be read as XML" in said
    assert JSONStorage().count() == 1


def test_a_folder_may_have_the_reports_of_several_tools_of_one_run(insight: Insight) -> None:
    shutil.copytree(FOREIGN / "reruns" / "allure", "in")
    shutil.copy(FOREIGN / "reruns" / "reportlog.jsonl", "in")
    Path("in", "notes.txt").touch()
    said = insight("import", "in", "--sut", "shop").err
    assert "reportlog.jsonl  1 session, 2 tests (pytest-reportlog by pytest 9.2.0)" in said
    assert "in  1 session, 2 tests (Allure results by pytest)" in said
    assert "1 session of runs that others here record, too: undo this, and import with" in said
    assert "passed over 1 file without sessions" in said
    insight("sessions", "undo", "--yes")
    insight("import", "in", "--sut", "shop", "--merge", "upgrade")
    (session,) = JSONStorage().load_sessions()
    assert session.source is not None
    assert session.source.format == "reportlog"
