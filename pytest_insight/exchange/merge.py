"""What an import does with each session, decided before anything is written. Pure: no I/O."""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Literal

import msgspec
from msgspec.structs import replace

from pytest_insight.document.codec import content_digest
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

Became = Literal["added", "identical", "replaced", "renamed", "skipped"]

_BECAME: dict[Deed, Became] = {
    "add": "added",
    "skip": "skipped",
    "replace": "replaced",
    "rename": "renamed",
}


class MergeStep(msgspec.Struct, frozen=True):
    """What becomes of one imported session.

    Attributes:
        deed: added under its own ID; skipped; put in the place of the store's; added renamed.
        session: as it will be stored: for a rename, with the new ID.
        imported_id: the ID that the file gave it.
        identical: skipped or replaced, and the store's is equal: nothing is written.
    """

    deed: Deed
    session: TestSession
    imported_id: str
    identical: bool = False

    @property
    def is_written(self) -> bool:
        """Whether the store changes by it."""
        return self.deed != "skip" and not self.identical


class MergePlan(msgspec.Struct, frozen=True):
    """The steps of one import, in the file's order, and what is deleted with it.

    Attributes:
        steps: what becomes of each session.
        removes: IDs that the store has, and that it shall not have afterwards.
        source: where the steps hold sessions without their results: gives whole those with these
            `imported_id`s, each once, in any order; raises where it cannot give one.
    """

    steps: tuple[MergeStep, ...] = ()
    removes: frozenset[str] = frozenset()
    source: Callable[[Collection[str]], Iterable[TestSession]] | None = None

    @property
    def write_ids(self) -> list[str]:
        """The IDs under which sessions are written, each once."""
        return list(self._written())

    @property
    def changes(self) -> bool:
        """Whether the store is another one afterwards."""
        return bool(self.removes) or any(step.is_written for step in self.steps)

    def iter_writes(self) -> Iterator[TestSession]:
        """The sessions to store, each ID once: where two steps write one ID, the later stands.

        With a `source` memory holds one of them at a time.
        """
        written = self._written()
        if self.source is None:
            yield from (step.session for step in written.values())
            return
        new_ids = {step.imported_id: stored_id for stored_id, step in written.items()}
        for session in self.source(new_ids):
            yield replace(session, session_id=new_ids[session.session_id])

    @property
    def writes(self) -> list[TestSession]:
        """Equivalent to `list(iter_writes())`."""
        return list(self.iter_writes())

    def count(self, deed: Deed) -> int:
        """How many steps do that."""
        return sum(step.deed == deed for step in self.steps)

    def _written(self) -> dict[str, MergeStep]:
        return {step.session.session_id: step for step in self.steps if step.is_written}


class Fate(msgspec.Struct, frozen=True):
    """What became of one valid session of a file.

    Attributes:
        session_id: its ID in the file.
        became: added; identical to the store's, so that nothing was to be done; put in the place
            of the store's; added under a new ID; skipped, as the store has another one of its ID.
        new_id: the ID it was given, where it was renamed.
    """

    session_id: str
    became: Became
    new_id: str | None = None


class ImportReport(msgspec.Struct, frozen=True):
    """What an import did. Every session of the file is counted once: the five others add to total.

    Attributes:
        total: sessions in the file.
        imported: new ones, added under their own ID.
        skipped: left out, because the store has the ID.
        replaced: put in the place of the store's.
        renamed: added under a new ID, because the store has theirs.
        invalid: left out with `skip_invalid`, because something is wrong with them.
        identical: how many of the skipped and the replaced ones are equal to the store's.
        new_ids: for the renamed ones, the ID in the file to the ID in the store, in order.
        problems: what is wrong with the invalid ones; the first 10,000 of it.
        problem_count: how much is wrong with them.
        ignored: fields that were not kept, with how often they occurred.
        fates: what became of each valid session, in the file's order.
    """

    total: int = 0
    imported: int = 0
    skipped: int = 0
    replaced: int = 0
    renamed: int = 0
    invalid: int = 0
    identical: int = 0
    new_ids: tuple[tuple[str, str], ...] = ()
    problems: tuple[Problem, ...] = ()
    problem_count: int = 0
    ignored: dict[str, int] = {}
    fates: tuple[Fate, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether the store is another one than before."""
        return any(fate.became not in ("identical", "skipped") for fate in self.fates)


def report_of(plan: MergePlan) -> ImportReport:
    """What carrying out a plan does."""
    fates = tuple(
        Fate(
            step.imported_id,
            "identical" if step.identical else _BECAME[step.deed],
            step.session.session_id if step.deed == "rename" else None,
        )
        for step in plan.steps
    )
    return ImportReport(
        total=len(plan.steps),
        imported=plan.count("add"),
        skipped=plan.count("skip"),
        replaced=plan.count("replace"),
        renamed=plan.count("rename"),
        identical=sum(step.identical for step in plan.steps),
        new_ids=tuple((fate.session_id, fate.new_id) for fate in fates if fate.new_id is not None),
        fates=fates,
    )


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
    existing: Collection[str],
    incoming: Iterable[TestSession],
    strategy: MergeStrategy,
    *,
    contents: Mapping[str, str] | None = None,
    digest: Callable[[TestSession], str] = content_digest,
) -> MergePlan:
    """Decide what becomes of each incoming session, as if they were imported one after the other.

    So an ID that occurs twice among the incoming ones meets itself: the second is skipped, takes
    the first one's place, or is renamed. A renamed session gets `-2`, or the next number that is
    free in the store and the file. `keep_both` keeps both also where they are equal.

    Args:
        existing: the IDs in the store.
        incoming: the sessions of the file.
        strategy: what to do where an ID exists.
        contents: the digests of sessions in the store; one that is not there counts as different.
        digest: the digest of an incoming session.
    """
    sessions = list(incoming)
    taken = set(existing)
    free_id = _FreeIds(taken | {session.session_id for session in sessions})
    known = dict(contents or {})
    latest: dict[str, TestSession] = {}
    steps = []
    for session in sessions:
        name = session.session_id
        deed: Deed = "add"
        if name in taken:
            deed = _ON_CLASH[strategy]
        stored = replace(session, session_id=free_id(name)) if deed == "rename" else session
        taken.add(stored.session_id)
        identical = False
        if deed in ("skip", "replace"):
            if name in latest:
                known[name] = digest(latest[name])
            identical = name in known and known[name] == digest(session)
        step = MergeStep(deed, stored, name, identical)
        if step.is_written:
            latest[stored.session_id] = session
        steps.append(step)
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
