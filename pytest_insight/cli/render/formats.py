"""The output formats of commands, by what they print: lists, failures, verdicts, records."""

from __future__ import annotations

import enum


class ListFormat(enum.StrEnum):
    """The formats of a list."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class FindFormat(enum.StrEnum):
    """The formats of what a query has found."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    NODEIDS = "nodeids"


class FailureFormat(enum.StrEnum):
    """The formats of failures and of verdicts."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    NODEIDS = "nodeids"
    MARKDOWN = "markdown"


class ShowFormat(enum.StrEnum):
    """The formats of a single record."""

    TABLE = "table"
    JSON = "json"


AnyFormat = ListFormat | FindFormat | FailureFormat
