"""The tables, their version, and the migrations from each version to the next.

Keys are hashes (`rows.hash_key`), so writers never contend for a sequence. Every primary key of a
session's rows starts with the session's key, so the tables can be partitioned or distributed by it.
There are no foreign keys: they would cost a lookup per inserted row and hinder distribution.

`insight_results` is narrow and clustered by session and test: the results of a session are adjacent
on disk, and one test is found in each session through the primary key. A further index would take
as much space as the results themselves.

Most results have passed and have no texts. All others, which most queries ask for, are also in
`insight_details` as complete JSON, with a primary key by session and outcome: reading the failures
of some sessions does not touch the passed results.

Versions: 1, the first one. 2 has the same tables; the JSON in them has the fields of version 2 of
`document.layout`. 3 has the indexes of `views`. 4 has what the analysis reads (`runs.rows`); the
sessions of earlier versions get it little by little (`runs.preparation`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_insight.storage.sql.connection import Connection
    from pytest_insight.storage.sql.dialect import Dialect

MIGRATIONS: list[tuple[str, ...]] = [
    (
        # One row per session.
        #   id        the key of session_id
        #   started   microseconds since 1970-01-01 UTC, like all times
        #   commit_id in lower case
        #   results   the number of results
        #   details   the number of results with a row in insight_details
        #   warnings  the number of results with a warning
        #   outcomes  the number of results per outcome, as in {"passed": 3}
        #   header    the session without its results, as in the JSON document: the source of every
        #             field when a session is read
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
        # For the newest sessions and for time ranges. Without session_id, which may be too long
        # for an index; few sessions start in the same microsecond.
        "CREATE INDEX insight_sessions_by_start ON insight_sessions (started)",
        # One row per nodeid; id is its key.
        """
        CREATE TABLE insight_tests (
            id {key} NOT NULL PRIMARY KEY,
            nodeid TEXT NOT NULL
        )
        """,
        # The names of outcomes that other plugins define; id is `rows.outcome_code`.
        """
        CREATE TABLE insight_outcomes (
            id {key} NOT NULL PRIMARY KEY,
            name TEXT NOT NULL
        )
        """,
        # One row per result.
        #   position  its index in the session
        #   outcome   its code
        #   began     microseconds since the session's start
        #   duration  in seconds
        #   flags     the sum of `rows.WARNING` if it has a warning and `rows.DETAILED` if it has a
        #             row in insight_details
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
        # The results that did not pass, or have texts or properties. They repeat the columns of
        # insight_results, so that the same condition works on both tables.
        #   result    the complete result, as in the JSON document
        # Not clustered: long rows fill the pages better in insertion order, which keeps the rows of
        # a session together anyway.
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
        # The rollups: one row per test, outcome and day, and one per test and outcome. The day
        # comes last in the key, so that the days of a total are adjacent.
        #   day      of the sessions' starts: days since 1970-01-01 UTC
        #   total    the sum of the durations, each rounded to microseconds
        #   longest  the longest duration, in seconds
        #   first    when the first result began
        #   last     when the last result began
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
    (),
    (
        # For `order by started` and `where started >= ...` on the view `runs`: the expression is
        # the column of the view.
        "CREATE INDEX insight_sessions_by_time ON insight_sessions (({started_time}))",
        # For `where nodeid = ...` on the view `results`; empty for a database that does without.
        "{nodeid_index}",
    ),
    (
        #   suite    the key of its suite; NULL if nothing of this version is known of the session
        #   decided  the number of tests with a good or bad run
        #   bad      the number of tests with a bad run
        "ALTER TABLE insight_sessions ADD COLUMN suite BIGINT",
        "ALTER TABLE insight_sessions ADD COLUMN decided INTEGER",
        "ALTER TABLE insight_sessions ADD COLUMN bad INTEGER",
        "CREATE INDEX insight_sessions_by_suite ON insight_sessions (suite)",
        # The sets of tests that sessions have, as `runs.rows.packed`; id is a hash of it.
        "CREATE TABLE insight_suites (id {key} NOT NULL PRIMARY KEY, tests {bytes} NOT NULL)",
        # One row per run (all results of a test in a session) that is not a single pass.
        #   outcome   the code of the one that counts
        #   attempts  how often the test was run
        #   duration  of all attempts together, in seconds
        #   reason    why it did not pass; NULL if there is nothing to say
        """
        CREATE TABLE insight_runs (
            session BIGINT NOT NULL,
            test BIGINT NOT NULL,
            outcome INTEGER NOT NULL,
            attempts INTEGER NOT NULL,
            duration {real} NOT NULL,
            reason BIGINT,
            PRIMARY KEY (session, test)
        ){clustered}
        """,
        # Why runs did not pass; id is a hash of the first four.
        #   cause, shape  the keys of the cause by the rules without masks
        #   version       of those rules
        """
        CREATE TABLE insight_reasons (
            id {key} NOT NULL PRIMARY KEY,
            phase TEXT NOT NULL,
            message TEXT NOT NULL,
            crash TEXT NOT NULL,
            guessed SMALLINT NOT NULL,
            cause TEXT NOT NULL,
            shape TEXT NOT NULL,
            version TEXT NOT NULL
        )
        """,
    ),
]
"""The statements from each version to the next; the first ones create version 1."""

READABLE_VERSION = 1
"""The oldest version that is read as it is; the first write migrates it. Reading does not write to
a store: it may be write-protected, and others may use an older pytest-insight."""


RUNS_VERSION = 4
"""The first version with the tables that the analysis reads."""


def current_version() -> int:
    """Return the version that this pytest-insight reads and writes."""
    return len(MIGRATIONS)


def migration_statements(version: int, dialect: Dialect, target: int | None = None) -> list[str]:
    """Return the statements that bring a database of some version to another one.

    Args:
        version: the version of the database; 0 if it is empty.
        dialect: the database's dialect.
        target: the version afterwards; None for the current one.
    """
    started = dialect.time_value("started")
    statements = [
        statement.format(**dialect.column_types, started_time=started)
        for migration in MIGRATIONS[version:target]
        for statement in migration
    ]
    return [statement for statement in statements if statement]


def migrate(connection: Connection, version: int) -> None:
    """Bring the tables from a version to the current one, inside the caller's transaction."""
    for statement in migration_statements(version, connection.dialect):
        connection.execute(statement)
    connection.write_version(current_version())
