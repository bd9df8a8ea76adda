"""What an analysis returns: verdicts by test, and which sessions were judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from pytest_insight._util.override import override
from pytest_insight.analysis.incidents import Incident
from pytest_insight.analysis.line import Line
from pytest_insight.analysis.output.records import verdict_record
from pytest_insight.analysis.runs import Run, SessionFacts
from pytest_insight.analysis.values import (
    BROKEN,
    FIXED,
    FLAKY,
    NEW_FAILURE,
    NEW_TEST,
    STABLE,
    SUSPECT,
    TOO_FEW,
    VERDICTS,
    Verdict,
)
from pytest_insight.analysis.verdicts import Breakage
from pytest_insight.analysis.wanted import TestKey


class Judged(NamedTuple):
    """What was judged of one SUT.

    Attributes:
        sut: the SUT.
        line: the line of development: a branch, and what it grew from.
        sessions: those whose runs were judged, in time order.
        incidents: those of the line of which any result does not count, in time order: if all of
            their tests went on failing, all results count again.
        speed: how many times as long as usual the tests of the last session took; None if the
            durations were not compared, or too few tests say.
        branches: the pattern of the only branches that were looked at; empty for all.
    """

    sut: str
    line: Line
    sessions: tuple[SessionFacts, ...]
    incidents: tuple[Incident, ...]
    speed: float | None = None
    branches: str = ""

    @property
    def last_incident(self) -> Incident | None:
        """Why results of the last session do not count; None if all do."""
        last = self.sessions[-1].session_id if self.sessions else ""
        return next((each for each in self.incidents if each.session.session_id == last), None)


@dataclass(frozen=True, repr=False)
class Verdicts:
    """The verdicts on tests, by SUT and nodeid.

    It is iterable, has a length, and `verdicts[nodeid]` is the verdict on a test.

    Attributes:
        verdicts: the verdicts.
        breakages: the tests that are red now, those that broke together for one cause as one.
        judged: which sessions were judged, by SUT.
    """

    verdicts: tuple[Verdict, ...]
    breakages: tuple[Breakage, ...] = ()
    judged: tuple[Judged, ...] = ()
    _read_runs: Callable[[], Mapping[TestKey, tuple[Run, ...]]] = field(default=dict, compare=False)

    @override
    def __repr__(self) -> str:
        counts = {name: len(self.with_verdict(name)) for name in VERDICTS}
        shown = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
        return f"<Verdicts: {len(self):,} tests{': ' if shown else ''}{shown}>"

    def _repr_html_(self) -> str:
        from pytest_insight.analysis.output.html import verdicts_html  # for notebooks

        shown = [each for each in self if each.verdict not in (STABLE, TOO_FEW)]
        return verdicts_html(shown, len(self))

    def __len__(self) -> int:
        return len(self.verdicts)

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.verdicts)

    def __getitem__(self, nodeid: str) -> Verdict:
        """Return the verdict on a test; of several SUTs, that of the first one by name.

        Raises:
            KeyError: no session that was judged has the test.
        """
        for each in self.verdicts:
            if each.nodeid == nodeid:
                return each
        raise KeyError(nodeid)

    def with_verdict(self, *names: str) -> tuple[Verdict, ...]:
        """Return those with one of these verdicts: "flaky", "suspect"."""
        return tuple(each for each in self.verdicts if each.verdict in names)

    @property
    def flaky(self) -> tuple[Verdict, ...]:
        """Tests that were good and bad on the same code, or passed only when run again."""
        return self.with_verdict(FLAKY)

    @property
    def broken(self) -> tuple[Verdict, ...]:
        """Tests that have been failing for some runs."""
        return self.with_verdict(BROKEN)

    @property
    def new_failures(self) -> tuple[Verdict, ...]:
        """Tests that have just begun to fail, and new ones that failed."""
        return tuple(
            each
            for each in self.verdicts
            if each.verdict == NEW_FAILURE or (each.verdict == NEW_TEST and each.bad)
        )

    @property
    def suspect(self) -> tuple[Verdict, ...]:
        """Tests that failed several times, though never on code on which they also passed."""
        return self.with_verdict(SUSPECT)

    @property
    def fixed(self) -> tuple[Verdict, ...]:
        """Tests that were broken and are good again."""
        return self.with_verdict(FIXED)

    @property
    def slower(self) -> tuple[Verdict, ...]:
        """Tests that take longer than they did, whatever else is said of them."""
        return tuple(each for each in self.verdicts if each.timing and each.timing.ratio > 1)

    @property
    def faster(self) -> tuple[Verdict, ...]:
        """Tests that take less time than they did, whatever else is said of them."""
        return tuple(each for each in self.verdicts if each.timing and each.timing.ratio < 1)

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """Sessions of which results do not count, because too much failed at once."""
        return tuple(incident for each in self.judged for incident in each.incidents)

    def runs(self, verdict: Verdict) -> tuple[Run, ...]:
        """Return the runs of a test in time order, if it ever failed or its duration changed.

        Those of tests that always passed are not read: they give an empty tuple. The runs are read
        from the store when any are first asked for.

        Raises:
            StorageError: the store cannot be read.
        """
        return self._runs.get((verdict.sut, verdict.nodeid), ())

    @cached_property
    def _runs(self) -> Mapping[TestKey, tuple[Run, ...]]:
        return self._read_runs()

    def __getstate__(self) -> dict[str, Any]:
        """Return what is copied or pickled: the runs, instead of the way to read them.

        Raises:
            StorageError: the store cannot be read.
        """
        return vars(self) | {"_runs": self._runs, "_read_runs": dict}

    def line_runs(self, verdict: Verdict) -> tuple[Run, ...]:
        """Return those of `runs` that were judged, without those of other branches."""
        judged = next((each for each in self.judged if each.sut == verdict.sut), None)
        ids = {session.session_id for session in judged.sessions} if judged else ()
        return tuple(run for run in self.runs(verdict) if run.session.session_id in ids)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return a dictionary for each verdict, as in the JSON of `insight verdicts`."""
        return [verdict_record(each) for each in self.verdicts]
