"""What an import or a merge did with each session: said to people, listed for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple

from pytest_insight.cli.completion.candidates import strategies
from pytest_insight.cli.options.common import ListFormat, option
from pytest_insight.cli.render.listing import Column, Listed, print_listing
from pytest_insight.cli.render.text import plural
from pytest_insight.cli.terminal.output import say
from pytest_insight.errors import first_of

if TYPE_CHECKING:
    from pytest_insight.exchange.report import ImportEntry, ImportReport
    from pytest_insight.storage.base import BaseStorage

MOST_NAMES = 50
"""Of fields, in one line."""

ReportOption = Annotated[
    ListFormat | None,
    option(
        "List what becomes of each session; --dry-run lists a table without it.",
        "--report",
        example="json",
    ),
]
MergeOption = Annotated[
    str | None,
    option(
        "For IDs the store has: skip_existing (default), replace_existing, keep_both.",
        "--merge",
        "-m",
        example="keep_both",
        metavar="STRATEGY",
        autocompletion=strategies,
    ),
]


class Taken(NamedTuple):
    """What was taken over from one place.

    Attributes:
        source: a file, or a profile.
        report: what became of its sessions.
    """

    source: str
    report: ImportReport


def tell(taken: Taken, storage: BaseStorage, *, dry_run: bool) -> None:
    """The numbers, on stderr, with what people have to know about single sessions."""
    report = taken.report
    say(f"{taken.source} to {storage.location}: {_numbers(report, dry_run=dry_run)}")
    if not dry_run:  # which lists them
        for old, new in report.new_ids:
            say(f"  {old} is now {new}")
    for problem in first_of(report.problems, report.problem_count):
        say(f"  left out: {problem}")
    if report.ignored:
        names = [f"{name} ({count}x)" for name, count in report.ignored.items()]
        say(f"  fields that are not kept: {', '.join(first_of(names, most=MOST_NAMES))}")


def list_fates(
    taken: Sequence[Taken], storage: BaseStorage, format_: ListFormat | None, *, dry_run: bool
) -> None:
    """What became of each session, on stdout; nothing where nobody asked for it."""
    if format_ is None and not dry_run:
        return
    rows = [(each.source, entry) for each in taken for entry in each.report.entries]

    def new_id(row: tuple[str, ImportEntry]) -> str:
        return row[1].new_id or ""

    columns = [
        Column("Session", lambda row: row[1].session_id, fit="copy"),
        Column("Would be" if dry_run else "Was", lambda row: row[1].status),
        Column("As", new_id, fit="copy", spare=True),
    ]
    if len(taken) > 1:
        columns.append(Column("From", lambda row: row[0], fit="fold"))
    print_listing(
        Listed(rows, more=False),
        columns,
        format_ or ListFormat.TABLE,
        fields=("source", "session_id", "became", "new_id"),
        as_json=lambda row: {
            "source": row[0],
            "session_id": row[1].session_id,
            "became": row[1].status,
            "new_id": row[1].new_id,
        },
        caption=f"{plural(len(rows), 'session')} to {storage.location}",
        nothing=lambda: "no sessions to list",
    )


def _numbers(report: ImportReport, *, dry_run: bool) -> str:
    became = Counter(entry.status for entry in report.entries)
    if report.total and became["identical"] == report.total:
        are = "the session is" if report.total == 1 else f"all {report.total:,} sessions are"
        return f"nothing {'would change' if dry_run else 'changed'}: {are} there already"
    parts = [
        f"{count:,} {word}"
        for count, word in (
            (became["added"], "imported"),
            (became["replaced"], "replaced"),
            (became["renamed"], "renamed"),
            (became["identical"], "identical (there already)"),
            (became["skipped"], "skipped (there are others with their IDs)"),
            (report.invalid, "invalid (left out)"),
        )
        if count
    ]
    would = "would be: " if dry_run else ""
    return f"{plural(report.total, 'session')}; {would}{', '.join(parts) or 'nothing to do'}"
