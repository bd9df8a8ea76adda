"""The fixtures of Allure results, which are in containers: which result each of them is of."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from pytest_insight.exchange.readers.allure.folder import Container, Result, Step

BAD = ("failed", "broken")


class Fixtures(NamedTuple):
    """The fixtures of one result.

    Attributes:
        befores, afters: those that ran in its setup and its teardown.
        broken: the messages of those that broke before it or an earlier test that shares them:
            pytest does not run a fixture again that has failed.
    """

    befores: list[Step]
    afters: list[Step]
    broken: set[str]


def no_fixtures() -> Fixtures:
    """Return those of a result without any."""
    return Fixtures([], [], set())


def find_fixtures(results: list[Result], containers: Iterable[Container]) -> dict[str, Fixtures]:
    """Return the fixtures of each result; one of a wider scope is of the nearest in time.

    pytest tears down a fixture after the last test of its scope, which need not have used it.
    """
    known = {result.uuid: result for result in results}
    ended: defaultdict[str, list[Result]] = defaultdict(list)  # by process
    for result in sorted(results, key=_stop):
        ended[result.label("thread")].append(result)
    found: defaultdict[str, Fixtures] = defaultdict(no_fixtures)
    for container in containers:
        children = [known[uuid] for uuid in container.children or () if uuid in known]
        for step in container.befores or () if children else ():
            at = step.stop or step.start or 0.0
            nearest = min(children, key=lambda each: abs((each.start or 0.0) - at))
            found[nearest.uuid].befores.append(step)
            for child in children if step.status in BAD else ():
                found[child.uuid].broken.add(message_of(step))
        for step in container.afters or () if children else ():
            at = step.start or 0.0
            nearest = min(children, key=lambda each: abs(_stop(each) - at))
            others = ended[nearest.label("thread")]
            before = bisect_left(others, at, key=_stop)
            last = others[before - 1] if before else nearest
            found[(last if _stop(last) > _stop(nearest) else nearest).uuid].afters.append(step)
    return found


def _stop(step: Step) -> float:
    return step.stop or 0.0


def message_of(step: Step) -> str:
    """Return why a step did not pass."""
    return (step.details.message or "").strip() if step.details else ""
