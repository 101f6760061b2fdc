"""Faults by hand on the live page: where each is and what is left of it, as those say who have them."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.browser import browser, program
from tests.integration.native.rig import Folder
from tests.integration.native.test_resource_faults import FOREVER
from tests.integration.supervisor.marks import DEADLINE_S, wait_until

Standing = dict[str, dict[str, Any]]


@contextmanager
def stream(pair: Folder) -> Iterator[Iterator[tuple[str, Any]]]:
    """Open the page's stream of events."""
    stack = json.loads((pair.state / "stack.json").read_text())
    key = (pair.state / "live.token").read_text().strip()
    connection = http.client.HTTPConnection(urlsplit(stack["collector_url"]).netloc, timeout=DEADLINE_S)
    try:
        connection.request("GET", "/live/events", headers={"Authorization": f"Bearer {key}"})
        answer = connection.getresponse()

        def messages() -> Iterator[tuple[str, Any]]:
            while name := answer.readline().decode().strip().removeprefix("event: "):
                data = answer.readline().decode().removeprefix("data:").strip()
                answer.readline()
                yield name, json.loads(data or "null")

        yield messages()
    finally:
        connection.close()


def shown(messages: Iterator[tuple[str, Any]], *ids: str) -> Standing:
    """Read until the page shows these faults and no others."""
    for name, data in messages:
        if name == "standing" and sorted(ids) == sorted(fault["id"] for fault in data):
            return {fault["id"]: fault for fault in data}
    raise AssertionError("the stream has ended")


def add(pair: Folder, kind: str, target: str, *options: str) -> None:
    added = pair.workbench("fault", "add", kind, target, *options)
    assert 0 == added.code, added.err


def test_each_is_shown_where_it_is_until_it_is_off(pair: Folder) -> None:
    """On an edge, on a service, on a resource: whoever carries them out is asked; the shortest way to end one too."""
    pair.up()
    with stream(pair) as messages:
        assert {} == shown(messages)
        add(pair, "latency", "front:back", "--delay", "5ms", "--id", "slow", "--for", "5m")
        slow = shown(messages, "slow")["slow"]
        assert ("latency", "front:back", ["front:back"], []) == tuple(
            slow[key] for key in ("kind", "target", "edges", "services")
        )
        assert 0 < slow["left"] <= 300
        add(pair, "db_slow", "words", "--delay", "5ms", "--id", "words-slow")
        add(pair, "pause", "front", "--id", "still")
        found = shown(messages, "slow", "words-slow", "still")
        assert ("pause", "front", [], ["front"]) == tuple(
            found["still"][key] for key in ("kind", "target", "edges", "services")
        )
        assert ("db_slow", "words", [], ["back"]) == tuple(
            found["words-slow"][key] for key in ("kind", "target", "edges", "services")
        )
        assert found["words-slow"]["left"] is None, "this service does not say when it ends"
        assert 0 == pair.workbench("fault", "remove", "still").code
        shown(messages, "slow", "words-slow")
        assert 0 == pair.workbench("fault", "clear").code
        assert {} == shown(messages)


def test_one_that_ends_by_itself_leaves_the_page(pair: Folder) -> None:
    pair.up()
    with stream(pair) as messages:
        add(pair, "refuse", "front:back", "--for", "15s", "--id", "short")
        assert 0 < shown(messages, "short")["short"]["left"] <= 15
        assert {} == shown(messages)


def test_one_whose_plane_has_died_leaves_the_page(pair: Folder) -> None:
    """The plane that comes back has none, so there is none."""
    pair.up()
    with stream(pair) as messages:
        add(pair, "refuse", "front:back", "--id", "gone")
        shown(messages, "gone")
        os.kill(pair.pid("faultproxy"), signal.SIGKILL)
        assert {} == shown(messages)


def test_those_of_a_run_are_told_by_its_journal_only(pair: Folder) -> None:
    """While it goes on nobody is asked: the plane and the services have better things to do."""
    pair.up()
    running = pair.start(*FOREVER)
    pair.wait_for_event("fault_on")
    assert_told_by_the_run_only(pair)
    os.kill(pair.pid("collector"), signal.SIGKILL)  # the next one is told that a run goes on, and records nothing
    time.sleep(1)
    wait_until("the page is back", lambda: pair.workbench("status").code == 0 and is_served(pair))
    assert_told_by_the_run_only(pair)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=DEADLINE_S)


def assert_told_by_the_run_only(pair: Folder) -> None:
    with stream(pair) as messages:
        parts: dict[str, Any] = {}
        for _ in range(4):  # the first time nobody can have been asked yet
            parts.pop("now", None)
            while "now" not in parts:
                name, data = next(messages)
                parts[name] = data
        assert "on" in parts["now"]["faults"].values()
        assert [] == parts["standing"]


def is_served(pair: Folder) -> bool:
    try:
        with stream(pair) as messages:
            return next(messages)[0] == "stack"
    except (OSError, http.client.HTTPException, StopIteration):
        return False


@pytest.mark.skipif(program() is None, reason="Chromium is not on the path")
def test_the_map_shows_them_with_the_time_that_is_left(pair: Folder) -> None:
    pair.up()
    address = pair.workbench("open", "live").out.splitlines()[0]
    with browser() as page:
        page.goto(address)
        page.wait_for("nothing runs", lambda page: "at rest" in page.text("#badge"))
        assert "" == page.text("#standing")
        add(pair, "latency", "front:back", "--delay", "5ms", "--id", "slow", "--for", "5m")
        add(pair, "pause", "back", "--id", "still", "--for", "90s")
        page.wait_for("both are told", lambda page: "still" in page.text("#standing"))
        assert "latency on front → back · slow, put on by hand" in page.text("#standing")
        assert page.text("#answer").startswith("ON, put on by hand: latency on front → back")
        assert "fault on" == page.text("#badge")
        counts = "[...document.querySelectorAll('#map .link.faulted, #map .node.struck, #map .state.left')].length"
        assert 4 == page.evaluate(counts)
        left = "[...document.querySelectorAll('#map .state.left text')].map((text) => text.textContent).sort().join()"
        first = page.evaluate(left)
        page.wait_for("time goes by", lambda page: page.evaluate(left) != first)
        assert 0 == pair.workbench("fault", "clear").code
        page.wait_for("they are gone", lambda page: "at rest" in page.text("#badge"))
        assert 0 == page.evaluate(counts)
        wait_until("the stack runs", lambda: pair.status()["faults"] == [])
        assert [] == page.complaints
