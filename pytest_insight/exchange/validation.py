"""Validate sessions from foreign files with pydantic, and name every error.

Slower than decoding our own records, and only used if those do not fit: for CSV rows, JSON of other
writers, and files with errors. Accepted beyond our own form:

- outcomes in upper case ("PASSED"); unknown names are kept as they are;
- times without an offset, taken as UTC; a space instead of the `T`;
- `stop_time` instead of `duration` in a result; neither stop time nor duration in a session, which
  then ends with its last result;
- null for any optional field;
- `rerun_test_groups`, which is derived from the results and therefore not read;
- `properties` as an object.

Other fields are not kept; `FileContent.ignored` names them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from pytest_insight._util.storable import storable_text
from pytest_insight.document.codec import checked
from pytest_insight.errors import InvalidSessionError
from pytest_insight.exchange.report import quote_name, quote_value
from pytest_insight.limits import VALIDATION_BATCH
from pytest_insight.models import CodeState, TestOutcome, TestResult, TestSession

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
    valid: list[_Result] = []
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


def _time(value: object) -> datetime:
    if not isinstance(value, str):
        raise ValueError("must be an ISO 8601 time")
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("must be an ISO 8601 time") from None
    try:
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be between the years 1 and 9999 in UTC") from None


def _outcome(value: object) -> TestOutcome:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be the name of an outcome")
    known = value.strip().lower()
    fold = value.isupper() and known in list(TestOutcome)
    return TestOutcome(known if fold else storable_text(value))


def _is_pair(value: object) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and isinstance(value[0], str)


def _clean(value: Any) -> Any:
    if not isinstance(value, str) or (value.isascii() and "\0" not in value):
        return value
    return storable_text(value)


def _tags(value: object) -> object:
    # Up to this number each wrong tag is named; of more, pydantic's errors could fill the memory.
    if not isinstance(value, dict) or len(value) <= VALIDATION_BATCH:
        return value
    if not all(isinstance(item, str) for item in value.values()):
        raise ValueError("must be an object of texts")
    return value


def _not_empty(value: str) -> str:
    if not value:
        raise ValueError("must not be empty")
    return value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must be a text that is not blank")
    return value


Text = Annotated[str, BeforeValidator(_clean)]
Nodeid = Annotated[Text, AfterValidator(_not_empty)]
Name = Annotated[Text, AfterValidator(_not_blank)]
Time = Annotated[datetime, BeforeValidator(_time)]
Outcome = Annotated[Any, BeforeValidator(_outcome)]
Tags = Annotated[dict[Text, Text], BeforeValidator(_tags)]
Duration = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Incoming(BaseModel):
    model_config = ConfigDict(extra="allow", arbitrary_types_allowed=True)

    @model_validator(mode="before")
    @classmethod
    def _leave_out_nulls(cls, value: object) -> object:
        if isinstance(value, dict):
            return {_clean(key): item for key, item in value.items() if item is not None}
        return value

    def extra_names(self, prefix: str = "") -> Iterator[str]:
        return (f"{prefix}{quote_name(name)}" for name in self.model_extra or {})


class _Result(_Incoming):
    nodeid: Nodeid
    outcome: Outcome
    start_time: Time
    stop_time: Time | None = None
    duration: Duration | None = None
    longreprtext: Text = ""
    capstdout: Text = ""
    capstderr: Text = ""
    caplog: Text = ""
    has_warning: bool = False
    worker: Text = ""
    properties: list[list[Any]] = []

    @field_validator("properties", mode="before")
    @classmethod
    def _are_pairs(cls, value: object) -> object:
        pairs = list(value.items()) if isinstance(value, dict) else value
        if not isinstance(pairs, list) or not all(_is_pair(pair) for pair in pairs):
            raise ValueError("must be a list of [name, value] pairs, or an object")
        return [list(pair) for pair in pairs]

    @model_validator(mode="after")
    def _stops_after_start(self) -> _Result:
        if self.stop_time is not None and self.stop_time < self.start_time:
            raise ValueError("stop_time is before start_time")
        return self

    def result(self) -> TestResult:
        duration = self.duration
        if duration is None:
            stop = self.stop_time or self.start_time
            duration = (stop - self.start_time).total_seconds()
        return TestResult(
            nodeid=self.nodeid,
            outcome=self.outcome,
            start_time=self.start_time,
            duration=duration,
            longreprtext=self.longreprtext,
            capstdout=self.capstdout,
            capstderr=self.capstderr,
            caplog=self.caplog,
            has_warning=self.has_warning,
            worker=self.worker,
            properties=tuple((name, value) for name, value in self.properties),
        )


class _CodeState(_Incoming):
    commit: Text | None = None
    branch: Text | None = None
    digest: Text | None = None

    def state(self) -> CodeState:
        return CodeState(commit=self.commit, branch=self.branch, digest=self.digest)


class _Session(_Incoming):
    session_id: Name
    sut_name: Name
    session_start_time: Time
    session_stop_time: Time | None = None
    session_duration: Duration | None = None
    session_tags: Tags = {}
    testing_system: dict[str, Any] = {}
    code_state: _CodeState | None = None
    exit_status: int | None = None
    crashed: bool = False
    pinned: bool = False
    test_results: list[_Result] = []
    rerun_test_groups: Any = None

    @model_validator(mode="after")
    def _stops_after_start(self) -> _Session:
        stop = self.session_stop_time
        if stop is not None and stop < self.session_start_time:
            raise ValueError("session_stop_time is before session_start_time")
        return self

    def session(self) -> TestSession:
        results = tuple(result.result() for result in self.test_results)
        stop, duration = self.session_stop_time, self.session_duration
        if stop is None and duration is None:
            stop = max((self.session_start_time, *(_stop(result) for result in results)))
        given: dict[str, Any] = {}
        if stop is not None:
            given["session_stop_time"] = stop
        if duration is not None:
            given["session_duration"] = duration
        return TestSession(
            session_id=self.session_id,
            sut_name=self.sut_name,
            session_start_time=self.session_start_time,
            session_tags=self.session_tags,
            testing_system=self.testing_system,
            code_state=self.code_state.state() if self.code_state else None,
            exit_status=self.exit_status,
            crashed=self.crashed,
            pinned=self.pinned,
            test_results=results,
            **given,
        )

    def ignored(self) -> Iterator[str]:
        yield from self.extra_names()
        if self.code_state:
            yield from self.code_state.extra_names("code_state.")
        for result in self.test_results:
            yield from result.extra_names("test_results[].")


_SESSION = TypeAdapter(_Session)
_RESULTS = TypeAdapter(list[_Result])


def _stop(result: TestResult) -> datetime:
    try:
        return result.start_time + timedelta(seconds=result.duration)
    except OverflowError:
        raise InvalidSessionError(
            f"the duration {result.duration:g} s of {result.nodeid!r} ends after the year 9999"
        ) from None
