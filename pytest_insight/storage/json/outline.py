"""Load the tests of a session without decoding the results of those that simply passed.

Of each result only the nodeid and the outcome are read, which takes half the time of decoding all;
then the lines of the others are decoded (`document/layout.py`).
"""

from __future__ import annotations

from collections.abc import Set
from typing import BinaryIO

import msgspec

from pytest_insight._util.files import read_range
from pytest_insight.analysis.runs import Tests
from pytest_insight.document.codec import UNDECODABLE, decode_session
from pytest_insight.document.layout import RESULTS_MARK, SESSION_END
from pytest_insight.models import TestOutcome
from pytest_insight.storage.json.excerpt import RESULT_START
from pytest_insight.storage.json.scan import Entry, IrregularError, load, session_bytes


class _Result(msgspec.Struct, gc=False):
    nodeid: str
    outcome: str


_decode = msgspec.json.Decoder(list[_Result]).decode


class TestsLoader:
    """Loads the tests of sessions.

    Most sessions have the tests of the one before: their set is made once.
    """

    __test__ = False  # not a test class, whatever its name says to pytest

    def __init__(self, names: Set[str]) -> None:
        """Nothing is read yet.

        Args:
            names: the nodeids of the tests whose results are needed even if they simply passed.
        """
        self._wanted = names
        self._nodeids: list[str] = []
        self._names: Set[str] = frozenset()
        self._positions: dict[str, int] = {}

    def __call__(self, file: BinaryIO, entry: Entry) -> Tests:
        """Return the tests of a session.

        Raises:
            IrregularError: something that was looked at is not as we write it.
        """
        if entry.session is not None:
            return Tests(load(file, entry))
        data = session_bytes(read_range(file, entry.start, entry.end))
        head, mark, text = data.partition(RESULTS_MARK)
        if not mark or not text.endswith(b"]}") or b"\0" in text:
            raise IrregularError
        try:
            results = _decode(b"[" + text[:-1])
            chosen = self._choose(results)
            lines = text.split(b"\n")
            if len(lines) != len(results) + 1:
                raise IrregularError
            needed = [lines[number].removesuffix(b",") for number in chosen]
            if not all(line.startswith(RESULT_START) for line in needed):
                raise IrregularError
            session = decode_session(b"".join((head, mark, b",\n".join(needed), SESSION_END)))
        except UNDECODABLE as exc:
            raise IrregularError from exc
        return Tests(session, self._names)

    def _choose(self, results: list[_Result]) -> list[int]:
        """Return the positions of the results that are needed, and note all names."""
        nodeids = [result.nodeid for result in results]
        if nodeids != self._nodeids:
            self._nodeids, self._names = nodeids, frozenset(nodeids)
            self._positions = dict(zip(nodeids, range(len(nodeids)), strict=True))
        passed = str(TestOutcome.PASSED)
        others = {result.nodeid for result in results if result.outcome != passed}
        others.update(self._wanted)
        if len(self._positions) < len(nodeids):  # a test has several results
            return [number for number, nodeid in enumerate(nodeids) if nodeid in others]
        return sorted(self._positions[name] for name in others & self._names)
