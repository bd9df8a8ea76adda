"""The suite that `foreign_files` records: every outcome, and every name that a format may lose."""

from __future__ import annotations

OUTCOMES = r'''
"""Every outcome, in each phase, with output."""
import logging, os, sys, warnings
import pytest

def speak(where):
    print(f"out of {where}")
    print(f"err of {where}", file=sys.stderr)
    logging.getLogger("shop").warning("log of %s", where)

@pytest.fixture
def spoken():
    speak("setup")
    yield
    speak("teardown")

@pytest.fixture
def broken():
    speak("setup")
    raise RuntimeError("setup is broken")

@pytest.fixture
def breaks():
    yield
    speak("teardown")
    raise RuntimeError("teardown is broken")

def test_passes(): pass

def test_speaks(spoken): speak("call")

def test_warns(): warnings.warn("this is deprecated", DeprecationWarning)

def test_has_properties(record_property):
    record_property("ticket", "SHOP-1")
    record_property("ticket", "SHOP-2")
    record_property("numbers", [1, 2.5])

def test_fails(spoken):
    speak("call")
    assert {"price": 1} == {"price": 2}, "a message\nof two lines"

def test_raises(): {}["missing"]

def test_fails_by_name(): pytest.fail("said so", pytrace=False)

def test_setup_error(broken): pass

def test_teardown_error(breaks): pass

def test_fails_twice(breaks): assert 0, "the call"

@pytest.mark.skip(reason="marked")
def test_skipped_by_mark(): pass

def test_skipped_in_call(spoken): pytest.skip("in the call")  # an outcome to be recorded

@pytest.fixture
def skips(): pytest.skip("in setup")  # an outcome to be recorded

def test_skipped_in_setup(skips): pass

@pytest.mark.xfail(reason="known")  # an outcome to be recorded
def test_xfails(): assert 0

@pytest.mark.xfail(reason="not run", run=False)  # an outcome to be recorded
def test_xfails_not_run(): pass

def test_xfails_by_call(): pytest.xfail("said inside")  # an outcome to be recorded

@pytest.mark.xfail(reason="known")  # an outcome to be recorded
def test_xpasses(): pass

@pytest.mark.xfail(reason="strict", strict=True)  # an outcome to be recorded
def test_xpasses_strictly(): pass

def test_control_characters(): pytest.fail("a bell \a, an escape \x1b[31m, <markup> & ]]>")

@pytest.mark.parametrize("value", ["a/b", "a::b", "a.b", "ü", "a[b]", "x y", "\n"])
def test_parameters(value): pass

class TestClass:
    def test_method(self): pass

    class TestInner:
        def test_method(self): assert 0
'''

FLAKY = r'''
import os, pathlib

def attempt(name):
    """Return how often a test was run, across workers and attempts."""
    path = pathlib.Path(os.environ["ATTEMPTS"], name)
    number = len(path.read_text()) + 1 if path.exists() else 1
    path.write_text("x" * number)
    return number

def test_passes_at_the_third_attempt():
    number = attempt("third")
    print(f"attempt {number}")
    assert number == 3, f"attempt {number} failed"

def test_always_fails():
    number = attempt("never")
    print(f"attempt {number}")
    assert not number, f"attempt {number} failed"
'''

SUBTESTS = r"""
def test_subtests(subtests):
    for number in range(4):
        with subtests.test("number", number=number):
            assert number % 2 == 0

def test_subtests_that_pass(subtests):
    for number in range(2):
        with subtests.test(number=number):
            pass

def test_subtests_and_a_failure(subtests):
    with subtests.test("inside"):
        assert 0, "the subtest"
    assert 0, "the test itself"
"""

CRASH = r"""
import os, pytest

@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="it would end the run")
def test_kills_its_worker(): os._exit(3)
"""

SUITE = {
    "pytest.ini": "[pytest]\njunit_duration_report = total\n",
    "conftest.py": "",
    "tests/test_outcomes.py": OUTCOMES,
    "tests/sub.dir/test_dotted.py": "def test_in_a_dotted_folder(): pass\n",
    "tests/sub.dir/checks_test.py": "class TestIt:\n    def test_suffix(self): pass\n",
    "tests/we[ird/test_bracket.py": "def test_in_a_bracket(): pass\n",
    "tests/base.py": "class Base:\n    def test_inherited(self): pass\n",
    "tests/test_kid.py": (
        "import sys, pathlib\nsys.path.insert(0, str(pathlib.Path(__file__).parent))\n"
        "from base import Base\nclass TestKid(Base): pass\n"
    ),
    "tests/notes.txt": ">>> 1 + 1\n2\n",
    "tests/test_collection_error.py": "import nothing_of_that_name\n",
    "tests/test_collection_skip.py": (
        "import pytest\n"
        'pytest.skip("the whole module", allow_module_level=True)  # an outcome to be recorded\n'
    ),
}
"""The files of the suite, by path."""
