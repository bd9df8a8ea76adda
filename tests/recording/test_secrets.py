"""No secret is stored: which values are secrets, when they are found, and how they are hidden."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from _pytest._io.saferepr import saferepr
from hypothesis import given
from hypothesis import strategies as st

from pytest_insight import locations
from pytest_insight.recording.journal.writer import journals
from pytest_insight.recording.redaction import REDACTED, SHORTEST_PART, TextPolicy
from pytest_insight.recording.secrets import secrets_in, secrets_of, secrets_of_arguments
from pytest_insight.storage import JSONStorage
from tests.recording.runs import record, run

SECRET = "hunter2-hunter2"

SECRETIVE = f"""
import logging, sys, warnings
import pytest

SECRET = {SECRET!r}

@pytest.fixture
def leaks():
    print("setup", SECRET)
    yield
    raise RuntimeError(SECRET)

@pytest.mark.parametrize("given", [SECRET])
def test_it(given, leaks, record_property):
    record_property(SECRET, {{SECRET: [SECRET, (SECRET, 1)]}})
    record_property("object", type(SECRET, (), {{}}))
    print(SECRET)
    print(SECRET, file=sys.stderr)
    logging.getLogger().error(SECRET)
    warnings.warn(SECRET)
    assert given == "x"

def test_skips():
    pytest.skip(SECRET)

@pytest.mark.xfail(reason=SECRET)
def test_xfails():
    assert 0
"""


def everything_stored() -> str:
    path = JSONStorage().file_path
    return "".join(file.read_text() for file in path.parent.rglob("*") if file.is_file())


def test_a_secret_is_in_no_text_that_is_stored(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOY_TOKEN", SECRET)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_RUN_ID", SECRET)
    assert pytester.run("git", "init", "-q", "-b", SECRET).ret == 0
    pytester.makepyfile(test_it=SECRETIVE, test_broken=f"raise ValueError({SECRET!r})")
    options = ["--insight-sut", SECRET, "--insight-tag", f"{SECRET}={SECRET}"]
    session = record(pytester, "--continue-on-collection-errors", *options)
    assert SECRET not in everything_stored()
    assert session.sut_name == REDACTED
    assert session.session_tags == {REDACTED: REDACTED}
    assert session.testing_system["ci"]["run_id"] == REDACTED
    assert session.code_state is not None
    assert session.code_state.branch == REDACTED
    failed = next(r for r in session.test_results if str(r.outcome) == "failed")
    assert failed.nodeid == "test_it.py::test_it[***]"
    assert failed.has_warning
    assert failed.capstdout == "setup ***\n***\n"
    assert failed.properties[0] == (REDACTED, {REDACTED: [REDACTED, [REDACTED, 1]]})
    assert "***" in failed.longreprtext
    assert len(session.test_results) == 5


def test_a_secret_is_not_in_the_journal_of_a_run_that_dies_either(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOY_TOKEN", SECRET)
    pytester.makepyfile(
        f"import os, pytest\n@pytest.mark.parametrize('x', [{SECRET!r}])\n"
        "def test_it(x): os._exit(3)"
    )
    pytester.runpytest_subprocess("--insight", "--insight-sut", SECRET)
    (journal,) = journals(locations.journal_folder())
    assert SECRET not in journal.read_text()
    assert SECRET not in str(journal)
    assert b"test_it[***]" in journal.read_bytes()


def test_a_secret_of_a_worker_is_in_no_text_either(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOY_TOKEN", SECRET)
    portable = SECRETIVE.replace("type(SECRET, (), {})", "3.5")  # xdist sends no other objects
    pytester.makepyfile(test_it=portable)
    assert len(record(pytester, "-n", "1", in_process=False).test_results) == 4
    assert SECRET not in everything_stored()


def test_a_secret_that_an_imported_module_loads_is_hidden(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = f"import os\nos.environ['API_KEY'] = {SECRET!r}\n"
    monkeypatch.setenv("API_KEY", "")  # what the suite sets is undone
    pytester.makepyfile(test_it=f"{load}def test_it(): assert os.environ['API_KEY'] == 'x'")
    (result,) = record(pytester).test_results
    assert "== 'x'" in result.longreprtext
    assert "'***'" in result.longreprtext
    pytester.makepyfile(test_it=f"{load}raise ValueError(os.environ['API_KEY'])")
    (result,) = record(pytester).test_results
    assert result.longreprtext.endswith("ValueError: ***")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("postgresql://me:hunter2-hunter2@db:5432/tests?sslmode=off", {SECRET}),
        ("mysql+pymysql://me:hunter2%2Fhunter@db/x", {"hunter2%2Fhunter", "hunter2/hunter"}),
        ("amqp://me:hunter/hunter2@mq:5672//", {"hunter/hunter2"}),
        ("redis://:hunter2-hunter2@db", {SECRET}),
        ("a, https://me:hunter2-hunter2@h/?x=y@z b", {SECRET}),
        ("postgresql://db/x?user=me&password=hunter2-hunter2&y=z", {SECRET}),
        ("https://h/hook?api_key=hunter2-hunter2#top", {f"{SECRET}#top", SECRET}),
        ("host=db user=me password='hunter2-hunter2'", {SECRET}),
        ("Server=db;Uid=me;Pwd=hunter2-hunter2;", {SECRET}),
        ("db:6380,password=hunter2-hunter2,ssl=True", {f"{SECRET},ssl=True", SECRET}),
        ("postgresql://postgres:postgres@localhost/postgres", set()),
        ("https://localhost:8080/users/@me https://h/a@b", set()),
        ("https://user@host/path://", set()),
        ("PATTERN=something else=more keyboard=qwertyuiop", set()),
    ],
)
def test_passwords_in_urls_and_connection_strings_are_secrets(
    value: str, expected: set[str]
) -> None:
    assert secrets_in(value) == expected
    assert secrets_of({"ANY_VARIABLE": value}) == expected


AWKWARD = "a/b+c&d\"e\\f'g é<\t%"


@pytest.mark.parametrize(
    "shown",
    [
        repr(AWKWARD),
        repr([AWKWARD]),
        repr(f"{AWKWARD} '"),
        json.dumps(AWKWARD),
        json.dumps({"a": [AWKWARD]}, ensure_ascii=False),
        json.dumps(AWKWARD).replace("/", "\\/"),
        json.dumps(AWKWARD).replace("&", "\\u0026").replace("<", "\\u003c"),
        quote(AWKWARD),
        quote(AWKWARD, safe=""),
        quote_plus(AWKWARD),
        quote(AWKWARD, safe="").replace("%2F", "%2f").replace("%C3%A9", "%c3%a9").lower(),
    ],
)
def test_a_secret_is_hidden_as_json_urls_and_repr_show_it(shown: str) -> None:
    hidden = TextPolicy(secrets=[AWKWARD]).hide(f"it is {shown}.")
    assert "***" in hidden
    assert "b" not in hidden
    assert "d" not in hidden


@given(
    st.text("abcdefgh", max_size=260), st.text("ijkl", min_size=12, max_size=500), st.text("xyz")
)
def test_no_part_of_a_secret_is_stored_of_a_value_that_pytest_cuts(
    before: str, secret: str, after: str
) -> None:
    class Thing:
        def __repr__(self) -> str:
            return f"<{before}{secret}{after}>"

    texts = TextPolicy(secrets=[secret])
    for value in (f"{before}{secret}{after}", [secret], {before: secret}, Thing()):
        shown = saferepr(value)
        left = texts.hide(shown).replace(REDACTED, "")
        assert sum(map(left.count, "ijkl")) < 2 * SHORTEST_PART, shown


def test_a_long_secret_is_in_no_text_of_a_failed_comparison(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [f"word{number}" for number in range(100)]
    monkeypatch.setenv("DEPLOY_TOKEN", "-".join(words))
    pytester.makepyfile(
        """
        import os
        import unittest

        def test_it():
            assert {"token": os.environ["DEPLOY_TOKEN"]} == 3

        def test_locals():
            token = "x" * 70 + os.environ["DEPLOY_TOKEN"]
            assert 0

        class TestCase(unittest.TestCase):
            def test_case(self):
                self.assertEqual(os.environ["DEPLOY_TOKEN"], os.environ["DEPLOY_TOKEN"] + "!")
        """
    )
    assert len(record(pytester, "--showlocals").test_results) == 3
    stored = everything_stored()
    assert [word for word in words if word in stored] == []
    assert "***...***" in stored
    assert " chars]" in stored


def test_of_two_marks_in_a_row_each_hides_its_own_part() -> None:
    texts = TextPolicy(secrets=["abcdefghij", "key...with...dots"])
    assert texts.hide("x abcdef...efghij... abc...hij") == "x ***...***... abc...hij"
    assert texts.hide("abcd...[12 chars]ghij") == "***...[12 chars]***"
    assert texts.hide("...with...dots...with...dots") == "...***...***"
    assert texts.hide("...... and so on...") == "...... and so on..."


def test_the_beginning_of_a_secret_at_our_own_cut_is_hidden() -> None:
    text = f"{'a' * 16}hunt...{'b' * 100}...ter2{'c' * 16}"
    cleaned = TextPolicy(max_output=40, secrets=[SECRET]).clean(text)
    assert cleaned == f"{'a' * 16}***\n[... 106 characters left out ...]\n***{'c' * 16}"


def test_a_secret_in_a_tag_is_hidden_everywhere(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(f"def test_it(): assert not ({SECRET!r}, 'sesame-open')")
    tags = [f"deploy_token={SECRET}", "db=mysql://me:sesame-open@h/d", "token=short", "ci=nightly"]
    session = record(pytester, *(f"--insight-tag={tag}" for tag in tags))
    assert session.session_tags == {
        "deploy_token": "***",
        "db": "mysql://me:***@h/d",
        "token": "short",
        "ci": "nightly",
    }
    assert "('***', '***')" in session.test_results[0].longreprtext
    monkeypatch.setenv("DEPLOY_TOKEN", SECRET)
    output = run(pytester, "--insight", f"--insight-tag={SECRET}").stderr.str()
    assert "not '***'" in output
    assert SECRET not in output


def test_a_secret_in_an_argument_is_hidden_everywhere(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        def pytest_addoption(parser):
            for name in ("--api-token", "--db-pass", "--dsn", "--other"):
                parser.addoption(name)
        """
    )
    pytester.makepyfile("def test_it(): assert ('s3same-one', 's3same-two', 's3same-three') == 1")
    given = ["--api-token=s3same-one", "--db-pass", "s3same-two", "--other", "visible-text"]
    session = record(pytester, *given, "--dsn", "mysql://me:s3same-three@h/d")
    assert "s3same" not in everything_stored()
    assert session.arguments[-7:] == (
        *("--api-token=***", "--db-pass", "***", "--other", "visible-text"),
        *("--dsn", "mysql://me:***@h/d"),
    )
    assert "('***', '***', '***') == 1" in session.test_results[0].longreprtext


def test_names_of_options_and_tags_are_compared_with_hyphens_and_underscores_alike(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeconftest(
        """
        def pytest_addoption(parser):
            for name in ("--api-key", "--signing-key", "--key"):
                parser.addoption(name)
        """
    )
    pytester.makepyfile("def test_it(): pass")
    given = ["--api-key=s3same-one", "--signing-key", "s3same-two", "--key", "visible-text"]
    tags = {"API-KEY": "s3same-three", "signing-key": "s3same-four", "signing.key": "s3same-five"}
    session = record(
        pytester, *given, *(f"--insight-tag={key}={value}" for key, value in tags.items())
    )
    assert "s3same" not in everything_stored()
    assert session.session_tags == dict.fromkeys(tags, "***")
    assert {"--api-key=***", "--signing-key", "visible-text"} <= set(session.arguments)


def test_a_nodeid_among_the_arguments_is_no_secret() -> None:
    assert secrets_of_arguments(["test_a.py::test_token[password=something]"]) == set()
    assert secrets_of_arguments(["--token", "--verbose-output", "-q"]) == set()


def test_a_warning_of_a_module_that_loads_a_secret_has_no_secret(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOADED_TOKEN", "")
    pytester.makepyfile(
        test_it=f"""
        import os, warnings
        os.environ["LOADED_TOKEN"] = {SECRET!r}
        warnings.warn(f"using {{os.environ['LOADED_TOKEN']}}")
        def test_it(): pass
        """
    )
    (warning,) = record(pytester).warnings
    assert warning.text == "using ***"


def test_the_password_of_the_database_that_records_is_hidden(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(f"def test_it(): assert {SECRET!r} == 1")
    # Nothing listens there: the run stays in its journal.
    monkeypatch.setenv("PYTEST_INSIGHT_DB_PATH", f"postgresql://me:{SECRET}@127.0.0.1:9/tests")
    monkeypatch.setenv("PYTEST_INSIGHT_STORAGE_TYPE", "postgresql")
    assert SECRET in run(pytester, "--insight").stdout.str()
    (journal,) = journals(locations.journal_folder())
    content = journal.read_text()
    assert "assert '***' == 1" in content
    assert SECRET not in content


LOADS = """
import os, pytest
NAME = __name__.upper() + "_TOKEN"
def load(): os.environ[NAME] = "hunter2-" + __name__
def leak(): return os.environ[NAME]
"""
LOADING = {
    "test_module": "load()\n@pytest.mark.parametrize('x', [leak()])\n"
    "def test_it(x): assert x == 1\n",
    "test_skipped_module": "load()\npytest.skip(leak(), allow_module_level=True)\n",
    "test_broken_module": "load()\nraise ValueError(leak())\n",
    "test_session_fixture": "@pytest.fixture(scope='session')\ndef token():\n"
    "    load()\n    yield leak()\n    del os.environ[NAME]\n"
    "def test_it(token): assert token == 1\n",
    "test_broken_fixture": "@pytest.fixture(scope='module')\ndef token():\n"
    "    load()\n    raise ValueError(leak())\n"
    "def test_it(token): pass\n",
    "test_setup_class": "class TestIt:\n    def setup_class(cls): load()\n"
    "    def test_it(self): assert leak() == 1\n",
}


@pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["alone", "xdist"])
def test_a_secret_that_a_run_loads_is_hidden(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    for name in LOADING:
        monkeypatch.setenv(f"{name.upper()}_TOKEN", "")  # what the suite sets is undone
    pytester.makepyfile(**{name: LOADS + suite for name, suite in LOADING.items()})
    options = ("--continue-on-collection-errors", *workers)
    session = record(pytester, *options, in_process=not workers)
    stored = everything_stored()
    assert [name for name in LOADING if f"hunter2-{name}" in stored] == []
    assert len(session.test_results) == len(LOADING)
    assert all("***" in result.longreprtext for result in session.test_results)


def test_the_journal_of_a_run_with_workers_has_no_secret_from_the_first_test_on(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL_FOLDER", str(locations.journal_folder()))
    pytester.makepyfile(
        test_it=f"""
        import os, time, pytest
        from pathlib import Path

        os.environ["WORKERS_TOKEN"] = {SECRET!r}

        @pytest.mark.parametrize("x", [{SECRET!r}])
        def test_it(x):
            journal, = Path(os.environ["JOURNAL_FOLDER"]).glob("*.jsonl")
            while b"running" not in journal.read_bytes():
                time.sleep(0.01)
            Path("journal").write_bytes(journal.read_bytes())
        """
    )
    record(pytester, "-n1", in_process=False)
    journal = Path("journal").read_text()
    assert '{"running":"test_it.py::test_it[***]"}' in journal
    assert SECRET not in journal


def test_what_a_test_puts_into_a_variable_is_no_secret(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_it(monkeypatch):
            monkeypatch.setenv("PASSWORD", "localhost")
            assert 0, "localhost"
        """
    )
    (result,) = record(pytester).test_results
    assert "localhost" in result.longreprtext


def test_a_secret_that_the_cut_would_split_does_not_leak() -> None:
    for before in range(40):
        text = "a" * before + SECRET + "b" * 60
        cleaned = TextPolicy(max_output=40, secrets=[SECRET]).clean(text)
        for size in range(4, len(SECRET) + 1):
            assert SECRET[:size] not in cleaned
            assert SECRET[-size:] not in cleaned


def test_names_of_variables_tell_what_is_secret() -> None:
    yes = {
        name: f"value-of-{name}"
        for name in (
            *("API_TOKEN", "TOKEN_FOR_X", "client_secret", "DB_PASSWORD", "PASSWD_FILE"),
            *("AWS_ACCESS_KEY", "GOOGLE_CREDENTIALS", "PGPASSWORD", "MYAPIKEY", "GPG_PASSPHRASE"),
            *("DB_PASS", "MYSQL_PWD", "pat", "AZURE_PAT_2", "REDIS-AUTH", "PRIVATE_PEM"),
            *("DBPASS", "SMTPPASS", "ROOTPWD", "DBPWD", "AUTH_JWT", "SESSION_COOKIE", "BEARER"),
            *("api-key", "SIGNING-KEY", "signing.key", "AccountKey", "SharedAccessKey"),
        )
    }
    no = {
        name: f"value-of-{name}"
        for name in (
            *("KEYBOARD", "HOME", "PATH", "PATTERN", "PWD", "OLDPWD", "AUTHOR", "XAUTHORITY"),
            *("COMPASS_URL", "PASSED", "PRIVATELY", "BYPASS", "PROXY_BYPASS", "ECOMPASS"),
            *("MONKEY", "COOKIE_DOMAIN", "JWT_ALGORITHM", "BEARER_FORMAT", "GH_PAT2", "KEY"),
        )
    }
    assert secrets_of(yes | no) == set(yes.values())
    short = {"API_TOKEN": "1234567", "DB_PASSWORD": "", "OTHER_TOKEN": "12345678"}
    assert secrets_of(short) == {"12345678"}


def test_one_secret_may_be_a_part_of_another() -> None:
    texts = TextPolicy(secrets=["password", "password-of-mine", "mine-too-and-long"])
    assert texts.hide("password-of-mine password") == "*** ***"


def test_a_key_of_several_lines_is_hidden_however_it_is_shown() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----\n"
    texts = TextPolicy(secrets=[key])
    marked = "".join(f"E       {line}\n" for line in key.splitlines())
    for shown in (key, key.strip(), repr(key), repr({"key": key.strip()}), marked):
        hidden = texts.hide(f"it is {shown}")
        assert "MIIEvQ" not in hidden
        assert "hkiG9w" not in hidden
        assert hidden.startswith("it is ")
