from __future__ import annotations

import csv
import gzip
import io
import json
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pytest_insight.errors import alternatives
from pytest_insight.exchange.read_formats import READ_FORMATS
from pytest_insight.models import TestResult
from pytest_insight.storage import JSONStorage, list_profiles
from tests.cli.conftest import Insight
from tests.conftest import START, MakeSession


def test_export_to_stdout_and_import_from_stdin_make_a_sentence(
    insight: Insight, store: JSONStorage
) -> None:
    insight("profile", "create", "demo", "--type", "json")
    exported = insight("export")
    assert exported.raw_out == store.file_path.read_bytes()
    printed = insight("--profile", "demo", "import", "--merge", "keep_both", stdin=exported.raw_out)
    assert printed.out == ""
    assert "3 imported" in printed.err
    assert JSONStorage(list_profiles()["demo"].path).load_sessions() == store.load_sessions()


def test_csv_of_the_last_days_goes_to_stdout(insight: Insight, make_session: MakeSession) -> None:
    now = datetime.now(UTC)
    JSONStorage().save_sessions(
        [
            make_session(1, session_start_time=now - timedelta(days=30)),
            make_session(2, session_start_time=now - timedelta(days=1)),
        ]
    )
    printed = insight("export", "--days", "7", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(printed.out, newline="")))
    assert [(row["session_id"], row["outcome"]) for row in rows] == [
        ("api-2", "passed"),
        ("api-2", "failed"),
    ]


def test_what_is_left_out_is_named_up_to_a_thousand(insight: Insight, store: JSONStorage) -> None:
    unknown = {f"field {number}": 1 for number in range(80)}
    session = {"session_id": "a", "sut_name": "api", "session_start_time": "2026-11-01", **unknown}
    Path("some.json").write_text(json.dumps([*range(1_200), session]))
    said = insight("import", "some.json", "--skip-invalid").err.splitlines()
    left_out = [line for line in said if line.startswith("insight:   left out: ")]
    assert len(left_out) == 1_001
    assert left_out[-1].endswith(": and 200 more")
    (ignored,) = [line for line in said if "not kept" in line]
    assert ignored.endswith("field 49 (1x), and 30 more")


@pytest.mark.parametrize("name", ["all.json", "all.csv", "all.json.gz", "all.csv.gz"])
def test_a_file_comes_back_equal(insight: Insight, store: JSONStorage, name: str) -> None:
    before = store.load_sessions()
    assert name in insight("export", name).err
    if name.endswith(".gz"):
        assert gzip.decompress(Path(name).read_bytes())
    insight("sessions", "clear", "--yes")
    insight("import", name)
    assert store.load_sessions() == before


def test_importing_twice_skips_replaces_or_keeps_both(insight: Insight, store: JSONStorage) -> None:
    insight("export", "all.json")
    assert "all 3 sessions are already in the store" in insight("import", "all.json").err
    other = Path("all.json").read_text().replace('"sut_name":"api"', '"sut_name":"web"')
    Path("other.json").write_text(other)
    assert "3 skipped" in insight("import", "other.json").err
    assert "3 replaced" in insight("import", "other.json", "--merge", "replace_existing").err
    printed = insight("import", "all.json", "--merge", "keep_both")
    assert "3 renamed" in printed.err
    assert "api-0 is now api-0-2" in printed.err
    assert store.count() == 6


def test_a_dry_run_says_what_would_be_and_writes_nothing(
    insight: Insight, store: JSONStorage
) -> None:
    insight("export", "all.json")
    insight("sessions", "clear", "--yes")
    assert "would be: 3 imported" in insight("import", "all.json", "--dry-run").err
    assert store.count() == 0


def test_a_profiles_own_settings_are_used_where_a_command_gives_none(
    insight: Insight, store: JSONStorage
) -> None:
    insight("export", "all.json")
    insight(
        *[
            "profile",
            "create",
            "p",
            "--merge",
            "keep_both",
            "--export-format",
            "csv",
            "--export-days",
            "1",
            "--switch",
        ]
    )
    insight("import", "all.json")
    assert "3 renamed" in insight("import", "all.json").err
    assert insight("export").out.count("\n") == 1  # the header: those sessions are old
    assert insight("export", "--days", "100000").out.count("\n") == 1 + 12
    assert json.loads(insight("export", "--format", "json").out)["sessions"] == []


def test_with_keep_going_sound_files_are_imported_and_the_others_named(
    insight: Insight, store: JSONStorage
) -> None:
    insight("export", "good.json")
    Path("bad.json").write_text('[{"session_id": 1}]')
    files = ("good.json", "bad.json", "missing.json")
    done = insight(
        "--profile", "default", "import", *files, "--keep-going", "--merge", "keep_both", status=1
    )
    assert store.count() == 6
    assert "left out bad.json: " in done.err
    assert "left out: cannot read missing.json" in done.err
    assert done.err.rstrip().endswith("error: 2 of 3 files could not be imported")
    assert insight("import", "good.json", "--keep-going").err


def test_of_several_files_none_is_imported_when_one_is_bad(
    insight: Insight, store: JSONStorage
) -> None:
    insight("export", "all.json")
    insight("sessions", "clear", "--yes")
    Path("bad.json").write_text('[{"session_id": 1}]')
    printed = insight("import", "all.json", "bad.json", status=1)
    assert "bad.json" in printed.err
    assert store.count() == 0


def test_invalid_sessions_are_all_named_and_may_be_left_out(
    insight: Insight, store: JSONStorage
) -> None:
    document = json.loads(insight("export").out)
    document["sessions"][0]["sut_name"] = " "
    document["sessions"][2]["test_results"][1]["duration"] = -1
    Path("some.json").write_text(json.dumps(document))
    insight("sessions", "clear", "--yes")
    printed = insight("import", "some.json", status=1)
    assert "sessions[0].sut_name" in printed.err
    assert "sessions[2].test_results[1].duration" in printed.err
    assert "--skip-invalid" in printed.err
    assert store.count() == 0
    printed = insight("import", "some.json", "--skip-invalid")
    assert "1 imported" in printed.err
    assert "2 invalid" in printed.err
    assert "sessions[0].sut_name" in printed.err
    assert store.session_ids() == ["api-1"]


def test_a_message_names_options_and_no_arguments_of_python(insight: Insight) -> None:
    Path("x.txt").write_text("hello")
    unknown = f"unknown format of x.txt: name it with --format {alternatives(READ_FORMATS)}\n"
    assert insight("import", "x.txt", status=1).err == f"insight: error: {unknown}"
    said = insight("import", "x.txt", "--keep-going", status=1).err
    assert f"left out: {unknown}" in said
    Path("bad.json").write_text('[{"session_id": "a"}]')
    assert insight("import", "bad.json", status=1).err.endswith("the rest with --skip-invalid.\n")
    said = insight("export", "x.html", status=2).err
    assert said.endswith(", .parquet or .xml; or name the format with --format\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("import missing.json", "missing.json"),
        ("import folder", "the folder folder has no reports that can be imported; its files: 1"),
        ("import 'no*.xml'", "no file matches no*.xml"),
        ("import empty.json", "empty"),
        ("import text.json", "cannot be read as JSON"),
        ("import other.json", "is JSON without sessions"),
        ("import junit.xml", "junit.xml has no test cases: there is nothing to import"),
        ("import log.jsonl", "log.jsonl has no tests: there is nothing to import"),
        ("import report.json", "report.json has no tests: there is nothing to import"),
        ("import half.json", "cut short"),
        ("import newer.json", "newer pytest-insight"),
        ("export no/such/folder/x.json", "cannot write"),
        ("export --session nope", "no session 'nope'"),
    ],
)
def test_bad_input_is_an_error_that_changes_nothing(
    insight: Insight, store: JSONStorage, arguments: str, said: str
) -> None:
    good = insight("export").raw_out
    Path("good.json").write_bytes(good)
    Path("half.json").write_bytes(good[: len(good) // 2])
    Path("empty.json").touch()
    Path("folder").mkdir()
    Path("folder", "notes.txt").write_text("hello")
    Path("text.json").write_text("This is no JSON.")
    Path("other.json").write_text('{"name": "something"}')
    Path("junit.xml").write_text('<?xml version="1.0"?><testsuites><testsuite/></testsuites>')
    log = [{"pytest_version": "8.4.0", "$report_type": "SessionStart"}, {"$report_type": "x"}]
    Path("log.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in log))
    Path("report.json").write_text('{"created": 1.5, "duration": 0.1, "exitcode": 1, "tests": []}')
    Path("newer.json").write_bytes(good.replace(b'"version":2', b'"version":3'))
    before = store.file_path.read_bytes()
    printed = insight(*shlex.split(arguments), status=1)
    assert said in printed.err
    assert printed.err.startswith("insight: error: ")
    assert "Traceback" not in printed.err
    assert printed.out == ""
    assert store.file_path.read_bytes() == before


def test_an_export_for_excel_says_what_it_cut(insight: Insight, make_session: MakeSession) -> None:
    result = TestResult("t.py::test_x", "failed", START, longreprtext="x" * 40_000)
    JSONStorage().save_session(make_session(0, test_results=(result,)))
    said = insight("export", "-o", "week.csv", "--excel").err
    assert "warning: Excel shows at most 32,767 characters in a cell" in said
    assert "cut or left out: 1 of longreprtext." in said
    data = Path("week.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbfsession_id,")
    assert insight("export", "--excel").raw_out == data
    assert "leave out --format json" in insight("export", "--excel", "-f", "json", status=2).err
    insight("import", "week.csv", "--merge", "keep_both")
    assert JSONStorage().count() == 2


def test_exporting_onto_the_store_itself_is_refused(insight: Insight, store: JSONStorage) -> None:
    before = store.file_path.read_bytes()
    assert "would overwrite its sessions" in insight("export", store.file_path, status=1).err
    assert store.file_path.read_bytes() == before
