"""What became of each test: every pair of outcomes, renames, tests that were not run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from pytest_insight import query
from pytest_insight.analysis.comparison.renames import find_renames
from pytest_insight.compare import Change, Compare, EnvironmentDifference, NotRun
from pytest_insight.filters import NodeidContains
from pytest_insight.models import TestResult, TestSession
from tests.compare.sessions import changes, compared, result, session, store


@pytest.mark.parametrize(
    ("base", "head", "change"),
    [
        (".", ".", None),
        (".", "F", "new-failure"),
        ("x", "F", "new-failure"),
        (".", "E", "new-failure"),
        ("F", "F", "still-failing"),
        ("F", ".", "fixed"),
        ("F", "x", "fixed"),
        ("x", "X", "unexpected-pass"),
        ("X", "x", "expected-failure-again"),
        ("X", "X", None),
        ("x", ".", None),
        ("X", "F", "new-failure"),
        (".", "s", "gone"),
        ("s", "s", None),
        ("s", ".", "new-test"),
        ("s", "F", "new-failure"),
        ("", ".", "new-test"),
        ("", "F", "new-test-failing"),
        ("", "s", None),
        (".", "", "gone"),
        ("F", "", "gone"),
        ("s", "", None),
    ],
)
def test_every_pair_of_outcomes_is_a_change_or_none(
    base: str, head: str, change: str | None
) -> None:
    found = compared(
        {"other": "."} | ({"test": base} if base else {}),
        {"other": "."} | ({"test": head} if head else {}),
    )
    assert changes(found) == ({} if change is None else {"test": change})
    assert found.alike == found.tests - len(found)


def test_two_failures_are_the_same_also_with_other_values_and_else_different() -> None:
    one = {"same": "assert 404 == 200", "values": "assert 404 == 200", "other": "TimeoutError"}
    other = one | {"values": "assert 500 == 200", "other": "KeyError: 'currency'"}
    found = compared(
        *({n: result(f"t.py::{n}", "F", m) for n, m in x.items()} for x in (one, other))
    )
    assert changes(found) == {
        "same": "still-failing",
        "values": "still-failing",
        "other": "failing-differently",
    }
    assert found["t.py::same"].detail == ""
    assert found["t.py::values"].detail == "assert 404 == 200, now assert 500 == 200"
    assert (found.ok, len(found.failing_differently)) == (False, 1)


def test_a_renamed_test_is_compared_with_its_old_name() -> None:
    found = compared(
        {"test_login[a]": ".", "test_login[b]": ".", "test_add": "."},
        {"test_sign_in[a]": ".", "test_sign_in[b]": "F", "test_remove_item": "."},
    )
    assert changes(found) == {
        "test_sign_in[a]": "renamed",
        "test_sign_in[b]": "new-failure",
        "test_add": "gone",
        "test_remove_item": "new-test",
    }
    assert [each.renamed_from[-13:] for each in found.renamed] == ["test_login[b]", "test_login[a]"]


def test_a_rename_is_of_one_file_with_one_set_of_parameters() -> None:
    old = ["a.py::test_total[1]", "a.py::test_total[2]", "b.py::test_total[1]"]
    new = ["a.py::test_totals[1]", "a.py::test_totals[3]", "c.py::test_total[1]"]
    assert find_renames(old, new) == {"a.py::test_totals[1]": "a.py::test_total[1]"}
    assert find_renames(["a.py"], ["a.py2"]) == {}


def test_of_several_new_names_the_most_similar_is_taken() -> None:
    old = ["a.py::test_total"]
    new = ["a.py::test_total_of_order", "a.py::test_totals"]
    assert find_renames(old, new) == {"a.py::test_totals": "a.py::test_total"}


FULL = {f"test_{n}": "." for n in range(20)}
FEW = {"test_1": ".", "test_2": "F"}


@pytest.mark.parametrize(
    ("facts", "not_run"),
    [
        (
            {"arguments": ["-k", "test_2 or test_1"], "collected": 20, "deselected": 8},
            NotRun("deselected", 8, "-k test_2 or test_1"),
        ),
        (
            {"arguments": ["--lf"], "collected": 20, "deselected": 18},
            NotRun("deselected", 18, "--lf"),
        ),
        (
            {"arguments": ["-n", "2", "-m", "smoke"], "collected": 2},
            NotRun("deselected", 18, "-m smoke"),
        ),
        (
            {"arguments": ["-x"], "collected": 20, "deselected": 0, "exit_status": 1},
            NotRun("stopped", 18, "-x before 18 tests"),
        ),
        (
            {"collected": 20, "deselected": 0, "exit_status": 2},
            NotRun("stopped", 18, "the run ended before 18 tests"),
        ),
        ({"crashed": True}, NotRun("stopped", 18, "the run crashed")),
        (
            {"arguments": ["t.py::test_1", "t.py::test_2"], "collected": 2, "deselected": 0},
            NotRun("not selected", 18, "other tests were named"),
        ),
        (
            {"collected": 20, "deselected": 18},
            NotRun("deselected", 18, "18 tests deselected"),
        ),
    ],
)
def test_tests_that_the_head_was_not_to_run_are_counted_and_no_changes(
    facts: dict[str, Any], not_run: NotRun
) -> None:
    found = compared(FULL, FEW, {"collected": 20, "deselected": 0}, facts)
    assert not_run in found.not_run
    if not_run.count == 18:
        assert changes(found) == {"test_2": "new-failure"}
        assert found.summary["not-run"] == 18


def test_a_whole_run_tells_which_tests_are_gone() -> None:
    facts = {"collected": 2, "deselected": 0, "exit_status": 1, "arguments": ["-q", "."]}
    found = compared(FULL, FEW, {"collected": 20, "deselected": 0}, facts)
    assert (len(found.gone), found.not_run) == (18, ())


def test_tests_that_configuration_deselects_in_both_are_told_from_those_that_are_gone() -> None:
    base = {"collected": 30, "deselected": 10}
    found = compared(FULL, FULL | {"test_5": "s"}, base, base)
    assert changes(found) == {"test_5": "gone"}
    less = {name: mark for name, mark in FULL.items() if name != "test_7"}
    assert changes(compared(FULL, less, base, {"collected": 29, "deselected": 10})) == {
        "test_7": "gone"
    }
    assert changes(compared(FULL, less, base, {"collected": 30, "deselected": 11})) == {}


def test_the_reason_why_a_test_is_gone_is_told() -> None:
    found = compared(
        {"a.py::test_x": ".", "b.py::test_y": ".", "test": ".", "test_z": "."},
        {
            "a.py": result("a.py", "E", "ImportError: no module named tax"),
            "b.py": result("b.py", "s", "needs Linux"),
            "test": "s",
            "test_z": ".",
        },
    )
    assert {each.nodeid: each.detail for each in found.gone} == {
        "a.py::test_x": "not collected: ImportError: no module named tax",
        "b.py::test_y": "skipped: needs Linux",
        "t.py::test": "skipped: no database",
    }
    assert [(each.nodeid, each.detail) for each in found.new_failures] == [
        ("a.py", "cannot be collected: 1 test less")
    ]


def test_a_file_that_can_be_collected_again_is_no_failure_of_the_base() -> None:
    sessions = [
        session(0, {"a.py": "E", "b.py::test_y": "."}, commit="a" * 40),
        session(1, {"a.py::test_x": ".", "b.py::test_y": "."}, commit="b" * 40),
        session(2, {"a.py::test_x": ".", "b.py::test_y": "."}, branch="feature"),
    ]
    assert list(Compare(storage=store(*sessions)).against("main").execute()) == []


def test_a_test_that_the_base_had_lost_already_is_not_gone_now() -> None:
    whole: dict[str, Any] = {"collected": 1, "deselected": 0, "exit_status": 0}
    sessions = [
        session(0, {"a": ".", "old": "."}, collected=2, deselected=0, exit_status=0),
        session(1, {"a": "."}, **whole),
        session(2, {"a": "."}, branch="feature", **whole),
    ]
    found = Compare(storage=store(*sessions)).against("main").execute()
    assert (list(found), found.not_run) == ([], ())


def test_a_composite_base_has_of_each_test_the_newest_decided_run() -> None:
    sessions = [
        session(0, {"a": ".", "b": "F", "c": "."}),
        session(1, {"a": "F"}, arguments=["-k", "a"]),
        session(2, {"b": "s", "c": "."}, arguments=["--deselect", "a"]),
        session(3, {"a": "F", "b": "F", "c": "F"}, branch="feature"),
    ]
    asked = Compare(storage=store(*sessions)).against("main")
    found = asked.execute()
    assert changes(found) == {"a": "still-failing", "b": "still-failing", "c": "new-failure"}
    assert [each.base and each.base.session.session_id for each in found] == ["s2", "s1", "s0"]
    assert changes(asked.with_base_session().execute()) == {
        "a": "new-test-failing",
        "b": "new-failure",
        "c": "new-failure",
    }


def test_a_known_flaky_test_is_no_new_failure_and_its_rate_is_told() -> None:
    history = [
        session(n, {"a": "F" if n == 3 else ".", "b": "."}, commit="c" * 40) for n in range(9)
    ]
    head = session(9, {"a": "F", "b": "F"}, branch="feature")
    found = Compare(storage=store(*history, head)).against("main").execute()
    assert changes(found) == {"a": "flaky", "b": "new-failure"}
    (flaky,) = found.flaky
    assert flaky.detail == "1 of 9, same code once"
    assert flaky.rate is not None
    assert flaky.rate.value == pytest.approx(1 / 9)
    new = session(9, {"a": result("t.py::a", "F", "TypeError"), "b": "."}, branch="feature")
    found = Compare(storage=store(*history, new)).against("main").execute()
    assert found.ok
    assert found["t.py::a"].detail == "1 of 9, same code once; never before for this reason"


def test_a_test_that_fails_in_one_job_of_the_run_has_failed() -> None:
    def shard(number: int, python: str, mark: str) -> TestSession:
        system = {"python": python, "platform": "Linux-6", "ci": {"run_id": "7", "job": "tests"}}
        return session(
            number, {"a": mark, "b": "."}, branch="feature", commit="f" * 40, testing_system=system
        )

    base = [
        session(n, {"a": ".", "b": "."}, testing_system={"python": p, "platform": "Linux-6"})
        for n, p in enumerate(["3.11.1", "3.12.1"])
    ]
    both = shard(2, "3.11.1", "F"), shard(3, "3.12.1", ".")
    found = Compare(storage=store(*base, *both)).execute()
    assert (found.head.kind, len(found.head.sessions)) == ("run", 2)
    assert changes(found) == {"a": "new-failure"}
    # It was run again in the same job, and passed.
    again = shard(4, "3.11.1", ".")
    assert changes(Compare(storage=store(*base, *both, again)).execute()) == {}


def test_a_run_is_compared_with_runs_of_its_environment() -> None:
    systems = [{"python": p, "platform": "Linux-6"} for p in ("3.11.1", "3.12.1", "3.11.4")]
    sessions = [
        session(0, {"a": "F"}, testing_system=systems[0]),
        session(1, {"a": "."}, testing_system=systems[1]),
        session(2, {"a": "F"}, testing_system=systems[2], branch="feature"),
    ]
    found = Compare(storage=store(*sessions)).against("main").execute()
    assert changes(found) == {"a": "still-failing"}


def test_differences_of_machines_and_installations_are_listed() -> None:
    old = {"python": "3.11.9", "host": "a", "plugins": {"xdist": "3.5", "cov": "6"}, "workers": 4}
    new = {"python": "3.12.1", "host": "a", "plugins": {"xdist": "3.6", "cov": "6"}}
    found = compared({"a": "."}, {"a": "."}, {"testing_system": old}, {"testing_system": new})
    assert found.environment == (
        EnvironmentDifference("python", "3.11.9", "3.12.1"),
        EnvironmentDifference("workers", "4", ""),
        EnvironmentDifference("plugins.xdist", "3.5", "3.6"),
    )
    assert compared({"a": "."}, {"a": "."}, {"testing_system": old}).environment == ()
    told = {"testing_system": {"python": "3.11.9"}}  # by a program that knows no plugins
    found = compared({"a": "."}, {"a": "."}, {"testing_system": old}, told)
    assert [each.name for each in found.environment] == ["workers", "host"]


def test_a_mass_failure_of_the_head_is_an_incident_and_no_new_failures() -> None:
    refused = {name: result(f"t.py::{name}", "F", "ConnectionRefusedError") for name in FULL}
    found = compared(FULL, refused)
    assert (changes(found), found.ok) == ({}, False)
    assert [each.why for each in found.incidents] == [
        "20 of 20 tests failed: ConnectionRefusedError"
    ]


def test_runs_of_an_incident_of_the_base_do_not_count() -> None:
    refused = {name: result(f"t.py::{name}", "F", "ConnectionRefusedError") for name in FULL}
    head = session(3, FULL | {"test_3": "F"}, branch="feature")
    sessions = [session(0, FULL), session(1, refused), head]
    found = Compare(storage=store(*sessions)).against("main").execute()
    assert changes(found) == {"test_3": "new-failure"}
    assert [each.session.session_id for each in found.incidents] == ["s1"]
    alone = Compare(storage=store(session(1, refused), head)).against("main").execute()
    assert changes(alone) == {"test_3": "new-failure"}


def test_what_fails_as_in_an_incident_of_the_base_is_no_new_failure() -> None:
    def refused(*names: str) -> dict[str, str | TestResult]:
        return FULL | {n: result(f"t.py::{n}", "F", "ConnectionRefusedError") for n in names}

    hit = [f"test_{n}" for n in range(6)]
    head = session(9, refused(*hit[:3]) | {hit[4]: "F"}, branch="feature")
    base = [session(0, FULL), *(session(n, refused(*hit)) for n in range(1, 4))]
    once = Compare(storage=store(*base[:2], head)).against("main").execute()
    assert changes(once) == dict.fromkeys(hit[:3], "still-failing") | {hit[4]: "new-failure"}
    assert [each.session.session_id for each in once.incidents] == ["s1"]
    # Red three times in a row, it is no incident any more.
    broken = Compare(storage=store(*base, head)).against("main").execute()
    assert changes(broken) == {
        **dict.fromkeys(hit[:3], "still-failing"),
        hit[3]: "fixed",
        hit[4]: "failing-differently",
        hit[5]: "fixed",
    }
    same = session(9, refused(*hit), branch="feature")
    found = Compare(storage=store(*base, same)).against("main").execute()
    assert (found.ok, len(found.still_failing)) == (True, 6)


def test_only_the_wanted_tests_are_compared() -> None:
    both = session(0, {"a_x": ".", "b_x": "."}), session(1, {"a_x": "F", "b_x": "F"})
    asked = Compare(storage=store(*both)).against("s0").of("s1")
    found = asked.with_test_filters(NodeidContains("a_")).execute()
    assert (changes(found), found.tests) == ({"a_x": "new-failure"}, 1)


def _timed(number: int, seconds: float, **fields: Any) -> TestSession:
    tests = {f"n{n}": result(f"t.py::n{n}", ".", duration=0.1) for n in range(30)}
    tests["slow"] = result("t.py::slow", ".", duration=seconds)
    return session(number, tests, **fields)


def test_a_test_that_took_far_longer_than_in_the_base_was_slow_this_time() -> None:
    base = [_timed(n, 1.0 + n / 100) for n in range(10)]
    for seconds, ratio in ((6.0, 5.74), (1.3, None)):
        head = _timed(10, seconds, branch="feature")
        found = Compare(storage=store(*base, head)).against("main").execute()
        assert found.speed == pytest.approx(1.0)
        assert [round(each.pace.ratio, 2) for each in found.slower if each.pace] == (
            [] if ratio is None else [ratio]
        )
    few = Compare(storage=store(*base[:7], _timed(10, 6.0, branch="x"))).against("main").execute()
    assert (few.slower, few.speed) == ((), None)


def test_the_speed_of_the_machine_is_told_and_removed() -> None:
    base = [_timed(n, 1.0 + n / 100) for n in range(10)]
    head = _timed(10, 2.6, branch="feature")
    slow = [replace(each, duration=each.duration * 3) for each in head.test_results[:-1]]
    slow.append(head.test_results[-1])
    head = head.with_results(slow)
    found = Compare(storage=store(*base, head)).against("main").execute()
    assert found.speed == pytest.approx(3.0)
    assert found.slower == ()


def test_windows_compare_rates_of_failures() -> None:
    def window(begin: int, marks: str) -> list[TestSession]:
        return [
            session(begin + n, {"a": mark, "b": ".", "c": "F" if n == 2 else "."})
            for n, mark in enumerate(marks)
        ]

    sessions = [*window(0, "." * 20), *window(40, ".FF.FFF..FF.FF.F....")]
    storage = store(*sessions)
    middle = sessions[20].session_start_time - timedelta(minutes=1)
    every = query.on_storage(storage)
    asked = Compare(storage=storage).against(every.before(middle)).of(every.after(middle))
    found = asked.by_windows().execute()
    assert changes(found) == {"a": "worse"}
    rates = found["t.py::a"].rates
    assert rates is not None
    assert (rates.base_bad, rates.base_runs, rates.head_bad, rates.head_runs) == (0, 20, 10, 20)
    assert found.windows is not None
    assert (found.windows.tests, found.windows.base_runs, found.ok) == (3, 20, False)
    assert found.windows.smallest_difference == pytest.approx(6 / 20)
    swapped = Compare(storage=storage).against(every.after(middle)).of(every.before(middle))
    with pytest.raises(ValueError, match="newer than the head"):
        swapped.by_windows().execute()


def test_changes_are_listed_in_the_order_of_their_kinds() -> None:
    found = compared(
        {"a": ".", "b": "F", "c": ".", "d": "."}, {"a": "s", "b": ".", "c": "F", "e": "."}
    )
    listed = [each.change for each in found]
    assert listed == sorted(listed, key=list(Change).index)
    assert [group.change for group in found.causes] == list(dict.fromkeys(listed))


def test_windows_without_sides_are_the_last_week_and_the_one_before() -> None:
    sessions = [session(hours, {"a": "."}) for hours in (-240, -200, -120, -3, 0, 3)]
    found = Compare(storage=store(*sessions)).by_windows().execute()
    assert [each.session_id for each in found.head.sessions] == ["s-3", "s0", "s3"]
    assert [each.session_id for each in found.base.sessions] == ["s-240", "s-200", "s-120"]
    first, last = (sessions[n].session_start_time for n in (0, 2))
    assert found.base.title == f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"


def _job(attempt: str = "", host: str = "", job: str = "test", run: str = "7") -> dict[str, Any]:
    ci = {"run_id": run, "job": job, "attempt": attempt}
    system = {"python": "3.12.1", "platform": "Linux-6", "host": host, "ci": ci}
    return {"branch": "feature", "testing_system": system}


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param(_job("1", "a"), _job("1", "b"), "new-failure", id="another machine"),
        pytest.param(_job("1", "a"), _job("1", "a"), None, id="again in one job"),
        pytest.param(_job("1", "a"), _job("2", "b"), None, id="another attempt"),
        pytest.param(_job(host="a"), _job(host="b"), None, id="attempts unknown"),
        pytest.param(
            _job() | {"session_duration": 7200.0}, _job(), "new-failure", id="at the same time"
        ),
        pytest.param(
            _job() | {"session_tags": {"db": "mysql"}},
            _job() | {"session_tags": {"db": "pg"}},
            "new-failure",
            id="other tags",
        ),
    ],
)
def test_a_pass_does_not_hide_a_failure_in_another_job_of_the_same_name(
    first: dict[str, Any], second: dict[str, Any], expected: str | None
) -> None:
    head = session(1, FULL | {"test_3": "F"}, **first), session(2, FULL, **second)
    found = Compare(storage=store(session(0, FULL), *head)).against("main").execute()
    assert (changes(found).get("test_3"), found.ok) == (expected, expected is None)


def test_what_fails_in_one_job_is_compared_with_that_job_in_the_base() -> None:
    def both(number: int, branch: str) -> list[TestSession]:
        jobs = {"pg": {"a": "F", "b": "."}, "mysql": {"a": ".", "b": "."}}
        return [
            session(
                number + at,
                tests,
                commit=f"{number:040}",
                **_job(run=str(number)) | {"branch": branch, "session_tags": {"db": db}},
            )
            for at, (db, tests) in enumerate(jobs.items())
        ]

    found = Compare(storage=store(*both(0, "main"), *both(5, "feature"))).against("main").execute()
    assert changes(found) == {"a": "still-failing"}


def test_the_last_attempt_counts_also_if_one_cause_hit_many_tests() -> None:
    worse = FULL | {f"test_{n}": "F" for n in range(6)}
    head = session(1, FULL, **_job("1")), session(2, worse, **_job("2"))
    found = Compare(storage=store(session(0, FULL), *head)).against("main").execute()
    assert (len(found.new_failures), found.incidents) == (6, ())
    # An attempt of which all tests were run again does not count, even if it crashed.
    incident = session(1, dict.fromkeys(FULL, "F"), crashed=True, **_job("1"))
    again = Compare(storage=store(session(0, FULL), incident, session(2, FULL, **_job("2"))))
    found = again.against("main").execute()
    assert (found.ok, found.incidents, found.unfinished) == (True, (), ())


def test_a_file_that_cannot_be_collected_is_a_new_failure_also_if_it_is_all_there_is() -> None:
    found = compared({"a": ".", "b": "."}, {"t.py": "E"}, of_head={"exit_status": 2})
    assert changes(found) == {"t.py": "new-failure", "a": "gone", "b": "gone"}


def test_that_all_chosen_tests_fail_is_no_incident() -> None:
    chosen = dict.fromkeys([*list(FULL)[:9], "x"], "F")
    found = compared(FULL | {f"more_{n}": "." for n in range(30)}, chosen)
    assert (len(found.new_failures), found.incidents) == (10, ())


@pytest.mark.parametrize(
    ("tests", "fields", "why"),
    [
        ({"a": "."}, {"crashed": True}, "s1 crashed"),
        ({"a": "."}, {"exit_status": 2}, "s1 was interrupted"),
        ({"a": "."}, {"exit_status": 3}, "s1 ended with status 3 of pytest"),
        ({"a": "s"}, {"exit_status": 0}, None),
    ],
)
def test_a_head_that_did_not_run_its_tests_is_not_ok(
    tests: dict[str, str], fields: dict[str, Any], why: str | None
) -> None:
    found = compared({"a": ".", "b": "."}, tests, of_head=fields)
    assert (found.ok, found.unfinished, found.has_compared) == (
        False,
        (why,) if why else (),
        why is not None,
    )
    # An interruption by `-x` is of a failure, which is told as it is.
    assert compared({"a": "F"}, {"a": "F"}, of_head={"exit_status": 2}).ok


def test_tests_that_an_incident_of_the_head_hit_are_not_alike() -> None:
    found = compared(FULL, dict.fromkeys(FULL, "F"))
    assert (found.alike, [(each.reason, each.count) for each in found.not_run]) == (
        0,
        [("incident", 20)],
    )


def test_windows_count_what_one_cause_broke_in_all_runs() -> None:
    worse = FULL | {f"test_{n}": "F" for n in range(6)}
    base = [session(n, FULL) for n in range(12)]
    head = [session(n, worse, branch="feature") for n in range(20, 30)]
    asked = Compare(storage=store(*base, *head)).against("main").of("feature").by_windows()
    found = asked.execute()
    assert (len(found.with_change("worse")), found.incidents) == (6, ())
    # Once, it may be an incident: these runs do not count, and the gate does not pass.
    once = store(*base, *(session(n, FULL, branch="feature") for n in range(20, 29)), head[-1])
    found = asked.on_storage(once).execute()
    assert (changes(found), [each.tests for each in found.incidents], found.ok) == ({}, [6], False)


def test_windows_in_which_nothing_can_be_shown_are_not_ok() -> None:
    sessions = session(0, FULL), session(1, FULL, branch="feature")
    asked = Compare(storage=store(*sessions)).against("main").of("feature")
    assert (asked.by_windows().execute().ok, asked.execute().ok) == (False, True)
