"""The tables, their version, and the steps from one version to the next.

Keys are hashes (`keys.key_of`), so writers never wait for a sequence, and every primary key of what
a session has begins with the session's: the tables can be distributed by it as they are. There are
no foreign keys, for the same reason and because a writer would pay for each row.

Results are narrow and lie by session, then by test: what one session has is read in one go, and
one test is found in each session by its key, without another index, which would take as much again
as the results. Their order in the session is `position`.

Most results passed and have nothing more to say. The others are the ones people ask for: they are
in `insight_details` too, whole, and lie by session and outcome, so that the failures of some
sessions are read in one go as well.

Versions: 1, the first one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_insight.storage.sql.dialect import Dialect

STEPS: list[tuple[str, ...]] = [
    (
        # One line per session.
        #   id        the key of session_id
        #   started   microseconds since 1970 in UTC, as all times
        #   commit_id in lower case
        #   results   how many it has; outcomes, how many of each, as {"passed": 3}
        #   details   how many of them have a line in insight_details
        #   warnings  how many of them have a warning
        #   header    the session without its results, as the JSON document has it: what has no
        #             column of its own is there, and every field comes back as it was
        """
        CREATE TABLE insight_sessions (
            id {key} NOT NULL PRIMARY KEY,
            session_id TEXT NOT NULL,
            sut TEXT NOT NULL,
            started BIGINT NOT NULL,
            pinned SMALLINT NOT NULL,
            branch TEXT,
            commit_id TEXT,
            results INTEGER NOT NULL,
            details INTEGER NOT NULL,
            warnings INTEGER NOT NULL,
            outcomes {json} NOT NULL,
            header {json} NOT NULL
        )
        """,
        # The newest first, and those of a span of time. Without the ID, which may be longer than
        # an index takes; few sessions start in the same microsecond.
        "CREATE INDEX insight_sessions_by_start ON insight_sessions (started)",
        # Each nodeid once, for all sessions; id is its key.
        """
        CREATE TABLE insight_tests (
            id {key} NOT NULL PRIMARY KEY,
            nodeid TEXT NOT NULL
        )
        """,
        # The names of outcomes that other plugins made up, by the numbers of `rows.code_of`.
        """
        CREATE TABLE insight_outcomes (
            id {key} NOT NULL PRIMARY KEY,
            name TEXT NOT NULL
        )
        """,
        # One line per result. Few columns: what each costs is paid for every result.
        #   outcome   its number
        #   began     microseconds from the session's start
        #   duration  seconds
        #   flags     `rows.WARNING` where it has a warning, and `rows.DETAILED` where it has a
        #             line in insight_details, added up
        """
        CREATE TABLE insight_results (
            session BIGINT NOT NULL,
            test BIGINT NOT NULL,
            position INTEGER NOT NULL,
            outcome INTEGER NOT NULL,
            began BIGINT NOT NULL,
            duration {real} NOT NULL,
            flags SMALLINT NOT NULL,
            worker TEXT,
            PRIMARY KEY (session, test, position)
        ){clustered}
        """,
        # The results that did not simply pass, or have texts or properties, with the columns of
        # insight_results, so that a condition is said of both in the same words.
        #   result    all of it, as the JSON document has it
        # They lie as they were added, those of a session together: long rows fill pages better so.
        """
        CREATE TABLE insight_details (
            session BIGINT NOT NULL,
            outcome INTEGER NOT NULL,
            position INTEGER NOT NULL,
            test BIGINT NOT NULL,
            began BIGINT NOT NULL,
            duration {real} NOT NULL,
            flags SMALLINT NOT NULL,
            worker TEXT,
            result TEXT NOT NULL,
            PRIMARY KEY (session, outcome, position)
        )
        """,
        # What `rollups` keeps: one line per test, outcome and day, and one per test and outcome.
        # They belong to no session, so their keys begin with the test's. The day comes last, so
        # that days are summed up as they lie.
        #   day      of the sessions' starts in UTC: how many there were since 1970
        #   total    the durations, each in whole microseconds
        #   longest  in seconds; first, last: when the first and last result began
        """
        CREATE TABLE insight_days (
            test BIGINT NOT NULL,
            outcome INTEGER NOT NULL,
            day INTEGER NOT NULL,
            results INTEGER NOT NULL,
            total BIGINT NOT NULL,
            longest {real} NOT NULL,
            first BIGINT NOT NULL,
            last BIGINT NOT NULL,
            PRIMARY KEY (test, outcome, day)
        ){clustered}
        """,
        """
        CREATE TABLE insight_totals (
            test BIGINT NOT NULL,
            outcome INTEGER NOT NULL,
            results BIGINT NOT NULL,
            total BIGINT NOT NULL,
            longest {real} NOT NULL,
            first BIGINT NOT NULL,
            last BIGINT NOT NULL,
            PRIMARY KEY (test, outcome)
        ){clustered}
        """,
    ),
]
"""What leads from each version to the next; the first step from an empty database to version 1."""


def version() -> int:
    """The version that this pytest-insight reads and writes."""
    return len(STEPS)


def statements(found: int, dialect: Dialect) -> list[str]:
    """What to run on a database of version `found` (0: empty), in one transaction."""
    return [text.format(**dialect.types) for step in STEPS[found:] for text in step]
