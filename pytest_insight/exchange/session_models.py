"""Pydantic models of sessions that another program wrote in our formats.

Accepted beyond our own form:

- outcomes in upper case ("PASSED"); unknown names are kept as they are;
- times without an offset, taken as UTC; a space instead of the `T`;
- `stop_time` instead of `duration` in a result; neither stop time nor duration in a session, which
  then ends with its last result;
- null for any optional field;
- the phase `call`, which is stored as an empty one;
- `rerun_test_groups`, which is derived from the results and therefore not read;
- `properties` as an object.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from pytest_insight._util.storable import storable_text
from pytest_insight.errors import InvalidSessionError
from pytest_insight.exchange.quotes import quote_name
from pytest_insight.limits import VALIDATION_BATCH
from pytest_insight.models import (
    CodeState,
    RecordedWarning,
    Source,
    TestOutcome,
    TestResult,
    TestSession,
)


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


def _phase(value: object) -> str:
    if value not in ("", "setup", "call", "teardown"):
        raise ValueError("must be setup, call or teardown")
    return "" if value == "call" else str(value)


Phase = Annotated[Any, BeforeValidator(_phase)]
Text = Annotated[str, BeforeValidator(_clean)]
Nodeid = Annotated[Text, AfterValidator(_not_empty)]
Name = Annotated[Text, AfterValidator(_not_blank)]
Time = Annotated[datetime, BeforeValidator(_time)]
Outcome = Annotated[Any, BeforeValidator(_outcome)]
Tags = Annotated[dict[Text, Text], BeforeValidator(_tags)]
Duration = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]


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


class IncomingResult(_Incoming):
    """A result."""

    nodeid: Nodeid
    outcome: Outcome
    start_time: Time
    stop_time: Time | None = None
    duration: Duration | None = None
    phase: Phase = ""
    message: Text = ""
    crash: Text = ""
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
    def _stops_after_start(self) -> IncomingResult:
        if self.stop_time is not None and self.stop_time < self.start_time:
            raise ValueError("stop_time is before start_time")
        return self

    def result(self) -> TestResult:
        """Return the record."""
        duration = self.duration
        if duration is None:
            stop = self.stop_time or self.start_time
            duration = (stop - self.start_time).total_seconds()
        pairs = tuple((name, value) for name, value in self.properties)
        given = {name: getattr(self, name) for name in TestResult.__struct_fields__}
        return TestResult(**given | {"duration": duration, "properties": pairs})


class _CodeState(_Incoming):
    commit: Text | None = None
    branch: Text | None = None
    digest: Text | None = None

    def state(self) -> CodeState:
        return CodeState(commit=self.commit, branch=self.branch, digest=self.digest)


class _Warning(_Incoming):
    category: Text
    text: Text
    location: Text = ""
    count: Count = 1

    def warning(self) -> RecordedWarning:
        return RecordedWarning(self.category, self.text, self.location, self.count)


class _Source(_Incoming):
    format: Text
    tool: Text = ""
    digest: Text = ""
    losses: list[Text] = []

    def source(self) -> Source:
        return Source(self.format, self.tool, self.digest, tuple(self.losses))


class IncomingSession(_Incoming):
    """A session."""

    session_id: Name
    sut_name: Name
    session_start_time: Time
    session_stop_time: Time | None = None
    session_duration: Duration | None = None
    session_tags: Tags = {}
    testing_system: dict[str, Any] = {}
    code_state: _CodeState | None = None
    arguments: list[Text] = []
    collected: Count | None = None
    deselected: Count | None = None
    warnings: list[_Warning] = []
    source: _Source | None = None
    exit_status: int | None = None
    crashed: bool = False
    pinned: bool = False
    test_results: list[IncomingResult] = []
    rerun_test_groups: Any = None

    @model_validator(mode="after")
    def _stops_after_start(self) -> IncomingSession:
        stop = self.session_stop_time
        if stop is not None and stop < self.session_start_time:
            raise ValueError("session_stop_time is before session_start_time")
        return self

    def session(self) -> TestSession:
        """Return the record.

        Raises:
            InvalidSessionError: it is not a valid one.
        """
        results = tuple(result.result() for result in self.test_results)
        stop = self.session_stop_time
        if stop is None and self.session_duration is None:
            stop = max((self.session_start_time, *(_stop(result) for result in results)))
        given = {name: getattr(self, name) for name in TestSession.__struct_fields__}
        return TestSession(
            **given
            | {
                "session_stop_time": stop,
                "code_state": self.code_state.state() if self.code_state else None,
                "warnings": [each.warning() for each in self.warnings],
                "source": self.source.source() if self.source else None,
                "test_results": results,
            }
        )

    def ignored(self) -> Iterator[str]:
        """Yield the name of each unknown field, each time it occurs."""
        yield from self.extra_names()
        if self.code_state:
            yield from self.code_state.extra_names("code_state.")
        for warning in self.warnings:
            yield from warning.extra_names("warnings[].")
        if self.source:
            yield from self.source.extra_names("source.")
        for result in self.test_results:
            yield from result.extra_names("test_results[].")


def _stop(result: TestResult) -> datetime:
    try:
        return result.start_time + timedelta(seconds=result.duration)
    except OverflowError:
        raise InvalidSessionError(
            f"the duration {result.duration:g} s of {result.nodeid!r} ends after the year 9999"
        ) from None
