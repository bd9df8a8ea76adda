"""Print what an import or a merge did: numbers, each session, the files that were left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pytest_insight.cli.render.formats import ListFormat
from pytest_insight.cli.render.records import Records, print_records
from pytest_insight.cli.render.table import Column
from pytest_insight.cli.terminal.output import say
from pytest_insight.errors import InvalidImportError, list_first
from pytest_insight.locations import display_path
from pytest_insight.models.text import plural

if TYPE_CHECKING:
    from pytest_insight.exchange.import_report import ImportEntry, ImportReport
    from pytest_insight.storage.imports import FileError

MOST_SOURCES = 5
"""The most files, reports of other programs among them, with a line for each one."""
MOST_NAMES = 50
"""The most field names in one line."""


class Source(NamedTuple):
    """A source of sessions and what was done with them.

    Attributes:
        name: a file or a profile.
        report: the report of its import.
    """

    name: str
    report: ImportReport


def print_summaries(sources: Sequence[Source], location: str, *, dry_run: bool) -> None:
    """Print the numbers of each source; of many, reports of other programs among them, the sums.

    Says if sessions that were added record the same runs.
    """
    if len(sources) > MOST_SOURCES and any(source.report.files for source in sources):
        from pytest_insight.storage.imports import total

        name = plural(len(sources), "file")
        sources = [Source(name, total([source.report for source in sources]))]
    for source in sources:
        print_summary(source, location, dry_run=dry_run)
    if repeated := sum(source.report.repeated for source in sources):
        undo = "" if dry_run else "undo this, and "
        say(
            f"{plural(repeated, 'session')} of runs that others here record, too: {undo}"
            "import with --merge upgrade to keep the best of each run"
        )


def print_summary(source: Source, location: str, *, dry_run: bool) -> None:
    """Print the numbers on stderr, and what people have to know about single sessions."""
    report = source.report
    say(f"{source.name} to {location}: {_numbers(report, dry_run=dry_run)}")
    if not dry_run:  # which lists them
        for old, new in report.new_ids:
            say(f"  {old} is now {new}")
    for problem in list_first(report.problems, report.problem_count):
        say(f"  left out: {problem}")
    if report.ignored:
        names = [f"{name} ({count}x)" for name, count in report.ignored.items()]
        say(f"  fields that are not kept: {', '.join(list_first(names, most=MOST_NAMES))}")


def print_left_out(errors: Collection[FileError], total: int) -> None:
    """Print why files of an import were left out, and how many."""
    for error in errors:
        if isinstance(error, InvalidImportError):
            say(f"left out {error.source}: {plural(error.problem_count, 'problem')}")
            for problem in list_first(error.problems, error.problem_count):
                say(f"  {problem}")
        else:
            say(f"left out: {error}")
    say(f"error: {len(errors):,} of {plural(total, 'file')} could not be imported")


def list_sources(
    sources: Sequence[Source], location: str, format_: ListFormat | None, *, dry_run: bool
) -> None:
    """Print what became of each session on stdout, if a format or a dry run asks for it.

    Without a format, sessions that are identical in the store are left out.
    """
    if format_ is None and not dry_run:
        return
    rows = [(each.name, entry) for each in sources for entry in each.report.entries]
    if format_ is None:
        rows = [row for row in rows if row[1].status != "identical"]
        if not rows:
            return

    def new_id(row: tuple[str, ImportEntry]) -> str:
        return row[1].new_id or ""

    columns = [
        Column("Session", lambda row: row[1].session_id, fit="copy"),
        Column("Would be" if dry_run else "Was", lambda row: row[1].status),
        Column("As", new_id, fit="copy", spare=True),
    ]
    if len(sources) > 1:
        columns.append(Column("From", lambda row: row[0], fit="fold"))
    print_records(
        Records(rows, len(rows)),
        columns,
        format_ or ListFormat.TABLE,
        fields=("source", "session_id", "became", "new_id"),
        as_json=lambda row: {
            "source": row[0],
            "session_id": row[1].session_id,
            "became": row[1].status,
            "new_id": row[1].new_id,
            "losses": [{"kind": str(loss.kind), "count": loss.count} for loss in row[1].losses],
        },
        noun="session",
        notes=(f"to {display_path(location)}",),
        nothing=lambda: "no sessions to list",
    )


def _numbers(report: ImportReport, *, dry_run: bool) -> str:
    became = Counter(entry.status for entry in report.entries)
    known = sum(entry.status == "skipped" and bool(entry.other_id) for entry in report.entries)
    if report.total and became["identical"] == report.total:
        are = "the session is" if report.total == 1 else f"all {report.total:,} sessions are"
        return f"nothing {'would change' if dry_run else 'changed'}: {are} already in the store"
    parts = [
        f"{count:,} {word}"
        for count, word in (
            (became["added"], "imported"),
            (became["replaced"], "replaced"),
            (became["renamed"], "renamed"),
            (became["identical"], "identical (already in the store)"),
            (became["skipped"] - known, "skipped (ID already in the store)"),
            (known, "skipped (a record of this run is in the store that tells as much)"),
            (report.invalid, "invalid (left out)"),
        )
        if count
    ]
    would = "would be: " if dry_run else ""
    return f"{plural(report.total, 'session')}; {would}{', '.join(parts) or 'nothing to do'}"
