"""The process: how it starts, how it ends, and what it says when it cannot start."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.faultproxy.process import DEADLINE_S, callee, plane_process, wait_for

FAULT: dict[str, Any] = {"id": "late", "kind": "latency", "edge": "a:b", "delay": "1h"}
ORDER: dict[str, Any] = {"fault": FAULT, "seed": 1, "lease_ms": 60_000}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_order(tmp_path: Path, number: signal.Signals) -> None:
    """Traffic and a recording under way: rows are complete, ports are free, status 0."""
    with plane_process() as plane, callee() as (address, _):
        made = plane.send("POST", "/proxies", {"name": "a:b", "listen": "127.0.0.1:0", "upstream": address})
        plane.send("PUT", "/recording", {"directory": str(tmp_path), "run_id": "r", "canary": "0123456789"})
        plane.send("POST", "/faults", ORDER)
        port = int(made.json["listen"].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as caller:
            caller.sendall(b"GET /x HTTP/1.1\r\n\r\n")
            wait_for("the request is hit", lambda: plane.send("GET", "/faults/late").json["counts"]["hit"] == 1)
            plane.process.send_signal(number)
            assert plane.process.wait(timeout=DEADLINE_S) == 0
        assert ",open," in (tmp_path / "attempts.csv").read_text()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()


def try_to_start(port: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "workbench.faultproxy"],
        env={**os.environ, "WORKBENCH_CONTROL_PORT": port},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


@pytest.mark.parametrize("port", ["", "x", "99999", "-1"])
def test_a_port_that_is_none_is_told(port: str) -> None:
    done = try_to_start(port)
    assert done.returncode == 2
    assert "WORKBENCH_CONTROL_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_busy_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])
        done = try_to_start(port)
    assert done.returncode == 4
    assert f"127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_importing_it_starts_nothing() -> None:
    """So that it can be forked from a process that has it imported."""
    program = (
        "import threading, os\n"
        "before = len(os.listdir('/proc/self/fd'))\n"
        "import workbench.faultproxy.main\n"
        "import asyncio\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "assert len(os.listdir('/proc/self/fd')) == before\n"
        "assert asyncio.get_event_loop_policy()._local._loop is None\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
