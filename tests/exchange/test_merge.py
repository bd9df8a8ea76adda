"""What an import does with IDs that exist: one pure plan, three strategies."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pytest_insight.errors import UnknownChoiceError
from pytest_insight.exchange.merge import (
    DEFAULT_STRATEGY,
    MergePlan,
    MergeStrategy,
    get_strategy,
    plan_merge,
)
from pytest_insight.models import TestSession
from tests.exchange.golden import SESSIONS


def incoming(*ids: str) -> list[TestSession]:
    """Sessions that can be told apart by their SUT: the first is "0"."""
    return [
        replace(SESSIONS[1], session_id=name, sut_name=str(number))
        for number, name in enumerate(ids)
    ]


def steps(plan: MergePlan) -> list[tuple[str, str, str]]:
    return [(step.imported_id, step.deed, step.session.session_id) for step in plan.steps]


SKIP, REPLACE, BOTH = MergeStrategy


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (SKIP, [("a", "skip", "a"), ("b", "add", "b")]),
        (REPLACE, [("a", "replace", "a"), ("b", "add", "b")]),
        (BOTH, [("a", "rename", "a-2"), ("b", "add", "b")]),
    ],
)
def test_an_id_that_exists_is_skipped_replaced_or_renamed(
    strategy: MergeStrategy, expected: list[tuple[str, str, str]]
) -> None:
    sessions = incoming("a", "b")
    plan = plan_merge(["a", "x"], sessions, strategy)
    assert steps(plan) == expected
    written = {session.session_id: session.sut_name for session in plan.writes}
    assert written == {
        new: old for old, (_, deed, new) in zip("01", expected, strict=True) if deed != "skip"
    }


@pytest.mark.parametrize(
    ("strategy", "expected", "left"),
    [
        (SKIP, [("a", "add", "a"), ("a", "skip", "a")], {"a": "0"}),
        (REPLACE, [("a", "add", "a"), ("a", "replace", "a")], {"a": "1"}),
        (BOTH, [("a", "add", "a"), ("a", "rename", "a-2")], {"a": "0", "a-2": "1"}),
    ],
)
def test_an_id_twice_in_the_file_meets_itself(
    strategy: MergeStrategy, expected: list[tuple[str, str, str]], left: dict[str, str]
) -> None:
    plan = plan_merge([], incoming("a", "a"), strategy)
    assert steps(plan) == expected
    assert {session.session_id: session.sut_name for session in plan.writes} == left


@pytest.mark.parametrize(
    ("existing", "ids", "new"),
    [
        (["a"], ["a"], ["a-2"]),
        (["a", "a-2"], ["a"], ["a-3"]),
        (["a", "a-3"], ["a", "a"], ["a-2", "a-4"]),
        (["a"], ["a", "a-2"], ["a-3", "a-2"]),  # the file's own a-2 keeps its name
        (["a"], ["a-2", "a"], ["a-2", "a-3"]),
        (["a", "a-2"], ["a-2", "a"], ["a-2-2", "a-3"]),
        (["a-2"], ["a-2", "a-2"], ["a-2-2", "a-2-3"]),
    ],
)
def test_a_new_name_is_one_that_neither_the_store_nor_the_file_has(
    existing: list[str], ids: list[str], new: list[str]
) -> None:
    plan = plan_merge(existing, incoming(*ids), BOTH)
    assert [step.session.session_id for step in plan.steps] == new


def test_nothing_to_import_is_nothing_to_write() -> None:
    for strategy in MergeStrategy:
        assert plan_merge(["a"], [], strategy) == MergePlan()
        assert MergePlan().writes == []


names = st.sampled_from(["a", "a-2", "a-2-2", "a-3", "b", "a-"])


@given(st.sets(names), st.lists(names, max_size=6), st.sampled_from(list(MergeStrategy)))
def test_a_plan_is_what_importing_one_after_the_other_would_do(
    existing: Collection[str], ids: list[str], strategy: MergeStrategy
) -> None:
    sessions = incoming(*ids)
    plan = plan_merge(existing, sessions, strategy)
    store = dict.fromkeys(existing, "old")
    on_clash = {SKIP: "skip", REPLACE: "replace", BOTH: "rename"}
    for session, step in zip(sessions, plan.steps, strict=True):
        name = step.session.session_id
        assert step.imported_id == session.session_id
        assert step.session == replace(session, session_id=name)
        clash = session.session_id in store
        assert step.deed == (on_clash[strategy] if clash else "add")
        if step.deed == "rename":
            assert name not in store
        if step.deed != "skip":
            store[name] = session.sut_name
    for session in plan.writes:
        assert store[session.session_id] == session.sut_name
    assert set(store) == set(existing) | {session.session_id for session in plan.writes}
    assert len(plan.writes) == len({session.session_id for session in plan.writes})


def test_a_strategy_is_found_by_its_name() -> None:
    names = ["skip_existing", "replace_existing", "keep_both"]
    assert [get_strategy(name) for name in names] == list(MergeStrategy)
    assert DEFAULT_STRATEGY == "skip_existing"


@pytest.mark.parametrize("name", ["", "skip", "keep-both", "KEEP_BOTH", "all"])
def test_an_unknown_strategy_says_which_there_are(name: str) -> None:
    with pytest.raises(UnknownChoiceError, match=rf"unknown merge strategy '{name}'; ") as info:
        get_strategy(name)
    assert info.value.choices == ["keep_both", "replace_existing", "skip_existing"]
    assert any(choice in str(info.value) for choice in info.value.choices)
