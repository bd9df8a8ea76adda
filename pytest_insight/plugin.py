"""The pytest plugin: its options, and registering the recorder when it is switched on.

pytest imports this module at every start, so it imports nothing of ours and nothing but pytest;
what records is imported once it is known to be wanted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

import pytest

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}

_RUNS_NOTHING = (
    *("help", "version", "markers", "showfixtures", "show_fixtures_per_test", "cacheshow"),
    *("collectonly", "setupplan"),
)
"""pytest's options that make it answer something instead of running tests."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and the ini keys."""
    group = parser.getgroup("insight", "recording the run (pytest-insight)")
    group.addoption(
        "--insight",
        action="store_true",
        default=None,
        help="record this run; see it with: insight sessions list",
    )
    group.addoption(
        "--no-insight",
        dest="insight",
        action="store_false",
        help="do not record this run, whatever the ini file and PYTEST_INSIGHT say",
    )
    group.addoption(
        "--insight-profile",
        metavar="NAME",
        help="record into this profile (a json profile is created where it is missing)",
    )
    group.addoption(
        "--insight-sut",
        metavar="NAME",
        help="name of the system under test (default: the name of the root folder)",
    )
    group.addoption(
        "--insight-tag",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a label for this run; may be given several times",
    )
    parser.addini("insight", "record every run (--no-insight leaves one out)", "bool", False)
    parser.addini("insight_profile", "record into this profile", "string", "")
    parser.addini("insight_sut", "name of the system under test", "string", "")
    parser.addini(
        "insight_capture", "whose captured output is kept: failed, all, none", "string", "failed"
    )
    parser.addini("insight_max_output", "characters of a kept text", "string", "65536")
    parser.addini("insight_redact", "regular expressions: what matches is not kept", "linelist", [])


def pytest_configure(config: pytest.Config) -> None:
    """Register the recorder where this run is to be recorded."""
    if not _is_on(config) or hasattr(config, "workerinput"):  # xdist: the controller records
        return
    if any(getattr(config.option, name, None) not in (None, False, 0) for name in _RUNS_NOTHING):
        return
    sys.meta_path.insert(0, _OurModules)
    config.add_cleanup(_no_longer_find_ours)
    from pytest_insight.recording.setup import make_recorder

    config.pluginmanager.register(make_recorder(config), "insight-recorder")


class _OurModules:
    """Finds our modules as Python does, before pytest's own import hook sees them.

    pytest rewrites the asserts of every module of a plugin's distribution. What records has none,
    and being looked at costs three million instructions a module: a third of what recording cost.
    """

    @staticmethod
    def find_spec(
        fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        ours = fullname.startswith("pytest_insight.")
        if ours and not fullname.startswith("pytest_insight.testing"):  # has asserts to explain
            return PathFinder.find_spec(fullname, path, target)
        return None


def _no_longer_find_ours() -> None:
    if _OurModules in sys.meta_path:  # a test may have put its own list there
        sys.meta_path.remove(_OurModules)


def _is_on(config: pytest.Config) -> bool:
    if config.option.insight is not None:
        return bool(config.option.insight)
    variable = os.environ.get("PYTEST_INSIGHT", "").strip().lower()
    if variable in _TRUE:
        # A pytest that a test of a recorded run starts has inherited the variable; it is no run of
        # its own. pytest sets this one while a test runs.
        return "PYTEST_CURRENT_TEST" not in os.environ
    if variable and variable in _FALSE:
        return False
    if variable:
        raise pytest.UsageError(f"pytest-insight: PYTEST_INSIGHT must be 1 or 0, not {variable!r}")
    try:
        return bool(config.getini("insight"))
    except (ValueError, pytest.UsageError) as exc:  # which of them depends on pytest's version
        raise pytest.UsageError(f"pytest-insight: ini key insight: {exc}") from exc
