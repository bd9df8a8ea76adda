"""What the user asks to be compared: sides, filters and store, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pytest_insight.analyze.scope import Asked
from pytest_insight.filters import Selection
from pytest_insight.filters.selection import EVERYTHING
from pytest_insight.storage.base import BaseStorage


class RunName(NamedTuple):
    """A run that is a side.

    Attributes:
        name: its ID, that of one of its sessions, or `last~1`.
    """

    name: str


@dataclass(frozen=True, repr=False)
class Question:
    """What is compared: the fields of `Compare`."""

    base: str | Asked | None = None
    head: str | RunName | Asked | None = None
    selection: Selection = EVERYTHING
    profile_name: str | None = None
    storage: BaseStorage | None = None
    one_session: bool = False
    windows: bool = False
    all_projects: bool = False

    def open_storage(self) -> BaseStorage:
        """Return the storage of the sides that do not bring their own.

        Raises:
            UnknownProfileError: the profile does not exist.
        """
        if self.storage is not None:
            return self.storage
        from pytest_insight.storage.functions import get_storage_instance  # only without a storage

        return get_storage_instance(profile_name=self.profile_name)
