"""Times at the ends of the calendar."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from pytest_insight._util.times import FIRST, LAST, earlier, in_local_zone, in_utc, later
from pytest_insight.cli.options.times import moment
from pytest_insight.models import TestOutcome, TestResult

EAST, WEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))


def test_a_time_outside_the_calendar_in_utc_is_its_first_or_last_moment() -> None:
    assert in_utc(datetime(1, 1, 1, tzinfo=EAST)) == FIRST
    assert in_utc(datetime(9999, 12, 31, 23, tzinfo=WEST)) == LAST
    assert in_utc(datetime(2026, 1, 1, 14, tzinfo=EAST)) == datetime(2026, 1, 1, tzinfo=UTC)


def test_arithmetic_ends_at_the_ends_of_the_calendar() -> None:
    assert later(LAST, 1) == later(FIRST, 1e300) == LAST
    assert earlier(FIRST, 1) == earlier(LAST, 1e300) == FIRST
    assert earlier(later(FIRST, 5), 2) == FIRST + timedelta(seconds=3)
    result = TestResult("a.py::test", TestOutcome.PASSED, LAST, 3.0)
    assert result.stop_time == LAST


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="sets the local time zone")
@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "UTC"])
def test_the_ends_of_the_calendar_exist_in_every_time_zone(
    monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        try:
            assert in_local_zone(FIRST) == FIRST
            assert in_local_zone(LAST) == LAST
            day = timedelta(days=1)
            assert moment("since", "0001-01-01") - FIRST < day
            assert LAST - moment("until", "9999-12-31", end=True) < day
            assert moment("since", "99999999w") == FIRST
        finally:
            patch.undo()
            time.tzset()
