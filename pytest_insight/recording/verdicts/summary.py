"""The lines of pytest's summary that say what the history knows of the failures of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from pytest_insight._util.printable import printable
from pytest_insight._util.times import in_local_zone
from pytest_insight.analysis import values
from pytest_insight.analyze.failure_history import FailureHistory, JudgedFailure
from pytest_insight.models.text import plural

MAX_SHOWN = 10
"""Tests that the full form names."""
DETAILS = "details: insight failures"
SHORT_HASH = 7
LABEL_WIDTH = 8
LEAST_NAME = 40
GAP = 3
RIGHT_WIDTH = 27
"""The evidence begins this far from the right edge, if it fits."""
MAX_WAS = 30
"""Characters of the former cause of a failure."""


class Piece(NamedTuple):
    """A part of a line.

    Attributes:
        text: what is shown.
        colors: how pytest's terminal shows it.
    """

    text: str
    colors: tuple[str, ...] = ()


Line = list[Piece]


class Group(NamedTuple):
    """Tests of one word with one cause.

    Attributes:
        word: the verdict, as it is shown.
        tests: at least one.
    """

    word: str
    tests: list[JudgedFailure]


NEW, CAUSE, FLAKY, SUSPECT, BROKEN, RED = WORDS = (
    *("NEW", "CAUSE", "FLAKY", "SUSPECT", "BROKEN", "RED"),
)
"""The verdicts as they are shown, those that need a look first. CAUSE is a broken test with another
cause than before; RED one that failed before and has too few runs to say more."""
_OLD = (BROKEN, CAUSE, RED)
_COLORS = {
    NEW: ("red", "bold"),
    CAUSE: ("red",),
    FLAKY: ("yellow",),
    SUSPECT: ("yellow",),
}
_WORDS_OF = {
    values.NEW_TEST: NEW,
    values.NEW_FAILURE: NEW,
    values.FLAKY: FLAKY,
    values.SUSPECT: SUSPECT,
    values.BROKEN: BROKEN,
}


def word_of(test: JudgedFailure) -> str:
    """Return the verdict on a test as it is shown."""
    if test.was:
        return CAUSE
    return NEW if test.is_first else _WORDS_OF.get(test.verdict.verdict, RED)


# The short form ----------------------------------------------------------------------------------


def short_line(history: FailureHistory) -> Line:
    """Return the line of the short form."""
    if history.mass is not None or history.not_asked:
        return [Piece(f"{_without_verdicts(history)}; {DETAILS}")]
    line: Line = []
    for words, count_of in _PARTS:
        tests = [test for test in history.tests if word_of(test) in words]
        if tests:
            text = count_of(tests) + _also_on(tests, history.default_branch)
            line += [Piece(", ")] if line else []
            line.append(Piece(text, _COLORS.get(words[0], ())))
    return [*line, Piece(f"; {DETAILS}")]


def _count_new(tests: Sequence[JudgedFailure]) -> str:
    good = {test.verdict.since.low if test.verdict.since else "" for test in tests}
    since = f" since {_short(next(iter(good)))}" if len(good) == 1 and good != {""} else ""
    causes = len({test.run.cause for test in tests})
    shown = f" ({plural(causes, 'cause')})" if len(tests) > 1 else ""
    return f"{len(tests)} new{since}{shown}"


def _count_old(tests: Sequence[JudgedFailure]) -> str:
    numbers = sorted({test.red_runs for test in tests})
    runs = plural(numbers[-1], "run")
    runs = f"{numbers[0]} to {runs}" if len(numbers) > 1 else runs
    others = sum(word_of(test) == CAUSE for test in tests)
    number = "" if others == len(tests) else f"{others} "
    return f"{len(tests)} red for {runs}" + (f" ({number}for another cause now)" if others else "")


_PARTS: tuple[tuple[tuple[str, ...], Callable[[Sequence[JudgedFailure]], str]], ...] = (
    ((NEW,), _count_new),
    ((FLAKY,), lambda tests: f"{len(tests)} flaky"),
    ((SUSPECT,), lambda tests: f"{len(tests)} suspect"),
    (_OLD, _count_old),
)
"""What is counted together, and how that is said."""


def _also_on(tests: Sequence[JudgedFailure], default_branch: str) -> str:
    count = sum(test.on_default for test in tests)
    if not count:
        return ""
    return f", {'' if count == len(tests) else f'{count} of them '}also on {default_branch}"


def _without_verdicts(history: FailureHistory) -> str:
    """Return the line of a run whose failures have no verdicts."""
    failed = f"{history.failed:,} of {history.decided:,} tests failed"
    if history.mass is None:
        return f"{failed}; history was not asked ({history.not_asked})"
    number = "all" if history.mass.tests == history.failed else f"{history.mass.tests:,}"
    return f"{failed}, {number} by `{history.mass.message}`: one cause, no verdicts"


# The full form -----------------------------------------------------------------------------------


def full_lines(history: FailureHistory, width: int) -> list[Line]:
    """Return the lines of the full form, for below its title.

    Args:
        history: with verdicts on tests.
        width: of the terminal.
    """
    lines: list[Line] = []
    groups = _groups(history.tests)
    shown = groups[:MAX_SHOWN]
    longest = max(len(printable(group.tests[0].run.nodeid)) for group in shown)
    column = min(LABEL_WIDTH + max(longest, LEAST_NAME) + GAP, width - RIGHT_WIDTH)
    for group in shown:
        lines += _group_lines(group, history.default_branch, width, column)
    hidden = sum(len(group.tests) for group in groups[MAX_SHOWN:])
    if hidden:
        lines.append([Piece(f"... and {plural(hidden, 'more test')}")])
    return [*lines, [Piece(f"{_totals(history)}; {DETAILS}")]]


def _groups(tests: Sequence[JudgedFailure]) -> list[Group]:
    """Return the tests of each word and cause, in the order of the words, then the largest first.

    Tests with another history are not together, except new ones.
    """
    found: dict[tuple[object, ...], Group] = {}
    for test in tests:
        word = word_of(test)
        same = test.on_default if word == NEW else (test.on_default, test.was, test.verdict.detail)
        key = (word, test.run.cause, same)
        found.setdefault(key, Group(word, [])).tests.append(test)
    return sorted(found.values(), key=lambda group: (WORDS.index(group.word), -len(group.tests)))


def _group_lines(group: Group, default_branch: str, width: int, column: int) -> Iterator[Line]:
    """Yield two or more lines: a test with its evidence, its cause with what else is known.

    Args:
        group: the tests.
        default_branch: its name.
        width: of the terminal.
        column: where the evidence begins.
    """
    first = group.tests[0]
    message = first.run.message
    if first.was:
        message += f" (was: {_type_of(first.was)})"
    label = Piece(group.word.ljust(LABEL_WIDTH), _COLORS.get(group.word, ()))
    evidence, more = _evidence(group.word, first), _more(group, default_branch)
    message = _cut(message, width - LABEL_WIDTH)
    yield from _pair(label, first.run.nodeid, evidence, width, column)
    yield from _pair(Piece(" " * LABEL_WIDTH), message, more, width, column)


def _pair(label: Piece, left: str, right: str, width: int, column: int) -> Iterator[Line]:
    """Yield a line with two texts, or two lines if they do not fit one."""
    left, right = printable(left), printable(right)
    column = max(min(column, width - len(right)), LABEL_WIDTH)
    gap = column - LABEL_WIDTH - len(left)
    if not right:
        yield [label, Piece(left)]
    elif gap >= GAP:
        yield [label, Piece(left), Piece(" " * gap + right)]
    else:
        yield [label, Piece(left)]
        yield [Piece(" " * column + right)]


def _cut(text: str, room: int) -> str:
    text = printable(text)
    return text if len(text) <= room else f"{text[: max(room, 1) - 1]}…"


def _more(group: Group, default_branch: str) -> str:
    """Return what is known besides the evidence, for the line with the cause."""
    first, *others = group.tests
    found = [f"also on {default_branch}"] if first.on_default else []
    if len(others) == 1:
        found.append(f"also {others[0].run.nodeid.rpartition('::')[2]}")
    elif others:
        found.append(f"and {plural(len(others), 'more test')}")
    since = first.verdict.since
    if group.word == CAUSE and since is not None and since.commit:
        found.append(f"since {_short(since.commit)}")
    return ", ".join(found)


def _evidence(word: str, test: JudgedFailure) -> str:
    verdict, since = test.verdict, test.verdict.since
    if word == NEW:
        return "not seen before" if test.is_first else verdict.detail
    if word in (CAUSE, RED):
        other = ", other cause" if word == CAUSE else ""
        return f"red for {plural(test.red_runs, 'run')}{other}"
    if verdict.detail.startswith("flaky before"):
        return f"flaky before, now red {test.red_runs} times"
    if word == BROKEN and since is not None:
        day = in_local_zone(since.time)
        return f"{verdict.detail} since {day.day} {day:%b} {_short(since.commit)}".rstrip()
    return verdict.detail


def _totals(history: FailureHistory) -> str:
    words = [word_of(test) for test in history.tests]
    parts = {
        "new": words.count(NEW),
        "flaky": words.count(FLAKY),
        "suspect": words.count(SUSPECT),
        "old": sum(word in _OLD for word in words),
    }
    shown = ", ".join(f"{count} {name}" for name, count in parts.items() if count)
    return f"{history.failed} failed: {shown}"


def _type_of(message: str) -> str:
    """Return the name of the exception in a message, else its beginning."""
    name = message.partition(":")[0]
    if name.replace(".", "").isidentifier():
        return name
    return message if len(message) <= MAX_WAS else f"{message[: MAX_WAS - 1]}…"


def _short(commit: str) -> str:
    return commit[:SHORT_HASH]
