"""Which code a run tested: asked of git in the background, and never in the run's way."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO

from pytest_insight.models import CodeState

GIT_SECONDS = 1.0
"""How long the end of a run waits, in all, for a git that was started at its beginning."""

UNKNOWN = "unknown"
"""The digest where git did not say all of it in time: the tree may be clean, or may not."""


class CodeProbe:
    """Starts git with the run and reads its answers at the end.

    The digest of uncommitted changes is over the diff to the commit, and over the names and
    contents of the untracked files that git does not ignore: two runs with equal commit and digest
    ran on equal code. It is taken by git processes alone, which write to unnamed files: no
    thread (a fork in a test would warn about it), and no pipe that could fill up and stand still.

    No git, no repository, or a git that does not answer is no problem: the state is unknown then.
    """

    def __init__(self, folder: Path) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []
        self._folder = folder
        self._outputs: dict[str, tuple[subprocess.Popen[bytes], IO[bytes]] | None] = {}
        git = ["-c", "core.fsmonitor=false", "-C", str(folder)]
        self._ask("commit", [*git, "rev-parse", "--verify", "--quiet", "HEAD"])
        if self._outputs["commit"] is None:
            return
        self._ask("branch", [*git, "symbolic-ref", "--quiet", "--short", "HEAD"])
        self._ask("diff", [*git, "diff", "--no-ext-diff", "--no-color", "--binary", "HEAD"])
        untracked = [*git, "ls-files", "--others", "--exclude-standard", ":/"]
        self._ask("names", untracked)
        self._ask("contents", [*git, "hash-object", "--stdin-paths"], names_of=untracked)

    def state(self) -> CodeState | None:
        """What git said; None where it knows nothing of the folder."""
        deadline = time.monotonic() + GIT_SECONDS
        answers = {name: self._answer(name, deadline) for name in self._outputs}
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        commit = (answers.get("commit") or b"").decode("utf-8", "replace").strip()
        branch = (answers.get("branch") or b"").decode("utf-8", "replace").strip()
        if not commit and not branch:
            return None
        changes = [answers.get(name) for name in ("diff", "names", "contents")]
        return CodeState(
            commit=commit or None,
            branch=branch or None,
            digest=_digest(changes) if commit else None,
        )

    def _ask(self, name: str, arguments: list[str], names_of: list[str] | None = None) -> None:
        output = tempfile.TemporaryFile()  # noqa: SIM115 - read and closed at the end of the run
        try:
            source = None
            if names_of is not None:
                source = self._start(names_of, subprocess.PIPE, None)
            process = self._start(arguments, output, source.stdout if source else None)
            if source is not None and source.stdout is not None:
                source.stdout.close()  # the other process has it now
            self._outputs[name] = (process, output)
        except OSError:
            output.close()
            self._outputs[name] = None

    def _start(
        self, arguments: list[str], out: int | IO[bytes], into: IO[bytes] | None
    ) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(  # noqa: S603 - fixed arguments, no shell
            ["git", *arguments],  # noqa: S607 - the git of the PATH is meant
            stdin=into or subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
        self._processes.append(process)
        return process

    def _answer(self, name: str, deadline: float) -> bytes | None:
        asked = self._outputs[name]
        if asked is None:
            return None
        process, output = asked
        with output:
            try:
                status = process.wait(max(deadline - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                return None
            output.seek(0)
            return output.read() if status == 0 else None


def _digest(changes: list[bytes | None]) -> str | None:
    """A digest of the changes; None for a clean tree."""
    if any(change is None for change in changes):
        return UNKNOWN
    if not any(changes):
        return None
    digest = hashlib.sha256()
    for change in changes:
        digest.update(b"%d:" % len(change or b""))
        digest.update(change or b"")
    return digest.hexdigest()
