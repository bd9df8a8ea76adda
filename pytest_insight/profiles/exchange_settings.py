"""The settings of a profile for exports and imports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ExchangeSettings:
    """What exports and imports do if a call or command does not say; None for the general default.

    Attributes:
        merge_strategy: the name of a `MergeStrategy`.
        export_format: the name of a format.
        export_days: export only sessions from the last N days.
    """

    merge_strategy: str | None = None
    export_format: str | None = None
    export_days: float | None = None
