"""pytest-insight remembers every pytest run and answers questions about them.

The public names are found on first use (PEP 562), so that importing a submodule - as pytest does
with the plugin at every start - costs nothing. `query` is not among them: `from pytest_insight
import query` gives the submodule, and a name bound here would hide it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_insight.errors import InsightError as InsightError
    from pytest_insight.models import CodeState as CodeState
    from pytest_insight.models import RerunTestGroup as RerunTestGroup
    from pytest_insight.models import TestOutcome as TestOutcome
    from pytest_insight.models import TestResult as TestResult
    from pytest_insight.models import TestSession as TestSession
    from pytest_insight.query import Query as Query
    from pytest_insight.query import QueryResult as QueryResult
    from pytest_insight.storage import BaseStorage as BaseStorage
    from pytest_insight.storage import get_storage_instance as get_storage_instance

_HOMES = {
    "InsightError": "pytest_insight.errors",
    "CodeState": "pytest_insight.models",
    "RerunTestGroup": "pytest_insight.models",
    "TestOutcome": "pytest_insight.models",
    "TestResult": "pytest_insight.models",
    "TestSession": "pytest_insight.models",
    "Query": "pytest_insight.query",
    "QueryResult": "pytest_insight.query",
    "BaseStorage": "pytest_insight.storage",
    "get_storage_instance": "pytest_insight.storage",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("pytest-insight")
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES, "__version__"])
