"""`--exit-code`: a command as the gate of a script or CI job.

It exits with status 3 if anything matched, and refuses to judge what cannot be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from pytest_insight.cli import exit_status
from pytest_insight.cli.terminal.damage import refuse_to_judge_damage
from pytest_insight.errors import StorageError

if TYPE_CHECKING:
    from pytest_insight.cli.render.verdicts.verdicts import Answer
    from pytest_insight.query import Query


def exit_if(matched: object) -> None:
    """Exit with status 3 if anything matched.

    Raises:
        StorageError: a part of the store cannot be read, so that no match means nothing.
    """
    if matched:
        raise typer.Exit(exit_status.MATCHED)
    refuse_to_judge_damage()


def exit_if_found(query: Query, *, found: bool, asked: bool) -> None:
    """Exit with status 3 if `--exit-code` asked for it and a query has found anything.

    Raises:
        StorageError: there is no session whose tests could match, or a part of the store cannot be
            read, so that no match means nothing.
    """
    from msgspec.structs import replace

    from pytest_insight.cli.render.store import has_sessions
    from pytest_insight.filters import HasTest

    if not asked:
        return
    exit_if(found)
    storage = query.open_storage()
    # A question about sessions alone is answered by none; one about their tests needs some.
    given = query.selection
    of_tests = bool(given.test_filters) or any(
        isinstance(f, HasTest) for f in given.session_filters
    )
    asked_of = tuple(f for f in given.session_filters if of_tests and not isinstance(f, HasTest))
    asked_of += (HasTest(()),) if of_tests else ()  # with a result at all
    judged = replace(given, session_filters=asked_of, test_filters=())
    if next(storage.iter_sessions(judged, newest_first=True), None) is None:
        there = (
            "the options select no session" if has_sessions(storage) else "there are no sessions"
        )
        raise StorageError(
            f"--exit-code has nothing to judge: {there} in {storage.location}", storage.location
        )


def exit_if_judged(answer: Answer, *, matched: bool) -> None:
    """Exit with status 3 if a test has the verdict that was asked for.

    Raises:
        StorageError: no run was judged, or a part of the store cannot be read, so that no verdict
            means nothing.
    """
    exit_if(matched)
    if not any(session.decided for each in answer.found.judged for session in each.sessions):
        location = answer.query.open_storage().location
        raise StorageError(
            f"--exit-code has nothing to judge: no test passed or failed in the selected sessions "
            f"of {location}",
            location,
        )
