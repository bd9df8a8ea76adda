"""Stores that could not be opened: journals that wait for them do not slow each run.

`<key of the store>.retry` in the folder of journals: it was modified at the last failure, and its
size is the number of failures in a row.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from pytest_insight._util.files import NO_LINKS, PRIVATE_FILE

FIRST_SECONDS = 60
MAX_SECONDS = 15 * 60
"""How long to wait after a failure: at first, twice as long after each further one, at most."""
SUFFIX = ".retry"


class BackOff:
    """The back-off of one store, for the journals in one folder."""

    def __init__(self, folder: Path, store: str) -> None:
        """Read nothing yet.

        Args:
            folder: that of the journals.
            store: its type and place.
        """
        key = blake2b(store.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        self._path = folder / f"{key}{SUFFIX}"

    def is_waiting(self) -> bool:
        """Return whether the last failure was too short a time ago to try again."""
        try:
            found = self._path.stat()
        except OSError:
            return False
        seconds = min(FIRST_SECONDS << min(max(found.st_size - 1, 0), 10), MAX_SECONDS)
        return 0 <= time.time() - found.st_mtime < seconds  # a clock may have been set back

    def note_failure(self) -> None:
        """Remember a failure."""
        with suppress(OSError):  # then the next process tries again
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | NO_LINKS
            descriptor = os.open(self._path, flags, PRIVATE_FILE)
            try:
                os.write(descriptor, b".")
            finally:
                os.close(descriptor)

    def note_success(self) -> None:
        """Forget the failures."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
