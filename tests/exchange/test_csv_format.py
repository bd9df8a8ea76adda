"""The CSV reader and writer, and what other CSV readers see."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
import threading
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from pytest_insight.errors import ExchangeError
from pytest_insight.exchange.read_formats import read_bytes, read_file
from pytest_insight.exchange.write_formats import write_file
from pytest_insight.exchange.writers.csv import COLUMNS
from pytest_insight.models import CodeState, TestOutcome, TestSession
from tests.conftest import MakeSession
from tests.exchange.golden import CSV_FILE, CSV_FILE_2, SESSIONS, SESSIONS_2
from tests.exchange.helpers import csv_file, csv_row, csv_rows, read, written

# How a spreadsheet recognises a formula: https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")

DANGEROUS = [
    "=1+1",
    "=HYPERLINK(A1)",
    "+1",
    "-1",
    "--",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "\u00a0=1",
    "\t",
    "\r",
    "\n",
    "＝1",  # full width: East Asian spreadsheets take it for an equals sign
    "＋1",
    "－1",
    "＠a",
]


def with_text(session: TestSession, text: str) -> TestSession:
    result = replace(session.test_results[0], nodeid=text, capstdout=text, worker=text)
    return replace(session, sut_name=text + "x", test_results=(result,))


@pytest.mark.parametrize(("file", "sessions"), [(CSV_FILE, SESSIONS), (CSV_FILE_2, SESSIONS_2)])
def test_the_golden_file_of_each_version_can_be_read(
    file: Path, sessions: tuple[TestSession, ...]
) -> None:
    parsed = read(file.read_bytes(), "csv")
    assert parsed.sessions == list(sessions)
    assert (parsed.total, parsed.problems, parsed.ignored) == (2, [], {})


def test_the_written_file_equals_the_golden_file_byte_by_byte() -> None:
    assert written(SESSIONS_2, "csv") == CSV_FILE_2.read_bytes()


def test_any_reader_of_csv_sees_one_row_per_result_with_the_sessions_fields() -> None:
    rows = csv_rows(CSV_FILE.read_bytes())
    assert [row["session_id"][:3] for row in rows] == ["api", "api", "api", "web"]
    assert [row["outcome"] for row in rows] == ["passed", "failed", "flaky", ""]
    assert {row["exit_status"] for row in rows[:3]} == {"1"}
    assert [float(row["duration"] or "nan") for row in rows[:3]] == [0.25, 1e-06, 0.0]
    for row in rows[:3]:
        assert datetime.fromisoformat(row["start_time"]).tzinfo is not None
        assert json.loads(row["testing_system"])["plugins"] == {"pytest-xdist": "3.8.0"}
    assert json.loads(rows[0]["properties"])[0] == ["requirement", "R-1"]
    assert rows[1]["longreprtext"] == SESSIONS[0].test_results[1].longreprtext


def test_every_row_has_every_column() -> None:
    rows = list(csv.reader(io.StringIO(CSV_FILE_2.read_bytes().decode(), newline=""), strict=True))
    assert tuple(rows[0]) == COLUMNS
    assert {len(row) for row in rows} == {len(COLUMNS)}


def test_without_sessions_only_the_header_is_written() -> None:
    data = written([], "csv")
    assert csv_rows(data) == []
    assert data.decode().strip() == ",".join(COLUMNS)
    assert read(data, "csv").total == 0


def test_a_session_without_results_is_one_row_with_empty_test_columns(
    make_session: MakeSession,
) -> None:
    session = make_session(0, test_results=())
    rows = csv_rows(written([session], "csv"))
    assert len(rows) == 1
    assert rows[0]["session_id"] == session.session_id
    assert {rows[0][name] for name in ("nodeid", "outcome", "start_time", "duration")} == {""}
    assert read(written([session], "csv"), "csv").sessions == [session]


@pytest.mark.parametrize("text", DANGEROUS)
def test_a_formula_is_escaped_in_the_file_and_unescaped_by_the_reader(
    make_session: MakeSession, text: str
) -> None:
    session = with_text(make_session(), text)
    data = written([session], "csv")
    for row in csv_rows(data):
        assert not [cell for cell in row.values() if FORMULA.match(cell)]
    assert read(data, "csv").sessions == [session]


@pytest.mark.parametrize("text", ["'", "''", "'=1", "''=1", "'\t", "'a", "it's", "'{", "' =1"])
def test_an_apostrophe_that_was_there_before_stays(make_session: MakeSession, text: str) -> None:
    session = with_text(make_session(), text)
    assert read(written([session], "csv"), "csv").sessions == [session]


@pytest.mark.parametrize(
    "text", ["a\rb", "\r", "a\r\nb", "a\nb", "\u2028", "\x85\x0b\x0c", '"', '","', " ", "\ufeff"]
)
def test_line_breaks_and_quotes_in_a_cell_come_back_as_they_were(
    make_session: MakeSession, text: str
) -> None:
    session = with_text(make_session(), text)
    assert read(written([session], "csv"), "csv").sessions == [session]


def test_an_apostrophe_before_other_text_is_kept() -> None:
    text = csv_file(csv_row("'quoted'", nodeid_unused=""), columns=csv_row())
    assert read(text, "csv").sessions[0].session_id == "'quoted'"


def test_rows_of_one_session_may_be_apart() -> None:
    text = csv_file(
        csv_row("a", "1"),
        csv_row("b", "2"),
        csv_row("a", "3"),
        csv_row("b", "4"),
        csv_row("a", "5"),
    )
    parsed = read(text, "csv")
    found = {s.session_id: [r.nodeid for r in s.test_results] for s in parsed.sessions}
    assert found == {"a": ["1", "3", "5"], "b": ["2", "4"]}
    assert parsed.total == 2


def test_columns_may_come_in_any_order(make_session: MakeSession) -> None:
    session = make_session()
    rows = csv_rows(written([session], "csv"))
    assert read(csv_file(*rows, columns=reversed(COLUMNS)), "csv").sessions == [session]
    assert read(csv_file(*rows, columns=sorted(COLUMNS)), "csv").sessions == [session]


def test_only_required_columns_must_exist() -> None:
    session = read(csv_file(csv_row("a", "t")), "csv").sessions[0]
    assert session.session_tags == {}
    assert session.exit_status is None
    assert session.code_state is None
    assert session.test_results[0].duration == 0.0


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        ("session_id,sut_name,session_start_time,nodeid,outcome", "lacks the column start_time"),
        ("session_id,outcome,start_time,session_start_time", "lacks the columns sut_name, nodeid"),
        (
            "name,age",
            "lacks the columns session_id, sut_name, session_start_time, nodeid, outcome, start",
        ),
    ],
)
def test_columns_that_are_missing_are_named(columns: str, named: str) -> None:
    with pytest.raises(ExchangeError, match=named):
        read(columns + "\n", "csv")


@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_cells_may_be_separated_as_spreadsheets_of_other_languages_do(
    separator: str, mark: bytes
) -> None:
    rows = csv.reader(io.StringIO(CSV_FILE_2.read_bytes().decode(), newline=""))
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator).writerows(rows)
    data = mark + text.getvalue().encode()
    assert read(data, "csv").sessions == list(SESSIONS_2)
    assert read_bytes(data, "a file without a suffix").sessions == list(SESSIONS_2)


def test_the_separator_is_not_guessed_from_other_rows() -> None:
    text = csv_file(csv_row("a;b;c", "t;u"), csv_row("\t", "1"))
    assert [s.session_id for s in read(text, "csv").sessions] == ["a;b;c"]


def test_the_nested_fields_of_a_session_are_in_its_first_row_only(
    make_session: MakeSession,
) -> None:
    result = make_session().test_results[0]
    results = tuple(replace(result, nodeid=f"t.py::{n}") for n in range(1000))
    facts = {"packages": "x" * 100_000}
    session = make_session(0, testing_system=facts, session_tags={"a": "b"}, test_results=results)
    data = written([session, replace(session, session_id="other")], "csv")
    assert len(data) < 500_000  # repeated in each row: 200 MB
    rows = csv_rows(data)
    assert [n for n, row in enumerate(rows) if row["testing_system"]] == [0, 1000]
    assert [n for n, row in enumerate(rows) if row["session_tags"]] == [0, 1000]
    assert {row["sut_name"] for row in rows} == {"api"}
    assert read(data, "csv").sessions[0] == session


def test_rows_that_a_spreadsheet_has_sorted_give_the_same_session(
    make_session: MakeSession,
) -> None:
    session = make_session(0, session_tags={"a": "b"}, code_state=CodeState("1a2b", "main"))
    first, second = csv_rows(written([session], "csv"))
    sorted_ = read(csv_file(second, first, columns=COLUMNS), "csv")
    assert sorted_.problems == []
    assert sorted_.sessions == [session.with_results(reversed(session.test_results))]
    assert read(csv_file(first, first | second, columns=COLUMNS), "csv").sessions == [session]


def test_a_nested_field_of_a_later_row_is_reported_at_its_row() -> None:
    rows = [csv_row("a", str(n), session_tags="") for n in range(3)]
    rows[1]["session_tags"] = "[1]"
    rows[2]["session_tags"] = '{"k":"v"}'
    parsed = read(csv_file(*rows), "csv")
    assert [str(problem) for problem in parsed.problems] == [
        "row 4, column session_tags: differs from row 3 of the same session (session 'a')",
        "row 3, column session_tags: must be an object, not a list (session 'a')",
    ]


def test_a_file_for_excel_has_a_mark_and_no_cell_that_excel_cuts(
    make_session: MakeSession, tmp_path: Path
) -> None:
    result = make_session().test_results[0]
    texts = ("x" * 32_767, "\U0001f9ea" * 16_383, "x" * 32_768, "\U0001f9ea" * 16_384, "ä" * 40_000)
    results = tuple(replace(result, capstdout=text) for text in texts)
    facts = {"packages": "x" * 40_000}
    session = make_session(0, testing_system=facts, test_results=results)
    path = tmp_path / "week.csv"
    with pytest.warns(
        UserWarning, match=r"cut or left out: 3 of capstdout, 1 of testing_system\."
    ) as warned:
        assert write_file([session], path, "excel") == 1
    assert len(warned) == 1
    data = path.read_bytes()
    assert data.startswith(codecs.BOM_UTF8)
    rows = csv_rows(data.removeprefix(codecs.BOM_UTF8))
    cells = [cell for row in rows for cell in row.values()]
    assert max(len(cell.encode("utf-16-le")) // 2 for cell in cells) == 32_767
    assert [row["capstdout"] == text for row, text in zip(rows, texts, strict=True)] == [
        *(True, True, False, False, False)
    ]
    assert all(row["capstdout"].endswith("…") for row in rows[2:])
    assert len(read_file(path).sessions[0].test_results) == 5


def test_a_file_for_excel_comes_back_equal_if_nothing_is_too_long(tmp_path: Path) -> None:
    path = tmp_path / "week.csv"
    write_file(SESSIONS_2, path, "excel")
    assert read_file(path).sessions == list(SESSIONS_2)


def test_a_duplicate_column_is_refused() -> None:
    text = csv_file(csv_row()).replace("sut_name", "sut_name,sut_name", 1)
    with pytest.raises(ExchangeError, match="the file has the column sut_name twice"):
        read(text, "csv")


def test_unknown_columns_are_reported() -> None:
    parsed = read(csv_file(csv_row(colour="red", Outcome="x") | {"": "1", "a\nb": "2"}), "csv")
    assert len(parsed.sessions) == 1
    assert parsed.ignored == {"colour": 1, "Outcome": 1, "column 9": 1, "'a\\nb'": 1}


def test_names_in_the_first_row_may_have_blanks_around_them() -> None:
    assert read(csv_file(csv_row()).replace(",outcome,", ", outcome ,"), "csv").total == 1


def test_rows_of_one_session_with_different_session_fields_are_refused() -> None:
    parsed = read(
        csv_file(
            csv_row("a", "1", session_tags='{"k":"v"}'),
            csv_row("b", "2", session_tags=""),
            csv_row("a", "3", session_tags="{}", sut_name="web"),
        ),
        "csv",
    )
    assert [s.session_id for s in parsed.sessions] == ["b"]
    assert [str(problem) for problem in parsed.problems] == [
        "row 4, column sut_name: differs from row 2 of the same session (session 'a')",
        "row 4, column session_tags: differs from row 2 of the same session (session 'a')",
    ]


def test_an_apostrophe_alone_is_no_difference() -> None:
    text = csv_file(csv_row("a", "1", sut_name="=x"), csv_row("a", "2", sut_name="'=x"))
    assert read(text, "csv").sessions[0].sut_name == "=x"


def test_blank_lines_and_rows_of_empty_cells_are_passed_over() -> None:
    text = csv_file(csv_row("a", "1"), dict.fromkeys(csv_row(), ""), csv_row("a", "2"))
    parsed = read(text + "\r\n" + ", , ,,,\r\n", "csv")
    assert [r.nodeid for r in parsed.sessions[0].test_results] == ["1", "2"]
    assert parsed.problems == []


def test_a_row_of_another_length_is_refused_and_named() -> None:
    lines = csv_file(csv_row("a", "1"), csv_row("a", "2"), csv_row("b", "3")).splitlines()
    lines[1] += ",more"
    lines[3] = "b"
    parsed = read("\n".join(lines), "csv")
    assert [(p.session_index, str(p)) for p in parsed.problems] == [
        (0, "row 2: has 7 cells, but the first row has 6 (session 'a')"),
        (1, "row 4: has 1 cells, but the first row has 6 (session 'b')"),
    ]
    assert (parsed.total, parsed.invalid) == (2, 2)


def test_rows_without_an_id_are_not_taken_for_one_session() -> None:
    parsed = read(csv_file(csv_row("", "1"), csv_row("", "2"), csv_row("a", "3")), "csv")
    assert [(p.session_index, p.place, p.message) for p in parsed.problems] == [
        (0, "row 2, column session_id", "is missing"),
        (1, "row 3, column session_id", "is missing"),
    ]
    assert [s.session_id for s in parsed.sessions] == ["a"]


def test_every_problem_says_its_row_and_column() -> None:
    parsed = read(
        csv_file(
            csv_row("a", "1"),
            csv_row("b", "2", exit_status="one", session_tags="{", code_state='{"commit":5}'),
            csv_row("b", "3", exit_status="one", session_tags="{", code_state='{"commit":5}')
            | {"outcome": "", "duration": "0,25", "properties": "[1]", "has_warning": "perhaps"},
        ),
        "csv",
    )
    places = {problem.place for problem in parsed.problems}
    assert places == {
        "row 3, column exit_status",
        "row 3, column session_tags",
        "row 3, column code_state.commit",
        "row 4, column outcome",
        "row 4, column duration",
        "row 4, column properties",
        "row 4, column has_warning",
    }
    assert {problem.session_index for problem in parsed.problems} == {1}
    assert "row 4, column duration: must be a number, not '0,25' (session 'b')" in {
        str(problem) for problem in parsed.problems
    }


@pytest.mark.parametrize("blank", [" ", "\u00a0", "\t"])
def test_a_cell_of_white_space_is_text_but_neither_a_number_nor_a_name(blank: str) -> None:
    parsed = read(csv_file(csv_row("a", blank, capstdout=blank)), "csv")
    assert parsed.sessions[0].test_results[0].nodeid == blank
    assert parsed.sessions[0].test_results[0].capstdout == blank
    for column in ("session_duration", "duration", "exit_status", "sut_name", "start_time"):
        problems = read(csv_file(csv_row("a", "1", **{column: blank})), "csv").problems
        assert [problem.place for problem in problems] == [f"row 2, column {column}"]


@pytest.mark.parametrize("word", ["true", "TRUE", "True", "1"])
def test_true_may_be_written_as_spreadsheets_write_it(word: str) -> None:
    parsed = read(csv_file(csv_row(has_warning=word)), "csv")
    assert parsed.sessions[0].test_results[0].has_warning is True


@pytest.mark.parametrize("word", ["false", "FALSE", "0", ""])
def test_false_may_be_written_as_spreadsheets_write_it(word: str) -> None:
    parsed = read(csv_file(csv_row(has_warning=word)), "csv")
    assert parsed.sessions[0].test_results[0].has_warning is False


def test_an_empty_code_state_is_not_an_unknown_one(make_session: MakeSession) -> None:
    for state in (None, CodeState(), CodeState(branch="")):
        session = make_session(0, code_state=state)
        assert read(written([session], "csv"), "csv").sessions == [session]


def test_upper_case_outcomes_are_those_of_pytest_and_other_names_stay() -> None:
    text = csv_file(csv_row("a", "1", outcome="PASSED"), csv_row("a", "2", outcome="Flaky"))
    results = read(text, "csv").sessions[0].test_results
    assert [result.outcome for result in results] == [TestOutcome.PASSED, "Flaky"]


def test_a_cell_may_be_longer_than_the_csv_module_allows_by_itself(
    make_session: MakeSession,
) -> None:
    limit = csv.field_size_limit()
    session = with_text(make_session(), "x" * (limit + 1))
    assert read(written([session], "csv"), "csv").sessions == [session]
    assert csv.field_size_limit() == limit


def test_readers_in_several_threads_do_not_take_each_others_cell_limit(
    make_session: MakeSession,
) -> None:
    limit = csv.field_size_limit()
    session = with_text(make_session(), "x" * (limit + 1))
    data = written([session] * 3, "csv")
    found: list[int] = []

    def work() -> None:
        for _ in range(10):
            found.append(read(data, "csv").total)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 40
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_says_how_to_read_the_file(encoding: str) -> None:
    data = csv_file(csv_row("ä🧪")).encode(encoding)
    assert read(data, "csv").sessions[0].session_id == "ä🧪"


@pytest.mark.parametrize("newline", ["\n", "\r"])
def test_other_line_ends_are_read_too(newline: str) -> None:
    text = csv_file(csv_row("a", "1"), csv_row("a", "2")).replace("\r\n", newline)
    assert len(read(text, "csv").sessions[0].test_results) == 2


def test_bytes_that_are_not_utf_8_are_refused_with_their_line() -> None:
    data = csv_file(csv_row("a"), csv_row("Müller")).encode("latin-1")
    with pytest.raises(ExchangeError, match=r"not CSV in UTF-8: .* in line 3; save it as UTF-8"):
        read(data, "csv")


def test_a_file_that_ends_inside_a_quoted_cell_is_refused_with_its_line() -> None:
    data = CSV_FILE.read_bytes()
    cut = data[: data.index(b"E  AssertionError")]
    with pytest.raises(ExchangeError, match=r"unexpected end of data \(line 3\)"):
        read(cut, "csv")


def test_a_cut_file_is_read_only_if_its_last_row_looks_complete() -> None:
    whole, header = SESSIONS[0], len(written([], "csv"))
    data = written([whole], "csv")
    between = {header, data.index(b'"[[""requirement')}  # the last cell may be empty
    for count in range(1, 4):
        end = len(written([whole.with_results(whole.test_results[:count])], "csv"))
        between |= {end - 2, end - 1, end}  # a row's line end may be left out
    silent = set()
    for size in range(header, len(data) + 1):
        with suppress(ExchangeError):
            if not read(data[:size], "csv").problems:
                silent.add(size)
    assert silent == between
