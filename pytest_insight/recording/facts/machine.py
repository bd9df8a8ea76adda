"""Facts about the machine and the pytest installation."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

import pytest

_SEED_OPTIONS = (
    ("pytest-randomly", "randomly_seed"),
    ("pytest-random-order", "random_order_seed"),
    ("hypothesis", "hypothesis_seed"),
)
"""The options in which plugins keep their seed."""


def testing_system(config: pytest.Config, ci: dict[str, str]) -> dict[str, Any]:
    """Return host, platform, versions of Python, pytest and plugins, workers, seeds, CI facts."""
    facts: dict[str, Any] = {
        "host": _host(),
        "platform": _platform(),
        "python": sys.version.partition(" ")[0],
        "pytest": pytest.__version__,
        "plugins": _plugins(config),
    }
    workers = sum(map(_worker_count, getattr(config.option, "tx", None) or []))  # of xdist
    if workers and getattr(config.option, "dist", "no") != "no":
        facts["workers"] = workers
    if seeds := _random_seeds(config):
        facts["random_seeds"] = seeds
    if ci:
        facts["ci"] = ci
    return facts


def _host() -> str:
    try:
        return socket.gethostname()
    except (OSError, UnicodeError):
        return ""


def _platform() -> str:
    """Return e.g. `Linux-6.1.0-x86_64`; `platform.platform()` would search for the C library."""
    if hasattr(os, "uname"):
        system = os.uname()
        return f"{system.sysname}-{system.release}-{system.machine}"
    import platform

    return platform.platform()


def _plugins(config: pytest.Config) -> dict[str, str]:
    """Return the versions of the distributions that have an active plugin, by name."""
    # One distribution may have several plugins, and parsing its metadata is slow.
    found = {id(dist._dist): dist._dist for _, dist in config.pluginmanager.list_plugin_distinfo()}
    every = (dist.metadata for dist in found.values())
    return dict(sorted((str(each["Name"]), str(each["Version"])) for each in every))


def _worker_count(specification: str) -> int:
    """Return the number of workers of one `--tx` option: `popen`, `3*popen`."""
    number = specification.partition("*")[0]
    return int(number) if number.isdecimal() else 1


def _random_seeds(config: pytest.Config) -> dict[str, str]:
    """Return the seeds of the plugins that run or make tests at random, by plugin."""
    return {
        plugin: str(seed)
        for plugin, option in _SEED_OPTIONS
        if (seed := getattr(config.option, option, None)) not in (None, "", "default")
    }
