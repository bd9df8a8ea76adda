"""The tests that `plugins` records under each plugin: one suite for all, and a few for each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

PYTEST = "pytest==9.2.0"
XDIST = "pytest-xdist==3.8.0"
TWO_WORKERS = ("-n", "2")


class Plugin(NamedTuple):
    """A plugin, and how it is tried.

    Attributes:
        requirement: the distribution on PyPI, exactly this version.
        needs: what else is installed.
        ways: with which options the tests are run, one time each.
        files: files beside the common suite, by name.
        replaces_line: whether it prints no closing line as pytest's; then pytest's counts are
            those of a second run, without plugins.
        kills: options of a way that ends the process in the middle of a test; then pytest's
            counts are those of a second run, and one error for that test.
        finished: options that select the tests that finish before.
        pytest: the version that it is tried with.
    """

    requirement: str
    needs: tuple[str, ...] = ()
    ways: tuple[tuple[str, ...], ...] = ((),)
    files: Mapping[str, str] = MappingProxyType({})
    replaces_line: bool = False
    kills: tuple[str, ...] | None = None
    finished: tuple[str, ...] = ()
    pytest: str = PYTEST

    @property
    def name(self) -> str:
        """The name of the distribution."""
        return self.requirement.partition("==")[0]


COMMON = {
    "pytest.ini": "[pytest]\n",
    "test_broken.py": "import nothing_of_that_name\n",
    "test_left_out.py": """
import pytest
pytest.skip("a module that is skipped counts once", allow_module_level=True)  # to be stored
""",
    "test_common.py": """
import logging, sys, unittest, warnings
import pytest

def test_passes(): pass

def test_prints():
    print("out"); print("err", file=sys.stderr); logging.warning("log")

def test_fails():
    print("out"); logging.warning("log")
    assert 0

def test_skips(): pytest.skip("in the body")  # an outcome to be stored

@pytest.mark.skip(reason="marked")
def test_skipped(): pass

@pytest.mark.xfail
def test_xfails(): assert 0

@pytest.mark.xfail
def test_xpasses(): pass

@pytest.mark.xfail(strict=True)  # an outcome to be stored
def test_xpasses_strictly(): pass

@pytest.fixture
def broken(): raise RuntimeError("setup")

def test_error_in_setup(broken): pass

@pytest.fixture
def late():
    yield
    raise RuntimeError("teardown")

def test_error_in_teardown(late): pass

def test_fails_twice(late): assert 0

@pytest.fixture(scope="module")
def shared():
    yield 1
    raise RuntimeError("teardown of the module")

@pytest.mark.parametrize("number", range(4))
def test_parameters(number, shared): assert number != 2

@pytest.mark.parametrize("text", ["a b", "a::b", "[x]", "a@b", "\\u00fc"])
def test_odd_parameters(text): pass

def test_warns(): warnings.warn("careful")

def test_subtests(subtests):
    for number in range(3):
        with subtests.test("odd", number=number):
            assert number % 2 == 0

class TestCase(unittest.TestCase):
    def test_subtest(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertEqual(number % 2, 0)

    @unittest.expectedFailure
    def test_expected(self): self.fail("expected")

    @unittest.skip("skipped")
    def test_skipped(self): pass

def test_properties(record_property): record_property("key", "value")
""",
}

ASYNC = """
import asyncio, pytest

@pytest.fixture
async def broken(): raise RuntimeError

@pytest.fixture
async def late():
    yield 1
    raise RuntimeError

async def test_passes(): await asyncio.sleep(0)

async def test_fails():
    print("out")
    await asyncio.sleep(0)
    assert 0

async def test_setup(broken): pass

async def test_teardown(late): pass

@pytest.mark.xfail
async def test_xfails(): assert 0

async def test_skips(): pytest.skip("in the body")  # an outcome to be stored
"""

RETRIED = """
import itertools, pytest

attempts, more_attempts, setups = itertools.count(), itertools.count(), itertools.count()

@pytest.mark.flaky({mark})
def test_flaky():
    print("attempt")
    assert next(attempts) == 1

@pytest.mark.flaky({mark})
def test_never():
    print("attempt")
    assert 0

@pytest.mark.flaky({mark})
@pytest.mark.parametrize("number", range(2))
def test_parameters(number): assert number

@pytest.mark.flaky({mark})
def test_retried_subtests(subtests):
    attempt = next(more_attempts)
    with subtests.test("good"): pass
    with subtests.test("bad"): assert attempt
    assert attempt

@pytest.fixture
def shaky(): assert next(setups)

@pytest.mark.flaky({mark})
def test_retried_setup(shaky): pass

@pytest.fixture
def late():
    yield
    raise RuntimeError

@pytest.mark.flaky({mark})
def test_retried_teardown(late): pass

@pytest.mark.flaky({mark})
def test_fails_with_teardown(late): assert 0

@pytest.mark.flaky({mark})
@pytest.mark.xfail
def test_retried_xfail(): assert 0  # an outcome to be stored

@pytest.mark.flaky({mark})
def test_retried_skip(): pytest.skip("not retried")  # an outcome to be stored
"""

CRASHES = """
import os, signal, pytest

def test_before(): pass

def test_exits(): os._exit(1)

def test_is_killed(): os.kill(os.getpid(), signal.SIGKILL)

@pytest.mark.xfail
def test_expected_crash(): os._exit(1)

def test_after(): pass
"""

SLOW = """
import time, pytest

def test_0_before(): pass

@pytest.mark.timeout(0.5)
def test_1_slow(): time.sleep(20)

@pytest.fixture
def slow(): time.sleep(20)

@pytest.mark.timeout(0.5)
def test_2_slow_setup(slow): pass

def test_3_after(): pass
"""

CHECKS = """
import pytest
from pytest_check import check

def test_both():
    check.equal(1, 2)
    check.equal(3, 4)

def test_block():
    with check: assert 0
    with check: assert 1

def test_check_and_assert():
    check.equal(1, 2)
    assert 0

@pytest.mark.xfail
def test_expected(): check.equal(1, 2)

@pytest.mark.xfail(strict=True)  # an outcome to be stored
def test_strict(): check.equal(1, 1)

@pytest.fixture
def in_setup(): check.equal(1, 2)
def test_setup(in_setup): pass

@pytest.fixture
def in_teardown():
    yield
    check.equal(1, 2)
def test_teardown(in_teardown): pass

def test_subtest(subtests):
    with subtests.test("checked"): check.equal(1, 2)

def test_skips():
    check.equal(1, 2)
    pytest.skip("after a failed check")  # an outcome to be stored

def test_passes(): check.equal(1, 1)
"""

FEATURE = """
Feature: counting
    Scenario: a pass
        Given the number 1
        Then it is 1

    Scenario: a failure
        Given the number 1
        Then it is 2

    Scenario: a missing step
        Given nothing at all

    Scenario Outline: an outline
        Given the number <given>
        Then it is <wanted>

        Examples:
        | given | wanted |
        | 1     | 1      |
        | 1     | 3      |
"""

SCENARIOS = """
import pytest
from pytest_bdd import given, parsers, scenarios, then

scenarios("count.feature")

@given(parsers.parse("the number {number:d}"), target_fixture="number")
def _(number): return number

@then(parsers.parse("it is {wanted:d}"))
def _(number, wanted): assert number == wanted
"""

DATABASE = """
import pytest
from django.contrib.auth.models import User
from django.test import TestCase, TransactionTestCase

@pytest.mark.django_db
def test_writes():
    User.objects.create(username="a")
    assert User.objects.count() == 1

@pytest.mark.django_db
def test_fails(): assert User.objects.count() == 1

def test_is_refused(): User.objects.count()

@pytest.mark.django_db(transaction=True)
def test_commits(): User.objects.create(username="a")

class TestUsers(TestCase):
    @classmethod
    def setUpTestData(cls): User.objects.create(username="b")
    def test_one(self): self.assertEqual(User.objects.count(), 1)
    def test_subtests(self):
        for number in range(3):
            with self.subTest(number=number): self.assertEqual(User.objects.count(), number)

class TestSetUp(TransactionTestCase):
    def setUp(self): raise RuntimeError
    def test_it(self): pass
"""

GROUPS = """
import pytest

@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("text", ["a@b", "c"])
def test_grouped(text): assert text == "c"

@pytest.mark.xdist_group(name="two")
class TestGroup:
    def test_a(self): pass
    def test_b(self): assert 0
"""

TRAVELS = """
import datetime, time, pytest, time_machine

@pytest.fixture
def long_ago():
    with time_machine.travel(datetime.datetime(2001, 1, 1), tick=False): yield

@pytest.fixture(scope="module")
def far_ahead():
    with time_machine.travel(datetime.datetime(2099, 1, 1)): yield

def test_fixture(long_ago): assert time.time() < 1e9
def test_fixture_fails(long_ago): assert 0

def test_in_the_future(far_ahead): assert time.time() > 4e9
def test_in_the_future_fails(far_ahead): assert 0

@time_machine.travel("1970-01-02", tick=False)
def test_decorated(): pass

def test_moves(time_machine):
    time_machine.move_to(datetime.datetime(2150, 1, 1))
    assert 0

def test_for_good():
    traveller = time_machine.travel(datetime.datetime(2010, 1, 1))
    traveller.start()

def test_later(): assert 0
"""

FROZEN = """
import datetime, time, pytest
from freezegun import freeze_time

@pytest.fixture
def frozen():
    with freeze_time("2001-01-01") as clock: yield clock

@pytest.fixture(scope="module")
def far_ahead():
    with freeze_time("2099-01-01", tick=True): yield

def test_fixture(frozen): assert time.time() < 1e9
def test_fixture_fails(frozen): assert 0

def test_in_the_future(far_ahead): assert time.time() > 4e9
def test_in_the_future_fails(far_ahead): assert 0

@freeze_time("1970-01-02")
def test_decorated(): pass

def test_ticks(frozen):
    frozen.tick(datetime.timedelta(days=3650))
    assert 0

def test_for_good(): freeze_time("2010-01-01").start()

def test_later(): assert 0
"""

PLUGINS = (
    Plugin(
        "pytest-retry==1.7.0",
        (XDIST,),
        (
            (),
            # pytest-retry retries a unittest.TestCase with subtests for ever.
            ("--retries=2", "--deselect=test_common.py::TestCase::test_subtest"),
            TWO_WORKERS,
        ),
        {"test_own.py": RETRIED.format(mark="retries=2")},
    ),
    Plugin(
        "pytest-forked==1.7.5",
        (XDIST, "pytest-subtests==0.15.0"),
        (("--forked",), ("--forked", *TWO_WORKERS)),
        {"test_own.py": CRASHES},
        pytest="pytest==8.4.2",  # with 9.2 every forked test fails, also without us
    ),
    Plugin("pytest-check==3.0.3", (), ((), ("-x",)), {"test_own.py": CHECKS}),
    Plugin(
        XDIST,
        (),
        (
            *((*TWO_WORKERS, "--dist", how) for how in ("load", "loadgroup", "worksteal")),
            *((*TWO_WORKERS, "--dist", how) for how in ("loadfile", "loadscope")),
            ("--dist", "each", "--tx", "2*popen"),
        ),
        {"test_own.py": GROUPS},
    ),
    Plugin("pytest-tldr==0.2.6", (), ((), ("-v",)), replaces_line=True),
    Plugin("time-machine==3.6.0", (), ((),), {"test_own.py": TRAVELS}),
    Plugin("freezegun==1.5.5", (), ((),), {"test_own.py": FROZEN}),
    Plugin(
        "pytest-rerunfailures==16.7",
        (XDIST,),
        ((), ("--reruns", "1"), TWO_WORKERS),
        {"test_own.py": RETRIED.format(mark="reruns=2")},
    ),
    Plugin(
        "flaky==3.8.1",
        (),
        ((), ("--force-flaky", "--max-runs=2")),
        {"test_own.py": RETRIED.format(mark="max_runs=3")},
    ),
    Plugin(
        "pytest-asyncio==1.5.0",
        (),
        (("-o", "asyncio_mode=auto"),),
        {"test_own.py": ASYNC},
    ),
    Plugin(
        "anyio==4.16.0",
        ("trio==0.35.0",),
        (("-o", "anyio_mode=auto"),),
        {"test_own.py": ASYNC.replace("asyncio", "anyio")},
    ),
    Plugin(
        "pytest-timeout==2.4.0",
        (),
        (("--timeout-method=signal",), ("--timeout-method=thread",)),
        {"test_own.py": SLOW},
        kills=("--timeout-method=thread",),
        finished=("-k", "not slow and not after"),
    ),
    Plugin("pytest-repeat==0.9.4", (), (("--count=2",), ("--count=2", "--repeat-scope=session"))),
    Plugin(
        "pytest-bdd==9.0.1",
        (),
        ((), ("--gherkin-terminal-reporter", "-v")),
        {"test_own.py": SCENARIOS, "count.feature": FEATURE},
    ),
    Plugin("pytest-randomly==5.1.0", (XDIST,), ((), TWO_WORKERS)),
    Plugin("pytest-sugar==1.1.1", (), replaces_line=True),
    Plugin("pytest-rich==0.3.0", (), (("--rich",),), replaces_line=True),
    Plugin("pytest-cov==7.1.0", (XDIST,), (("--cov=.",), ("--cov=.", *TWO_WORKERS))),
    Plugin("pytest-split==0.11.0", (), (("--splits=2", "--group=1"),)),
    Plugin("pytest-html==4.2.0", (), (("--html=report.html", "--self-contained-html"),)),
    Plugin("allure-pytest==2.16.2", (), (("--alluredir=allure",),)),
    Plugin(
        "pytest-django==4.14.0",
        ("django~=5.2.0",),  # the last one for Python 3.11
        (("--ds=settings",),),
        {
            "test_own.py": DATABASE,
            "settings.py": """
SECRET_KEY = "x"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
""",
        },
    ),
    Plugin("pytest-ruff==0.5", ("ruff==0.17.5",), (("--ruff",),)),
    Plugin("pytest-instafail==0.5.0", (), (("--instafail",),)),
)
