"""Which runs are wanted: of which tests, and how many of each."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Mapping

TestKey = tuple[str, str]
"""The SUT and the nodeid of a test."""


class Wanted:
    """The runs that are still wanted while sessions are read, the newest first.

    Attributes:
        names: the nodeids of the tests of which runs are wanted; None for all tests. Of candidates,
            those of which enough runs were taken are removed.
    """

    def __init__(
        self,
        nodeids: Collection[str] | None,
        last: int | None,
        candidates: Mapping[TestKey, int] | None,
    ) -> None:
        """Nothing is read yet; the arguments are those of `runs.last_runs`."""
        self._most = most = last if last is not None else sys.maxsize
        self._only_candidates = candidates is not None
        names = None if nodeids is None else set(nodeids)
        self._left = {
            key: min(count, most)
            for key, count in (candidates or {}).items()
            if min(count, most) and (names is None or key[1] in names)
        }
        self._suts = Counter(nodeid for _, nodeid in self._left)
        self.names: set[str] | None = names if candidates is None else set(self._suts)

    @property
    def is_finished(self) -> bool:
        """Whether no run is wanted any more."""
        return not self._most or self.names == set()

    @property
    def least_sessions(self) -> int:
        """How many more sessions are needed at least."""
        return max(self._left.values(), default=0) if self._only_candidates else 1

    def take(self, key: TestKey) -> bool:
        """Return whether a run of a test is wanted, which is then counted."""
        count = self._left.get(key, 0 if self._only_candidates else self._most)
        if not count:
            return False
        self._left[key] = count - 1
        if count == 1 and self._only_candidates and self.names is not None:
            self._suts[key[1]] -= 1
            if not self._suts[key[1]]:
                self.names.discard(key[1])
        return True
