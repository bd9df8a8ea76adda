"""Profiles (named storages): their settings, their rules and the file that lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["ExchangeSettings"]

if TYPE_CHECKING:
    from pytest_insight.profiles.exchange_settings import ExchangeSettings
else:  # hidden from type checkers, to which it would mean that any name exists
    from pytest_insight._util.lazy_names import on_first_use

    # The signature of a profile names it; a recorded run needs none.
    __getattr__ = on_first_use(__name__, {"ExchangeSettings": "profiles.exchange_settings"})
