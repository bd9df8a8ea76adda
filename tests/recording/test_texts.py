"""What is kept of the texts of a run: whose output, how much of it, and no secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_insight.models import TestResult, TestSession
from pytest_insight.recording.redaction import TextPolicy
from tests.recording.runs import last_session, record

SECRET = "hunter2-hunter2"
CHATTY = """
import logging, sys
import pytest

@pytest.fixture
def chatty():
    print("setup out"); print("setup err", file=sys.stderr); logging.getLogger().error("setup log")
    yield
    print("teardown out")

def test_passes(chatty):
    print("call out")

def test_fails(chatty):
    print("call out"); print("call err", file=sys.stderr); logging.getLogger().error("call log")
    assert 0

@pytest.mark.skip
def test_skipped(): pass

def test_skips(chatty):
    print("call out")
    pytest.skip("now")

@pytest.mark.xfail
def test_xfails(chatty):
    print("call out")
    assert 0
"""


def by_name(session: TestSession) -> dict[str, TestResult]:
    return {r.nodeid.partition("::")[2]: r for r in session.test_results}


def texts_of(result: TestResult) -> list[str]:
    return [text for text in (result.capstdout, result.capstderr, result.caplog) if text]


def test_output_is_kept_of_tests_that_did_not_pass_with_that_of_setup_and_teardown(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(test_it=CHATTY)
    results = by_name(record(pytester))
    assert texts_of(results["test_passes"]) == []
    assert texts_of(results["test_skipped"]) == []
    for name in ("test_fails", "test_skips", "test_xfails"):
        assert results[name].capstdout == "setup out\ncall out\nteardown out\n"
    failed = results["test_fails"]
    assert failed.capstderr == "setup err\ncall err\n"
    assert re.findall(r"\w+ log", failed.caplog) == ["setup log", "call log"]


def test_output_of_all_tests_is_kept_on_demand(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=CHATTY)
    results = by_name(record(pytester, "-o", "insight_capture=all"))
    assert results["test_passes"].capstdout == "setup out\ncall out\nteardown out\n"
    assert results["test_passes"].capstderr == "setup err\n"


def test_output_of_no_test_is_kept_on_demand(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=CHATTY)
    session = record(pytester, "-o", "insight_capture=none")
    assert [texts_of(result) for result in session.test_results] == [[]] * 5
    assert "assert 0" in by_name(session)["test_fails"].longreprtext


def test_each_attempt_of_a_test_that_is_run_again_has_its_own_output(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        test_it="""
        attempts = []
        def test_it():
            attempts.append(1)
            print("attempt", len(attempts))
            assert len(attempts) == 3
        """
    )
    session = record(pytester, "--reruns", "2", "-o", "insight_capture=all")
    assert [r.capstdout for r in session.test_results] == [
        "attempt 1\n",
        "attempt 2\n",
        "attempt 3\n",
    ]


def test_a_long_text_keeps_its_head_and_its_tail_and_says_what_is_missing(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        test_it="""
        def test_it(record_property):
            record_property("long", ["y" * 500])
            print("a" * 500 + "b" * 500)
            raise ValueError("c" * 500)
        """
    )
    (result,) = record(pytester, "-o", "insight_max_output=100").test_results
    assert result.capstdout == f"{'a' * 50}\n[... 901 characters left out ...]\n{'b' * 49}\n"
    assert re.search(r"\n\[... \d+ characters left out ...\]\n", result.longreprtext)
    assert result.longreprtext.endswith("ValueError")  # where pytest's text ends
    assert result.properties[0][1][0].count("y") == 100


def test_facts_are_never_cut(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(): pass")
    whole = record(pytester, "--insight-tag", "key=value").testing_system
    session = record(pytester, "-o", "insight_max_output=1", "--insight-tag", "key=value")
    assert session.testing_system == whole
    assert session.session_tags == {"key": "value"}


def test_sixty_four_kibi_characters_are_kept_by_default(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_whole():
            print("a" * 65535)
            assert 0
        def test_cut():
            print("a" * 65536)
            assert 0
        """
    )
    whole, cut = record(pytester).test_results
    assert whole.capstdout == "a" * 65535 + "\n"
    assert "[... 1 characters left out ...]" in cut.capstdout


@given(st.text("ab", max_size=60), st.integers(0, 40))
def test_what_is_kept_is_never_more_than_allowed(text: str, limit: int) -> None:
    cleaned = TextPolicy(max_output=limit).clean(text)
    head, said, tail = cleaned.partition(f"\n[... {len(text) - limit} characters left out ...]\n")
    assert bool(said) == (len(text) > limit)
    assert len(head + tail) == min(len(text), limit)
    assert text.startswith(head)
    assert text.endswith(tail)


def test_patterns_are_hidden_too(pytester: pytest.Pytester) -> None:
    pytester.makeini(
        r"""
        [pytest]
        insight_redact =
            (?i)card \d{4}-\d{4}
            (?P<quote>['"])sesame(?P=quote)
            (a)(b)\2\1
            z*
        """
    )
    pytester.makepyfile(
        test_it="def test_it():\n    print('CARD 1234-5678 \"sesame\" abba abab')\n    assert 0"
    )
    (result,) = record(pytester, "--insight-tag", "card=Card 1111-2222").test_results
    assert result.capstdout == "*** *** *** abab\n"
    assert last_session().session_tags == {"card": "***"}


@given(st.data())
def test_a_value_keeps_its_shape(data: st.DataObject) -> None:
    leaves = st.none() | st.booleans() | st.integers() | st.sampled_from([SECRET, f"a {SECRET} b"])
    shape = st.recursive(
        leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text("ab"), inner), max_leaves=9
    )
    value = data.draw(shape)
    redacted = TextPolicy(secrets=[SECRET]).redact(value)
    assert SECRET not in json.dumps(redacted)
    assert [type(leaf) for leaf in walk(redacted)] == [type(leaf) for leaf in walk(value)]


def walk(value: Any) -> Iterator[Any]:
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in inner:
        yield from walk(item)


@pytest.mark.parametrize("capture", ["failed", "all"])
def test_the_error_of_a_teardown_has_the_output_that_its_pass_did_not_keep(
    pytester: pytest.Pytester, capture: str
) -> None:
    pytester.makeini(f"[pytest]\ninsight_capture = {capture}")
    pytester.makepyfile(
        """
        import pytest
        @pytest.fixture
        def thing():
            print("in setup")
            yield
            print("in teardown")
            raise RuntimeError
        def test_it(thing): print("in call")
        """
    )
    passed, error = record(pytester).test_results
    outputs = (passed.capstdout, error.capstdout)
    if capture == "all":
        assert outputs == ("in setup\nin call\n", "in teardown\n")
    else:
        assert outputs == ("", "in setup\nin call\nin teardown\n")
