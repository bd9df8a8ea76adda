"""Formats of files, compression, and writing files completely or not at all."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_insight._util.progress import Watcher, watched
from pytest_insight.errors import ExchangeError, UnknownChoiceError
from pytest_insight.exchange.input import UNPACKED_VARIABLE
from pytest_insight.exchange.read_formats import format_of_path, read_bytes, read_file
from pytest_insight.exchange.write_formats import FORMATS, format_to_write, get_format, write_file
from pytest_insight.models import TestSession
from tests.conftest import MakeSession
from tests.exchange.golden import SESSIONS
from tests.exchange.helpers import read, without_root, written

SUFFIXES = (
    r"unknown suffix '\.\w+'; choose \.csv, \.ctrf\.json, \.json, \.parquet or \.xml; or name"
)
on_posix = pytest.mark.skipif(os.name != "posix", reason="pipes and permissions of POSIX")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.json", "json"),
        ("a.csv", "csv"),
        ("a.JSON", "json"),
        ("a.csv.gz", "csv"),
        ("a.CSV.GZ", "csv"),
        ("folder.csv/a.json", "json"),
        ("a.csv.json", "json"),
        ("a.gz", None),
        ("a.txt", None),
        ("json", None),
        (".gz", None),
        ("folder.csv/a", None),
    ],
)
def test_a_suffix_names_a_format(path: str, name: str | None) -> None:
    for given in (path, Path(path)):
        found = format_of_path(given)
        assert (found and found.name) == name


def test_a_format_is_found_by_its_name() -> None:
    assert {name: get_format(name).name for name in FORMATS} == {"json": "json", "csv": "csv"}


@pytest.mark.parametrize("name", ["xml", "JSON", "jsn", ".json", "a\n"])
def test_an_unknown_format_is_refused_and_says_which_there_are(name: str) -> None:
    with pytest.raises(UnknownChoiceError, match=r"unknown format .*(json|csv)") as info:
        get_format(name)
    assert info.value.choices == ["csv", "json"]
    with pytest.raises(UnknownChoiceError):
        write_file([], Path("a.json"), name)
    with pytest.raises(UnknownChoiceError):
        read_bytes(b"{}", "a", name)
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("name", ["json", "csv"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("lead", ["", " \n\t"])
def test_without_a_suffix_the_content_decides(name: str, encoding: str, lead: str) -> None:
    text = lead * (name == "json") + written(SESSIONS, name).decode()
    assert read_bytes(text.encode(encoding), "stdin").sessions == list(SESSIONS)


def test_a_format_given_by_name_overrides_the_suffix() -> None:
    write_file(SESSIONS, Path("a.json"), "csv")
    assert Path("a.json").read_bytes() == written(SESSIONS, "csv")
    assert read_file(Path("a.json"), "csv").sessions == list(SESSIONS)
    with pytest.raises(ExchangeError):
        read_file(Path("a.json"))


@pytest.mark.parametrize("path", ["a", "a.gz", "a.json"])
def test_json_is_the_default_format(path: str) -> None:
    assert write_file(SESSIONS, Path(path), None) == 2
    assert read_file(Path(path), "json").sessions == list(SESSIONS)


@pytest.mark.parametrize("path", ["a.html", "a.txt", "a.tar.gz", "history-2026.11.27"])
def test_a_file_with_a_suffix_of_no_format_is_written_only_in_a_named_format(path: str) -> None:
    with pytest.raises(UnknownChoiceError, match=SUFFIXES):
        write_file(SESSIONS, Path(path), None)
    assert not Path(path).exists()
    assert write_file(SESSIONS, Path(path), "csv") == 2


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.xml", "junit"),
        ("a.XML.gz", "junit"),
        ("a.parquet", "parquet"),
        ("a.ctrf.json", "ctrf"),
        ("a.ctrf.json.gz", "ctrf"),
        ("ctrf.json", "json"),
        ("folder.xml/a.json", "json"),
        ("a", "json"),
    ],
)
def test_the_suffix_of_a_file_chooses_the_format_in_which_it_is_written(
    path: str, name: str
) -> None:
    assert format_to_write(Path(path), None).name == name
    assert format_to_write(Path(path), "csv").name == "csv"


def test_the_error_for_unknown_content_says_how_to_name_a_format() -> None:
    with pytest.raises(
        ExchangeError,
        match=r"unknown format of notes.txt: name it with --format json, csv, junit",
    ):
        read_bytes(b"hello", "notes.txt")


@pytest.mark.parametrize("path", ["a.json.gz", "a.csv.gz", "a.gz", "a.JSON.GZ"])
def test_a_gz_suffix_compresses(path: str) -> None:
    write_file(SESSIONS, Path(path), None)
    data = Path(path).read_bytes()
    name = "csv" if "csv" in path else "json"
    assert gzip.decompress(data) == written(SESSIONS, name)
    assert read_file(Path(path)).sessions == list(SESSIONS)


def test_the_same_sessions_give_the_same_compressed_bytes() -> None:
    for path in ("a.json.gz", "b.json.gz"):
        write_file(SESSIONS, Path(path), None)
    assert Path("a.json.gz").read_bytes() == Path("b.json.gz").read_bytes()


def test_compressed_content_is_recognised_whatever_the_name() -> None:
    packed = gzip.compress(written(SESSIONS, "csv"))
    for name in ("a.csv", "stdin", "a.csv.gz"):
        assert read_bytes(packed, name).sessions == list(SESSIONS)
    two_parts = gzip.compress(b"[") + gzip.compress(b"]")
    assert read_bytes(two_parts, "a.json").total == 0


@pytest.mark.parametrize("harm", ["cut", "changed", "header only", "text after it"])
def test_damaged_gzip_is_refused(harm: str) -> None:
    packed = gzip.compress(written(SESSIONS, "json"))
    middle = len(packed) // 2
    data = {
        "cut": packed[:middle],
        "changed": packed[:middle] + bytes([packed[middle] ^ 255]) + packed[middle + 1 :],
        "header only": packed[:2],
        "text after it": packed + b"more",
    }[harm]
    with pytest.raises(ExchangeError, match=r"a\.json\.gz is cut short or damaged gzip"):
        read_bytes(data, "a.json.gz")


def test_a_small_file_that_unpacks_to_a_huge_one_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(UNPACKED_VARIABLE, "1")
    with pytest.raises(ExchangeError, match=r"more than 1 MiB.*gunzip"):
        read_bytes(gzip.compress(b" " * (2 << 20)), "a.json.gz")
    assert read_bytes(gzip.compress(b" " * 1000 + b"[]"), "a.json.gz").total == 0


def failing_after(sessions: tuple[TestSession, ...], error: Exception) -> Iterator[TestSession]:
    yield from sessions
    raise error


@pytest.mark.parametrize("name", ["a.json", "a.csv", "a.json.gz", "a.csv.gz"])
@pytest.mark.parametrize("exists", [True, False])
def test_a_file_is_replaced_only_by_a_complete_one(name: str, exists: bool) -> None:
    path = Path(name)
    if exists:
        path.write_bytes(b"before")
    with pytest.raises(RuntimeError, match="the store broke"):
        write_file(failing_after(SESSIONS, RuntimeError("the store broke")), path, None)
    with pytest.raises(ExchangeError, match=f"cannot write {name}: No space left"):
        write_file(failing_after(SESSIONS, OSError(28, "No space left")), path, None)
    assert [p.name for p in Path().iterdir()] == [name] * exists
    assert not exists or path.read_bytes() == b"before"
    write_file(SESSIONS, path, None)
    assert read_file(path).sessions == list(SESSIONS)
    assert [p.name for p in Path().iterdir()] == [name]


def test_the_old_file_is_there_until_the_new_one_is_complete() -> None:
    path = Path("a.json")
    path.write_bytes(b"before")

    def watching() -> Iterator[TestSession]:
        for session in SESSIONS:
            assert path.read_bytes() == b"before"
            yield session

    write_file(watching(), path, None)
    assert path.read_bytes() == written(SESSIONS, "json")


def test_a_symbolic_link_is_followed_not_replaced() -> None:
    Path("folder").mkdir()
    link = Path("link.json")
    link.symlink_to("folder/real.json")
    for _ in range(2):  # the target is missing, then there
        write_file(SESSIONS, link, None)
        assert link.is_symlink()
        assert Path("folder/real.json").read_bytes() == written(SESSIONS, "json")
    assert [p.name for p in Path("folder").iterdir()] == ["real.json"]


@on_posix
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_obeys_the_umask(umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_file(SESSIONS, Path("a.json"), None)
    finally:
        os.umask(before)
    assert Path("a.json").stat().st_mode & 0o777 == mode


@on_posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o444])
def test_an_existing_file_keeps_its_permissions(mode: int) -> None:
    path = Path("a.json")
    path.write_bytes(b"")
    path.chmod(mode)
    write_file(SESSIONS, path, None)
    assert path.stat().st_mode & 0o777 == mode


@on_posix
@pytest.mark.parametrize("name", ["pipe.json", "pipe.csv.gz"])
def test_a_pipe_is_written_to_as_it_is(name: str) -> None:
    path = Path(name)
    os.mkfifo(path)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(path.read_bytes()))
    reader.start()
    assert write_file(SESSIONS, path, None) == 2
    reader.join()
    assert path.is_fifo()
    assert read_bytes(received[0], name).sessions == list(SESSIONS)


@on_posix
def test_a_pipe_that_something_is_written_to_is_read() -> None:
    script = "from pathlib import Path; from pytest_insight.exchange.read_formats import read_file;"
    script += "import sys; print(read_file(Path(sys.argv[1])).total)"
    reading, writing = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", script, f"/dev/fd/{reading}"],
        pass_fds=[reading],
        stdout=subprocess.PIPE,
    ) as process:
        os.close(reading)
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(written(SESSIONS * 500, "json"))
        assert process.stdout
        assert process.stdout.read() == b"2\n"


@on_posix
def test_a_reader_that_goes_away_is_an_error_and_no_traceback(make_session: MakeSession) -> None:
    path = Path("pipe.json")
    os.mkfifo(path)
    many = (make_session(number) for number in range(5000))
    reader = threading.Thread(target=lambda: path.open("rb").close())
    reader.start()
    with pytest.raises(ExchangeError, match=r"cannot write pipe\.json: Broken pipe"):
        write_file(many, path, None)
    reader.join()


@on_posix
def test_a_folder_that_may_not_be_written_to_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    tmp_path.chmod(0o755)
    folder.chmod(0o555)
    with without_root(), pytest.raises(ExchangeError, match=r"cannot write .*: Permission denied"):
        write_file(SESSIONS, folder / "a.json", None)
    assert list(folder.iterdir()) == []


class Counting(Watcher):
    """Counts the steps of each piece of work."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int | None, int]] = []

    def begin(self, work: str, total: int | None) -> None:
        self.seen.append((work, total, 0))

    def step(self) -> None:
        work, total, done = self.seen[-1]
        self.seen[-1] = (work, total, done + 1)


@pytest.mark.parametrize(
    ("format_name", "total"), [("json", None), ("csv", 2)], ids=["json", "csv"]
)
def test_progress_is_reported_for_each_session_that_is_read(
    make_session: MakeSession, format_name: str, total: int | None
) -> None:
    data = written([make_session(1), make_session(2)], format_name)
    watcher = Counting()
    with watched(watcher):
        assert read(data, format_name).total == 2
    assert watcher.seen == [("reading the file", total, 2)]
