"""Recorded runs, and the oracle for what they store: the closing line of pytest itself."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Mapping

import hypothesis  # noqa: F401 - its plugin imports it at the end of each run
import pytest

import pytest_insight.recording.github_summary

# A run in this process forgets the modules that it imports: these, and C extensions, must stay.
import pytest_insight.recording.journal.recovery
import pytest_insight.recording.selection
import pytest_insight.recording.setup
import pytest_insight.recording.verdicts.chosen
import pytest_insight.recording.verdicts.report
import pytest_insight.storage.json.storage
import pytest_insight.storage.sql.sqlite.storage  # noqa: F401
from pytest_insight.models import TestSession
from pytest_insight.storage import JSONStorage

NOT_COUNTED = {"deselected", "warning", "warnings"}
_CLOSING = re.compile(r"^=* ?(?P<counts>.*?) in -?\d+\.\d+s(?: \([^)]*\))? ?=*$")


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    """Run pytest in this process, which takes a tenth of the time of a new one.

    Not for suites that kill, fork or patch their process.
    """
    with warnings.catch_warnings():
        warnings.resetwarnings()  # our own settings make errors of warnings
        return pytester.runpytest_inprocess(*options)


def record(
    pytester: pytest.Pytester,
    *options: str,
    env: Mapping[str, str] | None = None,
    in_process: bool = True,
) -> TestSession:
    """Record the suite and return its session; its counts must be those of the closing line."""
    before = set(JSONStorage().session_ids())
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (env or {}).items():
            patch.setenv(name, value)
        if in_process:
            ran = run(pytester, "--insight", *options)
        else:
            ran = pytester.runpytest_subprocess("--insight", *options)
    output = ran.stdout.str() + ran.stderr.str()
    assert "recording failed" not in output
    (session,) = (s for s in JSONStorage().iter_sessions() if s.session_id not in before)
    assert stored_counts(session) == closing_counts(ran.outlines), output
    assert session.exit_status == ran.ret
    return session


def last_session() -> TestSession:
    """Return the newest session of the default store."""
    session = JSONStorage().get_last_session()
    assert session is not None
    return session


def insight_lines(ran: pytest.RunResult) -> list[str]:
    """Return the lines that pytest-insight printed."""
    return [line for line in ran.outlines if line.startswith("insight")]


def closing_counts(lines: list[str]) -> Counter[str]:
    """Return the counts of pytest's closing line: "1 failed, 2 passed in 0.12s"."""
    found = [
        match for line in lines if (match := _CLOSING.match(re.sub(r"\x1b\[[0-9;]*m", "", line)))
    ]
    assert found, f"no closing line in {lines}"
    counts: Counter[str] = Counter()
    for part in found[-1]["counts"].split(", "):
        number, _, word = part.partition(" ")
        if number.isdigit() and word not in NOT_COUNTED:
            counts["error" if word == "errors" else word] += int(number)
    return counts


def stored_counts(session: TestSession) -> Counter[str]:
    """Return the counts of a stored session, by the words of the closing line."""
    return Counter({str(outcome): count for outcome, count in session.outcome_counts.items()})
