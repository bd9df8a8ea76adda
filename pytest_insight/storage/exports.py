"""Export sessions of a storage to files."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from pytest_insight import locations
from pytest_insight._util.files import lock_path
from pytest_insight._util.progress import counted, wants_totals
from pytest_insight._util.storable import storable_text
from pytest_insight.document.layout import NATIVE_START, is_native
from pytest_insight.errors import ExchangeError, InvalidArgumentError, ProfileError
from pytest_insight.exchange.paths import suffix_of
from pytest_insight.exchange.write_formats import (
    DEFAULT_FORMAT,
    EXPORT_FORMATS,
    Format,
    format_to_write,
    get_format,
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
from pytest_insight.limits import MAX_FIELDS_BYTES
from pytest_insight.models import TestSession
from pytest_insight.storage.sqlite_files import has_magic

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage, Path_


class Export(NamedTuple):
    """What an export wrote.

    Attributes:
        sessions: their number.
        files: the files; empty if it was an open one.
    """

    sessions: int
    files: tuple[Path, ...] = ()


def chosen_format(storage: BaseStorage, path: Path_ | None, output_format: str | None) -> Format:
    """Return the format of an export; see `BaseStorage.export_sessions`.

    Args:
        storage: that which is exported.
        path: the file; None if it is an open one.
        output_format: the format that was named.

    Raises:
        InsightError: as from `BaseStorage.export_sessions`.
    """
    default = storage.exchange.export_format
    if path is None:
        return get_format(output_format or default or DEFAULT_FORMAT, EXPORT_FORMATS)
    if output_format is None and not suffix_of(path):
        output_format = default
    return format_to_write(Path(path), output_format)


def export_selection(
    storage: BaseStorage,
    target: Path_ | BinaryIO,
    selection: Selection,
    output_format: str | None,
    *,
    force: bool = False,
    split: bool = False,
    change: Callable[[TestSession], TestSession] | None = None,
) -> Export:
    """Write the selected sessions to a file; see `BaseStorage.export_sessions`.

    With `change`, what it returns for each session is written.
    """
    path = Path(target) if isinstance(target, str | os.PathLike) else None
    chosen = chosen_format(storage, path, output_format)
    # If results are filtered, counting first would cost as much as the export itself.
    is_cheap = not (selection.result_filters or selection.test_filters)
    total = len(storage.session_ids(selection)) if is_cheap and wants_totals() else None
    found = storage.iter_sessions(selection)
    sessions = counted(_read_first(map(change, found) if change else found), "writing", total)
    if not isinstance(target, str | os.PathLike):
        if split:
            raise InvalidArgumentError("several files need names: name one, or leave out --split")
        return Export(chosen.write(sessions, target))
    path = Path(target)
    if split:
        from pytest_insight.exchange.split_export import write_parts  # few exports need it

        def check(part: Path) -> None:
            refuse_loss(storage, part, "an export", force=force)

        count, parts = write_parts(sessions, path, chosen.name, check)
        return Export(count, tuple(parts))
    return Export(write_sessions(storage, sessions, path, chosen.name, force=force), (path,))


def write_sessions(
    storage: BaseStorage,
    sessions: Iterable[TestSession],
    path: Path,
    output_format: str,
    *,
    force: bool = False,
) -> int:
    """Write sessions of a storage to a file; see `BaseStorage.export_sessions`."""
    refuse_loss(storage, path, "an export", force=force)
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


def refuse_loss(storage: BaseStorage, path: Path, what: str, *, force: bool | None) -> None:
    """Raise if writing a file would overwrite a store or the profiles.

    A store whose lock file was not copied with it looks like an export. So an export is not
    overwritten either if it has a session that the store does not have.

    Args:
        storage: what is written is from its sessions.
        path: the file.
        what: what is written: "an export".
        force: whether to overwrite an export or another store; None if the user has no such option.
    """
    problem = ""
    with suppress(OSError, ValueError, ProfileError):  # the writer reports an impossible path
        real = Path(os.path.realpath(path))
        own = storage.file_path
        if real == locations.profiles_path():
            problem = f"has the profiles, which {what} would overwrite; name another file"
        elif own is not None and (real == locations.store_path() == own or _is_same(real, own)):
            problem = (
                f"is the store itself, and {what} would overwrite its sessions; name another "
                "file, or delete sessions with: insight sessions prune"
            )
        elif not force and (why := _what_is_lost(storage, real, what)):
            forced = "" if force is None else ", or overwrite it with --force (force=True)"
            problem = f"{why}; name another file{forced}"
    if problem:
        raise ExchangeError(f"{path} {problem}", str(path))


def _is_same(path: Path, own: Path) -> bool:
    return path == Path(os.path.realpath(own)) or (
        path.exists() and own.exists() and path.samefile(own)
    )


def _what_is_lost(storage: BaseStorage, path: Path, what: str) -> str:
    """Return what writing over an existing file would lose; empty if it is nothing."""
    if lock_path(path).exists() or path == locations.store_path():
        return f"is a store, and {what} would overwrite its sessions"
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        start = file.read(len(NATIVE_START))
        if has_magic(start):
            return f"is an SQLite database, and {what} would overwrite it"
        if not is_native(start):
            return ""
        names = map(_SESSION_ID.match, iter(lambda: file.readline(MAX_FIELDS_BYTES), b""))
        there = {storable_text(json.loads(name[1])) for name in names if name}
    lost = len(there.difference(storage.session_ids()))
    return f"has sessions ({lost:,}) that {storage.location} does not have" if lost else ""


_SESSION_ID = re.compile(rb'\{"session_id":("(?:[^"\\]|\\.)*+")')
