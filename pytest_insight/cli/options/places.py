"""Nodeids, files and folders on the command line, as pytest takes them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from pytest_insight._util.storable import storable_text
from pytest_insight.cli.completion import candidates
from pytest_insight.errors import StorageError, near_names
from pytest_insight.filters import NodeidUnder, Selection, SutIs

if TYPE_CHECKING:
    from pytest_insight.query import Query
    from pytest_insight.storage.base import BaseStorage

ROOT = "."
"""The root folder: all tests are in it."""

TestsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TEST",
        autocompletion=candidates.places,
        help="Only these tests: nodeids, classes (FILE::CLASS), files or folders.",
    ),
]


def find_places(query: Query, arguments: Sequence[str]) -> list[str]:
    """Return the nodeids, classes, files and folders that arguments name, relative to the root.

    The list is empty if an argument is the root folder itself, in which all tests are.

    A path is relative to the current folder, as for pytest, if any test is there; else to the root
    folder, as in nodeids that are printed.

    Args:
        query: its SUT is looked at, whatever else it asks.
        arguments: nodeids, classes, files or folders.

    Raises:
        StorageError: an argument names no test of the SUT.
    """
    suts = tuple(f for f in query.selection.session_filters if isinstance(f, SutIs))
    found = [_find(query, Selection(suts), argument) for argument in arguments]
    return [] if ROOT in found else found


def _find(query: Query, selection: Selection, argument: str) -> str:
    storage = query.open_storage()
    spellings = spellings_of(argument)
    for place in spellings:
        if place == ROOT or _has_test(storage, selection, place):
            return place
    nodeids = {test.nodeid for test in storage.group_by_test(selection, percentiles=False)}
    if not nodeids:
        return next(iter(spellings))  # the query finds nothing, and says why
    hint = _hint(argument, spellings, nodeids)
    if any(_has_test(storage, Selection(), place) for place in spellings):
        hint = "another SUT has it: add -A, or name it with --sut"
    raise StorageError(f"no test at {argument!r} in {storage.location}; {hint}", storage.location)


def spellings_of(argument: str) -> list[str]:
    """Return a nodeid or path as it is if it is relative to the current folder, and to the root."""
    return list(dict.fromkeys((_from_root(argument), _normal(argument))))


def _has_test(storage: BaseStorage, selection: Selection, place: str) -> bool:
    there = replace(selection, test_filters=(NodeidUnder((place,)),))
    # The newest session mostly has it, and is found first.
    return next(storage.iter_sessions(there, newest_first=True), None) is not None


def _hint(argument: str, spellings: Iterable[str], nodeids: set[str]) -> str:
    files = {nodeid.partition("::")[0] for nodeid in nodeids}
    known = sorted(nodeids if "::" in argument else files)
    near = near_names(next(iter(spellings)), known, most=1)
    return f"did you mean {near[0]!r}?" if near else f"for a part of a name: -k {argument}"


def _from_root(argument: str) -> str:
    """Return an argument relative to the root folder of the project in the current folder."""
    from pytest_insight.profiles.project import find_project

    project = find_project()
    if project is None:
        return _normal(argument)
    path, separator, names = argument.partition("::")
    # Links are not followed, as by pytest.
    return _text(os.path.relpath(Path.cwd() / path, project.root), separator + names)


def _normal(argument: str) -> str:
    path, separator, names = argument.partition("::")
    return _text(os.path.normpath(path), separator + names)


def _text(path: str, names: str) -> str:
    return storable_text(path.replace(os.sep, "/") + names)
