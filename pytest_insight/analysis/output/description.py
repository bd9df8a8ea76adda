"""Verdicts in words: their order, the evidence in a few words, and what was judged."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pytest_insight._util.times import in_local_zone
from pytest_insight.analysis import values as v
from pytest_insight.analysis.values import Since, Timing, Verdict
from pytest_insight.models.text import duration_text, plural

if TYPE_CHECKING:
    from pytest_insight.analysis.incidents import Incident
    from pytest_insight.analysis.results import Judged

NOTABLE_SPEED = 1.1
"""A machine that is slower or faster than usual by this factor is mentioned."""
ARROW = "→"


def rank(verdict: Verdict) -> tuple[int, int, float, str, str]:
    """Return what verdicts are sorted by: the worst first."""
    worst = verdict.verdict == v.NEW_TEST and verdict.bad
    place = 1 if worst else v.VERDICTS.index(verdict.verdict)
    return place, -verdict.bad - verdict.recovered, -verdict.rate.low, verdict.sut, verdict.nodeid


def evidence_text(verdict: Verdict, arrow: str = ARROW) -> str:
    """Return the evidence in a few words: "4 of 15, same code 2 times, 3 causes".

    Args:
        verdict: the verdict.
        arrow: what stands between two durations.
    """
    timing = verdict.timing
    if timing is not None and verdict.verdict in (v.SLOWER, v.FASTER):
        return timing_text(timing, arrow)
    parts = [verdict.detail]
    if verdict.since is not None and verdict.verdict == v.FIXED:
        parts = [f"{verdict.detail} since {since_text(verdict.since)}"]
    if verdict.since is not None and verdict.verdict == v.BROKEN:
        parts.append(f"since {since_text(verdict.since)}")
    if len(verdict.causes) > 1:
        parts.append(plural(len(verdict.causes), "cause"))
    if timing is not None:
        parts.append(f"{'slower' if timing.ratio > 1 else 'faster'}: {timing_text(timing, arrow)}")
    return ", ".join(filter(None, parts))


def timing_text(timing: Timing, arrow: str = ARROW) -> str:
    """Return how a duration changed: "0.6 ms → 121 ms since 8be01d4"."""
    was, now = fine_duration(timing.was), fine_duration(timing.now)
    return f"{was} {arrow} {now} since {since_text(timing.since)}"


def fine_duration(seconds: float) -> str:
    """Return a duration; of a few milliseconds with a decimal, because ratios of them are shown."""
    if 0.0005 <= seconds < 0.00995:
        return f"{seconds * 1000:.1f} ms"
    return duration_text(seconds)


def ratio_text(ratio: float) -> str:
    """Return a ratio: "1.5x", "200x"."""
    return f"{ratio:.1f}x" if ratio < 10 else f"{ratio:,.0f}x"


def since_text(since: Since) -> str:
    """Return the commit, or else the day, at which something began."""
    return since.commit[:7] if since.commit.isalnum() else day_text(since.time)


def day_text(time: datetime) -> str:
    """Return a day in the local time zone: "16 Nov"."""
    return f"{in_local_zone(time):%-d %b}"


def rate_text(verdict: Verdict) -> str:
    """Return the rate of failures with its interval: "27% (11-52%)"."""
    rate = verdict.rate
    return f"{_percent(rate.value)} ({_percent(rate.low)[:-1]}-{_percent(rate.high)})"


def _percent(share: float) -> str:
    return f"{share:.1%}" if 0 < share < 0.1 else f"{share:.0%}"


def last_incident_text(incident: Incident) -> str:
    """Return `incident_text` for a terminal, with what shows the failures."""
    return f"{incident_text(incident)}; see insight failures"


def incident_text(incident: Incident) -> str:
    """Return that the last run is an incident: its failures make no verdicts, and yet are there."""
    return f"the last run is left out as an incident: {plural(incident.tests, 'test')} failed"


def judged_text(judged: Judged) -> str:
    """Return what was judged of a SUT: "16 runs in 18 days, 1 left out (25 tests, one cause)"."""
    sessions = judged.sessions
    days = (sessions[-1].start - sessions[0].start).days + 1
    parts = [f"{plural(len(sessions), 'run')} in {plural(days, 'day')}"]
    if judged.line.branch_point is not None:
        own = sum(session.branch == judged.line.branch for session in sessions)
        if own < len(sessions):
            parts[0] += f", {len(sessions) - own:,} of {judged.line.default_branch} before it"
    if judged.branches:
        parts[0] += ", none of other branches"
    incidents = judged.incidents
    if incidents:
        why = f" ({incidents[0].why})" if len(incidents) == 1 else ""
        parts.append(f"{len(incidents):,} left out{why}")
    speed = judged.speed
    if speed is not None and not 1 / NOTABLE_SPEED < speed < NOTABLE_SPEED:
        kind = f"{speed:.2f}x slower" if speed > 1 else f"{1 / speed:.2f}x faster"
        parts.append(f"the last one on a machine {kind} than usual (removed)")
    return ", ".join(parts)
