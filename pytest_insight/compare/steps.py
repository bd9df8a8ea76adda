"""The fluent comparison: steps say what is compared, `execute` compares."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pytest_insight._util.override import override
from pytest_insight.analysis.comparison.result import Comparison
from pytest_insight.analyze.scope import Asked, name_filters
from pytest_insight.compare.question import Question, RunName
from pytest_insight.errors import InvalidArgumentError
from pytest_insight.filters import Selection, SessionFilter, SutIs, TestFilter, arguments
from pytest_insight.storage.base import BaseStorage


@dataclass(frozen=True, repr=False)
class Compare(Question):
    """A comparison that can be executed: the head, which is judged, against the base.

    Comparisons are immutable; each step returns a new one. `repr` is the code that builds it.

    A *side* is a text or a query. A text is one of these; the first that there is counts:

    - a session: `last`, `last~1`, its ID, or the beginning or end of that
    - a span: `7d`, `12h` until now
    - a branch with sessions. As the base, its newest runs at or before the point at which the
      branch of the head left it (git is asked); as the head, its last run
    - the path of a file that was exported, or that another program wrote
    - the ID of a CI run: all of its sessions
    - a commit with sessions: 4 or more digits of its hash
    - what git knows in this folder: a tag, `HEAD~3`, a branch. If that commit has no session, the
      nearest first-parent ancestor that has any
    - the name of a profile: its last run as the head, its newest runs as the base

    The default head is the last run of the project in the current folder: the last session, and
    the other sessions of its CI run. The default base is the merge base with the default branch;
    outside git the last session before without failures, else the last one before.

    The base is composite unless it is a session or a CI run: of each test its newest decided run in
    at most 20 sessions or 14 days. `side.note` says how a side was chosen.

    Attributes:
        base: the base; None for the default.
        head: the head; None for the default.
        selection: filters that the sessions of both sides pass, and filters by name of the tests
            that are compared.
        profile_name: the profile of both sides; None for the active one.
        storage: the storage of both sides, instead of a profile's.
        one_session: whether the base is one session only, never composite.
        windows: whether the rates of failures of several runs a side are compared.
        all_projects: whether the head may be of any SUT, not only of the project in this folder.

    Raises (every step):
        InvalidArgumentError: an argument makes no sense.
    """

    @override
    def __repr__(self) -> str:
        return f"compare{''.join(self._steps())}" if self != Compare() else "Compare()"

    # What is compared ---------------------------------------------------------------------------

    def against(self, base: str | Asked) -> Compare:
        """Compare with this side: `against("main")`, `against(query.with_commit("dc0d61a"))`."""
        return replace(self, base=_side("base", base))

    def of(self, head: str | Asked) -> Compare:
        """Judge this side instead of the last run: `of("feature/coupons")`."""
        return replace(self, head=_side("head", head))

    def of_run(self, run: str) -> Compare:
        """Judge all sessions of one CI run, its shards and its matrix.

        Args:
            run: the ID of the CI run, the ID of a session of it or the beginning of that, `last`
                or `last~1`. Without CI: the sessions of its commit and branch within an hour.
        """
        return replace(self, head=RunName(arguments.text("run", run)))

    def with_base_session(self) -> Compare:
        """Compare with exactly one session, the newest one of the base."""
        return replace(self, one_session=True)

    def by_windows(self) -> Compare:
        """Compare the rates of failures over all sessions of each side, not the last runs.

        `compare.against("14d").of("7d").by_windows()` is the last 7 days against the 7 before.
        """
        return replace(self, windows=True)

    def for_sut(self, name: str) -> Compare:
        """Compare only sessions of this SUT (wildcards allowed: sides may be of different SUTs)."""
        return self.with_session_filters(SutIs(arguments.text("SUT name", name)))

    def of_all_projects(self) -> Compare:
        """Take the head from all sessions; the base is of the SUT that the head is of."""
        return replace(self, all_projects=True)

    def with_session_filters(self, *filters: SessionFilter) -> Compare:
        """Compare only sessions that match all of these filters, on both sides."""
        arguments.instances("session filter", SessionFilter, filters)
        return self._selecting(session_filters=self.selection.session_filters + filters)

    def with_test_filters(self, *filters: TestFilter) -> Compare:
        """Compare only tests that match all of these filters, which must be about names."""
        arguments.instances("test filter", TestFilter, filters)
        found = self._selecting(test_filters=self.selection.test_filters + filters)
        name_filters(found.selection)
        return found

    # Where to search ----------------------------------------------------------------------------

    def with_profile(self, name: str) -> Compare:
        """Compare sessions of this profile, which need not exist before the execution."""
        return replace(self, profile_name=arguments.text("profile name", name), storage=None)

    def on_storage(self, storage: BaseStorage) -> Compare:
        """Compare sessions of this storage instead of a profile's."""
        arguments.instances("storage", BaseStorage, [storage])
        return replace(self, storage=storage, profile_name=None)

    # Execution ----------------------------------------------------------------------------------

    def execute(self) -> Comparison:
        """Compare the two sides.

        Raises:
            InvalidArgumentError: a side means nothing, and the message says what there is; both
                sides are the same; the base is newer than the head; they have no test in common, or
                are of different SUTs that `for_sut` does not name.
            ExchangeError: a file cannot be read.
            StorageError: a store cannot be read, or has no session.
            UnknownProfileError: the profile does not exist.
        """
        from pytest_insight.compare.execution import execute  # not needed to build one

        return execute(self)

    def _selecting(self, **changes: Any) -> Compare:
        from msgspec.structs import replace as replaced

        return replace(self, selection=replaced(self.selection, **changes))

    def _steps(self) -> list[str]:
        """Return the code of each step, starting with a dot."""
        from pytest_insight.filters.step_code import session_step, test_step

        steps = []
        if self.storage is not None:
            steps.append(f".on_storage({self.storage!r})")
        if self.profile_name is not None:
            steps.append(f".with_profile({self.profile_name!r})")
        if self.base is not None:
            steps.append(f".against({self.base!r})")
        if isinstance(self.head, RunName):
            steps.append(f".of_run({self.head.name!r})")
        elif self.head is not None:
            steps.append(f".of({self.head!r})")
        steps += [".with_base_session()"] if self.one_session else []
        steps += [".by_windows()"] if self.windows else []
        steps += [".of_all_projects()"] if self.all_projects else []
        steps += map(session_step, self.selection.session_filters)
        steps += map(test_step, self.selection.test_filters)
        return steps


def _side(what: str, given: object) -> Any:
    if isinstance(given, str):
        return arguments.text(what, given)
    if isinstance(getattr(given, "selection", None), Selection):
        return given
    raise InvalidArgumentError(f"the {what} must be a text or a query, not {given!r}")
