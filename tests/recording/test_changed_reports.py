"""Plugins and conftests that change reports, hand them over again or replace the terminal."""

from __future__ import annotations

from collections import Counter

import pytest

from pytest_insight.models import TestSession
from pytest_insight.recording.nodeid import without_group
from tests.recording.runs import last_session, record, run


def results_of(session: TestSession) -> list[tuple[str, str]]:
    """Return test name and outcome of each result."""
    return [(r.nodeid.rpartition("::")[2], str(r.outcome)) for r in session.test_results]


# As pytest-retry does: the first attempt's report is the last one's too, with another outcome.
RETRIES = """
import pytest

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = yield
    for longrepr in getattr(item.function, "attempts", ()) if call.when == "call" else ():
        report.outcome, report.longrepr = "retried", longrepr
        item.ihook.pytest_runtest_logreport(report=report)
        report.outcome, report.longrepr = item.function.final
    return report

def pytest_report_teststatus(report):
    if report.outcome == "retried":
        return "retried", "R", "RETRIED"
"""


def test_a_report_handed_over_again_is_what_the_terminal_adds_at_that_call(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeconftest(RETRIES)
    pytester.makepyfile(
        test_it="""
        def test_before(): assert 0
        def test_bad(): assert 0
        test_bad.attempts, test_bad.final = ["one", "two"], ("failed", "three")
        def test_good(): assert 0
        test_good.attempts, test_good.final = ["four"], ("passed", None)
        def test_after(): pass
        """
    )
    session = record(pytester)
    assert results_of(session) == [
        ("test_before", "failed"),
        *[("test_bad", "retried")] * 2,
        *[("test_bad", "failed"), ("test_good", "retried"), ("test_good", "passed")],
        ("test_after", "passed"),
    ]
    groups = [(g.nodeid, g.final_outcome) for g in session.rerun_test_groups]
    assert groups == [("test_it.py::test_bad", "failed"), ("test_it.py::test_good", "passed")]
    assert [r.longreprtext for r in session.test_results[1:6]] == [
        *("one", "two", "three", "four", "")
    ]


def test_a_terminal_that_is_not_pytests_own_does_not_name_outcomes(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeconftest(
        """
        import pytest, sys

        class Reporter:
            def __init__(self): self.stats = {}
            def write_line(self, line, **markup): print(line, file=sys.__stdout__)
            def pytest_runtest_logreport(self, report):
                key = "." if report.passed else "F"
                self.stats.setdefault(key, []).append(report)
            def pytest_collectreport(self, report):
                if not report.passed:
                    self.stats.setdefault("C", []).append(report)

        @pytest.hookimpl(trylast=True)
        def pytest_configure(config):
            config.pluginmanager.unregister(name="terminalreporter")
            config.pluginmanager.register(Reporter(), "terminalreporter")
        """
    )
    pytester.makepyfile(
        test_bad="import nothing_of_that_name",
        test_it="""
        import pytest
        def test_passes(): pass
        def test_fails(): assert 0
        def test_skips(): pytest.skip("so")  # an outcome to be stored
        @pytest.mark.xfail
        def test_xfails(): assert 0
        @pytest.mark.xfail
        def test_xpasses(): pass
        @pytest.fixture
        def broken():
            yield
            raise RuntimeError
        def test_teardown(broken): pass
        """,
    )
    run(pytester, "--insight", "--continue-on-collection-errors")
    assert last_session().outcome_counts == Counter(
        passed=2, failed=1, skipped=1, xfailed=1, xpassed=1, error=2
    )


@pytest.mark.parametrize(
    ("nodeid", "own"),
    [
        ("test_a.py::test_a@group", "test_a.py::test_a"),
        ("test_a.py::test_a", "test_a.py::test_a"),
        ("test_a.py::test_a[x@y]", "test_a.py::test_a[x@y]"),
        ("test_a.py::test_a[x@y]@group", "test_a.py::test_a[x@y]"),
        ("a@b/test_a.py::TestA::test_a", "a@b/test_a.py::TestA::test_a"),
        ("a@b/test_a.py::test_a@x@y", "a@b/test_a.py::test_a"),
    ],
)
def test_the_group_of_xdist_is_no_part_of_a_nodeid(nodeid: str, own: str) -> None:
    assert without_group(nodeid) == own


def test_a_nodeid_is_the_same_however_xdist_distributes(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_it="""
        import pytest, warnings

        @pytest.mark.xdist_group("one")
        @pytest.mark.parametrize("x", ["a@b", "c"])
        def test_it(x):
            warnings.warn("careful")
            assert x == "c"

        def test_plain(): pass
        """
    )
    session = record(pytester, "-n", "2", "--dist", "loadgroup", in_process=False)
    assert {
        (*each, r.has_warning)
        for each, r in zip(results_of(session), session.test_results, strict=True)
    } == {
        ("test_it[a@b]", "failed", True),
        ("test_it[c]", "passed", True),
        ("test_plain", "passed", False),
    }


def test_a_result_has_the_name_of_the_report_that_was_counted(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_makereport(item, call):
            report = yield
            if call.when == "call":
                report.nodeid += " (renamed)"
            return report
        """
    )
    pytester.makepyfile(
        test_it="""
        def test_silent(): pass
        def test_chatty(capsys): print("output")
        def test_fails(): assert 0
        def test_error(nothing_of_that_name): pass
        """
    )
    session = record(pytester)
    assert results_of(session) == [
        ("test_silent (renamed)", "passed"),
        ("test_chatty (renamed)", "passed"),
        ("test_fails (renamed)", "failed"),
        ("test_error", "error"),
    ]


REWRITTEN = """
import pytest

@pytest.fixture
def broken(): raise RuntimeError

@pytest.fixture
def late():
    yield
    raise RuntimeError

def test_call(): assert 0
def test_setup(broken): pass
def test_teardown(late): pass
def test_both(late): assert 0
def test_passes(): pass
"""


@pytest.mark.parametrize(
    "rest", ["", "def test_skips(): import pytest; pytest.skip('so')"]
)  # to be stored
def test_a_failures_text_is_that_which_pytest_shows_after_plugins_have_changed_it(
    pytester: pytest.Pytester, rest: str
) -> None:
    pytester.makeconftest(
        """
        def pytest_exception_interact(node, report):
            report.longrepr = f"rewritten: {getattr(report, 'when', 'collect')}"
        """
    )
    pytester.makepyfile(test_bad="import nothing_of_that_name", test_it=REWRITTEN + rest)
    session = record(pytester, "--continue-on-collection-errors")
    texts = [
        (r.nodeid.rpartition("::")[2], r.longreprtext.removeprefix("rewritten: "))
        for r in session.test_results
        if r.outcome != "skipped"
    ]
    assert texts == [
        *[("test_bad.py", "collect"), ("test_call", "call"), ("test_setup", "setup")],
        *[("test_teardown", ""), ("test_teardown", "teardown")],
        *[("test_both", "call"), ("test_both", "teardown"), ("test_passes", "")],
    ]


def test_the_logs_of_phases_are_lines_of_their_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_it="""
        import logging, pytest

        @pytest.fixture
        def logs():
            logging.warning("in setup")
            yield
            logging.warning("in teardown")

        def test_it(logs):
            logging.warning("in call")
            assert 0
        """
    )
    (result,) = record(pytester, "--log-format=%(message)s").test_results
    assert result.caplog == "in setup\nin call\nin teardown"
