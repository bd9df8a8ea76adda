"""What the history says of failures, as properties of the results in an export."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pytest_insight.summaries import BAD

if TYPE_CHECKING:
    from pytest_insight.models import TestSession
    from pytest_insight.query import Query
    from pytest_insight.storage.base import BaseStorage

PROPERTY = "insight.verdict"
MOST_SESSIONS = 20
"""More sessions are exported without verdicts, which would take minutes."""


def adding_verdicts(query: Query) -> Callable[[TestSession], TestSession] | None:
    """Return a function that adds to a session the verdicts on its failed tests.

    Each verdict is that of the time when the session started. None if the query finds too many
    sessions.
    """
    storage = query.open_storage()
    if storage.count(query.selection) > MOST_SESSIONS:
        return None
    return lambda session: _with_verdicts(storage, session)


def _with_verdicts(storage: BaseStorage, session: TestSession) -> TestSession:
    from pytest_insight.analyze.scope import WINDOW_SECONDS, project_rules
    from pytest_insight.cli.render.failures.verdicts import look_up

    known = look_up(storage, [session], project_rules(), WINDOW_SECONDS).failures
    verdicts = {nodeid: str(each.test.verdict.verdict) for (_, nodeid), each in known.items()}
    results = list(session.test_results)
    for position, result in enumerate(results):
        if result.outcome in BAD and result.nodeid in verdicts:
            verdict = (PROPERTY, verdicts.pop(result.nodeid))  # on one of its results
            results[position] = replace(result, properties=(verdict, *result.properties))
    return session.with_results(results)
