"""Sessions read from reports of other programs, before their SUT and ID are known."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import msgspec

from pytest_insight._util.storable import storable_text
from pytest_insight.document.codec import checked
from pytest_insight.errors import ExchangeError, InvalidSessionError
from pytest_insight.exchange.losses import FoundLoss, Losses
from pytest_insight.exchange.options import ReadOptions
from pytest_insight.exchange.paths import is_inside
from pytest_insight.limits import MAX_NODEIDS_HELD, MAX_PATHS_LOOKED_UP
from pytest_insight.models import CodeState, RecordedWarning, Source, TestResult, TestSession


class SessionDraft(msgspec.Struct):
    """One session of a report.

    Attributes:
        results: the results, with times in UTC.
        start: when the run started, in UTC.
        stop: when it ended; None for the end that follows from `duration`.
        duration: seconds; None for the time from start to stop.
        tool: the program that wrote the file, with its version.
        losses: what the file did not say.
        sut_name: the SUT that the file names.
        run: names the run of which this may be one part of several; drafts of one SUT with equal
            names are folded into one session if that is asked for.
        tags, testing_system, code_state, arguments, warnings, exit_status, collected, deselected,
        crashed: as in `TestSession`.
        tests: the number of tests; None to count them.
        is_clean: the results need no check: every text can be stored, every number is valid.
    """

    results: list[TestResult]
    start: datetime
    stop: datetime | None = None
    duration: float | None = None
    tool: str = ""
    losses: Losses = msgspec.field(default_factory=Losses)
    sut_name: str = ""
    run: str = ""
    tags: dict[str, str] = {}
    testing_system: dict[str, Any] = {}
    code_state: CodeState | None = None
    arguments: Sequence[str] = ()
    warnings: Sequence[RecordedWarning] = ()
    exit_status: int | None = None
    collected: int | None = None
    deselected: int | None = None
    crashed: bool = False
    tests: int | None = None
    is_clean: bool = False


class ForeignReport(msgspec.Struct):
    """One file, or folder, of another program.

    Attributes:
        source: its name, for messages.
        format: the name of its format.
        title: the format's name for people: "JUnit XML".
        digest: the SHA-256 of the file as stored (compressed or not), in hexadecimal digits.
        drafts: its sessions.
    """

    source: str
    format: str
    title: str
    digest: str
    drafts: list[SessionDraft] = []


class FileReport(msgspec.Struct, frozen=True):
    """What the file of another program held and what it did not say.

    Attributes:
        source: the file.
        title: the format's name for people: "JUnit XML".
        tool: the program that wrote it; empty if that is unknown.
        sessions: the number of its sessions.
        tests: the number of its tests.
        losses: what it did not say.
    """

    source: str
    title: str
    tool: str
    sessions: int
    tests: int
    losses: tuple[FoundLoss, ...] = ()


def describe(report: ForeignReport) -> FileReport:
    """Return what is to be said of a file."""
    losses = Losses()
    for draft in report.drafts:
        losses.include(draft.losses)
    return FileReport(
        report.source,
        report.title,
        next((draft.tool for draft in report.drafts if draft.tool), ""),
        len(report.drafts),
        sum(map(_count_tests, report.drafts)),
        tuple(losses),
    )


def repeated(results: Sequence[TestResult]) -> set[str]:
    """Return the nodeids that several results have.

    Of many results, one part after the other is looked at: a set of all nodeids would be large.
    """
    parts = math.ceil(len(results) / MAX_NODEIDS_HELD)
    again: set[str] = set()
    for part in range(parts):
        seen: set[str] = set()
        for result in results:
            nodeid = result.nodeid
            if parts == 1 or hash(nodeid) % parts == part:
                if nodeid in seen:
                    again.add(nodeid)
                else:
                    seen.add(nodeid)
    return again


def _count_tests(draft: SessionDraft) -> int:
    if draft.tests is not None:
        return draft.tests
    again = repeated(draft.results)
    return len(again) + sum(result.nodeid not in again for result in draft.results)


def complete(
    report: ForeignReport, options: ReadOptions
) -> list[tuple[TestSession, tuple[FoundLoss, ...]]]:
    """Return the sessions of a report, as `document.codec.checked` returns them, and their losses.

    The ID is `<sut>-<date>-<time>-<8 hex digits of the file's SHA-256>`; sessions of one file that
    started in the same second get a number before the digits.

    Raises:
        ExchangeError: the SUT is unknown, or a session is not valid.
    """
    found = []
    taken: dict[str, int] = {}
    for draft in report.drafts:
        sut = storable_text(_sut_of(draft, options, report.source))
        name = f"{sut}-{draft.start.astimezone(UTC):%Y%m%d-%H%M%S}"
        number = taken[name] = taken.get(name, 0) + 1
        if number > 1:
            name = f"{name}-{number}"
        losses = tuple(draft.losses)
        try:
            session = _session(draft, report, f"{name}-{report.digest[:8]}", sut, options)
        except InvalidSessionError as exc:
            raise ExchangeError(
                f"{report.source} cannot be imported: {exc}", report.source
            ) from exc
        found.append((session, losses))
    return found


def fold(reports: Sequence[ForeignReport]) -> ForeignReport:
    """Return one report in which drafts of the same run are one.

    Its digest is that of the digests of all files, whatever their order.
    """
    groups: dict[tuple[str, str], list[SessionDraft]] = {}
    for report in reports:
        for draft in report.drafts:
            groups.setdefault((draft.sut_name, draft.run), []).append(draft)
    digests = "".join(sorted(report.digest for report in reports))
    names = {report.format for report in reports}
    return ForeignReport(
        ", ".join(report.source for report in islice(reports, 3)),
        " and ".join(sorted(names)),
        " and ".join(sorted({report.title for report in reports})),
        reports[0].digest if len(reports) == 1 else hashlib.sha256(digests.encode()).hexdigest(),
        [_joined(drafts) for drafts in groups.values()],
    )


def _joined(drafts: Sequence[SessionDraft]) -> SessionDraft:
    if len(drafts) == 1:
        return drafts[0]
    drafts = sorted(drafts, key=lambda draft: draft.start)
    losses = Losses()
    for draft in drafts:
        losses.include(draft.losses)
    first = drafts[0]
    worst = [draft.exit_status for draft in drafts if draft.exit_status is not None]
    return SessionDraft(
        [result for draft in drafts for result in draft.results],
        first.start,
        max(map(_stop, drafts)),
        tool=first.tool,
        losses=losses,
        sut_name=first.sut_name,
        run=first.run,
        tags={key: value for draft in reversed(drafts) for key, value in draft.tags.items()},
        testing_system=first.testing_system,
        code_state=next((draft.code_state for draft in drafts if draft.code_state), None),
        arguments=first.arguments,
        warnings=[warning for draft in drafts for warning in draft.warnings],
        exit_status=max(worst, default=None),
        collected=_sum(draft.collected for draft in drafts),
        deselected=_sum(draft.deselected for draft in drafts),
        crashed=any(draft.crashed for draft in drafts),
        is_clean=all(draft.is_clean for draft in drafts),
    )


def _sum(numbers: Iterable[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def _stop(draft: SessionDraft) -> datetime:
    if draft.stop is not None:
        return draft.stop
    try:
        return draft.start + timedelta(seconds=draft.duration or 0)
    except OverflowError:
        return draft.start


def _sut_of(draft: SessionDraft, options: ReadOptions, source: str) -> str:
    """Return the SUT: as given, as the file names it, else the project's if a test is in it."""
    if options.sut or draft.sut_name:
        return options.sut or draft.sut_name
    project = options.project
    if project is not None:
        paths = {result.nodeid.partition("::")[0] for result in draft.results}
        some = islice(paths, MAX_PATHS_LOOKED_UP)
        if project.has_all or any(is_inside(project.root, path) for path in some):
            return project.sut_name
    not_here = f", and none of its tests is in {project.root}" if project else ""
    raise ExchangeError(
        f"{source} does not say of which system under test it is{not_here}: name it with --sut "
        "(sut=)",
        source,
    )


def _session(
    draft: SessionDraft, report: ForeignReport, session_id: str, sut_name: str, options: ReadOptions
) -> TestSession:
    session = TestSession(
        session_id,
        sut_name,
        draft.start,
        draft.stop,
        draft.duration,
        session_tags={**draft.tags, **options.tags},
        testing_system=draft.testing_system,
        code_state=draft.code_state,
        arguments=draft.arguments,
        collected=draft.collected,
        deselected=draft.deselected,
        warnings=draft.warnings,
        source=Source(
            report.format, draft.tool, report.digest, tuple(str(loss.kind) for loss in draft.losses)
        ),
        exit_status=draft.exit_status,
        crashed=draft.crashed,
        test_results=() if draft.is_clean else draft.results,
    )
    session = checked(session)
    return session.with_results(draft.results) if draft.is_clean else session
