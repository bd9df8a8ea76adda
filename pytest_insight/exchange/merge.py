"""Merge plans: what an import or a merge will do with each session. Pure: no I/O."""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Literal

import msgspec
from msgspec.structs import replace

from pytest_insight.document.codec import content_digest
from pytest_insight.errors import UnknownChoiceError
from pytest_insight.exchange.import_report import ImportEntry, ImportReport, ImportStatus
from pytest_insight.exchange.same_run import RunRecords, count_losses, is_better, is_same_file
from pytest_insight.models import TestSession


class MergeStrategy(enum.StrEnum):
    """What to do with an imported session whose ID is already in the store.

    `UPGRADE` replaces it if the imported one is of the same file and tells more, and does so with a
    session of another ID that is a record of the same run, too.
    """

    SKIP_EXISTING = "skip_existing"
    REPLACE_EXISTING = "replace_existing"
    KEEP_BOTH = "keep_both"
    UPGRADE = "upgrade"


DEFAULT_STRATEGY = MergeStrategy.SKIP_EXISTING

MergeAction = Literal["add", "skip", "replace", "rename"]

_STATUS: dict[MergeAction, ImportStatus] = {
    "add": "added",
    "skip": "skipped",
    "replace": "replaced",
    "rename": "renamed",
}


def get_strategy(name: str) -> MergeStrategy:
    """Return the strategy with this name.

    Raises:
        UnknownChoiceError: there is no such strategy.
    """
    try:
        return MergeStrategy(name)
    except ValueError:
        raise UnknownChoiceError("merge strategy", name, list(MergeStrategy)) from None


class MergeStep(msgspec.Struct, frozen=True):
    """What to do with one imported session.

    Attributes:
        action: "add" it under its own ID, "skip" it, "replace" the one in the store, or add it
            under a new ID ("rename").
        session: the session as it will be stored; for "rename" with the new ID.
        imported_id: its ID in the file.
        identical: the store has an equal session, so "skip" or "replace" writes nothing.
        other_id: the ID of another session of the same run: the one that is replaced, or because
            of which this one is skipped; else empty.
    """

    action: MergeAction
    session: TestSession
    imported_id: str
    identical: bool = False
    other_id: str = ""

    @property
    def is_written(self) -> bool:
        """Whether the step changes the store."""
        return self.action != "skip" and not self.identical


class MergePlan(msgspec.Struct, frozen=True):
    """The steps of one import, in the order of the sessions, and the sessions to delete.

    Attributes:
        steps: what to do with each session.
        removes: IDs of sessions in the store to delete.
        source: if the steps hold sessions without their results: returns the complete sessions
            with these `imported_id`s, each once, in any order; raises if it cannot.
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
        """Whether the plan changes the store."""
        return bool(self.removes) or any(step.is_written for step in self.steps)

    @property
    def only_adds(self) -> bool:
        """Whether no session of the store is replaced or deleted."""
        replaces = any(step.action == "replace" and step.is_written for step in self.steps)
        return not (replaces or self.removes)

    def iter_writes(self) -> Iterator[TestSession]:
        """The sessions to write, each ID once: if two steps write one ID, the later one counts.

        With a `source`, memory holds one session at a time.
        """
        written = self._written()
        if self.source is None:
            yield from (step.session for step in written.values())
            return
        new_ids = {step.imported_id: stored_id for stored_id, step in written.items()}
        for session in self.source(new_ids):
            yield replace(session, session_id=new_ids[session.session_id])

    def count(self, action: MergeAction) -> int:
        """Return the number of steps with this action."""
        return sum(step.action == action for step in self.steps)

    def report(self) -> ImportReport:
        """Return the report of this plan once it is carried out."""
        entries = tuple(
            ImportEntry(
                step.imported_id,
                "identical" if step.identical else _STATUS[step.action],
                step.session.session_id if step.action == "rename" else None,
                other_id=step.other_id,
            )
            for step in self.steps
        )
        return ImportReport(
            total=len(self.steps),
            imported=self.count("add"),
            skipped=self.count("skip"),
            replaced=self.count("replace"),
            renamed=self.count("rename"),
            identical=sum(step.identical for step in self.steps),
            new_ids=tuple((e.session_id, e.new_id) for e in entries if e.new_id is not None),
            entries=entries,
        )

    def _written(self) -> dict[str, MergeStep]:
        return {step.session.session_id: step for step in self.steps if step.is_written}


class MergePlanner:
    """Plans imports into one store; each plan assumes that the earlier ones were carried out."""

    def __init__(
        self,
        existing: Iterable[str],
        strategy: MergeStrategy,
        stored_digests: Callable[[Collection[str]], Mapping[str, str]] | None = None,
        runs: RunRecords | None = None,
    ) -> None:
        """Start with the IDs in the store.

        Args:
            existing: the IDs in the store.
            strategy: what to do with an ID that exists.
            stored_digests: returns the digests of the sessions in the store with these IDs; a
                session without a digest counts as different, and so do all if it is None. Not
                called for "keep_both", which keeps equal sessions, too.
            runs: finds other records of the same run, for "upgrade"; None compares IDs only.
        """
        self._strategy = strategy
        self._runs = runs if strategy is MergeStrategy.UPGRADE else None
        self._taken = set(existing)
        self._stored_digests = stored_digests
        self._digests: dict[str, str] = {}
        self._planned: dict[str, Callable[[], str]] = {}

    def plan(
        self,
        incoming: Iterable[TestSession],
        digest: Callable[[TestSession], str] = content_digest,
    ) -> MergePlan:
        """Decide what to do with each session, as if they were imported one after the other.

        An ID that occurs twice meets itself: the second session is skipped, replaces the first,
        or is renamed. A renamed session gets `-2`, or the next number that is free in the store
        and among the sessions.

        Args:
            incoming: the sessions.
            digest: returns the digest of an incoming session.
        """
        sessions = list(incoming)
        ids = {session.session_id for session in sessions}
        clashing = (ids & self._taken) - {*self._digests, *self._planned}
        if clashing and self._stored_digests and self._strategy is not MergeStrategy.KEEP_BOTH:
            self._digests.update(self._stored_digests(clashing))
        free_id = _FreeIds(self._taken | ids)
        steps: dict[int, MergeStep] = {}
        order = list(range(len(sessions)))
        if self._runs is not None:  # the best first: none of them is replaced by another one
            order.sort(key=lambda position: count_losses(sessions[position]))
        for position in order:
            session = sessions[position]
            name, stored, identical = session.session_id, session, False
            action = _ON_CLASH[self._strategy] if name in self._taken else "add"
            if action == "rename":
                stored = replace(session, session_id=free_id(name))
            elif action != "add":
                existing = self._digest_of(name)
                identical = existing is not None and existing == digest(session)
            step = MergeStep(action, stored, name, identical)
            if self._runs is not None and not identical:
                step = _upgrade(session, self._runs)
            if step.is_written:
                self._taken.add(stored.session_id)
                self._planned[stored.session_id] = partial(digest, step.session)
            steps[position] = step
        replaced = (s.other_id for s in steps.values() if s.action == "replace" and s.other_id)
        return MergePlan(
            tuple(steps[position] for position in range(len(sessions))), frozenset(replaced)
        )

    def _digest_of(self, name: str) -> str | None:
        """The digest of what the store will have under an ID."""
        if name in self._planned:
            self._digests[name] = self._planned.pop(name)()
        return self._digests.get(name)


_ON_CLASH: dict[MergeStrategy, MergeAction] = {
    MergeStrategy.SKIP_EXISTING: "skip",
    MergeStrategy.REPLACE_EXISTING: "replace",
    MergeStrategy.KEEP_BOTH: "rename",
    MergeStrategy.UPGRADE: "skip",  # unless it tells more: `_upgrade`
}


def _upgrade(session: TestSession, runs: RunRecords) -> MergeStep:
    """Return the step that adds a session, replaces a poorer record of its run, or skips it.

    The same file tells more if it is read with better options. What users have said of the replaced
    session is kept: its pin and its tags.
    """
    name = session.session_id
    known = runs.get(name)
    if known is not None and not is_same_file(session, known):
        return MergeStep("skip", session, name)
    other = known or runs.find(session)
    if other is None:
        runs.add(session)
        return MergeStep("add", session, name)
    other_id = "" if other.session_id == name else other.session_id
    if not is_better(session, other):
        return MergeStep("skip", session, name, other_id=other_id)
    better = replace(
        session,
        pinned=session.pinned or other.pinned,
        session_tags={**other.session_tags, **session.session_tags},
    )
    if other_id:
        runs.forget(other_id)
    runs.add(better)
    return MergeStep("replace", better, name, other_id=other_id)


class _FreeIds:
    """New IDs, made by appending a number, each returned once."""

    def __init__(self, reserved: Collection[str]) -> None:
        self._reserved = reserved
        self._last: dict[str, int] = {}  # many sessions of one ID must not each count from 2

    def __call__(self, name: str) -> str:
        number = self._last.get(name, 1) + 1
        while f"{name}-{number}" in self._reserved:
            number += 1
        self._last[name] = number
        return f"{name}-{number}"
