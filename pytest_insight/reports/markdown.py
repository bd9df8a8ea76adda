"""A report as Markdown, for the summary of a CI job, a comment or a wiki.

GitHub refuses a summary of more than 1 MiB, and drops one of little less without a word
(https://github.com/actions/runner/issues/4337): the worst comes first, and the rest is cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from pytest_insight._util.markdown import code, plain
from pytest_insight._util.printable import printable
from pytest_insight.analysis.output.description import (
    day_text,
    evidence_text,
    incident_text,
    judged_text,
)
from pytest_insight.models.text import counts_text, duration_text, plural
from pytest_insight.reports.causes import CauseSummary
from pytest_insight.reports.comparison import detail_of, words_of
from pytest_insight.reports.record import url_of
from pytest_insight.reports.report import Report, Suite

if TYPE_CHECKING:
    from pytest_insight.analysis.comparison.result import Comparison
    from pytest_insight.analysis.comparison.values import TestChange

MOST_BYTES = 900 * 1024
MOST_ROWS = 50
"""The tests in the table of verdicts."""
MOST_TESTS = 20
"""The tests that are listed with a cause."""
MOST_SLOW = 5
MOST_REASON = 500
"""The characters of a message in the table of what changed."""


def markdown(report: Report, most: int = MOST_BYTES) -> str:
    """Return a report as Markdown of at most `most` bytes in UTF-8."""
    given = [each for suite in report.suites for each in _pieces(suite, report.comparison)]
    left = most - 200  # for what is said of the rest
    others = sum(_size(piece) for piece in given if not _is_cause(piece))
    pieces: list[str] = []
    dropped = 0
    for piece in given:
        # Causes are what is cut, not the lines behind them.
        is_cause, size = _is_cause(piece), _size(piece)
        others -= 0 if is_cause else size
        if size + (others if is_cause else 0) <= left:
            left -= size
            pieces.append(piece)
        elif is_cause:
            dropped += 1
    if dropped:
        pieces.append(f"... {dropped:,} more in report.html: `insight report report.html`")
    if not report.suites:
        pieces.append("There is no run to report.")
    return "\n\n".join(pieces) + "\n"


def _is_cause(piece: str) -> bool:
    return piece.startswith("<details>")


def _size(piece: str) -> int:
    return len(piece.encode()) + len("\n\n")


def _pieces(suite: Suite, comparison: Comparison | None) -> Iterator[str]:
    """Yield the parts of what is said of a SUT, the most important first."""
    yield f"### {_mark(suite)} {code(suite.sut)}: {suite.headline}"
    yield "  \n".join(_facts(suite))
    if comparison is not None and comparison.head.sut == suite.sut:
        yield from _comparison(comparison)
    unstable = suite.unstable
    if unstable:
        rows = [
            f"| {each.verdict.verdict} | {code(each.verdict.nodeid)} "
            f"| {plain(evidence_text(each.verdict))} |"
            for each in unstable[:MOST_ROWS]
        ]
        yield "\n".join(["| Verdict | Test | Evidence |", "| --- | --- | --- |", *rows])
        if len(unstable) > MOST_ROWS:
            yield f"{MOST_ROWS} of {plural(len(unstable), 'test')} that are not stable."
    now = [cause for cause in suite.causes if cause.failing]
    if now:
        yield "**Why tests fail**"
    failed = suite.failed
    yield from (_details(cause, failed) for cause in now)
    yield from _slowest(suite)


def _mark(suite: Suite) -> str:
    last = suite.sessions[-1]
    if last.session.crashed or suite.failed:
        return "❌"
    return "✅" if last.outcomes else "➖"


def _facts(suite: Suite) -> Iterator[str]:
    summary = suite.sessions[-1]
    session, code_state = summary.session, summary.session.code_state
    parts = [code_state.branch or "", (code_state.commit or "")[:7]] if code_state else []
    where = [code(each) for each in parts if each]
    changed = ["with local changes"] if code_state and code_state.digest else []
    ran = [plain(counts_text(summary.outcomes)), duration_text(session.session_duration)]
    yield ", ".join(filter(None, [*where, *changed, *ran]))
    if suite.judged.last_incident is not None:
        yield incident_text(suite.judged.last_incident)
    counts = ", ".join(f"{count:,} {name}" for name, count in suite.counts.items())
    yield ": ".join(filter(None, [code(judged_text(suite.judged)), counts]))
    if (url := url_of(summary)) and "@" not in url:
        yield f'<a href="{escape(url)}">the CI run</a>'


def _comparison(comparison: Comparison) -> Iterator[str]:
    """Yield what changed since the base of a comparison."""
    words = words_of(comparison)
    counts = ", ".join(words.counts) or "nothing changed"
    yield f"**Compared**: {code(words.head)} against {code(words.base)}: {counts}"
    rows = [
        f"| {each.change} | {code(each.nodeid)} | {_why(each, group.message)} |"
        for group in comparison.causes
        for each in group.changes
    ]
    if rows:
        yield "\n".join(["| Change | Test | Why |", "| --- | --- | --- |", *rows[:MOST_ROWS]])
    if len(rows) > MOST_ROWS:
        yield f"{MOST_ROWS} of {plural(len(rows), 'test')} that changed."
    yield from map(code, words.notes)


def _why(change: TestChange, message: str) -> str:
    before = f"was {change.renamed_from}" if change.renamed_from else ""
    detail = detail_of(change)
    said = [before, "" if message in detail else message, detail]
    return ", ".join(code(text[:MOST_REASON]) for text in said if text)


def _slowest(suite: Suite) -> Iterator[str]:
    slow = sorted(suite.tests, key=lambda each: -(each.seconds or 0.0))[:MOST_SLOW]
    rows = [
        f"| {duration_text(each.seconds)} | {code(each.verdict.nodeid)} |"
        for each in slow
        if each.seconds
    ]
    if rows:
        yield "\n".join(["| Slowest | Test in the last run |", "| ---: | --- |", *rows])


def _details(cause: CauseSummary, failed: frozenset[str]) -> str:
    """Return a cause with its tests and the text of one failure, folded.

    No line is empty outside of `<pre>`, so that nothing is read as Markdown.
    """
    place = f" at {code(cause.crash)}" if cause.crash else ""
    commit = cause.first.commit[:7]
    since = f"at {code(commit)}" if commit else f"on {day_text(cause.first.start)}"
    tests = plural(len(cause.failing), "test")
    now = len(failed.intersection(cause.failing))
    if now < len(cause.failing):  # the others were not run, or skipped
        tests += f", {now:,} of them in the last run"
    lines = [
        f"<details><summary>{tests}: {code(cause.message or 'no message')}{place}</summary>",
        f"<p>in {plural(cause.sessions, 'run')}, first seen {since}</p>",
        "<ul>",
        *_listed(cause.failing),
        "</ul>",
    ]
    lines += [f"<pre>{_in_pre(text)}</pre>" for _, text in cause.texts]
    return "\n".join([*lines, "</details>"])


def _listed(nodeids: Sequence[str]) -> Iterable[str]:
    yield from (f"<li>{code(name)}</li>" for name in nodeids[:MOST_TESTS])
    if len(nodeids) > MOST_TESTS:
        yield f"<li>and {len(nodeids) - MOST_TESTS:,} more</li>"


def _in_pre(text: str) -> str:
    """Return lines for an element `<pre>`, in which Markdown has no markup."""
    return escape(printable(text, keep="\n\t"), quote=False)
