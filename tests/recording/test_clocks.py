"""Times of results, whatever becomes of the clock during a run."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pytest_insight.storage import JSONStorage

# What a step of the machine's clock, and time-machine, do: whoever has a reference to the function
# gets other times.
_STEPS = """
import time
import _pytest.timing
import pytest

real, offset = time.time, [0.0]
time.time = _pytest.timing.time = lambda: real() + offset[0]

@pytest.fixture
def clock(request):
    offset[0] = request.param
"""
_SUITE = """
import pytest

def test_before(): pass

@pytest.mark.parametrize("clock", [-3600.0, 3600.0, 1e9 - 1.7e9], indirect=True)
def test_steps(clock): pass

@pytest.fixture
def fails(): raise OSError

def test_error(fails): pass

def test_after(): assert 0
"""


def test_results_start_within_their_session_even_if_the_clock_is_set(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeconftest(_STEPS)
    pytester.makepyfile(test_it=_SUITE)
    pytester.runpytest_subprocess("--insight", "-p", "no:cacheprovider")
    (session,) = JSONStorage().load_sessions()
    starts = [each.start_time for each in session.test_results]
    assert len(starts) == 6
    assert starts == sorted(starts)
    assert session.session_start_time <= starts[0]
    assert starts[-1] <= session.session_stop_time
    assert session.session_stop_time - session.session_start_time < timedelta(minutes=30)
