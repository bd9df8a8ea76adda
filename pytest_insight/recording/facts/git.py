"""Which code a run tested: asked of git in the background, and never in the run's way."""

from __future__ import annotations

import hashlib
import os
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO

GIT_SECONDS = 0.3
"""How long the end of a run waits, in all, for a git that was started at its beginning."""

UNKNOWN = "unknown"
"""The digest where it could not be taken: the tree may be clean, or may not."""

MAX_FILES = 1000
"""Untracked files that are looked at; with more of them the digest is unknown."""
MAX_FILE = 1 << 20
MAX_ALL = 4 << 20
"""Bytes of one untracked file, and of all of them, that are read: a matter of milliseconds. What is
larger (a data set, a core dump) goes into the digest by its size and time of change."""

_NOT_CODE = ("__pycache__", "*.py[co]", ".pytest_cache")
"""Written by every run; usually ignored by git, and by us where they are not."""

_DIFF = (
    # Names the content of each changed file by its full hash, so the changes themselves need not be
    # long. The rest is that no setting of the user's changes or hides anything.
    *("diff", "--full-index", "-U0", "--no-renames", "--no-color", "--no-ext-diff"),
    *("--no-textconv", "--diff-algorithm=myers", "--src-prefix=a/", "--dst-prefix=b/"),
    *("--ignore-submodules=none", "--submodule=diff", "HEAD"),
)
_SETTINGS = ("core.fsmonitor=false", "core.quotePath=true")
_UNTRACKED_IN_SUBMODULE = b" contains untracked content\n"

_SET_BY_HOOKS = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"),
    *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_LITERAL_PATHSPECS"),
)
"""A git that runs pytest as its hook sets these: they name its repository, whatever the folder."""


Code = dict[str, str]
"""What is known of it; the fields of `models.CodeState`, which takes long to import."""


class CodeProbe:
    """Starts git with the run and reads its answers at the end.

    The digest of uncommitted changes is over the diff to the commit, and over the names and
    contents of the untracked files that git does not ignore: two runs with equal commit and digest
    ran on equal code. git processes alone work in the background, and write to unnamed files: no
    thread (a fork in a test would warn about it), and no pipe that could fill up and stand still.

    No git, no repository, a repository of somebody else's, or a git that does not answer is no
    problem: what is not known is left out. No method raises.

    Args:
        folder: the tests' root folder, anywhere in the working tree.
        not_code: files and folders that belong to us, where they lie in the working tree.
        branch: what the CI service says; taken where git has none (a detached HEAD).
    """

    def __init__(self, folder: Path, not_code: Iterable[Path] = (), branch: str = "") -> None:
        self._branch = branch
        self._asked: dict[str, tuple[subprocess.Popen[bytes], IO[bytes]]] = {}
        self._untracked: bytes | None = None
        self._said: Code | None = None
        self._environment = os.environ | {
            "GIT_OPTIONAL_LOCKS": "0",  # or a `git add` beside us could fail
            "GIT_NO_LAZY_FETCH": "1",
            "LC_ALL": "C",
        }
        with suppress(OSError):  # no git, no room for its answers
            root = self._working_tree(folder)
            if root is not None:
                self._root = root
                self._start(not_code)

    def look(self) -> Code | None:
        """What git has said by now; it is not waited for.

        To be called before tests run, for they may change untracked files, and die.
        """
        return self._look(time.monotonic())

    def state(self, seconds: float = GIT_SECONDS) -> Code | None:
        """What git said; None where it knows nothing of the folder. To be called once.

        Args:
            seconds: how long to wait for it.
        """
        state = self._look(time.monotonic() + seconds)
        self.close()
        return state

    def _look(self, deadline: float) -> Code | None:
        if self._said is None or self._said.get("digest") == UNKNOWN:
            with suppress(OSError):
                self._said = self._read(deadline)
        return self._said

    def _read(self, deadline: float) -> Code | None:
        commit = self._line("commit", deadline)
        branch = self._line("branch", deadline) or self._branch
        if not commit and not branch:
            return None
        digest = self._digest(deadline) if commit else UNKNOWN
        known = {"commit": commit, "branch": branch, "digest": digest}
        return {name: value for name, value in known.items() if value}

    def close(self) -> None:
        """End what is still running; may be called again."""
        for process, output in self._asked.values():
            output.close()
            if process.poll() is None:
                _kill(process)
        self._asked.clear()

    def _working_tree(self, folder: Path) -> Path | None:
        """The top folder, real: git knows no other, and starting it for nothing takes time."""
        folder = Path(os.path.realpath(folder))
        for parent in (folder, *folder.parents):
            if os.access(parent / ".git", os.F_OK):
                for name in _SET_BY_HOOKS:
                    self._environment.pop(name, None)
                return parent
        return folder if "GIT_DIR" in self._environment else None

    def _start(self, not_code: Iterable[Path]) -> None:
        real = (Path(os.path.realpath(path)) for path in not_code)
        ours = [path.relative_to(self._root) for path in real if self._root in path.parents]
        places = ["--", ":/", *(f":(top,exclude,literal){path.as_posix()}" for path in ours)]
        self._ask("commit", "rev-parse", "--verify", "--quiet", "HEAD")
        self._ask("branch", "symbolic-ref", "--quiet", "--short", "HEAD")
        self._ask("diff", *_DIFF, *places)
        patterns = (f"--exclude={pattern}" for pattern in _NOT_CODE)
        self._ask("names", "ls-files", "-z", "--others", "--exclude-standard", *patterns, *places)

    def _ask(self, name: str, *arguments: str) -> None:
        settings = (part for setting in _SETTINGS for part in ("-c", setting))
        output = tempfile.TemporaryFile()  # noqa: SIM115 - read and closed at the end of the run
        try:
            process = subprocess.Popen(  # noqa: S603 - fixed arguments, no shell
                ["git", *settings, "-C", str(self._root), *arguments],  # noqa: S607 - that of PATH
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.DEVNULL,
                env=self._environment,
                start_new_session=True,  # Ctrl-C is meant for the tests; and see _kill
            )
        except OSError:
            output.close()
            raise
        self._asked[name] = (process, output)

    def _answer(self, name: str, deadline: float) -> IO[bytes] | None:
        """What git wrote, from its beginning; None where it failed or took too long."""
        if name not in self._asked:
            return None
        process, output = self._asked[name]
        try:
            status = process.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            return None
        output.seek(0)
        return output if status == 0 else None

    def _line(self, name: str, deadline: float) -> str:
        output = self._answer(name, deadline)
        return output.read().decode("utf-8", "backslashreplace").strip() if output else ""

    def _digest(self, deadline: float) -> str | None:
        """A digest of the changes; None for a clean tree."""
        self._read_untracked(deadline)  # first, whatever else git has not said yet
        diff = self._answer("diff", deadline)
        if diff is None:
            return UNKNOWN
        digest, clean = hashlib.sha256(), True
        for line in diff:
            if line.startswith(b"Submodule ") and line.endswith(_UNTRACKED_IN_SUBMODULE):
                return UNKNOWN  # git does not say which
            digest.update(line)
            clean = False
        if self._untracked is None:
            return UNKNOWN
        digest.update(self._untracked)
        return None if clean and not self._untracked else digest.hexdigest()

    def _read_untracked(self, deadline: float) -> None:
        """Take a digest of the untracked files: empty without any, None where it cannot be."""
        names = self._answer("names", deadline) if self._untracked is None else None
        if names is None:
            return
        paths = names.read().split(b"\0")[:-1]
        if len(paths) > MAX_FILES:
            return
        digest, left = hashlib.sha256(), MAX_ALL
        with suppress(OSError):  # unreadable, or deleted since: unknown
            for path in paths:
                fact, read = _fact(os.path.join(os.fsencode(self._root), path), left)  # noqa: PTH118
                left -= read
                digest.update(b"%d:%b%d:%b" % (len(path), path, len(fact), fact))
            self._untracked = digest.digest() if paths else b""


def _fact(path: bytes, left: int) -> tuple[bytes, int]:
    """What a file is, and how much of it was read for that: never more than is left."""
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        return b"link " + os.readlink(path), 0  # noqa: PTH115 - Path knows no bytes
    if not stat.S_ISREG(found.st_mode):
        return b"other", 0  # a repository inside: its files are its own
    executable = b"x" if found.st_mode & stat.S_IXUSR else b"-"
    if found.st_size > min(MAX_FILE, left):
        return b"large %b %d %d" % (executable, found.st_size, found.st_mtime_ns), 0
    with open(path, "rb") as file:  # noqa: PTH123 - Path knows no bytes
        content = file.read(MAX_FILE)
    return b"file %b %b" % (executable, hashlib.sha256(content).digest()), len(content)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)  # with what it has started itself
        else:
            process.kill()
    with suppress(subprocess.TimeoutExpired):  # stuck in the kernel: a dead network drive
        process.wait(0.1)
