"""What a TAB offers: names of profiles, sessions, SUTs and outcomes.

A shell asks at every TAB, in a process of its own, so each of these reads only what it must. Where
something is wrong with a store there is nobody to tell: then nothing is offered.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import typer

from pytest_insight.errors import InsightError, StoreDamageWarning

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage

MOST = 100
"""How many sessions are offered, the newest ones: a shell asks before it lists more."""


def profiles(incomplete: str) -> list[str]:
    """Names of profiles."""
    from pytest_insight.profiles.manager import ProfileManager

    with _mistakes_kept_quiet():
        return _fitting(ProfileManager().list_profiles(), incomplete)
    return []


def sessions(ctx: typer.Context, incomplete: str) -> list[str]:
    """IDs, the newest first, and `last`."""
    with _mistakes_kept_quiet():
        ids = reversed(_storage(ctx).session_ids())
        return _fitting(("last", *ids), incomplete)[:MOST]
    return []


def suts(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the SUTs that the store has sessions of."""
    with _mistakes_kept_quiet():
        return _fitting(_storage(ctx).sut_names(), incomplete)
    return []


def outcomes(incomplete: str) -> list[str]:
    """Pytest's outcomes."""
    from pytest_insight.models import TestOutcome

    return _fitting(map(str, TestOutcome), incomplete)


def strategies(incomplete: str) -> list[str]:
    """Merge strategies."""
    from pytest_insight.exchange.merge import MergeStrategy

    return _fitting(map(str, MergeStrategy), incomplete)


def formats(incomplete: str) -> list[str]:
    """Formats of files."""
    from pytest_insight.exchange.formats import FORMATS

    return _fitting(FORMATS, incomplete)


def storage_types(incomplete: str) -> list[str]:
    """Storage types."""
    from pytest_insight.profiles.storage_types import storage_types

    return _fitting(storage_types(), incomplete)


def _fitting(names: Iterable[str], incomplete: str) -> list[str]:
    # One with a line break or an escape would be several, or something else, on a terminal.
    return [name for name in names if name.startswith(incomplete) and name.isprintable()]


def _storage(ctx: typer.Context) -> BaseStorage:
    from pytest_insight.storage.access import get_storage_instance

    named = ctx.params.get("profile") or ctx.find_root().params.get("profile_name")
    return get_storage_instance(profile_name=named)


@contextmanager
def _mistakes_kept_quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StoreDamageWarning)
        with suppress(InsightError):  # the command itself will say it
            yield
