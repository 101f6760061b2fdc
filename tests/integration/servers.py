"""A PostgreSQL server of the tests' own, from the system's packages: on a free port of loopback, never as root.

It is started once, when the first test asks for it, and given a new database per test. It ends with the test
process, also when that is killed: the kernel tells it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import free_ports

REMEDY = "PostgreSQL is not installed; on Debian: apt-get install postgresql"
USER = "shop"
_PREFIX = "shop-postgresql-"
_WITHIN_S = 60
_SETTINGS = {
    "fsync": "off",  # a server may crash, the machine will not
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "400",
    "shared_buffers": "32MB",
    "log_line_prefix": "%m [%p] %d ",
}


class PostgresqlServer:
    """One server with its files. It can be stopped and started again."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self._folder = folder
        self._programs = programs
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0
        (self.port,) = free_ports(1)
        self._as_owner(
            "initdb", "--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", f"--username={USER}"
        )

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server does not run"
        return self._process.pid

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Return the URL of a new, empty database."""
        self._made += 1
        name = f"db{self._made}"
        self.run(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy")
        return self.url(name)

    def run(self, statement: str, database: str = "postgres") -> None:
        """Run one statement as superuser."""
        import psycopg  # noqa: PLC0415 - only where there is a server

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement)

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        settings = [f"-c{name}={value}" for name, value in _SETTINGS.items()]
        command = self._command("postgres", "-p", str(self.port), *settings)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder)
        until_s = time.monotonic() + _WITHIN_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until_s:
                raise AssertionError(f"PostgreSQL did not start:\n{(self._folder / 'log').read_text()[-2000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it at once, as a crash does; what was committed is there after the next start."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(_WITHIN_S)
            self._process = None

    def close(self) -> None:
        """End it and remove its files."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        return (
            subprocess.run(
                [self._programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False, timeout=10
            ).returncode
            == 0
        )

    def _as_owner(self, program: str, *arguments: str) -> None:
        command = self._command(program, *arguments)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_WITHIN_S, cwd=self._folder)
        assert done.returncode == 0, done.stderr

    def _command(self, program: str, *arguments: str) -> list[str]:
        data = self._folder / "data"
        owner = [] if os.getuid() else ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
        own_end = ["setpriv", "--pdeathsig=QUIT", *owner, "--"]
        return [*own_end, str(self._programs / program), "-D", str(data), *arguments]


def new_postgresql() -> PostgresqlServer:
    """Return a server that runs, to be closed by the caller. Skips the test where PostgreSQL is not installed."""
    programs = _programs()
    if programs is None or not sys.platform.startswith("linux"):
        pytest.skip(REMEDY)
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    server = PostgresqlServer(folder, programs)
    server.start()
    return server


def _programs() -> Path | None:
    """Return the folder of the newest server's programs."""
    found = [program.parent for program in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda folder: int(folder.parent.name))
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


def _sweep() -> None:
    """Remove what test processes that were killed have left."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if not Path("/proc", owner).exists():
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """The server that tests share. Who stops it takes one of its own: `new_postgresql`."""
    server = new_postgresql()
    yield server
    server.close()
