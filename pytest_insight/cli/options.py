"""Options that several commands share, each written once."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, get_type_hints

import msgspec
import typer

if TYPE_CHECKING:
    from pytest_insight.query.query import Query
    from pytest_insight.storage.base import BaseStorage

PROFILE_HELP = "The profile to use, instead of the active one. Also accepted after the command."
SELECTION = "Which sessions"


class ListFormat(enum.StrEnum):
    """How a listing is printed."""

    TABLE = "table"
    JSON = "json"


ProfileOption = Annotated[
    str | None, typer.Option("--profile", metavar="NAME", help="The profile to use.")
]
FormatOption = Annotated[
    ListFormat, typer.Option("--format", "-f", help="A table for people, or JSON for programs.")
]
LimitOption = Annotated[
    int | None,
    typer.Option(
        "--limit",
        "-n",
        min=0,
        help="At most so many, the newest ones; 0 for all, which is what JSON gives without it.",
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
]
ExitCodeOption = Annotated[
    bool, typer.Option("--exit-code", help="Exit with status 3 where anything matched.")
]


def _session(help_: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, help=help_, rich_help_panel=SELECTION, **more)


class NarrowingOptions(Protocol):
    """Options that narrow a query."""

    def narrow(self, query: Query) -> Query:
        """The query with these options as steps."""


class SessionOptions(msgspec.Struct, frozen=True):
    """Which sessions: the same options on every command that selects some."""

    days: Annotated[
        float | None, _session("Started within so many days.", "--days", metavar="N")
    ] = None
    sut: Annotated[
        str | None,
        _session("Of this SUT; wildcards like 'api-*'.", "--sut", metavar="NAME"),
    ] = None
    tag: Annotated[
        list[str] | None,
        _session("Carrying this tag; may be repeated.", "--tag", metavar="KEY[=VALUE]"),
    ] = None
    branch: Annotated[
        str | None, _session("Run on this git branch; wildcards.", "--branch", metavar="NAME")
    ] = None
    commit: Annotated[
        str | None,
        _session("Run on the commit that begins so.", "--commit", metavar="HASH"),
    ] = None
    session: Annotated[
        list[str] | None,
        _session(
            "With this ID, the beginning of one, `last`, or wildcards; repeatable.",
            "--session",
            metavar="ID",
        ),
    ] = None

    def narrow(self, query: Query) -> Query:
        """The query with these options as steps."""
        from pytest_insight.cli.named import session_patterns

        if self.days is not None:
            query = query.in_last_days(self.days)
        if self.sut is not None:
            query = query.for_sut(self.sut)
        for tag in self.tag or ():
            key, equals, value = tag.partition("=")
            query = query.with_session_tag(key, value if equals else None)
        if self.branch is not None:
            query = query.with_branch(self.branch)
        if self.commit is not None:
            query = query.with_commit(self.commit)
        if self.session:
            patterns = session_patterns(query.open_storage(), self.session)
            query = query.with_session_id_pattern(*patterns)
        return query


def takes(**groups: type[msgspec.Struct]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of structs: `@takes(selection=SessionOptions)`.

    The command gets one object for each group; its help shows every field as an option.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(command, include_extras=True)
        parameters = []
        for parameter in inspect.signature(command).parameters.values():
            if parameter.name not in groups:
                parameters.append(parameter.replace(annotation=hints[parameter.name]))
        for group in groups.values():
            group_hints = get_type_hints(group, include_extras=True)
            # Every field has a default, so the two go together.
            for name, default in zip(
                group.__struct_fields__, group.__struct_defaults__, strict=True
            ):
                kind = inspect.Parameter.KEYWORD_ONLY
                parameters.append(
                    inspect.Parameter(name, kind, default=default, annotation=group_hints[name])
                )

        @wraps(command)
        def run(*args: Any, **given: Any) -> None:
            for name, group in groups.items():
                taken = {field: given.pop(field) for field in group.__struct_fields__}
                given[name] = group(**taken)
            command(*args, **given)

        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by typer
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        return run

    return decorate


def profile_named(ctx: typer.Context, after_command: str | None) -> str | None:
    """The profile that was named on the command line; the one nearer to the command wins."""
    return after_command or ctx.find_root().obj


def storage_of(ctx: typer.Context, after_command: str | None) -> BaseStorage:
    """The storage that the command line, the environment and the profiles say."""
    from pytest_insight.storage.access import get_storage_instance

    storage = get_storage_instance(profile_name=profile_named(ctx, after_command))
    _bring_in_what_died()
    return storage


def _bring_in_what_died() -> None:
    """Fold in the journals of runs that died, and say so."""
    from pytest_insight.cli.output import say
    from pytest_insight.errors import InsightError
    from pytest_insight.locations import journal_folder

    try:
        folder = journal_folder()
        if not folder.is_dir() or not any(folder.iterdir()):
            return  # nearly always: importing nothing for it
    except (InsightError, OSError) as exc:
        say(f"warning: cannot look for the journals of runs that died: {exc}")
        return
    from pytest_insight.recording.folding import fold_journals

    for folded in fold_journals(folder):
        say(folded.message)


def query_on(storage: BaseStorage, *options: NarrowingOptions) -> Query:
    """A query with all the options as steps."""
    from pytest_insight.query.query import Query

    query = Query(storage=storage)
    for group in options:
        query = group.narrow(query)
    return query


PathArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="[FILE]",
        readable=False,  # who only writes need not read it
        help="The file to write; without one, standard output.",
    ),
]
