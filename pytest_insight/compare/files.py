"""A file as a side: what was exported, or what another program wrote."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from pytest_insight.analysis.comparison.values import SideKind
from pytest_insight.compare.chosen_sessions import Chosen
from pytest_insight.errors import ExchangeError, InvalidImportError
from pytest_insight.exchange.options import Project, ReadOptions
from pytest_insight.exchange.read_formats import folder_format, read_file
from pytest_insight.profiles.project import find_project
from pytest_insight.storage.base import BaseStorage
from pytest_insight.storage.imports import exact_nodeids
from pytest_insight.storage.memory import InMemoryStorage


def is_file(name: str) -> bool:
    """Return whether a name is that of a file, or of a folder that is one report."""
    try:
        return os.path.isfile(name) or folder_format(Path(name)) is not None  # noqa: PTH113 - raises less
    except (OSError, ValueError):
        return False


def read_side(name: str, history: BaseStorage, sut: str | None) -> Chosen:
    """Return all sessions of a file.

    Args:
        name: the path.
        history: knows the exact nodeids of tests, which the reports of other programs may not.
        sut: the SUT of the reports of other programs; None for the one that they name, else the
            project's.

    Raises:
        ExchangeError: it cannot be read, or has no session.
    """
    found = find_project()
    project = None if found is None else Project(found.sut_name, found.root)
    written = datetime.fromtimestamp(Path(name).stat().st_mtime, UTC)
    known = partial(exact_nodeids, history)
    options = ReadOptions(sut=sut, project=project, started=written, known_nodeids=known)
    content = read_file(Path(name), None, options)
    if content.problems:
        raise InvalidImportError(
            content.source, content.problems, content.total, content.problem_count
        )
    storage = InMemoryStorage()
    storage.save_sessions(content.sessions)
    headers = list(storage.iter_headers(newest_first=True))
    if not headers:
        raise ExchangeError(f"{name} has no session to compare", name)
    return Chosen(name, SideKind.FILE, storage, headers, is_dated=False)
