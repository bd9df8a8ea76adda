"""Bad files: a clear error, and nothing is written."""

from __future__ import annotations

import gzip
import json
import os
import socket
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from pytest_insight.errors import (
    ExchangeError,
    InsightError,
    InvalidImportError,
    UnknownChoiceError,
)
from pytest_insight.exchange.merge import MergePlanner, MergeStrategy
from pytest_insight.exchange.read_formats import read_file
from pytest_insight.exchange.write_formats import FORMATS, write_file
from pytest_insight.storage.base import BaseStorage
from pytest_insight.storage.json.storage import JSONStorage
from tests.conftest import MakeSession
from tests.exchange.golden import SESSIONS
from tests.exchange.helpers import (
    csv_file,
    csv_row,
    read,
    result_object,
    session_object,
    without_root,
    written,
)

on_posix = pytest.mark.skipif(os.name != "posix", reason="pipes, devices, permissions of POSIX")


def bytes_of(storage: BaseStorage) -> bytes | None:
    if not isinstance(storage, JSONStorage):
        return None
    path = Path(storage.location)
    return path.read_bytes() if path.exists() else b""


Content = bytes | Callable[[Path], object]


def _folder(path: Path) -> None:
    path.mkdir()


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _unreadable(path: Path) -> None:
    path.write_bytes(b"[]")
    path.chmod(0)


WHOLE = written(SESSIONS, "json")
DEEP = 100_000

FILES: dict[str, tuple[Content, str]] = {
    "missing": (lambda path: None, "No such file"),
    "a folder": (_folder, "the folder bad.json has no reports"),
    "a link to itself": (_loop, "symbolic link"),
    "empty": (b"", "is empty: there is nothing to import"),
    "only white space": (b" \r\n\t\n", "is empty: there is nothing to import"),
    "only a byte order mark": (b"\xef\xbb\xbf", "is empty: there is nothing to import"),
    "empty when unpacked": (gzip.compress(b""), "is empty: there is nothing to import"),
    "not JSON": (b"hello", r"cannot be read as JSON: .*line 1 column 1"),
    "a program": (bytes(range(256)) * 10, "cannot be read as JSON"),
    "NUL bytes": (b"\0" * 1000, "cannot be read as JSON"),
    "NUL bytes at the end": (WHOLE + b"\0" * 1000, "cannot be read as JSON"),
    "two documents": (WHOLE * 2, "cannot be read as JSON: unexpected data after the end"),
    "JSON of another shape": (b'{"runs": []}', "expected a list of sessions or an object"),
    "cut in half": (WHOLE[: len(WHOLE) // 2], "cannot be read as JSON: .*seems to be cut short"),
    "cut at its last bracket": (WHOLE[:-4], "cannot be read as JSON: .*seems to be cut short"),
    "of a newer version": (WHOLE.replace(b":2,", b":3,", 1), "written by a newer pytest-insight"),
    "UTF-16 cut short": ("[]".encode("utf-16") + b"x", "byte order mark of UTF-16, but is not"),
    "100,000 lists": (b"[" * DEEP + b"]" * DEEP, "nested too deeply"),
    "100,000 open lists": (b"[" * DEEP, "nested too deeply"),
    "100,000 objects": (b'{"a":' * DEEP + b"1" + b"}" * DEEP, "nested too deeply"),
    "100,000 lists in a session": (
        json.dumps([session_object(testing_system={"a": "DEEP"})])
        .replace('"DEEP"', "[" * DEEP + "]" * DEEP)
        .encode(),
        "nested too deeply",
    ),
    "a version of a million digits": (
        b'{"format":"pytest-insight","version":' + b"9" * 1_000_000 + b',"sessions":[]}',
        "with an unknown version",
    ),
    "a number of a million digits": (b"9" * 1_000_000, "more than 4300 digits"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_cannot_be_imported_says_why_and_changes_nothing(
    storage: BaseStorage, make_session: MakeSession, kind: str
) -> None:
    storage.save_session(make_session())
    before = bytes_of(storage)
    content, message = FILES[kind]
    path = Path("bad.json")
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content(path)
    with pytest.raises(InsightError, match=message) as info:
        storage.import_sessions(path)
    assert "bad.json" in str(info.value)
    assert len(str(info.value)) < 500
    assert storage.load_sessions() == [make_session()]
    assert bytes_of(storage) == before


@on_posix
def test_a_file_that_may_not_be_read_says_so() -> None:
    _unreadable(Path("secret.json"))
    with without_root(), pytest.raises(ExchangeError, match=r"cannot read .*: Permission denied"):
        read_file(Path("secret.json").absolute())


@on_posix
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/urandom"])
def test_a_device_is_refused_without_reading_it(device: str) -> None:
    with pytest.raises(ExchangeError, match=f"cannot read {device}: it is a device, not a file"):
        read_file(Path(device))


@on_posix
def test_a_pipe_without_a_writer_is_refused_without_waiting() -> None:
    os.mkfifo("pipe.json")
    with pytest.raises(ExchangeError, match="it is a pipe without a writer"):
        read_file(Path("pipe.json"))


@on_posix
def test_a_socket_is_refused() -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("a.sock")
        with pytest.raises(ExchangeError, match=r"cannot read a\.sock: "):
            read_file(Path("a.sock"))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("missing/a.json", "there is no folder .*missing; create it first"),
        ("file/a.json", "Not a directory"),
        ("folder", "it is a folder; name a file in it"),
        ("loop.json", "symbolic link"),
        ("x" * 300 + ".json", "File name too long"),
        ("a\0.json", "a path cannot contain NUL"),
        pytest.param("/dev/full", "No space left on device", marks=on_posix),
    ],
)
def test_a_path_that_cannot_be_written_says_why_and_leaves_nothing(path: str, message: str) -> None:
    Path("file").write_bytes(b"")
    Path("folder").mkdir()
    _loop(Path("loop.json"))
    before = sorted(Path().rglob("*"))
    with pytest.raises(ExchangeError, match=f"cannot write .*{message}"):
        write_file(SESSIONS, Path(path), None)
    assert sorted(Path().rglob("*")) == before


@pytest.mark.parametrize("path", ["a\0.json", "x" * 300, "file/a.json", "missing/a.json"])
def test_an_impossible_path_to_read_is_an_exchange_error(path: str) -> None:
    Path("file").write_bytes(b"")
    with pytest.raises(ExchangeError, match="cannot read "):
        read_file(Path(path))


def test_a_url_instead_of_a_file_is_refused_without_its_password() -> None:
    path = Path("mysql://u:secret@h/db.json")
    with pytest.raises(
        ExchangeError, match=r"read the URL mysql://\*\*\*: give the path"
    ) as reading:
        read_file(path)
    with pytest.raises(
        ExchangeError, match=r"write the URL mysql://\*\*\*: give the path"
    ) as writing:
        write_file(SESSIONS, path, None)
    assert "secret" not in f"{reading.value}{writing.value}"


def test_one_bad_session_among_good_ones_refuses_the_whole_file(
    storage: BaseStorage, make_session: MakeSession
) -> None:
    storage.save_session(make_session())
    before = bytes_of(storage)
    bad = session_object("bad", sut_name="", test_results=[result_object(duration=-1)])
    Path("a.json").write_text(json.dumps([session_object("x"), bad, session_object("y"), 5]))
    with pytest.raises(InvalidImportError) as info:
        storage.import_sessions("a.json")
    assert info.value.total == 4
    assert str(info.value) == (
        "a.json was not imported, nothing was changed; it has 3 problems:\n"
        "  sessions[1].sut_name: must be a text that is not blank, not '' (session 'bad')\n"
        "  sessions[1].test_results[0].duration: must be zero or more, not -1 (session 'bad')\n"
        "  sessions[3]: must be an object, not 5\n"
        "Correct them, or import the rest with --skip-invalid (skip_invalid=True)."
    )
    assert storage.load_sessions() == [make_session()]
    assert bytes_of(storage) == before

    report = storage.import_sessions("a.json", skip_invalid=True)
    assert (report.total, report.imported, report.invalid) == (4, 2, 2)
    assert [problem.session_index for problem in report.problems] == [1, 1, 3]
    assert storage.session_ids() == ["api-0", "x", "y"]


@pytest.mark.parametrize("name", ["json", "csv"])
def test_valid_sessions_of_an_invalid_file_need_skip_invalid_in_every_format(
    storage: BaseStorage, name: str
) -> None:
    path = Path(f"a.{name}")
    if name == "csv":
        path.write_text(csv_file(csv_row("x"), csv_row("y", start_time="soon")))
    else:
        results = [result_object(start_time="soon")]
        path.write_text(
            json.dumps([session_object("x"), session_object("y", test_results=results)])
        )
    with pytest.raises(
        InvalidImportError, match="start_time: must be an ISO 8601 time, not 'soon'"
    ):
        storage.import_sessions(path)
    assert storage.session_ids() == []
    storage.import_sessions(path, skip_invalid=True)
    assert storage.session_ids() == ["x"]


def test_an_unknown_strategy_or_format_is_refused_before_the_file_is_opened(
    storage: BaseStorage,
) -> None:
    with pytest.raises(UnknownChoiceError, match="unknown merge strategy 'replace'; did you mean"):
        storage.import_sessions("missing.json", "replace")
    Path("a.json").write_text("[]")
    with pytest.raises(UnknownChoiceError, match="unknown format 'xml'"):
        storage.import_sessions("a.json", input_format="xml")


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "session_id",
    [
        "a/b",
        "../../etc/passwd",
        "..",
        "a\nb\r\n",
        "x" * 10_000,
        "-rf",
        "=1",
        "a\0b",
        "\x1b[2J",
        "*",
    ],
)
def test_an_id_may_be_any_text_and_is_never_used_as_a_path(
    storage: BaseStorage, make_session: MakeSession, session_id: str, name: str
) -> None:
    Path(f"a.{name}").write_bytes(written([make_session(0, session_id=session_id)], name))
    before = {path for path in Path().rglob("*") if "store" not in path.parts}
    report = storage.import_sessions(f"a.{name}")
    assert report.imported == 1
    assert storage.session_ids() == [session_id.replace("\0", "\\x00")]
    report = storage.import_sessions(f"a.{name}", "keep_both")
    assert storage.count() == 2
    assert report.new_ids[0][1] == f"{report.new_ids[0][0]}-2"
    assert {path for path in Path().rglob("*") if "store" not in path.parts} == before


def test_a_number_of_a_million_digits_is_a_problem_of_its_session() -> None:
    digits = "9" * 1_000_000
    for value in (
        session_object("b", exit_status=1),
        session_object("b", testing_system={"a": 1}),
        session_object("b", session_duration=1),
    ):
        text = json.dumps([session_object("a"), value]).replace(": 1", f": {digits}")
        parsed = read(text)
        assert [s.session_id for s in parsed.sessions] == ["a"]
        assert [str(p) for p in parsed.problems] == [
            "sessions[1]: it has a whole number of more than 4300 digits"
        ]
    parsed = read(csv_file(csv_row("b", "1", exit_status=digits, duration=digits)), "csv")
    assert {p.place for p in parsed.problems} == {
        "row 2, column exit_status",
        "row 2, column duration",
    }
    assert all(len(str(p)) < 200 for p in parsed.problems)


def test_a_fraction_of_a_million_digits_is_a_number() -> None:
    text = json.dumps([session_object(session_duration=1.5)]).replace("1.5", "1.5" + "0" * 10**6)
    assert read(text).sessions[0].session_duration == 1.5


@pytest.mark.parametrize("name", FORMATS)
def test_a_text_of_megabytes_is_read_in_bounded_memory(
    make_session: MakeSession, name: str
) -> None:
    size = 4_000_000
    results = [result_object(capstdout="é\n" * (size // 2))]
    session = read([session_object(test_results=results)]).sessions[0]
    data = written([session], name)
    tracemalloc.start()
    try:
        parsed = read(data, name)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert parsed.sessions == [session]
    assert peak < 15 * len(data)


def test_a_deeply_nested_session_is_refused_or_can_be_read_again_from_anywhere() -> None:
    storage = JSONStorage("store.json")
    text = json.dumps([session_object(testing_system={"a": "DEEP"})])
    Path("a.json").write_text(text.replace('"DEEP"', "[" * 900 + "]" * 900))
    with suppress(InsightError):
        storage.import_sessions("a.json")

    def load(frames: int) -> int:
        return load(frames - 1) if frames else len(storage.load_sessions())

    assert load(100) == load(0)


def test_ten_thousand_sessions_of_one_id_are_all_kept() -> None:
    sessions = read([session_object()]).sessions * 10_000
    plan = MergePlanner(["a", "a-3"], MergeStrategy.KEEP_BOTH).plan(sessions)
    assert len({step.session.session_id for step in plan.steps} - {"a", "a-3"}) == 10_000


def test_ten_thousand_problems_are_all_listed() -> None:
    parsed = read([session_object(str(n), sut_name=" ") for n in range(10_000)])
    assert len(parsed.problems) == 10_000
