"""Why tests failed, with the text of one failure for each cause."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pytest_insight.analysis.causes import headline
from pytest_insight.analysis.runs import Run, SessionFacts, in_time_order
from pytest_insight.filters import NodeidUnder, Selection, SessionIdIn
from pytest_insight.models import TestOutcome, TestResult
from pytest_insight.summaries import BAD

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage

MOST_CAUSES = 500
"""The causes with a text; the texts of all together take at most 10 MB."""
MOST_TEXT = 20_000
"""The bytes of the texts of one failure."""
CUT = "\n[...]\n"
"""What stands for the middle of a text that was cut out."""


Texts = tuple[tuple[str, str], ...]
"""Texts of some lines, each after its title."""


class CauseSummary(NamedTuple):
    """Why tests failed, or passed only when run again.

    Attributes:
        cause: the key (`analysis.causes`).
        message: the first line of what the last failure said.
        crash: the place of that failure, as `path:line`.
        phase: of the test, in which it failed; empty for the call.
        sessions: in how many sessions it was seen.
        first: the first session in which it was seen.
        last: the last one.
        tests: all tests that it hit.
        failing: those whose last run failed for it.
        texts: of the last failure: titles, and texts of some lines. Empty if it has none.
    """

    cause: str
    message: str
    crash: str
    phase: str
    sessions: int
    first: SessionFacts
    last: SessionFacts
    tests: tuple[str, ...]
    failing: tuple[str, ...]
    texts: Texts = ()


def find_causes(storage: BaseStorage, runs: Mapping[str, Sequence[Run]]) -> list[CauseSummary]:
    """Return the causes of runs: those that make tests fail now first, the most tests first.

    Args:
        storage: has the sessions of the runs.
        runs: in time order, by nodeid.
    """
    seen: dict[str, list[Run]] = {}
    failing: dict[str, list[str]] = {}
    for nodeid, of_test in runs.items():
        for run in of_test:
            if run.cause:
                seen.setdefault(run.cause, []).append(run)
        last = next((run for run in reversed(of_test) if run.is_decided), None)
        if last is not None and last.is_bad:
            failing.setdefault(last.cause, []).append(nodeid)
    newest = {cause: max(of_cause, key=_time) for cause, of_cause in seen.items()}
    found = [
        _cause(of_cause, newest[cause], failing.get(cause, ())) for cause, of_cause in seen.items()
    ]
    found.sort(key=lambda each: in_time_order(each.last), reverse=True)
    found.sort(key=lambda each: (-len(each.failing), not each.failing and -len(each.tests)))
    wanted = [newest[each.cause] for each in found[:MOST_CAUSES]]
    texts = _load_texts(storage, wanted)
    return [each._replace(texts=texts.get(each.cause, ())) for each in found]


def _time(run: Run) -> tuple[object, str]:
    return in_time_order(run.session)


def _cause(runs: Sequence[Run], last: Run, failing: Iterable[str]) -> CauseSummary:
    tests = tuple(dict.fromkeys(run.nodeid for run in runs))
    return CauseSummary(
        last.cause,
        last.message,
        last.crash,
        last.phase,
        len({run.session.session_id for run in runs}),
        min(runs, key=_time).session,
        last.session,
        tests,
        tuple(failing),
    )


def _load_texts(storage: BaseStorage, runs: Sequence[Run]) -> dict[str, Texts]:
    """Return the texts of the failure of each run, by cause."""
    wanted = {(run.session.session_id, run.nodeid): run for run in runs}
    if not wanted:
        return {}
    selection = Selection(
        (SessionIdIn(frozenset(run.session.session_id for run in runs)),),
        test_filters=(NodeidUnder(tuple({run.nodeid: None for run in runs})),),
    )
    found = {}
    for session in storage.iter_sessions(selection):  # once: a JSON store is read from its start
        for result in session.test_results:
            run = wanted.get((session.session_id, result.nodeid))
            if run is not None and _told(result, run):
                found[run.cause] = _texts(result)
    return found


def _told(result: TestResult, run: Run) -> bool:
    """Return whether a run has its message from a result."""
    is_bad = result.outcome in BAD or result.outcome == TestOutcome.RERUN or run.is_recovered
    return is_bad and result.phase == run.phase and headline(result) == run.message


def _texts(result: TestResult) -> Texts:
    given = (
        ("traceback", result.longreprtext),
        ("captured stdout", result.capstdout),
        ("captured stderr", result.capstderr),
        ("captured log", result.caplog),
    )
    left = MOST_TEXT
    found = []
    for title, text in given:
        if text.strip() and left > len(CUT):
            short = shortened(text.strip("\n"), left)
            left -= len(short.encode())
            found.append((title, short))
    return tuple(found)


def shortened(text: str, most: int) -> str:
    """Return a text of at most `most` bytes: its beginning, and more of its end."""
    data = text.encode("utf-8", "backslashreplace")
    if len(data) <= most:
        return data.decode()
    room = most - len(CUT)
    begin = data[: room // 4].decode("utf-8", "ignore")
    return begin + CUT + data[-(room - room // 4) :].decode("utf-8", "ignore")
