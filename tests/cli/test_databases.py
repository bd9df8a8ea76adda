"""Databases by the command line: profiles, variables, passwords, groups, plans."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_insight.locations import display_path
from pytest_insight.models import CodeState
from pytest_insight.storage import JSONStorage, PostgreSQLStorage, SQLiteStorage
from pytest_insight.storage.functions import get_storage_instance
from pytest_insight.testing.rules import make_result
from tests.cli.conftest import Insight
from tests.conftest import MakeSession
from tests.postgresql import Server

SECRET = "hush%21"
URL = f"postgresql://me:{SECRET}@127.0.0.1:1/db"


def test_a_profile_in_an_sqlite_file(
    insight: Insight, tmp_path: Path, make_session: MakeSession
) -> None:
    path = tmp_path / "history.db"
    insight("profile", "create", "big", "--type", "sqlite", "--path", path, "--switch")
    assert not path.exists()
    assert "no sessions yet" in insight("sessions", "list").err
    assert not path.exists()
    SQLiteStorage(path).save_session(make_session())
    assert "api-0" in insight("sessions", "list").out


def test_an_sqlite_profile_without_a_path_has_a_file_in_our_folder(
    insight: Insight, make_session: MakeSession
) -> None:
    insight("profile", "create", "big", "--type", "sqlite")
    shown = json.loads(insight("profile", "show", "big", "--format", "json").out)
    assert shown["file_path"] == str(Path.home() / ".pytest_insight" / "big.db")


def test_a_profile_in_a_postgresql_database(
    insight: Insight, postgresql_server: Server, make_session: MakeSession
) -> None:
    url = postgresql_server.schema()
    insight("profile", "create", "team", "--url", url, "--switch")
    assert "no sessions yet" in insight("sessions", "list").err
    with PostgreSQLStorage(url) as storage:
        storage.save_session(make_session())
    assert "api-0" in insight("sessions", "list").out
    assert "test_y" in insight("query", "tests", "--outcome", "failed").out


def test_the_variables_name_databases_too(
    insight: Insight, postgresql_server: Server, tmp_path: Path, make_session: MakeSession
) -> None:
    url, path = postgresql_server.schema(), tmp_path / "a.db"
    with PostgreSQLStorage(url) as storage:
        storage.save_session(make_session(1))
    SQLiteStorage(path).save_session(make_session(2))
    assert "api-1" in insight("sessions", "list", env={"PYTEST_INSIGHT_DB_PATH": url}).out
    env = {"PYTEST_INSIGHT_STORAGE_TYPE": "sqlite", "PYTEST_INSIGHT_DB_PATH": str(path)}
    assert "api-2" in insight("sessions", "list", env=env).out
    env = {"PYTEST_INSIGHT_STORAGE_TYPE": "postgresql"}
    assert "needs the URL" in insight("sessions", "list", env=env, status=2).err
    env = {"PYTEST_INSIGHT_STORAGE_TYPE": "sqlite", "PYTEST_INSIGHT_DB_PATH": url}
    assert "a URL needs" in insight("sessions", "list", env=env, status=2).err


def test_a_password_is_stored_only_where_that_is_said_and_never_printed(insight: Insight) -> None:
    refused = insight("profile", "create", "team", "--url", URL, status=2)
    assert "--store-password" in refused.err
    made = insight("profile", "create", "team", "--url", URL, "--store-password", "--switch")
    printed = [refused, made]
    for command in (
        ("profile", "list"),
        ("profile", "list", "--format", "json"),
        ("profile", "show", "team", "--format", "json"),
        ("profile", "show", "team"),
    ):
        printed.append(insight(*command))
    failed = insight("sessions", "list", status=1)
    assert "cannot open the store postgresql://127.0.0.1:1/db" in failed.err
    printed += [failed, insight("profile", "delete", "team")]
    for each in printed:
        assert "hush" not in each.out + each.err


def test_a_profile_moves_to_another_database_and_its_sessions_stay(
    insight: Insight, postgresql_server: Server, make_session: MakeSession
) -> None:
    old, new = postgresql_server.database(), postgresql_server.database()
    with PostgreSQLStorage(new) as storage:
        storage.save_session(make_session(1))
    insight("profile", "create", "team", "--url", old, "--merge", "keep_both", "--switch")
    printed = insight("profile", "set", "team", "--url", new)
    places = [url.partition("?")[0].replace("tests@", "") for url in (old, new)]
    assert "its store is {1} now; the sessions in {0} were not moved".format(*places) in printed.err
    assert "api-1" in insight("sessions", "list").out
    shown = json.loads(insight("profile", "show", "team", "--format", "json").out)
    assert (shown["file_path"], shown["merge_strategy"]) == (places[1], "keep_both")


def test_a_profile_takes_another_type_with_its_place(insight: Insight) -> None:
    def place() -> list[str]:
        shown = json.loads(insight("profile", "show", "p", "--format", "json").out)
        return [shown["storage_type"], shown["file_path"]]

    url = "postgresql://h/d"
    insight("profile", "create", "p", "--type", "sqlite", "--path", "p.db")
    insight("profile", "set", "p", "--type", "postgresql", "--url", url)
    assert place() == ["postgresql", url]
    insight("profile", "set", "p", "--type", "json", "--unset", "url")
    assert place() == ["json", str(Path.home() / ".pytest_insight" / "p.json")]


def test_another_password_is_stored_only_where_that_is_said_and_never_printed(
    insight: Insight,
) -> None:
    insight("profile", "create", "team", "--url", "postgresql://me@127.0.0.1:1/db", "--switch")
    before = insight("profile", "list", "--format", "json").out
    refused = insight("profile", "set", "team", "--url", URL, status=2)
    assert "--store-password" in refused.err
    assert insight("profile", "list", "--format", "json").out == before
    changed = insight("profile", "set", "team", "--url", URL, "--store-password")
    kept = Path.home() / ".pytest_insight" / "profiles.json"
    assert SECRET in kept.read_text()
    printed = [refused, changed, insight("profile", "set", "team", "--merge", "keep_both")]
    printed.append(insight("profile", "set", "team", "--type", "sqlite", status=2))
    failed = insight("sessions", "list", status=1)
    assert "cannot open the store postgresql://127.0.0.1:1/db" in failed.err
    again = insight("profile", "set", "team", "--url", "postgresql://me@127.0.0.1:1/db")
    assert "was not moved" not in again.err  # only the password has changed
    assert "hush" not in kept.read_text()
    for each in (*printed, failed, again):
        assert "hush" not in each.out + each.err


@pytest.mark.parametrize(
    ("profile", "options", "status", "said"),
    [
        ("file", "--url postgresql://me@h/d", 2, "'file' of type sqlite keeps a file"),
        ("default", "--url postgresql://me@h/d", 2, "a URL needs the type postgresql"),
        ("team", "--path x", 2, "'team' of type postgresql needs the URL of its database"),
        ("team", "--path postgresql://me:hush@h/d", 2, "(on the command line with --url)"),
        ("file", "--path mysql://me:hush@h/d", 2, "the path is a URL, mysql://***, that cannot"),
        ("team", "--url postgresql://me:hush@hush@h/d", 2, "postgresql://*** is not valid"),
        ("team", "--unset url", 2, "needs the URL of its database:"),
        ("team", "--type sqlite", 2, "cannot use the URL"),
        ("team", "--url mysql://me:hush@h/d", 2, "must begin with postgresql://"),
        ("team", "--url postgresql://me:hush@h/d --path x", 2, "leave one out"),
        ("team", "--url postgresql://me:hush@h/d --unset path", 2, "contradicts"),
        ("team", "--store-password", 2, "nothing to change"),
    ],
)
def test_a_new_place_that_does_not_fit_is_refused(
    insight: Insight, profile: str, options: str, status: int, said: str
) -> None:
    insight("profile", "create", "team", "--url", "postgresql://me@h/d")
    insight("profile", "create", "file", "--type", "sqlite")
    before = insight("profile", "list", "--format", "json").out
    refused = insight("profile", "set", profile, *options.split(), status=status)
    assert said in " ".join(refused.err.replace("│", " ").split())
    assert "hush" not in refused.err
    assert insight("profile", "list", "--format", "json").out == before


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (("--type", "sqlite", "--url", "postgresql://h/d"), 2, "a URL needs the type postgresql"),
        (("--type", "postgresql"), 2, "needs the URL"),
        (("--url", "mysql://me:hush@h/d"), 2, "must begin with"),
        (("--url", "postgresql://h/d", "--path", "x"), 2, "leave one out"),
    ],
)
def test_a_place_that_does_not_fit_is_refused(
    insight: Insight, options: tuple[str, ...], status: int, said: str
) -> None:
    refused = insight("profile", "create", "x", *options, status=status)
    assert said in " ".join(refused.err.replace("│", " ").split())
    assert "hush" not in refused.err
    assert '"x"' not in insight("profile", "list", "--format", "json").out


def test_each_test_once_with_what_all_its_results_say(
    insight: Insight, make_session: MakeSession
) -> None:
    path = Path.home() / ".pytest_insight" / "sessions.json"
    assert not path.exists()
    insight("profile", "create", "big", "--type", "sqlite", "--switch")
    store = SQLiteStorage(path.with_name("big.db"))
    store.save_sessions(make_session(number) for number in range(3))
    listed = json.loads(
        insight("query", "tests", "--group", "--sort", "failures", "--format", "json").out
    )
    assert [test["nodeid"].rpartition("::")[2] for test in listed] == ["test_y", "test_x"]
    assert listed[0]["outcomes"] == {"failed": 3}
    assert listed[0]["mean"] == 0.5
    table = insight("query", "tests", "--group", "--limit", "1")
    assert "3 passed" in table.out
    assert "showing 1 of 2 tests (--limit 0 for all)" in table.err
    assert insight("query", "tests", "--group", "--format", "nodeids").out.splitlines() == [
        "tests/test_a.py::test_x",
        "tests/test_a.py::test_y",
    ]
    assert "add --group" in insight("query", "tests", "--sort", "mean", status=2).err
    assert "not by duration" in " ".join(
        insight("query", "tests", "--group", "--sort", "duration", status=2)
        .err.replace("│", " ")
        .split()
    )


def test_a_query_says_what_runs_where(insight: Insight, make_session: MakeSession) -> None:
    asked = ("query", "tests", "--sut", "api", "--outcome", "failed", "--explain")
    in_python = insight(*asked).out
    assert "in Python, per session: SUT is 'api'\n" in in_python
    assert "in Python, per result: outcome is failed\n" in in_python
    insight("profile", "create", "big", "--type", "sqlite", "--switch")
    SQLiteStorage(Path.home() / ".pytest_insight" / "big.db").save_session(make_session())
    pushed = insight(*asked).out
    assert "in the database: SUT is 'api' (s.sut = ?)" in pushed
    assert "(session=? AND outcome=?)" in pushed  # the failures alone are looked at
    assert "test_y" not in pushed


@pytest.mark.parametrize("kind", ["sqlite", "json"])
@pytest.mark.parametrize("what", ["sessions", "tests"])
def test_where_no_step_is_taken_that_is_said(
    insight: Insight, make_session: MakeSession, kind: str, what: str
) -> None:
    insight("profile", "create", "new", "--type", kind, "--switch")
    storage = get_storage_instance()
    asked = ("query", what, "--explain")
    missing = insight(*asked)
    assert f"no sessions yet in {display_path(storage.location)}: " in missing.err
    assert missing.out == ""
    if kind == "sqlite":
        Path(storage.location).touch()
        assert "no sessions yet in" in insight(*asked).err
    storage.save_session(make_session())
    told = insight(*asked)
    assert bool(told.out) != bool(told.err)
    assert ("no filter is given: the query returns everything in" in told.err) == (kind == "json")


def test_a_database_that_is_named_as_a_json_store_is_refused_and_left_alone(
    insight: Insight, tmp_path: Path, make_session: MakeSession
) -> None:
    path = tmp_path / "store" / "history.db"
    with SQLiteStorage(path) as storage:
        storage.save_sessions(make_session(number) for number in range(3))
    insight("profile", "create", "p", "--type", "sqlite", "--path", path, "--switch")
    assert "api-2" in insight("sessions", "list").out
    insight("profile", "set", "p", "--type", "json")
    before = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    for command in (
        ("sessions", "list"),
        ("sessions", "verify"),
        ("sessions", "repair"),
        ("sessions", "prune", "--keep", "1", "--yes"),
        ("sessions", "clear", "--yes"),
        ("query", "tests"),
        ("export",),
    ):
        refused = insight(*command, status=1)
        assert "history.db is an SQLite database, not a JSON store; nothing was" in refused.err
        assert "PYTEST_INSIGHT_STORAGE_TYPE=sqlite" in refused.err
        assert refused.out == ""
        assert {each.name: each.read_bytes() for each in path.parent.iterdir()} == before
    insight("profile", "set", "p", "--type", "sqlite")
    assert "api-2" in insight("sessions", "list").out
    forgotten = {"PYTEST_INSIGHT_DB_PATH": str(path)}
    assert "api-2" in insight("sessions", "list", env=forgotten).out


def test_a_json_store_that_is_named_as_a_database_is_refused_and_left_alone(
    insight: Insight, store: JSONStorage
) -> None:
    before = store.file_path.read_bytes()
    insight("profile", "create", "p", "--type", "sqlite", "--path", store.file_path, "--switch")
    for command in (("sessions", "list"), ("sessions", "repair"), ("sessions", "clear", "--yes")):
        refused = insight(*command, status=1)
        assert display_path(store.file_path) in refused.err
        assert store.file_path.read_bytes() == before


def test_a_history_moves_from_one_kind_of_storage_to_the_next_and_back_equal(
    insight: Insight, postgresql_server: Server, make_session: MakeSession
) -> None:
    JSONStorage().save_sessions(make_session(number) for number in range(5))
    url = postgresql_server.schema()
    insight("profile", "copy", "default", "team", "--url", url)
    insight("profile", "copy", "team", "local", "--type", "sqlite")
    insight("profile", "create", "back")
    printed = insight("profile", "merge", "local", "team", "back")
    assert "5 imported" in printed.err
    assert "nothing changed: all 5 sessions are already in the store" in printed.err
    exported = [insight("export", "--profile", name).out for name in ("default", "team", "back")]
    assert exported == exported[:1] * 3
    refused = insight("profile", "copy", "default", "x", "--url", URL, status=2)
    assert "--store-password" in refused.err
    assert SECRET not in refused.err


@pytest.mark.parametrize("kind", ["sqlite", "json"])
def test_the_flaky_tests_are_those_that_passed_and_did_not_on_the_same_code(
    insight: Insight, make_session: MakeSession, kind: str
) -> None:
    insight("profile", "create", "some", "--type", kind, "--switch")
    code = CodeState("a" * 40, "main")
    passed = make_session(2, test_results=(make_result("test_y"),), code_state=code)
    get_storage_instance().save_sessions([make_session(1, code_state=code), passed])
    elsewhere = CodeState("b" * 40, "main")
    get_storage_instance().save_session(make_session(3, code_state=elsewhere))
    found = json.loads(insight("query", "tests", "--flaky", "--format", "json").out)
    assert [(each["nodeid"], each["outcomes"]) for each in found] == [
        ("tests/test_a.py::test_y", {"failed": 2, "passed": 1})
    ]
    assert found[0]["p95"] is not None
    quick = ["query", "tests", "--flaky", "--no-percentiles"]
    assert "p95" not in insight(*quick).out
    assert json.loads(insight(*quick, "--format", "json").out)[0]["p95"] is None
    insight(*quick, "--exit-code", status=3)
    insight(*quick, "--session", "last", "--exit-code")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_prune_of_a_database_lets_others_write_in_between_and_is_undone_as_one(
    insight: Insight,
    make_session: MakeSession,
    kind: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = str(Path("a.db").absolute())
    if kind == "postgresql":
        place = request.getfixturevalue("postgresql_server").schema()
    monkeypatch.setenv("PYTEST_INSIGHT_STORAGE_TYPE", kind)
    monkeypatch.setenv("PYTEST_INSIGHT_DB_PATH", place)
    with get_storage_instance() as storage:
        batches = 3
        storage.save_sessions(make_session(n) for n in range(storage.prune_batch * batches))
        storage.pin_sessions(["api-7"])
        before = storage.load_sessions()
        insight("sessions", "prune", "--keep", "2", "--yes")
        assert storage.session_ids() == ["api-7", "api-148", "api-149"]
        records = list((Path.home() / ".pytest_insight" / "undo").rglob("*.deed"))
        assert len(records) == batches  # each was deleted under a lock of its own
        insight("sessions", "undo", "--yes")
        assert storage.load_sessions() == before
