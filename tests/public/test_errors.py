"""Errors have the bases that callers catch, survive pickling and say what to do."""

from __future__ import annotations

import copy
import inspect
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_insight import errors
from pytest_insight.errors import InsightError, UnknownChoiceError, UnknownProfileError
from pytest_insight.exchange import merge

PATH = Path("/store/sessions.json")

EXAMPLES = [
    InsightError("something is wrong"),
    errors.InvalidArgumentError("the count must be 1 or more, not 0"),
    UnknownChoiceError("merge strategy", "keepboth", merge.MergeStrategy, "see the manual"),
    UnknownProfileError("dmeo", ["demo", "default"], "PYTEST_INSIGHT_PROFILE"),
    errors.ProfileError("the profile 'demo' exists already", "demo"),
    errors.InvalidProfileError("'a b' cannot be the name of a profile", "a b"),
    errors.StorageError("cannot read it", PATH),
    errors.StoreLockedError(PATH, PATH.with_suffix(".lock"), 60.0),
    errors.NewerFormatError("postgresql://host/db", 9, 2),
    errors.InvalidSessionError("session_id must be a text that is not blank, not ''"),
    errors.ExchangeError("cannot read it", "import.json"),
    errors.InvalidImportError("import.json", ["sessions[0]: is no session"], 3, 20_000),
]
by_class = pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)

COPIES: dict[str, Callable[[InsightError], InsightError]] = {
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    "oldest pickle": lambda error: pickle.loads(pickle.dumps(error, 0)),
    "default pickle": lambda error: pickle.loads(pickle.dumps(error)),
    "newest pickle": lambda error: pickle.loads(pickle.dumps(error, pickle.HIGHEST_PROTOCOL)),
}


def classes() -> set[type]:
    return {
        value
        for name in errors.__all__
        if inspect.isclass(value := getattr(errors, name)) and issubclass(value, InsightError)
    }


def test_every_class_of_errors_has_an_example_here() -> None:
    assert {type(error) for error in EXAMPLES} == classes()


@by_class
@pytest.mark.parametrize("way", COPIES)
def test_a_copy_keeps_type_message_arguments_and_attributes(error: InsightError, way: str) -> None:
    same = COPIES[way](error)
    assert same is not error
    assert type(same) is type(error)
    assert (str(same), same.args, vars(same)) == (str(error), error.args, vars(error))
    assert traceback.format_exception_only(same) == traceback.format_exception_only(error)


def test_a_copy_keeps_notes() -> None:
    error = errors.StorageError("cannot read it", PATH)
    error.add_note("while importing")
    assert pickle.loads(pickle.dumps(error)).__notes__ == ["while importing"]


def test_wrong_arguments_are_value_errors() -> None:
    assert {each for each in classes() if issubclass(each, ValueError)} == {
        errors.InvalidArgumentError,
        errors.InvalidProfileError,
        errors.InvalidSessionError,
        errors.ProfileError,
        errors.UnknownChoiceError,
        errors.UnknownProfileError,
    }
    assert errors.InvalidQueryParameterError is errors.InvalidArgumentError


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            UnknownChoiceError("outcome", "fialed", ["passed", "failed"]),
            "unknown outcome 'fialed'; did you mean 'failed'?",
        ),
        (
            UnknownChoiceError("storage type", "JSON", ["memory", "json"]),
            "unknown storage type 'JSON'; choose json or memory",
        ),
        (
            UnknownChoiceError("order", "p59", ["p95", "p50"]),
            "unknown order 'p59'; choose p50 or p95",
        ),
        (
            UnknownChoiceError("merge strategy", "skip", ["skip_existing", "keep_both"]),
            "unknown merge strategy 'skip'; did you mean 'skip_existing'?",
        ),
        (
            UnknownChoiceError("column", "duration", ["durations", "duration_text"]),
            "unknown column 'duration'; did you mean 'durations' or 'duration_text'?",
        ),
        (UnknownChoiceError("format", "xml", ["json"]), "unknown format 'xml'; choose json"),
        (UnknownChoiceError("format", "xml", []), "unknown format 'xml'"),
        (
            UnknownChoiceError("format", "?", [f"f{n:02}" for n in range(14)]),
            "unknown format '?'; choose f00, f01, f02, f03, f04, f05, f06, f07, f08, f09, f10, f11 "
            "or one of 2 others",
        ),
        (
            UnknownProfileError("ci", ["default"]),
            "unknown profile 'ci'; choose default; to create it: insight profile create ci",
        ),
        (
            UnknownProfileError("a b", ["default"], "PYTEST_INSIGHT_PROFILE"),
            "PYTEST_INSIGHT_PROFILE: unknown profile 'a b'; choose default",
        ),
    ],
)
def test_an_unknown_name_is_answered_with_near_names_or_the_choices(
    error: UnknownChoiceError, message: str
) -> None:
    assert str(error) == message
