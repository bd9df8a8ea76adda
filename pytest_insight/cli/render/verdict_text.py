"""Verdicts in words: their names in colour, and their evidence."""

from __future__ import annotations

from datetime import datetime

from pytest_insight._util.times import in_local_zone
from pytest_insight.analysis import values as v
from pytest_insight.analysis.values import Since, Timing, Verdict
from pytest_insight.cli.terminal.output import is_fancy, shows_unicode
from pytest_insight.cli.terminal.styled import Styled, styled
from pytest_insight.models.text import duration_text, plural

VERDICTS = (
    *(v.BROKEN, v.NEW_FAILURE, v.FLAKY, v.SUSPECT, v.UNSTABLE_XFAIL, v.FIXED, v.FAILED_ONCE),
    *(v.SLOWER, v.FASTER, v.NEW_TEST, v.TOO_FEW, v.STABLE),
)
"""All verdicts, the worst first."""

_STYLES = {
    v.BROKEN: "red",
    v.NEW_FAILURE: "bold red",
    v.FLAKY: "magenta",
    v.SUSPECT: "yellow",
    v.UNSTABLE_XFAIL: "yellow",
    v.FIXED: "green",
    v.SLOWER: "yellow",
    v.FASTER: "green",
}


def rank(verdict: Verdict) -> tuple[int, int, float, str, str]:
    """Return what verdicts are sorted by: the worst first."""
    worst = verdict.verdict == v.NEW_TEST and verdict.bad
    place = 1 if worst else VERDICTS.index(verdict.verdict)
    return place, -verdict.bad - verdict.recovered, -verdict.rate.low, verdict.sut, verdict.nodeid


def verdict_text(verdict: Verdict) -> Styled:
    """Return the name of a verdict in its colour."""
    style = _STYLES.get(verdict.verdict, "")
    if verdict.verdict == v.NEW_TEST and verdict.bad:
        style = _STYLES[v.NEW_FAILURE]
    return styled(verdict.verdict, style=style)


def evidence_text(verdict: Verdict) -> str:
    """Return the evidence in a few words: "4 of 15, same code 2 times, 3 causes"."""
    timing = verdict.timing
    if timing is not None and verdict.verdict in (v.SLOWER, v.FASTER):
        return timing_text(timing)
    parts = [verdict.detail]
    if verdict.since is not None and verdict.verdict == v.FIXED:
        parts = [f"{verdict.detail} {since_text(verdict.since)}"]  # it ends with "since"
    if verdict.since is not None and verdict.verdict == v.BROKEN:
        parts.append(f"since {since_text(verdict.since)}")
    if len(verdict.causes) > 1:
        parts.append(plural(len(verdict.causes), "cause"))
    if timing is not None:
        parts.append(f"{'slower' if timing.ratio > 1 else 'faster'}: {timing_text(timing)}")
    return ", ".join(filter(None, parts))


def timing_text(timing: Timing) -> str:
    """Return how a duration changed: "0.6 ms → 121 ms since 8be01d4"."""
    return f"{change_text(timing.was, timing.now)} since {since_text(timing.since)}"


def change_text(was: float, now: float) -> str:
    """Return two durations with an arrow between them."""
    return f"{fine_duration(was)} {arrow()} {fine_duration(now)}"


def fine_duration(seconds: float) -> str:
    """Return a duration; of a few milliseconds with a decimal, because ratios of them are shown."""
    if 0.0005 <= seconds < 0.00995:
        return f"{seconds * 1000:.1f} ms"
    return duration_text(seconds)


def ratio_text(ratio: float) -> str:
    """Return a ratio: "1.5x", "200x"."""
    return f"{ratio:.1f}x" if ratio < 10 else f"{ratio:,.0f}x"


def arrow() -> str:
    """Return an arrow to the right."""
    return "→" if is_fancy() and shows_unicode() else "->"


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
