"""`insight report`: a page to show, a summary for a CI job, or the same as data."""

from __future__ import annotations

import enum
import glob
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pytest_insight.cli.completion import candidates
from pytest_insight.cli.lazy_group import single_command
from pytest_insight.cli.options.common import ProfileOption
from pytest_insight.cli.options.groups import takes
from pytest_insight.cli.options.kinds import choice_option, option
from pytest_insight.cli.options.output_file import file_argument, file_to_write, output_option
from pytest_insight.cli.options.verdicts import JudgedSessionOptions, JudgedTestOptions, judge
from pytest_insight.cli.render.nothing_found import nothing_found
from pytest_insight.cli.terminal.output import data_output, print_styled
from pytest_insight.cli.terminal.progress import progress_shown
from pytest_insight.cli.terminal.styled import Styled, styled
from pytest_insight.cli.terminal.usage_errors import UsageError
from pytest_insight.errors import StorageError, alternatives

if TYPE_CHECKING:
    from pytest_insight.analysis.comparison.result import Comparison
    from pytest_insight.filters import TestFilter
    from pytest_insight.reports.report import Report
    from pytest_insight.storage.base import BaseStorage


class ReportFormat(enum.StrEnum):
    """The formats of a report."""

    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"


SUFFIXES = {
    ".md": ReportFormat.MARKDOWN,
    ".markdown": ReportFormat.MARKDOWN,
    ".html": ReportFormat.HTML,
    ".htm": ReportFormat.HTML,
    ".json": ReportFormat.JSON,
}

FileArgument = Annotated[
    Path | None,
    file_argument("The file to write: .html, .md or .json. Default: Markdown to standard output."),
]
OutputOption = Annotated[Path | None, output_option("report.html")]
CompareOption = Annotated[
    str | None,
    option(
        "Also show what changed since BASE: a branch, a commit, a session, a span or a file.",
        "--compare",
        metavar="BASE",
        example="main",
        autocompletion=candidates.sides,
    ),
]
FormatOption = Annotated[
    ReportFormat | None,
    choice_option(
        "Output format: {choices}. Default: by the suffix, else markdown.",
        ReportFormat,
        "--format",
        "-f",
        example="html",
        metavar="FORMAT",
    ),
]


@takes(selection=JudgedSessionOptions, tests=JudgedTestOptions)
def report(
    ctx: typer.Context,
    path: FileArgument = None,
    *,
    output: OutputOption = None,
    format_: FormatOption = None,
    against: CompareOption = None,
    profile: ProfileOption = None,
    selection: JudgedSessionOptions,
    tests: JudgedTestOptions,
) -> None:
    """Write a report: a page for the browser, Markdown, or JSON.

    The page is one file that needs no network: failures by cause with tracebacks, verdicts, what
    got slower, and all tests by all runs.

    Example: insight report report.html
    """
    from pytest_insight.exchange.write_formats import open_to_write
    from pytest_insight.reports.report import make_report
    from pytest_insight.storage.exports import refuse_loss

    path = file_to_write(path, output)
    chosen = _format_of(path, format_)
    with progress_shown(with_data=path is None):
        query, found, note = judge(ctx, profile, selection, tests)
        storage = query.open_storage()
        names = query.selection.test_filters
        made = make_report(storage, found, names)
        if not made.suites:
            raise StorageError(f"nothing to report: {nothing_found(query, note)}", storage.location)
        if against is not None:
            made = made._replace(comparison=_compared(storage, made, against, names))
        data = _text(made, chosen).encode("utf-8", "backslashreplace")
        if path is not None:
            refuse_loss(storage, path, "a report", force=None)
            with open_to_write(path) as file:
                file.write(data)
    if path is None:
        data_output().write(data)
        sys.stdout.flush()
    else:
        print_styled(*_where(path))


def _format_of(path: Path | None, given: ReportFormat | None) -> ReportFormat:
    if given is not None:
        return given
    if path is None:
        return ReportFormat.MARKDOWN
    found = SUFFIXES.get(path.suffix.lower())
    if found is None:
        what = f"unknown suffix {path.suffix!r}" if path.suffix else "no suffix"
        raise UsageError(
            f"{what} in {str(path)!r}; name the file .html, .md or .json, or pass --format "
            f"{alternatives(ReportFormat)}"
        )
    return found


def _compared(
    storage: BaseStorage, made: Report, base: str, filters: tuple[TestFilter, ...]
) -> Comparison:
    """Return what changed in the last run of a report, of the tests that pass filters.

    Raises:
        UsageError: the report has several SUTs.
        InsightError: there is no such base.
    """
    from pytest_insight.compare.steps import Compare
    from pytest_insight.filters import SutIs

    if len(made.suites) > 1:
        names = ", ".join(suite.sut for suite in made.suites[:5])
        raise UsageError(f"--compare needs one SUT: choose it with --sut; there are {names}")
    suite = made.suites[0]
    of_sut = SutIs(glob.escape(suite.sut))
    asked = Compare(storage=storage).with_session_filters(of_sut).with_test_filters(*filters)
    return asked.against(base).of(suite.last.session_id).execute()


def _text(report: Report, format_: ReportFormat) -> str:
    """Return the report in a format; of the three, only that one's code is imported."""
    if format_ is ReportFormat.HTML:
        from pytest_insight.reports.html.page import html_page

        return html_page(report)
    if format_ is ReportFormat.JSON:
        from pytest_insight.reports.record import report_json

        return report_json(report)
    from pytest_insight.reports.markdown import markdown

    return markdown(report)


def _where(path: Path) -> Iterator[Styled]:
    """Yield the path; on a terminal also its URL, which many open on a click."""
    yield styled(str(path))
    if sys.stdout.isatty():
        yield styled(path.absolute().as_uri(), style="dim")


app = single_command(report)
