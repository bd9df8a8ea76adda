"""Hostile files, imported and used as the store.

Through the real command: a clear sentence or a right answer, in bounded memory, no traceback.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from pytest_insight import locations
from pytest_insight.document.codec import checked
from pytest_insight.errors import InsightError
from pytest_insight.exchange.write_formats import FORMATS
from pytest_insight.models import TestSession
from pytest_insight.storage import InMemoryStorage, JSONStorage
from tests.conftest import MakeSession
from tests.exchange.helpers import written
from tests.faults.commands import INSIGHT, Ran, run, run_apart
from tests.faults.conftest import LONG, SEED
from tests.strategies import sessions

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc says how much memory it took")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes, devices, links of POSIX")

DEEP = 100_000
MILLION = b"9" * 1_000_000
MANY = 6_000_000
"""More values than the limit allows."""
LONG_TEXT = 200_000_000 if LONG else 20_000_000
ALONE = 80
"""Allowed MiB besides the file's own size."""
COPIES = 8
"""How many copies of a file may be in memory."""


def most(size: int) -> int:
    """Return the allowed MiB for a file of this size in bytes."""
    return ALONE + COPIES * (size >> 20)


TIME = b'"session_start_time":"2026-11-01T12:00:00Z","session_duration":1.0'
SESSION = b'{"session_id":"a","sut_name":"x",' + TIME + b',"test_results":[\n]}'


def document(*values: bytes) -> bytes:
    head = b'{"format":"pytest-insight","version":1,"sessions":['
    return head + b"\n" + b",\n".join(values) + b"\n]}\n"


def with_field(field: bytes) -> bytes:
    return SESSION.replace(b',"test_results"', b"," + field + b',"test_results"')


def with_property(value: bytes) -> bytes:
    start = TIME.partition(b",")[0].replace(b"session_", b"")
    result = b' {"nodeid":"n","outcome":"passed",%s,"properties":[["a",%s]]}' % (start, value)
    return SESSION.replace(b"[\n]}", b"[\n" + result + b"\n]}")


GOOD = SESSION.replace(b'"a"', b'"good"')
BAD = {
    "lists, nested": b"[" * DEEP + b"]" * DEEP,
    "objects, nested": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "sessions in sessions": document(b'{"session_id":' * DEEP),
    "sessions in lists in sessions": document(b'{"session_id":[' * DEEP),
    "a session with nested lists": document(
        GOOD, with_field(b'"testing_system":{"a":' + b"[" * DEEP + b"]" * DEEP + b"}"), GOOD
    ),
    "a million digits": MILLION,
    "a version of a million digits": document(GOOD).replace(b":1,", b":" + MILLION + b",", 1),
    "a status of a million digits": document(GOOD, with_field(b'"exit_status":' + MILLION)),
    "a fact of a million digits": document(
        GOOD, with_field(b'"testing_system":{"a":%s}' % MILLION)
    ),
    "NUL bytes": bytes(4096),
    "NUL bytes at the end": document(GOOD) + bytes(4096),
    "NUL bytes within": document(GOOD, SESSION.replace(b'"x"', b'"x\0"')),
    "UTF-16 cut short": document(GOOD).decode().encode("utf-16")[:-1],
    "the quotes of a million texts": b'"' * 1_000_000,
    "a million open braces": b"{" * 1_000_000,
    "a million wrong items and one": b"[" + b"1," * 1_000_000 + b"1]",
    "millions of lists": b"[[" + b"[]," * MANY + b"[]]]",
    "millions of lists before a NaN": document(GOOD, b"[" + b"[]," * MANY + b"NaN]"),
    "a fact of millions of lists": document(
        GOOD, with_field(b'"testing_system":{"a":[' + b"[]," * MANY + b"[]]}")
    ),
    "a property of millions of lists": document(GOOD, with_property(b"[" + b"[]," * MANY + b"[]]")),
}
SLOW = {name for name in BAD if "million" in name and "lists" in name} | {
    "a million wrong items and one"
}
"""Kinds that take 10 to 40 seconds as a store, where each is read four times."""
BAD_STORES = [name for name in BAD if LONG or name not in SLOW]
RIGHT = {
    "a byte order mark": b"\xef\xbb\xbf" + document(GOOD),
    "UTF-16": document(GOOD).decode().encode("utf-16"),
    "UTF-32": document(GOOD).decode().encode("utf-32"),
    "CR line ends": document(GOOD).replace(b"\n", b"\r"),
    "CR LF line ends": document(GOOD).replace(b"\n", b"\r\n"),
    "keys that come twice": document(b'{"session_id":"z","sut_name":"y",' + GOOD[1:]),
    "a number of an endless exponent": document(
        GOOD.replace(b',"test_results"', b',"testing_system":{"a":1e999},"test_results"')
    ),
}


def assert_sentence(ran: Ran) -> None:
    assert ran.status in (0, 1), ran.err
    assert "Traceback" not in ran.err
    assert len(ran.err) < 1500, ran.err
    assert all(line.startswith(("insight: ", "  ", "Correct")) for line in ran.err.splitlines())
    assert (ran.status == 1) is ("error: " in ran.err or "damaged: " in ran.err)


@on_linux
@pytest.mark.parametrize("kind", BAD)
def test_a_hostile_file_is_refused_in_a_sentence_and_nothing_is_written(kind: str) -> None:
    Path("bad.json").write_bytes(BAD[kind])
    ran = run_apart("import", "bad.json")
    assert_sentence(ran)
    assert ran.status == 1
    assert "bad.json" in ran.err
    assert ran.grown < most(len(BAD[kind]))
    assert not JSONStorage().file_path.parent.exists()


@on_linux
@pytest.mark.parametrize("kind", BAD_STORES)
def test_a_hostile_store_is_refused_or_read_as_far_as_it_goes(kind: str) -> None:
    path = JSONStorage().file_path
    path.parent.mkdir()
    path.write_bytes(BAD[kind])
    listed = run_apart("sessions", "list", "--format", "json")
    assert_sentence(listed)
    assert listed.grown < most(len(BAD[kind]))
    refused = listed.status == 1
    assert refused or ('"session_id": "good"' in listed.out) is (b'"good"' in BAD[kind])
    verified = run_apart("sessions", "verify")
    assert_sentence(verified)
    assert verified.status == 1, "it is never called sound"
    assert verified.grown < most(len(BAD[kind]))
    if refused:
        with pytest.raises(InsightError):
            JSONStorage().repair()
    else:
        JSONStorage().repair()
        assert JSONStorage().verify().tidy
    kept = [copy.read_bytes() for copy in path.parent.glob("*") if copy.suffix in (".json", ".bak")]
    assert BAD[kind] in kept, "what it was is kept, in its place or beside it"


@pytest.mark.parametrize("kind", RIGHT)
def test_an_unusual_file_is_read_as_what_it_says(kind: str) -> None:
    Path("a.json").write_bytes(RIGHT[kind])
    ran = run("import", "a.json")
    assert (ran.status, ran.err.count("1 imported")) == (0, 1), ran
    assert JSONStorage().session_ids() == ["good"]
    JSONStorage().file_path.write_bytes(RIGHT[kind])
    assert JSONStorage().get_session_by_id("good") is not None


@on_linux
@pytest.mark.parametrize("place", ["text", "ID"])
def test_a_very_long_text_takes_a_few_times_its_length(
    make_session: MakeSession, place: str
) -> None:
    text = b"x" * LONG_TEXT
    if place == "ID":
        data = document(SESSION.replace(b'"a"', b'"%s"' % text))
    else:
        data = document(with_field(b'"testing_system":{"a":"%s"}' % text))
    Path("a.json").write_bytes(data)
    for command in (("import", "a.json"), ("sessions", "verify"), ("export", "b.json")):
        ran = run_apart(*command)
        assert_sentence(ran)
        assert ran.status == 0
        assert ran.grown < most(LONG_TEXT)
    assert Path("b.json").read_bytes().count(text) == 1


@on_linux
def test_a_gzip_bomb_takes_no_memory_and_the_limit_can_be_set() -> None:
    megabytes = 120
    with gzip.open("bomb.json.gz", "wb") as file:
        file.write(b"[")
        for _ in range(megabytes):
            file.write(bytes(1 << 20).replace(b"\0", b" "))
        file.write(b"]")
    assert Path("bomb.json.gz").stat().st_size < megabytes << 10
    limit = {"PYTEST_INSIGHT_MAX_UNPACKED": "100"}
    ran = run_apart("import", "bomb.json.gz", env=limit)
    assert_sentence(ran)
    assert "bomb.json.gz unpacks to more than 100 MiB" in ran.err
    assert "PYTEST_INSIGHT_MAX_UNPACKED" in ran.err
    assert ran.grown < ALONE
    assert run("import", "bomb.json.gz", env={"PYTEST_INSIGHT_MAX_UNPACKED": "121"}).status == 0
    for nonsense in ("much", "-1", "1e3", "9" * 1000):
        ran = run("import", "bomb.json.gz", env={"PYTEST_INSIGHT_MAX_UNPACKED": nonsense})
        assert "PYTEST_INSIGHT_MAX_UNPACKED must be a number of MiB" in ran.err
        assert_sentence(ran)


@on_linux
def test_a_huge_sparse_file_and_an_endless_pipe_are_not_imported() -> None:
    with Path("sparse.json").open("wb") as file:
        file.truncate(1 << 40)
    ran = run_apart("import", "sparse.json")
    assert_sentence(ran)
    assert "sparse.json is larger than 1024 MiB; if you trust it, allow more with" in ran.err
    assert ran.grown < ALONE
    limit = {**os.environ, "PYTEST_INSIGHT_MAX_UNPACKED": "5"}
    with subprocess.Popen(["yes"], stdout=subprocess.PIPE) as endless:
        done = subprocess.run(
            [INSIGHT, "import"],
            stdin=endless.stdout,
            env=limit,
            capture_output=True,
            text=True,
            check=False,
        )
        endless.kill()
    assert (done.returncode, done.stdout) == (1, "")
    assert "standard input is larger than 5 MiB" in done.stderr


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _socket_folder(path: Path) -> None:
    path.mkdir()


THINGS: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo if hasattr(os, "mkfifo") else _loop,
    "a device": _device,
    "a link to itself": _loop,
    "a folder": _socket_folder,
}


@pytest.mark.parametrize("kind", THINGS)
def test_what_is_no_file_is_refused_at_once(kind: str) -> None:
    THINGS[kind](Path("a.json"))
    imported = run_apart("import", "a.json")  # would wait for the pipe, but not for ever
    stored = run_apart("sessions", "list", env={"PYTEST_INSIGHT_DB_PATH": "a.json"})
    for ran in (imported, stored):
        assert_sentence(ran)
        assert ran.status == 1
        assert "a.json" in ran.err


def test_a_folder_that_does_not_exist_is_named() -> None:
    for command in ("import", "export"):
        ran = run(command, "nowhere/a.json")
        assert_sentence(ran)
        assert ran.status == 1
        assert "nowhere" in ran.err
    assert not Path("nowhere").exists()


@pytest.mark.parametrize(
    "name", ["a/b", "../../x", "..", "/etc/passwd", "a\nb\r", "x" * 10_000, "-rf", "*", " "]
)
def test_an_id_is_found_shown_and_deleted_and_is_no_path(
    make_session: MakeSession, name: str
) -> None:
    if not name.strip():
        name = "\u3000."
    Path("a.json").write_bytes(written([make_session(session_id=name)], "json"))
    before = sorted(Path().rglob("*"))
    assert run("import", "a.json").status == 0
    storage = JSONStorage()
    assert storage.session_ids() == [name]
    assert run("sessions", "show", "--", name).status == 0
    assert run("sessions", "pin", "--", name).status == 0
    assert storage.get_session_by_id(name) == make_session(session_id=name, pinned=True)
    assert sorted(Path().rglob("*")) == before
    assert {path.name for path in storage.file_path.parent.iterdir()} == {
        "sessions.json",
        "sessions.json.lock",
        "undo",
    }
    undo = locations.undo_folder(storage.location)
    assert {path.name for path in undo.iterdir()} == {"000001.deed", "000001.json"}
    assert run("sessions", "undo", "--dry-run").status == 0


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, list[TestSession], bytes]:
    """Return a format, sessions, and their encoded bytes with random changes."""
    name = draw(st.sampled_from(list(FORMATS)))
    history = draw(
        st.lists(sessions().map(checked), min_size=1, max_size=2, unique_by=lambda s: s.session_id)
    )
    data = written(history, name)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(start + 20, len(data))))
        more = draw(st.one_of(st.binary(max_size=4), st.sampled_from([data[start:end] * 2, b'"'])))
        data = data[:start] + more + data[end:]
    return name, history, data


@seed(SEED)
@settings(
    deadline=None,
    max_examples=10_000 if LONG else 40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(damaged())
def test_damaged_exports_are_refused_or_hold_what_every_store_can_keep(
    tmp_path: Path, made: tuple[str, list[TestSession], bytes]
) -> None:
    name, _, data = made
    source = tmp_path / f"damaged.{name}"
    source.write_bytes(data)
    store = JSONStorage(tmp_path / "damaged" / "sessions.json")
    for skip in (False, True):
        shutil.rmtree(store.file_path.parent, ignore_errors=True)
        try:
            report = store.import_sessions(source, skip_invalid=skip)
        except InsightError as exc:
            named = str(source) in str(exc)
            assert named
            assert not store.file_path.exists()
            continue
        assert store.count() == report.imported <= report.total
        assert store.verify().tidy
        memory = InMemoryStorage()
        memory.save_sessions(store.load_sessions())
        assert memory.load_sessions() == store.load_sessions()
