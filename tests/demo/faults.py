"""A pytest plugin for the demonstration: makes chosen tests fail or slow, so that runs differ."""

from __future__ import annotations

import os
import time

import pytest

SECONDS = 0.3


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Fail the tests whose name contains `DEMO_FAIL`; take longer in those with `DEMO_SLOW`."""
    slow, fail = os.environ.get("DEMO_SLOW"), os.environ.get("DEMO_FAIL")
    if slow and slow in item.name:
        time.sleep(SECONDS)
    if fail and fail in item.name:
        pytest.fail(f"made to fail for the demonstration: DEMO_FAIL={fail}")
