"""A real Chromium without a window, driven by its own protocol: for pages whose script is to be seen at work.

https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import asyncio
import base64
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

DEADLINE_S = 60.0
KEYS = {"Escape": 27, "ArrowLeft": 37, "ArrowRight": 39, "Tab": 9}
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def program() -> str | None:
    """Return where Chromium is, if it is on the path."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Page:
    """One tab."""

    def __init__(self, loop: asyncio.AbstractEventLoop, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._loop = loop
        self._socket = socket
        self._calls = 0
        self.complaints: list[str] = []
        """Errors of scripts, and what the policy of a page has blocked."""

    def goto(self, address: str) -> None:
        self._call("Page.navigate", url=address)

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression, waited for if it is a promise."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def text(self, selector: str) -> str:
        """Return the visible text of the first element."""
        found = self.evaluate(f"document.querySelector({selector!r})?.innerText ?? ''")
        return re.sub(r"\s+", " ", str(found)).strip()

    def wait_for(self, what: str, holds: Callable[[Page], bool], within_s: float = DEADLINE_S) -> None:
        until = time.monotonic() + within_s
        while not holds(self):
            assert time.monotonic() < until, f"waited {within_s:g} s until {what}: {self.text('body')[:2000]}"
            time.sleep(0.1)

    def emulate(self, *, scheme: str = "light", width: int = 1600, height: int = 1000) -> None:
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._call("Emulation.setDeviceMetricsOverride", **size)

    def press(self, key: str) -> None:
        """Press and release one of the keys in KEYS."""
        for kind in ("rawKeyDown", "keyUp"):
            self._call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=KEYS[key])

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        answer = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol."""
        return self._call(method, **parameters)

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._loop.run_until_complete(asyncio.wait_for(self._answer(method, parameters), DEADLINE_S))

    async def _answer(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self._calls += 1
        await self._socket.send_json({"id": self._calls, "method": method, "params": parameters})
        while True:
            said = await self._socket.receive_json()
            if said.get("id") == self._calls:
                assert "error" not in said, said
                result: dict[str, Any] = said["result"]
                return result
            self._note(said)

    def _note(self, said: dict[str, Any]) -> None:
        match said.get("method"):
            case "Runtime.exceptionThrown":
                details = said["params"]["exceptionDetails"]
                self.complaints.append(str(details.get("exception", {}).get("description", details["text"])))
            case "Log.entryAdded" if said["params"]["entry"]["level"] == "error":
                entry = said["params"]["entry"]
                self.complaints.append(f"{entry['text']} {entry.get('url', '')}")


@contextmanager
def browser() -> Iterator[Page]:
    """Start Chromium with an empty profile and yield its one tab."""
    found = program()
    assert found is not None
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [
                found,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--hide-scrollbars",
                "--remote-debugging-port=0",
                f"--user-data-dir={profile}",
                "about:blank",
            ],
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        loop = asyncio.new_event_loop()
        try:
            assert process.stderr is not None
            port = _port(process.stderr)
            with _connected(loop, port) as page:
                yield page
        finally:
            loop.close()
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stderr is not None:
                process.stderr.close()


@contextmanager
def _connected(loop: asyncio.AbstractEventLoop, port: int) -> Iterator[Page]:
    session, socket = loop.run_until_complete(asyncio.wait_for(_attached(port), DEADLINE_S))
    page = Page(loop, socket)
    for domain in ("Page", "Runtime", "Log", "Network"):
        page.ask(f"{domain}.enable")
    try:
        yield page
    finally:
        loop.run_until_complete(session.close())


async def _attached(port: int) -> tuple[aiohttp.ClientSession, aiohttp.ClientWebSocketResponse]:
    session = aiohttp.ClientSession()
    async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
        tabs = [tab for tab in await answer.json(content_type=None) if tab["type"] == "page"]
    return session, await session.ws_connect(tabs[0]["webSocketDebuggerUrl"], max_msg_size=0)


def _port(stderr: Any) -> int:
    for line in stderr:
        found = re.search(r"DevTools listening on ws://127\.0\.0\.1:(\d+)/", line)
        if found:
            return int(found[1])
    raise AssertionError("Chromium did not say where it listens")
