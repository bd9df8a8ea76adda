"""Read from a report why a test did not pass: the phase, pytest's message, where, and the text."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_insight._util.report_text import first_lines, frames_in, read_failure, subtest_title
from pytest_insight.recording.redaction import TextPolicy, to_text


class Reasons:
    """Reads the reasons of one run.

    Args:
        texts: what is kept of texts.
        root: the root folder, to which paths are relative.
        invoked_in: the folder in which pytest was started.
    """

    def __init__(self, texts: TextPolicy, root: Path, invoked_in: Path) -> None:
        self._texts = texts
        self._root = root
        self._invoked_in = invoked_in

    def fields(self, report: pytest.TestReport | pytest.CollectReport) -> dict[str, str]:
        """Return the fields of a result that did not pass; those that are empty are left out."""
        message, crash = self._message_and_crash(report)
        text = _text(report)
        if is_subtest(report) and not report.passed:
            text = f"{subtest_name(report)}\n{text}"
        found = {
            "phase": report.when if report.when in ("setup", "teardown") else "",
            "message": first_lines(self._texts.hide(message)),
            "crash": self._texts.hide(crash),
            "longreprtext": self._texts.clean(text),
        }
        return {name: value for name, value in found.items() if value}

    def _message_and_crash(self, report: Any) -> tuple[str, str]:
        """Return what pytest's short summary says, for every `--tb`, and `path:line`.

        pytest has no such message for some failures (a missing fixture, a module that cannot be
        imported, a doctest), and xdist sends them as a text alone: of those, the last exception in
        the text, else what its last line says of a place, else its first line.
        """
        found = report.longrepr
        if isinstance(found, tuple):
            path, line, why = found
            message, crash = why.removeprefix("Skipped: "), self._place(path, line)
        elif (at := getattr(found, "reprcrash", None)) is not None:
            message, crash = at.message, self._crash(found)
        else:
            message, crash = self._read_text("" if found is None else str(found))
        return str(getattr(report, "wasxfail", "") or message), crash

    def _crash(self, found: Any) -> str:
        """Return where the exception was raised, or the assertion of `unittest` was called.

        A line of `unittest/case.py` or `unittest/mock.py` says nothing of the test, and all such
        failures have it. Places in other packages are kept: they may be the fault.
        """
        at = found.reprcrash
        path = Path(at.path)
        if path.parent.name != "unittest" or path.is_relative_to(self._root):
            return self._place(at.path, at.lineno)
        place = (path, at.lineno)
        for shown, line in _frames(found):
            frame = Path(os.path.normpath(self._invoked_in / shown))
            inside = frame.relative_to(self._root) if frame.is_relative_to(self._root) else None
            if inside is not None and "site-packages" not in inside.parts:
                place = (frame, line)
        return self._place(*place)

    def _read_text(self, text: str) -> tuple[str, str]:
        found = read_failure(text)
        return found.message, self._place(found.path, found.line) if found.path else ""

    def _place(self, path: object, line: object) -> str:
        return place_in(self._root, path, line)


def _frames(found: Any) -> Iterator[tuple[str, object]]:
    """Yield path and line of the frames of a failure that pytest shows, the innermost one last.

    There are none with `--tb=line` and `--tb=no`. Paths may be relative to the folder in which
    pytest was started.
    """
    for entry in found.reprtraceback.reprentries:
        place = getattr(entry, "reprfileloc", None)
        if place is not None:
            yield place.path, place.lineno
        else:  # of `--tb=native`, which has all frames in one entry
            yield from frames_in("".join(entry.lines))


def place_in(root: Path, path: object, line: object) -> str:
    """Return `path:line`; the path is relative to the root folder if the file is in it."""
    return f"{str(path).removeprefix(f'{root}{os.sep}')}:{line}"


def is_subtest(report: pytest.TestReport | pytest.CollectReport) -> bool:
    """Return whether a report is that of a subtest, of pytest or the plugin pytest-subtests."""
    return type(report) is not pytest.TestReport and hasattr(report, "context")


def subtest_name(report: Any) -> str:
    """Return the name of a subtest as pytest shows it: `subtest [message] (n=1)`."""
    message = getattr(report.context, "msg", None)
    values = getattr(report.context, "kwargs", None) or {}
    # The values are texts already in pytest 9, which keeps their reprs.
    return subtest_title(message, ((name, to_text(value)) for name, value in values.items()))


def _text(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return the failure as pytest shows it, or the reason of a skip."""
    xfail_reason = getattr(report, "wasxfail", None)
    if isinstance(report.longrepr, tuple):
        path, line, why = report.longrepr
        text = f"{path}:{line}: {why}"
    else:
        text = report.longreprtext
    return "\n".join(part for part in (str(xfail_reason or ""), text) if part)
