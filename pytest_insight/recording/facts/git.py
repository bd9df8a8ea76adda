"""Ask git in the background which code a run tests."""

from __future__ import annotations

import hashlib
import os
import shlex
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from time import sleep
from typing import IO

from pytest_insight._util.files import Descriptor

GIT_SECONDS = 0.3
"""How long the end of a run waits, in total, for the git processes started at its beginning."""

POLL_SECONDS = 0.005

UNKNOWN = "unknown"
"""The digest if it could not be computed; the working tree may be clean or not."""

MAX_FILES = 1000
"""Untracked files that are read; if there are more, the digest is unknown."""
MAX_FILE = 1 << 20
MAX_ALL = 4 << 20
"""Bytes of one untracked file, and of all together, that are read; this takes milliseconds. Larger
files (data sets, core dumps) are part of the digest with their size and modification time."""

_NOT_CODE = ("__pycache__", "*.py[co]", ".pytest_cache")
"""Written by every run; left out of the digest even if git does not ignore them."""

_DIFF = (
    # The full hash identifies the content of each changed file, so no context lines are needed. The
    # other options override settings of the user that would change or hide something.
    *("diff", "--full-index", "-U0", "--no-renames", "--no-color", "--no-ext-diff"),
    *("--no-textconv", "--diff-algorithm=myers", "--src-prefix=a/", "--dst-prefix=b/"),
    *("--ignore-submodules=none", "--submodule=diff", "HEAD"),
)
_SETTINGS = ("core.fsmonitor=false", "core.quotePath=true")
_FATAL = 128
"""The exit status of git if it dies."""
_UNTRACKED_IN_SUBMODULE = b" contains untracked content\n"

_SET_BY_HOOKS = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"),
    *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_LITERAL_PATHSPECS"),
)
"""A git hook that runs pytest has these set; they name its repository, whatever the folder."""


Code = dict[str, str]
"""The fields of `models.CodeState` that are known; importing that would be slow."""


class _Patience:
    """How long to wait for processes, in total; counted in sleeps, as tests may stop the clocks."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    def wait(self, process: subprocess.Popen[bytes]) -> int | None:
        """Return the exit status of a process; None if it takes too long."""
        while (status := process.poll()) is None and self._left > 0:
            sleep(POLL_SECONDS)
            self._left -= POLL_SECONDS
        return status


class GitProbe:
    """Starts git processes with the run and reads their output at the end.

    The digest of uncommitted changes covers the diff to the commit and the names and contents of
    the untracked files that git does not ignore: two runs with equal commit and digest ran the same
    code. Only git processes work in the background, and they write to unnamed files: there is no
    thread (a fork in a test would warn about it) and no pipe that could fill up and block.

    What git does not know or does not answer in time is what the CI service says, or left out.
    No method raises.

    Args:
        folder: the root folder of the tests, anywhere in the working tree.
        not_code: files and folders to leave out of the digest.
        branch: that of the CI service, used if git has none (a detached HEAD).
        commit: that of the CI service, used if git has none: git refuses a repository of another
            user, as in many containers, and may not be installed.

    Attributes:
        refusal: why git refused to read the repository; "" if it did not, or nothing was asked.
    """

    def __init__(
        self, folder: Path, not_code: Iterable[Path] = (), branch: str = "", commit: str = ""
    ) -> None:
        self.refusal = ""
        self._branch = branch
        self._commit = commit
        self._asked: dict[str, tuple[subprocess.Popen[bytes], Descriptor]] = {}
        self._untracked: bytes | None = None
        self._answered: Code | None = None
        self._environment = os.environ | {
            "GIT_OPTIONAL_LOCKS": "0",  # else a concurrent `git add` could fail
            "GIT_NO_LAZY_FETCH": "1",
            "LC_ALL": "C",
        }
        with suppress(OSError):  # git is not installed, or the disk is full
            root = self._working_tree(folder)
            if root is not None:
                self._root = root
                self._start(not_code)

    def look(self) -> Code | None:
        """Return what git has answered so far, without waiting.

        Call it before tests run: they may change untracked files, and the run may die.
        """
        return self._look(_Patience(0))

    def state(self, seconds: float = GIT_SECONDS) -> Code | None:
        """Return what git answered, or None if it knows nothing of the folder. Call it once.

        Args:
            seconds: how long to wait.
        """
        state = self._look(_Patience(seconds))
        self.close()
        return state

    def _look(self, patience: _Patience) -> Code | None:
        if self._answered is None or self._answered.get("digest") == UNKNOWN:
            with suppress(OSError):  # what is known already stays: tests may close the descriptors
                self._answered = self._read(patience) or self._answered
        return self._answered

    def _read(self, patience: _Patience) -> Code | None:
        commit = self._line("commit", patience)
        branch = self._line("branch", patience) or self._branch
        digest = self._digest(patience)  # without a commit too, which may be answered later
        if not commit:
            digest = UNKNOWN
            self.refusal = self._why_refused()
            commit = self._commit
        if not commit and not branch:
            return None
        known = {"commit": commit, "branch": branch, "digest": digest}
        return {name: value for name, value in known.items() if value}

    def close(self) -> None:
        """End the git processes that still run; may be called again."""
        for process, output in self._asked.values():
            output.close()
            if process.poll() is None:
                _kill(process)
        self._asked.clear()

    def _working_tree(self, folder: Path) -> Path | None:
        """Return the real path of the top folder, or None: not to start git in vain."""
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
        with tempfile.TemporaryFile() as file:
            output = Descriptor(os.dup(file.fileno()))  # read and closed at the end of the run
        try:
            process = subprocess.Popen(  # noqa: S603 - fixed arguments, no shell
                ["git", *settings, "-C", str(self._root), *arguments],  # noqa: S607 - that of PATH
                stdin=subprocess.DEVNULL,
                stdout=output.number,
                stderr=subprocess.DEVNULL,
                env=self._environment,
                start_new_session=True,  # Ctrl-C is meant for the tests; and see _kill
            )
        except OSError:
            output.close()
            raise
        self._asked[name] = (process, output)

    def _answer(self, name: str, patience: _Patience) -> IO[bytes] | None:
        """Return the output of a git process, or None if it failed or took too long."""
        if name not in self._asked:
            return None
        process, output = self._asked[name]
        if patience.wait(process) != 0 or not output.is_open():
            return None
        os.lseek(output.number, 0, os.SEEK_SET)
        return open(output.number, "rb", closefd=False)

    def _line(self, name: str, patience: _Patience) -> str:
        output = self._answer(name, patience)
        return output.read().decode("utf-8", "backslashreplace").strip() if output else ""

    def _why_refused(self) -> str:
        """Return why git could not read the repository; "" if it could or still runs."""
        # A repository without commits gives 1. Not by what git prints: that may be reworded.
        if "commit" not in self._asked or self._asked["commit"][0].poll() != _FATAL:
            return ""
        if hasattr(os, "geteuid") and self._root.stat().st_uid != os.geteuid():
            return (
                f"git refuses {self._root}, which belongs to another user (trust it with: "
                f"git config --global --add safe.directory {shlex.quote(str(self._root))})"
            )
        return f"git cannot read the repository {self._root}"

    def _digest(self, patience: _Patience) -> str | None:
        """Return a digest of the changes; None for a clean tree."""
        self._read_untracked(patience)  # first, even if other answers are missing
        diff = self._answer("diff", patience)
        if diff is None:
            return UNKNOWN
        digest, clean = hashlib.sha256(), True
        for line in diff:
            if line.startswith(b"Submodule ") and line.endswith(_UNTRACKED_IN_SUBMODULE):
                return UNKNOWN  # git does not say which files
            digest.update(line)
            clean = False
        if self._untracked is None:
            return UNKNOWN
        digest.update(self._untracked)
        return None if clean and not self._untracked else digest.hexdigest()

    def _read_untracked(self, patience: _Patience) -> None:
        """Compute the digest of the untracked files: b"" without files, None if unknown."""
        names = self._answer("names", patience) if self._untracked is None else None
        if names is None:
            return
        paths = names.read().split(b"\0")[:-1]
        if len(paths) > MAX_FILES:
            return
        digest, left = hashlib.sha256(), MAX_ALL
        with suppress(OSError):  # unreadable or deleted: unknown
            for path in paths:
                fact, read = _describe(os.path.join(os.fsencode(self._root), path), left)  # noqa: PTH118
                left -= read
                digest.update(b"%d:%b%d:%b" % (len(path), path, len(fact), fact))
            self._untracked = digest.digest() if paths else b""


def _describe(path: bytes, left: int) -> tuple[bytes, int]:
    """Return a description of a file for the digest, and how many bytes of it were read.

    Args:
        path: the file.
        left: how many bytes may be read.
    """
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        return b"link " + os.readlink(path), 0  # noqa: PTH115 - Path takes no bytes
    if not stat.S_ISREG(found.st_mode):
        return b"other", 0  # a nested repository
    executable = b"x" if found.st_mode & stat.S_IXUSR else b"-"
    if found.st_size > min(MAX_FILE, left):
        return b"large %b %d %d" % (executable, found.st_size, found.st_mtime_ns), 0
    with open(path, "rb") as file:  # noqa: PTH123 - Path takes no bytes
        content = file.read(MAX_FILE)
    return b"file %b %b" % (executable, hashlib.sha256(content).digest()), len(content)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)  # and its child processes
        else:
            process.kill()
    _Patience(0.1).wait(process)  # it may be blocked by a dead network drive
