"""JUnit XML as it is written: read back by junitparser, and by the standard library."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable
from typing import Any
from xml.etree import ElementTree

import pytest
from junitparser import xunit2

from pytest_insight.document.codec import checked
from pytest_insight.errors import ExchangeError
from pytest_insight.exchange.read_formats import read_bytes
from pytest_insight.exchange.writers import junit
from pytest_insight.models import TestResult, TestSession
from tests.exchange import outcomes
from tests.exchange.outcomes import session


def written(*sessions: TestSession) -> bytes:
    file = io.BytesIO()
    assert junit.write(sessions, file) == len(sessions)
    return file.getvalue()


def parsed(*sessions: TestSession) -> ElementTree.Element:
    return ElementTree.fromstring(written(*sessions))


def case(*results: TestResult) -> ElementTree.Element:
    (found,) = parsed(session(*results)).iter("testcase")
    return found


def properties(element: ElementTree.Element) -> list[tuple[str | None, str | None]]:
    return [(each.get("name"), each.get("value")) for each in element.iterfind("properties/*")]


def kinds(element: ElementTree.Element) -> list[str]:
    return [child.tag for child in element if child.tag != "properties"]


def read_by_junitparser(data: bytes) -> list[Any]:
    return [case for suite in xunit2.JUnitXml.fromstring(data) for case in suite]


def test_junitparser_reads_each_test_once_with_at_most_one_result() -> None:
    cases = read_by_junitparser(written(session(*outcomes.EVERYTHING)))
    nodeids = list(dict.fromkeys(result.nodeid for result in outcomes.EVERYTHING))
    found = {{p.name: p.value for p in each.properties()}["insight.nodeid"] for each in cases}
    assert len(cases) == len(nodeids)
    assert found == set(nodeids)
    assert max(len(each.result) for each in cases) == 1
    assert Counter(type(r).__name__ for each in cases for r in each.result) == {
        "Failure": 4,  # failed, rerun and failed, cut off, with output
        "Error": 4,  # in the setup, in two teardowns, not collected
        "Skipped": 3,  # skipped, xfailed, an outcome of another plugin
    }


def test_the_seven_outcomes_are_told_apart() -> None:
    data = written(session(*outcomes.SEVEN))
    told = {}
    for each in ElementTree.fromstring(data).iter("testcase"):
        child = next((c for c in each if c.tag in ("failure", "error", "skipped")), None)
        shown = (None, None) if child is None else (child.tag, child.get("type"))
        told[str(each.get("name"))] = (*shown, dict(properties(each))["insight.outcome"])
    assert told == {
        "test_passed": (None, None, "passed"),
        "test_failed[a::b/c]": ("failure", "AssertionError", "failed"),
        "test_skipped": ("skipped", "pytest.skip", "skipped"),
        "test_xfailed": ("skipped", "pytest.xfail", "xfailed"),
        "test_xpassed": (None, None, "xpassed"),
        "test_error": ("error", "AssertionError", "error"),
        "test_flaky": (None, None, "passed"),
    }


def test_a_case_is_named_as_pytest_names_it_and_has_its_file_and_line() -> None:
    failed = case(outcomes.SEVEN[1])
    assert failed.attrib == {
        "classname": "tests.test_a",
        "name": "test_failed[a::b/c]",
        "file": "tests/test_a.py",
        "line": "7",
        "time": "0.0625",
    }
    in_class = case(outcomes.SEVEN[3])
    assert (in_class.get("classname"), in_class.get("line")) == ("tests.test_a.TestC", None)
    not_collected = case(*outcomes.NOT_COLLECTED)
    assert not_collected.get("classname") == "tests.test_w"
    assert not_collected.get("name") == "tests/test_w.py"


def test_nodeid_and_outcome_are_the_first_properties() -> None:
    assert properties(case(*outcomes.OUTPUT)) == [
        ("insight.nodeid", "tests/test_o.py::test_o"),
        ("insight.outcome", "failed"),
        ("ticket", "A-1"),
        ("numbers", "[1,2.5]"),
    ]


def test_attempts_of_a_test_that_passed_are_flaky_failures() -> None:
    (flaky,) = read_by_junitparser(written(session(*outcomes.SEVEN[6:])))
    assert flaky.is_flaky
    assert not flaky.result
    (failure,) = flaky.flaky_failures()
    (error,) = flaky.flaky_errors()  # in the setup
    assert failure.message == "AssertionError: assert 1 == 2"
    assert failure.stack_trace == outcomes.FAILURE["longreprtext"]
    assert failure.system_out.endswith("\nfirst\n\n")
    assert error.type == "AssertionError"


def test_attempts_of_a_test_that_failed_are_rerun_failures() -> None:
    (failed,) = read_by_junitparser(written(session(*outcomes.RERUN_AND_FAILED)))
    assert failed.is_rerun
    assert len(failed.rerun_failures()) == 1
    assert len(failed.result) == 1


def test_several_results_of_a_test_are_one_child_the_worst_first() -> None:
    both = case(*outcomes.FAILED_AND_ERROR)
    assert kinds(both) == ["error"]
    (error,) = both.iter("error")
    assert error.get("message") == 'failed on teardown with "OSError: gone"'
    assert str(error.text).index("error in teardown") < str(error.text).index("failed in call")
    assert "assert 1 == 2" in str(error.text)
    told = [value for name, value in properties(both) if name == "insight.outcome"]
    assert told == ["error", "failed"]
    passed = case(*outcomes.PASSED_AND_ERROR)
    assert kinds(passed) == ["error"]
    assert passed.get("time") == "0.5625"


def test_output_has_the_headings_of_pytest() -> None:
    shown = case(*outcomes.OUTPUT)
    assert kinds(shown) == ["failure", "system-out", "system-err"]
    out, err = str(shown.findtext("system-out")), str(shown.findtext("system-err"))
    assert out.splitlines()[0] == " Captured Log ".center(80, "-")
    assert f"\n{' Captured Out '.center(80, '-')}\nout & <out>\r\n" in out
    assert err == f"{' Captured Err '.center(80, '-')}\nerr ]]>\n"


def test_characters_that_xml_cannot_hold_are_written_as_escapes() -> None:
    shown = case(*outcomes.OUTPUT)
    assert r"\x1b[31mred\x1b[0m \x00 \ufffe" in str(shown.findtext("system-out"))


@pytest.mark.parametrize(
    "name", ['a"b', "a'b", "<a>&", "a\nb\tc\rd", "\x1b[2J", "]]>", "é🧪", "a b ", "\ud800"]
)
def test_no_name_breaks_the_document(name: str) -> None:
    hostile = outcomes.result(
        f"tests/t.py::test_x[{name}]", "failed", message=name, longreprtext=name, capstdout=name
    )
    shown = case(hostile)
    legal = name.replace("\x1b", r"\x1b").replace("\ud800", r"\ud800")
    assert shown.get("name") == f"test_x[{legal}]"
    (failure,) = shown.iter("failure")
    assert (failure.get("message"), failure.text) == (legal, legal)


def test_suites_are_files_and_say_of_which_session_they_are() -> None:
    other = session(*outcomes.SEVEN[:1], session_id="shop-2", code_state=None)
    suites = list(parsed(session(*outcomes.SEVEN), other).iter("testsuite"))
    assert [each.get("name") for each in suites] == [
        "tests/test_a.py",
        "tests/sub.dir/test_b.py",
        "tests/test_a.py",
    ]
    first = suites[0]
    assert first.attrib == {
        "name": "tests/test_a.py",
        "tests": "5",
        "errors": "0",
        "failures": "1",
        "skipped": "2",
        "time": "0.3125",
        "timestamp": "2026-11-01T12:00:01.250500+00:00",
        "hostname": "build-7",
    }
    assert properties(first) == [
        ("insight.session", "shop-20261101-120000-0a1b2c3d"),
        ("insight.sut", "shop"),
        ("insight.branch", "main"),
        ("insight.commit", outcomes.COMMIT),
    ]
    assert properties(suites[2]) == [("insight.session", "shop-2"), ("insight.sut", "shop")]


def test_a_session_without_results_is_an_empty_suite_and_no_session_an_empty_document() -> None:
    (suite,) = parsed(session())
    assert (suite.get("name"), suite.get("tests")) == ("shop-20261101-120000-0a1b2c3d", "0")
    assert len(parsed()) == 0


# Imports ----------------------------------------------------------------------------------------


def test_an_import_reads_back_all_outcomes_nodeids_and_texts() -> None:
    given = checked(session(*outcomes.EVERYTHING))
    (found,) = read_bytes(written(given), "report.xml").sessions
    assert found.sut_name == "shop"
    assert found.code_state == given.code_state

    def facts(each: TestSession) -> Counter[tuple[str, ...]]:
        return Counter(
            (result.nodeid, result.outcome, result.phase if result.outcome == "error" else "")
            for result in each.test_results
        )

    assert facts(found) == facts(given)
    last = found.test_results[-1]
    assert (last.nodeid, last.capstdout, last.capstderr) == (
        "tests/test_o.py::test_o",
        outcomes.OUTPUT[0].capstdout,
        outcomes.OUTPUT[0].capstderr,
    )
    assert last.properties == (("ticket", "A-1"), ("numbers", "[1,2.5]"))
    texts = [result.longreprtext for result in found.test_results if "test_u" in result.nodeid]
    assert texts == [outcomes.FAILURE["longreprtext"], "OSError: gone"]
    attempts = [result for result in found.test_results if result.outcome == "rerun"]
    assert {result.message for result in attempts} == {outcomes.FAILURE["message"]}
    assert "first\n" in {result.capstdout for result in attempts}


def test_an_import_takes_no_property_of_a_test_for_one_of_ours() -> None:
    own = {"insight.outcome": "failed", "insight.nodeid": "other.py::test"}
    given = TestResult("a.py::test_a", "passed", outcomes.START, 0.1, properties=tuple(own.items()))
    (found,) = read_bytes(written(session(given)), "report.xml").sessions
    assert [(each.nodeid, each.outcome) for each in found.test_results] == [
        ("a.py::test_a", "passed")
    ]
    assert found.test_results[0].properties == tuple(
        (f"test.{name}", value) for name, value in own.items()
    )


@pytest.mark.parametrize(
    ("outcome", "crash", "text"),
    [
        ("skipped", "tests/test_a.py:7", "/ci/tests/test_a.py:7: Skipped: at 10:30: later"),
        ("xfailed", "tests/test_a.py:7", "known\n\n>   assert 0\nE   assert 0"),
        ("xfailed", "/env/lib/pytest.py:9", "at 10:30: later\nE   assert 0"),
    ],
)
def test_the_text_of_a_test_that_was_not_to_pass_comes_back_as_often_as_it_is_exported(
    outcome: str, crash: str, text: str
) -> None:
    told = outcomes.result("tests/test_a.py::test", outcome, crash=crash, longreprtext=text)
    for _ in range(2):
        (again,) = read_bytes(written(session(told)), "a.xml").sessions
        (told,) = again.test_results
        assert (told.crash, told.longreprtext) == (crash, text)


def test_an_import_of_several_sessions_is_refused() -> None:
    data = written(session(*outcomes.SEVEN), session(*outcomes.SEVEN, session_id="shop-2"))
    with pytest.raises(ExchangeError, match=r"several sessions.*export and import them as JSON"):
        read_bytes(data, "report.xml")


# Split ------------------------------------------------------------------------------------------


def split(sessions: Iterable[TestSession]) -> list[bytes]:
    files: list[io.BytesIO] = []

    def next_file() -> io.BytesIO:
        files.append(io.BytesIO())
        return files[-1]

    junit.write_split(sessions, next_file)
    return [file.getvalue() for file in files]


def test_a_split_document_is_several_small_ones_with_all_cases_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(junit, "FILE_BYTES", 30_000)
    long = {"longreprtext": "x" * 1_000}
    results = [
        outcomes.result(f"tests/test_{n % 3}.py::test_{n}", "failed", **long) for n in range(90)
    ]
    documents = split([session(*results[:60]), session(*results[60:], session_id="shop-2")])
    assert len(documents) > 3
    assert max(map(len, documents)) <= 30_000
    names = []
    for document in documents:
        for suite in ElementTree.fromstring(document):
            cases = suite.findall("testcase")
            assert suite.get("tests") == suite.get("failures") == str(len(cases))
            names += [each.get("name") for each in cases]
    assert sorted(map(str, names)) == sorted(f"test_{n}" for n in range(90))


def test_a_small_document_is_not_split() -> None:
    assert split([session(*outcomes.EVERYTHING)]) == [written(session(*outcomes.EVERYTHING))]
    assert split([]) == [written()]
