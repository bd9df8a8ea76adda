"""The verdicts: one test for each row of their table, and for each exception."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from pytest_insight.analysis.line import Line
from pytest_insight.analysis.values import Since, Timing, Verdict
from pytest_insight.analysis.verdicts import Analysis, analyze
from tests.analysis.histories import DAY, NOW, history, judge, make_sessions, survey_of

HOUR = timedelta(hours=1)


def verdict(picture: str, commits: str = "", **given: Any) -> Verdict:
    (found,) = judge(history(picture, commits=commits, **given)).verdicts
    return found


def ids(verdict: Verdict) -> str:
    return " ".join(verdict.evidence)


# The table --------------------------------------------------------------------------------------


def test_a_test_without_an_earlier_decided_run_is_new_if_others_were_run_before() -> None:
    sessions = make_sessions(3)
    (found,) = judge(history(" sF", sessions=sessions), sessions=sessions).verdicts
    assert (found.verdict, found.detail, ids(found)) == ("new-test", "first run: failed", "s2")
    (alone,) = judge(history("F", sessions=sessions[:1])).verdicts
    assert alone.verdict == "too-few"


def test_the_tests_of_two_first_sessions_that_started_together_are_not_new() -> None:
    shards = make_sessions(2, step=timedelta())
    runs = [*history(". ", "a", sessions=shards), *history(" F", "b", sessions=shards)]
    assert [each.verdict for each in judge(runs, sessions=shards).verdicts] == ["too-few"] * 2


def test_a_test_that_recovered_is_flaky() -> None:
    found = verdict("...R....")
    assert (found.verdict, found.runs, found.bad, found.recovered) == ("flaky", 8, 0, 1)
    assert (found.detail, ids(found), found.since) == (
        "1 of 8, good when run again once",
        "s3",
        None,
    )
    assert [(cause.message, cause.count) for cause in found.causes] == [("KeyError: 'a'", 1)]


def test_a_test_that_was_good_and_bad_in_one_context_is_flaky() -> None:
    found = verdict("..F.F...", "abccdefg")
    assert (found.verdict, found.detail) == ("flaky", "2 of 8, same code once")
    assert ids(found) == "s2 s3"  # not the failure on another code
    assert found.rate.value == 0.25
    assert verdict("..F....", "abcdefg").verdict == "failed-once"


@pytest.mark.parametrize("picture", ["FFF", "EFE", "....FFF", "s.FsFXF"])
def test_a_test_is_broken_if_the_last_3_decided_runs_are_bad(picture: str) -> None:
    found = verdict(picture)
    assert (found.verdict, found.detail) == ("broken", "3 runs")
    assert len(found.evidence) == 3
    assert found.since is not None
    assert found.since.session_id == found.evidence[0]


def test_a_test_is_broken_if_the_last_segment_is_bad() -> None:
    assert verdict("." * 20 + "FF", step=HOUR).verdict == "new-failure"
    found = verdict("." * 60 + "FF", step=HOUR)
    assert (found.verdict, found.detail) == ("broken", "2 runs")


def test_a_failure_is_new_if_one_red_run_has_just_begun() -> None:
    found = verdict("." * 10 + "F")
    assert (found.verdict, found.detail, ids(found)) == ("new-failure", "passed 10 of 10", "s10")
    assert found.since is not None
    assert (found.since.low, found.since.commit, found.since.high) == ("c9", "c10", "c10")
    assert verdict("...FF").verdict == "new-failure"
    long_ago = verdict("F" + "." * 20 + "F", step=HOUR)
    assert (long_ago.verdict, long_ago.detail) == ("new-failure", "passed 20 of 21")


def test_two_red_runs_on_different_or_unknown_code_are_suspect() -> None:
    for commits in ("abcdefgh", "--------"):
        found = verdict("..F..F..", commits)
        assert (found.verdict, found.detail, ids(found)) == ("suspect", "2 of the last 8", "s2 s5")
    assert verdict("..F..F").verdict == "suspect"  # red now


def test_red_runs_before_the_last_20_runs_are_not_suspect() -> None:
    assert verdict("F.F" + "." * 17).verdict == "suspect"
    assert verdict("F.F" + "." * 20).verdict == "stable"


def test_one_red_run_of_at_least_2_that_ended_is_fixed() -> None:
    found = verdict(".....FF...")
    assert (found.verdict, found.detail) == ("fixed", "red for 2 runs, good 3 times")
    assert ids(found) == "s5 s6 s7"
    assert found.since is not None
    assert (found.since.session_id, found.since.low, found.since.high) == ("s7", "c6", "c7")
    assert verdict("FFFF.").detail == "red for 4 runs, good once"
    assert verdict("FF" + "." * 20).verdict == "stable"  # long ago


def test_one_red_run_of_length_1_that_ended_failed_once() -> None:
    found = verdict("..E" + "." * 30)
    assert (found.verdict, found.detail, ids(found)) == ("failed-once", "1 of 33", "s2")


def test_expected_failures_and_unexpected_passes_in_one_context_are_unstable() -> None:
    found = verdict("xxXxx", "abbcd")
    assert (found.verdict, ids(found)) == ("unstable-xfail", "s1 s2")
    assert verdict("xxXxxx", "abcdef").verdict == "stable"
    assert verdict("xxXxxx", "a--def").verdict == "stable"


def test_a_test_without_failures_is_stable_after_5_runs() -> None:
    (found,) = judge(history("....x")).verdicts
    assert (found.verdict, found.detail) == ("stable", "passed 5 of 5, a rate below 45.1%")
    assert (found.rate.value, round(found.rate.high, 3)) == (0, 0.451)
    assert verdict("....").verdict == "too-few"


def test_only_a_stable_test_is_called_slower() -> None:
    since = Since("s1", "c1", NOW, "c0", "c1")
    for picture, ratio, expected in (
        ("......", 1.5, "slower"),
        ("......", 0.5, "faster"),
        ("...FFF", 1.5, "broken"),
        ("...R..", 1.5, "flaky"),
        ("....", 1.5, "too-few"),
    ):
        timing = Timing(1.0, ratio, ratio, since, 3)
        (found,) = judge(history(picture), timings={("sut", "t"): timing}).verdicts
        assert (found.verdict, found.timing) == (expected, timing)


# Exceptions -------------------------------------------------------------------------------------


def test_contexts_differ_by_commit_digest_and_environment() -> None:
    runs = history("F.....", commits="aabcde")
    for change in ({"digest": "d"}, {"environment": "3.12 Linux"}):
        other = replace(runs[0], session=replace(runs[0].session, **change))
        assert judge([other, *runs[1:]]).verdicts[0].verdict == "failed-once"
    unknown = [replace(r, session=replace(r.session, digest="unknown")) for r in runs]
    assert judge(unknown).verdicts[0].verdict == "failed-once"
    assert judge(runs).verdicts[0].verdict == "flaky"


def test_a_flaky_test_that_is_red_too_often_in_a_row_is_broken() -> None:
    found = verdict("...R" + "." * 30 + "FFF", step=HOUR)
    assert (found.verdict, found.detail) == (
        "broken",
        "flaky before, now red 3 times (chance < 1 %)",
    )
    assert verdict("..R.F.R.F.FFF", step=HOUR).verdict == "flaky"  # red as often as ever


def test_a_flaky_test_is_stable_again_after_14_days_and_20_good_runs() -> None:
    assert verdict("R" + "." * 20).verdict == "stable"
    assert verdict("R" + "." * 19).verdict == "flaky"  # too few runs
    assert verdict("R" + "." * 30, step=HOUR).verdict == "flaky"  # too soon
    again = verdict("FR" + "." * 20 + "F")
    assert (again.verdict, again.detail) == ("new-failure", "passed 20 of 20")


def test_any_failure_of_a_flaky_test_is_new_evidence() -> None:
    assert verdict("R" + "." * 15 + "F" + "." * 10).verdict == "flaky"


def test_a_branch_has_its_runs_and_those_of_the_default_branch_before_it_left() -> None:
    runs = history("....FFFF.", branches="mmmmmffmm")
    (of_main,) = judge(runs, line=Line("m")).verdicts
    assert (of_main.verdict, of_main.runs, of_main.bad) == ("fixed", 7, 2)
    feature = Line("f", "m", runs[3].session.start)
    (of_feature,) = judge(runs, line=feature).verdicts
    assert (of_feature.verdict, of_feature.runs, of_feature.bad) == ("new-failure", 6, 2)
    (alone,) = judge(runs, line=Line("f")).verdicts
    assert (alone.verdict, alone.runs) == ("too-few", 2)


def test_evidence_of_one_context_counts_from_every_branch() -> None:
    runs = history("......F.", commits="abcdefgg", branches="mmmmmmff")
    (found,) = judge(runs, line=Line("m")).verdicts
    assert (found.verdict, found.bad, found.detail) == ("flaky", 0, "0 of 6, same code once")


def test_at_most_200_runs_are_judged() -> None:
    found = verdict("FFFFF" + "." * 200, step=HOUR)
    assert (found.verdict, found.runs, found.bad) == ("stable", 200, 0)


# Incidents --------------------------------------------------------------------------------------


def suite(
    pictures: dict[str, str], *, commits: str = "", messages: dict[str, str] | None = None
) -> Analysis:
    """Return the analysis of several tests, whose sessions count them."""
    length = len(next(iter(pictures.values())))
    sessions = [
        replace(
            session,
            decided=sum(picture[number] in ".xFER" for picture in pictures.values()),
            bad=sum(picture[number] in "FE" for picture in pictures.values()),
        )
        for number, session in enumerate(make_sessions(length, commits=commits))
    ]
    messages = messages or {}
    runs = [
        run
        for name, picture in pictures.items()
        for run in history(
            picture, name, sessions=sessions, message=messages.get(name, f"KeyError: {name!r}")
        )
    ]
    return judge(runs, sessions=sessions)


def test_a_session_in_which_nearly_all_failed_does_not_count() -> None:
    pictures = {f"t{n}": "...F.." for n in range(8)} | {"a": "......", "b": "......"}
    found = suite(pictures, commits="abccde")
    assert {each.verdict for each in found.verdicts} == {"stable"}
    (incident,) = found.incidents
    assert (incident.session.session_id, incident.why) == ("s3", "8 of 10 tests failed")
    excluded = found.verdicts[2].excluded
    assert [(each.session_id, each.why) for each in excluded] == [("s3", "8 of 10 tests failed")]
    assert suite(pictures | {"c": "......"}, commits="abccde").incidents == []  # 73 %


def test_a_cause_that_hits_many_tests_at_once_does_not_count() -> None:
    pictures = {f"t{n}": "..FF..." for n in range(5)} | {f"u{n}": "......." for n in range(20)}
    pictures["u0"] = "..F...."
    broker = {name: "ConnectionError: broker" for name in pictures if name.startswith("t")}
    found = suite(pictures, messages=broker)
    by_name = {each.nodeid: each for each in found.verdicts}
    assert by_name["t0"].verdict == "stable"
    assert by_name["u0"].verdict == "failed-once"  # for a cause of its own
    assert [each.why for each in found.incidents] == [
        "5 tests, one cause: ConnectionError: broker"
    ] * 2
    different = suite(pictures)
    assert different.incidents == []
    assert different.verdicts[0].verdict == "fixed"


@pytest.mark.parametrize(("hit", "incidents"), [(5, 0), (6, 1)])
def test_a_cause_must_hit_10_percent_of_the_tests(hit: int, incidents: int) -> None:
    pictures = {f"t{n}": "....F." if n < hit else "......" for n in range(60)}
    found = suite(pictures, messages=dict.fromkeys(pictures, "ConnectionError: broker"))
    assert len(found.incidents) == incidents


def test_what_is_red_for_3_runs_is_broken_and_no_incident() -> None:
    pictures = {f"t{n}": "...FFF" for n in range(12)}
    found = suite(pictures, messages=dict.fromkeys(pictures, "ImportError: x"))
    assert {each.verdict for each in found.verdicts} == {"broken"}
    (breakage,) = found.breakages
    assert (len(breakage.verdicts), breakage.message) == (12, "ImportError: x")


def test_an_incident_that_began_on_code_that_passed_breaks_tests_and_makes_none_flaky() -> None:
    pictures = {f"t{n}": "...FFF" for n in range(12)}
    found = suite(pictures, commits="abccde", messages=dict.fromkeys(pictures, "SSLError: expired"))
    assert {(each.verdict, each.detail) for each in found.verdicts} == {("broken", "3 runs")}


def test_running_only_the_failed_tests_again_is_no_incident() -> None:
    pictures = {f"t{n}": "....F" for n in range(10)} | {f"u{n}": ".... " for n in range(30)}
    found = suite(pictures)
    assert found.incidents == []
    assert found.verdicts[0].verdict == "new-failure"


# Together ---------------------------------------------------------------------------------------


def test_tests_with_one_cause_that_broke_at_one_time_are_one_breakage() -> None:
    pictures = {
        "a": "." * 20 + "FFF",
        "b": "." * 20 + "FFF",
        "c": "." * 10 + "F" * 13,
        "d": "." * 20 + "FFF",
    }
    messages = dict.fromkeys("abc", "ImportError: x")
    found = suite(pictures, messages=messages).breakages
    names = ["".join(each.nodeid for each in group.verdicts) for group in found]
    assert names == ["ab", "c", "d"]
    assert found[0].since is not None
    assert found[0].since.session_id == "s20"


def test_new_tests_that_fail_for_one_cause_are_one_breakage() -> None:
    pictures = {"old": "......"} | dict.fromkeys("abc", "     F")
    found = suite(pictures, messages=dict.fromkeys("abc", "ImportError: x"))
    assert {each.verdict for each in found.verdicts} == {"new-test", "stable"}
    assert [len(each.verdicts) for each in found.breakages] == [3]


def test_where_it_began_is_a_range_of_commits() -> None:
    since = verdict("." * 20 + "FFF").since
    assert since is not None
    assert (since.session_id, since.low, since.high) == ("s20", "c10", "c21")


# Bad input --------------------------------------------------------------------------------------


def test_without_a_history_there_is_no_verdict() -> None:
    assert analyze(survey_of([]), NOW) == ([], [], [])


@pytest.mark.parametrize("picture", ["s", "sssssssss", "?", "????????", "X"])
def test_a_test_that_was_never_decided_has_too_few_runs(picture: str) -> None:
    found = verdict(picture)
    assert (found.verdict, found.runs, found.rate.high) == ("too-few", 0, 1.0)


@pytest.mark.parametrize(
    ("picture", "detail"),
    [
        (".", "passed 1 of 1; 5 runs are needed"),
        ("FF", "passed 0 of 2; 5 runs are needed"),
        ("s", "never passed or failed; 5 runs are needed"),
    ],
)
def test_the_first_runs_say_too_little(picture: str, detail: str) -> None:
    found = verdict(picture)
    assert (found.verdict, found.detail) == ("too-few", detail)


def test_outcomes_of_plugins_neither_help_nor_harm() -> None:
    assert verdict("..?.?..").runs == 5
    assert verdict("...F?F?F").verdict == "broken"


def test_a_session_dated_in_the_future_does_not_count() -> None:
    runs = history("......")
    late = history("FFF", step=HOUR, end=NOW + 900 * DAY)
    late = [
        replace(r, session=replace(r.session, session_id=f"late{n}")) for n, r in enumerate(late)
    ]
    (found,) = judge([*late, *runs]).verdicts
    assert (found.verdict, found.runs) == ("stable", 6)


def test_sessions_that_started_at_one_time_have_the_order_of_their_ids() -> None:
    runs = history("...FFF", step=timedelta(0))
    assert judge(runs[::-1]).verdicts == judge(runs).verdicts
    assert judge(runs).verdicts[0].verdict == "broken"


def test_equal_nodeids_of_two_suts_are_two_tests() -> None:
    runs = history("...FFF")
    web = [replace(r, session=replace(r.session, sut_name="web")) for r in history("......")]
    assert [(v.sut, v.verdict) for v in judge(runs + web).verdicts] == [
        ("sut", "broken"),
        ("web", "stable"),
    ]


def test_values_are_shown_in_one_line() -> None:
    found = verdict("...FFF")
    assert repr(found) == "Verdict('t', broken, 3 of 6 bad, 3 runs)"
    assert repr(found.since) == "Since('c3', 2026-11-28 12:00)"
    assert repr(found.causes) == "(CauseCount(\"KeyError: 'a'\", 3x),)"
    assert repr(found.rate) == "Rate(50.0%, 18.8% to 81.2%)"
    analysis = judge(history("...FFF"))
    assert repr(analysis) == "<Analysis: 1 broken>"
    assert repr(analysis.breakages) == "[<Breakage: \"KeyError: 'a'\", 1 test>]"
    (run,) = history("F")
    assert repr(run) == "Run('t', 's0', failed)"
    assert repr(run.session) == "SessionFacts('s0', 0 of 1 bad)"
