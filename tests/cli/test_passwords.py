"""A password in what is given where a name or a file is expected is neither printed nor stored."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pytest_insight import locations
from pytest_insight.cli.app import app
from pytest_insight.errors import InsightError, InvalidProfileError
from pytest_insight.passwords import hide_passwords
from pytest_insight.storage import JSONStorage, PostgreSQLStorage, SQLiteStorage

GIVEN = [
    "mysql://u:SECRET@h/db",
    "postgres://u:a/SECRET@h/db",
    "postgresql://u:SECRET",
    "https://SECRET@h/db",
    "postgresql://h/db?password=SECRET",
    "host=h password=SECRET",
    "host=h password='a SECRET' user=u",
    "password = SECRET dbname=d",
]
COMMANDS = """
{}
sessions {}
sessions list {}
sessions show {}
sessions list --session {}
sessions list --since {}
sessions list --format {}
sessions pin {}
query tests --outcome {}
import {}
export {}
export -o {}
docs {}
profile create x --path {}
profile create {}
profile create y --type {}
profile switch {}
profile show {}
profile rename {} z
profile rename default {}
profile copy default {}
profile merge {} default
profile update default --path {}
--profile {} sessions list
"""
VARIABLES = ("DB_PATH", "PROFILE", "STORAGE_TYPE")


@pytest.mark.parametrize("given", GIVEN)
def test_a_password_given_as_a_name_or_a_file_is_neither_printed_nor_stored(
    given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*words: str) -> None:
        ran = CliRunner().invoke(app, list(words), prog_name="insight")
        assert isinstance(ran.exception, SystemExit | None), (words, ran.exception)
        assert "SECRET" not in ran.output, words
        kept = [path for folder in (Path.home(), Path.cwd()) for path in folder.rglob("*")]
        assert not any("SECRET" in path.name for path in kept), words
        files = [path for path in kept if path.is_file()]
        assert not any("SECRET" in path.read_text() for path in files), words

    for command in COMMANDS.strip().splitlines():
        run(*(given if word == "{}" else word for word in command.split()))
    for name in VARIABLES:
        with monkeypatch.context() as patch:
            patch.setenv(f"PYTEST_INSIGHT_{name}", given)
            run("sessions", "list")
            patch.setenv("PYTEST_INSIGHT_STORAGE_TYPE", "sqlite")
            run("sessions", "list")


def test_a_connection_string_is_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    given = "host=h dbname=d password=SECRET"
    monkeypatch.setenv("PYTEST_INSIGHT_DB_PATH", given)
    for use in (
        lambda: JSONStorage(given),
        lambda: SQLiteStorage(given),
        lambda: PostgreSQLStorage(given),
        lambda: locations.absolute(given),
    ):
        with pytest.raises(InvalidProfileError, match="USER@HOST") as refused:
            use()
        assert "SECRET" not in str(refused.value)
    assert locations.absolute("./host=h").name == "host=h"
    assert locations.absolute("a=b.json").name == "a=b.json"


def test_a_password_that_an_earlier_version_stored_is_not_printed() -> None:
    locations.home().mkdir()
    for place in ("host=h password=SECRET", "mysql://u:SECRET@h/db"):
        content = {"version": 1, "profiles": {"x": {"file_path": f"/srv/{place}"}}}
        locations.profiles_path().write_text(json.dumps(content))
        for command in ("profile list", "profile show x", "--profile x sessions list"):
            ran = CliRunner().invoke(app, command.split(), prog_name="insight")
            assert "SECRET" not in ran.output, (place, command)


@pytest.mark.parametrize(
    "text",
    [
        "write it as postgresql://USER@HOST:PORT/DATABASE?NAME=VALUE, with",
        "cannot open the store postgresql://h:5432/db: timeout",
        "postgresql://[::1]:5,i:2/d and postgresql:///d",
        "see https://docs.example.org:8080/a?b=c, or C:/x and s3://b/c",
    ],
)
def test_other_urls_are_shown_as_they_are(text: str) -> None:
    assert hide_passwords(text) == text
    assert str(InsightError(text)) == text


def test_only_the_password_is_hidden() -> None:
    shown = hide_passwords("unknown profile 'postgresql://u:S@h/d'; host=h password='a b' user=u")
    assert shown == "unknown profile 'postgresql://***@h/d'; host=h password=*** user=u"
    assert re.fullmatch(r"\S+ host=h", hide_passwords("PASSWORD=x host=h"))
