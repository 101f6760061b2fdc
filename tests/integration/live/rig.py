"""A real collector that serves the live page of the small system, and readers of it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.histories import SYSTEM
from tests.integration.collector.rig import DEADLINE_S, TOKEN, Rig, start_rig

KEY = "the-key-of-the-live-page"


class LiveRig:
    """One collector. `state` is the folder that a run would hold, `reports` where runs are kept."""

    def __init__(self, folder: Path) -> None:
        self.rig: Rig = start_rig(folder)
        self.state, self.reports = folder / "state", folder / "reports"
        self.state.mkdir()
        self.reports.mkdir()

    @property
    def port(self) -> int:
        return self.rig.port

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/live/?token={KEY}"

    def show(self) -> None:
        """Tell the collector what the page is about, as the supervisor does."""
        live = {
            "token": KEY,
            "stack_id": "stack-1",
            "system": SYSTEM,
            "state": str(self.state),
            "reports": str(self.reports),
        }
        status, said = self.rig.send("PUT", "/targets", json.dumps({"live": live}).encode(), **self.control)
        assert 200 == status, said

    @property
    def control(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {TOKEN}"}

    @property
    def cookie(self) -> dict[str, str]:
        return {"Cookie": f"workbench-live-{self.port}={KEY}"}

    @property
    def origin(self) -> dict[str, str]:
        return {"Origin": f"http://127.0.0.1:{self.port}"}

    def get(self, path: str, /, **headers: str) -> tuple[int, bytes]:
        return self.rig.send("GET", path, **headers)

    def begin(self, raw: Path) -> None:
        """Have a run recorded there."""
        order = json.dumps({"directory": str(raw), "run_id": raw.parent.name}).encode()
        status, said = self.rig.send("PUT", "/recording", order, **self.control)
        assert 200 == status, said

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """Open the stream of events."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        try:
            connection.request("GET", "/live/events", headers=self.cookie)
            response = connection.getresponse()
            assert 200 == response.status, response.read()
            yield Reader(response)
        finally:
            connection.close()


class Reader:
    """Parts as they come."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response
        self.parts: dict[str, Any] = {}
        self.messages: list[str] = []

    def next(self) -> str:
        """Take one message; return its name."""
        name, data = "", ""
        while line := self._response.readline().decode().rstrip("\n"):
            field, _, value = line.partition(": ")
            name, data = (value, data) if field == "event" else (name, value)
        assert name, "the stream has ended"
        self.messages.append(name)
        if name not in {"beat", "end"}:
            self.parts[name] = json.loads(data)
        return name

    def until(self, *names: str) -> None:
        """Read until each of these has come."""
        missing = set(names)
        while missing:
            missing.discard(self.next())
