"""What a list of sessions and one session look like to people."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from pytest_insight.cli.render.sessions.short_ids import short_ids
from pytest_insight.cli.render.wrap import wrapped
from pytest_insight.locations import with_display_paths
from pytest_insight.models import (
    CodeState,
    RecordedWarning,
    Source,
    TestOutcome,
    TestResult,
    TestSession,
)
from pytest_insight.models.text import ago_text
from pytest_insight.storage import JSONStorage, SQLiteStorage
from tests.cli.conftest import Insight, Screen
from tests.conftest import START, MakeSession

ID = "shop-20261125-090000-0000000b"


@pytest.mark.parametrize(
    ("session_id", "others", "short"),
    [
        (ID, [], "0000000b"),
        (ID, ["0000000a", "x-0000000a"], "0000000b"),
        (ID, ["other-0000000b"], "090000-0000000b"),
        (ID, ["0000000b"], "090000-0000000b"),  # typed back, it would mean that session
        (ID, ["0000000b-2"], "090000-0000000b"),  # or be the beginning of that ID
        (f"{ID}-2", [ID], "0000000b-2"),
        ("build-1234", [], "build-1234"),
        ("jenkins-shop-main-1234", [], "main-1234"),
        ("no_hyphen_in_this_one", [], "no_hyphen_in_this_one"),
        ("shop-20261125-two words", [], "shop-20261125-two words"),
        ("shop-20261125-pattern*", [], "shop-20261125-pattern*"),
    ],
)
def test_a_short_id_is_the_end_of_an_id_that_no_other_session_has(
    session_id: str, others: list[str], short: str
) -> None:
    assert short_ids([session_id], [session_id, *others]) == {session_id: short}


def test_what_a_list_shows_as_an_id_finds_the_session(
    insight: Insight, make_session: MakeSession, screen: Screen
) -> None:
    ids = [ID, f"{ID}-2", "other-0000000b", "jenkins-shop-main-1234", "api-1"]
    JSONStorage().save_sessions(
        make_session(number, session_id=name) for number, name in enumerate(ids)
    )
    rows = screen(80, "sessions", "list")[2:7]
    assert [row.split()[0] for row in rows] == ["✗"] * 5
    for row, name in zip(rows, reversed(ids), strict=True):
        shown = row.split()[1]
        assert insight("sessions", "show", shown).out.splitlines()[1].endswith(f"  {name}")
        listed = insight("sessions", "list", "--session", shown).out.splitlines()
        assert [line.split()[0] for line in listed[1:]] == [name]
    ambiguous = insight("sessions", "show", "1234", "--profile", "default")
    assert "jenkins-shop-main-1234" in ambiguous.out  # four characters are enough if unique
    assert "no session '234'" in insight("sessions", "show", "234", status=1).err


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "in the future"),
        (59, "just now"),
        (60, "1 minute ago"),
        (43 * 3600, "1 day ago"),
        (13 * 86_400, "13 days ago"),
        (14 * 86_400, "2 weeks ago"),
        (60 * 86_400, "8 weeks ago"),
        (100 * 86_400, "3 months ago"),
        (400 * 86_400, "13 months ago"),
        (800 * 86_400, "2 years ago"),
    ],
)
def test_an_age_is_words_in_the_largest_unit_that_says_enough(seconds: int, text: str) -> None:
    assert ago_text(START, START + timedelta(seconds=seconds)) == text


@pytest.mark.parametrize("columns", [72, 80, 100, 120, 160])
def test_a_session_is_one_line_that_fits(
    make_session: MakeSession, screen: Screen, columns: int
) -> None:
    names = ("passed", "failed", "error", "skipped", "xfailed", "xpassed", "rerun")
    results = tuple(TestResult(f"t::{n}", name, START) for name in names for n in range(12))
    code = CodeState("1a2b3c4d" * 5, "dependabot/npm_and_yarn/webpack-dev-server-5.2.1", "d")
    JSONStorage().save_sessions(
        make_session(n, session_id=f"{ID[:-1]}{n}", test_results=results, code_state=code)
        for n in range(3)
    )
    lines = screen(columns, "sessions", "list")
    rows = [line for line in lines if line.startswith("✗")]
    assert len(rows) == 3
    assert lines.index(rows[-1]) == 4  # nothing between them
    assert max(map(len, lines)) <= columns
    assert ("1a2b3c4" in rows[0]) == (columns > 72)
    for row in rows:
        assert re.search("✗12 E12 X12 R12 ✓12 s12 x12|12 failed, 12 errors", row)


def test_tests_are_counted_once_however_many_results_they_have(
    insight: Insight, make_session: MakeSession
) -> None:
    outcomes = ("rerun", "rerun", "passed", "error")
    results = tuple(TestResult("t.py::test_a", outcome, START) for outcome in outcomes)
    JSONStorage().save_session(make_session(0, test_results=results))
    header, row = insight("sessions", "list").out.splitlines()
    assert row[header.index("Tests") :].split()[0] == "1"
    shown = insight("sessions", "show").out
    assert "1 test, 4 results: 1 error, 2 rerun, 1 passed\n" in shown
    assert "1 test:" not in shown


@pytest.mark.parametrize(
    ("option", "header", "count"), [("all", "Tests", "2"), ("matching", "Matching", "1")]
)
def test_a_list_counts_all_tests_or_the_matching_ones(
    insight: Insight, store: JSONStorage, option: str, header: str, count: str
) -> None:
    words = ("--failed", "--counts", option)
    first, row, *_ = insight("sessions", "list", *words).out.splitlines()
    assert row[first.index(header) :].split()[0] == count
    assert insight("query", "sessions", *words).out == insight("sessions", "list", *words).out


def test_wide_shows_whole_ids_and_times_and_cuts_nothing(
    make_session: MakeSession, screen: Screen
) -> None:
    branch = "dependabot/npm_and_yarn/webpack-dev-server-and-webpack-cli-5.2.1"
    tags = {"ci": "nightly", "os": "linux"}
    session = make_session(0, session_id=ID, code_state=CodeState(branch=branch), session_tags=tags)
    JSONStorage().save_session(session)
    row = screen(60, "sessions", "list", "--wide")[2]
    for whole in (ID, branch, "2026-11-01 ", "1 failed, 1 passed", "ci=nightly, os=linux"):
        assert whole in row


@pytest.mark.parametrize("kind", [JSONStorage, SQLiteStorage])
def test_a_list_says_the_first_ones_if_counting_would_take_long(
    make_session: MakeSession, monkeypatch: pytest.MonkeyPatch, tmp_path: object, kind: type
) -> None:
    from pytest_insight.filters import OutcomeIn, Selection

    storage = kind(f"{tmp_path}/store")
    storage.save_sessions(make_session(number) for number in range(9))
    failed = Selection(test_filters=(OutcomeIn(frozenset((TestOutcome.PASSED,))),))
    assert storage.first_page(failed, 2).total == 9
    assert storage.count_results(failed) == 9
    monkeypatch.setattr("pytest_insight.storage.json.reader.MAX_COUNTED_BYTES", 100)
    monkeypatch.setattr("pytest_insight.storage.sql.reader.MAX_COUNTED", 8)
    assert storage.first_page(failed, 2).total is None
    assert storage.first_page(Selection(), 2).total == 9  # needs no results
    assert storage.first_page(failed, 9).total == 9
    assert storage.count_results(failed) is None


def full_session(make_session: MakeSession) -> TestSession:
    long = "\n".join(["@pytest.fixture", *(f"    step_{n}()" for n in range(20)), "E   boom"])
    result = TestResult(
        "t.py::test_a", "error", START, phase="teardown", message="boom", longreprtext=long
    )
    ci = {"provider": "gitlab", "run_id": "7", "job": "test", "attempt": "2", "url": "https://ci/7"}
    return make_session(
        0,
        test_results=(result,),
        code_state=CodeState("dc0d61a" + "0" * 33, "main", "94f7b66d" * 8),
        testing_system={
            **{"python": "3.12.3", "ci": ci, "plugins": {"xdist": "3.8"}, "cpus": 8},
            **{"commit": "of another writer", "a long name " * 9: "x"},
        },
        arguments=("-k", "a or b"),
        collected=9,
        deselected=8,
        warnings=[RecordedWarning("UserWarning", f"text {n}", f"a.py:{n}", n) for n in range(1, 8)],
        source=Source("junit", "Surefire 3", losses=("phase",)),
        exit_status=1,
    )


def test_a_session_shows_its_failures_then_warnings_then_facts(
    insight: Insight, make_session: MakeSession
) -> None:
    JSONStorage().save_session(full_session(make_session))
    text = insight("sessions", "show").out
    parts = (
        *("failed api", "boom", "error at teardown", "t.py::test_a", "… 10 lines above hidden"),
        *("    E   boom", "28 warnings, 7 distinct", "text 5", "and 2 more", "Session  "),
    )
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    for fact in (
        "9 tests, 8 deselected",
        "-k 'a or b'",
        "main dc0d61a + local changes",
        "GitLab CI/CD #7, job test, attempt 2 (https://ci/7)",
        "Python 3.12.3",
        "1 (tests failed)",
        "junit file of Surefire 3; it cannot tell phase",
        "~/.pytest_insight/sessions.json",
    ):
        assert f"  {fact}\n" in text
    assert "xdist" not in text
    assert "text 6" not in text


def test_verbose_shows_the_whole_session(insight: Insight, make_session: MakeSession) -> None:
    JSONStorage().save_session(full_session(make_session))
    text = insight("sessions", "show", "-v").out
    whole = ("step_0", "text 7", "xdist 3.8", "Cpus", "dc0d61a" + "0" * 33, "94f7b66d" * 8)
    for part in (*whole, "error at teardown of t.py::test_a"):
        assert part in text
    assert "hidden" not in text
    facts = text.splitlines()
    assert [line for line in facts if line.startswith("Commit ")] == [
        f"{'Commit':24}  dc0d61a{'0' * 33}",
        f"{'Commit':24}  of another writer",
    ]


def test_a_long_line_is_folded_between_words_and_a_long_word_stays_whole() -> None:
    line = "E       RuntimeError: no database at localhost and 50_000_000_000_000_000_000 tries"
    pieces = wrapped(line, 30)
    assert " ".join(piece.strip() for piece in pieces) == line
    assert all(piece.startswith(" " * 10) for piece in pieces[1:])
    assert max(map(len, pieces)) <= 38  # indentation and the word
    assert wrapped("x" * 50, 20) == ["x" * 50]
    assert wrapped(line, None) == [line]


def test_messages_say_tilde_for_the_home_folder_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    for message, shown in {
        "in /home/ann/.pytest_insight/s.json": "in ~/.pytest_insight/s.json",
        "to /home/ann: ready": "to ~: ready",
        "cp '/home/ann/my store.json' x": "cp '/home/ann/my store.json' x",
        "in /home/anna/s.json": "in /home/anna/s.json",
        "in /backup/home/ann/s.json": "in /backup/home/ann/s.json",
        "sqlite:///home/ann/x": "sqlite:///home/ann/x",
    }.items():
        assert with_display_paths(message) == shown
    monkeypatch.setenv("HOME", "/")
    assert with_display_paths("in /a/b") == "in /a/b"


def test_subtests_that_passed_are_not_shown_with_what_failed(
    insight: Insight, make_session: MakeSession
) -> None:
    names = ("subtests passed", "subtests skipped", "subtests xfailed", "subtests failed", "passed")
    results = tuple(TestResult("test_a.py::test_a", name, START) for name in names)
    JSONStorage().save_session(make_session(0, test_results=results))
    shown = insight("sessions", "show").out
    assert "  subtests failed\n" in shown
    assert [shown.count(f"\n  {name}") for name in names] == [0, 0, 0, 1, 0]


def test_marks_under_a_line_of_source_are_left_out_if_the_line_is_folded(
    screen: Screen, make_session: MakeSession
) -> None:
    source = f">       raise ValueError({'1, ' * 20}2)"
    text = f"{source}\n{' ' * 40}^^^^^^\n>       f()\n        ^^^\nE   ValueError"
    result = TestResult("test_a.py::test_a", "failed", START, longreprtext=text)
    JSONStorage().save_session(make_session(0, test_results=(result,)))
    narrow = "\n".join(screen(60, "sessions", "show"))
    assert "^^^^^^" not in narrow
    assert ">       f()\n            ^^^\n" in narrow
    assert "^^^^^^" in "\n".join(screen(120, "sessions", "show"))
