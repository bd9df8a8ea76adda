"""The views for people and their tools: `runs`, `results` and `tests`, with names and times.

pytest-insight never reads them, so they are no part of the version of the tables. A process that
writes to a store creates the missing views and replaces those of an earlier edition; one that only
reads creates none. A table or view of the user that has the name of a view stays. If the user of
the database may not create views, they stay missing.

To change a view, raise `EDITION`, and add columns at the end only: PostgreSQL replaces a view only
if its earlier columns stay. A migration that changes the type of a column has to drop the views.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_insight.models import TestOutcome
from pytest_insight.storage.sql.rows import OUTCOMES, WARNING

if TYPE_CHECKING:
    from pytest_insight.storage.sql.connection import Connection
    from pytest_insight.storage.sql.dialect import Dialect

EDITION = 2
"""Raised with each change of a view."""
_MARK = re.compile(r"pytest-insight, edition (\d{1,9})\b")

DESCRIPTIONS = {
    "runs": "one row per session",
    "results": "one row per result",
    "tests": "one row per test of a SUT, over all its results",
}
"""The views, and what their rows are."""


def mark(name: str) -> str:
    """Return the text by which a view is known as ours; it is stored with the view."""
    return f"{DESCRIPTIONS[name]} (pytest-insight, edition {EDITION})"


def is_outdated(text: str | None) -> bool:
    """Return whether a text stored with an existing view is the mark of an earlier edition."""
    found = _MARK.search(text or "")
    return found is not None and int(found[1]) < EDITION


def create_views(connection: Connection) -> None:
    """Create the missing views and replace outdated ones; does nothing if all are there."""
    if not connection.missing_views(DESCRIPTIONS):
        return
    with connection.write_transaction():
        for name in connection.missing_views(DESCRIPTIONS):  # another process may have done it
            connection.create_view(name, mark(name), view_query(name, connection.dialect))


def view_query(name: str, dialect: Dialect) -> str:
    """Return the query of a view."""
    return {"runs": _runs, "results": _results, "tests": _tests}[name](dialect)


def _runs(dialect: Dialect) -> str:
    def header(field: str, kind: str = "text") -> str:
        return dialect.json_field("s.header", field, kind)

    counts = {name: f"coalesce({_count(dialect, name)}, 0)" for name in TestOutcome}
    columns = {
        "session": "s.session_id",
        "sut": "s.sut",
        "started": dialect.time_value("s.started"),
        "duration": header("session_duration", "real"),
        "branch": "s.branch",
        "commit_hash": "s.commit_id",
        "status": f"CASE WHEN {header('crashed', 'boolean')} THEN 'crashed'"
        f" WHEN {counts[TestOutcome.FAILED]} + {counts[TestOutcome.ERROR]} > 0 THEN 'failed'"
        " WHEN s.results = 0 THEN 'no tests'"
        # See `summaries.ended_badly`.
        f" WHEN coalesce({header('exit_status', 'integer')}, 0) NOT IN (0, 5) THEN 'failed'"
        " ELSE 'passed' END",
        "results": "s.results",
        **{str(outcome): count for outcome, count in counts.items()},
        "tags": f"coalesce({header('session_tags', 'json')}, '{{}}')",
        "testing_system": f"coalesce({header('testing_system', 'json')}, '{{}}')",
        "arguments": f"coalesce({header('arguments', 'json')}, '[]')",
        "exit_status": header("exit_status", "integer"),
        "pinned": "s.pinned = 1",
    }
    return _select(columns, "insight_sessions s")


def _results(dialect: Dialect) -> str:
    def detail(field: str) -> str:
        return f"coalesce({dialect.json_field('x.result', field, 'text')}, '')"

    columns = {
        "session": "s.session_id",
        "sut": "s.sut",
        "branch": "s.branch",
        "commit_hash": "s.commit_id",
        "run_started": dialect.time_value("s.started"),
        "nodeid": "t.nodeid",
        "file": dialect.text_before("t.nodeid", "::"),
        "outcome": _outcome("r.outcome"),
        "phase": f"CASE {detail('phase')} WHEN '' THEN 'call' ELSE {detail('phase')} END",
        "started": dialect.time_value("(s.started + r.began)"),
        "duration": "r.duration",
        "message": detail("message"),
        "crash": detail("crash"),
        "worker": "coalesce(r.worker, '')",
        "has_warning": f"(r.flags & {WARNING}) = {WARNING}",
        "longreprtext": detail("longreprtext"),
        "tags": f"coalesce({dialect.json_field('s.header', 'session_tags', 'json')}, '{{}}')",
    }
    source = (
        f"insight_sessions s {dialect.join_in_order} insight_results r ON r.session = s.id"
        " JOIN insight_tests t ON t.id = r.test"
        " LEFT JOIN insight_details x"
        " ON x.session = r.session AND x.outcome = r.outcome AND x.position = r.position"
    )
    return _select(columns, source)


def _tests(dialect: Dialect) -> str:
    """Return the query of `tests`, which reads the stored totals if they are of one SUT."""
    one_sut = "(SELECT count(DISTINCT sut) FROM insight_sessions) = 1"
    moment = "s.started + r.began"
    totals = (
        "SELECT (SELECT min(sut) FROM insight_sessions) AS sut, test, outcome, results, total,"
        f" longest, first, last FROM insight_totals WHERE results > 0 AND {one_sut}"
        " UNION ALL"
        " SELECT s.sut, r.test, r.outcome, count(*), sum(r.duration * 1e6), max(r.duration),"
        f" min({moment}), max({moment})"
        f" FROM insight_sessions s {dialect.join_in_order} insight_results r ON r.session = s.id"
        f" WHERE NOT {one_sut} GROUP BY s.sut, r.test, r.outcome"
    )
    named = (
        f"SELECT a.sut, t.nodeid, {_outcome('a.outcome')} AS outcome, a.results, a.total,"
        f" a.longest, a.first, a.last FROM ({totals}) a JOIN insight_tests t ON t.id = a.test"
    )
    columns = {
        "sut": "sut",
        "nodeid": "nodeid",
        "file": dialect.text_before("nodeid", "::"),
        "results": "CAST(sum(results) AS BIGINT)",
        **{
            str(name): f"CAST(sum(CASE outcome WHEN '{name}' THEN results ELSE 0 END) AS BIGINT)"
            for name in TestOutcome
        },
        "mean_duration": "CAST(sum(total) / 1e6 / sum(results) AS DOUBLE PRECISION)",
        "longest_duration": "max(longest)",
        "first_started": dialect.time_value("min(first)"),
        "last_started": dialect.time_value("max(last)"),
        "last_outcome": dialect.last_text("outcome", "last"),
    }
    return f"{_select(columns, f'({named}) n')} GROUP BY sut, nodeid"


def _select(columns: dict[str, str], source: str) -> str:
    return f"SELECT {', '.join(f'{sql} AS {name}' for name, sql in columns.items())} FROM {source}"


def _count(dialect: Dialect, outcome: str) -> str:
    return dialect.json_field("s.outcomes", outcome, "integer")


def _outcome(code: str) -> str:
    names = " ".join(f"WHEN {number} THEN '{name}'" for number, name in OUTCOMES.items())
    return (
        f"CASE {code} {names} ELSE (SELECT o.name FROM insight_outcomes o WHERE o.id = {code}) END"
    )
