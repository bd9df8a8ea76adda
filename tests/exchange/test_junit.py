"""JUnit XML: what pytest's own files and those of other programs give."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from msgspec.structs import replace

from pytest_insight._util.report_text import MAX_OUTPUT
from pytest_insight.errors import ExchangeError, InsightError
from pytest_insight.exchange.losses import Loss
from pytest_insight.exchange.options import Project, ReadOptions
from pytest_insight.exchange.read_formats import read_bytes, read_file
from pytest_insight.exchange.readers.junit import parser
from pytest_insight.models import TestOutcome, TestResult, TestSession
from pytest_insight.storage import InMemoryStorage
from tests.exchange.recorded_runs import FOREIGN, comparable, recorded

FAILED = (TestOutcome.FAILED, TestOutcome.ERROR)
SHOP = ReadOptions(sut="shop")
START = "2026-11-27T10:00:00+00:00"
ALWAYS = {
    *(Loss.NO_START_TIMES, Loss.NO_PHASES, Loss.XPASS_LOST),
    *(Loss.NO_CODE_STATE, Loss.NO_ENVIRONMENT, Loss.NO_TEST_WARNINGS, Loss.NO_WORKERS),
}
OUTCOMES = {*ALWAYS, Loss.NO_ATTEMPTS, Loss.XFAIL_AS_SKIP}
WAYS = {
    "plain": {*OUTCOMES, Loss.NO_OUTPUT},
    "output": OUTCOMES,
    "xunit1": {*OUTCOMES, Loss.NO_OUTPUT},
    "prefix": {*OUTCOMES, Loss.NO_OUTPUT},
    "xdist": OUTCOMES,
    "crash": {*OUTCOMES, Loss.NO_OUTPUT},
    "stopped": {*ALWAYS, Loss.NO_ATTEMPTS, Loss.NO_OUTPUT},
    "reruns": {*ALWAYS, Loss.NO_ATTEMPT_TEXT, Loss.NO_OUTPUT},
    "subtests": {*ALWAYS, Loss.NO_ATTEMPTS, Loss.NO_OUTPUT, Loss.SUBTESTS_MERGED},
}
"""The losses of each file if its nodeids are known."""


def suite(*cases: str, **attributes: str) -> bytes:
    """A file as pytest writes it."""
    given = {
        **{"name": "pytest", "errors": "0", "failures": "0", "skipped": "0", "tests": "9"},
        **{"time": "1.5", "timestamp": START, "hostname": "ci", **attributes},
    }
    inside = " ".join(f'{name}="{value}"' for name, value in given.items())
    start = '<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests">'
    return f"{start}<testsuite {inside}>{''.join(cases)}</testsuite></testsuites>".encode()


def case(name: str = "test_x", inside: str = "", classname: str = "test_a") -> str:
    return f'<testcase classname="{classname}" name="{name}" time="0.1">{inside}</testcase>'


def session_of(data: bytes, options: ReadOptions = SHOP) -> TestSession:
    (session,) = read_bytes(data, "junit.xml", None, options).sessions
    return session


def without_what_junit_lacks(result: TestResult) -> TestResult:
    """A recorded result as a JUnit file of pytest can give it, but for output."""
    changes: dict[str, Any] = {"worker": "", "has_warning": False}
    if result.outcome == "xpassed":
        changes |= {"outcome": TestOutcome.PASSED, "message": "", "longreprtext": ""}
    elif result.outcome == "xfailed":
        changes |= {"longreprtext": result.message, "crash": ""}
    elif result.outcome == "rerun":
        changes |= {"longreprtext": "", "message": "", "crash": ""}
        changes |= {"capstdout": "", "capstderr": "", "caplog": ""}
    elif result.crash not in result.longreprtext:
        changes["crash"] = ""
    if result.outcome != "error":
        changes["phase"] = ""
    if result.longreprtext.startswith("subtest "):
        changes["longreprtext"] = result.longreprtext.partition("\n")[2]
    changed = replace(result, **changes)
    for control, written in (("\a", "#x07"), ("\x1b", "#x1B")):
        message = changed.message.replace(control, written)
        text = changed.longreprtext.replace(control, written)
        changed = replace(changed, message=message, longreprtext=text)
    texts = tuple((name, str(value)) for name, value in result.properties)
    return replace(changed, properties=texts)


@pytest.mark.parametrize("way", WAYS)
def test_an_import_holds_what_was_recorded_except_for_the_losses_it_reports(way: str) -> None:
    truth = recorded(way)
    known = ReadOptions(sut="shop", known_nodeids=lambda _: [r.nodeid for r in truth.test_results])
    content = read_file(FOREIGN / way / "junit.xml", None, known)
    (session,) = content.sessions
    losses = {loss.kind for loss in content.losses[session.session_id]}
    assert losses == WAYS[way]
    expected = [without_what_junit_lacks(result) for result in truth.test_results]
    if Loss.NO_OUTPUT in losses:
        expected = [replace(r, capstdout="", capstderr="", caplog="") for r in expected]
    assert comparable(session.test_results) == comparable(expected)
    assert abs(session.session_start_time - truth.session_start_time) < timedelta(seconds=2)
    assert sum(result.duration for result in session.test_results) == pytest.approx(
        sum(result.duration for result in truth.test_results), abs=0.05
    )
    assert session.testing_system == {"host": "ci-host"}
    assert session.source is not None
    assert (session.source.format, session.source.tool) == ("junit", "pytest")


def test_nodeids_are_guessed_from_the_names_where_nothing_else_says_them() -> None:
    found = read_file(FOREIGN / "plain" / "junit.xml", None, SHOP)
    truth = {result.nodeid for result in recorded("plain").test_results}
    (session,) = found.sessions
    missing = truth - {result.nodeid for result in session.test_results}
    assert missing == {  # a dot in the name of a folder
        "tests/sub.dir/checks_test.py::TestIt::test_suffix",
        "tests/sub.dir/test_dotted.py::test_in_a_dotted_folder",
    }
    losses = {loss.kind: loss for loss in found.losses[session.session_id]}
    assert losses[Loss.NODEID_GUESSED].count == 36
    xunit1 = read_file(FOREIGN / "xunit1" / "junit.xml", None, SHOP)
    guessed = {loss.kind: loss.count for loss in next(iter(xunit1.losses.values()))}
    assert guessed[Loss.NODEID_GUESSED] == 3  # two modules, and the inherited test
    assert truth >= {result.nodeid for result in xunit1.sessions[0].test_results}


def test_the_root_folder_says_which_part_of_a_name_is_the_file(tmp_path: Path) -> None:
    for path in ("v1/test_d.py", "v1.2/sub.dir/test_d.py", "lib/checks.py", "docs/notes.txt"):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    data = suite(
        case("test_in_lower_case", "", "lib.checks.lower_case_class"),
        case("notes.txt", "", "docs.notes.txt"),
        case("two", "", "docs.notes.txt.usage"),  # of a plugin's collector, named `usage::two`
        case("test_y", "", "nightly.linux.lib.checks.TestC"),  # --junitprefix
        case("test_x", "", "v1.2.sub.dir.test_d.TestX"),
    )
    session = session_of(data, ReadOptions(sut="shop", root=tmp_path))
    assert [result.nodeid for result in session.test_results] == [
        "lib/checks.py::lower_case_class::test_in_lower_case",
        "docs/notes.txt::notes.txt",
        "docs/notes.txt::usage::two",
        "lib/checks.py::TestC::test_y",
        "v1.2/sub.dir/test_d.py::TestX::test_x",
    ]
    assert session.source is not None
    assert Loss.NODEID_GUESSED not in session.source.losses


def test_an_ambiguous_name_is_not_taken_from_the_store() -> None:
    known = ["a/b.py::C::test_x", "a/b/C.py::test_x", "t/c.py::D::test_z[a::b/c]"]
    options = ReadOptions(sut="shop", known_nodeids=lambda _: known)
    data = suite(case("test_x", "", "a.b.C"), case("test_z[a::b/c]", "", "t.c.D"))
    session = session_of(data, options)
    assert [result.nodeid for result in session.test_results] == [
        "a/b.py::C::test_x",  # a guess
        "t/c.py::D::test_z[a::b/c]",
    ]
    assert session.source is not None
    assert Loss.NODEID_GUESSED in session.source.losses


def test_names_that_no_file_can_have_are_guessed(tmp_path: Path) -> None:
    names = ["x" * 5_000, "a." * 20_000 + "b", "../../etc/passwd", "/etc/passwd", "", "..."]
    data = suite(*(case("test_x", "", name) for name in names))
    known = lambda _: ["a/b.py::test_x"]  # noqa: E731
    project = Project("shop", tmp_path)
    session = session_of(data, ReadOptions(sut="shop", root=tmp_path, known_nodeids=known))
    assert len(session.test_results) == len(names)
    with pytest.raises(ExchangeError, match="none of its tests is in"):
        session_of(data, ReadOptions(project=project))


def test_an_error_in_teardown_follows_a_failure_of_its_own_or_a_pass() -> None:
    failure = '<failure message="boom">E   boom</failure>'
    error = '<error message="failed on teardown with &quot;late&quot;">late</error>'
    alone = session_of(suite(case("test_x", error)))
    both = session_of(suite(case("test_x", failure), case("test_x", error)))
    again = session_of(suite(case(), case(), case("test_x", failure), case("test_x", error)))
    assert [(str(r.outcome), r.phase) for r in alone.test_results] == [
        ("passed", ""),
        ("error", "teardown"),
    ]
    assert [str(r.outcome) for r in both.test_results] == ["failed", "error"]
    assert [str(r.outcome) for r in again.test_results] == ["rerun", "rerun", "failed", "error"]
    assert [r.duration for r in both.test_results] == [0.1, 0.1]


def test_an_attempt_has_no_output_of_earlier_ones_which_pytest_repeats() -> None:
    heading = f"{' Captured Out ':-^80}"
    texts = ("one\n", "one\ntwo\n", "one\ntwo\nthree\n")
    outputs = [f"<system-out>{heading}\n{text}\n</system-out>" for text in texts]
    failure = '<failure message="boom">E   boom</failure>'
    cases = [case(inside=outputs[0]), case(inside=outputs[1]), case(inside=failure + outputs[2])]
    session = session_of(suite(*cases))
    assert [r.capstdout for r in session.test_results] == ["one\n", "two\n", "three\n"]


def test_a_module_that_two_collectors_could_not_collect_is_counted_twice_as_by_pytest() -> None:
    error = '<error message="collection failure">E   SyntaxError: invalid</error>'
    session = session_of(suite(case("tests.test_a", error * 2, "")))
    found = [(each.nodeid, str(each.outcome)) for each in session.test_results]
    assert found == [("tests/test_a.py", "error")] * 2


PHASES = ("setup", "teardown")
LONG = "x" * 600
SHORTENED = "[{}; full report in element text]"


@pytest.mark.parametrize(
    ("message", "text", "expected"),
    [
        ("assert 0", "E   assert 0", "assert 0"),
        (f"{LONG[:500]}...\n{SHORTENED.format('truncated')}", f"E   {LONG}", LONG),
        (
            f"one\n{SHORTENED.format('+2 more lines')}",
            f"E   one\nE     {LONG}\nE   three",
            f"one\n{LONG}\nthree",
        ),
        (
            f"one\n  two\n  three\n{SHORTENED.format('+1 more line')}",
            "E   one\nE     two\nE     three\nE     four",
            "one\n  two\n  three",
        ),
        (f"one\n{SHORTENED.format('+1 more line')}", "cut", "one"),
        # no exception: the text is the message, as of doctests and of unknown fixtures
        ("002\n>>> 1\n2", "002\n>>> 1\n2\n\na.py:3: DocTestFailure", "DocTestFailure"),
    ],
)
def test_a_message_that_pytest_shortened_is_completed_from_the_text(
    message: str, text: str, expected: str
) -> None:
    def given(kind: str, message: str) -> TestResult:
        inside = f"<{kind} message={quoteattr(message)}>{escape(text)}</{kind}>"
        return session_of(suite(case(inside=inside))).test_results[-1]

    assert given("failure", message).message == expected
    head, _, note = message.partition("\n[")
    found = given("error", f'failed on setup with "{head}' + (f"\n[{note}" if note else '"'))
    assert (found.message, found.phase) == (expected, "setup")


def test_a_setup_and_a_teardown_that_fail_are_no_merged_subtests() -> None:
    errors = [f'<error message="failed on {when} with &quot;x&quot;">x</error>' for when in PHASES]
    content = read_bytes(suite(case(inside="".join(errors))), "junit.xml", None, SHOP)
    assert [each.phase for each in content.sessions[0].test_results] == [*PHASES]
    losses = next(iter(content.losses.values()))
    assert Loss.SUBTESTS_MERGED not in {loss.kind for loss in losses}


def test_a_native_traceback_says_where_the_exception_was_raised() -> None:
    text = (
        "Traceback (most recent call last):\n"
        '  File "/ci/env/pluggy.py", line 9, in call\n    run()\n'
        '  File "/ci/shop/test_a.py", line 3, in test_x\n    {}["x"]\nKeyError: "x"\n'
    )
    (found,) = session_of(suite(case(inside=f"<failure>{text}</failure>"))).test_results
    assert (found.message, found.crash) == ('KeyError: "x"', "test_a.py:3")


def test_an_internal_error_is_no_test() -> None:
    internal = case("internal", '<error message="internal error">INTERNALERROR</error>', "pytest")
    session = session_of(suite(case(), internal))
    assert [result.nodeid for result in session.test_results] == ["test_a.py::test_x"]
    assert session.exit_status == 3


# Other programs ---------------------------------------------------------------------------------


@dataclass
class Dialect:
    """A file of another program, written by hand after its documentation or source."""

    text: str
    tool: str
    results: list[tuple[str, str, str]]
    losses: set[Loss] = field(default_factory=set)
    options: ReadOptions = SHOP
    more: Callable[[TestSession], bool] = lambda _: True


DIALECTS = {
    # maven.apache.org/surefire: rerun-failing-tests.html and surefire-test-report-3.0.xsd
    "Surefire": Dialect(
        """<testsuite xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" version="3.0"
        xsi:noNamespaceSchemaLocation="https://maven.apache.org/surefire-test-report-3.0.xsd"
        name="shop.CartTest" time="1,234.5" tests="3" errors="1" skipped="1" failures="0">
        <properties><property name="java.version" value="21"/></properties>
        <testcase name="adds" classname="shop.CartTest" time="0.2">
          <flakyFailure message="expected 1" type="org.opentest4j.AssertionFailedError">
            <stackTrace><![CDATA[at CartTest.java:7]]></stackTrace>
            <system-out><![CDATA[first try]]></system-out></flakyFailure>
          <system-out>second try</system-out></testcase>
        <testcase name="pays" classname="shop.CartTest" time="0.1">
          <error message="no card" type="java.lang.RuntimeException"><![CDATA[at X]]></error>
          <rerunError message="no card again" type="java.lang.RuntimeException"/></testcase>
        <testcase name="ships" classname="shop.CartTest" time="0"><skipped message="later"/>
        </testcase></testsuite>""",
        "Maven Surefire",
        [
            ("shop.CartTest::adds", "rerun", "expected 1"),
            ("shop.CartTest::adds", "passed", ""),
            ("shop.CartTest::pays", "rerun", "no card again"),
            ("shop.CartTest::pays", "error", "no card"),
            ("shop.CartTest::ships", "skipped", "later"),
        ],
        {Loss.SUITE_PROPERTIES_LEFT},
        ReadOptions(sut="shop", started=datetime(2026, 11, 27, 10, tzinfo=UTC)),
        lambda session: (
            session.session_duration == 1234.5
            and session.test_results[0].capstdout == "first try"
            and session.test_results[1].capstdout == "second try"
        ),
    ),
    # docs.gradle.org: one file for each class, times without an offset in UTC
    "Gradle": Dialect(
        """<testsuite name="shop.CartTest" tests="2" skipped="0" failures="1" errors="0"
        timestamp="2026-11-27T10:00:00" hostname="ci" time="0.5"><properties/>
        <testcase name="adds()" classname="shop.CartTest" time="0.25"/>
        <testcase name="adds()" classname="shop.CartTest" time="0.25">
        <failure message="a &lt; b" type="AssertionError">AssertionError: a &lt; b</failure>
        </testcase><system-out>of both</system-out></testsuite>""",
        "",
        [
            ("shop.CartTest::adds()", "passed", ""),
            ("shop.CartTest::adds()", "failed", "a < b"),
        ],
        {Loss.TIME_ZONE_GUESSED, Loss.NO_ATTEMPTS, Loss.NO_OUTPUT},
    ),
    # github.com/jest-community/jest-junit, README
    "Jest": Dialect(
        """<testsuites name="jest tests" tests="2" failures="1" errors="0" time="1.2">
        <testsuite name="cart" errors="0" failures="1" skipped="0" time="0.9" tests="2"
         timestamp="2026-11-27T10:00:00">
        <testcase classname="cart adds" name="cart adds" time="0.1"/>
        <testcase classname="cart pays" name="cart pays" time="0.2">
        <failure>Error: expect(received).toBe(expected)
    at cart.test.js:5:3</failure></testcase></testsuite></testsuites>""",
        "jest-junit",
        [
            ("cart adds", "passed", ""),
            ("cart pays", "failed", "Error: expect(received).toBe(expected)"),
        ],
        {Loss.TIME_ZONE_GUESSED, Loss.NO_ATTEMPTS, Loss.NO_OUTPUT},
        more=lambda session: session.session_duration == 1.2,
    ),
    # github.com/gotestyourself/gotestsum: a suite for each package
    "gotestsum": Dialect(
        """<testsuites tests="2" failures="1" errors="0" time="0.300000">
        <testsuite tests="1" failures="0" time="0.100000" name="shop/cart"
         timestamp="2026-11-27T11:00:01+01:00"><properties>
        <property name="go.version" value="go1.25 linux/amd64"></property></properties>
        <testcase classname="shop/cart" name="TestAdd/one" time="0.010000"></testcase></testsuite>
        <testsuite tests="1" failures="1" time="0.200000" name="shop/pay"
         timestamp="2026-11-27T11:00:00+01:00">
        <testcase classname="shop/pay" name="TestPay" time="0.010000">
        <failure message="Failed" type="">=== RUN TestPay</failure></testcase>
        </testsuite></testsuites>""",
        "Go",
        [
            ("shop/cart::TestAdd/one", "passed", ""),
            ("shop/pay::TestPay", "failed", "Failed"),
        ],
        {Loss.SUITE_PROPERTIES_LEFT, Loss.NO_ATTEMPTS, Loss.NO_OUTPUT},
    ),
    # github.com/bazelbuild/bazel, tools/test/generate-xml.sh
    "Bazel": Dialect(
        """<testsuites><testsuite name="shop/cart_test" tests="1" failures="0" errors="1">
        <testcase name="shop/cart_test" status="run" duration="3" time="3">
        <error message="exited with error code 3"></error></testcase>
        <system-out><![CDATA[the log]]></system-out></testsuite></testsuites>""",
        "",
        [("shop/cart_test", "error", "exited with error code 3")],
        {Loss.NO_ATTEMPTS},
        ReadOptions(sut="shop", started=datetime(2026, 11, 27, 10, tzinfo=UTC)),
        lambda session: (
            session.test_results[0].capstdout == "the log" and session.session_duration == 3
        ),
    ),
    # playwright.dev/docs/test-reporters#junit-reporter
    "Playwright": Dialect(
        """<testsuites id="" name="" tests="2" failures="1" skipped="1" errors="0" time="2.5">
        <testsuite name="cart.spec.ts" timestamp="2026-11-27T10:00:00.000Z" hostname="chromium"
         tests="2" failures="1" skipped="1" time="2" errors="0">
        <testcase name="cart › adds" classname="cart.spec.ts" time="1">
        <failure message="cart.spec.ts:3:5 adds" type="FAILURE"><![CDATA[ Error: no cart ]]>
        </failure><system-out><![CDATA[ trace.zip ]]></system-out></testcase>
        <testcase name="cart › pays" classname="cart.spec.ts" time="0"><skipped></skipped>
        </testcase></testsuite></testsuites>""",
        "",
        [
            ("cart.spec.ts::cart › adds", "failed", "cart.spec.ts:3:5 adds"),
            ("cart.spec.ts::cart › pays", "skipped", ""),
        ],
        {Loss.NO_ATTEMPTS},
    ),
    # google.github.io/googletest/advanced.html#generating-an-xml-report
    "GoogleTest": Dialect(
        """<testsuites tests="2" failures="1" disabled="1" errors="0" time="0.02"
        timestamp="2026-11-27T10:00:00.000" name="AllTests"><testsuite name="Cart" tests="2"
        failures="1" disabled="1" errors="0" time="0.02"><testcase name="Adds" file="cart.cc"
        line="7" status="run" result="completed" time="0.02" classname="Cart">
        <failure message="one" type=""/><failure message="two" type=""/></testcase>
        <testcase name="Pays" file="cart.cc" line="9" status="notrun" result="suppressed" time="0"
        classname="Cart"/></testsuite></testsuites>""",
        "",
        [("cart.cc::Cart::Adds", "failed", "one"), ("cart.cc::Cart::Pays", "skipped", "")],
        {Loss.TIME_ZONE_GUESSED, Loss.NO_ATTEMPTS, Loss.NO_OUTPUT, Loss.RESULTS_MERGED},
    ),
}


@pytest.mark.parametrize("name", DIALECTS)
def test_files_of_other_programs_are_read(name: str) -> None:
    dialect = DIALECTS[name]
    content = read_bytes(dialect.text.encode(), "junit.xml", None, dialect.options)
    (session,) = content.sessions
    found = [(r.nodeid, str(r.outcome), r.message) for r in session.test_results]
    assert found == dialect.results
    assert content.files[0].tool == dialect.tool
    assert session.session_start_time == datetime(2026, 11, 27, 10, tzinfo=UTC)
    assert all(r.start_time == session.session_start_time for r in session.test_results)
    losses = {loss.kind for loss in content.files[0].losses}
    of_pytest = {Loss.XPASS_LOST, Loss.NO_TEST_WARNINGS, Loss.NO_WORKERS}
    assert losses == (ALWAYS - of_pytest) | dialect.losses
    assert dialect.more(session)


def test_a_tag_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "MAX_TAG_BYTES", 1 << 20)
    data = suite(f'<testcase classname="a" name="{"x" * (5 << 20)}"/>')
    with pytest.raises(ExchangeError, match="a tag or comment in line 1 is longer than 1 MiB"):
        read_bytes(data, "junit.xml", None, SHOP)


def test_real_files_of_other_programs_are_read() -> None:
    names: dict[str, list[str]] = {}
    bad: dict[str, int] = {}
    for path in (FOREIGN / "other_programs").iterdir():
        content = read_file(path, None, ReadOptions(sut="shop"))
        (session,) = content.sessions
        assert session.session_start_time.year == 2026  # jest-junit says 1970 of a broken file
        failed = {r.nodeid: r.message for r in session.test_results if r.outcome in FAILED}
        assert path.stem == "ctest" or all(failed.values())
        bad[path.stem] = len(failed)
        names[path.stem] = [r.nodeid for r in session.test_results]
    # Playwright does not list files that it cannot load.
    assert bad == dict.fromkeys(("jest", "mocha", "vitest"), 3) | {
        "ctest": 1,
        "googletest": 2,
        "playwright": 2,
    }
    assert names["ctest"] == ["ok", "bad", "off"]
    assert names["googletest"][:3] == [
        "t.cc::Cart::Adds",
        "t.cc::Cart::Fails",
        "t.cc::Wallet::Adds",
    ]
    assert names["jest"][:2] == ["jt/sum.test.js::basket::adds", "jt/sum.test.js::basket::fails"]
    assert names["jest"][-1] == "jt/broken.test.js"
    assert names["mocha"][:2] == ["basket adds", "basket fails"]
    assert names["playwright"][0] == "sum.spec.js::basket › adds"
    assert set(names["vitest"]) >= {"broken.test.mjs", "sum.test.mjs::basket > adds"}


# Identity and options ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, bz2.compress, lzma.compress], ids=["plain", "gz", "bz2", "xz"]
)
def test_the_id_has_the_start_and_the_digest_of_the_file_as_it_lies_there(
    pack: Callable[[bytes], bytes],
) -> None:
    data = pack(suite(case()))
    session = session_of(data)
    digest = hashlib.sha256(data).hexdigest()
    assert session.session_id == f"shop-20261127-100000-{digest[:8]}"
    assert session.source is not None
    assert session.source.digest == digest


def test_times_without_an_offset_are_in_the_given_time_zone() -> None:
    data = suite(case(), timestamp="2026-11-27T10:00:00.123456")
    assert session_of(data).session_start_time == datetime(2026, 11, 27, 10, 0, 0, 123456, UTC)
    berlin = ReadOptions(sut="shop", timezone=timezone(timedelta(hours=1)))
    session = session_of(data, berlin)
    assert session.session_start_time == datetime(2026, 11, 27, 9, 0, 0, 123456, UTC)
    assert session.source is not None
    assert Loss.TIME_ZONE_GUESSED not in session.source.losses


def test_the_start_of_a_run_is_never_invented() -> None:
    data = suite(case(), timestamp="")
    with pytest.raises(ExchangeError, match=r"does not say when its run started.*--started"):
        session_of(data)
    given = datetime(2026, 11, 1, tzinfo=UTC)
    assert session_of(data, replace(SHOP, started=given)).session_start_time == given
    told = session_of(suite(case()), replace(SHOP, started=given))
    assert told.session_start_time == datetime(2026, 11, 27, 10, tzinfo=UTC)


def test_a_number_with_separators_is_read_if_it_has_one_meaning() -> None:
    data = suite(case(), time="1,234.5")
    assert session_of(data).session_duration == 1234.5


# Bad input --------------------------------------------------------------------------------------

BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuites><testsuite/></testsuites>'
OUTSIDE = b'<?xml version="1.0"?>\n<!DOCTYPE testsuites SYSTEM "file:///etc/passwd"><testsuites/>'
GOOD = suite(case(), "\n", case("test_y"))
BAD: dict[str, tuple[bytes, str]] = {
    "entities": (BOMB, r"document type declaration \(<!DOCTYPE x>\) in line 1"),
    "external": (OUTSIDE, r"document type declaration \(<!DOCTYPE testsuites>\) in line 2"),
    "truncated": (GOOD[: GOOD.index(b"test_y")], r"cut short: line 2 column \d+"),
    "not closed": (GOOD.removesuffix(b"</testsuites>"), r"cut short: line 2 column \d+"),
    "encoding": (GOOD.replace(b"test_y", b"\xff"), r"not well-formed .*: line 2 column \d+"),
    "unknown encoding": (GOOD.replace(b"utf-8", b"klingon"), "unknown encoding.* line 1"),
    "two roots": (GOOD + b"<x/>", r"junk after document element: line 2 column \d+"),
    "html": (b"<html><body>Not found</body></html>", "root element is 'html'.* in line 1"),
    "negative": (suite("\n", case().replace("0.1", "-0.1")), r"time '-0.1' in line 2 must be"),
    "nan": (suite(case().replace("0.1", "nan")), r"time 'nan' in line 1 must be"),
    "localised": (suite(case().replace("0.1", "0,123")), r"time '0,123' in line 1 must be"),
    "words": (suite("\n\n", case().replace("0.1", "1e")), r"time '1e' in line 3 must be"),
    "duration": (suite(case(), time="-1"), r"time '-1' in line 1 must be"),
    "start": (suite(case(), timestamp="yesterday"), r"timestamp 'yesterday' in line 1 must be"),
    "no cases": (suite(), "has no test cases"),
    "no suites": (b"<testsuites/>", "has no test cases"),
    "blank": (b" \n", "is empty"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_in_one_sentence_with_the_line_and_nothing_is_written(
    name: str,
) -> None:
    data, message = BAD[name]
    Path("junit.xml").write_bytes(data)
    storage = InMemoryStorage()
    with pytest.raises(InsightError, match=message) as caught:
        storage.import_sessions("junit.xml", input_format="junit", options=SHOP)
    assert str(caught.value).startswith("junit.xml ")
    assert "\n" not in str(caught.value)
    assert storage.session_ids() == []


@pytest.mark.parametrize("doctype", ["", "<!doctype html>\n", "<!DOCTYPE html>"])
def test_a_page_that_is_named_like_a_report_is_not_recognised_as_one(doctype: str) -> None:
    Path("junit.xml").write_text(f"{doctype}<html><body>Not found</body></html>")
    with pytest.raises(
        ExchangeError, match="is XML or HTML with the root element 'html', not a report"
    ):
        InMemoryStorage().import_sessions("junit.xml", options=SHOP)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_the_declared_encoding_counts(encoding: str) -> None:
    text = suite(case("test_ü")).decode().replace("utf-8", encoding.removesuffix("-sig"))
    session = session_of(text.encode(encoding))
    assert session.test_results[0].nodeid == "test_a.py::test_ü"


def test_long_output_is_cut_in_the_middle_and_takes_no_memory() -> None:
    line = "x" * 99 + "\n"
    count = 200_000
    with Path("junit.xml").open("w") as file:
        head, tail = suite(case("test_x", "<system-out>|</system-out>")).decode().split("|")
        file.write(head + "first ")
        file.writelines([line] * count)
        file.write("last" + tail)
    tracemalloc.start()
    (session,) = read_file(Path("junit.xml"), None, SHOP).sessions
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    kept = session.test_results[0].capstdout
    assert kept.startswith("first x")
    assert kept.endswith("last")
    assert f"[... {count * 100 + 10 - MAX_OUTPUT} characters left out ...]" in kept
    assert peak < 12 << 20
