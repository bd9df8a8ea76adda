"""What exports and imports do where a call or command says nothing; each profile has its own."""

from __future__ import annotations

import msgspec


class ExchangeSettings(msgspec.Struct, frozen=True):
    """A profile's settings for exchange; None leaves the choice to the general default.

    Attributes:
        merge_strategy: a `MergeStrategy` by name.
        export_format: a format by name.
        export_days: export only sessions that started within so many days.
    """

    merge_strategy: str | None = None
    export_format: str | None = None
    export_days: float | None = None
