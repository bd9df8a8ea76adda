"""Facts about the machine and the run."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_insight.recording.facts.ci import ci_facts

if TYPE_CHECKING:
    from importlib.metadata import Distribution


def testing_system(config: pytest.Config) -> dict[str, Any]:
    """Host, platform, versions of Python, pytest and the active plugins, xdist's workers, CI."""
    facts: dict[str, Any] = {
        "host": _host(),
        "platform": _platform(),
        "python": sys.version.partition(" ")[0],
        "pytest": pytest.__version__,
        "plugins": dict(sorted(_plugins(config))),
    }
    workers = sum(map(_count, getattr(config.option, "tx", None) or []))  # xdist's
    if workers and getattr(config.option, "dist", "no") != "no":
        facts["workers"] = workers
    ci = ci_facts(os.environ)
    if ci:
        facts["ci"] = ci
    return facts


def _platform() -> str:
    """As `Linux-6.1.0-x86_64`; `platform.platform()` searches the interpreter for its libc."""
    if hasattr(os, "uname"):
        system = os.uname()
        return f"{system.sysname}-{system.release}-{system.machine}"
    import platform

    return platform.platform()


def _plugins(config: pytest.Config) -> Iterator[tuple[str, str]]:
    """Name and version of each distribution with an active plugin."""
    # A distribution may have several.
    found = {id(dist._dist): dist for _, dist in config.pluginmanager.list_plugin_distinfo()}
    for dist in found.values():
        yield _name_and_version(dist._dist)


def _name_and_version(distribution: Distribution) -> tuple[str, str]:
    """Read from its metadata's first lines: parsing all of them takes fifty times as long."""
    head, _, _ = (distribution.read_text("METADATA") or "").partition("\n\n")
    fields = dict(line.partition(": ")[::2] for line in head.split("\n"))
    if "Name" in fields and "Version" in fields:
        return fields["Name"].strip(), fields["Version"].strip()
    metadata = distribution.metadata  # another layout than that of a wheel
    return str(metadata["name"]), str(metadata["version"])


def _host() -> str:
    try:
        return socket.gethostname()
    except (OSError, UnicodeError):
        return ""


def _count(specification: str) -> int:
    """How many workers one `--tx` means: `popen`, `3*popen`."""
    number = specification.partition("*")[0]
    return int(number) if number.isdecimal() else 1
