"""What an import does with each session, as a plan; that stores carry it out is in the contract."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_insight.errors import UnknownChoiceError
from pytest_insight.exchange.merge import (
    DEFAULT_STRATEGY,
    MergePlan,
    MergeStep,
    MergeStrategy,
    get_strategy,
    plan_merge,
)
from pytest_insight.models import TestSession
from tests.conftest import START

SKIP, REPLACE, BOTH = MergeStrategy


def session(name: str, sut: str = "api") -> TestSession:
    return TestSession(name, sut, START)


def deeds(plan: MergePlan) -> str:
    return " ".join(f"{step.deed}:{step.session.session_id}" for step in plan.steps)


# Strategies -------------------------------------------------------------------------------------


def test_there_are_three_strategies_and_existing_sessions_are_skipped_by_default() -> None:
    assert [*MergeStrategy] == ["skip_existing", "replace_existing", "keep_both"]
    assert DEFAULT_STRATEGY == "skip_existing"
    assert all(get_strategy(name) is get_strategy(str(name)) for name in MergeStrategy)


@pytest.mark.parametrize("name", ["keep-both", "KEEP_BOTH", "", "both"])
def test_an_unknown_strategy_names_those_there_are(name: str) -> None:
    with pytest.raises(UnknownChoiceError, match="merge strategy") as caught:
        get_strategy(name)
    assert caught.value.choices == sorted(MergeStrategy)


# Plans ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (SKIP, "add:new skip:old add:newer"),
        (REPLACE, "add:new replace:old add:newer"),
        (BOTH, "add:new rename:old-2 add:newer"),
    ],
)
def test_a_strategy_says_what_becomes_of_an_id_that_exists(
    strategy: MergeStrategy, expected: str
) -> None:
    plan = plan_merge(["old", "other"], map(session, ("new", "old", "newer")), strategy)
    assert deeds(plan) == expected


@pytest.mark.parametrize(
    ("strategy", "expected", "written"),
    [
        (SKIP, "add:a skip:a skip:a", ["1"]),
        (REPLACE, "add:a replace:a replace:a", ["3"]),
        (BOTH, "add:a rename:a-2 rename:a-3", ["1", "2", "3"]),
    ],
)
def test_an_id_that_comes_twice_meets_itself(
    strategy: MergeStrategy, expected: str, written: list[str]
) -> None:
    plan = plan_merge([], (session("a", sut) for sut in "123"), strategy)
    assert deeds(plan) == expected
    assert [each.sut_name for each in plan.writes] == written


@pytest.mark.parametrize(
    ("existing", "incoming", "expected"),
    [
        ("a a-2", "a", "rename:a-3"),
        ("a", "a a-2", "rename:a-3 add:a-2"),
        ("a a-3", "a a", "rename:a-2 rename:a-4"),
        ("a a-2", "a-2 a", "rename:a-2-2 rename:a-3"),
        ("a", "a a-2 a", "rename:a-3 add:a-2 rename:a-4"),
        ("a a-2 a-2-2", "a-2 a-2", "rename:a-2-3 rename:a-2-4"),
    ],
)
def test_a_new_id_is_free_in_the_store_and_in_the_file(
    existing: str, incoming: str, expected: str
) -> None:
    plan = plan_merge(existing.split(), map(session, incoming.split()), BOTH)
    assert deeds(plan) == expected


def test_a_renamed_session_keeps_every_other_field_and_the_step_its_old_id() -> None:
    plan = plan_merge(["a"], [session("a", "web")], BOTH)
    assert plan.steps == (MergeStep("rename", session("a-2", "web"), "a"),)


def test_the_steps_of_a_deed_are_counted() -> None:
    plan = plan_merge(["a", "b"], map(session, "abca"), SKIP)
    assert (plan.count("skip"), plan.count("add"), plan.count("rename")) == (3, 1, 0)
    assert plan.writes == [session("c")]


def test_an_empty_plan_writes_nothing() -> None:
    assert plan_merge(["a"], [], REPLACE) == MergePlan()
    assert MergePlan().writes == []


def test_a_plan_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        MergePlan().steps = ()  # type: ignore[misc]  # what is tested


def test_many_sessions_of_one_id_are_renamed_in_reasonable_time() -> None:
    plan = plan_merge(["a"], [session("a")] * 5_000, BOTH)
    assert plan.steps[-1].session.session_id == "a-5001"
    assert len(plan.writes) == 5_000


some_ids = st.sampled_from(["a", "a-2", "a-3", "a-2-2", "b", "c"])


@given(st.sets(some_ids), st.lists(some_ids, max_size=6), st.sampled_from(MergeStrategy))
@settings(deadline=None)
def test_a_plan_is_what_importing_one_after_the_other_does(
    existing: set[str], incoming: list[str], strategy: MergeStrategy
) -> None:
    sessions = [session(name, str(number)) for number, name in enumerate(incoming)]
    plan = plan_merge(existing, sessions, strategy)
    assert [step.imported_id for step in plan.steps] == incoming

    store: dict[str, TestSession | None] = dict.fromkeys(existing)
    for step, given_ in zip(plan.steps, sessions, strict=True):
        assert step.deed == ("add" if given_.session_id not in store else ON_CLASH[strategy])
        if step.deed == "rename":
            assert step.session.session_id not in {*store, *incoming}
        else:
            assert step.session == given_
        renamed = msgspec.structs.replace(given_, session_id=step.session.session_id)
        assert step.session == renamed
        if step.deed != "skip":
            store[step.session.session_id] = step.session
    written = {each.session_id: each for each in plan.writes}
    assert len(written) == len(plan.writes)
    assert {name: each for name, each in store.items() if each is not None} == written


ON_CLASH = {SKIP: "skip", REPLACE: "replace", BOTH: "rename"}
