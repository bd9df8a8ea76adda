"""Options for reading reports of other programs: what the user adds to them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import msgspec

from pytest_insight.errors import ExchangeError
from pytest_insight.exchange.losses import Loss, Losses


class Project(msgspec.Struct, frozen=True):
    """The project whose reports these may be: its SUT is used if tests of a report are in it.

    Attributes:
        sut_name: its SUT.
        root: its root folder.
        has_all: whether reports without a test in that folder are of this project, too.
    """

    sut_name: str
    root: Path
    has_all: bool = False


class ReadOptions(msgspec.Struct, frozen=True):
    """Options for reading the reports of other programs.

    Attributes:
        sut: the SUT of the sessions; None for the one that the file names, else the project's.
        root: the root folder of the tests, to find out which files exist.
        timezone: the zone of times without an offset; None for UTC, noted as a guess.
        started: the start of a run whose file does not say it.
        tags: tags for the sessions.
        one_session: fold the reports of one run into one session.
        project: the project to fall back on.
        known_nodeids: returns the exact nodeids of a SUT that are known already.
    """

    sut: str | None = None
    root: Path | None = None
    timezone: tzinfo | None = None
    started: datetime | None = None
    tags: Mapping[str, str] = {}
    one_session: bool = False
    project: Project | None = None
    known_nodeids: Callable[[str], Collection[str]] = lambda _: ()

    def likely_sut(self, named: str = "") -> str:
        """Return the SUT of a file, before it is known whether the project fits; "" for none.

        Args:
            named: the SUT that the file names.
        """
        return self.sut or named or (self.project.sut_name if self.project else "")

    def likely_root(self) -> Path | None:
        """Return the folder in which the tests of a file probably are."""
        if self.root is None and self.project and self.sut in (None, self.project.sut_name):
            return self.project.root
        return self.root

    def in_utc(self, time: datetime, losses: Losses) -> datetime:
        """Return a time of a file in UTC; a naive one is in the given zone, or guessed to be UTC.

        Raises:
            OverflowError: it is outside the calendar in UTC.
        """
        if time.tzinfo is None:
            if self.timezone is None:
                losses.missing(Loss.TIME_ZONE_GUESSED)
            time = time.replace(tzinfo=self.timezone or UTC)
        return time.astimezone(UTC)

    def start_of(self, found: datetime | None, source: str) -> datetime:
        """Return the start of a run: the one that was found in the file, else the given one.

        Raises:
            ExchangeError: neither is known.
        """
        start = found or self.started
        if start is None:
            raise ExchangeError(
                f"{source} does not say when its run started: give it with --started (started=)",
                source,
            )
        return start
