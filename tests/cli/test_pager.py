"""Output that is longer than the screen goes through a pager."""

from __future__ import annotations

import pytest

from pytest_insight.cli.terminal.pager import _shows_links
from pytest_insight.models import TestOutcome, TestResult
from pytest_insight.storage import JSONStorage
from tests.cli.conftest import Insight, Screen
from tests.conftest import START, MakeSession
from tests.tools import tool

LIST = ("query", "tests")


@pytest.fixture(autouse=True)
def _pager(monkeypatch: pytest.MonkeyPatch, make_session: MakeSession) -> None:
    monkeypatch.setenv("PAGER", "sed s/^/paged:/")
    monkeypatch.delenv("TERM", raising=False)
    JSONStorage().save_sessions(make_session(number) for number in range(10))


@pytest.mark.parametrize(
    "command",
    ["query tests", "sessions list", "sessions show", "docs recipes", "query tests -f csv"],
)
def test_what_is_longer_than_the_screen_goes_through_the_pager(
    screen: Screen, command: str
) -> None:
    paged = screen(80, *command.split(), rows=10)
    whole = screen(80, *command.split())
    assert len(whole) >= 10
    assert paged == [f"paged:{line}" for line in whole]


def test_the_pager_gets_colours(screen: Screen) -> None:
    assert "\x1b[31mfailed" in "".join(screen(80, *LIST, rows=10, styles=True))


def test_what_fits_on_the_screen_is_printed(screen: Screen) -> None:
    listed = screen(80, *LIST, "-n", "3")
    assert screen(80, *LIST, "-n", "3", rows=len(listed) + 1) == listed
    assert screen(80, *LIST, "-n", "3", rows=len(listed))[0].startswith("paged:")


def test_a_line_that_the_terminal_breaks_takes_several_rows(
    screen: Screen, make_session: MakeSession
) -> None:
    failed = TestResult("t.py::t", TestOutcome.FAILED, START, longreprtext="x" * 200)
    JSONStorage().save_session(make_session(20, test_results=(failed,)))
    lines = screen(80, "failures", "-v")
    assert [len(line) // 80 for line in lines if len(line) > 80] == [2]
    assert screen(80, "failures", "-v", rows=len(lines) + 2)[0].startswith("paged:")
    assert screen(80, "failures", "-v", rows=len(lines) + 3) == lines


@pytest.mark.parametrize(
    ("variables", "options"),
    [
        ({}, ["--no-pager", *LIST]),
        ({}, [*LIST, "--no-pager"]),
        ({"PAGER": "cat"}, LIST),
        ({"PAGER": ""}, LIST),
        ({"PAGER": "no-such-pager -R"}, LIST),
        ({"PAGER": "sed 's/^/paged:/"}, LIST),
        ({"TERM": "dumb"}, LIST),
    ],
)
def test_there_is_no_pager_if_it_is_not_wanted_or_missing(
    screen: Screen, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], options: list[str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    lines = screen(80, *options, rows=10)
    assert lines[0].startswith("Test ")
    assert len(lines) > 20


def test_a_pipe_has_no_pager(insight: Insight) -> None:
    assert "paged:" not in insight(*LIST).out


@pytest.mark.parametrize("pager", ["false", "head -n 1", "sh -c 'kill -INT $PPID; sleep 0.1; cat'"])
def test_quitting_the_pager_or_an_interrupt_in_it_changes_nothing(
    screen: Screen, monkeypatch: pytest.MonkeyPatch, pager: str
) -> None:
    monkeypatch.setenv("PAGER", pager)
    failed = (*LIST, "--outcome", "failed", "--exit-code")
    lines = screen(80, *failed, rows=10, status=3)
    whole = screen(80, *failed, status=3)
    assert lines == whole[: {"false": 0, "head -n 1": 1}.get(pager)]


def test_messages_come_after_the_pager(
    screen: Screen, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PAGER", "sh -c 'sleep 0.1; cat >&2'")
    screen(80, *LIST, "-n", "2", "-f", "json", rows=10)
    assert capfd.readouterr().err.rpartition("]\n")[2].startswith("insight: ")


def test_only_a_less_that_shows_links_gets_them() -> None:
    assert _shows_links(tool("less"))
    assert not _shows_links(tool("more"))
    assert not _shows_links("/nowhere/less")
