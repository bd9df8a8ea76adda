"""Facts about the machine and the code that a run is recorded with."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pytest_insight.models import CodeState

GIT_SECONDS = 5.0
"""How long the end of a run waits for git, which was started at its beginning."""


def testing_system(config: pytest.Config) -> dict[str, Any]:
    """Host, platform, versions of Python and pytest, and the active plugins with theirs."""
    plugins = {
        dist.project_name: dist.version for _, dist in config.pluginmanager.list_plugin_distinfo()
    }
    return {
        "host": socket.gethostname(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "pytest": pytest.__version__,
        "plugins": dict(sorted(plugins.items())),
    }


class CodeProbe:
    """Asks git in the background: started with the run, read at its end, never in its way.

    No git, no repository, or a git that does not answer is no problem: the state is unknown then.
    """

    def __init__(self, folder: Path) -> None:
        self._commit = _started(folder, "rev-parse", "--verify", "--quiet", "HEAD")
        self._branch = _started(folder, "symbolic-ref", "--quiet", "--short", "HEAD")

    def state(self) -> CodeState | None:
        """What git said; None where it knows nothing of the folder."""
        commit, branch = _answer(self._commit), _answer(self._branch)
        return CodeState(commit=commit, branch=branch) if commit or branch else None


def _started(folder: Path, *arguments: str) -> subprocess.Popen[bytes] | None:
    try:
        return subprocess.Popen(  # noqa: S603 - fixed arguments, no shell
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the git of the PATH is meant
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except OSError:
        return None


def _answer(process: subprocess.Popen[bytes] | None) -> str | None:
    if process is None:
        return None
    try:
        out, _ = process.communicate(timeout=GIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None
    return (out.decode("utf-8", "replace").strip() or None) if process.returncode == 0 else None
