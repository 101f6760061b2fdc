"""A RabbitMQ server of the tests' own, from the system's packages: on free ports of loopback, never as root.

It is started once, when the first test asks for it, with its own `epmd`, and each test gets a virtual host of its
own. Both processes end with the test process, also when that is killed: the kernel tells them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import free_ports

REMEDY = "RabbitMQ is not installed; on Debian: apt-get install rabbitmq-server"
USER, PASSWORD = "shop", "shop"
HOSTS = 48
"""Virtual hosts that are there from the start: to make one later takes seconds of command line."""

_PREFIX = "shop-rabbitmq-"
_WITHIN_S = 240
_ACCOUNT = "rabbitmq"


class RabbitmqServer:
    """One node with its files. It can be killed and started again."""

    def __init__(self, folder: Path, program: Path) -> None:
        self._folder = folder
        self._program = program
        self._processes: list[subprocess.Popen[bytes]] = []
        self._given = 0
        self.port, self._epmd_port, self._distribution_port = free_ports(3)
        self._write("rabbitmq.conf", self._settings())
        self._write("definitions.json", json.dumps(_definitions()))
        self._write("enabled_plugins", "[].\n")

    @property
    def pid(self) -> int:
        assert self._processes, "the server does not run"
        return self._processes[-1].pid

    def new_host(self) -> str:
        """Return the URL of a virtual host that nobody has used."""
        self._given += 1
        assert self._given <= HOSTS, "more tests than virtual hosts"
        return self.url(f"t{self._given}")

    def url(self, host: str) -> str:
        return f"amqp://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{host}"

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        self.launch()
        until_s = time.monotonic() + _WITHIN_S
        while not self.answers():
            if any(process.poll() is not None for process in self._processes) or time.monotonic() > until_s:
                raise AssertionError(f"RabbitMQ did not start:\n{(self._folder / 'out').read_text()[-3000:]}")
            time.sleep(0.05)

    def launch(self) -> None:
        """Start it without waiting."""
        if not self._processes:
            epmd = shutil.which("epmd")
            assert epmd is not None, REMEDY
            self._run(epmd, "-port", str(self._epmd_port), "-address", "127.0.0.1")
        self._run(str(self._program))

    def kill(self) -> None:
        """End it as a crash does; what was confirmed is there after the next start."""
        node = self._processes.pop()
        node.send_signal(signal.SIGCONT)
        node.kill()
        node.wait(_WITHIN_S)

    def answers(self) -> bool:
        """Tell whether it speaks AMQP: it sends a frame to whoever greets it."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"AMQP\x00\x00\x09\x01")
                return connection.recv(1) == b"\x01"
        except OSError:
            return False

    def close(self) -> None:
        """End it and remove its files."""
        for process in reversed(self._processes):
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait(_WITHIN_S)
        self._processes.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _settings(self) -> str:
        return "\n".join(
            (
                f"listeners.tcp.local = 127.0.0.1:{self.port}",
                f"load_definitions = {self._folder}/definitions.json",
                "loopback_users = none",
                "log.console = true",
                "log.console.level = info",
                "log.file = false",
                "num_acceptors.tcp = 2",
                "disk_free_limit.absolute = 1MB",
                "",
            )
        )

    def _write(self, name: str, text: str) -> None:
        (self._folder / name).write_text(text)

    def _run(self, *command: str) -> None:
        owner = [] if os.getuid() else [f"--reuid={_ACCOUNT}", f"--regid={_ACCOUNT}", "--clear-groups"]
        with (self._folder / "out").open("ab") as out:
            self._processes.append(
                subprocess.Popen(
                    ["setpriv", "--pdeathsig=KILL", *owner, "--", *command],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    cwd=self._folder,
                    env=self._environment(),
                )
            )

    def _environment(self) -> dict[str, str]:
        folder = self._folder
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),  # of the cookie
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RUNNING_UNDER_SYSTEMD": "true",  # then the script becomes the server, instead of staying before it
            "RABBITMQ_NODENAME": f"shop-{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none",
            "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_PID_FILE": f"{folder}/pid",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{folder}/advanced",
            "RABBITMQ_CONF_ENV_FILE": f"{folder}/no-environment",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
        }


def new_rabbitmq() -> RabbitmqServer:
    """Return a server that runs, to be closed by the caller. Skips the test where RabbitMQ is not installed."""
    program = _program()
    if program is None or shutil.which("epmd") is None or not sys.platform.startswith("linux"):
        pytest.skip(REMEDY)
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    server = RabbitmqServer(folder, program)
    if os.getuid() == 0:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, _ACCOUNT, _ACCOUNT)
    try:
        server.start()
    except BaseException:
        server.close()
        raise
    return server


def _program() -> Path | None:
    """Return the newest server's own script; the one on the path insists on being root and on its own folders."""
    found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    return found[-1] if found else None


def _definitions() -> dict[str, object]:
    salt = b"salt"
    digest = base64.b64encode(salt + hashlib.sha256(salt + PASSWORD.encode()).digest()).decode()
    hosts = [f"t{number}" for number in range(1, HOSTS + 1)]
    everything = {"user": USER, "configure": ".*", "write": ".*", "read": ".*"}
    return {
        "users": [
            {
                "name": USER,
                "password_hash": digest,
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": "",
            }
        ],
        "vhosts": [{"name": host} for host in hosts],
        "permissions": [{"vhost": host, **everything} for host in hosts],
    }


def _sweep() -> None:
    """Remove what test processes that were killed have left."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if not Path("/proc", owner).exists():
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitmqServer]:
    """The server that tests share. Who kills it takes one of its own: `new_rabbitmq`."""
    server = new_rabbitmq()
    yield server
    server.close()
