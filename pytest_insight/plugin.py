"""The pytest plugin: its options and ini keys; registers the recorder if recording is on.

pytest imports this module in every run, so it imports only pytest. The recorder is imported when a
run is recorded.
"""

from __future__ import annotations

import os
import time
from itertools import count
from typing import Any

import pytest

# Taken when pytest loads its plugins, before it loads any conftest: tests can seed and patch these
# sources. They tell apart all processes of all machines; with the counter, all runs of a process.
_getpid = os.getpid
_process = (
    os.urandom(16),
    time.time_ns(),
    time.monotonic_ns(),
    os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME"),
)
_runs = count(1)

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}

_OPTIONS_WITHOUT_COLLECTION = ("help", "version", "markers", "cacheshow")
_OPTIONS_WITHOUT_TESTS = (
    *_OPTIONS_WITHOUT_COLLECTION,
    *("showfixtures", "show_fixtures_per_test", "collectonly", "setuponly", "setupplan"),
)
"""Options that make pytest print something instead of running tests."""
_SELECTIONS = ("insight_select", "insight_deselect")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and the ini keys."""
    group = parser.getgroup("insight", "recording of test runs (pytest-insight)")
    group.addoption(
        "--insight",
        action="store_true",
        default=None,
        help="record this run; then ask: insight failures",
    )
    group.addoption(
        "--no-insight",
        dest="insight",
        action="store_false",
        help="do not record this run (overrides the ini file and PYTEST_INSIGHT)",
    )
    group.addoption(
        "--insight-profile",
        metavar="NAME",
        help="record into this profile; a missing one is created with a JSON store",
    )
    group.addoption(
        "--insight-sut",
        metavar="NAME",
        help="name of the system under test (default: name of the root folder)",
    )
    group.addoption(
        "--insight-tag",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="label of this run; can be repeated",
    )
    for option, what in (("select", "run only"), ("deselect", "do not run")):
        group.addoption(
            f"--insight-{option}",
            metavar="WORDS",
            action="append",
            default=[],
            help=f"{what} tests that the history calls failed, flaky, broken, new-failure or slow "
            "(one or more, with commas); works without --insight",
        )
    group.addoption(
        "--insight-verdicts",
        metavar="FORM",
        help="what the history says of failures of a recorded run: short, full or off",
    )
    _add_ini_keys(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the recorder and the selection if they are wanted."""
    if hasattr(config, "workerinput"):  # with xdist, the controller records and selects
        _configure_worker(config)
        return
    if _is_on(config) and not _has_any(config, _OPTIONS_WITHOUT_TESTS):
        from pytest_insight.recording.setup import make_recorder

        origin = repr((*_process, _getpid(), next(_runs)))  # a forked process has its parent's
        config.pluginmanager.register(make_recorder(config, origin), "insight-recorder")
    if _has_any(config, _SELECTIONS) and not _has_any(config, _OPTIONS_WITHOUT_COLLECTION):
        from pytest_insight.recording.selection import make_selector

        config.pluginmanager.register(make_selector(config), "insight-selection")


def _has_any(config: pytest.Config, options: tuple[str, ...]) -> bool:
    return any(getattr(config.option, name, None) not in (None, False, 0, []) for name in options)


def _configure_worker(config: Any) -> None:
    """Let a worker of xdist select, and send secrets to the controller, which hides them."""
    if "insight_selection" in config.workerinput:  # put there by `recording.selection`
        from pytest_insight.recording.selection import selector_of_worker

        selector = selector_of_worker(config.workerinput["insight_selection"])
        config.pluginmanager.register(selector, "insight-selection")
    if "insight_secrets" in config.workerinput:  # put there by `recording.secrets`
        from pytest_insight.recording.secrets import send_to_controller

        config.pluginmanager.register(send_to_controller(config.workerinput), "insight-secrets")


def _add_ini_keys(parser: pytest.Parser) -> None:
    parser.addini("insight", "record every run (default: false)", "bool", False)
    parser.addini(
        "insight_profile", "record into this profile (default: the active one)", "string", ""
    )
    parser.addini(
        "insight_sut",
        "name of the system under test (default: name of the root folder)",
        "string",
        "",
    )
    parser.addini(
        "insight_capture",
        "tests whose captured output is kept: failed, all or none (default: failed)",
        "string",
        "failed",
    )
    parser.addini(
        "insight_max_output",
        "maximum characters kept of each text (default: 65536)",
        "string",
        "65536",
    )
    parser.addini(
        "insight_redact",
        "regular expressions; matches are stored as *** (default: none)",
        "linelist",
        [],
    )
    parser.addini(
        "insight_verdicts",
        "what the history says of failures: short, full or off (default: short)",
        "string",
        "short",
    )
    parser.addini(
        "insight_github_summary",
        "append what the history says to the summary of a GitHub job (default: true)",
        "bool",
        True,
    )
    parser.addini(
        "insight_cause_masks",
        "regular expressions with one group each; what it matches does not make two failures "
        "different (default: none)",
        "linelist",
        [],
    )


def _is_on(config: pytest.Config) -> bool:
    if config.option.insight is not None:
        if config.option.insight and "--insight" in os.environ.get("PYTEST_ADDOPTS", ""):
            # Inherited as below, unless this pytest was given the option itself.
            given = "--insight" in config.invocation_params.args
            return given or "PYTEST_CURRENT_TEST" not in os.environ
        return bool(config.option.insight)
    variable = os.environ.get("PYTEST_INSIGHT", "").strip().lower()
    if variable in _TRUE:
        # pytest sets this variable while a test runs. A pytest that a test starts inherits both,
        # and is not recorded.
        return "PYTEST_CURRENT_TEST" not in os.environ
    if variable and variable in _FALSE:
        return False
    if variable:
        raise pytest.UsageError(f"pytest-insight: PYTEST_INSIGHT must be 1 or 0, not {variable!r}")
    try:
        return bool(config.getini("insight"))
    except (ValueError, pytest.UsageError) as exc:  # depends on the version of pytest
        raise pytest.UsageError(f"pytest-insight: ini key insight: {exc}") from exc
