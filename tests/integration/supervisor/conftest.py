from __future__ import annotations

import os
import shutil
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.supervisor.rig import Rig
from tests.integration.supervisor.served import Counting, Served


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A stack that leaves nothing behind: every test of it asserts that."""
    made = Rig(tmp_path)
    yield made
    made.end()


@pytest.fixture
def served(rig: Rig) -> Iterator[Served]:
    program = os.environ.get("WORKBENCH_TOXIPROXY") or shutil.which("toxiproxy-server")
    if program is None:
        pytest.skip("no toxiproxy-server on PATH, and WORKBENCH_TOXIPROXY does not name one")
    made = Served(rig, program)
    rig.up()
    yield made
    made.close()


@pytest.fixture
def counting() -> Iterator[str]:
    Counting.held = {}
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Counting) as service:
        service.daemon_threads = True
        threading.Thread(target=service.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{service.server_address[1]}/disturbances"
        service.shutdown()
