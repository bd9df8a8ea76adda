"""What failed in a session or CI run: a summary, and the failures grouped by their message."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pytest_insight._util.markdown import code_span
from pytest_insight.analysis.causes import DEFAULT_RULES, CauseRules, headline
from pytest_insight.analysis.failures import FailureGroup, failure_groups, subtest_of
from pytest_insight.cli.render.failures.text import failure_lines
from pytest_insight.cli.render.failures.verdicts import (
    NOTHING_KNOWN,
    Known,
    KnownFailures,
    count_text,
    incident_text,
    known_fields,
    known_lines,
    rank,
)
from pytest_insight.cli.render.fit import cut_end
from pytest_insight.cli.render.formats import FailureFormat
from pytest_insight.cli.render.nodeids import nodeid_lines
from pytest_insight.cli.render.outcomes import outcome_text, outcomes_text, status_text
from pytest_insight.cli.render.pictures import outcome_mark
from pytest_insight.cli.render.records import ChosenFields, print_csv
from pytest_insight.cli.render.tests import print_nodeids
from pytest_insight.cli.render.wrap import flow, line_width
from pytest_insight.cli.terminal.links import linked_place
from pytest_insight.cli.terminal.output import (
    UNLIMITED,
    console,
    is_fancy,
    mark,
    print_json,
    print_styled,
)
from pytest_insight.cli.terminal.pager import paged
from pytest_insight.cli.terminal.streams import stdout_errors_reported
from pytest_insight.cli.terminal.styled import Styled, styled
from pytest_insight.filters import ci_run_id
from pytest_insight.models import TestResult, TestSession
from pytest_insight.models.text import ago_text, duration_text, plural
from pytest_insight.summaries import BAD

FIELDS = (
    *("nodeid", "sut", "outcome", "phase", "message", "crash", "cause"),
    *("verdict", "since"),
)
"""The columns of CSV, and the keys of JSON."""

ALL_FIELDS = (
    *(*FIELDS, "session_id", "start_time", "duration"),
    *("longreprtext", "capstdout", "capstderr", "caplog"),
)
"""The fields that can be chosen."""

TRACEBACKS = "tracebacks: insight failures -v"
AGAIN = "run them again: pytest --insight-select failed"
MAX_LISTED = 50
"""The nodeids of a group that Markdown lists."""


@stdout_errors_reported()
@paged()
def print_failures(
    sessions: Sequence[TestSession],
    format_: FailureFormat,
    note: str,
    *,
    verbose: bool,
    is_last: bool,
    fields: Sequence[str] | None = None,
    look_up: Callable[[], KnownFailures] = lambda: NOTHING_KNOWN,
    rules: CauseRules = DEFAULT_RULES,
) -> bool:
    """Print the failures of a session, or of all sessions of a CI run.

    Args:
        sessions: in time order; at least one.
        format_: the format.
        note: which SUT was looked at, for the last line on a terminal.
        verbose: whether to print every test of a group, with its text and output.
        is_last: whether it is the last run, whose failures pytest selects.
        fields: those of `ALL_FIELDS` that are printed, one row each; None for the usual output.
        look_up: returns what the history says of the failures; called if that is printed.
        rules: what makes two failures one cause.

    Returns:
        Whether anything failed.
    """
    bad = [(s, result) for s in sessions for result in s.test_results if result.outcome in BAD]
    if format_ is FailureFormat.NODEIDS and fields is None:
        print_nodeids(result for _, result in bad)
        return bool(bad)
    asks = fields is None or not {"verdict", "since"}.isdisjoint(fields)
    history = look_up() if asks and bad else NOTHING_KNOWN
    if fields is not None:
        value = partial(_field, history=history, rules=rules)
        ChosenFields(fields, value).print(bad, format_, lambda: "nothing failed")
    elif format_ is FailureFormat.JSON:
        print_json([_fields(row, history, rules) for row in bad])
    elif format_ is FailureFormat.CSV:
        print_csv(FIELDS, (_fields(row, history, rules) for row in bad))
    else:
        known = history.by_result(bad)
        groups = failure_groups((result for _, result in bad), rules)
        groups.sort(key=lambda group: rank(_known_of(group, known)))
        if format_ is FailureFormat.MARKDOWN:
            print("\n".join(_markdown(sessions, groups, known)))
        else:
            print_styled(*_lines(sessions, groups, history, known, verbose=verbose))
            hints = (TRACEBACKS if bad and not verbose else "", AGAIN if bad and is_last else "")
            _print_hints("; ".join(filter(None, hints)), note)
    return bool(bad)


def _field(
    row: tuple[TestSession, TestResult], name: str, history: KnownFailures, rules: CauseRules
) -> Any:
    session, result = row
    if name in FIELDS:
        return _fields(row, history, rules)[name]
    return session.session_id if name == "session_id" else getattr(result, name)


def _fields(
    row: tuple[TestSession, TestResult], history: KnownFailures, rules: CauseRules
) -> dict[str, Any]:
    session, result = row
    return {
        **{"nodeid": result.nodeid, "sut": session.sut_name, "outcome": str(result.outcome)},
        **{"phase": result.phase, "message": result.message, "crash": result.crash},
        "cause": rules.cause_of(result.phase, headline(result)).key,
        **known_fields(history.failures.get((session.session_id, result.nodeid))),
    }


def _known_of(group: FailureGroup, known: Mapping[int, Known]) -> list[Known]:
    """Return what is known of the tests of a group, each once."""
    tests = {r.nodeid: known[id(r)] for r in group.results if id(r) in known}
    return list(tests.values())


def _print_hints(*texts: str) -> None:
    """Print the texts that are not empty, on a terminal."""
    lines = [styled(styled(text, style="dim")) for text in texts if text]
    if lines and is_fancy():
        print_styled(styled(""), *lines)


def _lines(
    sessions: Sequence[TestSession],
    groups: Sequence[FailureGroup],
    history: KnownFailures,
    known: Mapping[int, Known],
    *,
    verbose: bool,
) -> Iterator[Styled]:
    yield from run_lines(sessions)
    counts = count_text(history.failures.values()) or history.note
    if counts:
        yield styled("  ", counts)
    if incident := incident_text(history):
        yield styled("  ", styled(incident, style="yellow"))
    if not groups:
        yield styled("")
        yield styled(_why_nothing(sessions))
    for group in groups:
        of_group = _known_of(group, known)
        yield from group_lines(group, _suts(sessions), known=of_group, verbose=verbose)


def _why_nothing(sessions: Sequence[TestSession]) -> str:
    """Return that nothing failed, or no test was run, and that pytest failed all the same.

    So it does after Ctrl-C, and for plugins: a coverage that is too low, a time limit.
    """
    any_test = any(session.test_results for session in sessions)
    said = "nothing failed" if any_test else "no test was run"
    of_sessions = (session.exit_status for session in sessions)
    statuses = {status for status in of_sessions if status is not None} - {0, 5}  # 5: no tests
    if not statuses:
        return said
    return f"{said}, but pytest ended with exit status {', '.join(map(str, sorted(statuses)))}"


def run_lines(sessions: Sequence[TestSession]) -> Iterator[Styled]:
    """Yield what identifies a run: its status, SUT, branch, commit and age, its outcomes and ID."""
    last = sessions[-1]
    where = code_text(last)
    age = ago_text(last.session_start_time, datetime.now(UTC))
    yield styled(
        *(status_text(sessions), " ", styled(_suts(sessions), style="bold")),
        *(f"  {where}" if where else "",),
        styled(f"  {age}, {_duration(sessions)}", style="dim"),
    )
    several = f"{_run_text(sessions)}, the last one " if len(sessions) > 1 else ""
    name = f"{several}{last.session_id}"
    facts = (outcomes_text(*sessions), styled(name, style="dim"))
    width = line_width()
    for line in flow(facts, None if width is None else width - 2, "  "):
        yield styled("  ", line)


def _run_text(sessions: Sequence[TestSession]) -> str:
    """Return what makes several sessions one run: "2 sessions of one CI run"; see `same_run`."""
    if ci_run_id(sessions[-1]) is not None:
        return f"{plural(len(sessions), 'session')} of one CI run"
    code = sessions[-1].code_state
    commit = ((code and code.commit) or "")[:7]
    return f"{plural(len(sessions), 'run')} of commit {commit} within an hour"


def code_text(session: TestSession) -> str:
    """Return the tested code: "main dc0d61a + local changes"; empty if it is unknown."""
    code = session.code_state
    if code is None:
        return ""
    where = " ".join(filter(None, (code.branch, (code.commit or "")[:7])))
    return f"{where}{' + local changes' if code.digest else ''}"


def _suts(sessions: Sequence[TestSession]) -> str:
    return ", ".join(dict.fromkeys(session.sut_name for session in sessions))


def _duration(sessions: Sequence[TestSession]) -> str:
    return duration_text(sum(session.session_duration for session in sessions))


def group_lines(
    group: FailureGroup,
    sut_name: str,
    *,
    known: Sequence[Known] = (),
    verbose: bool = False,
    excerpt: bool = False,
) -> Iterator[Styled]:
    """Yield an empty line, and the lines of results that failed in the same way.

    Args:
        group: the results.
        sut_name: their SUT, for links to files.
        known: what the history says of their tests.
        verbose: whether to print every test, with its text and output.
        excerpt: whether to print the last lines of the text of the first test.
    """
    first = group.results[0]
    names = list(dict.fromkeys(map(_name_of, group.results)))
    tests = len({result.nodeid for result in group.results})
    place = linked_place(group.crashes[0], sut_name, "dim") if group.crashes else ""
    message = str(styled(group.message or "no message"))
    width = console().width - 2 if is_fancy() else UNLIMITED
    yield styled("")
    # After a mark no message of a test looks like one of insight.
    yield styled(
        outcome_mark(first.outcome), " ", styled(cut_end(message, width, mark()), style="bold")
    )
    yield styled(
        *("  ", _kind(first), "  " if place else "", place),
        styled(_more_places(group), style="dim"),
        f"  {plural(tests, 'test')}" if tests > 1 else "",
    )
    yield from known_lines(known)
    if verbose:
        for result in group.results:
            yield styled("")
            of = " of " if result.phase else " "
            yield styled("  ", _kind(result), of, result.nodeid)
            yield from failure_lines(result, sut_name, "    ", whole=True)
        return
    if sys.stdout.isatty():
        suffix = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
        yield nodeid_lines(names[0], prefix="  ", suffix=suffix)
    else:  # a program, or a log, gets all
        yield from (styled("  ", name) for name in names)
    if excerpt:
        yield from failure_lines(first, sut_name, "    ", whole=False)


def _name_of(result: TestResult) -> str:
    """Return the nodeid, and the subtest: "test_a.py::test_x subtest [message] (n=1)"."""
    return " ".join(filter(None, (result.nodeid, subtest_of(result))))


def _more_places(group: FailureGroup) -> str:
    more = len(group.crashes) - 1
    return f" and {plural(more, 'other place')}" if more > 0 else ""


def _kind(result: TestResult) -> Styled:
    """Return what happened and in which phase: "failed", "error at teardown"."""
    phase = f" at {result.phase}" if result.phase else ""
    return outcome_text(result.outcome, f"{result.outcome}{phase}")


def _markdown(
    sessions: Sequence[TestSession], groups: Sequence[FailureGroup], known: Mapping[int, Known]
) -> Iterator[str]:
    """Yield lines for the summary of a CI job, or a comment."""
    code = sessions[-1].code_state
    where = (
        ", ".join(filter(None, (_name(code.branch or ""), (code.commit or "")[:7]))) if code else ""
    )
    yield f"### {_name(_suts(sessions))}: {outcomes_text(*sessions)}"
    yield ""
    several = [_name(_run_text(sessions))] if len(sessions) > 1 else []
    yield ", ".join(filter(None, (where, _duration(sessions), *several)))
    for group in groups:
        yield ""
        crash = f" at {code_span(group.crashes[0])}" if group.crashes else ""
        crash += _more_places(group)
        tests = plural(len({result.nodeid for result in group.results}), "test")
        yield f"**{tests}**: {code_span(group.message)}{crash}"
        for line in known_lines(_known_of(group, known)):
            yield ""
            yield code_span(str(line).strip())
        yield ""
        names = list(dict.fromkeys(map(_name_of, group.results)))
        yield from (f"- {code_span(name)}" for name in names[:MAX_LISTED])
        if len(names) > MAX_LISTED:
            yield f"- and {len(names) - MAX_LISTED:,} more"


def _name(text: str) -> str:
    """Return a name for Markdown, as a code span if it could be read as markup."""
    return code_span(text) if set(text) & set("`*<>[]|&\\") or not text.isprintable() else text
