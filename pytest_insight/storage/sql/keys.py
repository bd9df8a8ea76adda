"""Keys and times as numbers, the same on every machine."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from functools import lru_cache

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@lru_cache(maxsize=1 << 17)
def key_of(text: str) -> int:
    """The key of a session ID or a nodeid: 64 bits of a hash, as a signed number.

    No two writers need to agree on it. Two texts of one key are possible, among a million with a
    chance of 1 in 40 million; whoever writes looks for it, and refuses the second.
    """
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def micros(time: datetime) -> int:
    """Microseconds since 1970 in UTC; exact."""
    return (time - EPOCH) // _MICROSECOND


def time_of(count: int) -> datetime:
    """The time that `micros` gives this number for."""
    return EPOCH + timedelta(microseconds=count)
