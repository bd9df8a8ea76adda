"""The formats in which files with sessions are read, and how a file is read in one of them.

A format is chosen by its name, else by the content if it is that of another program's report, else
by the file's suffix (that of a compression may follow), else by the content.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import cast

import msgspec

from pytest_insight.errors import ExchangeError, UnknownChoiceError, alternatives
from pytest_insight.exchange.draft import (
    ForeignReport,
    SessionDraft,
    complete,
    describe,
    fold,
)
from pytest_insight.exchange.file_content import FileContent
from pytest_insight.exchange.input import HEAD_BYTES, Input
from pytest_insight.exchange.options import ReadOptions
from pytest_insight.exchange.paths import is_folder, suffix_of
from pytest_insight.exchange.readers import csv, json, junit, recognition
from pytest_insight.limits import MAX_TEXT_SHOWN

_COMPRESSED = (".gz", ".bz2", ".xz")
_NO_OPTIONS = ReadOptions()


class UnknownFormatError(ExchangeError):
    """Neither the name nor the content of a file tells its format."""


class OwnFormat(msgspec.Struct, frozen=True):
    """A format whose files hold whole sessions.

    Attributes:
        name: for users.
        suffix: of its files, with the dot.
        read: reads a file's bytes; takes the file's name, too, for messages.
        looks_like: whether a file's bytes look like this format; the first match wins.
        refuse_other: raises ExchangeError if a file that begins with these bytes (`Input.head`)
            is surely not of this format, before a large one is read; takes its name, too.
    """

    name: str
    suffix: str
    read: Callable[[bytes, str], FileContent]
    looks_like: Callable[[bytes], bool]
    refuse_other: Callable[[bytes, str], None]


class ForeignFormat(msgspec.Struct, frozen=True):
    """The format of another program's reports.

    Attributes:
        name: for users, and in the `source` of sessions.
        title: for people: "JUnit XML".
        read: reads the sessions of a file; `options` says what the file may not. Raises
            ExchangeError, with the place, for what cannot be read.
        looks_like: whether a file that begins with these bytes (`Input.head`) is surely of this
            format, whatever its name.
        is_folder: whether a folder as a whole is one report; None if reports are single files.
            `read` then gets an input whose `path` is the folder.
        owns: whether a file of this name in such a folder is a part of the report; None for all.
    """

    name: str
    title: str
    read: Callable[[Input, ReadOptions], Sequence[SessionDraft]]
    looks_like: Callable[[bytes], bool]
    is_folder: Callable[[Path], bool] | None = None
    owns: Callable[[str], bool] | None = None


def _reader(module: str) -> Callable[[Input, ReadOptions], Sequence[SessionDraft]]:
    """Return the function `read` of a module in `readers`, which is imported when it is called."""

    def read(file: Input, options: ReadOptions) -> Sequence[SessionDraft]:
        found = import_module(f"pytest_insight.exchange.readers.{module}")
        return cast(Sequence[SessionDraft], found.read(file, options))

    return read


OWN_FORMATS = (
    OwnFormat("json", ".json", json.read, json.looks_like_json, json.refuse_other),
    OwnFormat("csv", ".csv", csv.read, csv.looks_like_csv, csv.refuse_other),
)
FOREIGN_FORMATS = (
    ForeignFormat("junit", "JUnit XML", junit.read, junit.looks_like_junit),
    ForeignFormat(
        "reportlog", "pytest-reportlog", _reader("report_log"), recognition.looks_like_report_log
    ),
    ForeignFormat(
        "json-report",
        "pytest-json-report",
        _reader("json_report"),
        recognition.looks_like_json_report,
    ),
    ForeignFormat("ctrf", "CTRF", _reader("ctrf"), recognition.looks_like_ctrf),
    ForeignFormat(
        "allure",
        "Allure results",
        _reader("allure"),
        recognition.looks_like_allure_result,
        recognition.is_allure_folder,
        recognition.is_allure_file,
    ),
    ForeignFormat("recap", "pytest-recap", _reader("recap"), recognition.looks_like_recap),
    ForeignFormat(
        "upstream", "upstream pytest-insight", _reader("upstream"), recognition.looks_like_upstream
    ),
)
"""A new format is a module in `readers` and a line here."""

READ_FORMATS: dict[str, OwnFormat | ForeignFormat] = {
    each.name: each for each in (*OWN_FORMATS, *FOREIGN_FORMATS)
}


def format_of_path(path: str | os.PathLike[str]) -> OwnFormat | None:
    """Return the format with the path's suffix, before that of a compression; None if none has."""
    path = Path(path)
    plain = path.with_suffix("") if path.suffix.lower() in _COMPRESSED and path.stem else path
    suffix = suffix_of(plain)
    return next((each for each in OWN_FORMATS if each.suffix == suffix), None)


def read_file(
    path: Path, format_name: str | None = None, options: ReadOptions = _NO_OPTIONS
) -> FileContent:
    """Read a file, or a folder that is one report; see `read_input`."""
    return completed(read_input(open_input(path), format_name, options), options)


def read_bytes(
    data: bytes, source: str, format_name: str | None = None, options: ReadOptions = _NO_OPTIONS
) -> FileContent:
    """Read a file's bytes, compressed or not; see `read_input`."""
    return completed(read_input(Input(source, data), format_name, options), options)


def open_input(path: Path) -> Input:
    """Return the input for a file, or for a folder that is one report.

    Raises:
        ExchangeError: as `Input.from_path`.
    """
    if folder_format(path) is not None:
        return Input(str(path), path=path)
    return Input.from_path(path)


def folder_format(path: Path) -> ForeignFormat | None:
    """Return the format of a folder that is one report as a whole; None for any other path."""
    if not is_folder(path):
        return None
    formats = (each for each in FOREIGN_FORMATS if each.is_folder is not None)
    return next((each for each in formats if each.is_folder and each.is_folder(path)), None)


def recognized(file: Input) -> ForeignFormat | None:
    """Return the format of another program's report; None if the file is surely of none."""
    return next((each for each in FOREIGN_FORMATS if each.looks_like(file.head)), None)


def read_input(file: Input, format_name: str | None, options: ReadOptions) -> FileContent:
    """Read a file; the sessions of another program's report are drafts until `completed`.

    Args:
        file: the input.
        format_name: the format; None to find it out.
        options: what the reports of other programs may not say.

    Raises:
        ExchangeError: empty, not in this format, or in none that we know.
        NewerFormatError: written by a later version of pytest-insight.
        UnknownChoiceError: there is no such format.
    """
    chosen = _format(file, format_name)
    if isinstance(chosen, ForeignFormat):
        drafts = list(chosen.read(file, options))
        if not any(draft.results for draft in drafts):
            raise ExchangeError(
                f"{file.source} has no tests: there is nothing to import", file.source
            )
        foreign = ForeignReport(file.source, chosen.name, chosen.title, file.digest, drafts)
        return FileContent(file.source, foreign=foreign, files=(describe(foreign),))
    chosen.refuse_other(file.head, file.source)
    data = file.read()
    if not data or data.isspace():
        raise _empty(file.source)
    return chosen.read(data, file.source)


def completed(content: FileContent, options: ReadOptions) -> FileContent:
    """Return the content with sessions in place of drafts.

    Raises:
        ExchangeError: the SUT of a session is unknown, or a session is not valid.
    """
    if content.foreign is None:
        return content
    found = complete(content.foreign, options)
    content.foreign = None
    content.total = len(found)
    content.sessions = [session for session, _ in found]
    content.losses = {session.session_id: losses for session, losses in found}
    return content


def folded(contents: Sequence[FileContent]) -> list[FileContent]:
    """Return the contents with all reports of other programs as one: one run in several files."""
    foreign = [each for each in contents if each.foreign is not None]
    if not foreign:
        return list(contents)
    report = fold([each.foreign for each in foreign if each.foreign is not None])
    files = tuple(file for each in foreign for file in each.files)
    joined = FileContent(report.source, foreign=report, files=files)
    return [joined, *(each for each in contents if each.foreign is None)]


def _format(file: Input, name: str | None) -> OwnFormat | ForeignFormat:
    if name is not None and name not in READ_FORMATS:
        raise UnknownChoiceError("format", name, READ_FORMATS)
    folder = file.path and folder_format(file.path)
    if folder:
        return READ_FORMATS[name] if name else folder
    head = file.head
    if len(head) < HEAD_BYTES and (not head or head.isspace()):
        raise _empty(file.source)
    if name is not None:
        return READ_FORMATS[name]
    found = recognized(file) or format_of_path(file.source)
    found = found or next((each for each in OWN_FORMATS if each.looks_like(head)), None)
    if found is None:
        raise _unknown(file.source, head)
    return found


def _unknown(source: str, head: bytes) -> ExchangeError:
    root = junit.root_element(head)
    if root is not None:
        return ExchangeError(
            f"{source} is XML or HTML with the root element {root[:MAX_TEXT_SHOWN]!r}, not a "
            "report that can be imported",
            source,
        )
    return UnknownFormatError(
        f"unknown format of {source}: name it with --format {alternatives(READ_FORMATS)} "
        "(input_format=)",
        source,
    )


def _empty(source: str) -> ExchangeError:
    return ExchangeError(f"{source} is empty: there is nothing to import", source)
