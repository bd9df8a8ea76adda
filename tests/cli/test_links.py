"""Links on a terminal: to the files of the project, and to web pages."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from socket import gethostname

import pytest

from pytest_insight.cli.terminal.links import linked_page
from pytest_insight.models import TestOutcome, TestResult
from pytest_insight.storage import JSONStorage
from tests.cli.conftest import Insight, Screen
from tests.conftest import START, MakeSession

LINK = re.compile(r"\x1b\]8;id=\d+;([^\x1b]*)\x1b\\")
PLACE = "tests/a b%.py:16"


@pytest.fixture
def _project(make_session: MakeSession) -> None:
    Path("pytest.ini").write_text("[pytest]\ninsight_sut = shop\n", "utf-8")
    Path("tests").mkdir()
    Path("tests/a b%.py").touch()
    save(make_session, PLACE)


def save(make_session: MakeSession, place: str, sut: str = "shop") -> None:
    result = TestResult("t.py::t", TestOutcome.FAILED, START, message="no", crash=place)
    session = make_session(sut_name=sut, test_results=(result,))
    JSONStorage().save_session(session)


@pytest.mark.usefixtures("_project")
@pytest.mark.parametrize("command", ["query tests", "history t.py"])
def test_the_place_of_a_failure_is_linked_to_its_file(screen: Screen, command: str) -> None:
    text = "\n".join(screen(120, *command.split(), styles=True))
    url = f"file://{gethostname()}{Path.cwd()}/tests/a%20b%25.py"
    assert LINK.findall(text) == [url]
    assert PLACE in text


@pytest.mark.usefixtures("_project")
@pytest.mark.parametrize(
    "place",
    [
        "tests/gone.py:1",
        "/etc/passwd:1",
        "../../../../../../../etc/passwd:1",
        "tests:1",
        "//server/share/x.py:1",
        "tests/a b%.py",
        "tests/\x1b\\\x07\0.py:1",
        "x" * 5_000 + ":1",
    ],
)
def test_only_files_of_the_project_are_linked(
    screen: Screen, make_session: MakeSession, place: str
) -> None:
    save(make_session, place)
    assert not LINK.findall("".join(screen(9_000, "query", "tests", styles=True)))


@pytest.mark.usefixtures("_project")
def test_a_file_of_another_project_is_not_linked(screen: Screen, make_session: MakeSession) -> None:
    save(make_session, PLACE, "jobs")
    assert not LINK.findall("".join(screen(120, "query", "tests", "-A", styles=True)))


@pytest.mark.usefixtures("_project")
def test_there_are_no_links_in_a_pipe_or_without_colours(
    screen: Screen, insight: Insight, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "\x1b]8" not in insight("query", "tests", env={"FORCE_COLOR": "1"}).out
    for name, value in (("TERM", "dumb"), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)
        assert "\x1b]8" not in "".join(screen(120, "query", "tests", styles=True))
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://ci.example/runs/1?a=b#c", "https://ci.example/runs/1?a=b#c"),
        ("https://ci.example/\x1b\\\x07 dim", "https://ci.example/%1B%5C%07%20dim"),
        ("https://ci.example/日", "https://ci.example/%E6%97%A5"),
        ("https://me:secret@ci.example/", ""),
        ("javascript:alert(1)", ""),
        ("file:///etc/passwd", ""),
        ("https://[", ""),
        ("https:///x", ""),
        ("https://ci.example/" + "x" * 5_000, ""),
    ],
)
def test_only_pages_are_linked_and_no_url_ends_its_link(
    monkeypatch: pytest.MonkeyPatch, url: str, target: str
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    [(text, style)] = linked_page("run 1", url).pieces
    assert (text, style) == ("run 1", f"link {target}" if target else "")
