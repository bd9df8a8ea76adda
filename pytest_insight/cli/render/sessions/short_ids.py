"""Short session IDs: the last part of an ID, as long as no other session of the store has it."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator

LEAST = 8
"""The fewest characters of a short ID: the hash at the end of a recorded session's ID has as many.
"""
SHORT_ENOUGH = 12
"""The length up to which IDs are shown whole."""

_PLAIN = re.compile(r"\w[\w.-]*")


def short_ids(shown: Collection[str], all_ids: Collection[str]) -> dict[str, str]:
    """Return a short ID for each shown one, which means only that session.

    Args:
        shown: the IDs to be shortened.
        all_ids: all IDs of the store.
    """
    wanted = {end for session_id in shown for end in _ends(session_id)}
    counts = Counter(end for known in all_ids for end in _ends(known) if end in wanted)
    in_order = sorted(all_ids)

    def means_one(end: str) -> bool:
        at = bisect_left(in_order, end)  # of the first ID that may begin with it
        is_prefix = at < len(in_order) and in_order[at].startswith(end)
        return counts[end] == 1 and not is_prefix

    return {name: next(filter(means_one, _ends(name)), name) for name in shown}


def _ends(session_id: str) -> Iterator[str]:
    """Yield the ends of an ID that may stand for it, the shortest first."""
    at = len(session_id) if len(session_id) > SHORT_ENOUGH else 0
    while (at := session_id.rfind("-", 0, at)) >= 0:
        end = session_id[at + 1 :]
        if len(end) >= LEAST and _PLAIN.fullmatch(end):
            yield end
