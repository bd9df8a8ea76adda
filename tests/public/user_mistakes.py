# ruff: noqa: F401, I001 - the imports are the mistakes, one on each line
"""Mistakes in user code: mypy and pyright must report each line that is marked as an error."""

from __future__ import annotations

from datetime import datetime

from pytest_insight import Nonsense  # error
from pytest_insight import TestResult, TestSession, get_storage_instance
from pytest_insight.errors import NonsenseError  # error
from pytest_insight.filters import NonsenseFilter  # error
from pytest_insight.models import NonsenseResult  # error
from pytest_insight.query import nonsense  # error
from pytest_insight.query import for_sut
from pytest_insight.storage import NonsenseStorage  # error
from pytest_insight.testing import NonsenseContract  # error


def make_mistakes(start: datetime) -> None:
    for_sut(7)  # error
    for_sut("shop").for_sot("shop")  # error
    for_sut("shop").execute().append(1)  # error
    for_sut("shop").failures(days="7")  # error
    print(for_sut("shop").execute().first().session_id)  # error
    TestResult("tests/test_shop.py::test_pay", 7, start)  # error
    TestSession("shop-4", "shop", "2026-11-09")  # error
    get_storage_instance().save_sesion(1)  # error
