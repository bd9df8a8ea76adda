"""pytest-insight remembers every pytest run and answers questions about them.

    from pytest_insight import query

    query.for_sut("shop-api").in_last_days(7).execute()

The names in `__all__` of these modules are public: `pytest_insight`, `pytest_insight.analyze`,
`pytest_insight.compare`, `pytest_insight.query`, `pytest_insight.storage`, `pytest_insight.models`,
`pytest_insight.filters`, `pytest_insight.errors` and `pytest_insight.testing`. All other import
paths, also those of modules inside these packages, may change in any release.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = [
    "BaseStorage",
    "CodeState",
    "InsightError",
    "Query",
    "QueryResult",
    "RerunTestGroup",
    "TestOutcome",
    "TestResult",
    "TestSession",
    "analyze",
    "compare",
    "get_storage_instance",
    "query",
]

if TYPE_CHECKING:
    from pytest_insight import analyze, compare, query
    from pytest_insight.errors import InsightError
    from pytest_insight.models import (
        CodeState,
        RerunTestGroup,
        TestOutcome,
        TestResult,
        TestSession,
    )
    from pytest_insight.query import Query, QueryResult
    from pytest_insight.storage import BaseStorage, get_storage_instance

    __version__: str
else:  # hidden from type checkers, to which it would mean that any name exists
    _MODULES = {
        "BaseStorage": "storage",
        "CodeState": "models",
        "InsightError": "errors",
        "Query": "query",
        "QueryResult": "query",
        "RerunTestGroup": "models",
        "TestOutcome": "models",
        "TestResult": "models",
        "TestSession": "models",
        "get_storage_instance": "storage",
    }

    def __getattr__(name: str) -> object:
        # Imported on first use (PEP 562): pytest imports the plugin, and so this package, at every
        # start.
        from importlib import import_module

        if name == "__version__":
            return import_module("importlib.metadata").version("pytest-insight")
        if name in ("analyze", "compare", "query"):
            return import_module(f"pytest_insight.{name}")
        if name in _MODULES:
            return getattr(import_module(f"pytest_insight.{_MODULES[name]}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
