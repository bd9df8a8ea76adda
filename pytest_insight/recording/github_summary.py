"""Append the report of a run to the summary of its GitHub job.

Imported only on GitHub: the report needs the records and the analysis.
"""

from __future__ import annotations

import glob
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_insight import analyze
from pytest_insight.filters import Selection, SutIs
from pytest_insight.query import Query
from pytest_insight.reports.markdown import MOST_BYTES, markdown
from pytest_insight.reports.report import MOST_SESSIONS, make_report

if TYPE_CHECKING:
    from pytest_insight.storage.base import BaseStorage

MAX_RESULTS = 300_000
"""The results that are read, the newest ones: about a second."""


def append_summary(path: Path, storage: BaseStorage, sut_name: str, results: int) -> None:
    """Append what the history says of the newest run of a SUT.

    All parts of a summary together must be smaller than the limit of GitHub.

    Args:
        path: the file that GitHub shows, `$GITHUB_STEP_SUMMARY`.
        storage: the run is saved in it.
        sut_name: the SUT.
        results: the number of results of the run.

    Raises:
        InsightError: the store cannot be read.
        OSError: the file cannot be written.
    """
    count = max(min(MOST_SESSIONS, MAX_RESULTS // max(results, 1)), 1)
    newest = Selection((SutIs(glob.escape(sut_name)),), limit=count)
    report = make_report(storage, analyze.verdicts(Query(newest, storage=storage)))
    there = path.stat().st_size if path.exists() else 0
    text = markdown(report, MOST_BYTES - there)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{text}" if there else text)
