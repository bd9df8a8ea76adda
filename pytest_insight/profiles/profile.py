"""A profile: a storage type, the place of its store and settings for exchange, under a name."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from pytest_insight import locations, profiles
from pytest_insight.passwords import hide_passwords

_SUFFIXES = {"json": ".json", "sqlite": ".db"}
"""The built-in storage types that keep a file."""


@dataclass(frozen=True, repr=False)
class StorageProfile:
    """A named store: its type, its place and its settings. `profiles.rules` validates it.

    Attributes:
        name: letters, digits, `.`, `_` and `-`, not beginning with `.` or `-`; empty if arguments
            or environment variables describe the storage.
        storage_type: "json", "sqlite", "postgresql", "memory", or a type of another distribution.
        file_path: the absolute path of the file, or the URL of the database; None for the file
            that the name implies.
        merge_strategy: what imports do with IDs that are in the store; None for the default.
        export_format: the format of exports; None for the default.
        export_days: export only sessions from the last N days; None for all.
    """

    name: str
    storage_type: str = "json"
    file_path: str | None = None
    merge_strategy: str | None = None
    export_format: str | None = None
    export_days: float | None = None

    def __repr__(self) -> str:
        shown = {each.name: getattr(self, each.name) for each in fields(self)}
        shown["file_path"] = self.file_path and self.place  # without the password of a URL
        arguments = (
            f"{each.name}={shown[each.name]!r}"
            for each in fields(self)
            if shown[each.name] != each.default
        )
        return f"StorageProfile({', '.join(arguments)})"

    @property
    def path(self) -> Path | None:
        """The file: `file_path`, else the one that the name implies; None for other types."""
        if self.file_path:
            return None if self.url else locations.absolute(self.file_path)
        suffix = _SUFFIXES.get(self.storage_type)
        if suffix is None:
            return None
        return locations.store_path(self.name or locations.DEFAULT_PROFILE, suffix)

    @property
    def url(self) -> str | None:
        """The URL of the database, with its password if one is stored; None for other types."""
        return self.file_path if self.file_path and locations.is_url(self.file_path) else None

    @property
    def place(self) -> str:
        """Where the sessions are, for people: a path, a URL without its password, or the type."""
        if self.url:
            from pytest_insight.profiles.urls import display_url  # not needed to record into a file

            return display_url(self.url)
        # An earlier version may have stored a connection string as a path.
        return hide_passwords(str(self.path)) if self.path else self.storage_type

    @property
    def exchange(self) -> profiles.ExchangeSettings:
        """The settings for exports and imports."""
        return profiles.ExchangeSettings(self.merge_strategy, self.export_format, self.export_days)
