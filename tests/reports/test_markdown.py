"""A report as Markdown: what it says, that nothing in it is markup of others, how long it is."""

from __future__ import annotations

import re

from pytest_insight._util.markdown import code
from pytest_insight.reports.markdown import MOST_BYTES, markdown
from tests.reports.histories import report, sessions

STEADY = {f"tests/test_steady.py::test_{n}": "......" for n in range(20)}


def test_it_says_what_failed_what_is_not_stable_why_and_what_is_slow() -> None:
    tests = STEADY | {
        "tests/test_pay.py::test_pay[eur]": "..FFFF",
        "tests/test_q.py::test_q": ".F....",
    }
    took = {"tests/test_q.py::test_q": [2.5] * 6}
    text = markdown(report(sessions(tests, took=took, url="https://ci.example.org/7?a=1&b=2")))
    lines = text.splitlines()
    assert lines[0] == "### ❌ <code>shop</code>: 1 of 22 tests failed in the last run"
    assert '<a href="https://ci.example.org/7?a=1&amp;b=2">the CI run</a>' in text
    table = lines.index("| Verdict | Test | Evidence |")
    assert lines[table + 2].startswith(
        "| broken | <code>tests/test_pay.py::test_pay&#91;eur&#93;</code> | 4 runs, since ca1b2c3"
    )
    assert lines[table + 3].startswith("| failed-once | <code>tests/test_q.py::test_q</code> |")
    assert "| 2.50 s | <code>tests/test_q.py::test_q</code> |" in text
    assert (
        "<summary>1 test: <code>TimeoutError: redis</code> at <code>tests/test_pay.py:7</code>"
        in text
    )
    assert "<pre>def test():\n&gt;       pay()\nE       TimeoutError: redis\n" in text


def test_a_cause_says_how_many_of_its_tests_failed_in_the_last_run() -> None:
    text = markdown(report(sessions(STEADY | {"t.py::a": "...EEE", "t.py::b": "..EEE "})))
    assert "<summary>2 tests, 1 of them in the last run: <code>TimeoutError" in text


def test_it_says_that_the_last_run_is_left_out_as_an_incident() -> None:
    tests = {f"tests/test_steady.py::test_{n}": ".....E" for n in range(20)}
    facts = markdown(report(sessions(tests))).splitlines()[2:5]
    assert facts[0].startswith("<code>main</code>, <code>fa1b2c3</code>, 20 errors, 3.00 s")
    assert facts[1].strip() == "the last run is left out as an incident: 20 tests failed"


def test_a_green_run_is_short() -> None:
    text = markdown(report(sessions(STEADY)))
    assert text.startswith("### ✅ <code>shop</code>: all 20 tests passed in the last run\n")
    no_tests = markdown(report(sessions({"t.py::t": ". "})))
    assert no_tests.startswith("### ➖ <code>shop</code>: no test was run in the last run\n")
    assert "<details>" not in text
    assert "Verdict" not in text


def test_names_and_texts_from_outside_are_no_markup() -> None:
    name = "t.py::test[|`<b>*_x_*~~@team #1 [a](http://x.y) www.z.org $a$ \\ \u202e\n# h]"
    assert code(name) == (
        "<code>t.py::test&#91;&#124;&#96;&#60;b&#62;&#42;&#95;x&#95;&#42;&#126;&#126;&#64;team "
        "&#35;1 &#91;a&#93;(http&#58;//x.y) www&#46;z.org &#36;a&#36; &#92; "
        "&#92;u202e&#92;n&#35; h&#93;</code>"
    )
    breakout = "</pre></details>\n\n# heading\n```\n<script>alert(1)</script> @team"
    text = markdown(report(sessions(STEADY | {name: "..FFFF"}, message=breakout, text=breakout)))
    assert text.count("</pre>") == text.count("<pre>") == 1
    assert text.count("</details>") == 1
    assert "<script" not in text
    outside, inside = text.split("<pre>")[0] + text.split("</pre>")[1], text.split("<pre>")[1]
    assert "# heading" in inside
    assert not re.search(r"(?m)^# |@team|`|(?<!\*)\*(?!\*)", outside)


def test_it_is_cut_to_what_github_shows_and_says_how_much_more_there_is() -> None:
    histories = [
        sessions(
            {f"tests/test_{n}.py::test": "F"},
            sut=f"sut-{n:03}",
            message=f"ValueError: {'ü' * 100}",
            text="é" * 9_000,
        )
        for n in range(120)
    ]
    text = markdown(report(*histories))
    assert len(text.encode()) <= MOST_BYTES
    assert len(text.encode()) > MOST_BYTES - 50_000
    shown = text.count("<details>")
    assert f"... {120 - shown:,} more in report.html" in text


def test_the_table_has_at_most_50_tests() -> None:
    tests = {f"tests/test_{n:03}.py::test": f"{'.' * (n % 14)}F".ljust(16, ".") for n in range(150)}
    text = markdown(report(sessions(tests)))
    assert text.count("| failed-once |") == 50
    assert "50 of 150 tests that are not stable." in text
