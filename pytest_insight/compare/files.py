"""A file as a side: what was exported, or what another program wrote."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from pytest_insight.analysis.comparison.values import SideKind
from pytest_insight.compare.chosen_sessions import Chosen
from pytest_insight.errors import ExchangeError
from pytest_insight.exchange.options import Project, ReadOptions
from pytest_insight.exchange.read_formats import UnknownFormatError, folder_format, read_file
from pytest_insight.filters import Selection, SessionFilter, SutIs
from pytest_insight.models.text import plural
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


def read_side(
    name: str,
    filters: tuple[SessionFilter, ...],
    history: BaseStorage,
    sut: str | None,
) -> Chosen:
    """Return the sessions of a file.

    Args:
        name: the path.
        filters: which of them count. If none is of the SUT that is wanted, those of others do.
        history: knows the exact nodeids of tests, which the reports of other programs may not.
        sut: the SUT of the reports of other programs; None for the one that they name, else the
            project's, even if none of their tests is there: they are compared, not kept.

    Raises:
        ExchangeError: it cannot be read, or has no session that counts.
    """
    found = find_project()
    project = None if found is None else Project(found.sut_name, found.root, has_all=True)
    written = datetime.fromtimestamp(Path(name).stat().st_mtime, UTC)
    known = partial(exact_nodeids, history)
    options = ReadOptions(sut=sut, project=project, started=written, known_nodeids=known)
    try:
        content = read_file(Path(name), None, options)
    except UnknownFormatError:
        message = f"{name} is not a file that insight export or another program wrote of test runs"
        raise ExchangeError(message, name) from None
    if content.problems:
        count = plural(content.problem_count, "invalid value")
        raise ExchangeError(f"{name} has {count}, such as {content.problems[0]}", name)
    storage = InMemoryStorage()
    storage.save_sessions(content.sessions)
    suts = [each for each in filters if isinstance(each, SutIs)]
    others = Selection(tuple(each for each in filters if each not in suts))
    headers = list(storage.iter_headers(others, newest_first=True))
    if not headers:
        left_out = " (--since, --until and --tag leave out all)" if content.sessions else ""
        raise ExchangeError(f"{name} has no session to compare{left_out}", name)
    of_suts = [each for each in headers if all(sut.names(each.sut_name) for sut in suts)]
    return Chosen(name, SideKind.FILE, storage, of_suts or headers, is_dated=False)
