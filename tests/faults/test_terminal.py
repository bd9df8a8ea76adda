"""Control characters and formulas in recorded texts have no effect."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_insight.cli.terminal.progress import Work
from pytest_insight.models import CodeState, TestOutcome, TestResult, TestSession
from pytest_insight.storage import JSONStorage, ProfileManager
from tests import tools
from tests.conftest import START, MakeSession
from tests.faults.commands import Ran, on_a_terminal, run

pytestmark = pytest.mark.skipif(os.name != "posix", reason="POSIX's terminals")

NASTY = {
    "colour": "\x1b[31mred\x1b[0m",
    "clearing": "\x1b[2J\x1b[H",
    "title": "\x1b]0;owned\x07",
    "link": "\x1b]8;;http://bad.example\x1b\\click\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;YmFk\x07",
    "one-byte control": "\x9b31mred\x9d0;owned\x9c",
    "overwriting": "bad\rgood\b\b\x7f",
    "bidi": "\u202egnp.exe\u2066\u2069\u200f",
    "new line": "first\ninsight: all is well",
}
MARKUP = "[bold red]b[/bold red][link=http://bad.example]x[/link]:smile:[/nope]"
EVERYTHING = "".join(NASTY.values()) + MARKUP

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
PROGRESS = re.compile(r"\r?\x1b\[(2K|1A|\?25[lh])")
"""The escape sequences of the command itself: colours, and on a busy machine its progress."""
ACTS = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def assert_inert(ran: Ran, *, theirs: bool = True) -> None:
    """Fail if a foreign control sequence reaches the terminal, or if the text is missing."""
    text = COLOUR.sub("", PROGRESS.sub("", ran.out.replace("\r\n", "\n")))
    assert ACTS.findall(text) == [], ran.out
    assert "\x1b[31mred" not in ran.out
    assert "Traceback" not in text
    assert "\ninsight: all is well" not in text
    if theirs:
        assert r"\x1b[2J" in re.sub(r"[\s│]", "", text) or r"\u001b[2J" in text


def nasty_session(text: str) -> TestSession:
    results = [
        TestResult(
            f"t.py::{text}",
            outcome,
            START,
            0.25,
            longreprtext=f"E {text}\n{text}",
            capstdout=text,
            properties=((text, text),),
            worker=text,
        )
        for outcome in (TestOutcome.FAILED, TestOutcome.ERROR, TestOutcome(text))
    ]
    return TestSession(
        f"id{text}",
        f"sut{text}",
        START,
        session_duration=1.0,
        session_tags={text: text},
        testing_system={text: text, "more": {text: text}, "list": [text]},
        code_state=CodeState(commit=text, branch=text, digest=text),
        test_results=tuple(results),
    )


@pytest.fixture
def store(make_session: MakeSession) -> JSONStorage:
    storage = JSONStorage()
    storage.save_session(make_session())
    return storage


@pytest.fixture
def nasty() -> JSONStorage:
    storage = JSONStorage()
    storage.save_session(nasty_session(EVERYTHING))
    return storage


LISTINGS = ["sessions list", "sessions show", "query tests", "query sessions", "failures"]


@pytest.mark.parametrize("command", LISTINGS)
def test_tables_show_controls_and_obey_none(nasty: JSONStorage, command: str) -> None:
    ran = on_a_terminal(*command.split())
    assert ran.status == 0
    assert_inert(ran)
    assert MARKUP in COLOUR.sub("", ran.out), "neither obeyed nor lost"


@pytest.mark.parametrize("command", ["sessions list", "query tests"])
def test_json_on_a_terminal_is_inert_and_says_the_same(nasty: JSONStorage, command: str) -> None:
    ran = on_a_terminal(*command.split(), "--format", "json")
    assert_inert(ran)
    piped = run(*command.split(), "--format", "json")
    assert json.loads(ran.out) == json.loads(piped.out)
    assert EVERYTHING in json.loads(ran.out)[0]["session_id"]


@pytest.mark.parametrize(
    "command",
    [
        "sessions list --format csv",
        "query tests --format csv",
        "query tests --format nodeids",
        "export --format csv",
        "export --format json",
    ],
)
def test_documents_on_a_terminal_are_inert_and_in_a_pipe_exact(
    nasty: JSONStorage, command: str
) -> None:
    words = command.split()
    ran = on_a_terminal(*words)
    assert ran.status == 0
    assert_inert(ran, theirs="nodeids" not in command)
    piped = run(*words)
    if words[0] == "export":
        Path("copy").write_text(piped.out, newline="")
        assert "already in the store" in run("import", "copy", "--format", words[-1]).err


def test_progress_shows_the_name_of_a_file_and_obeys_none() -> None:
    work = Work()
    work.begin(f"reading {EVERYTHING}", None)
    assert ACTS.findall(work.name) == []


def test_the_lines_of_a_recorded_run_show_controls_and_obey_none(tmp_path: Path) -> None:
    Path("test_a.py").write_text("def test_a(): pass\n")
    text = EVERYTHING.replace("\n", "").replace("/", "|")
    place = tmp_path / text / "x.json"
    environment = {**os.environ, "TERM": "xterm-256color"}
    for variables in (
        {"PYTEST_INSIGHT_DB_PATH": str(place)},
        {"PYTEST_INSIGHT_DB_PATH": f"http://{text}"},
    ):
        shown = tools.on_terminal(
            [sys.executable, "-m", "pytest", "--insight", "-pno:cacheprovider"],
            environment | variables,
        )
        ours = [line for line in shown.text.splitlines() if "insight: " in line]
        assert ours
        assert all(ACTS.findall(COLOUR.sub("", line)) == [] for line in ours)


def errors() -> Iterator[tuple[str, tuple[str | bytes, ...]]]:
    text = EVERYTHING.replace("\n", "")
    yield "no such session", ("sessions", "show", text)
    yield "no such file", ("import", f"{text}.json".replace("/", "|"))
    yield "no such folder", ("export", f"{text.replace('/', '|')}/x.json")
    yield "no such profile", ("--profile", text, "sessions", "list")
    yield "no such profile to switch to", ("profile", "switch", text)
    yield "a profile's name", ("profile", "create", text)
    yield "a storage type", ("profile", "create", "x", "--type", text)
    yield "a strategy", ("import", "a.json", "--merge", text)
    yield "a format", ("import", "a.json", "--format", text)
    yield "a choice", ("sessions", "list", "--format", text)
    yield "a command", (text,)
    yield "a subcommand", ("sessions", text)
    yield "an option", (f"--{text}",)
    yield "an argument too many", ("sessions", "list", text)
    yield "bytes that are no text", ("import", b"caf\xe9\x1b[2J.json")


@pytest.mark.parametrize(("arguments"), [pytest.param(a, id=n) for n, a in errors()])
def test_error_messages_show_controls_and_obey_none(
    store: JSONStorage, arguments: tuple[str | bytes, ...]
) -> None:
    Path("a.json").write_text("[]")
    ran = on_a_terminal(*arguments)
    assert ran.status in (1, 2)
    assert_inert(ran)


@pytest.mark.parametrize("name", ["json", "csv"])
def test_problems_of_a_file_are_inert(name: str) -> None:
    if name == "json":
        bad = {"session_id": EVERYTHING, EVERYTHING: 1, "sut_name": {EVERYTHING: 1}}
        Path("a.json").write_text(json.dumps([bad, {**bad, "session_start_time": EVERYTHING}]))
    else:
        table = io.StringIO()
        writer = csv.writer(table)
        writer.writerow(["session_id", "sut_name", "session_start_time", "nodeid", "outcome"])
        writer.writerow([EVERYTHING, EVERYTHING, EVERYTHING, EVERYTHING, ""])
        Path("a.csv").write_text(table.getvalue().replace("nodeid", "nodeid,start_time"))
    for options in ((), ("--skip-invalid",), ("--dry-run", "--skip-invalid")):
        assert_inert(on_a_terminal("import", f"a.{name}", *options), theirs=name == "json")


def test_what_an_import_tells_is_inert(nasty: JSONStorage) -> None:
    text = NASTY["colour"] + NASTY["clearing"] + NASTY["title"] + NASTY["bidi"]
    path = Path(f"{text}\ninsight: all is well.json")
    assert_inert(on_a_terminal("export", path))
    document = json.loads(path.read_text())
    document["sessions"][0][EVERYTHING] = 1
    path.write_text(json.dumps(document))
    ran = on_a_terminal("import", path, "--merge", "keep_both")
    assert ran.status == 0
    assert_inert(ran)


def test_the_names_of_profiles_and_stores_are_inert(tmp_path: Path) -> None:
    path = tmp_path / "nasty.json"
    ProfileManager().create_profile("nasty", "json", path)
    JSONStorage(path).save_session(nasty_session(EVERYTHING))
    data = path.read_bytes()
    path.write_bytes(data[:40] + data[41:200] + b"\x1b[2J" + data[200:])
    for command in ("profile list", "profile show nasty", "--profile nasty sessions list"):
        assert_inert(on_a_terminal(*command.split()), theirs=False)
    # Names that the commands refuse, written into the file by hand.
    profiles = Path.home() / ".pytest_insight" / "profiles.json"
    whole = json.loads(profiles.read_text())
    profiles.write_text(json.dumps(whole).replace('"nasty"', json.dumps(EVERYTHING)))
    assert_inert(on_a_terminal("profile", "list"))


def test_variables_are_inert() -> None:
    text = EVERYTHING.replace("\n", "")
    for name in ("PYTEST_INSIGHT_PROFILE", "PYTEST_INSIGHT_STORAGE_TYPE", "PYTEST_INSIGHT_DB_PATH"):
        assert_inert(on_a_terminal("sessions", "list", env={name: text}))


@pytest.mark.skipif(sys.platform == "win32", reason="no such names there")
def test_cells_that_a_spreadsheet_would_run_are_texts(nasty: JSONStorage) -> None:
    formulas = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1", '=HYPERLINK("x")']
    for number, text in enumerate(formulas):
        session = nasty_session(text)
        JSONStorage().save_session(
            TestSession(
                f"{text}{number}",
                text,
                START,
                session_duration=1.0,
                session_tags={text: text},
                test_results=tuple(
                    TestResult(text, TestOutcome(text), r.start_time, 0.5, longreprtext=text)
                    for r in session.test_results
                ),
            )
        )
    before = JSONStorage().load_sessions()
    assert run("export", "a.csv").status == 0
    with Path("a.csv").open(newline="", encoding="utf-8") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert [cell for cell in cells if re.match(r"\s*[=+\-@\uff1d]|[\t\r\n]", cell)] == []
    assert run("import", "a.csv", "--merge", "replace_existing").status == 0
    assert JSONStorage().load_sessions() == before
