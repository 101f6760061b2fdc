"""A Redis server of the tests' own, from the system's packages: on a free port of loopback, in memory only.

It ends with the test process, also when that is killed: the kernel tells it.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.ports import free_ports

REMEDY = "Redis is not installed; on Debian: apt-get install redis-server"
_WITHIN_S = 30


class RedisServer:
    """One server. It can be killed, hung and started again; what it held is gone then."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._given = 0
        (self.port,) = free_ports(1)

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server does not run"
        return self._process.pid

    def new_database(self) -> str:
        """Return the URL of a database that nobody has used."""
        self._given += 1
        return f"redis://127.0.0.1:{self.port}/{self._given}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = {"port": str(self.port), "bind": "127.0.0.1", "save": "", "appendonly": "no", "databases": "64"}
        options = [word for name, value in settings.items() for word in (f"--{name}", value)]
        owner = [] if os.getuid() else ["--reuid=redis", "--regid=redis", "--clear-groups"]
        command = ["setpriv", "--pdeathsig=KILL", *owner, "--", self._program, *options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
        until_s = time.monotonic() + _WITHIN_S
        while not self.answers():
            assert self._process.poll() is None, f"Redis ended with status {self._process.returncode}"
            assert time.monotonic() < until_s, f"waited {_WITHIN_S} s in vain for Redis"
            time.sleep(0.02)

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(5) == b"+PONG"
        except OSError:
            return False

    def hang(self) -> None:
        """Have it take connections and answer nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """End the hanging."""
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_WITHIN_S)
            self._process = None


def new_redis() -> RedisServer:
    """Return a server that runs, to be killed by the caller. Skips the test where Redis is not installed."""
    program = shutil.which("redis-server")
    if program is None or not sys.platform.startswith("linux"):
        pytest.skip(REMEDY)
    server = RedisServer(program)
    server.start()
    return server


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    """The server that tests share. Who kills it takes one of its own: `new_redis`."""
    server = new_redis()
    yield server
    server.kill()
