"""Small file systems in a user namespace, which end with its processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")
SOMEBODY = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
"""Drops the root user's rights inside the namespace."""
_MOUNT = 'mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@"'


def can_mount() -> bool:
    """Return whether this user may mount file systems in a namespace."""
    if sys.platform != "linux" or shutil.which(NAMESPACE[0]) is None:
        return False
    command = [*NAMESPACE, "sh", "-c", _MOUNT, "sh", "1m", "/mnt", *SOMEBODY, "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def run_with(
    size: str, folder: Path, module: str, *arguments: str | Path, as_root: bool = True
) -> str:
    """Run a module with a file system of this size mounted on the folder; return its output.

    Raises:
        AssertionError: it did not end with status 0.
    """
    who: Sequence[str] = () if as_root else SOMEBODY
    ran = subprocess.run(
        [
            *(*NAMESPACE, "sh", "-c", _MOUNT, "sh", size, folder),
            *(*who, sys.executable, "-m", module, *arguments),
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
