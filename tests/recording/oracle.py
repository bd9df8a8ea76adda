"""The oracle: pytest's own closing line, read and compared with what was stored."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

import pytest

from pytest_insight.models import TestSession
from pytest_insight.storage import JSONStorage

NOT_COUNTED = {"deselected", "warning", "warnings"}
_CLOSING = re.compile(r"^=* ?(?P<counts>.*?) in \d+\.\d+s(?: \([0-9:]+\))? ?=*$")


def closing_counts(lines: list[str]) -> Counter[str]:
    """The counts of pytest's closing line: "1 failed, 2 passed in 0.12s"."""
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
    """What was stored, by the closing line's words."""
    return Counter({str(outcome): count for outcome, count in session.outcome_counts.items()})


def recorded(
    pytester: pytest.Pytester, *options: str, env: Mapping[str, str] | None = None
) -> TestSession:
    """Record the suite that was made, and hold the stored counts against the closing line's."""
    before = set(JSONStorage().session_ids())
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (env or {}).items():
            patch.setenv(name, value)
        ran = pytester.runpytest_subprocess("--insight", *options)
    said = ran.stdout.str() + ran.stderr.str()
    assert "recording failed" not in said
    (session,) = (s for s in JSONStorage().iter_sessions() if s.session_id not in before)
    assert stored_counts(session) == closing_counts(ran.outlines), said
    assert session.exit_status == ran.ret
    return session
