"""What an import does with each session, decided before anything is written. Pure: no I/O."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable
from typing import Literal

import msgspec
from msgspec.structs import replace

from pytest_insight.errors import UnknownChoiceError
from pytest_insight.exchange.problems import Problem
from pytest_insight.models import TestSession


class MergeStrategy(enum.StrEnum):
    """What becomes of an imported session whose ID the store has already."""

    SKIP_EXISTING = "skip_existing"
    REPLACE_EXISTING = "replace_existing"
    KEEP_BOTH = "keep_both"


DEFAULT_STRATEGY = MergeStrategy.SKIP_EXISTING

Deed = Literal["add", "skip", "replace", "rename"]


class MergeStep(msgspec.Struct, frozen=True):
    """What becomes of one imported session.

    Attributes:
        deed: added under its own ID; skipped; put in the place of the store's; added renamed.
        session: as it will be stored: for a rename, with the new ID.
        imported_id: the ID that the file gave it.
    """

    deed: Deed
    session: TestSession
    imported_id: str


class MergePlan(msgspec.Struct, frozen=True):
    """The steps of one import, in the file's order."""

    steps: tuple[MergeStep, ...] = ()

    @property
    def writes(self) -> list[TestSession]:
        """The sessions to store, each ID once: where two steps write one ID, the later stands."""
        return list(
            {s.session.session_id: s.session for s in self.steps if s.deed != "skip"}.values()
        )

    def count(self, deed: Deed) -> int:
        """How many steps do that."""
        return sum(step.deed == deed for step in self.steps)


class ImportReport(msgspec.Struct, frozen=True):
    """What an import did. Every session of the file is counted once: the five others add to total.

    Attributes:
        total: sessions in the file.
        imported: new ones, added under their own ID.
        skipped: left out, because the store has the ID.
        replaced: put in the place of the store's.
        renamed: added under a new ID, because the store has theirs.
        invalid: left out with `skip_invalid`, because something is wrong with them.
        new_ids: for the renamed ones, the ID in the file to the ID in the store, in order.
        problems: what is wrong with the invalid ones; the first 10,000 of it.
        problem_count: how much is wrong with them.
        ignored: fields that were not kept, with how often they occurred.
    """

    total: int = 0
    imported: int = 0
    skipped: int = 0
    replaced: int = 0
    renamed: int = 0
    invalid: int = 0
    new_ids: tuple[tuple[str, str], ...] = ()
    problems: tuple[Problem, ...] = ()
    problem_count: int = 0
    ignored: dict[str, int] = {}


def get_strategy(name: str) -> MergeStrategy:
    """The strategy of a name.

    Raises:
        UnknownChoiceError: there is none.
    """
    try:
        return MergeStrategy(name)
    except ValueError:
        raise UnknownChoiceError("merge strategy", name, list(MergeStrategy)) from None


def plan_merge(
    existing: Collection[str], incoming: Iterable[TestSession], strategy: MergeStrategy
) -> MergePlan:
    """Decide what becomes of each incoming session, as if they were imported one after the other.

    So an ID that occurs twice among the incoming ones meets itself: the second is skipped, takes
    the first one's place, or is renamed. A renamed session gets `-2`, or the next number that is
    free in the store and the file.

    Args:
        existing: the IDs in the store.
        incoming: the sessions of the file.
        strategy: what to do where an ID exists.
    """
    sessions = list(incoming)
    taken = set(existing)
    free_id = _FreeIds(taken | {session.session_id for session in sessions})
    steps = []
    for session in sessions:
        name = session.session_id
        deed: Deed = "add"
        if name in taken:
            deed = _ON_CLASH[strategy]
        stored = replace(session, session_id=free_id(name)) if deed == "rename" else session
        taken.add(stored.session_id)
        steps.append(MergeStep(deed, stored, name))
    return MergePlan(tuple(steps))


_ON_CLASH: dict[MergeStrategy, Deed] = {
    MergeStrategy.SKIP_EXISTING: "skip",
    MergeStrategy.REPLACE_EXISTING: "replace",
    MergeStrategy.KEEP_BOTH: "rename",
}


class _FreeIds:
    """IDs made from others by a number, each given once."""

    def __init__(self, reserved: Collection[str]) -> None:
        self._reserved = reserved
        self._last: dict[str, int] = {}  # so that many sessions of one ID do not each count from 2

    def __call__(self, name: str) -> str:
        number = self._last.get(name, 1) + 1
        while f"{name}-{number}" in self._reserved:
            number += 1
        self._last[name] = number
        return f"{name}-{number}"
