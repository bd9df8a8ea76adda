"""What a query answers in Python: lists, dictionaries, tables for notebooks, near misses."""

from __future__ import annotations

import pickle
import warnings
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from pytest_insight import query
from pytest_insight.errors import InvalidArgumentError
from pytest_insight.models import CodeState, TestResult, TestSession
from pytest_insight.models.html import MAX_ROWS
from pytest_insight.query import Query, ResultList
from pytest_insight.storage import InMemoryStorage
from tests.conftest import START, MakeSession

HOSTILE = "tests/test_a.py::test_x[<img src=x onerror=alert(1)>\u202e&amp;\x1b]"
LATER = START + timedelta(seconds=2)
RESULTS = (
    TestResult("tests/test_a.py::test_pay[a::b]", "passed", START, 0.5),
    TestResult(
        HOSTILE,
        "failed",
        LATER,
        0.25,
        message="<b>no</b>\nmore",
        crash="tests/test_a.py:3",
        longreprtext="E   <script>",
        worker="gw0",
        has_warning=True,
    ),
    TestResult("doc.rst", "error", LATER, phase="setup"),
)


@pytest.fixture
def storage(make_session: MakeSession) -> InMemoryStorage:
    storage = InMemoryStorage()
    code = CodeState("abcdef0123", "main")
    storage.save_session(
        make_session(test_results=RESULTS, session_tags={"ci": "<1>"}, code_state=code)
    )
    storage.save_session(make_session(1, code_state=None, session_tags={}))
    return storage


@pytest.fixture
def asked(storage: InMemoryStorage) -> Query:
    return query.on_storage(storage)


def saved(storage: InMemoryStorage) -> list[TestSession]:
    return storage.load_sessions()


# Lists and dictionaries -------------------------------------------------------------------------


def test_failures_are_the_results_that_failed_or_had_an_error(asked: Query) -> None:
    expected = [r for r in asked.execute().tests() if r.outcome in ("failed", "error")]
    assert asked.failures() == expected
    assert len(expected) == 3
    assert asked.in_last_days(1).failures() == asked.failures(days=1) == []


def test_tests_are_selected_by_outcome_and_name(asked: Query) -> None:
    assert asked.tests() == asked.execute().tests()
    assert [r.outcome for r in asked.tests(outcome="error")] == ["error"]
    assert [r.nodeid for r in asked.tests(outcome=["passed", "failed"], nodeid="test_pay")] == [
        RESULTS[0].nodeid
    ]
    assert asked.latest().tests(nodeid="doc.rst") == []
    with pytest.raises(InvalidArgumentError, match="days"):
        asked.tests(days=-1)


def test_the_first_session_is_the_oldest_one(asked: Query) -> None:
    first = asked.execute().first()
    assert first is not None
    assert first.session_id == "api-0"
    assert asked.for_sut("none").execute().first() is None


def test_a_dictionary_tells_a_result_and_its_session(asked: Query) -> None:
    rows = asked.execute().to_dicts()
    assert len(rows) == len(asked.execute().tests())
    assert rows[1] == {
        "session": "api-0",
        "session_start": START,
        "sut": "api",
        "branch": "main",
        "commit": "abcdef0123",
        "tags": {"ci": "<1>"},
        "nodeid": HOSTILE,
        "file": "tests/test_a.py",
        "outcome": "failed",
        "phase": "call",
        "start": LATER,
        "duration": 0.25,
        "message": "<b>no</b>\nmore",
        "crash": "tests/test_a.py:3",
        "worker": "gw0",
        "has_warning": True,
        "longreprtext": "E   <script>",
    }
    assert type(rows[1]["outcome"]) is str
    assert (rows[2]["file"], rows[2]["phase"]) == ("doc.rst", "setup")
    assert (rows[3]["branch"], rows[3]["commit"], rows[3]["tags"]) == (None, None, {})
    rows[0]["tags"]["ci"] = "changed"
    assert asked.execute().to_dicts()[0]["tags"] == {"ci": "<1>"}


def test_results_of_a_query_are_dictionaries_too(asked: Query) -> None:
    assert asked.tests().to_dicts() == asked.execute().tests().to_dicts()
    assert asked.tests().to_dicts() == asked.execute().to_dicts()
    failed = asked.failures()
    rows = failed.to_dicts()
    assert [row["outcome"] for row in rows] == ["failed", "error", "failed"]
    assert {row["session"] for row in rows} == {"api-0", "api-1"}
    failed.reverse()
    assert failed.to_dicts() == rows[::-1]
    again: ResultList = pickle.loads(pickle.dumps(failed))
    assert (again, again.to_dicts()) == (failed, rows[::-1])


def test_the_first_session_of_a_query_is_that_of_its_result(asked: Query) -> None:
    assert asked.first() == asked.execute().first()
    newest = asked.latest().first()
    assert newest is not None
    assert newest.session_id == "api-1"
    assert asked.for_sut("none").first() is None
    with_error = asked.filter_by_test().with_outcome("error").apply().first()
    assert with_error is not None
    assert with_error.test_results == (RESULTS[2],)


# Tables for notebooks ---------------------------------------------------------------------------


class Table(HTMLParser):
    """Collects the cells of tables, and fails for any element that a table has not."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in {"table", "thead", "tbody", "tr", "th", "td", "p", "pre"}
        assert all(name == "style" for name, _ in attrs)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1] and data.strip():
            if self.get_starttag_text().startswith(("<td", "<th ")):  # type: ignore[union-attr]
                self.rows[-1][-1] += data
            else:
                self.texts.append(data)


def table(shown: object) -> Table:
    text = shown._repr_html_()  # type: ignore[attr-defined]
    assert "\x1b" not in text
    assert "\u202e" not in text
    return Table(text)


SHOWN_HOSTILE = HOSTILE.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")


def test_a_notebook_shows_the_sessions_of_a_result_newest_first(asked: Query) -> None:
    shown = table(asked.execute())
    assert shown.rows[0] == [
        *("Session", "Started", "Took", "Tests", "Outcomes", "Branch", "Commit"),
    ]
    assert [row[0] for row in shown.rows[1:]] == ["api-1", "api-0"]
    assert shown.rows[2][3:] == ["3", "1 failed, 1 error, 1 passed", "main", "abcdef0"]
    assert shown.texts == ["2 sessions"]


def test_a_notebook_shows_the_tests_of_a_result_after_test_level_steps(asked: Query) -> None:
    shown = table(asked.filter_by_test().with_outcome("failed").apply().execute())
    assert shown.rows[0] == ["Test", "Outcome", "Took", "Started", "Message", "Session"]
    assert [row[5] for row in shown.rows[1:]] == ["api-1", "api-0"]
    assert shown.rows[2][:3] == [SHOWN_HOSTILE, "failed", "0.25 s"]
    assert shown.rows[2][4] == "<b>no</b>"
    assert shown.texts == ["2 results"]


def test_a_notebook_shows_lists_sessions_results_and_summaries(
    asked: Query, storage: InMemoryStorage
) -> None:
    assert [row[0] for row in table(asked.failures()).rows[1:3]] == [SHOWN_HOSTILE, "doc.rst"]
    session = saved(storage)[0]
    shown = table(session)
    assert ["Tags", "ci=<1>"] in shown.rows
    assert [row[0] for row in shown.rows if "failed" in row[1:2]] == [SHOWN_HOSTILE]
    assert table(session.test_results[1]).texts == ["E   <script>"]
    summaries = asked.group_by_test()
    rows = table(summaries).rows
    assert rows[0][:4] == ["Test", "SUT", "Results", "Passed"]
    assert [row[0] for row in rows[1:]] == [
        SHOWN_HOSTILE if each.nodeid == HOSTILE else each.nodeid for each in summaries
    ]
    assert table(asked.for_sut("none").execute()).texts == ["0 sessions"]


def test_a_long_table_is_cut_and_says_so(make_session: MakeSession) -> None:
    storage = InMemoryStorage()
    storage.save_sessions(make_session(number) for number in range(MAX_ROWS + 1))
    shown = table(query.on_storage(storage).execute())
    assert len(shown.rows) == MAX_ROWS + 1
    assert shown.texts == ["100 of 101 sessions"]


# Outcomes that nothing has ----------------------------------------------------------------------


def test_a_misspelt_outcome_that_finds_nothing_is_a_warning_with_the_near_one(
    asked: Query,
) -> None:
    tests = asked.filter_by_test().with_outcome("fialed").apply()
    sessions = asked.with_outcome("fialed")
    for ask in (tests.execute, sessions.execute, lambda: asked.tests(outcome="fialed")):
        with pytest.warns(UserWarning, match="outcome 'fialed'; did you mean 'failed'") as caught:
            assert not ask()
        assert [each.filename for each in caught] == [__file__]


def test_an_outcome_of_another_plugin_is_known_if_the_store_has_it(
    storage: InMemoryStorage, make_session: MakeSession
) -> None:
    storage.save_session(
        make_session(2, test_results=(TestResult("a", "flaky", START), RESULTS[0]))
    )
    asked = query.on_storage(storage)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(asked.tests(outcome="flaky")) == 1
        assert asked.for_sut("none").with_outcome("flaky").execute().empty
        assert asked.with_outcome("xpassed").execute().empty
    with pytest.warns(UserWarning, match="unknown outcome 'flakey'; did you mean 'flaky'?"):
        asked.with_outcome("flakey").execute()
