"""Addresses of databases: whose passwords are found, as libpq reads them, and what is refused."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from pytest_insight import locations
from pytest_insight.errors import ProfileError
from pytest_insight.profiles.manager import ProfileManager
from pytest_insight.profiles.urls import HIDDEN, masked, passwords, without_password
from pytest_insight.storage import JSONStorage
from pytest_insight.storage.access import get_storage_instance

SECRET_OPTIONS = {
    option.keyword.decode()
    for option in psycopg.pq.Conninfo.get_defaults()
    if option.dispchar == b"*"  # libpq's mark of what is not to be shown
}


def read(url: str) -> dict[str, str] | None:
    """What libpq makes of it, None where it refuses it."""
    try:
        found = conninfo_to_dict(url)
    except (psycopg.Error, UnicodeError):
        return None
    return {name: str(value) for name, value in found.items()}


def secrets(url: str) -> set[str] | None:
    """What libpq takes for passwords in it."""
    found = read(url)
    if found is None:
        return None
    return {found[name] for name in SECRET_OPTIONS & found.keys()} - {""}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ci:pa?sECRET@127.0.0.1:1/db", "postgresql://ci:***@127.0.0.1:1/db"),
        ("postgresql://ci#1:SECRET@127.0.0.1:1/db", "postgresql://ci#1:***@127.0.0.1:1/db"),
        ("postgresql://ci?1:SECRET@127.0.0.1:1/db", "postgresql://ci?1:***@127.0.0.1:1/db"),
        ("postgres://ci:a:b#c@h,i:2/db?sslmode=x", "postgres://ci:***@h,i:2/db?sslmode=x"),
        ("postgresql://ci:x@[::1]:5/db", "postgresql://ci:***@[::1]:5/db"),
        ("postgresql://h:5432?sslmode=a@b", "postgresql://h:***@b"),
        ("postgresql://h/d?pass%77ord=secret", "postgresql://h/d?pass%77ord=***"),
        ("postgresql://h?%70%61ssword=x&user=u", "postgresql://h?%70%61ssword=***&user=u"),
        ("postgresql://h? password =x", "postgresql://h? password =***"),
        ("postgresql://h?sslpassword=x", "postgresql://h?sslpassword=***"),
        ("postgresql://h?oauth_client_secret=x", "postgresql://h?oauth_client_secret=***"),
        ("postgresql://u?x=1@h/d?password=y", "postgresql://u?x=1@h/d?password=***"),
        # What libpq takes otherwise, and a person has meant as a password.
        ("postgresql://ci:p@ss@h/db", "postgresql://ci:***@h/db"),
        ("postgresql://ci:pa/ss@h/db", "postgresql://ci:***@h/db"),
        ("postgresql://ci:12/ss@h/db", "postgresql://ci:***@h/db"),
        ("postgresql://ci@corp:SECRET@h/db", "postgresql://ci@corp:***@h/db"),
        ("postgresql://ci/x:SECRET@h", "postgresql://ci/x:***@h"),
        ("postgresql://ci:p@ss@h/db?application_name=a@b", None),
        ("postgresql://h?PASSWORD=x", "postgresql://h?PASSWORD=***"),
        ("postgresql://h/d&password=x", "postgresql://h/d&password=***"),
        # Of other schemes.
        ("postgresql+psycopg://ci:SECRET@h/db", "postgresql+psycopg://ci:***@h/db"),
    ],
)
def test_a_password_is_found_and_hidden(url: str, shown: str | None) -> None:
    shown = shown or "postgresql://ci:***@h/db?application_name=a@b"
    assert masked(url) == shown
    assert passwords(url)
    assert all(each not in masked(url) for each in passwords(url) if len(each) > 1)
    assert passwords(without_password(url)) == []


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://h:5432/d@b",
        "postgresql://h1:1,h2:2/d@b",
        "postgresql://[::1]:5432/d@b",
        "postgresql:///d@b",
        "postgresql://me@h:5432/d",
        "postgresql://h/d?application_name=a:b@c",
        "postgresql://h:1/d?application_name=a@b/c",
        "postgresql://h/d?passfile=x",
        "postgresql://h/d?application_name=password",
        "postgresql://",
        "a path",
    ],
)
def test_what_is_no_password_is_shown(url: str) -> None:
    assert passwords(url) == []
    assert masked(url) == url == without_password(url)


def test_parts_of_a_password_that_libpq_cuts_are_hidden_in_what_it_says() -> None:
    assert passwords("postgresql://u:on%65@two/three@h/d") == [
        *("on%65@two/three", "on%65", "two", "three", "one@two/three", "one"),
    ]


def test_passwords_are_found_as_they_stand_there_and_decoded() -> None:
    url = "postgresql://u:a%21b@h/d?password= c%20 &user=x&sslpassword=e"
    assert passwords(url) == ["a%21b", " c%20 ", "e", "a!b", "c "]
    assert without_password(url) == "postgresql://u@h/d?user=x"
    assert without_password("postgresql://h/d?user=x&password=a&password=b") == (
        "postgresql://h/d?user=x"
    )
    assert without_password("postgresql://h?password=a") == "postgresql://h"


RAW = st.lists(
    st.one_of(
        st.sampled_from([*"abz019:@/?#&=[],%+;. \n~é"]),
        st.sampled_from(
            ["password=", "pass%77ord=", "sslpassword=", "user=", "&application_name="]
        ),
        st.sampled_from(["ci:", "SECRET", "@h", ":5432", "/db", "?", "%40", "%2F", "[::1]"]),
    ),
    max_size=14,
).map("".join)


@given(st.sampled_from(["postgresql://", "postgres://"]), RAW)
@example("postgresql://", "ci:pa?sECRET@h:1/db")
@example("postgresql://", "ci:12?x@s@h")
@example("postgresql://", "?ci:a@hci:a")
@example("postgresql://", "&password=?password=a")
@example("postgresql://", "ci:a/db?password=@h")
@example("postgresql://", "ci#1:SECRET@h/db")
@example("postgresql://", "h?pass%77ord=secret")
@example("postgresql://", "u?x=1@h/db?user=a&password=y")
def test_whatever_libpq_takes_for_a_password_is_found(scheme: str, raw: str) -> None:
    url = scheme + raw
    taken = secrets(url)
    if taken is None:
        return
    assert taken <= set(passwords(url))
    assert (secrets(masked(url)) or set()) <= {HIDDEN}
    assert not secrets(without_password(url))


PIECE = st.text(st.sampled_from([*"ab09:@/?#&=, %é"]), max_size=6)
NAMES = ["application_name", "options", *sorted(SECRET_OPTIONS)]


@st.composite
def addresses(draw: st.DrawFn) -> str:
    """Addresses that are meant as libpq reads them."""

    def piece(safe: str = "") -> str:
        kept = draw(st.sets(st.sampled_from(safe))) if safe else set()
        return quote(draw(PIECE), safe="".join(kept))

    user = draw(st.sampled_from(["", "{}@", "{}:{}@"])).format(piece("?#&=,"), piece("?#&=,:"))
    host = st.sampled_from(["", "h", "h.example", "[::1]", "%2Ftmp"])
    port = st.sampled_from(["", ":", ":5432"])
    hosts = draw(st.lists(st.builds(str.__add__, host, port), min_size=1, max_size=3))
    database = draw(st.sampled_from(["/", "/d", "/d@b", "/d#b", "/d:b", "/d%40%2F"]))
    # Each once: libpq takes the last, and without that password it would be another address.
    names = draw(st.lists(st.sampled_from(NAMES), max_size=3, unique=True))
    given = [name for name in names if name != "password" or ":" not in user]
    query = [f"{name}={piece('@:/?#,')}" for name in given]
    return f"postgresql://{user}{','.join(hosts)}{database}{'?' if query else ''}{'&'.join(query)}"


@given(addresses())
def test_nothing_else_is_taken_for_one_and_the_address_stays_the_same(url: str) -> None:
    found = read(url)
    if found is None:
        return
    assert bool(passwords(url)) == bool(secrets(url))
    rest = {name: value for name, value in found.items() if name not in SECRET_OPTIONS}
    assert read(without_password(url)) == rest
    shown = read(masked(url))
    assert shown is not None
    assert {name: shown[name] for name in shown if name not in SECRET_OPTIONS} == rest


ADDRESSES_OF_OTHERS = [
    "postgresql+psycopg://ci:SECRET@h/db",
    "POSTGRESQL://ci:SECRET@h/db",
    " postgresql://ci:SECRET@h/db",
    '"postgresql://ci:SECRET@h/db"',
    "jdbc:postgresql://h/db?user=ci&password=SECRET",
    "mysql://ci:SECRET@h/db",
    "jdbc:sqlserver://h;password=SECRET",
    "https://SECRET@h/db",
]


@pytest.mark.parametrize("place", ADDRESSES_OF_OTHERS)
def test_an_address_of_another_form_is_refused_and_its_password_not_shown(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("PYTEST_INSIGHT_DB_PATH", place)
    with pytest.raises(ProfileError, match="postgresql://USER@HOST/DATABASE") as refused:
        get_storage_instance()
    said = [str(refused.value)]
    assert said[0].startswith("PYTEST_INSIGHT_DB_PATH is ")
    monkeypatch.delenv("PYTEST_INSIGHT_DB_PATH")
    for use in (
        lambda: get_storage_instance("json", place),
        lambda: get_storage_instance(file_path=place),
        lambda: JSONStorage(place),
        lambda: ProfileManager().create_profile("x", "json", place),
        lambda: ProfileManager().update_profile("default", file_path=place),
    ):
        with pytest.raises(ProfileError, match="neither a path nor the URL") as refused:
            use()
        said.append(str(refused.value))
    assert not any("SECRET" in each for each in said)
    assert list(ProfileManager().list_profiles()) == ["default"]


def test_an_address_that_was_taken_for_a_path_is_refused() -> None:
    with pytest.raises(ProfileError, match=r"an address, postgresql://\*\*\*, that is neither"):
        get_storage_instance(file_path=Path("postgresql://ci:SECRET@h/db"))


@pytest.mark.parametrize("path", ["a:/b.json", "./a://b.json", "/a://b.json", "~/a://b", "a:b"])
def test_a_colon_makes_no_address(path: str) -> None:
    assert locations.absolute(path) == Path(path).expanduser().absolute()


def test_a_drive_is_no_scheme() -> None:
    assert locations.absolute("C://data/a.json").name == "a.json"
