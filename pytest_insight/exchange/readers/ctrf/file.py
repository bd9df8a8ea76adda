"""The parts of a CTRF report (https://ctrf.io) that are read; other fields are skipped."""

from __future__ import annotations

from typing import Any

import msgspec

from pytest_insight.exchange.readers.shared.json_values import decoder_for
from pytest_insight.models import CodeState, RecordedWarning, TestResult


class OwnResult(msgspec.Struct):
    """What `insight export` writes of a result beyond CTRF."""

    outcome: str | None = None
    start_time: str | None = None
    duration: float | None = None
    phase: str = ""
    crash: str = ""
    caplog: str = ""
    has_warning: bool = False
    worker: str = ""
    properties: list[tuple[str, Any]] = []


class OwnSession(msgspec.Struct):
    """What `insight export` writes of a session beyond CTRF."""

    sut_name: str = ""
    session_start_time: str | None = None
    session_stop_time: str | None = None
    session_duration: float | None = None
    session_tags: dict[str, str] = {}
    testing_system: dict[str, Any] = {}
    code_state: CodeState | None = None
    arguments: list[str] = []
    collected: int | None = None
    deselected: int | None = None
    warnings: list[RecordedWarning] = []
    exit_status: int | None = None
    crashed: bool = False


class ResultExtra(
    msgspec.Struct, rename={"own": "pytest-insight.result", "also": "pytest-insight.also"}
):
    """`extra` of a test or an attempt; `worker` is of pytest-json-ctrf."""

    own: OwnResult | None = None
    also: list[TestResult] = []
    worker: Any = None


class SessionExtra(msgspec.Struct, rename={"own": "pytest-insight.session"}):
    """`extra` of the results."""

    own: OwnSession | None = None


class Attempt(msgspec.Struct):
    """What tests and their earlier attempts have in common.

    Attributes:
        status: passed, failed, skipped, pending or other.
        duration, start, stop: milliseconds; in old files of pytest-json-ctrf, seconds.
        trace: the failure; older files may have lists of lines.
    """

    status: str = ""
    duration: float | None = None
    start: float | None = None
    stop: float | None = None
    message: str | None = None
    trace: str | list[str] | None = None
    stdout: str | list[str] | None = None
    stderr: str | list[str] | None = None
    attempt: int | None = None
    extra: ResultExtra | None = None


class Test(Attempt):
    """A test.

    Attributes:
        raw: the status as the tool says it.
        suite: the suites around it; older files have a text.
    """

    __test__ = False

    name: str = ""
    raw: str | None = msgspec.field(default=None, name="rawStatus")
    old_raw: str | None = msgspec.field(default=None, name="raw_status")
    file: str | None = msgspec.field(default=None, name="filePath")
    old_file: str | None = msgspec.field(default=None, name="file_path")
    suite: str | list[str] | None = None
    retries: int | None = None
    attempts: list[Attempt] | None = msgspec.field(default=None, name="retryAttempts")
    flaky: bool | None = None
    worker: str | None = msgspec.field(default=None, name="threadId")
    tags: Any = None
    attachments: list[Any] | None = None
    steps: list[Any] | None = None

    @property
    def is_old(self) -> bool:
        """Whether the field names are those of pytest-json-ctrf before 0.6."""
        return self.old_file is not None or self.old_raw is not None


class Tool(msgspec.Struct, frozen=True):
    """The program that ran the tests."""

    name: str = ""
    version: str | None = None


class Summary(msgspec.Struct, frozen=True):
    """The times of the run, in milliseconds."""

    start: float | None = None
    stop: float | None = None


class Environment(msgspec.Struct, frozen=True, rename="camel"):
    """Where the tests ran."""

    app_name: str | None = None
    build_id: str | int | None = None
    build_number: str | int | None = None
    build_url: str | None = None
    commit: str | None = None
    branch_name: str | None = None
    os_platform: str | None = None
    os_release: str | None = None
    shard_id: str | int | None = None


class Results(msgspec.Struct):
    """Everything about the run."""

    tests: list[Test]
    tool: Tool = Tool()
    summary: Summary = Summary()
    environment: Environment | None = None
    extra: SessionExtra | None = None


class Report(msgspec.Struct):
    """A CTRF report."""

    results: Results
    run: str | None = msgspec.field(default=None, name="runId")
    timestamp: str | None = None
    generated_by: str | None = msgspec.field(default=None, name="generatedBy")


DECODER = decoder_for(Report)
