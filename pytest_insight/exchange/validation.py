"""Validate sessions from foreign files with pydantic, and name every error.

Slower than decoding our own records, and only used if those do not fit: for CSV rows, JSON of other
writers, and files with errors. `exchange.session_models` says what is accepted.

Other fields are not kept; `FileContent.ignored` names them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from pydantic import TypeAdapter, ValidationError

from pytest_insight.document.codec import checked
from pytest_insight.errors import InvalidSessionError
from pytest_insight.exchange.quotes import quote_value
from pytest_insight.exchange.session_models import IncomingResult, IncomingSession
from pytest_insight.limits import VALIDATION_BATCH
from pytest_insight.models import TestSession

Mistake = tuple[tuple[str | int, ...], str]
T = TypeVar("T")


class Reading(NamedTuple):
    """The result of validating one session.

    Attributes:
        session: as `document.codec.checked` returns it; None if it is not valid.
        mistakes: pairs of path and message. A path is a tuple of field names and list positions,
            as in `("test_results", 0, "duration")`.
        more: number of further mistakes.
        ignored: names of unknown fields, with the number of occurrences.
    """

    session: TestSession | None
    mistakes: list[Mistake]
    more: int = 0
    ignored: Mapping[str, int] = MappingProxyType({})


def read_session(value: object, *, typed: bool, most: int) -> Reading:
    """Validate one session.

    Args:
        value: the session as plain objects.
        typed: whether the file's format has types (JSON); else (CSV) numbers are text.
        most: number of mistakes to return with path and message.
    """
    found = _Mistakes(most)
    if not isinstance(value, dict):  # faster than pydantic
        found.add((), f"must be an object, not {quote_value(value)}")
        return found.reading()
    results = value.get("test_results")
    if not isinstance(results, list):
        results = []
    else:
        value = {**value, "test_results": []}
    incoming = found.validated(_SESSION, value, typed)
    valid: list[IncomingResult] = []
    for start in range(0, len(results), VALIDATION_BATCH):
        batch = found.validated(_RESULTS, results[start : start + VALIDATION_BATCH], typed, start)
        valid += batch or ()
    if incoming is None or found.count:
        return found.reading()
    if valid:
        incoming.test_results = valid
    try:
        session = checked(incoming.session())
    except InvalidSessionError as exc:
        found.add((), str(exc))
        return found.reading()
    return Reading(session, [], 0, Counter(incoming.ignored()))


class _Mistakes:
    """The mistakes of one session: some listed, all counted."""

    def __init__(self, most: int) -> None:
        self.listed: list[Mistake] = []
        self.count = 0
        self._most = most

    def add(self, path: tuple[str | int, ...], message: str) -> None:
        self.count += 1
        if len(self.listed) < self._most:
            self.listed.append((path, message))

    def reading(self) -> Reading:
        return Reading(None, self.listed, self.count - len(self.listed))

    def validated(
        self, kind: TypeAdapter[T], value: object, typed: bool, first: int | None = None
    ) -> T | None:
        """Validate a value with pydantic; returns None if it is not valid.

        Args:
            kind: the expected type.
            value: a session, or a batch of its results.
            typed: as for `read_session`.
            first: the position of the batch's first result.
        """
        try:
            return kind.validate_python(value, strict=typed)
        except ValidationError as exc:
            if len(self.listed) >= self._most:
                self.count += exc.error_count()
                return None
            for error in exc.errors(include_url=False):
                path, message = _mistake(error)
                if first is not None:
                    path = ("test_results", first + int(path[0]), *path[1:])
                self.add(path, message)
            return None


_MESSAGES = {
    "missing": "is missing",
    "string_type": "must be a text",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "greater_than_equal": "must be zero or more",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "list_type": "must be a list",
}
"""Messages for pydantic's error types (https://docs.pydantic.dev/latest/errors/validation_errors/)."""


def _mistake(error: Any) -> Mistake:
    raised = error.get("ctx", {}).get("error")  # the ValueError of one of our validators
    message = str(raised) if raised else _MESSAGES.get(error["type"], error["msg"])
    if message.startswith("must be "):
        message += f", not {quote_value(error['input'])}"
    return tuple(error["loc"]), message


_SESSION = TypeAdapter(IncomingSession)
_RESULTS = TypeAdapter(list[IncomingResult])
