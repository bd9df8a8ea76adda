"""What the reports of other programs did not say, for people."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from shutil import get_terminal_size
from typing import TYPE_CHECKING

from pytest_insight.cli.render.wrap import wrapped
from pytest_insight.cli.terminal.output import say
from pytest_insight.models.text import plural, short_nodeid

if TYPE_CHECKING:
    from pytest_insight.exchange.draft import FileReport
    from pytest_insight.exchange.losses import FoundLoss

MOST_FILES = 5
"""The most files that are described one by one; of more, those of one format together."""

_MISSING, _GUESSED, _LEFT, _MERGED = "not in this format", "guessed", "left out", "merged"

_TEXTS = {
    "no-start-times": (_MISSING, "start of each test"),
    "no-attempts": (_MISSING, "attempts"),
    "no-attempt-text": (_MISSING, "text of attempts"),
    "no-output": (_MISSING, "captured output"),
    "no-phases": (_MISSING, "phases"),
    "xpass-lost": (_MISSING, "xpassed (counted as passed)"),
    "xfail-as-skip": (_MISSING, "text of expected failures"),
    "no-reasons": (_MISSING, "some reasons of skips and expected failures"),
    "no-properties": (_MISSING, "properties"),
    "no-test-warnings": (_MISSING, "which tests warned"),
    "no-workers": (_MISSING, "workers"),
    "no-code-state": (_MISSING, "commit and branch"),
    "no-environment": (_MISSING, "versions, arguments and warnings"),
    "no-collection-errors": (_MISSING, "collection errors"),
    "nodeid-guessed": (_GUESSED, "nodeid"),
    "guessed-status": (_GUESSED, "outcome"),
    "time-zone-guessed": (_GUESSED, "time zone UTC (else give --timezone)"),
    "attachments-left": (_LEFT, "attachment"),
    "steps-left": (_LEFT, "step"),
    "suite-properties-left": (_LEFT, "suite value"),
    "duplicate-cases-merged": (_MERGED, "duplicate case"),
    "subtests-merged": (_MERGED, "subtest"),
    "results-merged": (_MERGED, "result"),
}
"""The heading of each kind of loss, and what it is; in the singular if it is counted."""


def loss_text(kind: str) -> str:
    """Return what a loss is, given its name; the name if it is unknown."""
    heading, text = _TEXTS.get(kind, ("", kind))
    return f"{_several(text)} {heading}" if _is_counted(heading) else text


def _several(text: str) -> str:
    return plural(2, text).partition(" ")[2]


def _is_counted(heading: str) -> bool:
    return heading in (_LEFT, _MERGED)


def print_losses(files: Sequence[FileReport]) -> None:
    """Print a block for each file, or for all files of one format if there are many."""
    columns = get_terminal_size().columns - len("insight: ")
    width = columns if sys.stderr.isatty() else None
    for file in files if len(files) <= MOST_FILES else _summed(files):
        by = f" by {file.tool}" if file.tool else ""
        say(
            f"{file.source}  {plural(file.sessions, 'session')}, {plural(file.tests, 'test')} "
            f"({file.title}{by})"
        )
        found = [(*_TEXTS[loss.kind], loss) for loss in file.losses]
        for heading in (_MISSING, _GUESSED, _LEFT, _MERGED):
            texts = [_text(text, loss) for under, text, loss in found if under == heading]
            if texts:
                for line in wrapped(f"  {heading}: {', '.join(texts)}", width):
                    say(line)


def _text(text: str, loss: FoundLoss) -> str:
    if loss.count is None:
        return _several(text) if _is_counted(_TEXTS[loss.kind][0]) else text
    if _TEXTS[loss.kind][0] == _MISSING:
        return f"{text} ({loss.count:,})"
    counted = plural(loss.count, text)
    more = " ..." if loss.count > 1 else ""
    if loss.kind == "nodeid-guessed":
        return f"{counted} ({short_nodeid(loss.example)}{more}: give --root)"
    return f"{counted} ({loss.example}{more})" if loss.example else counted


def _summed(files: Iterable[FileReport]) -> list[FileReport]:
    from pytest_insight.exchange.draft import FileReport
    from pytest_insight.exchange.losses import Losses

    def key(file: FileReport) -> tuple[str, str]:
        return file.title, file.tool

    found = []
    for (title, tool), group in groupby(sorted(files, key=key), key):
        same = list(group)
        losses = Losses(loss for file in same for loss in file.losses)
        sessions, tests = sum(f.sessions for f in same), sum(f.tests for f in same)
        name = plural(len(same), "file")
        found.append(FileReport(name, title, tool, sessions, tests, tuple(losses)))
    return found
