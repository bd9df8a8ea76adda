"""A queue of parcels that two drivers deliver."""

from __future__ import annotations

import os
import random

_RANDOM = random.Random(os.environ.get("SHOP_SEED"))


def deliver(parcels: list[str]) -> list[str]:
    """Return the parcels in the order in which they arrive."""
    quick, slow = parcels[::2], parcels[1::2]
    if _RANDOM.random() < 0.3:  # now and then the second driver overtakes the first
        quick, slow = slow, quick
    arrived = []
    while quick or slow:
        arrived += quick[:1] + slow[:1]
        quick, slow = quick[1:], slow[1:]
    return arrived
