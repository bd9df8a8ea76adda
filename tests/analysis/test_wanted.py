"""Which runs are still wanted while sessions are read."""

from __future__ import annotations

import pytest

from pytest_insight.analysis.wanted import Wanted

A, B, OF_WEB = ("api", "a"), ("api", "b"), ("web", "a")


def test_of_every_test_as_many_runs_are_wanted_as_was_said() -> None:
    wanted = Wanted(["a"], 2, None)
    assert [wanted.take(A) for _ in range(3)] == [True, True, False]
    assert wanted.take(OF_WEB)
    assert wanted.names == {"a"}
    assert not wanted.is_finished


def test_a_candidate_of_which_all_runs_were_taken_is_looked_for_no_longer() -> None:
    wanted = Wanted(None, 2, {A: 1, B: 9, OF_WEB: 1})
    assert (wanted.names, wanted.least_sessions) == ({"a", "b"}, 2)
    assert wanted.take(A)
    assert wanted.names == {"a", "b"}  # of the other SUT
    assert wanted.take(OF_WEB)
    assert wanted.names == {"b"}
    assert [wanted.take(A), wanted.take(B), wanted.take(B), wanted.take(B)] == [
        *(False, True, True, False)
    ]
    assert wanted.is_finished
    assert wanted.least_sessions == 0


@pytest.mark.parametrize("arguments", [([], 2, None), (None, 0, None), (["b"], 2, {A: 1})])
def test_nothing_may_be_wanted(arguments: tuple[list[str] | None, int, None]) -> None:
    assert Wanted(*arguments).is_finished
