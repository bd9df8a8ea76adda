"""Which tests a session was started for: whether one that it lacks was left out on purpose."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from posixpath import normpath
from typing import NamedTuple

from pytest_insight.analysis.comparison.nodeids import is_under
from pytest_insight.analysis.runs import Run
from pytest_insight.errors import InvalidArgumentError
from pytest_insight.filters.keywords import holds, parse
from pytest_insight.models import TestSession
from pytest_insight.models.text import plural

GONE = "gone"
NOT_SELECTED = "not selected"
DESELECTED = "deselected"
STOPPED = "stopped"

_WITH_VALUE = frozenset(
    (
        *("-k", "-m", "-n", "-p", "-c", "-o", "-r", "-W", "--tb", "--dist", "--maxfail"),
        *("--deselect", "--ignore", "--ignore-glob", "--junitxml", "--rootdir", "--confcutdir"),
        *("--basetemp", "--color", "--durations", "--capture", "--import-mode", "--log-level"),
        *("--insight-profile", "--insight-sut", "--insight-tag", "--insight-select"),
        *("--insight-deselect", "--reruns", "--reruns-delay", "--splits", "--group", "--shard-id"),
        *("--num-shards", "--timeout"),
    )
)
"""Options whose value may be the next argument."""
_NARROW = (
    *("-m", "--lf", "--last-failed", "--sw", "--stepwise", "--nf-only", "--deselect", "--ignore"),
    *("--ignore-glob", "--insight-select", "--insight-deselect", "--splits", "--shard-id"),
    *("--test-group", "--picked", "--testmon"),
)
"""Options that leave out tests, of pytest, of this plugin and of widespread others."""
_INTERRUPTED = 2  # pytest.ExitCode.INTERRUPTED


class Reason(NamedTuple):
    """Why a session does not have a test.

    Attributes:
        word: one of the constants above.
        detail: in a few words: "-k login".
        is_guess: whether all that is known is that some tests were deselected.
    """

    word: str
    detail: str = ""
    is_guess: bool = False


class _Option(NamedTuple):
    name: str
    value: str

    def __str__(self) -> str:
        return f"{self.name} {self.value}".strip()


class Scope:
    """What one session was to run.

    Attributes:
        session: the session; its results are not looked at.
        stopped: why it ended before all tests were run; empty if it did not, or is unknown.
        left_out: how many tests were deselected, if none of its arguments tells which.
    """

    def __init__(self, session: TestSession, ran: int, files: Collection[str]) -> None:
        """Read the arguments.

        Args:
            session: the session; its results are not looked at.
            ran: the number of its tests.
            files: the files of the tests of its side.
        """
        self.session = session
        options, places = _parse(session.arguments)
        keywords = [each.value for each in options if each.name == "-k"]
        self._keywords = keywords[-1] if keywords and _is_valid(keywords[-1]) else ""
        self._narrow = next((str(each) for each in options if each.name in _NARROW), "")
        self._places = _resolved(places, files)
        self.stopped = _stopped(session, ran, options)
        self.left_out = 0 if keywords or self._narrow else session.deselected or 0

    def why_absent(self, nodeid: str) -> Reason:
        """Return why the session has no result of a test; `GONE` if it would have one."""
        if self._places is not None and not any(is_under(nodeid, each) for each in self._places):
            return Reason(NOT_SELECTED, "other tests were named")
        if self._keywords and not holds(self._keywords, nodeid):
            return Reason(DESELECTED, f"-k {self._keywords}")
        if self._narrow:
            return Reason(DESELECTED, self._narrow)
        if self.stopped:
            return Reason(STOPPED, self.stopped)
        if self.left_out:
            return Reason(DESELECTED, f"{plural(self.left_out, 'test')} deselected", is_guess=True)
        return Reason(GONE)


class Scopes:
    """What the sessions of one side were to run, together.

    Args:
        sessions: without results.
        ran: the number of tests of each, by session ID.
        runs: the newest run of each test.
    """

    def __init__(
        self, sessions: Sequence[TestSession], ran: Mapping[str, int], runs: Mapping[str, Run]
    ) -> None:
        files = {nodeid.partition("::")[0] for nodeid in runs}
        self.scopes = [Scope(each, ran[each.session_id], files) for each in sessions]
        at_files = {name: runs[name] for name in sorted(files & runs.keys())}
        self._files = {name: run for name, run in at_files.items() if not run.is_good}
        # Shards, each of which leaves out what the others run. With xdist it is not known how many
        # tests a session left out.
        known = [s.collected for s in sessions if s.collected and s.deselected is not None]
        self._is_whole = len(known) == len(sessions) > 1 and max(known) <= len(runs)

    def why_absent(self, nodeid: str) -> Reason:
        """Return why no session has a result of a test; `GONE` if one would have it."""
        for file, run in self._files.items():
            if is_under(nodeid, file):
                word = "not collected" if run.is_bad else "skipped"
                return Reason(GONE, f"{word}: {run.message}" if run.message else word)
        reasons = [each.why_absent(nodeid) for each in self.scopes]
        gone = Reason(GONE)
        if gone in reasons:
            return gone
        if self._is_whole and all(reason.word != STOPPED for reason in reasons):
            return gone
        order = (STOPPED, DESELECTED, NOT_SELECTED)
        return min(reasons, key=lambda reason: order.index(reason.word))

    def collected_less(self, base: Scopes) -> int | None:
        """Return how many tests less than in the base were collected; None if it is unknown.

        It is unknown also if a side consists of several sessions that each left out some tests.
        """
        if len(self.scopes) != 1:
            return None
        old, new = base.scopes[0], self.scopes[0]
        counts = old.session.collected, new.session.collected
        if None in counts or not old.left_out:
            return None
        return (counts[0] or 0) - (counts[1] or 0)


def _is_valid(expression: str) -> bool:
    try:
        parse(expression)
    except InvalidArgumentError:  # pytest refused it, too
        return False
    return True


def _stopped(session: TestSession, ran: int, options: Sequence[_Option]) -> str:
    if session.crashed:
        return "the run crashed"
    if session.collected is None:
        return "the run was interrupted" if session.exit_status == _INTERRUPTED else ""
    missing = session.collected - (session.deselected or 0) - ran
    if missing <= 0:
        return ""
    by = next((str(o) for o in options if o.name in ("-x", "--exitfirst", "--maxfail")), "")
    return f"{by or 'the run ended'} before {plural(missing, 'test')}"


def _parse(given: Sequence[str]) -> tuple[list[_Option], list[str]]:
    """Return the options with their values, and the other arguments."""
    options: list[_Option] = []
    others: list[str] = []
    rest: Iterator[str] = iter(given)
    for argument in rest:
        if argument == "--":
            others += rest
        elif argument.startswith("--"):
            name, equals, value = argument.partition("=")
            if not equals and name in _WITH_VALUE:
                value = next(rest, "")
            options.append(_Option(name, value))
        elif argument.startswith("-") and len(argument) > 1:
            name, value = argument[:2], argument[2:]
            if name in _WITH_VALUE and not value:
                value = next(rest, "")
            options.append(_Option(name, value.removeprefix("=")))
        else:
            others.append(argument)
    return options, others


def _resolved(places: Sequence[str], files: Collection[str]) -> list[str] | None:
    """Return the places that arguments name, relative to the root folder; None if none is known.

    They were relative to the folder in which pytest was started, which is not known: what matches
    no nodeid, or the end of the paths of some, is taken for the value of an option.
    """
    found = []
    for place in places:
        path, colons, names = place.partition("::")
        path = normpath(path)
        if path == ".":
            return None
        if any(is_under(file, path) for file in files):
            found.append(path + colons + names)
        elif path.endswith(".py"):
            found += [file + colons + names for file in files if file.endswith(f"/{path}")]
    return found or None
