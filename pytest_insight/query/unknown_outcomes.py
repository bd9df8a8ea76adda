"""Outcomes that nothing in a store has, most of which are misspelt."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_insight._util.user_warnings import warn_user
from pytest_insight.errors import UnknownChoiceError
from pytest_insight.filters import HasOutcome, OutcomeIn, Selection
from pytest_insight.models import TestOutcome
from pytest_insight.storage.base import BaseStorage


def check_outcomes(storage: BaseStorage, outcomes: Iterable[TestOutcome]) -> None:
    """Raise UnknownChoiceError for an outcome that neither pytest nor the store has.

    Other plugins define outcomes of any name.
    """
    for name in sorted(frozenset(outcomes).difference(TestOutcome)):
        having = Selection(test_filters=(OutcomeIn(frozenset((name,))),))
        if next(storage.iter_sessions(having, newest_first=True), None) is None:
            tests = storage.group_by_test(percentiles=False)
            stored = {outcome for test in tests for outcome in test.outcomes}
            raise UnknownChoiceError("outcome", str(name), {*TestOutcome, *stored})


def warn_of_unknown_outcomes(storage: BaseStorage, selection: Selection) -> None:
    """Warn if a selection that found nothing names an outcome that nothing has."""
    named = [
        outcome
        for each in (*selection.session_filters, *selection.test_filters)
        if isinstance(each, HasOutcome | OutcomeIn)
        for outcome in each.outcomes
    ]
    try:
        check_outcomes(storage, named)
    except UnknownChoiceError as exc:
        warn_user(UserWarning(f"nothing was found: {exc}"))
