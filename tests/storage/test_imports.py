"""Imports of files into a storage; the rules for one file are in the contract."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_insight.document.layout import END
from pytest_insight.errors import ExchangeError, InvalidImportError, NewerFormatError
from pytest_insight.exchange.file_content import FileContent
from pytest_insight.exchange.input import Input
from pytest_insight.exchange.merge import MergePlan, MergeStrategy
from pytest_insight.exchange.read_formats import read_input
from pytest_insight.models import TestSession
from pytest_insight.storage import BaseStorage, InMemoryStorage, JSONStorage, imports
from pytest_insight.storage.imports import import_files
from tests.conftest import MakeSession

FILES = ["a.json", "b.json", "c.csv"]


def write_file(path: str, *sessions: TestSession) -> None:
    storage = InMemoryStorage()
    storage.save_sessions(sessions)
    storage.export_sessions(path)


@pytest.fixture
def files(make_session: MakeSession) -> list[str]:
    """`a.json` has 0 and 1, `b.json` a different 1 and 2, `c.csv` that 1 and 3."""
    changed = make_session(1, sut_name="changed")
    write_file("a.json", make_session(0), make_session(1))
    write_file("b.json", changed, make_session(2))
    write_file("c.csv", changed, make_session(3))
    return FILES


@pytest.fixture
def store(make_session: MakeSession) -> JSONStorage:
    storage = JSONStorage("store.json")
    storage.save_session(make_session(0))
    return storage


def applied(storage: BaseStorage, strategy: str, sources: list[str]) -> list[MergePlan]:
    """The plans that an import carries out."""
    plans = []

    def apply(storage: BaseStorage, plan: MergePlan) -> None:
        plans.append(plan)
        storage.apply(plan)

    import_files(storage, sources, strategy, apply=apply)
    return plans


@pytest.mark.parametrize("strategy", MergeStrategy)
@pytest.mark.parametrize("dry_run", [False, True])
def test_the_reports_and_the_store_are_as_after_importing_one_file_after_the_other(
    files: list[str], store: JSONStorage, strategy: str, dry_run: bool
) -> None:
    other = InMemoryStorage()
    other.save_sessions(before := store.load_sessions())
    expected = [other.import_sessions(path, strategy) for path in files]
    assert import_files(store, files, strategy, dry_run=dry_run) == expected
    assert store.load_sessions() == (before if dry_run else other.load_sessions())


@pytest.mark.parametrize("strategy", MergeStrategy)
def test_the_store_is_written_once(files: list[str], store: JSONStorage, strategy: str) -> None:
    assert len(applied(store, strategy, files)) == 1
    assert len(applied(store, "skip_existing", files)) == 0  # all of it is there


def test_each_file_is_read_once(
    files: list[str], store: JSONStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def count(file: Input, *given: Any) -> FileContent:
        read.append(file.source)
        return read_input(file, *given)

    monkeypatch.setattr(imports, "read_input", count)
    import_files(store, files)
    assert read == files


@pytest.mark.parametrize("strategy", MergeStrategy)
def test_the_files_that_can_be_imported_are_if_the_others_are_left_out(
    files: list[str], store: JSONStorage, strategy: str
) -> None:
    other = InMemoryStorage()
    other.save_sessions(store.load_sessions())
    expected = [other.import_sessions(path, strategy) for path in files]
    Path("bad.json").write_text('[{"session_id": 1}]')
    Path("newer.json").write_text('{"format":"pytest-insight","version":99,"sessions":[]}')
    failed: dict[int, Exception] = {}
    sources = ["bad.json", *files, "missing.json", "newer.json"]
    reports = import_files(store, sources, strategy, on_error=failed.__setitem__)
    assert reports == expected
    assert store.load_sessions() == other.load_sessions()
    last = len(sources) - 1
    assert {position: type(exc) for position, exc in failed.items()} == {
        0: InvalidImportError,
        last - 1: ExchangeError,
        last: NewerFormatError,
    }


@pytest.mark.parametrize("number", range(3))
def test_if_one_file_is_invalid_none_is_imported(
    files: list[str], store: JSONStorage, number: int
) -> None:
    before = store.file_path.read_bytes()
    Path("bad.json").write_text('[{"session_id": 1}]')
    sources = [*files[:number], "bad.json", *files[number:]]
    with pytest.raises(InvalidImportError, match=r"bad\.json"):
        import_files(store, sources)
    assert store.file_path.read_bytes() == before


@pytest.mark.parametrize(
    ("strategy", "sources", "appends"),
    [
        ("skip_existing", FILES, True),
        ("keep_both", FILES, True),
        ("replace_existing", FILES[:1], True),  # 0 is identical
        ("replace_existing", FILES, False),
    ],
)
def test_sessions_that_are_only_added_are_appended(
    files: list[str], store: JSONStorage, strategy: str, sources: list[str], appends: bool
) -> None:
    before, inode = store.file_path.read_bytes(), store.file_path.stat().st_ino
    import_files(store, sources, strategy)
    assert (store.file_path.stat().st_ino == inode) is appends
    assert store.file_path.read_bytes().startswith(before.removesuffix(END)) or not appends
    found = store.verify()
    assert found.tidy
    assert found.sessions == store.count()


def test_a_store_that_cannot_be_appended_to_is_rewritten(
    files: list[str], store: JSONStorage
) -> None:
    other = JSONStorage("other.json")
    other.file_path.write_text("[]")  # not in our layout
    import_files(store, files)
    import_files(other, files)
    assert other.load_sessions() == store.load_sessions()


def test_keep_both_computes_no_digests(
    files: list[str], store: JSONStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a digest was computed")

    monkeypatch.setattr("hashlib.blake2b", refuse)
    with pytest.raises(AssertionError, match="a digest was computed"):
        import_files(store, files, dry_run=True)
    reports = import_files(store, files, "keep_both")
    assert [report.renamed for report in reports] == [1, 1, 1]


def test_our_own_files_are_imported_without_pydantic(files: list[str]) -> None:
    script = (
        "import sys; from pytest_insight.storage import InMemoryStorage\n"
        "assert InMemoryStorage().import_sessions('a.json').imported == 2\n"
        "assert 'pydantic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


# One source -------------------------------------------------------------------------------------


def test_a_dry_run_creates_no_store(files: list[str]) -> None:
    JSONStorage("folder/store.json").import_sessions("a.json", dry_run=True)
    assert not Path("folder").exists()


def test_an_error_in_an_open_file_names_it() -> None:
    storage = InMemoryStorage()
    with pytest.raises(ExchangeError, match="the input is empty"):
        storage.import_sessions(io.BytesIO())
    Path("a.json").write_bytes(b"x")
    with Path("a.json").open("rb") as file, pytest.raises(ExchangeError, match=r"a\.json cannot"):
        storage.import_sessions(file)


def test_the_file_of_a_json_store_can_be_imported(make_session: MakeSession) -> None:
    other = JSONStorage("other.json")
    other.save_session(make_session(0, sut_name="old"))
    other.save_session(make_session(0))
    storage = InMemoryStorage()
    assert storage.import_sessions("other.json").total == 1
    assert storage.load_sessions() == [make_session(0)]
