"""Facts about the machine and the run."""

from __future__ import annotations

import os
import platform
import socket
from typing import Any

import pytest

from pytest_insight.recording.ci import ci_facts


def testing_system(config: pytest.Config) -> dict[str, Any]:
    """Host, platform, versions of Python, pytest and the active plugins, xdist's workers, CI."""
    plugins = {
        dist.project_name: dist.version for _, dist in config.pluginmanager.list_plugin_distinfo()
    }
    facts: dict[str, Any] = {
        "host": _host(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "pytest": pytest.__version__,
        "plugins": dict(sorted(plugins.items())),
    }
    workers = sum(map(_count, getattr(config.option, "tx", None) or []))  # xdist's
    if workers and getattr(config.option, "dist", "no") != "no":
        facts["workers"] = workers
    ci = ci_facts(os.environ)
    if ci:
        facts["ci"] = ci
    return facts


def _host() -> str:
    try:
        return socket.gethostname()
    except (OSError, UnicodeError):
        return ""


def _count(specification: str) -> int:
    """How many workers one `--tx` means: `popen`, `3*popen`."""
    number = specification.partition("*")[0]
    return int(number) if number.isdecimal() else 1
