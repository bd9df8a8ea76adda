"""Export sessions of a storage to files."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pytest_insight import locations
from pytest_insight._util.files import lock_path
from pytest_insight._util.progress import counted, wants_totals
from pytest_insight.errors import ExchangeError
from pytest_insight.exchange.formats import (
    DEFAULT_FORMAT,
    EXPORT_FORMATS,
    get_format,
    suffix_of,
    write_file,
)
from pytest_insight.filters import (
    SECONDS_PER_DAY,
    HasTag,
    Selection,
    SessionFilter,
    SessionIdIn,
    StartedWithin,
    SutIs,
    arguments,
)
from pytest_insight.models import TestSession

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage, Path_


def export_selection(
    storage: BaseStorage,
    target: Path_ | BinaryIO,
    selection: Selection,
    output_format: str | None,
) -> int:
    """Write the selected sessions to a file; see `BaseStorage.export_sessions`."""
    # If results are filtered, counting first would cost as much as the export itself.
    is_cheap = not (selection.result_filters or selection.test_filters)
    total = len(storage.session_ids(selection)) if is_cheap and wants_totals() else None
    sessions = counted(_read_first(storage.iter_sessions(selection)), "writing", total)
    default = storage.exchange.export_format
    if not isinstance(target, str | os.PathLike):
        name = output_format or default or DEFAULT_FORMAT
        return get_format(name, EXPORT_FORMATS).write(sessions, target)
    path = Path(target)
    _refuse_store(path)
    if output_format is None and not suffix_of(path):
        output_format = default
    return write_file(sessions, path, output_format)


def selection_of(
    days: float | None,
    sut: str | None,
    tags: Mapping[str, str] | None,
    session_ids: Collection[str] | None,
) -> Selection:
    """Return the selection for the arguments of `BaseStorage.export_sessions`."""
    filters: list[SessionFilter] = []
    if days is not None:
        filters.append(StartedWithin(arguments.number("days", days) * SECONDS_PER_DAY))
    if sut is not None:
        filters.append(SutIs(sut))
    filters += [HasTag(key, value) for key, value in (tags or {}).items()]
    if session_ids is not None:
        filters.append(SessionIdIn(frozenset(session_ids)))
    return Selection(tuple(filters))


def _read_first(sessions: Iterator[TestSession]) -> Iterator[TestSession]:
    """Read the first session now: if the store cannot be read, no output is begun."""
    first = next(sessions, None)
    return sessions if first is None else chain((first,), sessions)


def _refuse_store(path: Path) -> None:
    """Raise if an export would overwrite a store or the profiles.

    Only a store has a lock file; an export looks the same otherwise.
    """
    is_store = False
    with suppress(OSError, ValueError):  # the writer reports an impossible path
        real = Path(os.path.realpath(path))
        is_store = lock_path(real).exists() or real == locations.store_path()
    if is_store:
        raise ExchangeError(
            f"{path} is a store, and an export would overwrite its sessions; name another file",
            str(path),
        )
