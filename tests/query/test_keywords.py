from __future__ import annotations

from pathlib import Path

import pytest
from _pytest.mark.expression import Expression
from hypothesis import given
from hypothesis import strategies as st

from pytest_insight.errors import InvalidArgumentError
from pytest_insight.filters import KeywordsMatch, Selection
from pytest_insight.filters.keywords import MAX_DEPTH, node_names, parse
from pytest_insight.models import TestOutcome, TestResult
from pytest_insight.storage import PostgreSQLStorage, SQLiteStorage
from tests.conftest import START, MakeSession
from tests.postgresql import Server

NODEIDS = [
    "tests/unit/test_a.py::TestLogin::test_x[a::b/c-1.5]",
    "tests/test_B.py::test_ADMIN",
    "\u0391\u03a3/t.py::\u0130d_\u212a",
]
WORDS = [
    "a",
    "Test_",
    "::b/",
    "[",
    "1.5]",
    "unit",
    "test_b.py",
    "tests/",
    "\u03c3",
    "\u03c2",
    "i",
    "k",
]


def expressions() -> st.SearchStrategy[str]:
    return st.recursive(
        st.sampled_from([*WORDS, "True", "order", "nothing"]),
        lambda inner: st.one_of(
            inner.map("not {}".format),
            inner.map("({})".format),
            st.tuples(inner, st.sampled_from([" or ", " and ", ") or(", "\tand not "]), inner).map(
                lambda parts: f"({''.join(parts)})"
            ),
        ),
    )


@given(expressions())
def test_an_expression_holds_as_for_pytest_of_a_test_without_markers(expression: str) -> None:
    pytests = Expression.compile(expression)
    for nodeid in NODEIDS:
        names = [name.lower() for name in node_names(nodeid)]

        def is_in_a_name(word: str, /, **_: object) -> bool:
            return any(word.lower() in name for name in names)  # noqa: B023 - called at once

        expected = pytests.evaluate(is_in_a_name)
        result = TestResult(nodeid, TestOutcome.PASSED, START, 0.1)
        assert KeywordsMatch(expression).matches(result) == expected, nodeid


def test_the_names_in_a_nodeid_are_those_of_folders_file_classes_and_test() -> None:
    assert node_names(NODEIDS[0]) == [
        *("tests", "unit", "test_a.py", "TestLogin"),
        "test_x[a::b/c-1.5]",
    ]
    assert node_names("README.md") == ["README.md"]


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("a or", "a name is missing at its end"),
        ("(a or b", "')' is missing at its end"),
        ("a b", "'and' or 'or' is missing before 'b' at character 3"),
        ("a )", "'and' or 'or' is missing before ')' at character 3"),
        ("and a", "a name is missing before 'and' at character 1"),
        ("a or  *", "'*' cannot be in a name at character 7"),
        ("slow(1)", "'and' or 'or' is missing before '(' at character 5"),
        ("(" * (MAX_DEPTH + 1) + "a", f"it is nested deeper than {MAX_DEPTH} levels"),
    ],
)
def test_a_wrong_expression_is_refused_with_the_position(expression: str, why: str) -> None:
    with pytest.raises(InvalidArgumentError, match="is not an expression of names") as caught:
        parse(expression)
    assert why in str(caught.value)


def test_a_database_knows_the_lower_case_of_python(
    tmp_path: Path, postgresql_server: Server, make_session: MakeSession
) -> None:
    results = tuple(TestResult(each, TestOutcome.PASSED, START, 0.1) for each in NODEIDS)
    with (
        SQLiteStorage(tmp_path / "x.db") as sqlite,
        PostgreSQLStorage(postgresql_server.schema()) as postgresql,
    ):
        for storage in (sqlite, postgresql):
            storage.save_session(make_session(test_results=results))
            for expression in [*WORDS, "not id", "id_k", "not (k or \u03c3)"]:
                wanted = Selection(test_filters=(KeywordsMatch(expression),))
                found = [result for each in storage.select(wanted) for result in each.test_results]
                assert found == [each for each in results if wanted.test_filters[0].matches(each)]
            pushed = storage.explain(Selection(test_filters=(KeywordsMatch("a or not b"),)))
            assert pushed[0].startswith("in the database: ")
