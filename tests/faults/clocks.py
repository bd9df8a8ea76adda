"""Save sessions that start now by the clock of this process, which may be wrong.

`python -m tests.faults.clocks PREFIX PLACE...`: to each place, a path or a URL. Prints each ID once
it is saved everywhere.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from pytest_insight.models import TestOutcome, TestResult, TestSession
from tests.faults.databases import opened

SAVES = 15


def main(prefix: str, *places: str) -> None:
    """Save the sessions."""
    storages = [opened(place) for place in places]
    for number in range(SAVES):
        now = datetime.now(UTC)
        if number % 5 == 0:  # some start at the same moment
            now = now.replace(minute=0, second=0, microsecond=0)
        result = TestResult("tests/test_it.py::test_it", TestOutcome.PASSED, now, 0.5)
        session = TestSession(
            f"{prefix}-{number}", "clock", now, session_duration=1, test_results=(result,)
        )
        for storage in storages:
            storage.save_session(session)
        print(session.session_id, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
