"""Each result that did not pass says why: phase, message and place, for all options of pytest."""

from __future__ import annotations

import pytest

from pytest_insight.models import TestResult, TestSession
from tests.recording.runs import record

SUITE = '''
import unittest
import pytest

def documented():
    """
    >>> documented()
    3
    """
    return 2

@pytest.fixture
def broken_setup():
    raise RuntimeError("no server")

@pytest.fixture
def broken_teardown():
    yield
    raise RuntimeError("still open")

def test_assert():
    assert [1, 2] == [1, 3], "lists"

def test_plain_assert():
    assert documented() == 3

def test_many_lines():
    raise ValueError("first\\n\\nsecond\\nthird\\nfourth")

def test_chain():
    try:
        {}["key"]
    except KeyError as exc:
        raise OSError("outer") from exc

def test_setup(broken_setup):
    pass

def test_teardown(broken_teardown):
    pass

def test_missing_fixture(missing):
    pass

@pytest.mark.skip(reason="not today")
def test_marked_skip():
    pass

def test_skip():
    pytest.skip("no database")

@pytest.mark.xfail(reason="known")
def test_xfail():
    assert 0

@pytest.mark.xfail
def test_xfail_without_reason():
    assert 0

@pytest.mark.xfail(reason="fixed?")
def test_xpass():
    pass

@pytest.mark.xfail(strict=True, reason="must fail")
def test_strict_xpass():
    pass

def test_fail():
    pytest.fail("on purpose")

class TestUnit(unittest.TestCase):
    def test_unit(self):
        self.assertEqual(1, 2)
'''

EXPECTED = {
    "test_suite.documented": ("", "DocTestFailure", "test_suite.py:6"),
    "test_assert": (
        "",
        "AssertionError: lists\nassert [1, 2] == [1, 3]\n  At index 1 diff: 2 != 3",
        "test_suite.py:21",
    ),
    "test_plain_assert": ("", "assert 2 == 3\n +  where 2 = documented()", "test_suite.py:24"),
    "test_many_lines": ("", "ValueError: first\nsecond\nthird", "test_suite.py:27"),
    "test_chain": ("", "OSError: outer", "test_suite.py:33"),
    "test_setup": ("setup", "RuntimeError: no server", "test_suite.py:13"),
    "test_teardown": ("teardown", "RuntimeError: still open", "test_suite.py:18"),
    "test_missing_fixture": ("setup", "fixture 'missing' not found", "test_suite.py:41"),
    "test_marked_skip": ("setup", "not today", "test_suite.py:44"),
    "test_skip": ("", "no database", "test_suite.py:49"),
    "test_xfail": ("", "known", "test_suite.py:53"),
    "test_xfail_without_reason": ("", "assert 0", "test_suite.py:57"),
    "test_xpass": ("", "fixed?", ""),
    "test_strict_xpass": ("", "[XPASS(strict)] must fail", ""),
    "test_fail": ("", "Failed: on purpose", "test_suite.py:68"),
    "test_unit": ("", "AssertionError: 1 != 2", "test_suite.py:72"),
}


def reasons(session: TestSession) -> dict[str, tuple[str, str, str]]:
    return {
        result.nodeid.rpartition("::")[2]: _reason(result)
        for result in session.test_results
        if result.outcome != "passed"
    }


def _reason(result: TestResult) -> tuple[str, str, str]:
    crash = result.crash if result.crash.startswith("test_") else ""  # else in the standard library
    return result.phase, result.message, crash


@pytest.mark.parametrize(
    "options", ["", "--tb=no -q", "--tb=native -vv", "--tb=line -n2", "--tb=short -n1 -v"]
)
def test_the_reason_is_pytests_own_whatever_its_options(
    pytester: pytest.Pytester, options: str
) -> None:
    pytester.makepyfile(test_suite=SUITE)
    session = record(
        pytester, "--doctest-modules", *options.split(), in_process="-n" not in options
    )
    expected = dict(EXPECTED)
    if {"--tb=no", "--tb=line"} & set(options.split()):  # pytest reports no frame of the test
        expected["test_unit"] = ("", "AssertionError: 1 != 2", "")
    assert reasons(session) == expected


def test_a_failed_assertion_of_unittest_or_a_mock_is_where_the_project_called_it(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(
        **{
            "checks": "def check(case):\n    case.assertTrue(False, 'no')",
            "lib/test_unit": """
            import json, unittest, unittest.mock
            from checks import check

            class TestUnit(unittest.TestCase):
                def test_helper(self):
                    check(self)

            def test_mock():
                unittest.mock.Mock().assert_called_once()

            def test_dependency():
                json.loads("{")
            """,
        }
    )
    pytester.makeini("[pytest]\npythonpath = .")
    monkeypatch.chdir("lib")  # paths in reports are relative to it, ours to the root folder
    found = {r.nodeid.rpartition("::")[2]: r.crash for r in record(pytester).test_results}
    assert found["test_helper"] == "checks.py:2"
    assert found["test_mock"] == "lib/test_unit.py:9"
    assert "/json/decoder.py:" in found["test_dependency"]


@pytest.mark.parametrize(
    ("module", "message", "crash"),
    [
        ("import missing_module", "ModuleNotFoundError: No module named 'missing_module'", ""),
        ("def x(:", "SyntaxError: invalid syntax", ""),
        ("x = undefined", "NameError: name 'undefined' is not defined", "test_broken.py:1"),
        ("import pytest; pytest.skip('later', allow_module_level=True)", "later", None),
    ],
)
@pytest.mark.parametrize("options", ["", "--tb=native -v"])
def test_a_module_that_cannot_be_collected_says_why(
    pytester: pytest.Pytester, module: str, message: str, crash: str | None, options: str
) -> None:
    pytester.makepyfile(test_broken=module)
    (result,) = record(pytester, *options.split()).test_results
    assert result.message == message
    assert crash is None or result.crash == crash


def test_a_crashed_worker_and_a_subtest_say_why(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import os, unittest

        class TestSub(unittest.TestCase):
            def test_sub(self):
                with self.subTest(n=1):
                    self.assertEqual(1, 2)

        def test_dies():
            os._exit(3)
        """
    )
    found = reasons(record(pytester, "-n1", in_process=False))
    assert found["test_dies"][1].startswith("worker 'gw0' crashed while running 'test_a_crashed")
    assert found["test_sub"][1] == "AssertionError: 1 != 2"


def test_secrets_are_hidden_in_messages_and_places(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_TOKEN", "s3cr3t-value")
    pytester.makepyfile("def test_a(): raise ValueError('got s3cr3t-value')")
    (result,) = record(pytester).test_results
    assert result.message == "ValueError: got ***"


def test_a_long_message_is_cut(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_a(): raise ValueError('x' * 5000)")
    (result,) = record(pytester).test_results
    assert len(result.message) == 1000
