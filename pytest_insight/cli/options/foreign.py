"""Options of `import` for what the reports of other programs do not say."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from pytest_insight.cli.completion.candidates import suts, tags, typed
from pytest_insight.cli.options.kinds import option
from pytest_insight.errors import InvalidArgumentError

if TYPE_CHECKING:
    from pytest_insight.exchange.options import ReadOptions

_PANEL = "Reports of other programs"
_foreign = partial(option, rich_help_panel=_PANEL)


class ForeignOptions(msgspec.Struct, frozen=True):
    """What the reports of other programs do not say."""

    sut: Annotated[
        str | None,
        _foreign(
            "Their SUT. Default: the one that they name, else that of the project in this folder "
            "if it has their tests.",
            "--sut",
            metavar="NAME",
            example="shop-api",
            autocompletion=suts,
        ),
    ] = None
    root: Annotated[
        Path | None,
        _foreign(
            "Root folder of the tests, to find nodeids by the files in it.",
            "--root",
            metavar="DIR",
            example="~/code/shop",
        ),
    ] = None
    timezone: Annotated[
        str | None,
        _foreign(
            "Time zone of times without an offset. Default: UTC.",
            "--timezone",
            metavar="ZONE",
            example="Europe/Berlin",
            autocompletion=typed,
        ),
    ] = None
    started: Annotated[
        str | None,
        _foreign(
            "Start of a run whose report does not say it.",
            "--started",
            metavar="TIME",
            example="2026-11-27T08:30",
            autocompletion=typed,
        ),
    ] = None
    tag: Annotated[
        list[str] | None,
        _foreign(
            "Tag of the sessions. Repeatable.",
            "--tag",
            metavar="KEY=VALUE",
            example="ci=nightly",
            autocompletion=tags,
        ),
    ] = None
    one_session: Annotated[
        bool, _foreign("Merge the reports of one run into one session.", "--one-session")
    ] = False

    def read_options(self) -> ReadOptions:
        """Return the options for the library; the project in the current folder is one of them.

        Raises:
            InvalidArgumentError: an option has no meaning.
        """
        from pytest_insight.cli.options.times import moment
        from pytest_insight.exchange.options import Project, ReadOptions
        from pytest_insight.profiles.project import find_project

        root = self.root.expanduser() if self.root else None
        if root is not None and not root.is_dir():
            raise InvalidArgumentError(f"--root must be a folder, not {root}")
        project = find_project()
        zone = _zone(self.timezone) if self.timezone is not None else None
        started = moment("--started", self.started, zone=zone) if self.started is not None else None
        return ReadOptions(
            sut=self.sut,
            root=root,
            timezone=zone,
            started=started,
            tags=dict(map(_tag, self.tag or ())),
            one_session=self.one_session,
            project=Project(project.sut_name, project.root) if project else None,
        )


_OFFSET = re.compile(r"([+-])(\d{1,2}):?(\d{2})?")


def _zone(name: str) -> tzinfo:
    offset = _OFFSET.fullmatch(name)
    if offset and int(offset[2]) < 24 and int(offset[3] or 0) < 60:
        size = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return timezone(-size if offset[1] == "-" else size)
    if name.lower() == "local":
        local = datetime.now().astimezone().tzinfo
        if local is not None:
            return local
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (OSError, ValueError) as exc:  # ZoneInfoNotFoundError is a KeyError
        raise _unknown_zone(name) from exc
    except KeyError as exc:
        raise _unknown_zone(name) from exc


def _unknown_zone(name: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"--timezone must be a name like Europe/Berlin, an offset like +02:00, or local, not "
        f"{name!r}"
    )


def _tag(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise InvalidArgumentError(f"--tag must be KEY=VALUE, not {text!r}")
    return key, value
