"""Find the files to import: in folders, and by patterns."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pytest_insight._util.progress import counted
from pytest_insight.document.layout import is_native
from pytest_insight.errors import ExchangeError, InsightError
from pytest_insight.exchange.input import Input
from pytest_insight.exchange.paths import is_file, is_folder
from pytest_insight.exchange.read_formats import folder_format, recognized
from pytest_insight.exchange.readers.csv import looks_like_csv

_NO_REPORTS = frozenset({".git", ".hg", ".svn", "__pycache__", "node_modules", ".venv", ".tox"})
"""Folders that are not searched."""
_REPORT_SUFFIXES = frozenset({".xml", ".json", ".jsonl", ".csv"})


class Found(NamedTuple):
    """The files to import.

    Attributes:
        paths: files, and folders that are one report, each once.
        passed_over: the number of files in folders that are no reports.
    """

    paths: list[Path]
    passed_over: int = 0


def find_reports(given: Iterable[Path]) -> Found:
    """Return the files that paths mean.

    A folder means all reports in it, and a pattern every path that it matches.

    Raises:
        ExchangeError: a folder has no report, or a pattern matches nothing.
    """
    paths: dict[Path, None] = {}
    passed_over = 0
    for path in (each for one in given for each in _matching(one)):
        if not is_folder(path):
            paths[path] = None
            continue
        found = _in_folder(path)
        if not found.paths:
            raise ExchangeError(
                f"the folder {path} has no reports that can be imported; its files: "
                f"{found.passed_over:,}",
                str(path),
            )
        paths.update(dict.fromkeys(found.paths))
        passed_over += found.passed_over
    return Found(list(paths), passed_over)


def _matching(path: Path) -> list[Path]:
    pattern = str(path)
    if "\0" in pattern or not glob.has_magic(pattern) or os.path.lexists(path):
        return [path]
    found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - of any path, also absolute
    if not found:
        raise ExchangeError(f"no file matches {pattern}", pattern)
    return [Path(each) for each in found]


def _in_folder(folder: Path) -> Found:
    """Return the reports in a folder and the folders in it."""
    paths: list[Path] = []
    others = 0
    for parent, folders, names in counted(os.walk(folder), f"searching {folder}"):
        folders[:] = sorted(set(folders) - _NO_REPORTS)
        here = Path(parent)
        whole = folder_format(here)
        if whole is not None:
            paths.append(here)
        for name in sorted(names):
            if whole is not None and (whole.owns is None or whole.owns(name)):
                continue
            if _is_report(here / name):
                paths.append(here / name)
            else:
                others += 1
    return Found(paths, others)


def _is_report(path: Path) -> bool:
    if not is_file(path) or not path.stat().st_size:
        return False
    try:
        file = Input.from_path(path)
        return recognized(file) is not None or is_native(file.head) or looks_like_csv(file.head)
    except InsightError:
        # Unreadable or damaged. With the name of a report it is an error of the import.
        return not _REPORT_SUFFIXES.isdisjoint(path.suffixes[-2:])
