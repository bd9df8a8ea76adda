"""Which storage arguments, variables and profiles mean, row by row of the precedence."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_insight.errors import (
    ProfileError,
    StorageError,
    UnknownChoiceError,
    UnknownProfileError,
)
from pytest_insight.storage import (
    BaseStorage,
    InMemoryStorage,
    JSONStorage,
    SQLiteStorage,
    create_profile,
    get_active_profile,
    get_storage_instance,
    list_profiles,
    switch_profile,
)
from pytest_insight.storage.choice import choose
from tests.conftest import MakeSession

PROFILE, KIND, PATH = (
    "PYTEST_INSIGHT_PROFILE",
    "PYTEST_INSIGHT_STORAGE_TYPE",
    "PYTEST_INSIGHT_DB_PATH",
)


@pytest.fixture(autouse=True)
def _profiles(tmp_path: Path) -> None:
    """Create profiles for an argument, for the variable and to be active; and one in memory."""
    for name in ("argument", "variable", "active"):
        create_profile(name)
    create_profile("notes", "memory")
    switch_profile("active")


def test_a_storage_has_the_file_or_the_url_that_it_is_in(tmp_path: Path) -> None:
    json, db = tmp_path / "x.json", tmp_path / "x.db"
    assert (JSONStorage(json).file_path, JSONStorage(json).url) == (json, None)
    assert (SQLiteStorage(db).file_path, SQLiteStorage(db).url) == (db, None)
    assert (InMemoryStorage().file_path, InMemoryStorage().url) == (None, None)


def where(storage: BaseStorage) -> str:
    """Return the name of the file without its suffix."""
    return Path(storage.location).stem


# Each row, with everything of lower precedence set as well.
ROWS: dict[str, tuple[dict[str, str], dict[str, str], str, str]] = {
    "1: a profile": (
        {"profile_name": "argument", "storage_type": "memory", "file_path": "x.json"},
        {PROFILE: "variable", KIND: "memory", PATH: "env.json"},
        "argument",
        "argument",
    ),
    "2: a type and a path": (
        {"storage_type": "json", "file_path": "given.json"},
        {PROFILE: "variable", KIND: "memory", PATH: "env.json"},
        "given",
        "argument",
    ),
    "2: a path alone is a JSON store": (
        {"file_path": "given.json"},
        {PROFILE: "variable", KIND: "memory", PATH: "env.json"},
        "given",
        "argument",
    ),
    "2: a type alone uses the path of the variable": (
        {"storage_type": "json"},
        {PROFILE: "variable", KIND: "memory", PATH: "env.json"},
        "env",
        "argument",
    ),
    "2: a type alone uses the default store": (
        {"storage_type": "json"},
        {PROFILE: "variable", KIND: "memory"},
        "sessions",
        "argument",
    ),
    "2: memory ignores the path of the variable": (
        {"storage_type": "memory"},
        {PROFILE: "variable", PATH: "env.json"},
        "memory",
        "argument",
    ),
    "3: the profile of the variable": (
        {},
        {PROFILE: "variable", KIND: "memory", PATH: "env.json"},
        "variable",
        "environment",
    ),
    "4: the variables of type and path": (
        {},
        {KIND: "json", PATH: "env.json"},
        "env",
        "environment",
    ),
    "4: the path alone is a JSON store": ({}, {PATH: "env.json"}, "env", "environment"),
    "4: the type alone uses the default store": ({}, {KIND: "json"}, "sessions", "environment"),
    "4: memory ignores the path of the variable": (
        {},
        {KIND: "memory", PATH: "x.json"},
        "memory",
        "environment",
    ),
    "6: the active profile": ({}, {}, "active", "active"),
    "an empty variable is not set": ({}, {PROFILE: "", KIND: "", PATH: ""}, "active", "active"),
}


@pytest.mark.parametrize(("arguments", "variables", "place", "reason"), ROWS.values(), ids=ROWS)
def test_the_first_row_that_applies_decides(
    monkeypatch: pytest.MonkeyPatch,
    arguments: dict[str, Any],
    variables: dict[str, str],
    place: str,
    reason: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert where(get_storage_instance(**arguments)) == place
    assert choose(**arguments)[1] == reason


def test_row_5_the_profile_of_the_project_in_the_current_folder(tmp_path: Path) -> None:
    create_profile("of-project", file_path=tmp_path / "project.json")
    Path("pytest.ini").write_text("[pytest]\ninsight_profile = of-project\n")
    assert where(get_storage_instance()) == "project"
    assert choose()[1] == "project"
    assert choose("default")[1] == "argument"


def test_a_variable_overrides_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("pytest.ini").write_text("[pytest]\ninsight_profile = missing\n")
    monkeypatch.setenv(PATH, "env.json")
    assert where(get_storage_instance()) == "env"


def test_a_missing_profile_of_the_project_is_an_error_that_names_its_file() -> None:
    Path("pytest.ini").write_text("[pytest]\ninsight_profile = missing\n")
    with pytest.raises(UnknownProfileError, match=r"insight_profile in pytest.ini of .*'missing'"):
        get_storage_instance()


def test_row_7_the_default_profile() -> None:
    switch_profile("default")
    assert where(get_storage_instance()) == "sessions"
    assert choose() == (get_active_profile(), "default")


def test_the_home_variable_moves_profiles_and_stores(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make_session: MakeSession
) -> None:
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", "~/moved")
    assert list(list_profiles()) == ["default"]
    create_profile("ci")
    get_storage_instance().save_session(make_session())
    get_storage_instance(profile_name="ci").save_session(make_session())
    found = {path.name for path in (tmp_path / "home" / "moved").glob("*.json")}
    assert found == {"profiles.json", "sessions.json", "ci.json"}


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        ({"profile_name": "activ"}, {PROFILE: "variable"}, "unknown profile 'activ'; did you"),
        ({"profile_name": ""}, {}, "unknown profile ''"),
        ({}, {PROFILE: "activ", KIND: "memory"}, "PYTEST_INSIGHT_PROFILE: unknown"),
    ],
)
def test_an_unknown_profile_is_an_error_and_never_another_store(
    monkeypatch: pytest.MonkeyPatch,
    arguments: dict[str, str],
    variables: dict[str, str],
    message: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    before = list_profiles()
    with pytest.raises(UnknownProfileError, match=message):
        get_storage_instance(**arguments)
    assert list_profiles() == before


@pytest.mark.parametrize(
    "ask",
    [
        lambda: get_storage_instance("jsn"),
        lambda: get_storage_instance(storage_type="jsn", file_path="x"),
    ],
)
def test_an_unknown_type_is_an_error_that_suggests_similar_ones(ask: Callable[[], object]) -> None:
    with pytest.raises(UnknownChoiceError, match="mean 'json'"):
        ask()


@pytest.mark.parametrize("named_by", ["argument", "variable"])
@pytest.mark.parametrize("linked", [False, True], ids=["file", "link"])
def test_the_type_of_a_path_alone_is_that_of_the_file(
    monkeypatch: pytest.MonkeyPatch, make_session: MakeSession, named_by: str, linked: bool
) -> None:
    with SQLiteStorage("history.db") as storage:
        storage.save_session(make_session())
    JSONStorage("other.db").save_session(make_session())
    Path("empty.db").touch()
    os.mkfifo("pipe.db")
    if linked:
        for link in list(Path.cwd().glob("*.db")):
            link.rename(link.with_suffix(".real"))
            link.symlink_to(link.with_suffix(".real"))

    def found(path: str) -> BaseStorage:
        if named_by == "argument":
            return get_storage_instance(file_path=path)
        monkeypatch.setenv(PATH, path)
        return get_storage_instance()

    assert found("history.db").load_sessions() == [make_session()]
    assert isinstance(found("history.db"), SQLiteStorage)
    for path in ("other.db", "empty.db", "pipe.db", "none.db", "."):
        assert isinstance(found(path), JSONStorage)


def test_a_given_type_decides_whatever_the_file_is(make_session: MakeSession) -> None:
    with SQLiteStorage("history.db") as storage:
        storage.save_session(make_session())
    assert isinstance(get_storage_instance("json", "history.db"), JSONStorage)


LOCKED_HERE = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)  # where SQLite's are
    except OSError:
        print("locked")
"""


@pytest.mark.skipif(os.name != "posix", reason="closing a file releases its locks on POSIX only")
def test_detecting_the_type_of_a_database_in_use_releases_none_of_its_locks(
    make_session: MakeSession,
) -> None:
    def locked() -> bool:
        asked = [sys.executable, "-c", LOCKED_HERE, "history.db"]
        return subprocess.run(asked, capture_output=True, check=True).stdout == b"locked\n"

    with SQLiteStorage("history.db") as storage:
        storage.save_session(make_session())
        assert locked()
        assert isinstance(get_storage_instance(file_path="history.db"), SQLiteStorage)
        mistaken = JSONStorage("history.db")
        for act in (mistaken.load_sessions, mistaken.repair, mistaken.clear_sessions):
            with pytest.raises(StorageError, match="is an SQLite database"):
                act()
        with pytest.raises(StorageError, match="is an SQLite database"):
            mistaken.save_session(make_session())
        assert locked()
    assert not locked()


def test_an_unknown_type_in_the_variable_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KIND, "sqlit")
    with pytest.raises(UnknownChoiceError, match="unknown storage type 'sqlit'"):
        get_storage_instance()


def test_a_path_for_a_memory_storage_is_an_error() -> None:
    with pytest.raises(ProfileError, match="leave out one of them"):
        get_storage_instance("memory", "x.json")


def test_getting_a_storage_creates_no_file(tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    for storage in (
        get_storage_instance(),
        get_storage_instance(file_path="a/b.json"),
        get_storage_instance(profile_name="argument"),
    ):
        assert isinstance(storage, JSONStorage)
    assert sorted(tmp_path.rglob("*")) == before


# Memory -----------------------------------------------------------------------------------------


def test_the_storage_of_a_memory_profile_is_the_same_each_time(make_session: MakeSession) -> None:
    get_storage_instance(profile_name="notes").save_session(make_session())
    switch_profile("notes")
    assert get_storage_instance() is get_storage_instance(profile_name="notes")
    assert get_storage_instance().load_sessions() == [make_session()]


def test_each_memory_profile_has_a_storage_of_its_own() -> None:
    create_profile("more-notes", "memory")
    notes = get_storage_instance(profile_name="notes")
    assert get_storage_instance(profile_name="more-notes") is not notes


def test_a_memory_profile_in_another_home_folder_has_another_storage(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    notes = get_storage_instance(profile_name="notes")
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(tmp_path / "other"))
    create_profile("notes", "memory")
    assert get_storage_instance(profile_name="notes") is not notes


def test_a_memory_storage_without_a_profile_is_new_each_time() -> None:
    one, other = get_storage_instance("memory"), get_storage_instance("memory")
    assert isinstance(one, InMemoryStorage)
    assert one is not other
    assert InMemoryStorage() is not InMemoryStorage()


def test_a_memory_storage_from_the_variable_is_the_same_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(KIND, "memory")
    assert get_storage_instance() is get_storage_instance()


# Storage types of other distributions -----------------------------------------------------------


@pytest.fixture
def offered(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which another distribution offers four storage types."""
    site = tmp_path / "site"
    (site / "other-1.0.dist-info").mkdir(parents=True)
    (site / "other-1.0.dist-info" / "METADATA").write_text("Name: other\nVersion: 1.0\n")
    (site / "other-1.0.dist-info" / "entry_points.txt").write_text(
        "[pytest_insight.storage]\n"
        "good = other_storage:Good\nbroken = no_such_module:X\nnone = other_storage:NONE\n"
        "json = other_storage:Good\n"
    )
    (site / "other_storage.py").write_text(
        "from pytest_insight.storage import InMemoryStorage\n"
        "class Good(InMemoryStorage):\n"
        "    storage_type = 'good'\n"
        "NONE = 7\n"
    )
    return os.environ | {"PYTHONPATH": str(site)}


def run(script: str, environment: dict[str, str]) -> str:
    modules = ("storage", "storage.registry", "storage.functions", "profiles.storage_types")
    prelude = "".join(f"from pytest_insight.{module} import *\n" for module in modules)
    done = subprocess.run(
        [sys.executable, "-c", prelude + script],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_type_of_another_distribution_can_be_used(offered: dict[str, str]) -> None:
    script = (
        "create_profile('theirs', 'good')\n"
        "print(type(get_storage_instance(profile_name='theirs')).__name__, storage_types())"
    )
    assert (
        run(script, offered)
        == "Good ['broken', 'good', 'json', 'memory', 'none', 'postgresql', 'sqlite']"
    )


def test_a_built_in_type_cannot_be_replaced(offered: dict[str, str]) -> None:
    assert run("print(type(get_storage_instance('json')).__name__)", offered) == "JSONStorage"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("broken", "'broken' (no_such_module:X) cannot be loaded: No module named"),
        ("none", "'none' (other_storage:NONE) is not a subclass"),
    ],
)
def test_a_type_that_cannot_be_loaded_is_an_error_with_its_name(
    offered: dict[str, str], name: str, message: str
) -> None:
    script = (
        f"try: storage_class({name!r})\nexcept Exception as exc: print(type(exc).__name__, exc)"
    )
    printed = run(script, offered)
    assert printed.startswith("StorageError the storage type")
    assert message in printed


def test_a_url_for_a_memory_storage_is_refused_without_its_password() -> None:
    with pytest.raises(ProfileError, match=r"cannot use postgresql://h/db") as refused:
        get_storage_instance(storage_type="memory", file_path="postgresql://ci:hush@h/db")
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("kind", [JSONStorage, SQLiteStorage])
def test_an_empty_path_is_refused_and_never_the_default_store(
    kind: type[JSONStorage | SQLiteStorage],
) -> None:
    for make in (
        lambda: kind(""),
        lambda: get_storage_instance(kind.storage_type, ""),
        lambda: get_storage_instance(file_path=""),
        lambda: create_profile("other", file_path=""),
    ):
        with pytest.raises(ProfileError, match="the path is empty"):
            make()
