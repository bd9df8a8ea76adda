"""Torn, damaged and foreign files: what can be read is read, and nothing is lost silently."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pytest_insight import locations
from pytest_insight.document import codec
from pytest_insight.document.layout import HEAD, SESSION_MARK
from pytest_insight.errors import NewerFormatError, StorageError, StoreDamageWarning
from pytest_insight.filters import HasOutcome, HasTag, Selection
from pytest_insight.models import TestOutcome, TestResult, TestSession
from pytest_insight.storage import JSONStorage
from tests.conftest import START

# No two names are one changed byte apart: a session must not become another.
NAMES = ("alpha", "bravo", "charlie")


def small(name: str, hour: int) -> TestSession:
    start = START + timedelta(hours=hour)
    text = 'E\n{"session_id":"quoted","test_results":[\n]}\n]}\n'
    result = TestResult("test_a.py::test_x", TestOutcome.FAILED, start, 0.25, longreprtext=text)
    return TestSession(
        name,
        "api",
        start,
        session_duration=2.5,
        session_tags={"k": "v\u2028"},
        test_results=(result,) * (hour % 3),
    )


SESSIONS = {name: small(name, hour) for hour, name in enumerate(NAMES)}


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a store of three sessions."""
    storage = JSONStorage(tmp_path_factory.mktemp("healthy") / "sessions.json")
    storage.save_sessions(SESSIONS.values())
    return storage.file_path.read_bytes()


def starts_of(data: bytes) -> list[int]:
    return [found.start() + 1 for found in re.finditer(rb'\n\{"session_id":', data)]


@pytest.fixture
def store(tmp_path: Path) -> JSONStorage:
    (tmp_path / "store").mkdir()
    return JSONStorage(tmp_path / "store" / "sessions.json")


def side_files(storage: JSONStorage, kind: str) -> list[Path]:
    return sorted(storage.file_path.parent.glob(f"{storage.file_path.name}.*.{kind}"))


def start_anew(storage: JSONStorage, data: bytes) -> None:
    for path in storage.file_path.parent.iterdir():
        path.unlink()
    storage.file_path.write_bytes(data)


@contextmanager
def warnings_caught() -> Iterator[list[str]]:
    messages: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield messages
    assert {warning.category for warning in caught} <= {StoreDamageWarning}
    messages += [str(warning.message) for warning in caught]


class OtherWords:
    """A decoder whose errors say something else than msgspec's."""

    def __init__(self, decode: Callable[..., Any]) -> None:
        self._decode = decode

    def decode(self, *arguments: Any, **options: Any) -> Any:
        try:
            return self._decode(*arguments, **options)
        except msgspec.MsgspecError as exc:
            raise type(exc)("no") from None


@pytest.fixture
def other_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors of decoding that do not say what msgspec says: nothing may depend on that."""
    monkeypatch.setattr(codec, "_DECODER", OtherWords(codec._DECODER.decode))
    monkeypatch.setattr(msgspec.json, "decode", OtherWords(msgspec.json.decode).decode)


# Torn writes ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("other_words")
def test_whatever_an_interrupted_write_leaves_every_complete_session_is_read_and_kept(
    store: JSONStorage, healthy: bytes
) -> None:
    ends = [found.end() for found in re.finditer(rb"\n\]\}(?=, ?\n|\n\]\}\n)", healthy)]
    assert len(ends) == 3
    for cut in range(len(HEAD) + 1, len(healthy)):
        start_anew(store, healthy[:cut])
        complete = [SESSIONS[name] for name, end in zip(NAMES, ends, strict=True) if end <= cut]
        with pytest.warns(StoreDamageWarning, match=r"last write of .* was interrupted"):
            assert store.load_sessions() == complete, cut
        assert [path.name for path in store.file_path.parent.iterdir()] == ["sessions.json"]
        new = small("newest", 9)
        store.save_session(new)
        assert store.load_sessions() == [*complete, new], cut
        assert len(json.loads(store.file_path.read_bytes())["sessions"]) == len(complete) + 1
        last_end = ends[len(complete) - 1] if complete else len(HEAD)
        torn = healthy[last_end:cut]
        if len(torn) > len(SESSION_MARK):  # else it says nothing
            assert [path.read_bytes() for path in side_files(store, "torn")] == [torn], cut


def test_a_torn_first_line_is_reported_and_kept(store: JSONStorage, healthy: bytes) -> None:
    for cut in range(len(HEAD) + 1):
        start_anew(store, healthy[:cut])
        with pytest.warns(StoreDamageWarning, match="can be read"):
            assert store.load_sessions() == []
        [backup] = side_files(store, "bak")
        assert backup.read_bytes() == healthy[:cut]
        with pytest.warns(StoreDamageWarning, match=re.escape(str(backup))):
            store.save_session(SESSIONS["alpha"])
        assert store.load_sessions() == [SESSIONS["alpha"]]
        assert side_files(store, "bak") == [backup]


def test_a_torn_store_can_be_rewritten_too(store: JSONStorage, healthy: bytes) -> None:
    start_anew(store, healthy[:-20])
    with pytest.warns(StoreDamageWarning, match="interrupted"):
        assert store.delete_sessions(["alpha"]) == 1
    assert store.load_sessions() == [SESSIONS["bravo"]]
    json.loads(store.file_path.read_bytes())


# Damage -----------------------------------------------------------------------------------------


def damaged_at(data: bytes, position: int, byte: int) -> bytes:
    return data[:position] + bytes((byte,)) + data[position + 1 :]


def test_one_changed_byte_loses_no_other_session_and_none_silently(
    store: JSONStorage, healthy: bytes
) -> None:
    starts = starts_of(healthy)
    chosen = random.Random(20261101)
    structure = b'\n"{}[],: \x00\xff'
    for position in range(len(healthy)):
        byte = chosen.choice(structure) if position % 2 else chosen.randrange(256)
        if byte == healthy[position]:
            byte ^= 1
        data = damaged_at(healthy, position, byte)
        if data.startswith(b'{"format":"pytest-insight","version":') and data[37:39] != b"2,":
            continue  # perhaps a version that is to come: see the test of those
        start_anew(store, data)
        with warnings_caught() as messages:
            found = {session.session_id: session for session in store.load_sessions()}
        where = f"{position}: {bytes((byte,))!r}"
        borders = zip(NAMES, starts, [*starts[1:], len(healthy)], strict=True)
        untouched = {name for name, start, end in borders if not start <= position < end}
        assert {name: found.get(name) for name in untouched} == {
            name: SESSIONS[name] for name in untouched
        }, where
        assert messages or len(found) == 3, where
        backups = side_files(store, "bak")
        assert len(backups) == any("kept as" in each for each in messages), where
        assert all(backup.read_bytes() == data for backup in backups), where


@pytest.mark.usefixtures("other_words")
def test_a_changed_byte_stays_readable_after_the_next_writes(
    store: JSONStorage, healthy: bytes
) -> None:
    chosen = random.Random(1)
    for position in range(len(HEAD) + 1, len(healthy), 5):
        start_anew(store, damaged_at(healthy, position, chosen.choice(b'\n"{}[],')))
        with warnings_caught():
            before = store.load_sessions()
            store.save_session(small("newest", 9))
            assert store.load_sessions() == [*before, small("newest", 9)]
            store.delete_sessions(["newest"])
            assert store.load_sessions() == before
        json.loads(store.file_path.read_bytes())


@pytest.fixture
def damaged(store: JSONStorage, healthy: bytes) -> bytes:
    """The store's bytes: bravo's result cannot be read."""
    start = starts_of(healthy)[1]
    data = damaged_at(healthy, healthy.index(b'"outcome"', start), ord("'"))
    store.file_path.write_bytes(data)
    return data


def test_a_warning_says_what_is_lost_and_where_the_copy_is(
    store: JSONStorage, damaged: bytes
) -> None:
    with pytest.warns(StoreDamageWarning) as caught:
        assert store.load_sessions() == [SESSIONS["alpha"], SESSIONS["charlie"]]
    [backup] = side_files(store, "bak")
    message = str(caught[0].message)
    assert "session 'bravo'" in message
    assert str(store.file_path) in message
    assert str(backup) in message
    assert backup.read_bytes() == damaged
    assert store.file_path.read_bytes() == damaged


@pytest.mark.usefixtures("damaged")
@pytest.mark.parametrize(
    "read",
    [
        lambda store: store.load_sessions(),
        lambda store: list(store.iter_sessions(newest_first=True)),
        lambda store: store.delete_sessions(["alpha"]),
        lambda store: store.export_sessions("export.json"),
    ],
)
def test_a_warning_points_to_the_line_of_the_user(
    store: JSONStorage, read: Callable[[JSONStorage], object]
) -> None:
    with pytest.warns(StoreDamageWarning) as caught:
        read(store)
    assert {warning.filename for warning in caught} == {__file__}


def test_damage_is_copied_once_however_often_it_is_read(
    store: JSONStorage, damaged: bytes, healthy: bytes
) -> None:
    for number in range(3):
        with pytest.warns(StoreDamageWarning):
            store.load_sessions()
        # Saving appends without a look at the rest, so the file changes behind the damage.
        store.save_session(small(f"newer-{number}", 10 + number))
    with pytest.warns(StoreDamageWarning):
        store.delete_sessions(["newer-0"])
    assert len(store.load_sessions()) == 4
    [backup] = side_files(store, "bak")
    assert backup.read_bytes() == damaged


def test_further_damage_is_copied_too_and_no_copy_is_overwritten(
    store: JSONStorage, damaged: bytes, healthy: bytes
) -> None:
    with pytest.warns(StoreDamageWarning):
        store.load_sessions()
    another = damaged_at(healthy, healthy.index(b'"outcome"', starts_of(healthy)[2]), ord("'"))
    store.file_path.write_bytes(another)
    with pytest.warns(StoreDamageWarning, match="session 'charlie'"):
        store.load_sessions()
    assert {path.read_bytes() for path in side_files(store, "bak")} == {damaged, another}


def test_every_read_of_results_warns_about_damage(store: JSONStorage, damaged: bytes) -> None:
    failed = HasOutcome(frozenset((TestOutcome.FAILED,)))
    for selection in (
        Selection(),
        Selection(limit=2),
        Selection((failed,)),
        Selection((HasTag("k"),)),
    ):
        with pytest.warns(StoreDamageWarning, match="bravo"):
            assert SESSIONS["charlie"] in store.select(selection)
    with pytest.warns(StoreDamageWarning, match="bravo"):
        (found,) = store.group_by_test()
    assert found.results == len(SESSIONS["charlie"].test_results)
    with pytest.warns(StoreDamageWarning, match="bravo"):
        assert store.get_session_by_id("bravo") is None
    assert store.get_last_session() == SESSIONS["charlie"]


def test_a_rewrite_keeps_unreadable_sessions_in_the_copy(
    store: JSONStorage, damaged: bytes
) -> None:
    with pytest.warns(StoreDamageWarning, match="bravo"):
        assert store.delete_sessions(["alpha"]) == 1
    assert store.load_sessions() == [SESSIONS["charlie"]]
    assert [path.read_bytes() for path in side_files(store, "bak")] == [damaged]


# Nothing can be read ----------------------------------------------------------------------------

UNREADABLE = {
    # What some file systems leave of a file after the power went.
    "zeros": b"\0" * 4096,
    "garbage": random.Random(8).randbytes(4096),
    "brackets": b"]]}}",
    "another program's JSON": b'{"version": 2, "settings": {"theme": "dark"}}',
}


@pytest.mark.parametrize("kind", UNREADABLE)
@pytest.mark.parametrize("profile", ["default", "other"])
def test_a_store_at_home_that_cannot_be_read_is_kept_and_a_new_one_begun(
    kind: str, profile: str
) -> None:
    data = UNREADABLE[kind]
    path = locations.store_path(profile)
    path.parent.mkdir()
    path.write_bytes(data)
    store = JSONStorage(path)
    with pytest.warns(StoreDamageWarning, match=r"nothing in the store .* can be read") as caught:
        assert store.load_sessions() == []
    [backup] = side_files(store, "bak")
    assert str(backup) in str(caught[0].message)
    with pytest.warns(StoreDamageWarning, match=re.escape(str(backup))):
        store.save_session(SESSIONS["alpha"])
    assert store.load_sessions() == [SESSIONS["alpha"]]
    assert [each.read_bytes() for each in side_files(store, "bak")] == [data]


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_file_elsewhere_that_cannot_be_read_is_refused_and_not_touched(
    store: JSONStorage, kind: str
) -> None:
    data = UNREADABLE[kind]
    store.file_path.write_bytes(data)
    for act in (store.load_sessions, lambda: store.save_session(SESSIONS["alpha"]), store.repair):
        with pytest.raises(StorageError, match=r"is not a store .* or move this one away"):
            act()
    assert store.file_path.read_bytes() == data
    assert not side_files(store, "bak")


def test_the_file_of_the_profiles_is_never_taken_for_a_damaged_store() -> None:
    path = locations.profiles_path()
    path.parent.mkdir()
    path.write_bytes(b"{}")
    with pytest.raises(StorageError, match="is not a store"):
        JSONStorage(path).save_session(SESSIONS["alpha"])
    assert path.read_bytes() == b"{}"


# Between sessions -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("intact", "broken"),
    [
        (b"]},\x20\n{", b"]}\n{"),  # the comma is lost
        (b"]}, \n{", b"]},,\n{"),
        (b"]}, \n{", b"]}, ]\n{"),
        (b"[\n{", b"[,\n{"),
        (b"]}\n]}\n", b"]}]\n]}\n]}\n"),
    ],
)
def test_a_file_that_is_no_json_is_damaged_though_every_session_can_be_read(
    store: JSONStorage, healthy: bytes, intact: bytes, broken: bytes
) -> None:
    at = healthy.rindex(intact)
    data = healthy[:at] + broken + healthy[at + len(intact) :]
    with pytest.raises(json.JSONDecodeError):
        json.loads(data)
    store.file_path.write_bytes(data)
    found = store.verify()
    assert not found.tidy
    assert found.sessions == len(NAMES)
    assert found.damage
    with warnings_caught() as messages:
        assert [each.session_id for each in store.load_sessions()] == list(NAMES)
    assert messages
    backup = store.repair().backup
    assert backup is not None
    assert Path(backup).read_bytes() == data
    assert store.verify().tidy
    json.loads(store.file_path.read_bytes())


def test_an_indented_store_without_a_comma_is_damaged_too(
    store: JSONStorage, healthy: bytes
) -> None:
    data = json.dumps(json.loads(healthy), indent=1).encode()
    last = data.rindex(b'},\n  {\n   "session_id"')
    store.file_path.write_bytes(data[: last + 1] + data[last + 2 :])
    found = store.verify()
    assert found.sessions == len(NAMES)
    assert found.damage


# Conflicts of git -------------------------------------------------------------------------------


def git(*arguments: str, status: int = 0) -> None:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    done = subprocess.run(["git", *identity, *arguments], capture_output=True, check=False)
    assert done.returncode == status, done


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
@pytest.mark.parametrize("style", ["merge", "diff3", "zdiff3"])
@pytest.mark.parametrize("layout", ["ours", "indented"])
def test_the_sessions_of_both_sides_of_a_conflict_are_read_and_repaired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, style: str, layout: str
) -> None:
    monkeypatch.chdir(tmp_path)
    store = JSONStorage(tmp_path / "history.json")

    def commit(*sessions: TestSession) -> None:
        store.save_sessions(sessions)
        if layout == "indented":
            store.file_path.write_text(
                json.dumps(json.loads(store.file_path.read_bytes()), indent=1)
            )
        git("add", "history.json")
        git("commit", "-m", "sessions")

    git("init", "-b", "main")
    git("config", "merge.conflictStyle", style)
    commit(SESSIONS["alpha"])
    git("switch", "-c", "theirs")
    commit(SESSIONS["bravo"], small("delta", 4))
    git("switch", "main")
    commit(SESSIONS["charlie"])
    git("merge", "theirs", status=1)
    conflict = store.file_path.read_bytes()
    expected = [*SESSIONS.values(), small("delta", 4)]
    with pytest.warns(StoreDamageWarning, match="conflict markers"):
        assert store.load_sessions() == expected
    found = store.repair()
    assert "the sessions of both sides were read" in found.damage[0]
    assert len(found.damage) == (1 if layout == "ours" else 2)  # the other first line is damage
    assert found.backup is not None
    assert Path(found.backup).read_bytes() == conflict
    assert store.load_sessions() == expected
    assert store.verify().tidy


def test_of_a_session_that_differs_on_both_sides_ours_is_kept_and_the_other_is_named(
    store: JSONStorage, healthy: bytes
) -> None:
    ours = b'"session_duration":2.5'
    head, _, rest = healthy.partition(b"\n")
    line, _, rest = rest.partition(b"\n")
    theirs = line.replace(ours, b'"session_duration":3.5')
    assert theirs != line
    store.file_path.write_bytes(
        b"%b\n<<<<<<< HEAD\n%b\n=======\n%b\n>>>>>>> theirs\n%b" % (head, line, theirs, rest)
    )
    with pytest.warns(StoreDamageWarning, match="session 'alpha' of the other side"):
        assert store.load_sessions() == list(SESSIONS.values())


# Too large --------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [b"", HEAD + b'\n{"session_id":"x","sut_name":"'])
def test_a_sparse_file_larger_than_memory_is_an_error_with_a_limit(
    store: JSONStorage, start: bytes
) -> None:
    with store.file_path.open("wb") as file:
        file.write(start)
        try:
            file.truncate((1 << 30) + 1000)  # not more: holes are scanned, too
        except OSError as exc:
            pytest.skip(f"this file system has no sparse files: {exc}")
    for act in (store.load_sessions, lambda: store.save_session(SESSIONS["alpha"]), store.verify):
        with pytest.raises(
            StorageError, match=r"would have to be read at once; the limit is 1 GiB"
        ):
            act()


# Other shapes -----------------------------------------------------------------------------------


def shapes(items: list[dict[str, Any]]) -> dict[str, bytes]:
    naive = json.loads(json.dumps(items).replace('Z"', '"'))
    return {
        "a bare list": json.dumps(items).encode(),
        "an indented list": json.dumps(items, indent=4).encode(),
        "an object": json.dumps({"sessions": items}).encode(),
        "our own, indented": json.dumps(
            {"format": "pytest-insight", "version": 1, "sessions": items}, indent=2
        ).encode(),
        "Windows line ends": json.dumps(items, indent=1).replace("\n", "\r\n").encode(),
        "a byte order mark": b"\xef\xbb\xbf" + json.dumps(items).encode(),
        "naive times": json.dumps(naive).encode(),
        "keys in another order": json.dumps(items, sort_keys=True).encode(),
        "letters not escaped": json.dumps(items, ensure_ascii=False).encode(),
        "an empty list and spaces": b" [ ] \n",
    }


@pytest.mark.parametrize("shape", shapes([]).keys())
def test_a_file_in_another_shape_is_read_and_becomes_ours_at_the_next_write(
    store: JSONStorage, healthy: bytes, shape: str
) -> None:
    data = shapes(json.loads(healthy)["sessions"])[shape]
    expected = [] if shape.startswith("an empty") else list(SESSIONS.values())
    store.file_path.write_bytes(data)
    assert store.load_sessions() == expected
    assert store.count(Selection((HasTag("k"),), limit=2)) == min(len(expected), 2)
    assert store.file_path.read_bytes() == data
    store.save_session(small("newest", 9))
    assert store.file_path.read_bytes().startswith(HEAD)
    assert store.load_sessions() == [*expected, small("newest", 9)]
    assert {path.name for path in store.file_path.parent.iterdir()} == {
        "sessions.json",
        "sessions.json.lock",
    }


def test_fields_of_another_writer_are_kept_in_a_copy(store: JSONStorage, healthy: bytes) -> None:
    items = json.loads(healthy)["sessions"]
    items[1]["colour"] = "green"
    data = json.dumps(items).encode()
    store.file_path.write_bytes(data)
    assert store.load_sessions() == list(SESSIONS.values())
    assert store.delete_sessions(["alpha"]) == 1
    assert b"colour" not in store.file_path.read_bytes()
    assert [path.read_bytes() for path in side_files(store, "bak")] == [data]


def test_an_invalid_session_of_another_writer_is_reported_and_kept_in_a_copy(
    store: JSONStorage, healthy: bytes
) -> None:
    items = json.loads(healthy)["sessions"]
    items[1]["session_start_time"] = "yesterday"
    data = json.dumps(items).encode()
    store.file_path.write_bytes(data)
    with pytest.warns(StoreDamageWarning, match=r"sessions\[1\].session_start_time.*bravo"):
        assert store.load_sessions() == [SESSIONS["alpha"], SESSIONS["charlie"]]
    assert [path.read_bytes() for path in side_files(store, "bak")] == [data]


def test_a_session_that_was_edited_by_hand_is_read_as_it_is(
    store: JSONStorage, healthy: bytes
) -> None:
    data = healthy.replace(
        b'{"session_id":"bravo","sut_name":"api"', b'{"session_id":"bravo", "sut_name":"web"'
    )
    data = data.replace(b'"version":2', b'"version": 2')
    store.file_path.write_bytes(data)
    assert [session.sut_name for session in store.load_sessions()] == ["api", "web", "api"]


@pytest.mark.parametrize("version", [b"3", b"10", b"999999"])
def test_a_newer_version_is_refused(store: JSONStorage, healthy: bytes, version: bytes) -> None:
    data = healthy.replace(b'"version":2', b'"version":' + version)
    store.file_path.write_bytes(data)
    with pytest.raises(NewerFormatError) as caught:
        store.load_sessions()
    assert (caught.value.found, caught.value.known) == (int(version), 2)
    with pytest.raises(NewerFormatError):
        store.save_session(SESSIONS["alpha"])
    assert store.file_path.read_bytes() == data


@pytest.mark.parametrize("cut", [1, 4, 20, 100])
def test_a_rewrite_keeps_a_copy_of_a_torn_file(
    store: JSONStorage, healthy: bytes, cut: int
) -> None:
    torn = healthy[:-cut]
    start_anew(store, torn)
    with pytest.warns(StoreDamageWarning, match="interrupted"):
        there = store.session_ids()
    with pytest.warns(StoreDamageWarning, match="interrupted"):
        store.clear_sessions([there[0]])
    assert [path.read_bytes() for path in side_files(store, "bak")] == [torn]
    assert store.session_ids() == there[1:]


@pytest.mark.parametrize("cut", [1, 4, 20, 100])
def test_an_import_that_adds_keeps_what_it_cuts_off(
    store: JSONStorage, healthy: bytes, cut: int, tmp_path: Path
) -> None:
    torn = healthy[:-cut]
    start_anew(store, torn)
    with pytest.warns(StoreDamageWarning, match="interrupted"):
        there = store.session_ids()
    other = JSONStorage(tmp_path / "other.json")
    other.save_session(small("delta", 7))
    with pytest.warns(StoreDamageWarning, match="interrupted"):
        store.import_sessions(other.file_path)
    assert store.session_ids() == [*there, "delta"]
    kept = [path.read_bytes() for path in side_files(store, "torn")]
    if len(there) == len(NAMES):  # only the ending was cut off
        assert kept == []
    else:
        assert kept == [torn[torn.rindex(b"\n]}") + len(b"\n]}") :]]
