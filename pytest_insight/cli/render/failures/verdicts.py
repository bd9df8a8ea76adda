"""What the history says of failures: new, flaky, or failing since when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_insight._util.git import find_subject
from pytest_insight.analysis.line import ALL_RUNS
from pytest_insight.analysis.output.description import day_text
from pytest_insight.analysis.output.records import since_record
from pytest_insight.analysis.rules import BROKEN_RUNS
from pytest_insight.analysis.values import NEW_TEST
from pytest_insight.cli.terminal.styled import Styled, styled
from pytest_insight.models.text import plural

if TYPE_CHECKING:
    from pytest_insight.analysis.causes import CauseRules
    from pytest_insight.analysis.values import Since
    from pytest_insight.analyze.failure_history import FailureHistory, JudgedFailure
    from pytest_insight.models import TestResult, TestSession
    from pytest_insight.storage.base import BaseStorage

SECONDS = 5.0
MAX_TESTS = 1_000
"""How long history is asked, and about how many tests of a session."""
MOST_LINES = 3
"""What is said of the tests of one cause."""

NEW, FLAKY, SUSPECT, OLD = LABELS = ("NEW", "FLAKY", "SUSPECT", "OLD")
"""How failures are labelled, those that need a look first."""
_STYLES = {NEW: "bold red", FLAKY: "magenta", SUSPECT: "yellow", OLD: "dim"}


class Known(NamedTuple):
    """What the history says of one failure.

    Attributes:
        label: one of `LABELS`.
        text: the evidence in a few words.
        test: the verdict and more.
    """

    label: str
    text: str
    test: JudgedFailure


class KnownFailures(NamedTuple):
    """What the history says of the failures of a run.

    Attributes:
        failures: by session ID and nodeid.
        note: why there is nothing, if there is a reason to tell; else empty.
        left_out: how many of the failures look like those of an incident.
    """

    failures: Mapping[tuple[str, str], Known]
    note: str = ""
    left_out: int = 0

    def by_result(self, rows: Iterable[tuple[TestSession, TestResult]]) -> dict[int, Known]:
        """Return what is known of results, by their `id`: groups of them have no session."""
        keys = ((id(result), (session.session_id, result.nodeid)) for session, result in rows)
        return {name: self.failures[key] for name, key in keys if key in self.failures}


NOTHING_KNOWN = KnownFailures({})


def look_up(
    storage: BaseStorage, sessions: Iterable[TestSession], rules: CauseRules, window: float
) -> KnownFailures:
    """Ask the history about the failures of sessions, each at the time when it started.

    Args:
        storage: of the history.
        sessions: the sessions.
        rules: what makes two failures one cause.
        window: how many seconds back.
    """
    from pytest_insight.analyze.failed_tests import failures_of
    from pytest_insight.analyze.failure_history import look_back
    from pytest_insight.analyze.scope import line_of_branch

    found: dict[tuple[str, str], Known] = {}
    note, left_out = "", 0
    subjects: dict[str, str] = {}
    for session in sessions:
        failed = failures_of(session, rules)
        if not failed.runs:
            continue
        branch = failed.session.branch
        sut = session.sut_name
        line = line_of_branch(storage, sut, branch, is_known=True) if branch else ALL_RUNS
        history = look_back(storage, failed, line, monotonic, SECONDS, MAX_TESTS, window)
        if history is None:
            continue
        note = note or _note(history)
        left_out += history.left_out
        for test in history.tests:
            known = _known(test, history.default_branch, subjects)
            found[session.session_id, test.run.nodeid] = known
    return KnownFailures(found, note, left_out)


def _note(history: FailureHistory) -> str:
    if history.mass is not None:
        return f"one cause of {history.mass.tests:,} failures: no verdicts on single tests"
    return f"history was not asked: {history.not_asked}" if history.not_asked else ""


def _known(test: JudgedFailure, default_branch: str, subjects: dict[str, str]) -> Known:
    from pytest_insight.recording.verdicts import summary

    word = summary.word_of(test)
    label = word if word in LABELS else OLD
    verdict = test.verdict
    if label == NEW:
        text = "first run of the test" if test.is_first else verdict.detail
    elif label != OLD:
        text = verdict.detail
    else:
        text = f"failing for {plural(test.red_runs, 'run')}"
        if verdict.since is not None:
            text += f", since {_since_text(verdict.since, subjects)}"
        if test.was:
            text += f"; until now for another reason: {test.was}"
    on_default = f"; also on {default_branch}" if test.on_default else ""
    return Known(label, text + on_default, test)


def _since_text(since: Since, subjects: dict[str, str]) -> str:
    """Return when something began: 'since 16 Nov, eaaaaba "Faster totals"'."""
    day, commit = day_text(since.time), since.commit
    if not commit:
        return day
    if commit not in subjects:
        subjects[commit] = find_subject(commit)
    subject = f' "{subjects[commit]}"' if subjects[commit] else ""
    return f"{day}, {commit[:7]}{subject}"


def rank(known: Collection[Known]) -> int:
    """Return what groups of failures are sorted by: those with new failures first."""
    return min((LABELS.index(each.label) for each in known), default=len(LABELS))


def count_text(known: Collection[Known]) -> str:
    """Return how many failures are new, flaky and old: "2 new, 1 flaky"."""
    counts = Counter(each.label for each in known)
    return ", ".join(f"{counts[label]:,} {label.lower()}" for label in LABELS if counts[label])


def incident_text(history: KnownFailures) -> str:
    """Return that failures may be those of an incident, which make no verdicts yet; else ""."""
    if not history.left_out:
        return ""
    tests = plural(history.left_out, "test")
    return f"{tests} failed at once: insight verdicts waits until they fail in {BROKEN_RUNS} runs"


def known_lines(known: Sequence[Known]) -> Iterator[Styled]:
    """Yield a line for each thing that is said of failures with one cause."""
    counts = Counter((each.label, each.text) for each in known)
    said = sorted(counts.items(), key=lambda item: (LABELS.index(item[0][0]), -item[1]))
    for (label, text), count in said[:MOST_LINES]:
        tests = f"{plural(count, 'test')}: " if len(said) > 1 else ""
        yield styled("  ", styled(label, style=_STYLES[label]), f"  {tests}{text}")
    if len(said) > MOST_LINES:
        rest = sum(count for _, count in said[MOST_LINES:])
        yield styled(styled(f"  and {plural(rest, 'test')} with another history", style="dim"))


def known_fields(known: Known | None) -> dict[str, Any]:
    """Return the verdict on a failure for programs; None if the history says nothing."""
    if known is None:
        return {"verdict": None, "since": None}
    test = known.test
    verdict = NEW_TEST if test.is_first else test.verdict.verdict
    return {"verdict": verdict, "since": since_record(test.verdict.since)}
