from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_insight.storage import JSONStorage, list_profiles
from tests.cli.conftest import Insight
from tests.conftest import MakeSession


def test_a_profile_is_created_shown_switched_to_and_deleted(insight: Insight) -> None:
    assert "demo" in insight("profile", "create", "demo", "--type", "json").err
    assert json.loads(insight("profile", "show", "demo", "-f", "json").out)["name"] == "demo"
    insight("profile", "switch", "demo")
    in_use = [p for p in json.loads(insight("profile", "list", "-f", "json").out) if p["in_use"]]
    assert [p["name"] for p in in_use] == ["demo"]
    said = insight("profile", "delete", "demo").err
    assert "its store is kept" in said
    assert "the active profile is now 'default'" in said
    assert set(list_profiles()) == {"default"}


def test_a_profile_has_its_own_settings(insight: Insight) -> None:
    insight(
        *[
            "profile",
            "create",
            "p",
            "--path",
            "x.json",
            "--merge",
            "keep_both",
            "--export-format",
            "csv",
        ],
        *["--export-days", "7", "--switch"],
    )
    shown = json.loads(insight("profile", "show", "-f", "json").out)
    assert shown == {
        "name": "p",
        "storage_type": "json",
        "file_path": str(Path.cwd() / "x.json"),
        "merge_strategy": "keep_both",
        "export_format": "csv",
        "export_days": 7,
    }


def test_the_project_in_the_current_folder_decides_and_its_file_is_named(
    insight: Insight, tmp_path: Path
) -> None:
    insight("profile", "create", "shop", "--path", str(tmp_path / "shop.json"))
    Path("tox.ini").write_text("[pytest]\ninsight_profile = shop\n")
    assert "* by tox.ini of " in insight("profile", "list").out
    assert insight("profile", "path").out == f"{tmp_path / 'shop.json'}\n"
    assert (
        "but here insight_profile = shop in tox.ini of "
        in insight("profile", "switch", "default").err
    )
    Path("tox.ini").write_text("[pytest]\ninsight_profile = gone\n")
    missing = insight("sessions", "list", status=1)
    assert "insight_profile in tox.ini of " in missing.err
    assert "insight profile create gone" in missing.err


def test_the_profile_in_use_is_marked_with_what_made_it_so(insight: Insight) -> None:
    insight("profile", "create", "demo")
    assert "* by default" in insight("profile", "list").out
    assert "* by the option --profile" in insight("--profile", "demo", "profile", "list").out
    printed = insight("profile", "list", env={"PYTEST_INSIGHT_PROFILE": "demo"})
    assert "* by PYTEST_INSIGHT_PROFILE" in printed.out
    insight("profile", "switch", "demo")
    assert "* switched to" in insight("profile", "list").out


@pytest.mark.parametrize("after", [("--profile", "demo"), ("demo",), ("demo", "--profile", "demo")])
def test_a_command_about_a_profile_takes_its_name_either_way(
    insight: Insight, after: tuple[str, ...]
) -> None:
    insight("profile", "create", *after)
    insight("profile", "switch", *after)
    assert insight("profile", "path", *after).out.endswith("demo.json\n")
    insight("profile", "set", "--merge", "keep_both", *after)
    assert "keep_both" in insight("profile", "show", *after).out
    insight("profile", "delete", *after)
    assert "demo" not in list_profiles()


@pytest.mark.parametrize(
    "words",
    ["sessions list --profile", "profile show", "profile path --profile", "export --profile"],
)
def test_an_empty_name_is_never_another_profile(insight: Insight, words: str) -> None:
    printed = insight(*words.split(), "", status=2)
    assert (printed.out, "is empty: give a value, or leave it out" in printed.err) == ("", True)


def test_a_profile_is_named_before_the_command_after_it_or_by_the_environment(
    insight: Insight, make_session: MakeSession
) -> None:
    insight("profile", "create", "demo")
    JSONStorage(list_profiles()["demo"].path).save_session(make_session(7))
    for printed in (
        insight("--profile", "demo", "sessions", "list"),
        insight("sessions", "list", "--profile", "demo"),
        insight("--profile", "default", "sessions", "list", "--profile", "demo"),
        insight("sessions", "list", env={"PYTEST_INSIGHT_PROFILE": "demo"}),
    ):
        assert "api-7" in printed.out


def test_deleting_the_data_too_needs_a_yes(insight: Insight, make_session: MakeSession) -> None:
    insight("profile", "create", "demo")
    store = JSONStorage(list_profiles()["demo"].path)
    store.save_session(make_session())
    insight("profile", "delete", "demo", "--data", status=2)
    insight("profile", "delete", "demo", "--data", "--dry-run")
    assert store.count() == 1
    assert "demo" in list_profiles()
    insight("profile", "delete", "demo", "--data", "--yes")
    assert store.count() == 0
    assert "demo" not in list_profiles()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ("sessions list --profile demp", 1, "did you mean 'demo'?"),
        ("profile switch nope", 1, "unknown profile 'nope'"),
        ("profile delete nope", 1, "unknown profile 'nope'"),
        ("profile delete default", 1, "cannot be deleted"),
        ("profile create demo", 1, "exists already"),
        ("profile create DEMO", 1, "exists already"),
        ("profile create -- -x", 2, "cannot be the name"),
        ("profile create a/b", 2, "cannot be the name"),
        ("profile create profiles", 2, "needs a path, because"),
        ("profile create x --type jsom", 2, "did you mean 'json'?"),
        ("profile create x --merge keep", 2, "keep_both"),
        ("profile create x --export-format xml", 2, "json"),
        ("profile create x --export-days -1", 2, "--export-days must be 0 or more, not -1"),
        ("profile create x --type memory --path y", 2, "keeps no file"),
        ("profile create", 2, "name the profile"),
        ("profile delete", 2, "name the profile"),
        ("profile switch", 2, "name the profile"),
        ("profile delete demo --profile default", 2, "contradict each other"),
        ("--profile default profile delete demo", 2, "contradict each other"),
        ("--profile default profile set demo --merge keep_both", 2, "contradict each other"),
        ("profile rename --profile demo demo other", 2, "takes its profiles as arguments"),
        ("--profile demo profile copy demo other", 2, "takes its profiles as arguments"),
        ("profile merge demo default --profile demo", 2, "takes its profiles as arguments"),
        ("profile create default", 1, "choose another name\n"),
        ("profile craete x", 2, "create"),
        ("--unknown", 2, "unknown option"),
    ],
)
def test_a_mistake_is_said_in_a_sentence_and_changes_nothing(
    insight: Insight, arguments: str, status: int, said: str
) -> None:
    insight("profile", "create", "demo")
    before = insight("profile", "list", "--format", "json").out
    printed = insight(*arguments.split(), status=status)
    assert said in printed.err
    assert "Traceback" not in printed.err
    assert printed.out == ""
    assert insight("profile", "list", "--format", "json").out == before


def test_an_unknown_profile_in_the_environment_is_an_error_that_names_it(insight: Insight) -> None:
    printed = insight("sessions", "list", status=1, env={"PYTEST_INSIGHT_PROFILE": "nope"})
    assert "PYTEST_INSIGHT_PROFILE" in printed.err
    assert not JSONStorage().file_path.exists()
