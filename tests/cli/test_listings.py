"""How listings look: on terminals of some widths, in a pipe, with and without colour."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from typing import Any

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from pytest_insight._util.times import FIRST, LAST
from pytest_insight.cli.app import app
from pytest_insight.models import CodeState, TestOutcome, TestResult
from pytest_insight.storage import JSONStorage, get_storage_instance
from pytest_insight.testing.rules import make_result
from tests import tools
from tests.cli.conftest import INSIGHT, Insight, Screen
from tests.conftest import START, MakeSession

LONG = "tests/test_a.py::test_" + "x" * 300
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(columns: int, *arguments: str, **variables: str) -> str:
    """What the command prints on a terminal of that width."""
    environment = {"TERM": "xterm-256color", **os.environ, **variables}
    shown = tools.on_terminal([INSIGHT, *arguments], environment, columns=columns)
    assert shown.status == 0
    return shown.text


@pytest.mark.parametrize("columns", [40, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal_and_no_id_is_cut_off(
    make_session: MakeSession, columns: int
) -> None:
    name = "api-" + "0123456789" * 5
    results = tuple(TestResult(LONG, TestOutcome(o), START, 0.1) for o in ("failed", "skipped"))
    JSONStorage().save_session(make_session(0, session_id=name, test_results=results))
    lines = COLOURS.sub("", on_terminal(columns, "sessions", "list")).splitlines()
    assert max(map(len, lines)) <= columns
    header, _rule, *table = lines
    at = header.index("Session")
    pieces = [line[at:].split(" ")[0] for line in table]  # "" where the ID has ended
    assert "".join(pieces).startswith(name.removeprefix("api-"))


LONG_NAMES = (
    "tests/unit/checkout/test_checkout.py::TestCheckout::test_total[ann-mixed]",
    "tests/unit/checkout/test_checkout.py::TestCheckout::test_coupon[HALF-50.0-with free postage]",
    "tests/unit/checkout/hooks/test_hooks.py::TestHooks::test_signed[https://a.b/c::d-日本語の名前]",
)


def save_results(make_session: MakeSession, *names: str, **fields: Any) -> None:
    results = (TestResult(name, TestOutcome.FAILED, START, 0.1, **fields) for name in names)
    JSONStorage().save_session(make_session(0, test_results=tuple(results)))


@pytest.mark.parametrize(("columns", "option"), [(40, ""), (80, "--group")])
def test_a_nodeid_keeps_its_file_class_and_function_on_a_terminal(
    make_session: MakeSession, columns: int, option: str, screen: Screen
) -> None:
    save_results(make_session, *LONG_NAMES)
    lines = screen(columns, "query", "tests", *option.split())
    assert max(map(cell_len, lines)) <= columns
    end = lines[0].rindex("Outcome")
    cells = "".join(line[:end].strip() for line in lines)
    assert "test_checkout.py::TestCheckout::test_total[ann-mixed]" in cells
    assert "test_checkout.py::TestCheckout::test_coupon[" in cells
    assert "test_hooks.py::TestHooks::test_signed[" in cells


def test_columns_go_before_a_nodeid_is_cut(make_session: MakeSession, screen: Screen) -> None:
    name = LONG_NAMES[0].removeprefix("tests/unit/")
    save_results(make_session, name)
    headers = {
        columns: screen(columns, "query", "tests", "--group")[0].split()
        for columns in (80, 120, 160)
    }
    assert headers[80] == ["Test", "Outcomes"]
    assert headers[120] == ["Test", "Results", "Mean", "p95", "Last", "Seen", "Outcomes"]
    columns = ["Results", "Mean", "p50", "p95", "Longest", "Last", "Seen"]
    assert headers[160] == ["Test", *columns, "Outcomes"]
    assert name in screen(80, "query", "tests", "--group")[2]


def test_the_column_that_rows_are_sorted_by_stays(
    make_session: MakeSession, screen: Screen
) -> None:
    save_results(make_session, *LONG_NAMES)
    for key, column in (("mean", "Mean"), ("p95", "p95"), ("last", "Seen")):
        assert column in screen(80, "query", "tests", "--group", "--sort", key)[0].split()
    assert "Took" not in screen(80, "query", "tests")[0].split()
    assert "Took" in screen(80, "query", "tests", "--sort", "duration")[0].split()


def test_the_directory_of_all_rows_is_in_the_header_if_there_is_no_room(
    make_session: MakeSession, screen: Screen
) -> None:
    save_results(make_session, *LONG_NAMES)
    header, _rule, *rows = screen(80, "query", "tests")
    assert header.startswith("Test in tests/unit/checkout/ ")
    assert rows[0].startswith("test_checkout.py::TestCheckout::test_total[ann-mixed] ")
    assert screen(200, "query", "tests")[0].startswith("Test  ")


def test_failures_have_their_message_as_a_column_or_below_them(
    make_session: MakeSession, screen: Screen
) -> None:
    message = "TypeError: 'float' object is not subscriptable"
    save_results(
        make_session, LONG_NAMES[0], message=f"{message}\nmore", crash="src/shop/cart.py:32"
    )
    header, _rule, row, *_ = screen(220, "query", "tests")
    assert header.split()[:3] == ["Test", "Outcome", "Error"]
    assert f"  {message}  src/shop/cart.py:32  " in row
    header, _rule, row, below, *_ = screen(80, "query", "tests")
    assert "Error" not in header
    assert message not in row
    assert below.strip() == f"{message}  src/shop/cart.py:32"


def test_a_message_below_a_short_name_has_the_width_of_the_terminal(
    make_session: MakeSession, screen: Screen
) -> None:
    message = "TypeError: 'int' object is not subscriptable"
    save_results(make_session, "tests/test_cart.py::test_total", message=message, crash="")
    header, _rule, row, below, *_ = screen(78, "query", "tests")
    assert header.split() == ["Test", "Outcome", "Took", "Age"]
    assert row.startswith("tests/test_cart.py::test_total ")
    assert below.rstrip() == f"  {message}"


def test_skips_and_expected_failures_have_a_reason(
    insight: Insight, make_session: MakeSession
) -> None:
    reasons = {"skipped": "no network", "xfailed": "see the tracker"}
    results = tuple(
        TestResult(f"t.py::{outcome}", outcome, START, message=why, crash="t.py:1")
        for outcome, why in reasons.items()
    )
    JSONStorage().save_session(make_session(0, test_results=results))
    header, *rows = insight("query", "tests").out.splitlines()
    at = header.index("Reason")
    assert [row[at:].split("  ")[0] for row in rows] == list(reasons.values())


def test_rows_of_several_suts_have_their_sut(
    insight: Insight, make_session: MakeSession, screen: Screen
) -> None:
    JSONStorage().save_sessions(
        make_session(number, sut_name=name) for number, name in enumerate(("shop", "jobs", "jobs"))
    )
    for arguments in ((), ("--group",)):
        header, *rows = insight("query", "tests", *arguments).out.splitlines()
        at = header.index("SUT")
        assert {row[at : at + 4] for row in rows} == {"shop", "jobs"}
        assert "SUT" not in insight("query", "tests", "--sut", "jobs", *arguments).out
        assert " SUT " in screen(60, "query", "tests", *arguments)[0]


def test_the_line_below_a_list_says_how_many_there_are_and_how_many_passed(
    insight: Insight, make_session: MakeSession, screen: Screen
) -> None:
    passed = (TestResult("t", TestOutcome.PASSED, START),)
    JSONStorage().save_sessions(
        make_session(number, **({} if number % 2 else {"test_results": passed}))
        for number in range(30)
    )
    *_, last = screen(200, "sessions", "list")
    numbers = "20 of 30 sessions · --limit 0 for all · 10 of 20 green (50%) · 50.0 s in total"
    assert last.startswith(f"{numbers} · profile default (~/.pytest_insight/sessions.json)")
    *_, last = screen(200, "sessions", "list", "--failed", "--counts", "matching")
    assert last.startswith("15 sessions · 37.5 s in total · profile default")
    *_, last = screen(200, "query", "tests", "--limit", "4")
    assert last.startswith("4 of 45 results · --limit 0 for all · profile default")
    assert "total" not in insight("sessions", "list").out


def test_a_bar_of_outcomes_is_drawn_where_colour_is_seen(make_session: MakeSession) -> None:
    passed = [TestResult(f"t::{n}", TestOutcome.PASSED, START) for n in range(1_000)]
    failed = TestResult("t::x", TestOutcome.FAILED, START)
    JSONStorage().save_session(make_session(0, test_results=(failed, *passed)))
    shown = on_terminal(120, "sessions", "list")
    assert "\x1b[31m━\x1b[0m\x1b[32m━━━━━━━━━━━\x1b[0m" in shown  # one failure is seen
    for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"PYTHONIOENCODING": "latin-1"}):
        shown = COLOURS.sub("", on_terminal(120, "sessions", "list", **variables))
        assert "━━" not in shown.partition("api-0")[2]
        is_lettered = "NO_COLOR" not in variables
        assert ("✗" not in shown) == (re.search("^F", shown, re.MULTILINE) is not None)
        assert ("✗" not in shown) == is_lettered
    assert "━" not in on_terminal(80, "sessions", "list").partition("api-0")[2]


def test_a_terminal_gets_colours_unless_told_otherwise(store: JSONStorage) -> None:
    assert COLOURS.search(on_terminal(80, "sessions", "list"))
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", on_terminal(80, "sessions", "list", NO_COLOR="1"))


def test_a_pipe_gets_aligned_lines_without_colours(
    insight: Insight, make_session: MakeSession
) -> None:
    results = (
        TestResult(LONG, TestOutcome.FAILED, START, 12.0),
        TestResult("tests/test_a.py::test_日本", TestOutcome.PASSED, START, 0.25),
    )
    JSONStorage().save_session(make_session(0, test_results=results))
    header, *lines = insight("query", "tests").out.splitlines()
    assert header.split() == ["Test", "Outcome", "Took", "Started", "Session"]
    assert [line.split()[0] for line in lines] == [LONG, "tests/test_a.py::test_日本"]
    at = header.index("Outcome")
    assert lines[0][at:].startswith("failed ")
    assert lines[1][at - 2 :].startswith("passed ")  # two characters that take two columns each
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize("variables", [{}, {"FORCE_COLOR": "1"}])
def test_the_width_of_a_terminal_cuts_nothing_in_a_pipe(
    insight: Insight, make_session: MakeSession, variables: dict[str, str]
) -> None:
    result = TestResult(LONG, TestOutcome.FAILED, START, longreprtext="E " + "word " * 100)
    code = CodeState(commit="1a2b3c4d" * 5, branch="a-long-branch-" * 5)
    JSONStorage().save_session(make_session(0, test_results=(result,), code_state=code))
    with_name = ("query tests", "query tests --group", "failures", "history test_", "")
    with_text = ("sessions show", "failures -v")
    for command in (*with_name, *with_text, "sessions list", "profile list", "docs"):
        whole = insight(*command.split(), env=variables).out
        narrow = insight(*command.split(), env={"COLUMNS": "40", **variables}).out
        assert narrow == whole
        assert LONG in whole or command not in with_name
        assert "word " * 99 in whole or command not in with_text


def test_colour_can_be_forced_into_a_pipe(insight: Insight, store: JSONStorage) -> None:
    assert COLOURS.search(insight("sessions", "list", env={"FORCE_COLOR": "1"}).out)


def test_a_pipe_costs_no_import_of_rich(store: JSONStorage) -> None:
    script = (
        "import sys; sys.argv = ['insight', 'sessions', 'list']\n"
        "from pytest_insight.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([name for name in sys.modules if name in ('rich.table', 'rich.console')])"
    )
    # readline, which pytest imports, puts COLUMNS into an environment that Python does not know of.
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout.splitlines()[-1] == "[]"


def test_a_session_whose_process_died_says_so(insight: Insight, make_session: MakeSession) -> None:
    JSONStorage().save_session(make_session(0, crashed=True))
    assert "crashed, 1 failed, 1 passed" in insight("sessions", "list").out
    assert "crashed, 1 failed, 1 passed" in insight("sessions", "show").out


def test_a_listing_that_is_cut_says_so_and_json_is_not_cut(
    insight: Insight, make_session: MakeSession
) -> None:
    JSONStorage().save_sessions(make_session(number) for number in range(60))
    printed = insight("sessions", "list")
    assert len(printed.out.splitlines()) == 21
    assert printed.err == "insight: showing 20 of 60 sessions (--limit 0 for all)\n"
    assert len(insight("sessions", "list", "--limit", "0").out.splitlines()) == 61
    assert len(json.loads(insight("sessions", "list", "-f", "json").out)) == 60
    printed = insight("query", "tests", "-f", "json")
    assert len(json.loads(printed.out)) == 120
    assert printed.err == ""
    printed = insight("query", "tests")
    assert len(printed.out.splitlines()) == 101
    assert printed.err == "insight: showing 100 of 120 results (--limit 0 for all)\n"
    printed = insight("query", "sessions", "-n", "60")
    assert len(printed.out.splitlines()) == 61
    assert printed.err == ""


def test_a_long_branch_does_not_displace_the_outcomes(
    make_session: MakeSession, screen: Screen
) -> None:
    code = CodeState(branch="dependabot/npm_and_yarn/webpack-dev-server-and-webpack-cli-5.2.1")
    session = make_session(0, session_id="payments-api-20261123-130521-ed5e7882", code_state=code)
    JSONStorage().save_session(session)
    for columns in (120, 140):
        assert "1 failed, 1 passed" in "\n".join(screen(columns, "sessions", "list"))
    assert "dependabot" in "\n".join(screen(200, "sessions", "list"))


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="sets the local time zone")
@pytest.mark.parametrize("kind", ["json", "sqlite"])
@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
def test_the_years_1_and_9999_are_listed_in_every_time_zone(
    insight: Insight,
    screen: Screen,
    make_session: MakeSession,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    zone: str,
) -> None:
    monkeypatch.setenv("PYTEST_INSIGHT_STORAGE_TYPE", kind)
    with get_storage_instance() as storage:
        for name, start, duration in (("first", FIRST, 1e300), ("last", LAST, 1e308)):
            result = TestResult("a.py::test_1", TestOutcome.FAILED, start, duration)
            passed = TestResult("a.py::test_1", TestOutcome.PASSED, start, duration)
            session = make_session(
                session_id=name,
                session_start_time=start,
                session_duration=0.0,
                test_results=(result, passed),
            )
            storage.save_session(session)
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        for command in (
            *("", "sessions list", "sessions show first", "sessions show last"),
            *("query tests", "query tests --group", "query tests --group --sort last"),
            *("query sessions --outcome failed", "sessions list --since 0001-01-01"),
            *("sessions list --until 9999-12-31", "query tests --days 99999999999"),
            *("sessions verify", "sessions prune --older-than 99999999w --dry-run"),
        ):
            listed = insight(*command.split())
            assert "a.py::test_1" in listed.out or not command.startswith("query tests")
        for command in (
            "sessions list",
            "query tests",
            "query tests --group",
            "sessions show last",
        ):
            assert screen(200, *command.split())  # with totals and ages
        assert "0001-01-01" in insight("sessions", "list").out
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


def test_columns_are_aligned_by_what_an_encoding_without_the_letters_shows(
    make_session: MakeSession,
) -> None:
    results = tuple(
        TestResult(f"test_{name}.py::t", TestOutcome("failed"), START, message=message)
        for name, message in (("日本語テスト", "値"), ("plain", "é value"))
    )
    JSONStorage().save_session(make_session(0, test_results=results))
    ran = CliRunner(charset="ascii").invoke(app, ["query", "tests"], prog_name="insight")
    assert ran.exit_code == 0
    lines = ran.stdout.splitlines()
    assert r"test_\u65e5\u672c\u8a9e\u30c6\u30b9\u30c8.py::t" in lines[1]
    assert lines[1].index(r"\u5024") == lines[2].index(r"\xe9 value")


def test_a_run_that_pytest_calls_failed_is_not_green_though_no_test_failed(
    insight: Insight, make_session: MakeSession
) -> None:
    passed = (make_result("test_x", "passed"),)
    for number, status in enumerate([0, 1, 2, 5, None]):
        session = make_session(number, test_results=passed, exit_status=status)
        JSONStorage().save_session(session)
    listed = insight("sessions", "list").out.splitlines()[1:]
    assert ["failed" in line for line in listed] == [False, False, True, True, False]
    assert "exit status 2, 1 passed" in listed[2]
    assert "  3 of 5 green (60%)" in insight().out
    assert "last run  1 passed" in insight().out
    # Of matching tests, the exit status says nothing.
    assert "failed" not in insight("query", "sessions", "--outcome", "passed").out
