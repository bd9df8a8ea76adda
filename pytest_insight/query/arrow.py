"""What a query and its result give to programs that take Arrow data."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pytest_insight.models import TestSession
from pytest_insight.storage.base import BaseStorage


class ArrowSource(ABC):
    """Results of sessions as Arrow data, one row a result; needs the extra `arrow`.

    The columns are described in the manual, page "python". Later versions may add columns, and
    rename none.
    """

    @abstractmethod
    def _arrow_sessions(self) -> Iterable[TestSession]:
        """Return the sessions, in time order."""

    @abstractmethod
    def _arrow_storage(self) -> BaseStorage:
        """Return the storage that has the sessions."""

    def to_arrow(self) -> Any:
        """Return the results as a `pyarrow.Table`.

        Raises:
            InsightError: pyarrow is not installed; the store cannot be read.
        """
        from pytest_insight.frames import arrow_table  # imports pyarrow

        return arrow_table(self._arrow_sessions())

    def to_frame(self) -> Any:
        """Return the results as a `pandas.DataFrame`.

        Texts that repeat (nodeids, outcomes, branches, ...) are categories, times are
        `datetime64[us, UTC]`. For polars: `polars.DataFrame(result)`.

        Raises:
            InsightError: pyarrow or pandas is not installed; the store cannot be read.
        """
        from pytest_insight.frames import data_frame

        return data_frame(self._arrow_sessions())

    def to_parquet(self, path: str | os.PathLike[str], *, force: bool = False) -> int:
        """Write the results to a Parquet file, a part of them in memory at a time.

        Args:
            path: the file; replaced once the new one is complete.
            force: overwrite a store, or an export with sessions that the store lacks.

        Returns:
            The number of sessions.

        Raises:
            ExchangeError: the file cannot be written, or is not overwritten.
            InsightError: pyarrow is not installed; the store cannot be read.
        """
        from pytest_insight.storage.exports import write_sessions

        sessions = self._arrow_sessions()
        return write_sessions(self._arrow_storage(), sessions, Path(path), "parquet", force=force)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the results as a stream of the Arrow PyCapsule interface.

        Called by `polars.DataFrame(...)`, `pandas.DataFrame.from_arrow(...)`, `pyarrow.table(...)`
        and by DuckDB. https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html
        """
        from pytest_insight.frames import arrow_stream

        return arrow_stream(self._arrow_sessions()).__arrow_c_stream__(requested_schema)
