"""The rules of merging: what a plan does with IDs that exist, by strategy.

That every storage carries plans out is in the contract (`pytest_insight/testing/imports.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pytest_insight.document.codec import content_digest
from pytest_insight.errors import UnknownChoiceError
from pytest_insight.exchange.merge import (
    DEFAULT_STRATEGY,
    MergePlan,
    MergePlanner,
    MergeStep,
    MergeStrategy,
    get_strategy,
)
from pytest_insight.models import TestSession
from tests.conftest import START

SKIP, REPLACE, BOTH, UPGRADE = MergeStrategy
ON_CLASH = {SKIP: "skip", REPLACE: "replace", BOTH: "rename", UPGRADE: "skip"}


def session(name: str, sut: str = "api") -> TestSession:
    return TestSession(name, sut, START)


def sessions(names: str) -> list[TestSession]:
    """Sessions with these IDs; the SUT of each is its number, from 0."""
    return [session(name, str(number)) for number, name in enumerate(names.split())]


def plan_of(existing: str, names: str, strategy: MergeStrategy) -> MergePlan:
    return MergePlanner(existing.split(), strategy).plan(sessions(names))


def actions(plan: MergePlan) -> str:
    return " ".join(f"{step.action}:{step.session.session_id}" for step in plan.steps)


def written(plan: MergePlan) -> dict[str, str]:
    """The SUT of each session that is written, by its ID."""
    return {each.session_id: each.sut_name for each in plan.iter_writes()}


def test_existing_sessions_are_skipped_by_default() -> None:
    assert DEFAULT_STRATEGY == SKIP


def test_a_strategy_is_found_by_its_name() -> None:
    assert [*MergeStrategy] == ["skip_existing", "replace_existing", "keep_both", "upgrade"]
    assert all(get_strategy(str(name)) is name for name in MergeStrategy)


@pytest.mark.parametrize("name", ["", "skip", "keep-both", "KEEP_BOTH", "all"])
def test_an_unknown_strategy_is_refused_with_the_choices(name: str) -> None:
    with pytest.raises(UnknownChoiceError, match="merge strategy") as caught:
        get_strategy(name)
    assert caught.value.choices == sorted(MergeStrategy)


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (SKIP, "add:new skip:old add:newer"),
        (REPLACE, "add:new replace:old add:newer"),
        (BOTH, "add:new rename:old-2 add:newer"),
    ],
)
def test_a_session_whose_id_exists_is_skipped_replaces_it_or_is_renamed(
    strategy: MergeStrategy, expected: str
) -> None:
    assert actions(plan_of("old other", "new old newer", strategy)) == expected


@pytest.mark.parametrize(
    ("strategy", "expected", "left"),
    [
        (SKIP, "add:a skip:a skip:a", {"a": "0"}),
        (REPLACE, "add:a replace:a replace:a", {"a": "2"}),
        (BOTH, "add:a rename:a-2 rename:a-3", {"a": "0", "a-2": "1", "a-3": "2"}),
    ],
)
def test_an_id_that_occurs_twice_in_a_file_meets_itself(
    strategy: MergeStrategy, expected: str, left: dict[str, str]
) -> None:
    plan = plan_of("", "a a a", strategy)
    assert actions(plan) == expected
    assert written(plan) == left


@pytest.mark.parametrize(
    ("existing", "incoming", "expected"),
    [
        ("a", "a", "rename:a-2"),
        ("a a-2", "a", "rename:a-3"),
        ("a", "a a-2", "rename:a-3 add:a-2"),  # the file's own a-2 keeps its ID
        ("a", "a-2 a", "add:a-2 rename:a-3"),
        ("a a-3", "a a", "rename:a-2 rename:a-4"),
        ("a a-2", "a-2 a", "rename:a-2-2 rename:a-3"),
        ("a", "a a-2 a", "rename:a-3 add:a-2 rename:a-4"),
        ("a a-2 a-2-2", "a-2 a-2", "rename:a-2-3 rename:a-2-4"),
    ],
)
def test_a_new_id_is_free_in_the_store_and_in_the_file(
    existing: str, incoming: str, expected: str
) -> None:
    assert actions(plan_of(existing, incoming, BOTH)) == expected


def test_a_renamed_session_keeps_every_other_field_and_the_step_its_old_id() -> None:
    plan = MergePlanner(["a"], BOTH).plan([session("a", "web")])
    assert plan.steps == (MergeStep("rename", session("a-2", "web"), "a"),)


@pytest.mark.parametrize("strategy", MergeStrategy)
def test_an_empty_plan_writes_nothing(strategy: MergeStrategy) -> None:
    plan = plan_of("a", "", strategy)
    assert plan == MergePlan()
    assert list(plan.iter_writes()) == []
    assert not plan.changes


def test_a_plan_knows_whether_it_only_adds() -> None:
    assert plan_of("a", "b c", REPLACE).only_adds
    assert plan_of("a", "a b", BOTH).only_adds
    assert not plan_of("a", "a b", REPLACE).only_adds
    assert not MergePlan(removes=frozenset("a")).only_adds


# Equal sessions ---------------------------------------------------------------------------------


class Store:
    """Sessions in a store; notes which digests are asked for."""

    def __init__(self, *existing: TestSession) -> None:
        self.sessions = {each.session_id: each for each in existing}
        self.asked: list[set[str]] = []

    def digests(self, ids: Collection[str]) -> Mapping[str, str]:
        self.asked.append(set(ids))
        return {name: content_digest(self.sessions[name]) for name in ids}

    def planner(self, strategy: MergeStrategy) -> MergePlanner:
        return MergePlanner(self.sessions, strategy, self.digests)


@pytest.mark.parametrize("strategy", [SKIP, REPLACE])
def test_a_session_that_equals_the_one_in_the_store_is_not_written(strategy: MergeStrategy) -> None:
    store = Store(session("a"), session("b", "old"), session("c"))
    plan = store.planner(strategy).plan([session("a"), session("b", "new"), session("d")])
    assert [step.identical for step in plan.steps] == [True, False, False]
    assert plan.write_ids == (["d"] if strategy is SKIP else ["b", "d"])
    assert store.asked == [{"a", "b"}]


@pytest.mark.parametrize("strategy", [SKIP, REPLACE])
def test_a_session_is_compared_with_what_earlier_steps_write(strategy: MergeStrategy) -> None:
    store = Store(session("a", "0"))
    planner = store.planner(strategy)
    steps = planner.plan([session("a", "1"), session("a", "1"), session("b"), session("b")]).steps
    assert [step.identical for step in steps] == [False, strategy is REPLACE, False, True]
    (again,) = planner.plan([session("b")]).steps  # the next file
    assert again.identical


def test_keep_both_keeps_equal_sessions_and_computes_no_digests() -> None:
    store = Store(session("a"))

    def refuse(_: TestSession) -> str:
        raise AssertionError

    plan = store.planner(BOTH).plan([session("a"), session("a")], refuse)
    assert actions(plan) == "rename:a-2 rename:a-3"
    assert store.asked == []


# Sequences --------------------------------------------------------------------------------------


def test_many_sessions_of_one_id_are_renamed_in_linear_time() -> None:
    plan = MergePlanner(["a"], BOTH).plan([session("a")] * 5_000)
    assert plan.steps[-1].session.session_id == "a-5001"
    assert len(plan.write_ids) == 5_000


some_ids = st.sampled_from(["a", "a-2", "a-3", "a-2-2", "a-", "b"])


@given(st.sets(some_ids), st.lists(some_ids, max_size=6), st.sampled_from(MergeStrategy))
@settings(deadline=None)
def test_a_plan_is_what_importing_one_session_after_the_other_does(
    existing: set[str], incoming: list[str], strategy: MergeStrategy
) -> None:
    given_ = sessions(" ".join(incoming))
    plan = MergePlanner(existing, strategy).plan(given_)
    assert [step.imported_id for step in plan.steps] == incoming
    store: dict[str, str] = dict.fromkeys(existing, "old")
    for step, each in zip(plan.steps, given_, strict=True):
        assert step.action == (ON_CLASH[strategy] if each.session_id in store else "add")
        name = step.session.session_id
        if step.action == "rename":
            assert name not in {*store, *incoming}
        assert step.session == replace(each, session_id=name)
        if step.action != "skip":
            store[name] = each.sut_name
    assert len(list(plan.iter_writes())) == len(written(plan))
    assert written(plan) == {name: sut for name, sut in store.items() if sut != "old"}


@given(
    st.sets(some_ids),
    st.lists(st.lists(some_ids, max_size=4), max_size=3),
    st.sampled_from(MergeStrategy),
)
@settings(deadline=None)
def test_files_planned_together_do_what_importing_them_one_after_the_other_does(
    existing: set[str], files: list[list[str]], strategy: MergeStrategy
) -> None:
    planner = MergePlanner(existing, strategy)
    store = set(existing)
    for names in files:
        incoming = sessions(" ".join(names))
        plan = planner.plan(incoming)
        alone = MergePlanner(store, strategy).plan(incoming)
        assert actions(plan) == actions(alone)
        store |= {each.session.session_id for each in alone.steps}
