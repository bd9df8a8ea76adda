"""The JSON store: its layout, what it costs, which files it touches and which it leaves alone."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_insight.document.layout import EMPTY_DOCUMENT, HEAD
from pytest_insight.errors import ExchangeError, NewerFormatError, StorageError
from pytest_insight.filters import HasTag, Selection, SutIs
from pytest_insight.models import RecordedWarning, TestSession
from pytest_insight.storage import BaseStorage, JSONStorage
from tests.conftest import MakeSession
from tests.exchange.golden import JSON_FILE, SESSIONS

WRITES: dict[str, Callable[[BaseStorage, TestSession], object]] = {
    "save": lambda storage, session: storage.save_session(session),
    "delete": lambda storage, session: storage.delete_sessions([session.session_id]),
    "clear": lambda storage, _: storage.clear_sessions(),
    "replace": lambda storage, session: storage.save_sessions([session, session]),
}
READS: dict[str, Callable[[BaseStorage, TestSession], object]] = {
    "load": lambda storage, _: storage.load_sessions(),
    "ids": lambda storage, _: storage.session_ids(),
    "count": lambda storage, _: storage.count(),
    "last": lambda storage, _: storage.get_last_session(),
    "find": lambda storage, session: storage.get_session_by_id(session.session_id),
    "select": lambda storage, _: storage.select(Selection((HasTag("a"),), limit=1)),
}
EVERYTHING = READS | WRITES


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store" / "sessions.json"


@pytest.fixture
def storage(path: Path) -> JSONStorage:
    return JSONStorage(path)


@pytest.fixture
def filled(storage: JSONStorage, make_session: MakeSession) -> JSONStorage:
    storage.save_sessions(make_session(number) for number in range(3))
    return storage


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


# Layout -----------------------------------------------------------------------------------------


def test_the_file_is_one_json_document_with_format_and_version(
    filled: JSONStorage, path: Path
) -> None:
    document = json.loads(path.read_bytes())
    assert (document["format"], document["version"]) == ("pytest-insight", 2)
    assert [session["session_id"] for session in document["sessions"]] == filled.session_ids()


@pytest.mark.parametrize("act", WRITES.values(), ids=WRITES)
def test_the_file_stays_valid_json_after_every_write(
    filled: JSONStorage,
    path: Path,
    make_session: MakeSession,
    act: Callable[[BaseStorage, TestSession], object],
) -> None:
    act(filled, make_session(1, session_id='a"\n]}\n]}\n{"session_id":', sut_name="a\u2028"))
    document = json.loads(path.read_bytes())
    assert len(document["sessions"]) == filled.count()


def test_each_session_and_each_result_has_a_line_of_its_own(
    filled: JSONStorage, path: Path
) -> None:
    lines = path.read_text("utf-8").splitlines()
    assert lines[0] == '{"format":"pytest-insight","version":2,"sessions":['
    assert sum(line.startswith('{"session_id":"api-') for line in lines) == 3
    assert sum(line.startswith(' {"nodeid":"tests/test_a.py::test_') for line in lines) == 6
    assert lines[-2:] == ["]}", "]}"]


def test_an_empty_store_is_an_empty_document(filled: JSONStorage, path: Path) -> None:
    filled.clear_sessions()
    assert path.read_bytes() == EMPTY_DOCUMENT
    assert filled.load_sessions() == []


def test_a_session_saved_twice_stays_until_the_next_rewrite_drops_the_older(
    filled: JSONStorage, path: Path, make_session: MakeSession
) -> None:
    newer = make_session(1, sut_name="newer")
    filled.save_session(newer)
    assert path.read_bytes().count(b'"session_id":"api-1"') == 2
    assert filled.get_session_by_id("api-1") == newer
    filled.delete_sessions(["api-0"])
    assert path.read_bytes().count(b'"session_id":"api-1"') == 1
    assert filled.load_sessions() == [newer, make_session(2)]


def test_sessions_that_stay_are_copied_byte_for_byte(filled: JSONStorage, path: Path) -> None:
    # As a hand would write it: the same, but not as we would write it again.
    text = path.read_text("utf-8").replace('"duration":0.25', '"duration":2.50e-1')
    path.write_text(text, "utf-8")
    filled.delete_sessions(["api-0"])
    assert path.read_text("utf-8").count('"duration":2.50e-1') == 2


@pytest.mark.parametrize("size", range(64, 200, 7))
def test_sessions_are_found_wherever_the_borders_of_chunks_are(
    storage: JSONStorage, make_session: MakeSession, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    for name in ("scan.CHUNK_BYTES", "append.CHUNK_BYTES", "append.FIRST_CHUNK_BYTES"):
        monkeypatch.setattr(f"pytest_insight.storage.json.{name}", size)
    expected = []
    for number in range(6):
        expected.append(make_session(number, session_tags={"k": "x" * number * 5}))
        storage.save_session(expected[-1])
        assert storage.load_sessions() == expected
        assert storage.session_ids() == [session.session_id for session in expected]
        assert storage.get_last_session() == expected[-1]
    # Without a look at the results: a look at these would warn.
    storage.file_path.write_bytes(
        storage.file_path.read_bytes().replace(b'"outcome":', b'"outcome"!')
    )
    assert storage.session_ids() == [session.session_id for session in expected]


# What writing and reading cost ------------------------------------------------------------------


def _transferred() -> tuple[int, int]:
    """The bytes that this process has read and written so far."""
    counters = dict(
        line.split(": ") for line in Path("/proc/self/io").read_text("ascii").splitlines()
    )
    return int(counters["rchar"]), int(counters["wchar"])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts a process's bytes in /proc")
def test_saving_reads_and_writes_as_much_in_a_long_history_as_in_a_short_one(
    tmp_path: Path, make_session: MakeSession
) -> None:
    def cost(length: int) -> tuple[int, int]:
        storage = JSONStorage(tmp_path / f"{length}.json")
        storage.save_sessions(make_session(number) for number in range(length))
        storage.save_session(make_session(length))  # what is imported for the first time is read
        read, written = _transferred()
        storage.save_session(make_session(session_id="the-session"))
        read_now, written_now = _transferred()
        return read_now - read, written_now - written

    (short_read, short_written), (long_read, long_written) = cost(50), cost(5_000)
    assert (tmp_path / "5000.json").stat().st_size > 1_000_000
    assert long_written == short_written < 1_000
    assert abs(long_read - short_read) < 100  # the counters' own text has more digits by now
    assert long_read < 5_000


def test_results_of_sessions_that_are_not_selected_are_not_decoded(
    filled: JSONStorage, path: Path, make_session: MakeSession
) -> None:
    filled.save_session(make_session(3, sut_name="web", session_tags={"damaged": "yes"}))
    data = path.read_bytes()
    before, mark, results = data.rpartition(b'"damaged":"yes"')
    path.write_bytes(before + mark + results.replace(b'"outcome":', b'"outcome"!'))
    # A look at those results would warn, and warnings are errors here.
    assert filled.select(Selection((SutIs("api"),))) == [make_session(n) for n in range(3)]
    assert filled.get_session_by_id("api-1") == make_session(1)
    assert filled.count() == 4
    assert filled.count(Selection((HasTag("none"),))) == 0
    assert filled.session_ids()[-1] == "api-3"
    filled.save_session(make_session(4))


# Whose file -------------------------------------------------------------------------------------


@pytest.mark.parametrize("relative", [True, False], ids=["relative", "absolute"])
def test_a_symbolic_link_is_followed_and_stays_one(
    tmp_path: Path, path: Path, filled: JSONStorage, make_session: MakeSession, relative: bool
) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(Path("store", "sessions.json") if relative else path)
    linked = JSONStorage(link)
    linked.save_session(make_session(3))
    linked.delete_sessions(["api-0"])
    assert link.is_symlink()
    assert filled.load_sessions() == linked.load_sessions() == [make_session(n) for n in (1, 2, 3)]
    assert names(tmp_path) >= {"link.json", "store"}
    assert not any("lock" in name for name in names(tmp_path))  # one lock, beside the real file
    assert "sessions.json.lock" in names(path.parent)


def test_a_dangling_link_is_an_error_when_read_and_filled_when_written(
    tmp_path: Path, path: Path, make_session: MakeSession
) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(path)
    storage = JSONStorage(link)
    with pytest.raises(StorageError, match=r"link\.json is a link to a file that does not exist"):
        storage.load_sessions()
    storage.save_session(make_session())
    assert link.is_symlink()
    assert JSONStorage(path).load_sessions() == [make_session()]


posix_only = pytest.mark.skipif(os.name != "posix", reason="only POSIX has permission bits")


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    before = os.umask(0)
    os.umask(before)
    yield os.umask
    os.umask(before)


@posix_only
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o177], ids=oct)
def test_files_are_private_and_folders_too_whatever_the_umask(
    tmp_path: Path, make_session: MakeSession, umask: Callable[[int], int], mask: int
) -> None:
    umask(mask)
    path = tmp_path / "one" / "two" / "sessions.json"
    storage = JSONStorage(path)
    storage.save_sessions([make_session(0), make_session(1)])  # made
    storage.save_session(make_session(2))  # appended to
    storage.delete_sessions(["api-0"])  # rewritten
    path.write_bytes(path.read_bytes()[:-20])
    storage.save_session(make_session(2))  # torn bytes kept
    path.write_bytes(path.read_bytes().replace(b'"api-1"', b'"api-1x'))
    with pytest.warns(UserWarning, match="backup|kept as"):
        storage.load_sessions()  # backup kept
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    kinds = {name.rpartition(".")[2] for name in modes}
    assert kinds == {"json", "lock", "torn", "bak"}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700


@posix_only
def test_the_permissions_of_an_existing_store_are_kept(
    filled: JSONStorage, path: Path, make_session: MakeSession
) -> None:
    path.chmod(0o640)
    path.parent.chmod(0o750)
    filled.save_session(make_session(3))
    filled.delete_sessions(["api-0"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o750


@pytest.mark.parametrize("act", READS.values(), ids=READS)
def test_reading_a_missing_store_creates_no_file_and_no_folder(
    storage: JSONStorage,
    tmp_path: Path,
    make_session: MakeSession,
    act: Callable[[BaseStorage, TestSession], object],
) -> None:
    before = names(tmp_path)
    act(storage, make_session())
    storage.export_sessions(tmp_path / "home" / "export.json")
    storage.import_sessions(tmp_path / "home" / "export.json", dry_run=True)
    assert names(tmp_path) == before


@pytest.mark.filterwarnings("ignore:the last write of:pytest_insight.errors.StoreDamageWarning")
@pytest.mark.parametrize("shape", ["ours", "torn", "foreign"])
@pytest.mark.parametrize("act", READS.values(), ids=READS)
def test_reading_leaves_everything_as_it_is(
    tmp_path: Path,
    make_session: MakeSession,
    act: Callable[[BaseStorage, TestSession], object],
    shape: str,
) -> None:
    source = JSONStorage(tmp_path / "source.json")
    source.save_sessions([make_session(0), make_session(1)])
    data = source.file_path.read_bytes()
    shapes = {"ours": data, "torn": data[:-20], "foreign": json.dumps(json.loads(data)).encode()}
    path = tmp_path / "folder" / "sessions.json"
    path.parent.mkdir()
    path.write_bytes(shapes[shape])
    before = path.stat()
    act(JSONStorage(path), make_session())
    assert names(path.parent) == {"sessions.json"}
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert path.read_bytes() == shapes[shape]


# Files that are no store ------------------------------------------------------------------------

NO_STORES = {
    "text": b"My diary\n\nDear diary,\n",
    "an image": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    "another program's JSON": b'{"name": "app", "version": "1.0"}',
    "another program's list": b"[1, 2, 3]",
    "a list of objects": b'[{"id": 1}, {"id": 2}]',
    "JSON with comments": b'{\n  // the compiler\'s options\n  "strict": true\n}\n',
    "a table": b"a,b\n1,2\n",
    "JSON of a single text": b'"sessions"',
    "an SQLite database": b"SQLite format 3\x00" + b"\n\x10\x00" * 400,
    "an SQLite database with JSON in it": b"SQLite format 3\x00\n"
    + b'{"session_id":"a","sut_name":"api","session_start_time":"2026-11-01T12:00:00Z"}',
}


@pytest.mark.parametrize("act", EVERYTHING.values(), ids=EVERYTHING)
@pytest.mark.parametrize("content", NO_STORES.values(), ids=NO_STORES)
def test_a_file_that_is_no_store_is_refused_and_left_alone(
    tmp_path: Path,
    make_session: MakeSession,
    content: bytes,
    act: Callable[[BaseStorage, TestSession], object],
) -> None:
    path = tmp_path / "folder" / "mine.json"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StorageError, match=r"mine\.json") as caught:
        act(JSONStorage(path), make_session())
    assert caught.value.where == path
    assert path.read_bytes() == content
    assert names(path.parent) <= {"mine.json", "mine.json.lock"}


def _a_folder(path: Path) -> None:
    path.mkdir()


def _a_circle_of_links(path: Path) -> None:
    path.symlink_to(path)


def _a_pipe(path: Path) -> None:
    os.mkfifo(path)


@posix_only
@pytest.mark.parametrize("make", [_a_folder, _a_circle_of_links, _a_pipe])
@pytest.mark.parametrize("act", EVERYTHING.values(), ids=EVERYTHING)
def test_a_path_that_cannot_be_a_store_is_an_error_that_names_it(
    tmp_path: Path,
    make_session: MakeSession,
    make: Callable[[Path], None],
    act: Callable[[BaseStorage, TestSession], object],
) -> None:
    path = tmp_path / "thing.json"
    make(path)
    with pytest.raises(StorageError, match=r"thing\.json"):
        act(JSONStorage(path), make_session())
    assert os.path.lexists(path)


@pytest.mark.parametrize("act", EVERYTHING.values(), ids=EVERYTHING)
def test_a_folder_that_is_a_file_is_an_error_that_names_the_store(
    tmp_path: Path, make_session: MakeSession, act: Callable[[BaseStorage, TestSession], object]
) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError, match=r"sessions\.json"):
        act(JSONStorage(tmp_path / "file" / "sessions.json"), make_session())


@posix_only
@pytest.mark.skipif(
    hasattr(os, "geteuid") and os.geteuid() == 0, reason="the superuser may read every file"
)
def test_a_file_we_may_not_read_is_an_error_that_names_it(filled: JSONStorage, path: Path) -> None:
    path.chmod(0)
    with pytest.raises(StorageError, match=r"cannot read the store .*Permission denied"):
        filled.load_sessions()


@pytest.mark.parametrize("act", EVERYTHING.values(), ids=EVERYTHING)
@pytest.mark.parametrize("torn", [False, True], ids=["whole", "torn"])
def test_a_newer_version_is_refused_and_left_alone(
    filled: JSONStorage,
    path: Path,
    make_session: MakeSession,
    act: Callable[[BaseStorage, TestSession], object],
    torn: bool,
) -> None:
    data = path.read_bytes().replace(HEAD, HEAD.replace(b'"version":2', b'"version":3'))
    data = data[:-20] if torn else data
    path.write_bytes(data)
    with pytest.raises(NewerFormatError, match=r"format 3; this one reads 2.*--upgrade"):
        act(filled, make_session(9))
    assert path.read_bytes() == data
    assert names(path.parent) == {"sessions.json", "sessions.json.lock"}


def test_the_store_does_not_export_over_itself(
    filled: JSONStorage, path: Path, tmp_path: Path, make_session: MakeSession
) -> None:
    (tmp_path / "link.json").symlink_to(path)
    for same in (path, tmp_path / "link.json", path.parent / ".." / "store" / path.name):
        with pytest.raises(ExchangeError, match="is the store itself"):
            filled.export_sessions(same)
    assert filled.load_sessions() == [make_session(number) for number in range(3)]


def test_a_store_of_version_1_is_read_and_becomes_version_2_when_it_is_appended_to(
    path: Path, make_session: MakeSession
) -> None:
    old = JSON_FILE.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(old)
    store = JSONStorage(path)
    assert store.load_sessions() == list(SESSIONS)
    store.save_session(make_session(99, warnings=[RecordedWarning("UserWarning", "new")]))
    data = path.read_bytes()
    changed = old.replace(b'"version":1', b'"version":2')
    assert data.startswith(changed.removesuffix(b"\n]}\n"))
    assert [s.session_id for s in store.load_sessions()][:2] == [s.session_id for s in SESSIONS]


def test_an_empty_store_of_version_1_can_be_used(path: Path, make_session: MakeSession) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b'{"format":"pytest-insight","version":1,"sessions":[\n]}\n')
    store = JSONStorage(path)
    assert store.load_sessions() == []
    store.save_session(make_session())
    assert store.load_sessions() == [make_session()]
    assert path.read_bytes().startswith(HEAD)
