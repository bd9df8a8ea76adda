"""The storage of sessions in a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import ClassVar, Self

from pytest_insight._util.override import override
from pytest_insight.errors import ProfileError, StorageError
from pytest_insight.profiles import urls
from pytest_insight.profiles.profile import StorageProfile
from pytest_insight.storage.sql.postgresql.connection import PostgreSQLConnection
from pytest_insight.storage.sql.storage import SQLStorage
from pytest_insight.storage.store_file import LOCK_SECONDS


class PostgreSQLStorage(SQLStorage):
    """Stores sessions in a PostgreSQL database.

    Many machines can write at once: new sessions are saved concurrently. The first save creates the
    tables, in the first schema of the search path. The password comes from the URL, or else from
    PGPASSWORD, `~/.pgpass` or a service file; it is never printed.

    Attributes:
        url: the URL of the database without its password.
    """

    storage_type: ClassVar[str] = "postgresql"

    def __init__(self, url: str, *, lock_seconds: float = LOCK_SECONDS) -> None:
        """Initialise a storage; nothing is connected to until it is used.

        Args:
            url: the URL of the database, as in `postgresql://user@host/database`.
            lock_seconds: how long to wait for another writer.

        Raises:
            ProfileError: the URL is not valid.
            StorageError: psycopg is not installed.
        """
        urls.check_url(url)
        super().__init__()
        self.url: str = urls.without_password(url)
        self._secret_url = url
        self._lock_seconds = lock_seconds
        if find_spec("psycopg") is None:
            raise StorageError(
                "a postgresql storage needs psycopg: pip install 'pytest-insight[postgresql]'",
                self.location,
            )

    @classmethod
    @override
    def from_profile(cls, profile: StorageProfile) -> Self:
        if profile.url is None:
            raise ProfileError(f"the profile {profile.name!r} has no URL", profile.name)
        storage = cls(profile.url)
        storage.exchange = profile.exchange
        return storage

    @property
    @override
    def location(self) -> str:
        """The URL without user, password and parameters."""
        return urls.display_url(self._secret_url)

    @override
    @contextmanager
    def exclusive(self) -> Iterator[None]:
        connection = self._write_connection()
        assert isinstance(connection, PostgreSQLConnection)  # noqa: S101 - for the type checker
        with connection.hold_lock():
            yield

    @override
    def with_lock_timeout(self, seconds: float) -> Self:
        other = type(self)(self._secret_url, lock_seconds=seconds)
        other.exchange = self.exchange
        return other

    @override
    def _connect(self, *, create: bool) -> PostgreSQLConnection:
        return PostgreSQLConnection(self._secret_url, self.location, self._lock_seconds)
