"""Hypothesis strategies: sessions and results with the texts, times and numbers that break stores.

What they give can be saved, but is not clean yet: compare with `document.checked(session)`.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from pytest_insight import filters
from pytest_insight.models import (
    CodeState,
    RecordedWarning,
    Source,
    TestOutcome,
    TestResult,
    TestSession,
)

# No test asserts a time: the machine may be busy.
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ours")


def examples(usual: int) -> int:
    """Return how many examples a property is tried with: twenty times as many in `test-faults`."""
    return 20 * usual if os.environ.get("FAULTS") == "long" else usual


DIFFICULT_TEXTS = (
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "caf\udce9.py",  # how Python shows a file name that is not UTF-8
    "\\udce9",
    "\r\n",
    "first\nsecond\n",
    "\u2028\u2029\x85\x0b\x0c",
    "\ufeff",
    "\x1b[31mred\x1b[0m",
    "[red]markup[/red]",
    "=1+1",
    "'=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    '","',
    '"',
    "'",
    "\\",
    '\n{"session_id":"not-a-session"',
    '],"test_results":[\n',
    "\n]}\n]}\n",
    "NaN",
    "null",
    "true",
    "0",
    "%_",
    "*",
    "[a-",
    "🧪",
    "e\u0301",
    "é",
    "İ",
)


def texts(max_size: int = 12) -> st.SearchStrategy[str]:
    """Any text at all, lone surrogates and control characters included."""
    anything = st.text(st.characters(exclude_categories=()), max_size=max_size)
    return st.one_of(st.sampled_from(DIFFICULT_TEXTS), anything)


def some_texts() -> st.SearchStrategy[str]:
    """One of the difficult texts; faster than `texts`."""
    return st.sampled_from(DIFFICULT_TEXTS)


def names() -> st.SearchStrategy[str]:
    """A text that is not blank."""
    return texts().filter(str.strip)


def json_values() -> st.SearchStrategy[Any]:
    """What JSON can hold."""
    scalars = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        texts(),
    )
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts(4), inner, max_size=2),
        max_leaves=3,
    )


OFFSETS = (
    UTC,
    timezone(timedelta(hours=5, minutes=45)),
    timezone(timedelta(hours=-9, minutes=-30)),
    timezone(timedelta(minutes=19, seconds=32)),  # Amsterdam's, until 1937
)


def times() -> st.SearchStrategy[datetime]:
    """A time with an offset; often the same few, so that sessions start at once."""
    few = st.sampled_from(
        [datetime(2026, 11, 1, 12, tzinfo=UTC) + timedelta(hours=hour) for hour in range(4)]
    )
    any_ = st.datetimes(
        datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.sampled_from(OFFSETS)
    )
    return st.one_of(few, any_)


def durations() -> st.SearchStrategy[float]:
    """Seconds: finite, not negative."""
    return st.one_of(
        st.sampled_from([0.0, 0.1, 1.0, 5e-324, 1e9]), st.floats(0, 1e9, allow_nan=False)
    )


def outcomes() -> st.SearchStrategy[TestOutcome]:
    """One of pytest's, or what another plugin invented."""
    return st.one_of(
        st.sampled_from(list(TestOutcome)),
        st.sampled_from(["flaky", "subtests passed", "Failed", "=x", "\udc80"]).map(TestOutcome),
    )


def results() -> st.SearchStrategy[TestResult]:
    """One result."""
    return st.builds(
        TestResult,
        nodeid=st.one_of(
            st.sampled_from(["tests/test_a.py::test_x", "tests/test_a.py::test_x[a-\0]"]),
            texts().filter(bool),
        ),
        outcome=outcomes(),
        start_time=times(),
        duration=durations(),
        phase=st.sampled_from(["", "setup", "teardown"]),
        message=some_texts(),
        crash=some_texts(),
        longreprtext=texts(),
        capstdout=texts(),
        capstderr=texts(),
        caplog=texts(),
        has_warning=st.booleans(),
        worker=st.sampled_from(["", "gw0", "gw1"]),
        properties=st.lists(st.tuples(texts(), json_values()), max_size=2).map(tuple),
    )


def code_states() -> st.SearchStrategy[CodeState]:
    """A code state, any part of it unknown."""
    return st.builds(
        CodeState,
        commit=st.none() | st.sampled_from(["abc123def456", "ABC999", "0" * 40]),
        branch=st.none() | st.sampled_from(["main", "release/1.0", "feature/[x]"]) | texts(),
        digest=st.none() | texts(),
    )


def recorded_warnings() -> st.SearchStrategy[RecordedWarning]:
    """One warning."""
    return st.builds(RecordedWarning, *[some_texts()] * 3, st.integers(0, 9))


def sources() -> st.SearchStrategy[Source]:
    """The file of another program."""
    losses = st.sampled_from([(), ("no-log",)])
    return st.builds(Source, *[some_texts()] * 3, losses)


def session_ids() -> st.SearchStrategy[str]:
    """An ID; often one of a few, so that sessions replace each other and imports clash."""
    return st.one_of(
        st.sampled_from(["a", "a-2", "a-3", "b", "A", "ä", "\n", "a\0"]), names()
    ).filter(str.strip)


@st.composite
def sessions(
    draw: st.DrawFn, *, max_results: int = 4, ids: st.SearchStrategy[str] | None = None
) -> TestSession:
    """One session; stop time and duration may be given, left out, or disagree."""
    start = draw(times())
    fields: dict[str, Any] = {}
    if draw(st.booleans()):
        fields["session_duration"] = draw(durations())
    if draw(st.booleans()):
        fields["session_stop_time"] = start + timedelta(seconds=draw(st.floats(0, 1e6)))
    return TestSession(
        session_id=draw(ids or session_ids()),
        sut_name=draw(st.sampled_from(["api", "api-2", "web"]) | names()),
        session_start_time=start,
        session_tags=draw(
            st.dictionaries(st.sampled_from(["ci", "k"]) | texts(), texts(), max_size=3)
        ),
        testing_system=draw(
            st.dictionaries(
                st.sampled_from(["host", "python", "plugins"]) | texts(), json_values(), max_size=3
            )
            | st.builds(lambda run: {"ci": {"run_id": run}}, st.sampled_from(["1", 1, "[2]", None]))
        ),
        code_state=draw(st.none() | code_states()),
        arguments=draw(st.lists(some_texts(), max_size=1)),
        collected=draw(st.sampled_from([None, 0, 9])),
        deselected=draw(st.sampled_from([None, 0, 9])),
        warnings=draw(st.lists(recorded_warnings(), max_size=1)),
        source=draw(st.none() | sources()),
        exit_status=draw(st.none() | st.integers(0, 5)),
        crashed=draw(st.booleans()),
        pinned=draw(st.booleans()),
        test_results=tuple(draw(st.lists(results(), max_size=max_results))),
        **fields,
    )


@st.composite
def histories(draw: st.DrawFn) -> list[TestSession]:
    """Sessions of a few tests, whose attempts fail, recover and repeat themselves in any way."""
    now = datetime(2026, 11, 1, 12, tzinfo=UTC)
    attempt = st.builds(
        TestResult,
        nodeid=st.sampled_from(["t.py::test_x", "t.py::test_y", "t.py::test_z"]),
        outcome=st.sampled_from(
            [*TestOutcome, *map(TestOutcome, ("subtests failed", "retried")), TestOutcome.RERUN]
        ),
        start_time=st.just(now),
        duration=st.sampled_from([0.0, 0.1, 0.7]),
        phase=st.sampled_from(["", "teardown"]),
        message=st.sampled_from(["", "KeyError: 'a'", "assert 1 == 2", "assert 1 == 3"]),
        longreprtext=st.sampled_from(["", "E   OSError: no"]),
        worker=st.sampled_from(["", "gw0"]),
    )
    return [
        TestSession(
            f"s{number}",
            draw(st.sampled_from(["api", "api", "web"])),
            now + timedelta(days=draw(st.sampled_from([0, 0, 1, 2, 90_000]))),
            testing_system=draw(st.sampled_from([{}, {"python": "3.12.1", "platform": "Linux-6"}])),
            code_state=draw(
                st.none()
                | st.builds(
                    CodeState, st.sampled_from(["a", "B"]), st.sampled_from(["main", "feature"])
                )
            ),
            test_results=draw(st.lists(attempt, max_size=6)),
        )
        for number in range(draw(st.integers(1, 8)))
    ]


def patterns() -> st.SearchStrategy[str]:
    """What is looked for: the names that sessions often have, wildcards, anything."""
    return st.one_of(st.sampled_from(["a", "a*", "api*", "?", "[ab]", "main", "*"]), names())


def session_filters() -> st.SearchStrategy[filters.SessionFilter]:
    """Any session filter there is."""
    some_time = st.none() | times()
    outcome_sets = st.frozensets(outcomes(), min_size=1, max_size=3)
    return st.one_of(
        st.builds(filters.SutIs, patterns()),
        st.builds(filters.StartedWithin, st.floats(0, 1e10)),
        st.builds(filters.StartedBetween, some_time, some_time),
        st.builds(filters.HasTag, st.sampled_from(["ci", "k"]), st.none() | texts()),
        st.builds(
            filters.SessionIdMatches, st.tuples(patterns()) | st.tuples(patterns(), patterns())
        ),
        st.builds(filters.SessionIdIn, st.frozensets(session_ids(), max_size=4)),
        st.builds(
            filters.TestingSystemIs, st.sampled_from(["host", "python", "plugins.a"]), patterns()
        ),
        st.builds(filters.BranchIs, patterns()),
        st.builds(filters.CommitIs, st.sampled_from(["abc1", "0000", "ffff"])),
        st.builds(filters.InRun, st.sampled_from([None, "1", "[2]"])),
        st.builds(filters.HasOutcome, outcome_sets),
        st.builds(filters.HasWarning, st.booleans()),
        st.builds(filters.HasReruns, st.booleans()),
        st.builds(filters.IsPinned, st.booleans()),
        st.builds(filters.HasNodeidContaining, st.sampled_from(["test_x", "tests/", "\\x00"])),
        st.builds(filters.HasTest, st.lists(result_filters(), max_size=2).map(tuple)),
    )


def result_filters() -> st.SearchStrategy[filters.TestFilter]:
    """Any test filter there is."""
    bound = st.none() | durations()
    fields = st.sampled_from(["nodeid", "longreprtext", "capstdout", "caplog", "worker"])
    return st.one_of(
        st.builds(filters.OutcomeIn, st.frozensets(outcomes(), min_size=1, max_size=3)),
        st.builds(filters.PatternMatches, patterns(), fields, st.just(False)),
        st.builds(
            filters.PatternMatches, st.sampled_from(["test_", "^$", "(?i)A"]), fields, st.just(True)
        ),
        st.builds(filters.NodeidContains, st.sampled_from(["test_x", "[a-", "::"])),
        st.builds(
            filters.NodeidUnder,
            st.lists(st.sampled_from(["tests", "t.py", "tests/a.py::test_x", "\x00"])).map(tuple),
        ),
        st.builds(
            filters.KeywordsMatch,
            st.sampled_from(["TEST_X", "not (i or k)", "\u03c3 or \u00e9", "a or b/ and not ::"]),
        ),
        st.builds(filters.ErrorContains, st.sampled_from(["", "first", "\n"])),
        st.builds(filters.PhaseIs, st.sampled_from(["setup", "call", "teardown"])),
        st.builds(filters.OutputContains, st.sampled_from(["", "first", "="])),
        st.builds(filters.DurationBetween, bound, bound),
        st.builds(filters.TestHasWarning, st.booleans()),
        st.just(filters.Custom(_has_output)),
    )


def selections() -> st.SearchStrategy[filters.Selection]:
    """Sessions and results narrowed by up to two filters each, and a limit."""
    return st.builds(
        filters.Selection,
        session_filters=st.lists(session_filters(), max_size=2).map(tuple),
        test_filters=st.lists(result_filters(), max_size=2).map(tuple),
        limit=st.none() | st.integers(0, 4),
    )


def _has_output(result: TestResult) -> bool:
    return bool(result.capstdout or result.capstderr)
