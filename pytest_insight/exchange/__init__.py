"""Read sessions from files and write them to files. Knows no storage.

To add a format:

- of another program's reports: a module in `readers` whose `read` returns `draft.SessionDraft`s (as
  `readers.report_log`, with the help of `readers.shared`), a function in `readers.recognition`, and
  a line in `read_formats.FOREIGN_FORMATS`. What the format lacks is a loss of `losses`.
- that holds whole sessions: a module in `readers`, and a line in `read_formats.OWN_FORMATS`.
- that is written: a module in `writers`, and a line in `write_formats.FORMATS`.

A file comes in by `discovery` and `input`; drafts become sessions in `draft`; `validation` and
`session_models` check our own formats; `merge` and `same_run` plan what an import does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["ImportReport", "MergePlan", "ReadOptions"]

if TYPE_CHECKING:
    from pytest_insight.exchange.import_report import ImportReport
    from pytest_insight.exchange.merge import MergePlan
    from pytest_insight.exchange.options import ReadOptions
else:  # hidden from type checkers, to which it would mean that any name exists
    from pytest_insight._util.lazy_names import on_first_use

    # Signatures of storages name them; most commands import and merge nothing.
    __getattr__ = on_first_use(
        __name__,
        {
            "ImportReport": "exchange.import_report",
            "MergePlan": "exchange.merge",
            "ReadOptions": "exchange.options",
        },
    )
