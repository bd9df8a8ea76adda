"""URLs of databases: their passwords as libpq reads them, what is shown, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from pytest_insight import locations
from pytest_insight.errors import ProfileError, StorageError
from pytest_insight.profiles.manager import ProfileManager
from pytest_insight.profiles.urls import check_url, display_url, passwords, without_password
from pytest_insight.storage import JSONStorage, PostgreSQLStorage, StorageProfile
from pytest_insight.storage.functions import get_storage_instance

SECRET_OPTIONS = {
    option.keyword.decode()
    for option in psycopg.pq.Conninfo.get_defaults()
    if option.dispchar == b"*"  # libpq's mark of a password
}


def read_by_libpq(url: str) -> dict[str, str] | None:
    """Return what libpq reads from the URL, None if it refuses it."""
    try:
        found = conninfo_to_dict(url)
    except (psycopg.Error, UnicodeError):
        return None
    return {name: str(value) for name, value in found.items()}


@pytest.mark.parametrize(
    ("url", "place", "secrets", "without"),
    [
        ("postgresql://ci:x@h:1/d", "postgresql://h:1/d", ["x"], "postgresql://ci@h:1/d"),
        ("postgresql://ci:a&b=c@h/d", "postgresql://h/d", ["a&b=c"], "postgresql://ci@h/d"),
        ("postgres://ci:a%40b@[::1]:5", "postgres://[::1]:5", ["a%40b", "a@b"], "postgres://ci@[::1]:5"),
        ("postgresql://ci@h,i:2/d?a=b", "postgresql://h,i:2/d", [], "postgresql://ci@h,i:2/d?a=b"),
        ("postgresql://h/d?password=x&a=b", "postgresql://h/d", ["x"], "postgresql://h/d?a=b"),
        ("postgresql://h?a=b&pass%77ord=x", "postgresql://h", ["x"], "postgresql://h?a=b"),
        ("postgresql://h?sslpassword=x", "postgresql://h", ["x"], "postgresql://h"),
        ("postgresql://h?oauth_client_secret=x", "postgresql://h", ["x"], "postgresql://h"),
        ("postgresql://?service=ci", "postgresql://", [], "postgresql://?service=ci"),
        ("postgresql:///d?host=%2Ftmp", "postgresql:///d", [], "postgresql:///d?host=%2Ftmp"),
    ],
)  # fmt: skip
def test_the_parts_of_a_valid_url(url: str, place: str, secrets: list[str], without: str) -> None:
    assert (display_url(url), passwords(url), without_password(url)) == (place, secrets, without)
    assert repr(StorageProfile("x", "postgresql", url)) == (
        f"StorageProfile(name='x', storage_type='postgresql', file_path={place!r})"
    )


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ci:pa?SECRET@h:1/db",
        "postgresql://ci:1?x=SECRET@h/db",
        "postgresql://ci#1:SECRET@h/db",
        "postgresql://ci:p@SECRET@h/db",
        "postgresql://ci:pa/SECRET@h/db",
        "postgresql://ci:12/SECRET@h/db",
        "postgresql://ci@corp:SECRET@h/db",
        "postgresql://ci:[SECRET@h/db",
        "postgresql://ci:SECRET\u2100@h/db",
        "postgresql://ci:SECRET",
        "postgresql://h/d&password=SECRET",
        "postgresql://h/d;password=SECRET",
        "postgresql://h?a=1?password=SECRET",
        "postgresql://h? password =SECRET",
        "postgresql://h?password=SECRET=x",
        "postgresql://h?SECRET",
        "postgresql://ci:%ZZSECRET@h/d",
        "postgresql://h/d?password=SECRET%",
        "postgresql://h:SECRET\n/d",
    ],
)
def test_a_url_that_libpq_may_read_differently_is_refused_without_quoting_it(url: str) -> None:
    def use_stored() -> None:
        stored = {"x": {"storage_type": "postgresql", "file_path": url}}
        content = json.dumps({"version": 1, "profiles": stored})
        (locations.home() / "profiles.json").write_text(content)
        get_storage_instance(profile_name="x")

    locations.home().mkdir()
    for use in (
        lambda: check_url(url),
        lambda: PostgreSQLStorage(url),
        lambda: get_storage_instance(file_path=url),
        lambda: ProfileManager().create_profile("x", "postgresql", url, store_password=True),
        lambda: ProfileManager().update_profile("default", file_path=url),
        use_stored,
    ):
        with pytest.raises(ProfileError, match=r"postgresql://\*\*\* is not valid") as refused:
            use()
        assert "SECRET" not in str(refused.value)
        assert refused.value.__context__ is None
    assert ProfileManager().get_profile("x").place == "postgresql://***"


TEXT = st.lists(
    st.one_of(
        st.sampled_from([*"abz019:@/?#&=[],%+;. \n~é"]),
        st.sampled_from(["password=", "pass%77ord=", "sslpassword=", "user=", "application_name="]),
        st.sampled_from(["ci:", "SECRET", "@h", ":5432", "/db", "?", "%40", "%2F", "[::1]"]),
    ),
    max_size=14,
).map("".join)


@given(TEXT)
@example("ci:pa?sECRET@h:1/db")
@example("?ci:a@hci:a")
@example("ci:a/db?password=@h")
@example("h?pass%77ord=secret&user=a")
@example("ci:a%21b@h,i:5/d?sslpassword=c+d&user=x")
def test_what_is_not_refused_is_read_as_libpq_reads_it(text: str) -> None:
    url = f"postgresql://{text}"
    found = read_by_libpq(url)
    try:
        check_url(url)
    except ProfileError:
        return
    if found is None:
        return
    secrets = {found[name] for name in SECRET_OPTIONS & found.keys()} - {""}
    assert secrets <= set(passwords(url))
    rest = {name: value for name, value in found.items() if name not in SECRET_OPTIONS}
    assert read_by_libpq(without_password(url)) == rest
    display = read_by_libpq(display_url(url)) or {}
    assert display == {name: found[name] for name in ("host", "port", "dbname") if name in display}


def test_an_error_of_the_driver_does_not_quote_the_password() -> None:
    for url in ("postgresql://ci:SECRET%00@h/d", "postgresql://h/d?password=SECRET%00"):
        with pytest.raises(StorageError, match="cannot open the store postgresql://h/d") as failed:
            PostgreSQLStorage(url).count()
        assert "SECRET" not in str(failed.value)


@pytest.mark.parametrize(
    "place",
    [
        "postgresql+psycopg://ci:SECRET@h/db",
        "POSTGRESQL://ci:SECRET@h/db",
        " postgresql://ci:SECRET@h/db",
        '"postgresql://ci:SECRET@h/db"',
        "jdbc:postgresql://h/db?user=ci&password=SECRET",
        "mysql://ci:SECRET@h/db",
        "jdbc:sqlserver://h;password=SECRET",
        "https://SECRET@h/db",
    ],
)
def test_a_url_that_is_not_one_of_postgresql_is_refused_without_quoting_it(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("PYTEST_INSIGHT_DB_PATH", place)
    with pytest.raises(ProfileError, match=r"PATH is a URL.*USER@HOST") as refused:
        get_storage_instance()
    said = [str(refused.value)]
    monkeypatch.delenv("PYTEST_INSIGHT_DB_PATH")
    for use in (
        lambda: get_storage_instance("json", place),
        lambda: get_storage_instance(file_path=Path(place)),
        lambda: JSONStorage(place),
        lambda: ProfileManager().create_profile("x", "json", Path(place)),
        lambda: ProfileManager().update_profile("default", file_path=place),
    ):
        with pytest.raises(ProfileError, match="the path is a URL, ") as refused:
            use()
        said.append(str(refused.value))
    assert not any("SECRET" in each for each in said)
    assert list(ProfileManager().list_profiles()) == ["default"]


@pytest.mark.parametrize("path", ["a:/b.json", "./a://b.json", "/a://b.json", "~/a://b", "ab:c"])
def test_a_path_may_have_a_colon(path: str) -> None:
    assert locations.absolute(path) == Path(path).expanduser().absolute()


def test_a_drive_is_not_a_scheme() -> None:
    assert locations.absolute("C://data/a.json").name == "a.json"


def test_the_url_of_an_sqlite_file_gets_the_advice_how_to_name_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTEST_INSIGHT_DB_PATH", "sqlite:///x.db")
    with pytest.raises(ProfileError) as refused:
        get_storage_instance()
    assert "set PYTEST_INSIGHT_STORAGE_TYPE=sqlite and the path of the file" in str(refused.value)
    monkeypatch.delenv("PYTEST_INSIGHT_DB_PATH")
    with pytest.raises(ProfileError, match="create the profile with --type sqlite and --path"):
        JSONStorage("sqlite:///x.db")


@pytest.mark.parametrize("path", [b"x", "a\0b"])
def test_a_path_of_bytes_or_with_nul_is_refused(path: str) -> None:
    with pytest.raises(
        ProfileError, match="the path must be a text without the unprintable NUL, not"
    ):
        JSONStorage(path)
