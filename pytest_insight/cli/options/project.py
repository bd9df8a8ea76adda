"""Which SUT a question is about: that of the project in the current folder, unless options say."""

from __future__ import annotations

import glob
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec

from pytest_insight.cli.completion.candidates import suts
from pytest_insight.cli.options.kinds import option
from pytest_insight.cli.terminal.usage_errors import UsageError

if TYPE_CHECKING:
    from pytest_insight.filters import Selection
    from pytest_insight.models import TestSession
    from pytest_insight.storage.base import BaseStorage


class Scope(NamedTuple):
    """The SUT that a question is about.

    Attributes:
        pattern: the SUT, as `SutIs` takes it; None for all.
        project: the SUT of the project in the current folder, if that decided; else "".
        newest: the last session of the store, if it was read to decide; it is not read again.
        branch: the branch, as `BranchIs` takes it; None for all.
    """

    pattern: str | None = None
    project: str = ""
    newest: TestSession | None = None
    branch: str | None = None

    @property
    def selection(self) -> Selection:
        """The sessions of the SUT and the branch."""
        from pytest_insight.filters import BranchIs, Selection, SutIs

        of_sut = (SutIs(self.pattern),) if self.pattern is not None else ()
        return Selection((*of_sut, BranchIs(self.branch)) if self.branch is not None else of_sut)

    @property
    def note(self) -> str:
        """What decided, for the line below a table; empty if it was an option."""
        return f"{self.project}, the project in this folder (-A for all)" if self.project else ""


ALL = Scope()
"""Every SUT."""


class ProjectOptions(msgspec.Struct, frozen=True):
    """The options that name the SUT."""

    sut: Annotated[
        str | None,
        option(
            "Only runs of this SUT (wildcards allowed). Default: the project in this folder, if "
            "it has any.",
            "--sut",
            metavar="NAME",
            example="'api-*'",
            autocompletion=suts,
        ),
    ] = None
    all_projects: Annotated[bool, option("Runs of every SUT.", "--all-projects", "-A")] = False

    def scope(self, storage: BaseStorage) -> Scope:
        """Return the SUT that is meant.

        Raises:
            UsageError: both options are given.
            InsightError: the configuration of the project cannot be read.
        """
        if self.sut is not None and self.all_projects:
            raise UsageError("--sut and --all-projects contradict each other: leave one out")
        if self.sut is not None:
            return Scope(self.sut)
        return Scope() if self.all_projects else project_scope(storage)


def project_scope(storage: BaseStorage) -> Scope:
    """Return the SUT of the project in the current folder if the store has sessions of it.

    Raises:
        InsightError: the configuration of the project cannot be read.
    """
    from pytest_insight.profiles.project import find_project

    newest = storage.get_last_session()  # needs no scan, and is mostly of the project
    project = find_project()
    if project is None or newest is None:
        return Scope(newest=newest)
    scope = Scope(glob.escape(project.sut_name), project.sut_name, newest)
    if newest.sut_name == project.sut_name:
        return scope
    one = msgspec.structs.replace(scope.selection, limit=1)
    return scope if storage.session_ids(one) else Scope(newest=newest)
