from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_insight.locations import display_path
from pytest_insight.storage import JSONStorage, ProfileManager, list_profiles
from tests.cli.conftest import Insight
from tests.conftest import MakeSession


def shown(insight: Insight, name: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(insight("profile", "show", name, "-f", "json").out)
    return found


def test_settings_are_changed_and_taken_back(insight: Insight) -> None:
    insight("profile", "create", "p", "--merge", "keep_both")
    insight("profile", "set", "p", "--export-format", "csv", "--export-days", "7", "--switch")
    assert ProfileManager().get_active_profile().name == "p"
    found = shown(insight, "p")
    assert (found["merge_strategy"], found["export_format"], found["export_days"]) == (
        "keep_both",
        "csv",
        7,
    )
    insight("profile", "set", "--profile", "p", "--unset", "merge", "--unset", "export-days")
    found = shown(insight, "p")
    assert (found["merge_strategy"], found["export_format"], found["export_days"]) == (
        None,
        "csv",
        None,
    )


def test_changing_the_path_moves_nothing_and_says_so(insight: Insight, store: JSONStorage) -> None:
    said = insight("profile", "set", "default", "--path", "other.json").err
    assert f"the sessions in {display_path(store.file_path)} were not moved" in said
    assert insight("profile", "path").out == f"{Path.cwd() / 'other.json'}\n"
    assert json.loads(insight("sessions", "list", "-f", "json").out) == []
    insight("profile", "set", "default", "--unset", "path")
    assert insight("profile", "path").out == f"{store.file_path}\n"
    assert store.count() == 3


def test_the_path_of_the_profile_in_use_or_of_one_that_is_named(insight: Insight) -> None:
    insight("profile", "create", "p", "--path", "p.json")
    path = f"{Path.cwd() / 'p.json'}\n"
    for command in ("profile path p", "--profile p profile path", "profile path --profile p"):
        assert insight(*command.split()).out == path
    assert insight("profile", "path", env={"PYTEST_INSIGHT_PROFILE": "p"}).out == path
    assert insight("profile", "path", env={"PYTEST_INSIGHT_DB_PATH": "p.json"}).out == path


def test_a_copy_has_the_settings_and_the_sessions(insight: Insight, store: JSONStorage) -> None:
    insight("profile", "set", "default", "--merge", "keep_both")
    assert "copied 3 sessions" in insight("profile", "copy", "default", "twin").err
    twin = list_profiles()["twin"]
    assert twin.merge_strategy == "keep_both"
    assert twin.path == store.file_path.with_name("twin.json")
    assert JSONStorage(twin.path).load_sessions() == store.load_sessions()
    insight("profile", "copy", "twin", "elsewhere", "--path", "e.json")
    assert JSONStorage("e.json").load_sessions() == store.load_sessions()


def test_renaming_takes_the_sessions_along_and_stays_active(
    insight: Insight, make_session: MakeSession
) -> None:
    insight("profile", "create", "old", "--switch")
    JSONStorage(list_profiles()["old"].path).save_session(make_session())
    assert "'old' is 'new' now" in insight("profile", "rename", "old", "new").err
    assert "api-0" in insight("sessions", "list").out
    assert insight("profile", "path").out.endswith("/new.json\n")
    env = {"PYTEST_INSIGHT_PROFILE": "new"}
    assert (
        "PYTEST_INSIGHT_PROFILE=new names" in insight("profile", "rename", "new", "x", env=env).err
    )


def test_a_merge_reports_as_an_import_does(
    insight: Insight, store: JSONStorage, make_session: MakeSession
) -> None:
    for name, sessions in {
        "a": [make_session(0), make_session(1, sut_name="x")],
        "b": [make_session(1, sut_name="x"), make_session(7)],
    }.items():
        insight("profile", "create", name)
        JSONStorage(list_profiles()[name].path).save_sessions(sessions)
    arguments = ["profile", "merge", "a", "b", "default", "--report", "json"]
    before = store.file_path.read_bytes()
    dry = insight(*arguments, "--dry-run")
    assert store.file_path.read_bytes() == before
    assert "would be" in dry.err
    done = insight(*arguments)
    assert json.loads(dry.out) == json.loads(done.out)
    assert [(row["source"], row["became"]) for row in json.loads(done.out)] == [
        ("a", "identical"),
        ("a", "skipped"),
        ("b", "skipped"),
        ("b", "added"),
    ]
    assert store.session_ids() == ["api-0", "api-1", "api-2", "api-7"]
    assert JSONStorage(list_profiles()["a"].path).count() == 2
    assert "1 identical (already in the store), 1 skipped" in done.err


def test_the_strategy_of_the_target_is_used_where_none_is_named(
    insight: Insight, store: JSONStorage
) -> None:
    insight("profile", "copy", "default", "twin")
    insight("profile", "set", "twin", "--merge", "keep_both")
    assert "3 renamed" in insight("profile", "merge", "default", "twin").err
    printed = insight("profile", "merge", "default", "twin", "--merge", "skip_existing")
    assert "nothing changed: all 3 sessions are already in the store" in printed.err
    assert "undo this" not in printed.err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ("set demp --merge keep_both", 1, "did you mean 'demo'"),
        ("set demo", 2, "nothing to change"),
        ("set demo --merge keep", 2, "keep_both"),
        ("set demo --export-days -1", 2, "--export-days must be 0 or more, not -1"),
        ("set demo --unset pat", 2, "'path'"),
        ("set demo --unset merge --merge keep_both", 2, "contradict"),
        ("set demo --type memory --path x", 2, "keeps no file"),
        ("set demo --path .", 2, "it is a folder"),
        ("set --merge keep_both --profile demp", 1, "did you mean 'demo'"),
        ("copy demp x", 1, "did you mean 'demo'"),
        ("copy demo Default", 1, "exists already"),
        ("copy demo a/b", 2, "cannot be the name"),
        ("copy demo x --type jsom", 2, "did you mean 'json'?"),
        ("copy demo x --path other.json", 1, "already has sessions"),
        ("rename demp x", 1, "did you mean 'demo'"),
        ("rename default x", 1, "cannot be renamed"),
        ("rename demo DEFAULT", 1, "exists already"),
        ("rename demo sessions", 2, "needs a path, because"),
        ("merge demo demp", 1, "did you mean 'demo'"),
        ("merge demp demo", 1, "did you mean 'demo'"),
        ("merge default demo demo", 1, "have the same store"),
        ("merge demo", 2, "needs SOURCE: the profiles to read"),
        ("merge default demo --merge keep", 2, "keep_both"),
        ("path demp", 1, "did you mean 'demo'"),
        ("path mem", 1, "has no path"),
    ],
)
def test_a_mistake_is_said_in_a_sentence_and_changes_nothing(
    insight: Insight, store: JSONStorage, arguments: str, status: int, said: str
) -> None:
    manager = ProfileManager()
    manager.create_profile("demo")
    manager.create_profile("mem", "memory")
    JSONStorage("other.json").save_sessions(store.iter_sessions())
    before = manager.list_profiles(), store.file_path.read_bytes()
    printed = insight("profile", *arguments.split(), status=status)
    assert said in printed.err
    assert printed.out == ""
    assert (manager.list_profiles(), store.file_path.read_bytes()) == before
