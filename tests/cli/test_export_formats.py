"""`insight export` in the formats that other programs read."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pyarrow import parquet

from pytest_insight.cli.render.failures import properties
from pytest_insight.exchange.writers import junit
from pytest_insight.models import TestResult, TestSession
from pytest_insight.storage import JSONStorage
from tests.cli.conftest import Insight, Screen
from tests.conftest import START, MakeSession
from tests.exchange import outcomes

BROKEN = "t.py::test_b"


def cases(path: str | Path) -> list[str | None]:
    return [each.get("name") for each in ElementTree.parse(path).iter("testcase")]


def test_the_suffix_chooses_the_format_and_what_is_left_out_is_said(
    insight: Insight, store: JSONStorage
) -> None:
    said = insight("export", "a.xml").err.splitlines()
    assert cases("a.xml") == ["test_x", "test_y"] * 3
    assert said[0].endswith(" to a.xml")
    assert said[1].startswith("insight: left out, as JUnit XML has no place for it: when each ")
    said = insight("export", "a.parquet").err.splitlines()
    assert parquet.read_table("a.parquet").num_rows == 6
    assert "as Parquet has no place for it: sessions without results" in said[1]
    said = insight("export", "a.ctrf.json", "--session", "last").err.splitlines()
    assert json.loads(Path("a.ctrf.json").read_text())["reportFormat"] == "CTRF"
    assert len(said) == 1
    assert len(insight("export", "a.json").err.splitlines()) == 1


def test_every_format_goes_to_standard_output(insight: Insight, store: JSONStorage) -> None:
    for name, path in (("junit", "a.xml"), ("parquet", "a.parquet")):
        insight("export", path)
        assert insight("export", "--format", name).raw_out == Path(path).read_bytes()
    printed = insight("export", "-o", "-", "--format", "ctrf", "--session", "last")
    assert json.loads(printed.out)["results"]["summary"]["tests"] == 2


def test_a_format_for_one_session_refuses_several(insight: Insight, store: JSONStorage) -> None:
    Path("a.ctrf.json").write_text("before")
    said = insight("export", "a.ctrf.json", status=1).err
    assert said == (
        "insight: error: a CTRF report holds one session, and several are selected: choose one "
        "with --session\n"
    )
    assert Path("a.ctrf.json").read_text() == "before"
    assert insight("export", "--format", "ctrf", status=1).raw_out == b""
    said = insight("export", "--format", "ctrf", "--tag", "no=such", status=1).err
    assert "none is selected" in said


def test_parquet_is_not_shown_on_a_terminal(screen: Screen, store: JSONStorage) -> None:
    assert screen(80, "export", "--format", "parquet", status=2) == []
    assert screen(80, "export", "--format", "junit")[1] == '<testsuites name="pytest-insight">'


def test_a_file_that_cannot_be_written_is_a_sentence(insight: Insight, store: JSONStorage) -> None:
    for name in ("a.xml", "a.ctrf.json", "a.parquet"):
        said = insight("export", f"no/{name}", "--session", "last", status=1).err
        assert f"cannot write no/{name}: there is no folder" in said
        assert "create it first" in said
    said = insight("export", "a.parquet.gz", status=1).err
    assert "Parquet is compressed already; name a file without .gz" in said


def test_an_export_replaces_no_store(insight: Insight, store: JSONStorage) -> None:
    for arguments in (["--format", "parquet"], ["--format", "junit"]):
        said = insight("export", str(store.file_path), *arguments, status=1).err
        assert "is the store itself" in said
    assert len(store.load_sessions()) == 3


def test_a_failed_test_has_the_verdict_of_its_time(
    insight: Insight, make_session: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(number: int, outcome: str) -> TestSession:
        start = START + timedelta(hours=number)
        tests = [TestResult("t.py::test_a", "passed", start), TestResult(BROKEN, outcome, start)]
        return make_session(number, test_results=tests)

    runs = [run(number, "failed" if number > 7 else "passed") for number in range(12)]
    JSONStorage().save_sessions(runs)

    def verdicts(*arguments: str) -> list[str | None]:
        document = ElementTree.fromstring(insight("export", "-f", "junit", *arguments).out)
        return [
            each.get("value")
            for case in document.iter("testcase")
            for each in case.iter("property")
            if each.get("name") == "insight.verdict"
        ]

    assert verdicts("--session", "last") == ["broken"]
    assert verdicts("--session", "api-8") == ["new-failure"]
    assert verdicts("--session", "api-7") == []
    monkeypatch.setattr(properties, "MOST_SESSIONS", 11)
    assert verdicts() == []  # it would take long


# Several files ----------------------------------------------------------------------------------


@pytest.fixture
def large(make_session: MakeSession, monkeypatch: pytest.MonkeyPatch) -> JSONStorage:
    """A store of which JUnit XML takes three files."""
    monkeypatch.setattr(junit, "FILE_BYTES", 21_500)
    failed = {"longreprtext": "x" * 400}
    results = [outcomes.result(f"t.py::test_{n}", "failed", n, **failed) for n in range(30)]
    storage = JSONStorage()
    storage.save_session(make_session(test_results=results))
    return storage


def test_a_split_export_is_several_numbered_files(insight: Insight, large: JSONStorage) -> None:
    said = insight("export", "report.xml", "--split").err.splitlines()
    assert said[0].endswith(" to report-1.xml ... report-3.xml")
    files = sorted(Path().iterdir())
    assert [file.name for file in files] == ["report-1.xml", "report-2.xml", "report-3.xml"]
    assert [name for file in files for name in cases(file)] == [f"test_{n}" for n in range(30)]
    assert max(file.stat().st_size for file in files) <= junit.FILE_BYTES
    insight("export", "all.xml.gz", "--split")
    assert Path("all-3.xml.gz").exists()


def test_a_part_that_an_earlier_export_left_is_named(insight: Insight, large: JSONStorage) -> None:
    Path("report-4.xml").write_text("of another export")
    said = insight("export", "report.xml", "--split").err
    assert "report-4.xml is not a part of this export: delete it" in said


def test_if_one_part_cannot_be_written_none_is(insight: Insight, large: JSONStorage) -> None:
    Path("report-1.xml").write_text("before")
    Path("report-2.xml").mkdir()
    said = insight("export", "report.xml", "--split", status=1).err
    assert "cannot write report-2.xml: it is a folder" in said
    assert Path("report-1.xml").read_text() == "before"
    assert sorted(path.name for path in Path().iterdir()) == ["report-1.xml", "report-2.xml"]


def test_only_junit_xml_in_files_is_split(insight: Insight, store: JSONStorage) -> None:
    said = insight("export", "a.json", "--split", status=2).err
    assert "only JUnit XML is split, not a.json: name a file .xml, or leave out --split\n" in said
    said = insight("export", "--split", "--format", "junit", status=2).err
    assert "--split writes several files: name one to name them by" in said
    with pytest.raises(ValueError, match="leave out --split"):
        store.export_sessions("a.csv", split=True)
