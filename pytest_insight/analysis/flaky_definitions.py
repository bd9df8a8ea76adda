"""Single rules by which tests can be called flaky, each without the others.

The verdict `flaky` follows from the first two; what other programs call flaky is often the third.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Sequence

from pytest_insight.analysis.compact_runs import NumberedSessions, compact
from pytest_insight.analysis.rules import find_flaky_evidence
from pytest_insight.analysis.runs import Run
from pytest_insight.analysis.segments import find_segments


class Definition(enum.StrEnum):
    """A rule.

    "same-code": good and bad runs of one code state and environment. "rerun": it passed when run
    again in the same session. "segments": the last part of its history in which the rate of
    failures did not change has both good runs and at least 2 bad ones.
    """

    SAME_CODE = "same-code"
    RERUN = "rerun"
    SEGMENTS = "segments"


def flaky_evidence(
    definition: Definition, runs: Sequence[Run], line: Collection[str], left_out: Collection[str]
) -> list[Run]:
    """Return the runs that show that a test is flaky by a definition; empty if it is not.

    Args:
        definition: the rule.
        runs: of the test on all branches, in time order.
        line: the IDs of the sessions that are judged; "segments" looks at no others.
        left_out: the IDs of the sessions whose runs do not count.
    """
    counted = [run for run in runs if run.session.session_id not in left_out]
    if definition is Definition.RERUN:
        return [run for run in counted if run.is_recovered]
    if definition is Definition.SAME_CODE:
        found = [run for run in counted if not run.is_recovered]
        sessions = NumberedSessions([run.session for run in found])
        return [found[number] for number in find_flaky_evidence(sessions, compact(found))[0]]
    decided = [run for run in counted if run.is_decided and run.session.session_id in line]
    segments = find_segments([run.is_bad for run in decided])
    if not segments or not 2 <= segments[-1].bad < segments[-1].runs:
        return []
    return [run for run in decided[segments[-1].first :] if run.is_bad]
