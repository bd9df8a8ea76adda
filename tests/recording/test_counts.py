"""For any run, what is stored gives exactly the numbers of pytest's closing line."""

from __future__ import annotations

import pytest

from pytest_insight.models import TestSession
from pytest_insight.storage import JSONStorage
from tests.recording.runs import record, run

SCENARIOS = {
    "skips": """
        import pytest
        @pytest.mark.skip
        def test_mark(): pass
        @pytest.mark.skipif(True, reason="so")
        class TestClass:
            def test_in_class(self): pass
        @pytest.fixture
        def skips(): pytest.skip(reason="a skip in setup counts")
        def test_setup(skips): pass
        def test_body(): pytest.skip(reason="a skip in the body counts")
        def test_import(): pytest.importorskip("nothing_of_that_name")
        @pytest.fixture
        def skips_late():
            yield
            pytest.skip(reason="a skip in teardown counts")
        def test_teardown(skips_late): pass
        """,
    "module skip": """
        import pytest
        pytest.skip(reason="a skipped module counts once", allow_module_level=True)
        def test_it(): pass
        """,
    "xfail": """
        import pytest
        @pytest.mark.xfail
        def test_fails(): assert 0
        @pytest.mark.xfail
        def test_passes(): pass
        @pytest.mark.xfail(run=False, reason="what is not run counts as xfailed")
        def test_not_run(): assert 0
        @pytest.mark.xfail(strict=True, reason="a strict one that passes has failed")
        def test_strict(): pass
        @pytest.mark.xfail(raises=KeyError, reason="another error is a failure")
        def test_other_error(): assert 0
        @pytest.mark.xfail(raises=AssertionError, reason="the expected error counts")
        def test_expected_error(): assert 0
        def test_imperative(): pytest.xfail(reason="said inside the test, it counts too")
        @pytest.fixture
        def broken(): raise RuntimeError
        @pytest.mark.xfail
        def test_setup(broken): pass
        @pytest.fixture
        def breaks():
            yield
            raise RuntimeError
        @pytest.mark.xfail
        def test_teardown(breaks): pass
        """,
    "errors in fixtures": """
        import pytest
        @pytest.fixture(scope="session")
        def session(): raise RuntimeError
        @pytest.fixture(scope="module")
        def module():
            yield
            raise RuntimeError
        @pytest.fixture(scope="class")
        def klass(): raise RuntimeError
        def test_1(session): pass
        def test_2(session): pass
        def test_3(module): assert 0
        class TestIt:
            def test_4(self, klass, module): pass
            def test_5(self, klass): pass
        @pytest.fixture
        def late():
            yield
            raise RuntimeError
        def test_6(late): pass
        def test_7(late): assert 0
        def test_8(late, request):
            request.addfinalizer(lambda: 1 / 0)
        """,
    "odd ids": r"""
        import pytest
        @pytest.mark.parametrize("x", ["a::b", "[", "]", "a b", "a\nb", "\u00fc", "[red]x[/red]",
            "\udc80", "\x00", "\x1b[31m", "\u202e", "a/b", "x" * 300, ""])
        def test_it(x): assert x != "["
        """,
    "unittest": """
        import unittest
        class TestIt(unittest.TestCase):
            def test_pass(self): pass
            def test_fail(self): self.fail("x")
            @unittest.skip("so")
            def test_skip(self): pass
            @unittest.expectedFailure
            def test_expected(self): self.fail("x")
            @unittest.expectedFailure
            def test_unexpected(self): pass
            def test_sub(self):
                for n in range(4):
                    with self.subTest(n=n):
                        self.assertNotEqual(n % 2, 1)
        class TestBroken(unittest.TestCase):
            @classmethod
            def setUpClass(cls): raise RuntimeError
            def test_it(self): pass
        """,
    "nothing": "def helper(): pass",
    "patched clocks": """
        import datetime, os, time
        def test_time(monkeypatch):
            monkeypatch.setattr(time, "time", lambda: 0.0)
            monkeypatch.setattr(time, "perf_counter", lambda: 0.0)
        def test_for_good():
            time.time = lambda: 5.0
            class Fake(datetime.datetime):
                @classmethod
                def fromtimestamp(cls, *a): raise RuntimeError("patched")
                @classmethod
                def now(cls, *a): raise RuntimeError("patched")
            datetime.datetime = Fake
        def test_later(): pass
        """,
    "moved home and folder": """
        import os
        def test_moves(tmp_path):
            os.environ["HOME"] = str(tmp_path / "elsewhere")
            os.environ["PYTEST_INSIGHT_HOME"] = str(tmp_path / "nowhere")
            os.chdir(tmp_path)
        def test_after(): assert 0
        """,
    "odd properties": """
        class Odd:
            def __repr__(self): raise RuntimeError("no repr")
        def test_it(request, record_property):
            record_property("odd", Odd())
            record_property(3, float("nan"))
            record_property("set", {1, 2})
            record_property("text", "\\udc80")
            request.node.user_properties.append("no pair")
            request.node.user_properties.append(("a", "b", "c"))
        """,
    "warnings": """
        import warnings
        def test_it(): warnings.warn("careful")
        def test_other(): pass
        """,
    "exit": """
        import pytest
        def test_before(): pass
        def test_exits(): pytest.exit("enough", returncode=7)
        def test_after(): pass
        """,
}

CHANGE_PROCESS = {"patched clocks", "moved home and folder"}


@pytest.mark.parametrize("name", SCENARIOS)
def test_stored_counts_are_those_of_the_closing_line(pytester: pytest.Pytester, name: str) -> None:
    pytester.makepyfile(test_it=SCENARIOS[name])
    record(pytester, in_process=name not in CHANGE_PROCESS)


@pytest.mark.parametrize(
    "options",
    [
        ["-x"],
        ["--maxfail=2"],
        ["-k", "1 or 4"],
        ["-q"],
        ["-v", "--color=yes"],
        ["-W", "error"],
        ["--runxfail"],
        ["--setup-show"],
        ["-p", "no:warnings"],
        ["-p", "no:cacheprovider", "--capture=no"],
        ["-n", "2"],
        ["-n", "0"],
    ],
    ids=" ".join,
)
def test_options_of_pytest_do_not_change_that(
    pytester: pytest.Pytester, options: list[str]
) -> None:
    pytester.makepyfile(test_it=SCENARIOS["errors in fixtures"], test_x=SCENARIOS["xfail"])
    record(pytester, *options, in_process="-n" not in options)


def test_files_that_cannot_be_collected_count(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_broken="import nothing_of_that_name",
        test_syntax="def (",
        test_absent="import pytest; pytest.importorskip('nothing_of_that_name')",
        test_fine="def test_it(): pass",
    )
    record(pytester)
    session = record(pytester, "--continue-on-collection-errors")
    assert {r.nodeid: str(r.outcome) for r in session.test_results} == {
        "test_broken.py": "error",
        "test_syntax.py": "error",
        "test_absent.py": "skipped",
        "test_fine.py::test_it": "passed",
    }


def test_doctests_count(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(module='"""\n>>> 1 + 1\n2\n>>> 1 + 1\n3\n"""')
    record(pytester, "--doctest-modules")


def test_the_failed_ones_of_last_time_count(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it="def test_a(): assert 0\ndef test_b(): pass")
    record(pytester)
    session = record(pytester, "--last-failed")
    assert len(session.test_results) == 1


def test_a_nodeid_that_runs_several_times_is_kept_each_time(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it="def test_a(): pass\ndef test_b(): assert 0")
    twice = record(pytester, "--keep-duplicates", "test_it.py", "test_it.py")
    assert len(twice.test_results) in (2, 4)  # pytest 8 and 9 differ in what the option does
    each = record(pytester, "-n", "2", "--dist", "each", in_process=False)
    assert len(each.test_results) == 4
    assert {r.worker for r in each.test_results} == {"gw0", "gw1"}
    assert each.rerun_test_groups == []


def test_a_failing_hook_of_another_plugin_costs_only_later_results(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(test_it="def test_a(): pass\ndef test_b(): pass")
    pytester.makeconftest(
        """
        def pytest_runtest_logreport(report):
            if report.nodeid.endswith("b"):
                raise RuntimeError("another plugin's")
        """
    )
    run(pytester, "--insight")
    (session,) = JSONStorage().load_sessions()
    assert session.exit_status == pytest.ExitCode.INTERNAL_ERROR
    assert session.test_results[0].nodeid == "test_it.py::test_a"


def test_an_outcome_that_another_plugin_invents_is_kept_by_its_name(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(test_it="def test_a(): pass\ndef test_b(): pass\ndef test_c(): assert 0")
    pytester.makeconftest(
        """
        def pytest_report_teststatus(report):
            if report.when == "call" and report.nodeid.endswith("a"):
                return "wobbly", "w", "WOBBLY"
        """
    )
    session = record(pytester)
    assert {str(o): n for o, n in session.outcome_counts.items()} == {
        "wobbly": 1,
        "passed": 1,
        "failed": 1,
    }


@pytest.mark.parametrize("options", [["-p", "no:terminal"], ["-qq"]], ids=" ".join)
def test_if_pytest_prints_no_counts_the_same_is_stored(
    pytester: pytest.Pytester, options: list[str]
) -> None:
    pytester.makepyfile(test_it=SCENARIOS["errors in fixtures"], test_x=SCENARIOS["xfail"])
    # Without a terminal, assert statements of pytest 8.0 raise AttributeError.
    same = ("-k", "not test_expected_error")
    told = record(pytester, *same)
    ran = run(pytester, "--insight", *same, *options)
    assert "insight:" not in ran.stdout.str()
    untold = JSONStorage().get_last_session()
    assert untold is not None
    assert untold.session_id != told.session_id
    assert outline(untold) == outline(told)


def test_a_usage_error_stores_nothing(pytester: pytest.Pytester) -> None:
    assert run(pytester, "--insight", "missing.py").ret == 4
    assert run(pytester, "--insight", "--no-such-option").ret == 4
    assert JSONStorage().count() == 0


def test_several_runs_in_one_process_are_several_sessions(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_a="def test_a(): pass")
    main = pytester.makepyfile(
        main="""
        import pytest
        print([int(pytest.main(["--insight", "test_a.py"])) for _ in range(3)])
        """
    )
    assert "[0, 0, 0]" in pytester.runpython(main).stdout.str()
    assert [len(s.test_results) for s in JSONStorage().iter_sessions()] == [1, 1, 1]


def outline(session: TestSession) -> list[tuple[str, str]]:
    return [(r.nodeid, str(r.outcome)) for r in session.test_results]


def test_times_are_right_even_if_tests_patch_the_clocks(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=SCENARIOS["patched clocks"])
    session = record(pytester, in_process=False)
    for result in session.test_results:
        assert session.session_start_time <= result.start_time <= session.session_stop_time


def test_properties_that_json_cannot_hold_are_kept_as_text(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=SCENARIOS["odd properties"])
    (result,) = record(pytester).test_results
    assert [name for name, _ in result.properties] == ["odd", "3", "set", "text", "", ""]
    assert "whose repr() fails" in result.properties[0][1]
    assert result.properties[3][1] == r"\udc80"
