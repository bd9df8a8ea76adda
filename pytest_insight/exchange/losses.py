"""What the reports of other programs do not say, as a closed list of losses.

A reader counts what its format could not tell, or what it had to guess. `insight import` shows it,
and the session's `source` keeps the names.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator

import msgspec


class Loss(enum.StrEnum):
    """One kind of loss; the names are stored in sessions and printed in reports."""

    NO_START_TIMES = "no-start-times"
    NO_ATTEMPTS = "no-attempts"
    NO_ATTEMPT_TEXT = "no-attempt-text"
    NO_OUTPUT = "no-output"
    NO_PHASES = "no-phases"
    XPASS_LOST = "xpass-lost"
    XFAIL_AS_SKIP = "xfail-as-skip"
    NODEID_GUESSED = "nodeid-guessed"
    GUESSED_STATUS = "guessed-status"
    NO_REASONS = "no-reasons"
    NO_PROPERTIES = "no-properties"
    NO_TEST_WARNINGS = "no-test-warnings"
    NO_WORKERS = "no-workers"
    NO_CODE_STATE = "no-code-state"
    NO_ENVIRONMENT = "no-environment"
    TIME_ZONE_GUESSED = "time-zone-guessed"
    DUPLICATE_CASES_MERGED = "duplicate-cases-merged"
    ATTACHMENTS_LEFT = "attachments-left"
    STEPS_LEFT = "steps-left"
    SUITE_PROPERTIES_LEFT = "suite-properties-left"
    NO_COLLECTION_ERRORS = "no-collection-errors"
    SUBTESTS_MERGED = "subtests-merged"
    RESULTS_MERGED = "results-merged"


class FoundLoss(msgspec.Struct, frozen=True):
    """A loss in one file or session.

    Attributes:
        kind: which one.
        count: how many results or values are affected; None if the format never tells it.
        example: the first of them; empty if that says nothing.
    """

    kind: Loss
    count: int | None = None
    example: str = ""


class Losses:
    """Collects the losses of a file while it is read."""

    def __init__(self, found: Iterable[FoundLoss] = ()) -> None:
        self._found: dict[Loss, FoundLoss] = {}
        self.include(found)

    def __iter__(self) -> Iterator[FoundLoss]:
        """Go over the losses, each kind once, in the order of the list."""
        return iter(sorted(self._found.values(), key=lambda each: _ORDER[each.kind]))

    def missing(self, *kinds: Loss) -> None:
        """Note what the file does not say at all, and which therefore has no count."""
        self.include(FoundLoss(kind) for kind in kinds)

    def add(self, kind: Loss, count: int = 1, example: str = "") -> None:
        """Count results or values that are affected; 0 notes nothing."""
        if count:
            self.include([FoundLoss(kind, count, example)])

    def include(self, others: Iterable[FoundLoss]) -> None:
        """Add losses to those that were found before."""
        for other in others:
            known = self._found.get(other.kind)
            if known is not None:
                counts = [each.count for each in (known, other) if each.count is not None]
                other = FoundLoss(  # noqa: PLW2901 - the sum of both
                    other.kind, sum(counts) if counts else None, known.example or other.example
                )
            self._found[other.kind] = other


_ORDER = {kind: position for position, kind in enumerate(Loss)}
