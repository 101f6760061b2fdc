"""The two servers that speak Toxiproxy's API: the built-in plane, and the real one where it is at hand.

The real one is looked for on PATH as `toxiproxy-server`, or where WORKBENCH_TOXIPROXY says.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from tests.integration.faultproxy.process import Answer, plane_process, send, wait_for
from tests.ports import free_ports


@contextmanager
def built_in() -> Iterator[int]:
    with plane_process() as plane:
        yield plane.port


@contextmanager
def real() -> Iterator[int]:
    program = os.environ.get("WORKBENCH_TOXIPROXY") or shutil.which("toxiproxy-server")
    if program is None:
        pytest.skip("no toxiproxy-server on PATH, and WORKBENCH_TOXIPROXY does not name one")
    (port,) = free_ports(1)
    process = subprocess.Popen([program, "-port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for("toxiproxy-server answers", lambda: _answers(port))
        yield port
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    try:
        return send(port, "GET", "/version", None, {}).status == 200
    except OSError:
        return False


SERVERS: dict[str, Callable[[], AbstractContextManager[int]]] = {"built-in": built_in, "real": real}


def ask(port: int, method: str, path: str, body: Any = None) -> Answer:
    """Send a request as a Toxiproxy client does; `body` is JSON unless it is text."""
    content = body if body is None or isinstance(body, str) else json.dumps(body)
    return send(port, method, path, content, {})


def empty(port: int) -> None:
    """Remove every proxy."""
    for name in json.loads(send(port, "GET", "/proxies", None, {}).body):
        send(port, "DELETE", f"/proxies/{name}", None, {})
