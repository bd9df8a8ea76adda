"""Folders of Allure results: what they tell of a test, and what must not be read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pytest_insight.errors import ExchangeError
from pytest_insight.exchange.losses import Loss
from pytest_insight.exchange.options import ReadOptions
from pytest_insight.exchange.read_formats import read_file
from pytest_insight.models import TestResult, TestSession

T0 = 1_795_813_248_000
FOLDER = Path("allure")


def result(uuid: str, status: str = "passed", /, **fields: Any) -> dict[str, Any]:
    start = T0 + fields.pop("at", 0)
    return {
        "uuid": uuid,
        "name": "test_a",
        "status": status,
        "start": start,
        "stop": start + 100,
        "historyId": uuid,
        "fullName": "pkg.sub.test_x#test_a",
        "titlePath": ["pkg", "sub", "test_x.py"],
        "labels": [{"name": "framework", "value": "pytest"}, {"name": "host", "value": "ci-1"}],
        **fields,
    }


def fixtures(*uuids: str, before: Any = (), after: Any = ()) -> dict[str, Any]:
    return {"uuid": "c", "children": uuids, "befores": before, "afters": after}


def step(status: str, message: str = "", /, **fields: Any) -> dict[str, Any]:
    return {"status": status, "statusDetails": {"message": message}, **fields}


def write(*parts: dict[str, Any]) -> None:
    FOLDER.mkdir()
    for number, part in enumerate(parts):
        kind = "container" if "children" in part else "result"
        (FOLDER / f"{number}-{kind}.json").write_text(json.dumps(part))


def read() -> tuple[TestSession, dict[Loss, int | None]]:
    content = read_file(FOLDER, None, ReadOptions(sut="shop"))
    (session,) = content.sessions
    losses = content.losses[session.session_id]
    return session, {loss.kind: loss.count for loss in losses}


def results(*parts: dict[str, Any]) -> list[TestResult]:
    write(*parts)
    return list(read()[0].test_results)


@pytest.mark.parametrize(
    ("fields", "nodeid", "guessed"),
    [
        ({}, "pkg/sub/test_x.py::test_a", False),
        (
            {"titlePath": ["pkg", "sub", "test_x.py", "TestC"]},
            "pkg/sub/test_x.py::TestC::test_a",
            False,
        ),
        (
            {
                "name": "test_a[a/b::c]",
                "titlePath": ["pkg", "test_x.py", "test_a[a/b"],
                "fullName": "pkg.test_x.test_a[a/b#test_a",
            },
            "pkg/test_x.py::test_a[a/b::c]",
            False,
        ),
        (
            {"name": "doc.txt", "titlePath": ["doc.txt"], "fullName": "doc#doc.txt"},
            "doc.txt::doc.txt",
            False,
        ),
        (
            {"name": "ok", "titlePath": ["a.b", "spec.yaml"], "fullName": "a.b.spec#ok"},
            "a.b/spec.yaml::ok",
            False,
        ),
        (
            {
                "name": "usage::two",
                "titlePath": ["spec.yaml", "usage"],
                "fullName": "spec.usage#two",
            },
            "spec.yaml::usage::two",
            False,
        ),
        ({"titlePath": None}, "pkg/sub/test_x.py::test_a", True),
        (
            {"titlePath": None, "fullName": "pkg.test_x.TestC#test_a"},
            "pkg/test_x.py::TestC::test_a",
            True,
        ),
        (
            {
                "name": "A title",
                "parameters": [
                    {"name": "text", "value": "'it'"},
                    {"name": "n", "value": "1"},
                    {"name": "secret", "value": "2", "excluded": True},
                ],
            },
            "pkg/sub/test_x.py::test_a[it-1]",
            True,
        ),
    ],
)
def test_the_nodeid_comes_from_the_path_else_it_is_guessed(
    fields: dict[str, Any], nodeid: str, guessed: bool
) -> None:
    write(result("a", **fields))
    session, losses = read()
    assert session.test_results[0].nodeid == nodeid
    assert losses.get(Loss.NODEID_GUESSED, 0) == int(guessed)


@pytest.mark.parametrize(
    ("status", "details", "outcome", "message"),
    [
        ("passed", {"message": "XPASS known"}, "xpassed", "known"),
        ("skipped", {"message": "XFAIL known\n\nAssertionError: x"}, "xfailed", "known"),
        (
            "skipped",
            {"message": "XFAIL\n\nAssertionError: assert 0", "trace": "E   assert 0"},
            "xfailed",
            "assert 0",
        ),
        (
            "skipped",
            {"message": "Skipped: later", "trace": "('/c/t.py', 3, 'Skipped: later')"},
            "skipped",
            "later",
        ),
        (
            "failed",
            {"message": "AssertionError: assert 0", "trace": "E   assert 0"},
            "failed",
            "assert 0",
        ),
        (
            "failed",
            {"message": "AssertionError: assert 'a' == \"b\"", "trace": "E   x"},
            "failed",
            "assert 'a' == \"b\"",
        ),
        (
            "failed",
            {"message": "AssertionError: assert 'a' == 'b'", "trace": "E   x"},
            "failed",
            "AssertionError: assert 'a' == 'b'",  # as pytest says it
        ),
        (
            "failed",
            {"message": "AssertionError: why", "trace": "E   x"},
            "failed",
            "AssertionError: why",
        ),
        ("failed", {}, "failed", ""),
        ("broken", {"message": "KeyError: 'x'", "trace": "E   x"}, "failed", "KeyError: 'x'"),
        (
            "broken",
            {
                "message": "_pytest.fixtures.FixtureLookupError: ('x', <>)",
                "trace": "E   fixture 'x' not found",
            },
            "error",
            "fixture 'x' not found",
        ),
        (None, {}, "unknown", ""),
    ],
)
def test_the_status_and_its_message_say_the_outcome(
    status: str, details: dict[str, str], outcome: str, message: str
) -> None:
    (found,) = results(result("a", status, statusDetails=details))
    assert (found.outcome, found.message) == (outcome, message)


def test_broken_is_an_error_if_a_fixture_broke_and_a_failure_if_not() -> None:
    why = {"statusDetails": {"message": "RuntimeError: no"}}
    write(
        result("setup", "broken", **why),
        fixtures("setup", before=[step("broken", "RuntimeError: no\n")]),
        result("teardown", "broken", **why, at=200),
        fixtures("teardown", after=[step("broken", "RuntimeError: no\n")]),
        result("call", "broken", **why, at=400),
        fixtures("call", before=[step("passed")], after=[{"name": "finalizer", "start": T0}]),
        result("alone", "broken", **why, at=600),
    )
    session, losses = read()
    found = [(str(each.outcome), each.phase) for each in session.test_results]
    assert found == [("error", "setup"), ("error", "teardown"), ("failed", ""), ("failed", "")]
    assert losses[Loss.GUESSED_STATUS] == 1
    assert losses[Loss.RESULTS_MERGED] == 1


def test_a_broken_fixture_that_several_tests_share_is_an_error_of_each() -> None:
    why = {"statusDetails": {"message": "RuntimeError: no"}}
    write(
        *(result(str(n), "broken", **why, at=200 * n) for n in range(3)),
        result("other", "broken", statusDetails={"message": "KeyError: 'x'"}, at=800),
        fixtures("0", "1", "2", "other", before=[step("broken", "RuntimeError: no\n")]),
    )
    found = [(str(each.outcome), each.phase) for each in read()[0].test_results]
    assert found == [("error", "setup")] * 3 + [("failed", "")]


def test_a_call_and_a_teardown_that_fail_are_two_results() -> None:
    frame = '  File "/ci/shop/pkg/sub/test_x.py", line 9, in fixture\n    raise RuntimeError\n'
    torn = step("broken", "RuntimeError: end\n", start=T0 + 100, stop=T0 + 350)
    torn["statusDetails"]["trace"] = frame
    call, teardown = results(
        result("a", "failed", statusDetails={"message": "AssertionError: x"}),
        fixtures("a", after=[torn]),
    )
    assert (call.outcome, call.message) == ("failed", "AssertionError: x")
    assert (teardown.outcome, teardown.phase) == ("error", "teardown")
    assert (teardown.message, teardown.crash) == ("RuntimeError: end", "pkg/sub/test_x.py:9")
    assert teardown.duration == 0.25


def test_the_time_of_fixtures_is_added_to_the_nearest_test() -> None:
    first, second = results(
        result("a"),
        result("b", at=1000, name="test_b", fullName="pkg.sub.test_x#test_b"),
        fixtures(
            *("a", "b"),
            before=[{"status": "passed", "start": T0 - 500, "stop": T0 - 100}],
            after=[{"status": "passed", "start": T0 + 1100, "stop": T0 + 1300}],
        ),
    )
    assert first.duration == pytest.approx(0.5)
    assert second.duration == pytest.approx(0.3)
    assert (second.start_time - first.start_time).total_seconds() == 1.5


def test_a_fixture_is_torn_down_after_the_last_test_of_its_process() -> None:
    broken = step("broken", "RuntimeError: no", start=T0 + 700)
    thread = {"labels": [{"name": "thread", "value": "2-MainThread"}]}
    write(
        result("user", name="user", fullName="a#user"),
        result("last", name="last", fullName="a#last", at=200),
        result("else", name="else", fullName="a#else", at=400, **thread),
        fixtures("user", after=[broken]),
    )
    found = [(each.nodeid[-4:], str(each.outcome)) for each in read()[0].test_results]
    assert found == [("user", "passed"), ("last", "passed"), ("last", "error"), ("else", "passed")]


def test_results_of_one_history_are_attempts_and_repeat_the_output_of_earlier_ones() -> None:
    out = [{"name": "stdout", "source": "1-attachment.txt", "type": "text/plain"}]
    again = [{"name": "stdout", "source": "2-attachment.txt", "type": "text/plain"}]
    write(
        result("b", at=500, historyId="h", attachments=again),
        result("a", "failed", historyId="h", attachments=out, statusDetails={"message": "no"}),
    )
    (FOLDER / "1-attachment.txt").write_text("one\n")
    (FOLDER / "2-attachment.txt").write_text("one\ntwo\n")
    found = read()[0].test_results
    assert [(str(each.outcome), each.message, each.capstdout) for each in found] == [
        ("rerun", "no", "one\n"),
        ("passed", "", "two\n"),
    ]


def test_of_a_folder_that_was_not_emptied_the_last_run_is_taken() -> None:
    def by(process: str) -> list[dict[str, str]]:
        return [{"name": "thread", "value": f"{process}-MainThread"}]

    write(
        result("a", "failed", historyId="h", labels=by("1")),
        result("b", historyId="h", labels=by("2"), at=60_000),
    )
    session, losses = read()
    assert [str(each.outcome) for each in session.test_results] == ["passed"]
    assert losses[Loss.DUPLICATE_CASES_MERGED] == 1


def test_an_attachment_that_is_not_a_file_in_the_folder_is_not_read() -> None:
    Path("secret.txt").write_text("a secret")
    sources = ["../secret.txt", str(Path("secret.txt").absolute()), "link.txt", "missing.txt", "."]
    attachments = [{"name": "stdout", "source": each, "type": "text/plain"} for each in sources]
    write(result("a", attachments=[*attachments, {"name": "video", "source": "v", "type": "x"}]))
    (FOLDER / "link.txt").symlink_to(Path("secret.txt").absolute())
    session, losses = read()
    assert session.test_results[0].capstdout == ""
    assert losses[Loss.ATTACHMENTS_LEFT] == 6


def test_results_that_are_links_or_no_files_are_not_read() -> None:
    Path("other.json").write_text(json.dumps(result("other", "failed")))
    write(result("a"))
    (FOLDER / "b-result.json").symlink_to(Path("other.json").absolute())
    (FOLDER / "c-result.json").mkdir()
    os.mkfifo(FOLDER / "d-result.json")
    assert [str(each.outcome) for each in read()[0].test_results] == ["passed"]


def test_of_a_large_attachment_the_beginning_and_the_end_are_kept() -> None:
    write(result("a", attachments=[{"name": "log", "source": "l.txt", "type": "text/plain"}]))
    (FOLDER / "l.txt").write_text("begin" + "x" * 2_000_000 + "end")
    found = read()[0].test_results[0].caplog
    assert found.startswith("begin")
    assert found.endswith("end")
    assert len(found) < 70_000


def test_the_build_the_host_and_the_environment_are_facts_of_the_session() -> None:
    write(result("a"))
    build = {"name": "Jenkins", "type": "jenkins", "buildName": "shop", "buildOrder": 7}
    (FOLDER / "executor.json").write_text(json.dumps({**build, "buildUrl": "https://ci/7"}))
    (FOLDER / "environment.properties").write_text("# browser\nBrowser = Firefox\n")
    session, losses = read()
    assert session.testing_system == {
        "environment": {"Browser": "Firefox"},
        "host": "ci-1",
        "ci": {"provider": "jenkins", "run_id": "7", "job": "shop", "url": "https://ci/7"},
    }
    assert Loss.NO_ENVIRONMENT not in losses


def test_tags_are_properties_and_steps_are_left() -> None:
    labels = [{"name": "tag", "value": "slow"}, {"name": "severity", "value": "minor"}]
    write(result("a", labels=labels, steps=[{"name": "open"}, {"name": "buy"}]))
    session, losses = read()
    assert session.test_results[0].properties == (("tag", "slow"),)
    assert losses[Loss.STEPS_LEFT] == 2


def test_importing_a_folder_again_gives_an_equal_session() -> None:
    write(result("a"))
    before, _ = read()
    assert read()[0] == before
    (FOLDER / "z.txt").write_text("more")
    assert read()[0].session_id != before.session_id


def test_a_result_alone_is_refused_with_what_to_name() -> None:
    write(result("a"))
    with pytest.raises(ExchangeError, match="one of the results of Allure: name the folder with"):
        read_file(FOLDER / "0-result.json")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "0-result.json: it is not JSON: "),
        ("[]", "0-result.json: it must be an object, not a list"),
        (
            json.dumps(result("a", start="soon")),
            "0-result.json: start must be a number, not a text",
        ),
        (json.dumps(result("a", start=-1)), "0-result.json: start must be a time in seconds"),
        (json.dumps(result("a", stop=1)), "0-result.json: stop is before start"),
        (json.dumps(result("a", start=float("nan"))), "0-result.json: start must be a time in"),
        (json.dumps(result("a", titlePath="x")), "0-result.json: titlePath must be a list, not a"),
        ('{"x":' + "[" * 200_000 + "]" * 200_000 + "}", "0-result.json: it is nested too deeply"),
    ],
)
def test_a_wrong_file_is_refused_by_name(text: str, said: str) -> None:
    write(result("a"))
    (FOLDER / "0-result.json").write_text(text)
    with pytest.raises(ExchangeError) as caught:
        read()
    assert str(caught.value).startswith("allure cannot be read as a folder of Allure results: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
